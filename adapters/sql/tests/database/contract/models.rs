use std::sync::Mutex;

use portico_domain::{
    models::{
        Capability, Catalogue, CatalogueSource, Cursor, Model, ModelFilter, ModelId, Order, Page,
        PageRequest, ProviderName, User, UserId,
    },
    ports::{Replacement, StoredCatalogue},
};
use portico_sql::driver::{Effect, Statement, Type, Value};

use crate::{
    Case, cases,
    world::{World, at, now},
};

pub(crate) const CASES: &[Case<World>] = cases![
    a_catalogue_is_read_as_it_was_stored,
    a_catalogue_leaves_nothing_of_the_one_before,
    a_built_in_catalogue_never_replaces_an_import,
    a_catalogue_of_many_parts_is_stored_as_one,
    catalogues_stored_at_once_take_turns,
    every_filter_is_walked_in_both_orders,
    hosted_models_are_usable_and_disabled_ones_never,
    a_stored_and_enabled_key_makes_its_providers_models_usable,
    a_choice_narrows_and_an_empty_one_is_none,
    usable_models_are_walked_in_both_orders,
];

/// Models `from` to `to` with three providers, three capabilities, and three of each moment; each fifth is hosted, each seventh disabled.
fn catalogue(from: usize, to: usize) -> Catalogue {
    let line = |n: usize| {
        let words = [r#""chat""#, r#""chat","vision""#, r#""embeddings""#][n % 3];
        format!(
            r#"{{"id":"model-{n}","provider":"provider-{}","name":"O'Model \"{n}\"","context_window":{},"input_cents_per_mtok":{n},
            "output_cents_per_mtok":0,"capabilities":[{words}],"enabled":{},"hosted":{},"released_at":"2024-01-{:02}T00:00:00.000001Z"}}"#,
            n / 3 % 3,
            n + 1,
            !n.is_multiple_of(7),
            n.is_multiple_of(5),
            1 + n / 3 % 28,
        )
    };
    let list: Vec<String> = (from..to).map(line).collect();
    Catalogue::parse(&format!("[{}]", list.join(","))).unwrap()
}

async fn store(world: &World, catalogue: &Catalogue, source: CatalogueSource, over_import: bool) -> bool {
    let replacement = Replacement { source, over_import, at: now() };
    world.repositories.model_catalogue.replace(catalogue, replacement, &|_, _| ()).await.unwrap()
}

async fn filled(world: &World, models: usize) -> (World, Catalogue) {
    // There is one catalogue a database.
    let (world, catalogue) = (world.fresh().await, catalogue(0, models));
    assert!(store(&world, &catalogue, CatalogueSource::Imported, true).await);
    (world, catalogue)
}

fn filter(provider: Option<&str>, capability: Option<&str>) -> ModelFilter {
    ModelFilter {
        provider: provider.map(|word| ProviderName::parse(word).unwrap()),
        capability: capability.map(|word| Capability::parse(word).unwrap()),
    }
}

async fn all(world: &World, filter: &ModelFilter) -> Vec<Model> {
    let page = PageRequest { limit: 10_000, after: None, order: Order::Ascending };
    world.repositories.models.list(filter, page).await.unwrap()
}

async fn a_catalogue_is_read_as_it_was_stored(world: World) {
    let empty = world.fresh().await;
    assert_eq!(empty.repositories.model_catalogue.stored().await, Ok(None));
    let (world, catalogue) = filled(&world, 40).await;
    assert_eq!(all(&world, &ModelFilter::default()).await, catalogue.models());
    let model = &catalogue.models()[7];
    assert_eq!(world.repositories.models.by_id(&model.id).await, Ok(Some(model.clone())));
    assert_eq!(world.repositories.models.by_id(&ModelId::parse("model").unwrap()).await, Ok(None));
    let stored = world.repositories.model_catalogue.stored().await.unwrap().unwrap();
    assert_eq!((stored.source, stored.digest), (CatalogueSource::Imported, catalogue.digest()));
}

async fn a_catalogue_leaves_nothing_of_the_one_before(world: World) {
    let (world, _) = filled(&world, 40).await;
    let other = catalogue(30, 45);
    assert!(store(&world, &other, CatalogueSource::Imported, true).await);
    assert_eq!(all(&world, &ModelFilter::default()).await, other.models());
    let chat = filter(None, Some("chat"));
    let expected: Vec<_> = other.models().iter().filter(|model| chat.admits(model)).cloned().collect();
    assert_eq!(all(&world, &chat).await, expected);
}

async fn a_built_in_catalogue_never_replaces_an_import(world: World) {
    let world = world.fresh().await;
    let (old, new, import) = (catalogue(0, 5), catalogue(0, 6), catalogue(50, 60));
    for built_in in [&old, &new, &old] {
        assert!(store(&world, built_in, CatalogueSource::BuiltIn, false).await);
        assert_eq!(all(&world, &ModelFilter::default()).await, built_in.models());
    }
    assert!(store(&world, &import, CatalogueSource::Imported, true).await);
    assert!(!store(&world, &new, CatalogueSource::BuiltIn, false).await);
    assert_eq!(all(&world, &ModelFilter::default()).await, import.models());
    assert_eq!(all(&world, &filter(None, Some("chat"))).await.len(), 6);
    assert!(store(&world, &new, CatalogueSource::BuiltIn, true).await, "an operator goes back to it");
    let stored = world.repositories.model_catalogue.stored().await.unwrap().unwrap();
    let StoredCatalogue { source, digest, .. } = stored;
    assert_eq!((source, digest), (CatalogueSource::BuiltIn, new.digest()));
}

async fn a_catalogue_of_many_parts_is_stored_as_one(world: World) {
    let (world, _) = filled(&world, 3).await;
    let large = catalogue(0, 2_500);
    let told = Mutex::new(Vec::new());
    let replacement = Replacement { source: CatalogueSource::Imported, over_import: true, at: now() };
    let written = |done: usize, of: usize| told.lock().unwrap().push((done, of));
    assert_eq!(world.repositories.model_catalogue.replace(&large, replacement, &written).await, Ok(true));
    let told = told.into_inner().unwrap();
    assert!(told.is_sorted() && told.last() == Some(&(2_500, 2_500)), "{told:?}");
    assert_eq!(all(&world, &ModelFilter::default()).await, large.models());
}

async fn catalogues_stored_at_once_take_turns(world: World) {
    let (world, _) = filled(&world, 3).await;
    let storing: Vec<_> = (0..6_usize)
        .map(|n| {
            let (world, import) = (world.clone(), n.is_multiple_of(2));
            let source = if import { CatalogueSource::Imported } else { CatalogueSource::BuiltIn };
            tokio::spawn(async move { store(&world, &catalogue(n, n + 20), source, import).await })
        })
        .collect();
    let mut ours = 0;
    for stored in storing {
        ours += u32::from(stored.await.unwrap());
    }
    assert!(ours >= 1);
    let stored = world.repositories.model_catalogue.stored().await.unwrap().unwrap();
    assert_eq!(stored.source, CatalogueSource::Imported);
    let models = all(&world, &ModelFilter::default()).await;
    let is_stored = |n: &usize| catalogue(*n, n + 20).digest() == stored.digest;
    let n = (0..6).find(is_stored).unwrap();
    assert_eq!(models, catalogue(n, n + 20).models(), "one of them, whole");
}

/// Which list is walked.
enum Listed<'a> {
    Of(&'a ModelFilter),
    UsableBy(UserId),
}

/// What a walk in small pages shows.
async fn walk(world: &World, listed: &Listed<'_>, order: Order, limit: u32) -> Vec<Model> {
    let models = &world.repositories.models;
    let (mut after, mut walked): (Option<Cursor>, Vec<Model>) = (None, Vec::new());
    for _ in 0..1_000 {
        let page = PageRequest { limit, after, order };
        let rows = match listed {
            Listed::Of(filter) => models.list(filter, page).await.unwrap(),
            Listed::UsableBy(user) => models.usable(*user, page).await.unwrap(),
        };
        assert!(rows.len() <= limit as usize + 1);
        let Page { items, next } = Page::cut(rows, limit, Model::place);
        walked.extend(items);
        let Some(next) = next else { return walked };
        after = Some(next);
    }
    panic!("the walk does not end");
}

async fn every_filter_is_walked_in_both_orders(world: World) {
    let (world, catalogue) = filled(&world, 100).await;
    for provider in [None, Some("provider-1"), Some("nobody")] {
        for capability in [None, Some("vision"), Some("flying")] {
            let filter = filter(provider, capability);
            let mut expected: Vec<Model> =
                catalogue.models().iter().filter(|model| filter.admits(model)).cloned().collect();
            for order in [Order::Ascending, Order::Descending] {
                let walked = walk(&world, &Listed::Of(&filter), order, 7).await;
                assert_eq!(walked, expected, "{filter} {order:?}");
                expected.reverse();
            }
        }
    }
}

const SET: Statement = Statement {
    name: "set",
    effect: Effect::Write,
    parameters: &[Type::Uuid, Type::Text, Type::Time],
    columns: &[],
    postgres: SET_TEXT,
    sqlite: SET_TEXT,
};
const SET_TEXT: &str = "INSERT INTO user_settings (user_id, preferences, enabled_models, updated_at) VALUES ($1, '{}', $2, $3) \
    ON CONFLICT (user_id) DO UPDATE SET enabled_models = excluded.enabled_models";
const KEY: Statement = Statement {
    name: "key",
    effect: Effect::Write,
    parameters: &[Type::Uuid, Type::Text, Type::Bool, Type::Bytes, Type::Text, Type::Time],
    columns: &[],
    postgres: KEY_TEXT,
    sqlite: KEY_TEXT,
};
const KEY_TEXT: &str = "INSERT INTO provider_keys (user_id, provider, enabled, ciphertext, key_id, last4, updated_at) \
    VALUES ($1, $2, $3, $4, $5, $5, $6) ON CONFLICT (user_id, provider) DO UPDATE SET enabled = excluded.enabled, \
    ciphertext = excluded.ciphertext, key_id = excluded.key_id, last4 = excluded.last4";
static SET_CHOICE: Statement = SET;
static SET_KEY: Statement = KEY;

async fn choose(world: &World, user: &User, choice: Option<&[&str]>) {
    let choice: Value = choice
        .map(|ids| format!("[{}]", ids.iter().map(|id| format!("\"{id}\"")).collect::<Vec<_>>().join(",")))
        .into();
    world.driver.run(SET_CHOICE.with(vec![user.id.uuid().into(), choice, at(0).into()])).await.unwrap();
}

async fn give_key(world: &World, user: &User, provider: &str, enabled: bool, is_stored: bool) {
    let (bytes, text): (Value, Value) =
        if is_stored { (vec![1_u8].into(), "fake".into()) } else { (Value::Null, Value::Null) };
    let parameters = vec![user.id.uuid().into(), provider.into(), enabled.into(), bytes, text, at(0).into()];
    world.driver.run(SET_KEY.with(parameters)).await.unwrap();
}

/// The ids' numbers, rising.
async fn usable(world: &World, user: &User) -> Vec<usize> {
    let page = PageRequest { limit: 10_000, after: None, order: Order::Ascending };
    let models = world.repositories.models.usable(user.id, page).await.unwrap();
    let mut numbers: Vec<usize> = models
        .iter()
        .map(|model| model.id.as_str().strip_prefix("model-").unwrap().parse().unwrap())
        .collect();
    numbers.sort_unstable();
    numbers
}

fn numbers(admits: impl Fn(&usize) -> bool) -> Vec<usize> {
    (0..60_usize).filter(|n| !n.is_multiple_of(7)).filter(admits).collect()
}

async fn hosted_models_are_usable_and_disabled_ones_never(world: World) {
    let (world, _) = filled(&world, 60).await;
    let user = world.person().await;
    assert_eq!(usable(&world, &user).await, numbers(|n| n.is_multiple_of(5)));
}

async fn a_stored_and_enabled_key_makes_its_providers_models_usable(world: World) {
    let (world, _) = filled(&world, 60).await;
    let (user, other) = (world.person().await, world.person().await);
    let hosted = numbers(|n| n.is_multiple_of(5));
    give_key(&world, &user, "provider-1", true, false).await;
    assert_eq!(usable(&world, &user).await, hosted, "a switch without a key opens nothing");
    give_key(&world, &user, "provider-1", false, true).await;
    assert_eq!(usable(&world, &user).await, hosted, "a key that is switched off neither");
    give_key(&world, &user, "provider-1", true, true).await;
    assert_eq!(usable(&world, &user).await, numbers(|n| n.is_multiple_of(5) || n / 3 % 3 == 1));
    give_key(&world, &user, "provider-2", true, true).await;
    give_key(&world, &user, "nobody", true, true).await;
    assert_eq!(usable(&world, &user).await, numbers(|n| n.is_multiple_of(5) || n / 3 % 3 > 0));
    assert_eq!(usable(&world, &other).await, hosted, "another person's keys are theirs");
}

async fn a_choice_narrows_and_an_empty_one_is_none(world: World) {
    let (world, _) = filled(&world, 60).await;
    let (user, other) = (world.person().await, world.person().await);
    // Hosted; of provider 1; disabled; of provider 2; twice; unknown.
    let chosen = ["model-5", "model-3", "model-7", "model-8", "model-5", "gone"];
    choose(&world, &user, Some(&chosen)).await;
    assert_eq!(usable(&world, &user).await, [5]);
    give_key(&world, &user, "provider-1", true, true).await;
    assert_eq!(usable(&world, &user).await, [3, 5]);
    choose(&world, &user, Some(&[])).await;
    assert_eq!(usable(&world, &user).await, [0_usize; 0]);
    choose(&world, &user, None).await;
    assert_eq!(usable(&world, &user).await, numbers(|n| n.is_multiple_of(5) || n / 3 % 3 == 1));
    assert_eq!(usable(&world, &other).await, numbers(|n| n.is_multiple_of(5)));
}

async fn usable_models_are_walked_in_both_orders(world: World) {
    let (world, catalogue) = filled(&world, 60).await;
    let user = world.person().await;
    give_key(&world, &user, "provider-1", true, true).await;
    give_key(&world, &user, "provider-2", true, true).await;
    for chosen in [None, Some(["model-1", "model-3", "model-4", "model-5", "model-6", "model-8", "model-11"])]
    {
        choose(&world, &user, chosen.as_ref().map(<[&str; 7]>::as_slice)).await;
        let whole = usable(&world, &user).await;
        assert!(whole.len() > 4);
        let mut expected: Vec<&Model> = whole
            .iter()
            .map(|n| catalogue.by_id(&ModelId::parse(&format!("model-{n}")).unwrap()).unwrap())
            .collect();
        expected.sort_by_key(|model| model.place());
        for order in [Order::Ascending, Order::Descending] {
            for limit in [1, 4] {
                let walked = walk(&world, &Listed::UsableBy(user.id), order, limit).await;
                assert_eq!(walked.iter().collect::<Vec<_>>(), expected, "{order:?} {limit}");
            }
            expected.reverse();
        }
    }
}
