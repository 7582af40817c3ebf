use std::sync::Arc;

use crate::{
    cache::Fence,
    flows::shared::MakePasswords,
    models::BuiltInModels,
    ports::{
        Accounts, ApiKeys, Background, Books, Clock, Conversations, Credentials, DatabaseState,
        DeferredWrites, Entropy, ExperimentResults, Experiments, FactStore, Identities, IdentityProvider,
        KeyLookup, KeyUsage, LocalCache, Models, Notices, Orders, ProviderKeys, RateLimiter, Resolver,
        Sealer, Sessions, SharedCache, Storage, SystemSettings, TokenKeys, UsageLedger, UserSettingsStore,
    },
};

/// What the flows ask of the world; each runtime fills it with its adapters.
pub struct Ports {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Gives randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Keeps accounts.
    pub accounts: Arc<dyn Accounts>,
    /// Finds accounts by address, over a connection made ready beforehand.
    pub credentials: Arc<dyn Credentials>,
    /// Keeps sessions.
    pub sessions: Arc<dyn Sessions>,
    /// Keeps identities at providers.
    pub identities: Arc<dyn Identities>,
    /// Keeps API keys.
    pub api_keys: Arc<dyn ApiKeys>,
    /// Finds API keys by what is shown of them.
    pub key_lookup: Arc<dyn KeyLookup>,
    /// Keeps the catalogue's books.
    pub books: Arc<dyn Books>,
    /// Keeps what people ordered.
    pub orders: Arc<dyn Orders>,
    /// Lists models.
    pub models: Arc<dyn Models>,
    /// The catalogue of models to answer with while they can't be listed.
    pub built_in_models: Arc<BuiltInModels>,
    /// Counts uses of API keys behind the answers.
    pub usage_ledger: Arc<dyn UsageLedger>,
    /// Where those uses end up.
    pub key_usage: Arc<dyn KeyUsage>,
    /// Experiments with how cached things are kept.
    pub experiments: Arc<dyn Experiments>,
    /// What servers saw of them.
    pub experiment_results: Arc<dyn ExperimentResults>,
    /// What people have set for themselves.
    pub user_settings: Arc<dyn UserSettingsStore>,
    /// Keeps people's keys at providers.
    pub provider_keys: Arc<dyn ProviderKeys>,
    /// Encrypts them.
    pub sealer: Arc<dyn Sealer>,
    /// Keeps the system's settings.
    pub system_settings: Arc<dyn SystemSettings>,
    /// Keeps chats, messages and events.
    pub conversations: Arc<dyn Conversations>,
    /// The storage as a whole.
    pub storage: Arc<dyn Storage>,
    /// How it is doing.
    pub database_state: Arc<dyn DatabaseState>,
    /// Writes facts.
    pub facts: Arc<dyn FactStore>,
    /// Takes facts to be written after the answer.
    pub deferred: Arc<dyn DeferredWrites>,
    /// Counts attempts.
    pub limiter: Arc<dyn RateLimiter>,
    /// Tells operators what has changed.
    pub notices: Arc<dyn Notices>,
    /// Runs what nobody waits for.
    pub background: Arc<dyn Background>,
    /// The memory that caches keep things in.
    pub local_cache: Arc<dyn LocalCache>,
    /// The tier of the cache that servers share, where there is one.
    pub shared_cache: Option<Arc<dyn SharedCache>>,
    /// The cache's generations; an adapter that hears of others' invalidations tells them to it.
    pub fence: Arc<Fence>,
    /// Proves whose crawlers are, where that is to be proved.
    pub resolver: Option<Arc<dyn Resolver>>,
    /// Makes the password hasher.
    pub passwords: MakePasswords,
    /// Resolves signing keys.
    pub token_keys: Arc<dyn TokenKeys>,
    /// Signs people in through GitHub, where that is set up.
    pub github: Option<Arc<dyn IdentityProvider>>,
}
