//! The domain's repositories, written once over [`Driver`].

mod accounts;
mod api_keys;
mod experiments;
mod facts;
mod identities;
mod people;
mod places;
mod sessions;
mod storage;
mod usage;

use std::sync::Arc;

use portico_domain::ports::{
    Accounts, ApiKeys, Clock, Credentials, ExperimentResults, Experiments, FactStore, Identities, KeyLookup,
    KeyUsage, Sessions, Storage,
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
    /// How often keys were used.
    pub key_usage: Arc<dyn KeyUsage>,
    /// Ways to keep cached things, tried beside each other.
    pub experiments: Arc<dyn Experiments>,
    /// What servers saw of them.
    pub experiment_results: Arc<dyn ExperimentResults>,
    /// Where deferred writes end up.
    pub facts: Arc<dyn FactStore>,
    /// The database as a whole.
    pub storage: Arc<dyn Storage>,
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
            key_usage: sql.clone(),
            experiments: sql.clone(),
            experiment_results: sql.clone(),
            facts: sql.clone(),
            storage: sql,
        }
    }
}

/// Implements every repository; each port's part is in a file of its own.
struct SqlRepositories {
    driver: Arc<dyn Driver>,
    clock: Arc<dyn Clock>,
}
