//! Ports and settings become flows: the one place that names this runtime's adapters.

use std::{path::PathBuf, sync::Arc};

use anyhow::{Context, anyhow};
use portico_crypto::{BcryptCost, BcryptPasswords, BcryptSettings, StaticTokenKeys, SystemEntropy};
use portico_dns::HttpsResolver;
use portico_domain::{
    cache::Fence,
    door::{Door, Ports},
    flows::shared::MakePasswords,
    ports::{Entropy, Fetch, IdentityProvider, RateLimiter, Resolver, SharedCache},
    settings::Settings,
};
use portico_http_api::LoggedNotices;
use portico_in_process::{
    FileUsageLedger, HttpFetch, InProcessLimiter, JournalSettings, JournalledWrites, SystemClock,
    TaskBackground, UsageSettings,
};
use portico_memory::MemoryCache;
use portico_oauth::GithubProvider;
use portico_redis::{Heard, OnHeard, Redis, RedisSettings};
use tokio::runtime::Handle;

use crate::{
    Failure,
    configuration::Configuration,
    encryption,
    secrets::{JWT_SECRET, make_private_directory},
    serve::Watching,
    storage::Store,
};

/// The flows, and what has to be finished when they are no longer asked.
pub(crate) struct Wired {
    pub(crate) door: Arc<Door>,
    pub(crate) deferred: Arc<JournalledWrites>,
    pub(crate) usage: Arc<FileUsageLedger>,
    pub(crate) redis: Option<Redis>,
}

/// Joins the adapters. Secrets that were not set are read from the data directory, or made there.
pub(crate) fn wire(
    configuration: &Configuration,
    store: &Store,
    watching: &Watching,
    fetch: &Arc<dyn Fetch>,
) -> Result<Wired, Failure> {
    make_private_directory(&configuration.data_dir)?;
    let settings = configuration.settings.clone();
    let clock = Arc::new(SystemClock);
    let entropy = Arc::new(SystemEntropy);
    let secret = if let Some(secret) = &configuration.keys.secret {
        secret.clone()
    } else {
        let kept = JWT_SECRET.read_or_make(&configuration.data_dir, entropy.as_ref())?;
        if kept.is_new {
            let file = JWT_SECRET.file(&configuration.data_dir).display().to_string();
            tracing::info!(
                file,
                "a secret for signing tokens was made; servers that share a database must share it as JWT_SECRET"
            );
        }
        kept.secret
    };
    let sealer = encryption::sealer(configuration, entropy.clone())?;
    let journal =
        JournalSettings { sync: configuration.journal_sync, ..JournalSettings::new(configuration.journal()) };
    let repositories = store.repositories.clone();
    let deferred = Arc::new(
        JournalledWrites::open(&journal, Arc::clone(&repositories.facts)).context("opening the journal")?,
    );
    let usage = UsageSettings::new(configuration.usage());
    let usage = FileUsageLedger::open(&usage, Arc::clone(&repositories.key_usage), entropy.clone());
    let usage = Arc::new(usage.context("opening the ledger of uses")?);
    let github = settings.github.clone().map(|github| {
        Arc::new(GithubProvider::new(github, watching.fetch(Arc::clone(fetch)))) as Arc<dyn IdentityProvider>
    });
    let resolver = settings
        .bots
        .dns_url
        .as_ref()
        .map(|url| Arc::new(HttpsResolver::new(url, Arc::clone(fetch))) as Arc<dyn Resolver>);
    let fence: Arc<Fence> = Arc::default();
    let redis = shared_redis(configuration, clock.clone(), &fence)?;
    let seed = entropy.bytes().map_err(|cause| anyhow!(cause.detail))?;
    let ports = Ports {
        background: Arc::new(TaskBackground::new(Handle::current())),
        local_cache: Arc::new(MemoryCache::new(settings.cache_memory, seed)),
        shared_cache: redis.as_ref().map(|redis| Arc::clone(&redis.cache) as Arc<dyn SharedCache>),
        fence,
        notices: Arc::new(LoggedNotices),
        limiter: match &redis {
            Some(redis) => Arc::clone(&redis.limiter) as Arc<dyn RateLimiter>,
            None => Arc::new(InProcessLimiter::new(clock.clone())),
        },
        clock,
        entropy,
        accounts: repositories.accounts,
        api_keys: repositories.api_keys,
        key_lookup: repositories.key_lookup,
        usage_ledger: usage.clone(),
        key_usage: repositories.key_usage,
        books: repositories.books,
        orders: repositories.orders,
        experiments: repositories.experiments,
        experiment_results: repositories.experiment_results,
        credentials: repositories.credentials,
        sessions: repositories.sessions,
        models: repositories.models,
        built_in_models: Arc::clone(&configuration.models),
        identities: repositories.identities,
        user_settings: repositories.user_settings,
        provider_keys: repositories.provider_keys,
        sealer,
        system_settings: repositories.system_settings,
        conversations: repositories.conversations,
        storage: repositories.storage,
        database_state: repositories.database_state,
        facts: repositories.facts,
        deferred: deferred.clone(),
        passwords: watching.passwords(hasher(&settings)),
        token_keys: Arc::new(StaticTokenKeys::new(
            configuration.keys.config(secret, settings.public_url.clone()),
        )),
        github,
        resolver,
    };
    Ok(Wired { door: Arc::new(Door::new(&ports, settings)), deferred, usage, redis })
}

/// What servers share through Redis, where it is set up. What other servers invalidate goes to `fence`.
fn shared_redis(
    configuration: &Configuration,
    clock: Arc<SystemClock>,
    fence: &Arc<Fence>,
) -> anyhow::Result<Option<Redis>> {
    let Some(address) = configuration.redis.clone() else { return Ok(None) };
    let fence = Arc::clone(fence);
    let on_heard: OnHeard = Arc::new(move |heard| match heard {
        Heard::Places(subjects) => fence.invalidate(&subjects),
        Heard::Everything => fence.invalidate_all(),
    });
    let settings = RedisSettings {
        address,
        authorities: authorities(configuration)?,
        open_when_away: configuration.settings.limits.open_when_away,
    };
    let redis =
        portico_redis::connect(settings, clock, on_heard).map_err(|fault| anyhow!("REDIS_URL: {fault}"))?;
    Ok(Some(redis))
}

/// The further authorities to trust, as they are in their file.
pub(crate) fn authorities(configuration: &Configuration) -> anyhow::Result<Option<Vec<u8>>> {
    let read = |path: &PathBuf| {
        std::fs::read(path).with_context(|| format!("PORTICO_CA_FILE: reading {}", path.display()))
    };
    configuration.ca_file.as_ref().map(read).transpose()
}

/// Makes the hasher with its threads, each time it is called.
pub(crate) fn make_passwords(settings: &Settings) -> MakePasswords {
    let make = hasher(settings);
    Arc::new(move || Arc::new(make()))
}

fn hasher(settings: &Settings) -> impl Fn() -> BcryptPasswords + Send + Sync + use<> {
    let settings = BcryptSettings {
        cost: BcryptCost::new(settings.bcrypt_cost).unwrap_or(BcryptCost::SERVER),
        deadline: settings.hash_deadline,
        slots: None,
    };
    move || BcryptPasswords::new(settings)
}

/// Asks other services.
pub(crate) fn fetch(configuration: &Configuration) -> anyhow::Result<Arc<dyn Fetch>> {
    let roots = authorities(configuration)?;
    Ok(Arc::new(HttpFetch::new(roots.as_deref()).map_err(|fault| anyhow!("PORTICO_CA_FILE: {fault}"))?))
}
