//! The effective configuration, a setting a line.

use std::{
    io::{self, Write},
    path::Path,
};

use portico_domain::{
    cache::Prefix,
    models::Quota,
    settings::{BotRoute, Switch},
};
use portico_http_api::MetricsAccess;

use super::{
    Configuration, Database, ServingSettings, TelemetrySettings, TlsFiles, TraceTarget, show_sync,
    values::show_span,
};
use crate::secrets;

/// What is printed of a setting's value.
enum Shown {
    Value(String),
    Redacted,
    Unset(&'static str),
}

/// Prints every setting with its value and where it comes from, secrets redacted.
pub(crate) fn print(configuration: &Configuration, out: &mut dyn Write) -> io::Result<()> {
    for (name, shown) in lines(configuration) {
        let origin = configuration.origins.get(&name).map_or("default", String::as_str);
        match shown {
            Shown::Value(value) => writeln!(out, "{name}={value}  # {origin}")?,
            Shown::Redacted => writeln!(out, "{name}=[redacted]  # {origin}")?,
            Shown::Unset(why) => writeln!(out, "# {name} is not set: {why}")?,
        }
    }
    Ok(())
}

fn lines(configuration: &Configuration) -> Vec<(String, Shown)> {
    let mut lines = process(configuration);
    lines.extend(serving(&configuration.serving));
    lines.extend(telemetry(&configuration.telemetry));
    lines.extend(database(configuration));
    let redis = configuration.redis.as_ref().map(ToString::to_string);
    let redis = redis.map_or(Shown::Unset("limits and cache are this process' own"), Shown::Value);
    lines.push(("REDIS_URL".to_owned(), redis));
    lines.extend(keys(configuration));
    lines.extend(shared(configuration));
    lines.extend(limits(configuration));
    lines.extend(bots(configuration));
    lines.extend(browsers(configuration));
    lines.extend(Switch::ALL.map(|switch| {
        let on = configuration.settings.switches.is_on(switch);
        (format!("PORTICO_FLOW_{}", switch.name()), Shown::Value(if on { "on" } else { "off" }.to_owned()))
    }));
    lines
}

#[expect(clippy::needless_pass_by_value, reason = "most values are made for this call")]
fn line(name: &str, value: impl ToString) -> (String, Shown) {
    (name.to_owned(), Shown::Value(value.to_string()))
}

fn secret(name: &str, is_set: bool, otherwise: &'static str) -> (String, Shown) {
    (name.to_owned(), if is_set { Shown::Redacted } else { Shown::Unset(otherwise) })
}

fn process(configuration: &Configuration) -> Vec<(String, Shown)> {
    let logs = &configuration.logs;
    let format = logs.format.map_or(Shown::Unset("human on a terminal, json otherwise"), |format| {
        Shown::Value(format.as_str().to_owned())
    });
    let authorities = configuration
        .ca_file
        .as_ref()
        .map_or(Shown::Unset("the usual authorities alone are trusted"), |path| {
            Shown::Value(path.display().to_string())
        });
    let recording = configuration.record_statements.as_ref();
    let recording = recording
        .map_or(Shown::Unset("what requests ask of the database is not recorded"), |path| {
            Shown::Value(path.display().to_string())
        });
    let models = configuration.models_file.as_ref();
    let models = models.map_or(Shown::Unset("the program brings a catalogue of models"), |path| {
        Shown::Value(path.display().to_string())
    });
    vec![
        line("PORTICO_LISTEN", configuration.listen),
        line("PORTICO_DATA_DIR", configuration.data_dir.display()),
        line("PORTICO_LOG", &logs.filter),
        ("PORTICO_LOG_FORMAT".to_owned(), format),
        line("PORTICO_JOURNAL_SYNC", show_sync(configuration.journal_sync)),
        line("PORTICO_SHUTDOWN_TIME_LIMIT", show_span(configuration.shutdown_time_limit)),
        ("PORTICO_CA_FILE".to_owned(), authorities),
        ("PORTICO_MODELS_FILE".to_owned(), models),
        ("PORTICO_RECORD_STATEMENTS".to_owned(), recording),
        line("PORTICO_PPROF", if configuration.pprof { "on" } else { "off" }),
    ]
}

fn serving(serving: &ServingSettings) -> Vec<(String, Shown)> {
    let file = |path: fn(&TlsFiles) -> &Path| {
        serving.tls.as_ref().map_or(Shown::Unset("connections are in clear text"), |files| {
            Shown::Value(path(files).display().to_string())
        })
    };
    vec![
        line("PORTICO_IDLE_TIME_LIMIT", show_span(serving.idle_time_limit)),
        line("PORTICO_HEADER_TIME_LIMIT", show_span(serving.header_time_limit)),
        line("PORTICO_BODY_TIME_LIMIT", show_span(serving.body_time_limit)),
        line("PORTICO_SEND_TIME_LIMIT", show_span(serving.send_time_limit)),
        line("PORTICO_MAX_CONNECTIONS", serving.max_connections),
        line("PORTICO_HTTP2", if serving.speaks_http2 { "on" } else { "off" }),
        ("PORTICO_TLS_CERTIFICATE".to_owned(), file(|files| &files.certificate)),
        ("PORTICO_TLS_KEY".to_owned(), file(|files| &files.key)),
    ]
}

fn database(configuration: &Configuration) -> Vec<(String, Shown)> {
    let mut lines = vec![line("DATABASE_URL", configuration.database.shown())];
    match &configuration.database {
        Database::Postgres(config) => lines.extend([
            line("PORTICO_DATABASE_MAX_CONNECTIONS", config.max_connections),
            line("PORTICO_DATABASE_ACQUIRE_WAIT", show_span(config.acquire_wait)),
            line("PORTICO_DATABASE_IDLE_TIME", show_span(config.idle_time)),
            line("PORTICO_DATABASE_LIFE_TIME", show_span(config.life_time)),
            line("PORTICO_DATABASE_STATEMENT_TIME_LIMIT", show_span(config.statement_timeout)),
            line("PORTICO_DATABASE_APPLICATION_NAME", &config.application_name),
        ]),
        Database::Sqlite(config) => {
            let of_servers = |name: &str| (name.to_owned(), Shown::Unset("a file's connections have none"));
            lines.extend([
                line("PORTICO_DATABASE_MAX_CONNECTIONS", config.readers),
                line("PORTICO_DATABASE_ACQUIRE_WAIT", show_span(config.acquire_wait)),
                line("PORTICO_DATABASE_IDLE_TIME", show_span(config.idle_time)),
                of_servers("PORTICO_DATABASE_LIFE_TIME"),
                line("PORTICO_DATABASE_STATEMENT_TIME_LIMIT", show_span(config.statement_time_limit)),
                of_servers("PORTICO_DATABASE_APPLICATION_NAME"),
            ]);
        }
    }
    lines
}

fn keys(configuration: &Configuration) -> Vec<(String, Shown)> {
    let keys = &configuration.keys;
    let kept = secrets::JWT_SECRET.file(&configuration.data_dir).exists();
    let otherwise = if kept {
        "the one in the data directory is used"
    } else {
        "one is made at the first start and kept in the data directory"
    };
    let encryption = if secrets::ENCRYPTION_KEYS.file(&configuration.data_dir).exists() {
        "the keys in the data directory are used"
    } else {
        "a key is made at the first start and kept in the data directory"
    };
    vec![
        secret("JWT_SECRET", keys.secret.is_some(), otherwise),
        secret("JWT_SECRET_PREVIOUS", !keys.previous_secrets.is_empty(), "no older secret is honoured"),
        secret("PORTICO_JWT_ED25519", keys.ed25519.is_some(), "access tokens are signed with HS256"),
        secret(
            "PORTICO_JWT_ED25519_PREVIOUS",
            !keys.previous_ed25519_public.is_empty(),
            "no older key is honoured",
        ),
        secret("PORTICO_ENCRYPTION_KEYS", !keys.encryption.is_empty(), encryption),
    ]
}

fn shared(configuration: &Configuration) -> Vec<(String, Shown)> {
    let settings = &configuration.settings;
    let keys = settings.cache.of(Prefix::ApiKey);
    let public_url = if configuration.public_url_is_set || configuration.listen.port() != 0 {
        Shown::Value(settings.public_url.clone())
    } else {
        Shown::Unset("the address listened on")
    };
    let mut lines = vec![
        ("PORTICO_PUBLIC_URL".to_owned(), public_url),
        line("PORTICO_SIGNUP", if settings.signup_open { "open" } else { "closed" }),
        line("PORTICO_ACCESS_LIFETIME", show_span(settings.access_lifetime)),
        line("PORTICO_REFRESH_LIFETIME", show_span(settings.refresh_lifetime)),
        line("PORTICO_REFRESH_GRACE", show_span(settings.refresh_grace)),
        line("PORTICO_BCRYPT_COST", settings.bcrypt_cost),
        line("PORTICO_HASH_DEADLINE", show_span(settings.hash_deadline)),
        line("PORTICO_TRUSTED_PROXIES", settings.trusted_proxies),
        line("PORTICO_BODY_LIMIT", settings.body_limit),
        line("PORTICO_COMPRESSION_FROM", settings.compression_least_bytes),
        line("PORTICO_REQUEST_TIME_LIMIT", show_span(settings.request_time_limit)),
        line("PORTICO_CACHE_MEMORY", settings.cache_memory),
        line("PORTICO_API_KEY_LIFETIME", show_span(keys.lifetime)),
        line(
            "PORTICO_API_KEY_STALE",
            if keys.stale_when_away.is_zero() { "off".to_owned() } else { show_span(keys.stale_when_away) },
        ),
        line("PORTICO_WARM_KEYS", settings.warm_keys),
    ];
    if let Some(github) = &settings.github {
        lines.extend([
            line("PORTICO_GITHUB_CLIENT_ID", &github.client_id),
            secret("PORTICO_GITHUB_CLIENT_SECRET", true, ""),
            line("PORTICO_GITHUB_AUTHORIZE_URL", &github.authorize_url),
            line("PORTICO_GITHUB_TOKEN_URL", &github.token_url),
            line("PORTICO_GITHUB_API_URL", &github.api_url),
        ]);
    } else {
        let names = ["CLIENT_ID", "CLIENT_SECRET", "AUTHORIZE_URL", "TOKEN_URL", "API_URL"];
        let off = || Shown::Unset("sign-in through GitHub is off");
        lines.extend(names.map(|name| (format!("PORTICO_GITHUB_{name}"), off())));
    }
    lines
}

fn bots(configuration: &Configuration) -> Vec<(String, Shown)> {
    let bots = &configuration.settings.bots;
    let policy = |route: BotRoute| line(route.variable(), bots.policy(route));
    let mut lines = Vec::from(BotRoute::ALL.map(policy));
    lines.push(line("PORTICO_BOT_DNS_URL", bots.dns_url.as_deref().unwrap_or("off")));
    lines
}

fn telemetry(telemetry: &TelemetrySettings) -> Vec<(String, Shown)> {
    let (access, token) = match &telemetry.metrics {
        None => ("off", false),
        Some(MetricsAccess::Admin(token)) => ("admin", token.is_some()),
        Some(MetricsAccess::Open) => ("open", false),
    };
    let traces = telemetry.traces.as_ref();
    let of = |shown: fn(&TraceTarget) -> String| {
        traces.map_or(Shown::Unset("nothing is traced"), |target| Shown::Value(shown(target)))
    };
    vec![
        line("PORTICO_METRICS", access),
        secret("PORTICO_METRICS_TOKEN", token, "a scraper has no token of its own"),
        ("PORTICO_OTLP_ENDPOINT".to_owned(), of(|target| target.endpoint.clone())),
        ("PORTICO_TRACE_SAMPLE".to_owned(), of(|target| target.sample.to_string())),
        ("PORTICO_TRACE_SERVICE_NAME".to_owned(), of(|target| target.service.clone())),
    ]
}

fn browsers(configuration: &Configuration) -> Vec<(String, Shown)> {
    let settings = &configuration.settings;
    let browsers = &settings.browsers;
    let origins = browsers.origins.shown();
    let origins = origins.map_or(Shown::Unset("no other origin's pages may read answers"), Shown::Value);
    let transport = match (browsers.strict_transport, settings.strict_transport()) {
        (None, _) => Shown::Value("off".to_owned()),
        (Some(_), None) => Shown::Unset("the public address is not https, or is this machine's own"),
        (Some(_), Some(span)) => Shown::Value(show_span(span)),
    };
    vec![
        ("PORTICO_CORS_ORIGINS".to_owned(), origins),
        line("PORTICO_CORS_CREDENTIALS", if browsers.credentials { "on" } else { "off" }),
        line("PORTICO_CORS_MAX_AGE", show_span(browsers.preflight_lifetime)),
        ("PORTICO_HSTS".to_owned(), transport),
    ]
}

fn limits(configuration: &Configuration) -> Vec<(String, Shown)> {
    let limits = configuration.settings.limits;
    let shown = |quota: Option<Quota>| quota.map_or_else(|| "off".to_owned(), |quota| quota.to_string());
    vec![
        line("PORTICO_LIMIT_LOGIN", shown(limits.login)),
        line("PORTICO_LIMIT_REGISTER", shown(limits.register)),
        line("PORTICO_LIMIT_REFRESH", shown(limits.refresh)),
        line("PORTICO_LIMIT_PASSWORD", shown(limits.password)),
        line("PORTICO_LIMIT_OAUTH", shown(limits.oauth)),
        line("PORTICO_LIMIT_KEY", shown(limits.key)),
        line("PORTICO_LIMIT_BOT", shown(limits.bot)),
        line("PORTICO_LIMIT_ACCOUNT", shown(limits.account)),
        line("PORTICO_LIMIT_ADDRESS", shown(limits.address)),
        line("PORTICO_LIMIT_OPEN_WHEN_AWAY", limits.open_when_away.names()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names in the sources that take settings, so that one that is added there is missed here.
    fn taken() -> Vec<String> {
        let sources = [
            include_str!("mod.rs"),
            include_str!("database.rs"),
            include_str!("keys.rs"),
            include_str!("serving.rs"),
            include_str!("telemetry.rs"),
            include_str!("../../../domain/src/settings/mod.rs"),
            include_str!("../../../domain/src/settings/caching.rs"),
            include_str!("../../../domain/src/settings/limits.rs"),
            include_str!("../../../domain/src/settings/bots.rs"),
            include_str!("../../../domain/src/settings/browsers.rs"),
        ];
        let code = |source: &str| source.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
        let literals =
            |code: String| code.split('"').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
        let is_name =
            |text: &String| text.len() > 8 && text.chars().all(|c| matches!(c, 'A'..='Z' | '0'..='9' | '_'));
        sources.into_iter().map(code).flat_map(literals).filter(is_name).collect()
    }

    #[test]
    fn every_setting_is_printed() {
        let environment = [
            ("PORTICO_GITHUB_CLIENT_ID", "id"),
            ("PORTICO_GITHUB_CLIENT_SECRET", "fake"),
            ("DATABASE_URL", "postgres://host/db"),
        ];
        let taken = taken();
        assert!(taken.len() > 25, "{taken:?}");
        // With a server, and with a file.
        for environment in [&environment[..], &environment[..2]] {
            let environment = environment.iter().map(|(name, value)| ((*name).into(), (*value).into()));
            let configuration = Configuration::from(environment, None).unwrap();
            let printed: Vec<String> = lines(&configuration).into_iter().map(|(name, _)| name).collect();
            for name in &taken {
                assert!(printed.contains(name), "{name} in {printed:?}");
            }
        }
    }

    #[test]
    fn what_is_printed_reads_back_as_the_same() {
        let shown = |configuration: &Configuration| -> Vec<(String, String)> {
            let values = lines(configuration).into_iter().filter_map(|(name, shown)| match shown {
                Shown::Value(value) => Some((name, value)),
                Shown::Redacted | Shown::Unset(_) => None,
            });
            values.collect()
        };
        let first = shown(&Configuration::from(std::iter::empty(), None).unwrap());
        let environment = first.iter().map(|(name, value)| (name.into(), value.into())).collect::<Vec<_>>();
        let again = shown(&Configuration::from(environment.into_iter(), None).unwrap());
        assert_eq!(first, again);
    }
}
