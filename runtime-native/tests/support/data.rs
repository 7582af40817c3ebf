//! A look into the server's database, from a connection of our own.

use sqlx::{ConnectOptions, Connection, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};

/// A connection to the database of a server.
pub enum Data {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Data {
    pub async fn open(url: &str) -> Self {
        match url.strip_prefix("sqlite:") {
            Some(path) => Self::Sqlite(SqliteConnectOptions::new().filename(path).connect().await.unwrap()),
            None => Self::Postgres(PgConnection::connect(url).await.unwrap()),
        }
    }

    /// The one number that a statement gives.
    pub async fn number(&mut self, sql: &'static str) -> i64 {
        match self {
            Self::Sqlite(connection) => sqlx::query_scalar(sql).fetch_one(connection).await.unwrap(),
            Self::Postgres(connection) => sqlx::query_scalar(sql).fetch_one(connection).await.unwrap(),
        }
    }

    pub async fn sessions(&mut self) -> i64 {
        self.number("SELECT count(*) FROM sessions").await
    }

    /// How many accounts have signed in.
    pub async fn signed_in(&mut self) -> i64 {
        self.number("SELECT count(*) FROM users WHERE last_login_at IS NOT NULL").await
    }

    async fn run(&mut self, sql: &'static str) {
        match self {
            Self::Sqlite(connection) => sqlx::raw_sql(sql).execute(connection).await.map(drop).unwrap(),
            Self::Postgres(connection) => sqlx::raw_sql(sql).execute(connection).await.map(drop).unwrap(),
        }
    }

    /// Forgets who has signed in, so that the next sign-in can be told.
    pub async fn forget_sign_ins(&mut self) {
        self.run("DELETE FROM sessions").await;
        self.run("UPDATE users SET last_login_at = NULL").await;
    }

    /// Lets nobody write, while everybody may read.
    pub async fn hold_writes(&mut self) {
        match self {
            Self::Sqlite(_) => self.run("BEGIN IMMEDIATE").await,
            Self::Postgres(_) => self.run("BEGIN; LOCK TABLE users, sessions IN SHARE MODE").await,
        }
    }

    /// Waits until a writer has run into the hold. `SQLite` can't say so; there a writer needs none of our patience, as it fails or waits by
    /// itself.
    pub async fn wait_for_a_held_writer(&mut self) {
        if matches!(self, Self::Sqlite(_)) {
            return;
        }
        for _ in 0..1_000 {
            if self.number("SELECT count(*) FROM pg_locks WHERE NOT granted").await > 0 {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("nobody wants to write");
    }

    /// Ends the hold. On Postgres, also what a killed server's connections still wait to do: their server processes notice its end only once
    /// they go on.
    pub async fn release_writes(&mut self) {
        if matches!(self, Self::Postgres(_)) {
            let ended = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity \
                WHERE datname = current_database() AND pid <> pg_backend_pid()";
            self.number(ended).await;
        }
        self.run("ROLLBACK").await;
    }
}
