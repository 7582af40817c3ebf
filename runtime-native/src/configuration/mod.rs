//! What the operator wants, read from the environment and a file, with every fault told at once.

mod database;
mod file;
mod keys;
mod models;
mod print;
mod serving;
mod telemetry;
mod values;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use portico_domain::{
    models::BuiltInModels,
    settings::{Fault, Settings, Target, Variables},
};
use portico_in_process::JournalSync;
use portico_redis::RedisAddress;

pub(crate) use self::{
    database::Database,
    keys::GivenKeys,
    print::print,
    serving::{ServingSettings, TlsFiles, TlsPair},
    telemetry::{TelemetrySettings, TraceTarget},
};
use crate::logs::{LogFormat, LogSettings};

const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// Everything that the native server can be told.
pub(crate) struct Configuration {
    /// What both runtimes share. Its public address is the one that was set, else [`ServingSettings::default_public_url`] of the address to
    /// listen on, whose port may still be 0.
    pub(crate) settings: Settings,
    /// Whether the public address was set.
    pub(crate) public_url_is_set: bool,
    /// Where to listen.
    pub(crate) listen: SocketAddr,
    /// Where the secrets, the journal and by default the database file are.
    pub(crate) data_dir: PathBuf,
    /// Where the data is.
    pub(crate) database: Database,
    /// What servers share limits and cache through, where there is one.
    pub(crate) redis: Option<RedisAddress>,
    /// What tokens are signed with, as far as it was set.
    pub(crate) keys: GivenKeys,
    /// How to log.
    pub(crate) logs: LogSettings,
    /// What the journal promises when the power fails.
    pub(crate) journal_sync: JournalSync,
    /// How long stopping may take before what is under way is given up.
    pub(crate) shutdown_time_limit: Duration,
    /// How connections are served.
    pub(crate) serving: ServingSettings,
    /// What is shown of the server while it runs.
    pub(crate) telemetry: TelemetrySettings,
    /// Certificates of authorities to trust besides the usual ones, when asking other services.
    pub(crate) ca_file: Option<PathBuf>,
    /// Where what requests ask of the database is recorded, if it is.
    pub(crate) record_statements: Option<PathBuf>,
    /// Whether admins may take profiles of the process.
    pub(crate) pprof: bool,
    /// The models to begin with and to answer with while the database is away.
    pub(crate) models: Arc<BuiltInModels>,
    /// The file that they were read from, where they are not the program's own.
    pub(crate) models_file: Option<PathBuf>,
    /// What is allowed and yet not what its author may have meant, a sentence each.
    pub(crate) warnings: Vec<String>,
    origins: BTreeMap<String, String>,
}

impl Configuration {
    /// Reads the environment and the file: `named`, else `portico.toml` in the working directory, if there is one.
    ///
    /// # Errors
    /// Every fault.
    pub(crate) fn read(named: Option<&Path>) -> Result<Self, Vec<Fault>> {
        Self::from(std::env::vars_os(), named)
    }

    fn from(
        environment: impl Iterator<Item = (OsString, OsString)>,
        named: Option<&Path>,
    ) -> Result<Self, Vec<Fault>> {
        let file = file::read(named)?;
        let mut unreadable = Vec::new();
        let mut environment: BTreeMap<String, String> = environment
            .filter_map(|(name, value)| {
                let name = name.into_string().ok()?;
                let value = value.into_string();
                if value.is_err() {
                    unreadable.push(name.clone());
                }
                Some((name, value.ok()?))
            })
            .collect();
        // An empty variable counts as not set, so it doesn't hide the file's.
        environment.retain(|_, value| !value.trim().is_empty());
        let mut merged = file.values.clone();
        merged.extend(environment.clone());
        let public_url_is_set = merged.get("PORTICO_PUBLIC_URL").is_some_and(|url| !url.trim().is_empty());
        let mut variables = Variables::new(merged);
        for name in unreadable.into_iter().filter(|name| name.starts_with("PORTICO_")) {
            variables.fault(&name, "is not UTF-8");
        }
        let mut configuration = Self::take(&mut variables);
        configuration.public_url_is_set = public_url_is_set;
        variables.finish().map_err(|faults| {
            faults
                .into_iter()
                .map(|fault| file.rename(fault, |name| environment.contains_key(name)))
                .collect::<Vec<_>>()
        })?;
        configuration.warnings.extend(file.warning());
        if !public_url_is_set && !configuration.listen.ip().is_loopback() {
            let ip = configuration.listen.ip();
            let named = if ip.is_unspecified() { "localhost".to_owned() } else { ip.to_string() };
            configuration.warnings.push(format!(
                "PORTICO_PUBLIC_URL is not set, so tokens and redirects name {named}, which others may not reach"
            ));
        }
        let from_file = file.path.map(|path| path.display().to_string()).unwrap_or_default();
        configuration.origins = file.values.into_keys().map(|name| (name, from_file.clone())).collect();
        configuration.origins.extend(environment.into_keys().map(|name| (name, "environment".to_owned())));
        Ok(configuration)
    }

    fn take(variables: &mut Variables) -> Self {
        let listen = variables.take("PORTICO_LISTEN", values::listen).unwrap_or(DEFAULT_LISTEN);
        let serving = ServingSettings::take(variables);
        let settings = Settings::take(variables, Target::Native, &serving.default_public_url(listen));
        let path = |text: &str| Ok::<_, String>(PathBuf::from(text));
        let data_dir =
            variables.take("PORTICO_DATA_DIR", path).unwrap_or_else(|| PathBuf::from("./portico-data"));
        let models = variables.take("PORTICO_MODELS_FILE", models::read);
        let (models, models_file) =
            models.map_or((BuiltInModels::own(), None), |(models, path)| (models, Some(path)));
        let mut span = |name, default: u64, bounds| {
            variables.take(name, values::span(bounds)).unwrap_or(Duration::from_secs(default))
        };
        let shutdown_time_limit = span("PORTICO_SHUTDOWN_TIME_LIMIT", 30, 1..=600);
        Self {
            database: Database::take(variables, &data_dir),
            redis: variables.take("REDIS_URL", RedisAddress::parse),
            keys: GivenKeys::take(variables),
            logs: LogSettings {
                filter: variables.take("PORTICO_LOG", LogSettings::parse_filter).unwrap_or_default(),
                format: variables.take("PORTICO_LOG_FORMAT", LogFormat::parse),
            },
            journal_sync: variables.take("PORTICO_JOURNAL_SYNC", parse_sync).unwrap_or_default(),
            ca_file: variables.take("PORTICO_CA_FILE", path),
            record_statements: variables.take("PORTICO_RECORD_STATEMENTS", path),
            pprof: variables.take("PORTICO_PPROF", serving::on_or_off).unwrap_or(false),
            models: Arc::new(models),
            models_file,
            settings,
            public_url_is_set: false,
            listen,
            data_dir,
            shutdown_time_limit,
            serving,
            telemetry: TelemetrySettings::take(variables),
            warnings: Vec::new(),
            origins: BTreeMap::new(),
        }
    }

    /// The directory of the uses of keys that are still to be stored.
    pub(crate) fn usage(&self) -> PathBuf {
        self.data_dir.join("usage")
    }

    /// The directory of the deferred writes' journal.
    pub(crate) fn journal(&self) -> PathBuf {
        self.data_dir.join("journal")
    }
}

fn parse_sync(text: &str) -> Result<JournalSync, &'static str> {
    match text.trim() {
        "grouped" => Ok(JournalSync::Grouped),
        "every" => Ok(JournalSync::Every),
        _ => Err("must be grouped or every"),
    }
}

fn show_sync(sync: JournalSync) -> &'static str {
    match sync {
        JournalSync::Grouped => "grouped",
        JournalSync::Every => "every",
    }
}
