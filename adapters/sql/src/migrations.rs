//! The schema's history, and what of it a database still lacks.
//!
//! Each driver applies all missing migrations in one transaction under a lock: two processes that start together don't meet, a failure
//! leaves the database as it was, and running it again changes nothing.

use portico_domain::{models::Digest, ports::Unavailable};

/// One step of the schema. Once released it is never edited: the next one mends it.
#[derive(Debug)]
pub struct Migration {
    /// Its place in the history, from 1.
    pub version: i64,
    /// What it brings.
    pub name: &'static str,
    /// For Postgres.
    pub postgres: &'static str,
    /// For `SQLite`.
    pub sqlite: &'static str,
}

macro_rules! migrations {
    ($($version:literal $name:literal;)*) => {
        /// The history, oldest first.
        pub static MIGRATIONS: &[Migration] = &[$(Migration {
            version: $version,
            name: $name,
            postgres: include_str!(concat!("../migrations/postgres/", $name, ".sql")),
            sqlite: include_str!(concat!("../migrations/sqlite/", $name, ".sql")),
        }),*];
    };
}

migrations! {
    1 "0001_identity";
    2 "0002_api_keys";
    3 "0003_key_usage";
    4 "0004_cache_experiments";
    5 "0005_models";
    6 "0006_settings";
    7 "0007_messaging";
    8 "0008_catalogue";
}

/// What a run of the migrations did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// The names of those applied now.
    pub applied: Vec<&'static str>,
    /// How many were there already.
    pub present: usize,
}

/// Why the database was left as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MigrationError {
    /// A migration was edited after it had been applied here.
    #[error(
        "migration {name} was changed after it had been applied to this database; undo the change and add a new migration"
    )]
    Changed {
        /// Which.
        name: &'static str,
    },
    /// The database was migrated by a newer program.
    #[error("the database has migration {version}, which this program doesn't know; run the newer program")]
    Newer {
        /// The first unknown one.
        version: i64,
    },
    /// The database didn't answer, or refused a statement.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// A migration that a database says was applied to it.
pub(crate) struct Applied {
    pub(crate) version: i64,
    pub(crate) checksum: String,
}

/// The checksum that is recorded of a migration's text.
pub(crate) fn checksum(text: &str) -> String {
    Digest::of(text.as_bytes()).to_hex()
}

/// Decides what is missing, or why nothing may be applied. `text` chooses the dialect.
pub(crate) fn missing<'a>(
    history: &'a [Migration],
    applied: &[Applied],
    text: fn(&Migration) -> &'static str,
) -> Result<Vec<&'a Migration>, MigrationError> {
    for past in applied {
        let migration = history
            .iter()
            .find(|migration| migration.version == past.version)
            .ok_or(MigrationError::Newer { version: past.version })?;
        if checksum(text(migration)) != past.checksum {
            return Err(MigrationError::Changed { name: migration.name });
        }
    }
    Ok(history
        .iter()
        .filter(|migration| applied.iter().all(|past| past.version != migration.version))
        .collect())
}

/// Applies what is missing within `$transaction`, after `$begin` has taken the lock and made sure of the record. A macro, because sqlx's
/// connections share no trait that would let one function do it for both databases.
macro_rules! apply_missing {
    ($transaction:ident, $begin:expr, $dialect:ident, $now:expr) => {{
        use $crate::migrations::{Applied, MIGRATIONS, Migrated, checksum, missing, sqlx_error};
        let told = |error: sqlx::Error| sqlx_error("migrating", &error);
        sqlx::raw_sql($begin).execute(&mut *$transaction).await.map_err(told)?;
        let mut applied = Vec::new();
        let record = "SELECT version, checksum FROM portico_migrations ORDER BY version";
        for row in sqlx::query(record).fetch_all(&mut *$transaction).await.map_err(told)? {
            let version = row.try_get(0).map_err(told)?;
            applied.push(Applied { version, checksum: row.try_get(1).map_err(told)? });
        }
        let missing = missing(MIGRATIONS, &applied, |migration| migration.$dialect)?;
        for migration in &missing {
            let told = |error: sqlx::Error| sqlx_error(migration.name, &error);
            sqlx::raw_sql(migration.$dialect).execute(&mut *$transaction).await.map_err(told)?;
            let record = "INSERT INTO portico_migrations (version, name, checksum, applied_at_micros) \
                          VALUES ($1, $2, $3, $4)";
            sqlx::query(record)
                .bind(migration.version)
                .bind(migration.name)
                .bind(checksum(migration.$dialect))
                .bind($now.micros())
                .execute(&mut *$transaction)
                .await
                .map_err(told)?;
        }
        Migrated { applied: missing.iter().map(|migration| migration.name).collect(), present: applied.len() }
    }};
}
pub(crate) use apply_missing;

/// Tells why a migration failed. What its message quotes is the migration's own SQL.
pub(crate) fn sqlx_error(name: &str, error: &sqlx::Error) -> Unavailable {
    let detail = match error {
        sqlx::Error::Database(told) => format!("{name}: {}", told.message()),
        _ => crate::faults::describe(name, error),
    };
    Unavailable::new(crate::driver::SERVICE, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HISTORY: &[Migration] = &[
        Migration { version: 1, name: "0001_a", postgres: "A", sqlite: "a" },
        Migration { version: 2, name: "0002_b", postgres: "B", sqlite: "b" },
    ];

    fn applied(version: i64, text: &str) -> Applied {
        Applied { version, checksum: checksum(text) }
    }

    fn names(applied: &[Applied]) -> Result<Vec<&'static str>, MigrationError> {
        missing(HISTORY, applied, |migration| migration.postgres)
            .map(|missing| missing.into_iter().map(|migration| migration.name).collect())
    }

    #[test]
    fn only_what_is_missing_is_applied() {
        assert_eq!(names(&[]), Ok(vec!["0001_a", "0002_b"]));
        assert_eq!(names(&[applied(1, "A")]), Ok(vec!["0002_b"]));
        assert_eq!(names(&[applied(1, "A"), applied(2, "B")]), Ok(vec![]));
    }

    #[test]
    fn a_changed_past_and_an_unknown_future_are_refused() {
        assert_eq!(names(&[applied(1, "edited")]), Err(MigrationError::Changed { name: "0001_a" }));
        assert_eq!(names(&[applied(3, "C")]), Err(MigrationError::Newer { version: 3 }));
    }

    #[test]
    fn versions_count_up_and_stand_in_the_names() {
        for (place, migration) in (1..).zip(MIGRATIONS) {
            assert_eq!(migration.version, place);
            assert!(migration.name.starts_with(&format!("{place:04}_")), "{}", migration.name);
        }
    }
}
