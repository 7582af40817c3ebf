//! What the operator set: the Worker's vars and secrets, read with the domain's rules.

use portico_cloudflare::LogFilter;
use portico_crypto::{KeyRole, SealingKeys, TokenKeysConfig};
use portico_domain::{
    models::Secret,
    settings::{Fault, Settings, Target, Variables},
};
use worker::{
    Env,
    js_sys::{Array, Object},
    wasm_bindgen::JsCast,
};

/// Where the data is.
pub(crate) enum Database {
    /// Neon's SQL over HTTP, at a Postgres URL and, where it isn't derived from that, an endpoint.
    Neon {
        /// The database's URL.
        url: Secret,
        /// The endpoint, where it is set.
        endpoint: Option<String>,
    },
    /// The binding `HYPERDRIVE`.
    Hyperdrive,
}

/// All that a Worker can be told.
pub(crate) struct WorkerSettings {
    /// What both runtimes know.
    pub(crate) shared: Settings,
    /// What tokens are signed with.
    pub(crate) keys: TokenKeysConfig,
    /// What keys at providers are encrypted under; where there is nothing, none can be stored.
    pub(crate) encryption: SealingKeys,
    /// Where the data is.
    pub(crate) database: Database,
    /// What is logged.
    pub(crate) log: LogFilter,
}

impl WorkerSettings {
    /// Reads them, and tells every fault at once.
    pub(crate) fn from_env(env: &Env) -> Result<Self, Vec<Fault>> {
        Self::read(texts(env))
    }

    fn read(pairs: Vec<(String, String)>) -> Result<Self, Vec<Fault>> {
        let addressed =
            pairs.iter().any(|(name, value)| name == "PORTICO_PUBLIC_URL" && !value.trim().is_empty());
        let mut variables = Variables::new(pairs);
        if !addressed {
            variables.fault("PORTICO_PUBLIC_URL", "is needed on Workers: scheme and host that clients see");
        }
        let shared = Settings::take(&mut variables, Target::Worker, "https://unset.invalid");
        let keys = take_keys(&mut variables, &shared.public_url);
        let encryption = variables.take("PORTICO_ENCRYPTION_KEYS", SealingKeys::parse).unwrap_or_default();
        let plain = |text: &str| Ok::<_, String>(text.trim().to_owned());
        let url = variables.take("DATABASE_URL", plain);
        let endpoint = variables.take("PORTICO_NEON_SQL_URL", plain);
        let database =
            url.map_or(Database::Hyperdrive, |url| Database::Neon { url: Secret::new(url), endpoint });
        variables.take("PORTICO_MODELS_FILE", |_| {
            let no_files =
                "is for the native server: a Worker has no files. Store models with `portico models import`";
            Err::<(), _>(no_files)
        });
        let log = variables.take("PORTICO_LOG", LogFilter::parse).unwrap_or_default();
        variables.finish().map(|()| Self { shared, keys, encryption, database, log })
    }
}

/// The names are those of the native server; only that a secret can't be made here is different.
fn take_keys(variables: &mut Variables, public_url: &str) -> TokenKeysConfig {
    let secret = |text: &str| Ok::<_, String>(Secret::new(text));
    let list = |text: &str| {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        Ok::<_, String>(parts.map(str::to_owned).collect::<Vec<_>>())
    };
    let given = variables.take("JWT_SECRET", secret);
    let needed = given.is_none();
    let config = TokenKeysConfig {
        secret: given.unwrap_or_else(|| Secret::new("")),
        previous_secrets: variables
            .take("JWT_SECRET_PREVIOUS", list)
            .unwrap_or_default()
            .into_iter()
            .map(Secret::new)
            .collect(),
        ed25519: variables.take("PORTICO_JWT_ED25519", secret),
        previous_ed25519_public: variables.take("PORTICO_JWT_ED25519_PREVIOUS", list).unwrap_or_default(),
        issuer: public_url.to_owned(),
        audience: public_url.to_owned(),
    };
    for fault in config.faults() {
        let (name, place) = match fault.role {
            KeyRole::Secret if needed => {
                variables.fault("JWT_SECRET", "is needed on Workers: 32 random bytes at least");
                continue;
            }
            KeyRole::Secret => ("JWT_SECRET", None),
            KeyRole::PreviousSecret(place) => ("JWT_SECRET_PREVIOUS", Some(place)),
            KeyRole::Ed25519 => ("PORTICO_JWT_ED25519", None),
            KeyRole::PreviousEd25519Public(place) => ("PORTICO_JWT_ED25519_PREVIOUS", Some(place)),
        };
        match place {
            Some(place) => variables.fault(name, format!("(number {}) {}", place + 1, fault.reason)),
            None => variables.fault(name, fault.reason),
        }
    }
    config
}

/// The bindings that are text. Wrangler hands numbers and truth values of `vars` over as such; they count as what was written.
fn texts(env: &Env) -> Vec<(String, String)> {
    let bindings: &Object = env.unchecked_ref();
    let entries = Object::entries(bindings);
    entries
        .iter()
        .filter_map(|entry| {
            let entry: Array = entry.unchecked_into();
            let (name, value) = (entry.get(0).as_string()?, entry.get(1));
            let text = value
                .as_string()
                .or_else(|| value.as_bool().map(|truth| truth.to_string()))
                .or_else(|| value.as_f64().map(|number| number.to_string()))?;
            Some((name, text))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<WorkerSettings, Vec<String>> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        WorkerSettings::read(pairs).map_err(|faults| faults.into_iter().map(|fault| fault.name).collect())
    }

    const SECRET: (&str, &str) = ("JWT_SECRET", "an-obviously-fake-secret-0123456789abcdef");
    const URL: (&str, &str) = ("PORTICO_PUBLIC_URL", "https://portico.example");

    #[test]
    fn an_address_and_a_secret_are_enough_and_then_hyperdrive_is_used() {
        let settings = read(&[SECRET, URL]).ok().unwrap();
        assert_eq!(settings.shared.bcrypt_cost, 10);
        assert_eq!(settings.keys.issuer, "https://portico.example");
        assert!(matches!(settings.database, Database::Hyperdrive));
        assert_eq!(settings.log, LogFilter::default());
    }

    #[test]
    fn a_database_url_chooses_neon() {
        let url = ("DATABASE_URL", "postgres://a:b@ep-x.eu.example/db");
        let settings =
            read(&[SECRET, URL, url, ("PORTICO_NEON_SQL_URL", "http://127.0.0.1:1/sql")]).ok().unwrap();
        assert!(matches!(settings.database, Database::Neon { endpoint: Some(_), .. }));
    }

    #[test]
    fn without_encryption_keys_the_rest_works_and_faulty_ones_are_told() {
        assert!(read(&[SECRET, URL]).ok().unwrap().encryption.is_empty());
        let key = ("PORTICO_ENCRYPTION_KEYS", "k1:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=");
        let settings = read(&[SECRET, URL, key]).ok().unwrap();
        assert_eq!(settings.encryption.ids().collect::<Vec<_>>(), ["k1"]);
        let short = ("PORTICO_ENCRYPTION_KEYS", "k1:AQID");
        assert_eq!(read(&[SECRET, URL, short]).err().unwrap(), ["PORTICO_ENCRYPTION_KEYS"]);
    }

    #[test]
    fn every_fault_is_told() {
        let names = |pairs: &[(&str, &str)]| read(pairs).err().unwrap();
        assert_eq!(names(&[]), ["JWT_SECRET", "PORTICO_PUBLIC_URL"]);
        let short = ("JWT_SECRET", "short");
        let unknown = ("PORTICO_LISTEN", "127.0.0.1:1");
        assert_eq!(
            names(&[short, URL, unknown, ("JWT_SECRET_PREVIOUS", "short,")]),
            ["JWT_SECRET", "JWT_SECRET_PREVIOUS", "PORTICO_LISTEN"]
        );
    }
}
