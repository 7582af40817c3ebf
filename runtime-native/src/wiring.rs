//! Ports and settings become flows: the one place that names this runtime's adapters.

use std::sync::Arc;

use anyhow::{Context, anyhow};
use portico_crypto::{BcryptCost, BcryptPasswords, BcryptSettings, StaticTokenKeys, SystemEntropy};
use portico_domain::{
    door::{Door, Ports},
    flows::shared::MakePasswords,
    ports::{Fetch, IdentityProvider},
    settings::{GithubSettings, Settings},
};
use portico_in_process::{HttpFetch, InProcessLimiter, JournalSettings, JournalledWrites, SystemClock};
use portico_oauth::GithubProvider;

use crate::{
    Failure,
    configuration::Configuration,
    secrets::{self, make_private_directory},
    storage::Store,
};

/// The flows, and what has to be finished when they are no longer asked.
pub(crate) struct Wired {
    pub(crate) door: Arc<Door>,
    pub(crate) deferred: Arc<JournalledWrites>,
}

/// Joins the adapters. Secrets that were not set are read from the data directory, or made there.
pub(crate) fn wire(configuration: &Configuration, store: &Store) -> Result<Wired, Failure> {
    make_private_directory(&configuration.data_dir)?;
    let settings = configuration.settings.clone();
    let clock = Arc::new(SystemClock);
    let entropy = Arc::new(SystemEntropy);
    let secret = if let Some(secret) = &configuration.keys.secret {
        secret.clone()
    } else {
        let path = secrets::jwt_secret_file(&configuration.data_dir);
        let kept = secrets::read_or_make(&path, entropy.as_ref())?;
        if kept.is_new {
            let file = path.display().to_string();
            tracing::info!(
                file,
                "a secret for signing tokens was made; servers that share a database must share it as JWT_SECRET"
            );
        }
        kept.secret
    };
    let journal =
        JournalSettings { sync: configuration.journal_sync, ..JournalSettings::new(configuration.journal()) };
    let repositories = store.repositories.clone();
    let deferred = Arc::new(
        JournalledWrites::open(&journal, Arc::clone(&repositories.facts)).context("opening the journal")?,
    );
    let github = match &settings.github {
        Some(github) => Some(provider(configuration, github)?),
        None => None,
    };
    let ports = Ports {
        limiter: Arc::new(InProcessLimiter::new(clock.clone())),
        clock,
        entropy,
        accounts: repositories.accounts,
        api_keys: repositories.api_keys,
        key_lookup: repositories.key_lookup,
        credentials: repositories.credentials,
        sessions: repositories.sessions,
        identities: repositories.identities,
        storage: repositories.storage,
        facts: repositories.facts,
        deferred: deferred.clone(),
        passwords: make_passwords(&settings),
        token_keys: Arc::new(StaticTokenKeys::new(
            configuration.keys.config(secret, settings.public_url.clone()),
        )),
        github,
    };
    Ok(Wired { door: Arc::new(Door::new(&ports, settings)), deferred })
}

/// Makes the hasher with its threads, each time it is called.
pub(crate) fn make_passwords(settings: &Settings) -> MakePasswords {
    let settings = BcryptSettings {
        cost: BcryptCost::new(settings.bcrypt_cost).unwrap_or(BcryptCost::SERVER),
        deadline: settings.hash_deadline,
        slots: None,
    };
    Arc::new(move || Arc::new(BcryptPasswords::new(settings)))
}

fn provider(
    configuration: &Configuration,
    github: &GithubSettings,
) -> anyhow::Result<Arc<dyn IdentityProvider>> {
    let roots = configuration
        .ca_file
        .as_ref()
        .map(|path| {
            std::fs::read(path).with_context(|| format!("PORTICO_CA_FILE: reading {}", path.display()))
        })
        .transpose()?;
    let fetch: Arc<dyn Fetch> =
        Arc::new(HttpFetch::new(roots.as_deref()).map_err(|fault| anyhow!("PORTICO_CA_FILE: {fault}"))?);
    Ok(Arc::new(GithubProvider::new(github.clone(), fetch)))
}
