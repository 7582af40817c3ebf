//! A database of one's own on somebody's Postgres, gone with what measured on it.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher as _, Hasher as _},
    io::{self, Write as _},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context as _, anyhow};
use sqlx::{Connection as _, PgConnection};
use tokio::{sync::oneshot, time::timeout};
use url::Url;

use crate::server;

/// What may follow the question mark. Everything else might win over what stands before it, as `dbname` and `host` do: the database of one's own would then be
/// somebody's real one, and the delaying line would be passed by.
const PARAMETERS: [&str; 12] = [
    "application_name",
    "channel_binding",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
];
const NO_POSTGRES: &str =
    "must be the URL of a Postgres, such as postgres://user:password@host:5432/postgres";
const OTHER_PARAMETERS: &str = "may have no parameters but application_name, channel_binding, statement-cache-capacity and those of TLS, such as sslmode: host, port, user, password and \
     database stand before the question mark, because a parameter would win over them";
/// How long making or dropping one may take. `CREATE DATABASE` copies a template, and waits for others that do.
const PATIENCE: Duration = Duration::from_secs(60);

/// Reads where databases may be made. Why it was refused never repeats the text, which may hold a password.
pub fn parse(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| NO_POSTGRES)?;
    check(&url)?;
    Ok(url)
}

fn check(url: &Url) -> Result<(), &'static str> {
    let is_postgres = matches!(url.scheme(), "postgres" | "postgresql");
    if !is_postgres || url.host_str().is_none_or(str::is_empty) {
        return Err(NO_POSTGRES);
    }
    let known = |name: &str| PARAMETERS.contains(&name);
    if url.query_pairs().all(|(name, _)| known(&name)) { Ok(()) } else { Err(OTHER_PARAMETERS) }
}

/// An address for messages and reports: without its password, and without parameters, which may hold one too.
#[must_use]
pub fn without_password(url: &Url) -> String {
    let mut url = url.clone();
    if url.password().is_some() {
        // Fails for URLs without a host alone, which have no password.
        let _ = url.set_password(Some("redacted"));
    }
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

/// An empty database with the present schema; it is dropped with this.
#[derive(Debug)]
pub struct Database {
    server: Url,
    url: Url,
    name: String,
    /// Makes it, whether or not somebody still waits for that.
    making: Option<JoinHandle<()>>,
    /// Whether the server was reached, and so may hold it.
    reached: Arc<AtomicBool>,
}

impl Database {
    /// Makes one on the Postgres that `server` names (whose account must be allowed to), and brings it up to the schema by `portico migrate` of that binary.
    pub async fn create(server: &Url, portico: &Path) -> anyhow::Result<Self> {
        check(server).map_err(|why| anyhow!("{}: it {why}", without_password(server)))?;
        // Two measurements on one server at once must not meet; the random keys of a hasher differ each time.
        let name = format!("portico_measured_{:016x}", RandomState::new().build_hasher().finish());
        let mut url = server.clone();
        url.set_path(&name);
        let (reached, (tell, made)) = (Arc::new(AtomicBool::new(false)), oneshot::channel());
        let making = {
            let (server, reached) = (server.clone(), Arc::clone(&reached));
            let statement = format!("CREATE DATABASE {name}");
            // A statement that nobody waits for any more would still be carried out, after anything that could drop the database: so whoever drops this waits.
            thread::spawn(move || {
                // Nobody listens once the measurement was interrupted.
                let _ = tell.send(administer(&server, &statement, &reached));
            })
        };
        // From here on what fails, or is given up, takes the database with it.
        let database = Self { server: server.clone(), url, name, making: Some(making), reached };
        made.await.context("making a database")??;
        let variables = [("DATABASE_URL".to_owned(), database.url.to_string())];
        server::run(portico, &["migrate"], &variables, None, "").await?;
        Ok(database)
    }

    /// How a client reaches it.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(making) = self.making.take() {
            let _ = making.join();
        }
        if !self.reached.load(Ordering::Relaxed) {
            return;
        }
        let server = self.server.clone();
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // What drops this may be within a runtime, where nothing may be waited for; a thread of its own may.
        let dropping = thread::spawn(move || administer(&server, &statement, &AtomicBool::new(false)));
        let dropped = dropping.join().unwrap_or_else(|_| Err(anyhow!("the thread that drops it failed")));
        if let Err(error) = dropped {
            // There is nowhere left to say that this failed.
            let _ = writeln!(io::stderr(), "{}", left_behind(&self.name, &error));
        }
    }
}

fn left_behind(name: &str, error: &anyhow::Error) -> String {
    format!("the database {name} could not be dropped, and may be left: {error:#}")
}

/// Carries out a statement by a runtime of its own, and tells by `reached` that the server was there to carry it out.
fn administer(server: &Url, statement: &str, reached: &AtomicBool) -> anyhow::Result<()> {
    let shown = without_password(server);
    let work = async {
        let mut connection = PgConnection::connect(server.as_str())
            .await
            .with_context(|| format!("connecting to the Postgres of {shown}"))?;
        reached.store(true, Ordering::Relaxed);
        // The statement holds nothing but words of this file and a name that it made.
        sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
            .execute(&mut connection)
            .await
            .with_context(|| format!("{statement} on {shown}"))?;
        connection.close().await?;
        Ok(())
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let done = runtime.block_on(async { timeout(PATIENCE, work).await });
    done.with_context(|| format!("{statement} on {shown} took more than {PATIENCE:?}"))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{cluster::Cluster, scratch::Scratch};

    #[tokio::test]
    async fn a_server_that_is_not_there_is_named_without_its_password() {
        let url = Url::parse("postgres://ada:obviously-fake@127.0.0.1:1/postgres").unwrap();
        let told = Database::create(&url, Path::new("portico")).await.unwrap_err();
        let told = format!("{told:#}");
        assert!(told.contains("127.0.0.1:1") && !told.contains("obviously-fake"), "{told}");
    }

    #[tokio::test]
    async fn a_parameter_that_would_win_over_the_database_is_refused() {
        let at = "postgres://ada:obviously-fake@127.0.0.1:1/postgres";
        for name in [
            "dbname",
            "%64bname",
            "host",
            "hostaddr",
            "port",
            "user",
            "password",
            "options",
            "options[x]",
            "service",
            "DBNAME",
        ] {
            let text = format!("{at}?sslmode=require&{name}=obviously-fake");
            assert_eq!(parse(&text), Err(OTHER_PARAMETERS), "{name}");
            let told = Database::create(&Url::parse(&text).unwrap(), Path::new("portico")).await;
            let told = format!("{:#}", told.unwrap_err());
            assert!(told.contains("parameter") && !told.contains("obviously-fake"), "{told}");
        }
        for wrong in
            ["postgres:///x", "postgres:", "postgres://", "mysql://h/x", "sqlite:x", "localhost:5432"]
        {
            assert_eq!(parse(wrong), Err(NO_POSTGRES), "{wrong}");
        }
        assert!(parse(at).is_ok() && parse(&format!("{at}?sslmode=require&channel_binding=require")).is_ok());
    }

    #[test]
    fn neither_the_password_nor_parameters_are_shown() {
        let url = Url::parse("postgres://ada:secret@h:1/d?password=secret&sslmode=require#secret").unwrap();
        assert_eq!(without_password(&url), "postgres://ada:redacted@h:1/d");
        let told = left_behind("portico_measured_1", &anyhow!("it is away"));
        assert!(told.contains("portico_measured_1") && told.contains("it is away"), "{told}");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn one_that_was_given_up_while_it_was_made_is_dropped() {
        let (files, scratch) = (Scratch::new().unwrap(), Scratch::new().unwrap());
        let cluster = Cluster::start(files.path(), &scratch.path().join("log"), &[]).await.unwrap();
        for millis in [1, 5, 10, 15, 20, 30, 40, 60, 80, 120] {
            let creating = Database::create(cluster.url(), Path::new("/bin/true"));
            drop(timeout(Duration::from_millis(millis), creating).await);
        }
        // What is carried out for nobody ends a little later.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let mut connection = PgConnection::connect(cluster.url().as_str()).await.unwrap();
        let left: Vec<String> =
            sqlx::query_scalar("SELECT datname FROM pg_database WHERE datname LIKE 'portico_measured_%'")
                .fetch_all(&mut connection)
                .await
                .unwrap();
        assert_eq!(left, Vec::<String>::new());
    }
}
