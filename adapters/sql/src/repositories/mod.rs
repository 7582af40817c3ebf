//! The domain's repositories, written once over [`Driver`].

mod accounts;
mod api_keys;
mod books;
mod conversations;
mod database_state;
mod experiments;
mod facts;
mod identities;
mod models;
mod orders;
mod people;
mod places;
mod provider_keys;
mod sessions;
mod storage;
mod system_settings;
mod usage;
mod user_settings;

use std::sync::Arc;

use portico_domain::ports::{
    Accounts, ApiKeys, Books, Clock, Conversations, Credentials, DatabaseState, ExperimentResults,
    Experiments, FactStore, Identities, KeyLookup, KeyUsage, ModelCatalogue, Models, Orders, ProviderKeys,
    SealedKeys, Sessions, Storage, SystemSettings, UserSettingsStore,
};

use crate::{driver::Driver, metered::Metered};

/// All repositories over one database, to be wired into the flows.
#[derive(Clone)]
pub struct Repositories {
    /// The accounts.
    pub accounts: Arc<dyn Accounts>,
    /// Accounts by the name that people sign in with.
    pub credentials: Arc<dyn Credentials>,
    /// The sessions.
    pub sessions: Arc<dyn Sessions>,
    /// Accounts at other providers.
    pub identities: Arc<dyn Identities>,
    /// The API keys.
    pub api_keys: Arc<dyn ApiKeys>,
    /// API keys by what is shown of them.
    pub key_lookup: Arc<dyn KeyLookup>,
    /// The models' catalogue, as people are shown it.
    pub models: Arc<dyn Models>,
    /// The same as a whole.
    pub model_catalogue: Arc<dyn ModelCatalogue>,
    /// The books.
    pub books: Arc<dyn Books>,
    /// What people ordered.
    pub orders: Arc<dyn Orders>,
    /// How often keys were used.
    pub key_usage: Arc<dyn KeyUsage>,
    /// Ways to keep cached things, tried beside each other.
    pub experiments: Arc<dyn Experiments>,
    /// What servers saw of them.
    pub experiment_results: Arc<dyn ExperimentResults>,
    /// Chats, messages and events.
    pub conversations: Arc<dyn Conversations>,
    /// Where deferred writes end up.
    pub facts: Arc<dyn FactStore>,
    /// The database as a whole.
    pub storage: Arc<dyn Storage>,
    /// How it is doing.
    pub database_state: Arc<dyn DatabaseState>,
    /// What people have set for themselves.
    pub user_settings: Arc<dyn UserSettingsStore>,
    /// People's keys at providers.
    pub provider_keys: Arc<dyn ProviderKeys>,
    /// The same, for whoever changes their encryption.
    pub sealed_keys: Arc<dyn SealedKeys>,
    /// The settings of the system.
    pub system_settings: Arc<dyn SystemSettings>,
}

impl Repositories {
    /// Puts them over `driver`, counting each statement, with the time that `clock` takes, into the request's meter.
    #[must_use]
    pub fn new(driver: Arc<dyn Driver>, clock: Arc<dyn Clock>) -> Self {
        let driver = Arc::new(Metered::new(driver, Arc::clone(&clock)));
        let sql = Arc::new(SqlRepositories { driver, clock });
        Self {
            accounts: sql.clone(),
            credentials: sql.clone(),
            sessions: sql.clone(),
            identities: sql.clone(),
            api_keys: sql.clone(),
            key_lookup: sql.clone(),
            models: sql.clone(),
            model_catalogue: sql.clone(),
            books: sql.clone(),
            orders: sql.clone(),
            key_usage: sql.clone(),
            experiments: sql.clone(),
            experiment_results: sql.clone(),
            conversations: sql.clone(),
            facts: sql.clone(),
            user_settings: sql.clone(),
            provider_keys: sql.clone(),
            sealed_keys: sql.clone(),
            system_settings: sql.clone(),
            storage: sql.clone(),
            database_state: sql,
        }
    }
}

/// Implements every repository; each port's part is in a file of its own.
struct SqlRepositories {
    driver: Arc<dyn Driver>,
    clock: Arc<dyn Clock>,
}
