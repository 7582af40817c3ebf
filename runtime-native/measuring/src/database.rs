//! A database of one's own on somebody's Postgres, gone with what measured on it.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher as _, Hasher as _},
    path::Path,
};

use anyhow::Context as _;
use sqlx::{Connection as _, PgConnection};
use url::Url;

use crate::server;

/// An empty database with the present schema; it is dropped with this.
#[derive(Debug)]
pub struct Database {
    server: Url,
    url: Url,
    name: String,
}

impl Database {
    /// Makes one on the Postgres that `server` names (whose account must be allowed to), and brings it up to the schema by `portico migrate` of that binary.
    pub async fn create(server: &Url, portico: &Path) -> anyhow::Result<Self> {
        // Two measurements on one server at once must not meet; the random keys of a hasher differ each time.
        let name = format!("portico_measured_{:016x}", RandomState::new().build_hasher().finish());
        administer(server, &format!("CREATE DATABASE {name}")).await?;
        let mut url = server.clone();
        url.set_path(&name);
        let database = Self { server: server.clone(), url, name };
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
        let (server, name) = (self.server.clone(), std::mem::take(&mut self.name));
        // What drops this may be within a runtime, where nothing may be waited for; a thread of its own may. A server that is gone takes the database
        // with it, or keeps it where its owner sees what it is by its name.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
            let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            runtime.block_on(administer(&server, &statement)).ok()
        });
        let _ = dropping.join();
    }
}

async fn administer(server: &Url, statement: &str) -> anyhow::Result<()> {
    let shown = shown(server);
    let mut connection = PgConnection::connect(server.as_str())
        .await
        .with_context(|| format!("connecting to the Postgres of {shown}"))?;
    // The statement holds nothing but words of this file and a name that it made.
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
        .execute(&mut connection)
        .await
        .with_context(|| format!("{statement} on {shown}"))?;
    connection.close().await?;
    Ok(())
}

/// The address without the password, for messages.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    if url.password().is_some() {
        // Fails for URLs without a host alone, which have no password.
        let _ = url.set_password(Some("***"));
    }
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_that_is_not_there_is_named_without_its_password() {
        let url = Url::parse("postgres://ada:obviously-fake@127.0.0.1:1/postgres").unwrap();
        let told = Database::create(&url, Path::new("portico")).await.unwrap_err();
        let told = format!("{told:#}");
        assert!(told.contains("127.0.0.1:1") && !told.contains("obviously-fake"), "{told}");
    }
}
