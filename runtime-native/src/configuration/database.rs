//! Which database, and how to reach it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use portico_domain::settings::Variables;
use portico_sql::{postgres::PostgresConfig, sqlite::SqliteConfig};
use url::Url;

use super::values::{count, span};

/// Where the data is.
#[derive(Clone)]
pub(crate) enum Database {
    /// In a file.
    Sqlite(SqliteConfig),
    /// On a server; the URL holds a password.
    Postgres(PostgresConfig),
}

enum Address {
    File(PathBuf),
    Server(String),
}

impl Database {
    /// Takes `DATABASE_URL`, else a file in the data directory, and what sets the connections to either.
    pub(super) fn take(variables: &mut Variables, data_dir: &Path) -> Self {
        let address = variables.take("DATABASE_URL", parse);
        let mut server = PostgresConfig::new("");
        let mut file = SqliteConfig::new("");
        if let Some(most) = variables.take("PORTICO_DATABASE_MAX_CONNECTIONS", count(1..=1_000)) {
            server.max_connections = most;
            file.readers = most;
        }
        let mut set = |name, values: [&mut Duration; 2], bounds| {
            if let Some(span) = variables.take(name, span(bounds)) {
                for value in values {
                    *value = span;
                }
            }
        };
        let waits = [&mut server.acquire_wait, &mut file.acquire_wait];
        set("PORTICO_DATABASE_ACQUIRE_WAIT", waits, 1..=60);
        let idle = [&mut server.idle_time, &mut file.idle_time];
        set("PORTICO_DATABASE_IDLE_TIME", idle, 1..=86_400);
        let limits = [&mut server.statement_timeout, &mut file.statement_time_limit];
        set("PORTICO_DATABASE_STATEMENT_TIME_LIMIT", limits, 1..=3_600);
        // Files go on living; a server's connections are renewed, and have a name there.
        if let Some(life) = variables.take("PORTICO_DATABASE_LIFE_TIME", span(60..=7 * 86_400)) {
            server.life_time = life;
        }
        if let Some(name) = variables.take("PORTICO_DATABASE_APPLICATION_NAME", application_name) {
            server.application_name = name;
        }
        match address {
            Some(Address::Server(url)) => {
                server.url = url;
                Self::Postgres(server)
            }
            Some(Address::File(path)) => Self::Sqlite(SqliteConfig { path, ..file }),
            None => Self::Sqlite(SqliteConfig { path: data_dir.join("portico.sqlite"), ..file }),
        }
    }

    /// The database's name for logs: no password, no parameters.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Sqlite(config) => format!("sqlite:{}", config.path.display()),
            Self::Postgres(config) => {
                let Ok(mut url) = Url::parse(&config.url) else { return "postgres://[redacted]".to_owned() };
                let hidden = url.password().is_some() && url.set_password(Some("REDACTED")).is_err();
                // Parameters may hold a password too.
                url.set_query(None);
                if hidden {
                    "postgres://[redacted]".to_owned()
                } else {
                    url.to_string().replace(":REDACTED@", ":[redacted]@")
                }
            }
        }
    }
}

/// What Postgres shows whole: it cuts names after 63 bytes, and makes question marks of what is not visible ASCII.
fn application_name(text: &str) -> Result<String, &'static str> {
    let name = text.trim();
    let is_shown = name.len() <= 63 && name.chars().all(|c| matches!(c, ' '..='~'));
    if is_shown { Ok(name.to_owned()) } else { Err("must be at most 63 characters of ASCII") }
}

fn parse(text: &str) -> Result<Address, &'static str> {
    const NEITHER: &str = "must be sqlite:<file> or postgres://<user>:<password>@<host>/<database>";
    let text = text.trim();
    if let Some(rest) = text.strip_prefix("sqlite:") {
        let path = rest.strip_prefix("//").unwrap_or(rest);
        return match path {
            ":memory:" => Err("must name a file: what is kept in memory would be gone with the process"),
            "" => Err("must name a file, such as sqlite:portico.sqlite"),
            path if path.contains('?') => Err("takes no parameters after the file's name"),
            path => Ok(Address::File(PathBuf::from(path))),
        };
    }
    let url = Url::parse(text).map_err(|_| NEITHER)?;
    let named = url.host_str().is_some_and(|host| !host.is_empty())
        || url.query().is_some_and(|query| query.contains("host="));
    match url.scheme() {
        "postgres" | "postgresql" if named => Ok(Address::Server(text.to_owned())),
        _ => Err(NEITHER),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(pairs: &[(&str, &str)]) -> Result<Database, String> {
        let mut variables = Variables::new(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        let database = Database::take(&mut variables, Path::new("data"));
        variables.finish().map(|()| database).map_err(|faults| faults[0].to_string())
    }

    #[test]
    fn files_and_servers_are_told_apart() {
        let shown = |url| take(&[("DATABASE_URL", url)]).map(|database| database.shown());
        assert_eq!(take(&[]).unwrap().shown(), "sqlite:data/portico.sqlite");
        assert_eq!(shown("sqlite:here.db").unwrap(), "sqlite:here.db");
        assert_eq!(shown("sqlite:///var/lib/here.db").unwrap(), "sqlite:/var/lib/here.db");
        for url in
            ["mysql://host/db", "sqlite:", "sqlite::memory:", "sqlite:a?mode=ro", "postgres:", "portico.db"]
        {
            let fault = shown(url).unwrap_err();
            assert!(fault.starts_with("DATABASE_URL "), "{fault}");
        }
    }

    #[test]
    fn passwords_are_not_shown() {
        let url =
            "postgresql://ada:obviously-fake@db.example:5433/portico?sslmode=require&password=also-fake";
        let shown = take(&[("DATABASE_URL", url)]).unwrap().shown();
        assert_eq!(shown, "postgresql://ada:[redacted]@db.example:5433/portico");
    }

    #[test]
    fn the_pool_is_set_within_bounds() {
        let set = [
            ("DATABASE_URL", "postgres://host/db"),
            ("PORTICO_DATABASE_MAX_CONNECTIONS", "7"),
            ("PORTICO_DATABASE_STATEMENT_TIME_LIMIT", "1m"),
            ("PORTICO_DATABASE_APPLICATION_NAME", " portico eu-1 "),
        ];
        let Ok(Database::Postgres(config)) = take(&set) else { panic!("a server") };
        assert_eq!((config.max_connections, config.statement_timeout), (7, Duration::from_secs(60)));
        assert_eq!(config.application_name, "portico eu-1");
        let Ok(Database::Sqlite(config)) = take(&set[1..]) else { panic!("a file") };
        assert_eq!((config.readers, config.statement_time_limit), (7, Duration::from_secs(60)));
        assert!(take(&[("PORTICO_DATABASE_MAX_CONNECTIONS", "0")]).is_err());
        let long = "n".repeat(64);
        for name in ["Zürich", "a\tb", &long] {
            assert!(take(&[("PORTICO_DATABASE_APPLICATION_NAME", name)]).is_err(), "{name}");
        }
    }

    #[test]
    fn every_fault_of_the_pool_is_told() {
        let wrong = [
            ("PORTICO_DATABASE_MAX_CONNECTIONS", "1001"),
            ("PORTICO_DATABASE_ACQUIRE_WAIT", "0s"),
            ("PORTICO_DATABASE_IDLE_TIME", "soon"),
            ("PORTICO_DATABASE_LIFE_TIME", "59s"),
            ("PORTICO_DATABASE_STATEMENT_TIME_LIMIT", "2h"),
            ("PORTICO_DATABASE_APPLICATION_NAME", "ä"),
        ];
        let mut variables = Variables::new(wrong.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        Database::take(&mut variables, Path::new("data"));
        let mut told: Vec<String> =
            variables.finish().unwrap_err().into_iter().map(|fault| fault.name).collect();
        let mut names = wrong.map(|(name, _)| name.to_owned());
        told.sort_unstable();
        names.sort_unstable();
        assert_eq!(told, names);
    }
}
