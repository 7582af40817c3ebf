use async_trait::async_trait;
use portico_domain::{
    models::{
        Capability, Catalogue, CatalogueSource, Digest, Model, ModelFilter, ModelId, Order, PageRequest,
        ProviderName, UserId,
    },
    ports::{ModelCatalogue, Models, Replacement, StoredCatalogue, Unavailable, Written},
};
use serde_json::{Value as Json, json};

use super::{SqlRepositories, places};
use crate::{
    driver::{Call, Row, SERVICE, Statement, Value},
    statements::{
        MODEL_BY_ID, MODEL_CAPABILITIES_DELETE, MODEL_CAPABILITIES_INSERT, MODEL_CATALOGUE_PUT,
        MODEL_CATALOGUE_STORED, MODELS_ABLE_ASC, MODELS_ABLE_DESC, MODELS_DELETE, MODELS_INSERT,
        MODELS_LIST_ASC, MODELS_LIST_DESC, MODELS_OF_PROVIDER_ABLE_ASC, MODELS_OF_PROVIDER_ABLE_DESC,
        MODELS_OF_PROVIDER_ASC, MODELS_OF_PROVIDER_DESC, MODELS_USABLE_ASC, MODELS_USABLE_DESC,
    },
};

/// How many models one statement stores: few enough for a statement's time limit, enough that round trips don't count.
const STORED_AT_ONCE: usize = 1_000;
/// What comes before the first of them.
const PREPARATIONS: usize = 3;

#[async_trait]
impl Models for SqlRepositories {
    async fn by_id(&self, id: &ModelId) -> Result<Option<Model>, Unavailable> {
        let rows = self.driver.run(MODEL_BY_ID.with(vec![id.as_str().into()])).await?;
        rows.into_iter().next().map(model).transpose()
    }

    async fn list(&self, filter: &ModelFilter, page: PageRequest) -> Result<Vec<Model>, Unavailable> {
        let is_rising = page.order == Order::Ascending;
        let in_order = |rising, falling| if is_rising { rising } else { falling };
        let statement: &'static Statement = match (&filter.provider, &filter.capability) {
            (None, None) => in_order(&MODELS_LIST_ASC, &MODELS_LIST_DESC),
            (Some(_), None) => in_order(&MODELS_OF_PROVIDER_ASC, &MODELS_OF_PROVIDER_DESC),
            (None, Some(_)) => in_order(&MODELS_ABLE_ASC, &MODELS_ABLE_DESC),
            (Some(_), Some(_)) => in_order(&MODELS_OF_PROVIDER_ABLE_ASC, &MODELS_OF_PROVIDER_ABLE_DESC),
        };
        let provider = filter.provider.as_ref().map(ProviderName::as_str);
        let words = provider.into_iter().chain(filter.capability.as_ref().map(Capability::as_str));
        self.models(statement, words.map(Value::from).collect(), page).await
    }

    async fn usable(&self, user: UserId, page: PageRequest) -> Result<Vec<Model>, Unavailable> {
        let statement = match page.order {
            Order::Ascending => &MODELS_USABLE_ASC,
            Order::Descending => &MODELS_USABLE_DESC,
        };
        self.models(statement, vec![user.uuid().into()], page).await
    }
}

#[async_trait]
impl ModelCatalogue for SqlRepositories {
    async fn stored(&self) -> Result<Option<StoredCatalogue>, Unavailable> {
        let rows = self.driver.run(MODEL_CATALOGUE_STORED.with(Vec::new())).await?;
        let stored = |mut row: Row| {
            Ok(StoredCatalogue {
                source: CatalogueSource::parse(&row.take::<String>()?).ok_or_else(unreadable)?,
                digest: Digest::from_hex(&row.take::<String>()?).ok_or_else(unreadable)?,
                stored_at: row.take()?,
            })
        };
        rows.into_iter().next().map(stored).transpose()
    }

    async fn replace(
        &self,
        catalogue: &Catalogue,
        replacement: Replacement,
        written: Written<'_>,
    ) -> Result<bool, Unavailable> {
        let Replacement { source, over_import, at } = replacement;
        let digest = catalogue.digest().to_hex();
        let own = || -> Vec<Value> { vec![source.as_str().into(), digest.as_str().into(), at.into()] };
        let put = [own(), vec![over_import.into()]].concat();
        let preparations =
            [MODEL_CATALOGUE_PUT.with(put), MODEL_CAPABILITIES_DELETE.with(own()), MODELS_DELETE.with(own())];
        // Made when they are sent: all of a large catalogue's JSON need not be in memory at once.
        let parts = catalogue.models().chunks(STORED_AT_ONCE).flat_map(|models| {
            let stored = |rows: Vec<Json>| [vec![Json::Array(rows).to_string().into()], own()].concat();
            [
                MODELS_INSERT.with(stored(models.iter().map(row_of).collect())),
                MODEL_CAPABILITIES_INSERT.with(stored(models.iter().map(capabilities_of).collect())),
            ]
        });
        let calls: Box<dyn Iterator<Item = Call> + Send + '_> =
            Box::new(preparations.into_iter().chain(parts));
        let all = catalogue.models().len();
        let told = |sent: usize| {
            written((sent.saturating_sub(PREPARATIONS) / 2 * STORED_AT_ONCE).min(all), all);
        };
        self.driver.transact_each(calls, &told).await?;
        let stored = self.stored().await?;
        Ok(stored.is_some_and(|stored| (stored.source, stored.digest) == (source, catalogue.digest())))
    }
}

impl SqlRepositories {
    /// Runs one of the lists: its own parameters come first, then the place and how many.
    async fn models(
        &self,
        statement: &'static Statement,
        mut parameters: Vec<Value>,
        page: PageRequest,
    ) -> Result<Vec<Model>, Unavailable> {
        let after = places::start(page);
        parameters.extend([after.time().into(), after.id.into(), (i64::from(page.limit) + 1).into()]);
        self.driver.run(statement.with(parameters)).await?.into_iter().map(model).collect()
    }
}

fn unreadable() -> Unavailable {
    Unavailable::new(SERVICE, "the stored catalogue of models is not one of this program's")
}

fn model(mut row: Row) -> Result<Model, Unavailable> {
    Ok(Model {
        id: ModelId::parse(&row.take::<String>()?).ok_or_else(unreadable)?,
        provider: ProviderName::stored(row.take()?),
        name: row.take()?,
        context_window: row.take()?,
        input_cents_per_mtok: row.take()?,
        output_cents_per_mtok: row.take()?,
        capabilities: row.take::<String>()?.split(' ').filter_map(Capability::parse).collect(),
        enabled: row.take()?,
        hosted: row.take()?,
        released_at: row.take()?,
    })
}

/// A row with its moment in the form of either database.
fn row_of(model: &Model) -> Json {
    let words: Vec<&str> = model.capabilities.iter().map(Capability::as_str).collect();
    json!({
        "id": model.id,
        "place": model.id.place(),
        "provider": model.provider,
        "name": model.name,
        "context_window": model.context_window,
        "input_cents_per_mtok": model.input_cents_per_mtok,
        "output_cents_per_mtok": model.output_cents_per_mtok,
        "words": words.join(" "),
        "enabled": model.enabled,
        "hosted": model.hosted,
        "released_at": model.released_at,
        "released_micros": model.released_at.micros(),
    })
}

fn capabilities_of(model: &Model) -> Json {
    json!({
        "id": model.id,
        "place": model.id.place(),
        "provider": model.provider,
        "capabilities": model.capabilities,
        "released_at": model.released_at,
        "released_micros": model.released_at.micros(),
    })
}
