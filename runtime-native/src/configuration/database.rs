//! Which database, and how to reach it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use portico_domain::settings::Variables;
use portico_sql::postgres::PostgresConfig;
use url::Url;

use super::values::{count, span};

/// Where the data is.
#[derive(Clone)]
pub(crate) enum Database {
    /// In a file.
    Sqlite(PathBuf),
    /// On a server; the URL holds a password.
    Postgres(PostgresConfig),
}

enum Address {
    File(PathBuf),
    Server(String),
}

impl Database {
    /// Takes `DATABASE_URL`, else a file in the data directory, and what sets the pool of a server's connections.
    pub(super) fn take(variables: &mut Variables, data_dir: &Path) -> Self {
        let address = variables.take("DATABASE_URL", parse);
        let mut config = PostgresConfig::new("");
        let most = variables.take("PORTICO_DATABASE_MAX_CONNECTIONS", count(1..=1_000));
        config.max_connections = most.unwrap_or(config.max_connections);
        let mut set = |name, value: &mut Duration, bounds| {
            if let Some(span) = variables.take(name, span(bounds)) {
                *value = span;
            }
        };
        set("PORTICO_DATABASE_ACQUIRE_WAIT", &mut config.acquire_wait, 1..=60);
        set("PORTICO_DATABASE_IDLE_TIME", &mut config.idle_time, 1..=86_400);
        set("PORTICO_DATABASE_LIFE_TIME", &mut config.life_time, 60..=7 * 86_400);
        set("PORTICO_DATABASE_STATEMENT_TIME_LIMIT", &mut config.statement_timeout, 1..=3_600);
        match address {
            Some(Address::Server(url)) => {
                config.url = url;
                Self::Postgres(config)
            }
            Some(Address::File(path)) => Self::Sqlite(path),
            None => Self::Sqlite(data_dir.join("portico.sqlite")),
        }
    }

    /// The database's name for logs: no password, no parameters.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite:{}", path.display()),
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
        ];
        let Ok(Database::Postgres(config)) = take(&set) else { panic!("a server") };
        assert_eq!((config.max_connections, config.statement_timeout), (7, Duration::from_secs(60)));
        assert!(take(&[("PORTICO_DATABASE_MAX_CONNECTIONS", "0")]).is_err());
    }
}
