//! From bindings to the router: made once an isolate.

use std::sync::{Arc, OnceLock};

use axum::{
    body::Body,
    http::{Request, Response},
};
use portico_cloudflare::{
    CoalescedUsage, ConsoleLog, DurableObjectLimiter, KvCache, LogFilter, ScopedBackground, WaitUntilWrites,
    WorkerClock, WorkerFetch,
};
use portico_crypto::{BcryptCost, InlinePasswords, StaticTokenKeys, SystemEntropy, XChaChaSealer};
use portico_dns::HttpsResolver;
use portico_domain::{
    door::{Door, Ports},
    models::BuiltInModels,
    ports::{Clock, Entropy, Fetch, IdentityProvider, Passwords, Resolver, SharedCache},
    settings::{Fault, Variables},
};
use portico_http_api::{Api, LoggedNotices, Surface};
use portico_memory::MemoryCache;
use portico_oauth::GithubProvider;
use portico_sql::{
    Repositories,
    driver::Driver,
    neon_http::{self, NeonConfig},
};
use worker::Env;

use crate::settings::{Database, WorkerSettings};

/// What an isolate keeps between requests. It holds no I/O: connections and stubs are made within the request that uses them.
pub(crate) struct Portico {
    /// The routes.
    pub(crate) routes: Routes,
    /// The flows behind them.
    pub(crate) door: Arc<Door>,
}

/// A panic makes the runtime start over with fresh memory, so this is empty again after one.
static KEPT: OnceLock<Portico> = OnceLock::new();

impl Portico {
    /// What this isolate has made, or makes now. Faults of the configuration are logged, all of them, and not kept.
    pub(crate) fn of(env: &Env) -> Result<&'static Self, Misconfigured> {
        if let Some(kept) = KEPT.get() {
            return Ok(kept);
        }
        let read = WorkerSettings::from_env(env);
        ConsoleLog::install(read.as_ref().map_or_else(|_| LogFilter::default(), |read| read.log.clone()));
        let made = read.and_then(|settings| Self::make(env, settings)).map_err(|faults| {
            for fault in faults {
                tracing::error!(variable = fault.name, "{fault}");
            }
            Misconfigured
        })?;
        Ok(KEPT.get_or_init(|| made))
    }

    fn make(env: &Env, settings: WorkerSettings) -> Result<Self, Vec<Fault>> {
        let WorkerSettings { shared, keys, encryption, database, log: _ } = settings;
        let clock: Arc<dyn Clock> = Arc::new(WorkerClock);
        let fetch: Arc<dyn Fetch> = Arc::new(WorkerFetch);

        let mut faults = Variables::default();
        let driver = connect(env, database, &fetch).map_err(|(name, cause)| faults.fault(name, cause)).ok();
        let limiter = DurableObjectLimiter::from_env(env);
        let limiter = limiter.map_err(|cause| faults.fault("LIMITER", format!("is needed: {cause}"))).ok();
        let seed = SystemEntropy.bytes();
        let seed =
            seed.map_err(|cause| faults.fault("the runtime", format!("gives no randomness: {cause}"))).ok();
        faults.finish()?;
        let (Some(driver), Some(limiter), Some(seed)) = (driver, limiter, seed) else {
            return Err(Vec::new());
        };

        let repositories = Repositories::new(driver, Arc::clone(&clock));
        let cost = BcryptCost::nearest(shared.bcrypt_cost);
        let (github, dns_url) = (shared.github.clone(), shared.bots.dns_url.clone());
        let ports = Ports {
            background: Arc::new(ScopedBackground::default()),
            local_cache: Arc::new(MemoryCache::new(shared.cache_memory, seed)),
            shared_cache: KvCache::from_env(env, Arc::clone(&clock))
                .map(|kv| Arc::new(kv) as Arc<dyn SharedCache>),
            fence: Arc::default(),
            notices: Arc::new(LoggedNotices),
            clock: Arc::clone(&clock),
            entropy: Arc::new(SystemEntropy),
            accounts: repositories.accounts,
            api_keys: repositories.api_keys,
            key_lookup: repositories.key_lookup,
            usage_ledger: Arc::new(CoalescedUsage::new(
                Arc::clone(&repositories.key_usage),
                Arc::clone(&clock),
                Arc::new(SystemEntropy),
            )),
            key_usage: repositories.key_usage,
            books: repositories.books,
            orders: repositories.orders,
            experiments: repositories.experiments,
            experiment_results: repositories.experiment_results,
            credentials: repositories.credentials,
            sessions: repositories.sessions,
            models: repositories.models,
            built_in_models: Arc::new(BuiltInModels::own()),
            identities: repositories.identities,
            user_settings: repositories.user_settings,
            provider_keys: repositories.provider_keys,
            sealer: Arc::new(XChaChaSealer::new(encryption, Arc::new(SystemEntropy))),
            system_settings: repositories.system_settings,
            conversations: repositories.conversations,
            storage: repositories.storage,
            database_state: repositories.database_state,
            facts: Arc::clone(&repositories.facts),
            deferred: Arc::new(WaitUntilWrites::new(repositories.facts, Arc::clone(&clock))),
            limiter: Arc::new(limiter),
            passwords: Arc::new(move || Arc::new(InlinePasswords::new(cost)) as Arc<dyn Passwords>),
            token_keys: Arc::new(StaticTokenKeys::new(keys)),
            resolver: dns_url
                .map(|url| Arc::new(HttpsResolver::new(url, Arc::clone(&fetch))) as Arc<dyn Resolver>),
            github: github
                .map(|github| Arc::new(GithubProvider::new(github, fetch)) as Arc<dyn IdentityProvider>),
        };
        let started_at = clock.now();
        let door = Arc::new(Door::new(&ports, shared));
        let api = Api { door: Arc::clone(&door), version: env!("CARGO_PKG_VERSION"), started_at };
        Ok(Self { routes: Routes::new(Surface::new(api), env), door })
    }
}

/// The Worker can't serve as it is set up; the log says why.
#[derive(Debug)]
pub(crate) struct Misconfigured;

fn connect(
    env: &Env,
    database: Database,
    fetch: &Arc<dyn Fetch>,
) -> Result<Arc<dyn Driver>, (&'static str, String)> {
    match database {
        Database::Hyperdrive => hyperdrive(env),
        Database::Neon { url, endpoint } => {
            let config = NeonConfig { endpoint, ..NeonConfig::new(url.expose()) };
            let driver = neon_http::connect(&config, Arc::clone(fetch));
            driver
                .map(|driver| driver as Arc<dyn Driver>)
                .map_err(|cause| ("DATABASE_URL", cause.to_string()))
        }
    }
}

#[cfg(target_arch = "wasm32")]
fn hyperdrive(env: &Env) -> Result<Arc<dyn Driver>, (&'static str, String)> {
    use portico_sql::hyperdrive::{HyperdriveBinding, connect};

    let binding = env.hyperdrive("HYPERDRIVE").map_err(|cause| {
        ("HYPERDRIVE", format!("has to be bound, or DATABASE_URL set to a Neon database: {cause}"))
    })?;
    Ok(connect(Arc::new(HyperdriveBinding::new(binding))))
}

/// Off Workers there are no bindings; this target is for unit tests and lints.
#[cfg(not(target_arch = "wasm32"))]
fn hyperdrive(_env: &Env) -> Result<Arc<dyn Driver>, (&'static str, String)> {
    Err(("HYPERDRIVE", "is there on Workers only".to_owned()))
}

/// What requests are handed to.
#[cfg(not(feature = "trials"))]
pub(crate) struct Routes(Surface);

#[cfg(not(feature = "trials"))]
impl Routes {
    const fn new(surface: Surface, _env: &Env) -> Self {
        Self(surface)
    }

    /// Answers one request.
    pub(crate) async fn answer(&self, request: Request<Body>) -> Response<Body> {
        self.0.answer(request, None).await
    }
}

/// What requests are handed to: the trials, and the surface behind them. Without the limiter's binding there are no trials, and the tests of them say so.
#[cfg(feature = "trials")]
pub(crate) struct Routes(axum::Router);

#[cfg(feature = "trials")]
impl Routes {
    fn new(surface: Surface, env: &Env) -> Self {
        let trials = crate::trials::routes(env).unwrap_or_default();
        Self(trials.fallback_service(surface))
    }

    /// Answers one request.
    pub(crate) async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let Ok(response) = tower::ServiceExt::oneshot(self.0.clone(), request).await;
        response
    }
}
