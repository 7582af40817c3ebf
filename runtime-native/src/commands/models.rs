use std::{
    collections::BTreeSet,
    fs,
    io::{self, Read},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, anyhow};
use portico_domain::{
    cache::Prefix,
    flows::models::{CatalogueKept, KeepCatalogue},
    models::{BuiltInModels, Catalogue, CatalogueSource, Model, ModelFilter, Order, Page, PageRequest},
};
use portico_in_process::SystemClock;

use super::{clear_cache::clear_on_all_servers, progress::Progress, say};
use crate::{
    Failure, cli,
    configuration::{Configuration, Database},
    storage::{self, Store},
};

/// How long one statement may take: taking away a large catalogue is one.
const PATIENCE: Duration = Duration::from_secs(10 * 60);
/// How many models are read at a time to be written out.
const EXPORTED_AT_ONCE: u32 = 1_000;

/// Replaces the stored catalogue by a file's, or by the program's.
pub(crate) async fn import_models(
    mut configuration: Configuration,
    options: &cli::ImportModels,
) -> Result<(), Failure> {
    let (built_in, read);
    let (catalogue, source) = if let Some(file) = &options.file {
        read = read_file(file)?;
        (&read, CatalogueSource::Imported)
    } else {
        built_in = Arc::clone(&configuration.models);
        (BuiltInModels::get(&built_in), CatalogueSource::BuiltIn)
    };
    let described = describe(catalogue);
    if options.dry_run {
        say(|out| writeln!(out, "{described} can be imported; nothing was written"))?;
        return Ok(());
    }
    let limit = match &mut configuration.database {
        Database::Postgres(config) => &mut config.statement_timeout,
        Database::Sqlite(config) => &mut config.statement_time_limit,
    };
    *limit = PATIENCE.max(*limit);
    let store = storage::open_ready(&configuration, Arc::new(SystemClock)).await?;
    let kept = write(&store, catalogue, source).await;
    store.close().await;
    let shown = configuration.database.shown();
    let kept = kept.with_context(|| format!("{shown}: what was stored is as it was"))?;
    if kept == CatalogueKept::Unchanged {
        say(|out| writeln!(out, "{shown} holds these very models already: {described}"))?;
        return Ok(());
    }
    say(|out| writeln!(out, "{shown} holds {described} now"))?;
    tell_servers(&configuration).await
}

/// Writes out what is stored, a model a line.
pub(crate) async fn export_models(configuration: &Configuration) -> Result<(), Failure> {
    let store = storage::open_ready(configuration, Arc::new(SystemClock)).await?;
    let written = export(&store).await;
    store.close().await;
    written.with_context(|| configuration.database.shown())?;
    Ok(())
}

fn read_file(path: &Path) -> Result<Catalogue, Failure> {
    let mut text = String::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().read_to_string(&mut text)
    } else {
        fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text))
    };
    let shown = path.display();
    read.map_err(|error| Failure::Usage(vec![format!("{shown} can't be read: {error}")]))?;
    Catalogue::parse(&text)
        .map_err(|faults| Failure::Usage(faults.iter().map(|fault| format!("{shown}: {fault}")).collect()))
}

fn describe(catalogue: &Catalogue) -> String {
    let models = catalogue.models();
    let providers: BTreeSet<&str> = models.iter().map(|model| model.provider.as_str()).collect();
    let plural = |count: usize| if count == 1 { "" } else { "s" };
    let (count, of) = (models.len(), providers.len());
    format!("{count} model{} of {of} provider{}", plural(count), plural(of))
}

async fn write(
    store: &Store,
    catalogue: &Catalogue,
    source: CatalogueSource,
) -> anyhow::Result<CatalogueKept> {
    let keep = KeepCatalogue {
        clock: Arc::new(SystemClock),
        catalogue: Arc::clone(&store.repositories.model_catalogue),
    };
    let progress = Mutex::new(Progress::new());
    let show = |done: usize, of: usize| {
        let count = |number| u64::try_from(number).unwrap_or(u64::MAX);
        progress.lock().unwrap_or_else(PoisonError::into_inner).show("models", count(done), count(of));
    };
    Ok(keep.import(catalogue, source, &show).await?)
}

/// Makes running servers show what was stored, or says when they will.
async fn tell_servers(configuration: &Configuration) -> Result<(), Failure> {
    let Some(address) = &configuration.redis else {
        let told = "Servers that run show it when what they have cached of models ends: within 6 minutes, or after \
            DELETE /api/v1/admin/cache?prefix=model-config and ?prefix=user-models";
        say(|out| writeln!(out, "{told}"))?;
        return Ok(());
    };
    let shown = address.to_string();
    let prefixes = [Prefix::ModelConfig, Prefix::UserModels];
    clear_on_all_servers(configuration, address.clone(), &prefixes).await.map_err(|error| {
        anyhow!(
            error.context(
                "it is stored, but servers that run could not be told; they show it within 6 minutes"
            )
        )
    })?;
    say(|out| writeln!(out, "Servers that share {shown} show it from now on"))?;
    Ok(())
}

async fn export(store: &Store) -> anyhow::Result<()> {
    let mut request = PageRequest { limit: EXPORTED_AT_ONCE, after: None, order: Order::Ascending };
    loop {
        let rows = store.repositories.models.list(&ModelFilter::default(), request).await?;
        let Page { items, next } = Page::cut(rows, request.limit, Model::place);
        say(|out| {
            for model in &items {
                serde_json::to_writer(&mut *out, model)?;
                writeln!(out)?;
            }
            Ok(())
        })?;
        let Some(next) = next else { return Ok(()) };
        request.after = Some(next);
    }
}
