//! The configured database: opening it, its schema, closing it.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, anyhow};
use portico_domain::{
    flows::models::{CatalogueKept, KeepCatalogue},
    models::{BuiltInModels, Timestamp},
    ports::{Clock, Unavailable},
};
use portico_in_process::SystemClock;
use portico_sql::{
    Repositories,
    driver::Driver,
    migrations::{Migrated, MigrationError},
    postgres::{self, PostgresDriver},
    sqlite::{self, SqliteDriver},
};

use crate::{
    Failure,
    configuration::{Configuration, Database},
    secrets::make_private_directory,
};

/// How long closing may wait for statements that are still under way.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// An open database.
pub(crate) struct Store {
    driver: OpenDriver,
    built_in: Arc<BuiltInModels>,
    /// What the flows ask of it.
    pub(crate) repositories: Repositories,
}

#[derive(Clone)]
enum OpenDriver {
    Sqlite(Arc<SqliteDriver>),
    Postgres(Arc<PostgresDriver>),
}

impl Store {
    /// Opens the database. Of Postgres nothing is asked yet.
    pub(crate) fn open(configuration: &Configuration, clock: Arc<dyn Clock>) -> Result<Self, Failure> {
        let built_in = Arc::clone(&configuration.models);
        match &configuration.database {
            Database::Sqlite(config) => {
                if let Some(directory) =
                    config.path.parent().filter(|directory| !directory.as_os_str().is_empty())
                {
                    make_private_directory(directory)?;
                }
                let driver = sqlite::open_with(config).map_err(|error| anyhow!(error.detail))?;
                let repositories = Repositories::new(driver.clone(), clock);
                Ok(Self { driver: OpenDriver::Sqlite(driver), built_in, repositories })
            }
            Database::Postgres(config) => {
                let driver = postgres::connect(config)
                    .map_err(|error| Failure::Usage(vec![format!("DATABASE_URL: {error}")]))?;
                let repositories = Repositories::new(driver.clone(), clock);
                Ok(Self { driver: OpenDriver::Postgres(driver), built_in, repositories })
            }
        }
    }

    /// What runs statements that belong to no repository.
    pub(crate) fn driver(&self) -> Arc<dyn Driver> {
        match &self.driver {
            OpenDriver::Sqlite(driver) => driver.clone(),
            OpenDriver::Postgres(driver) => driver.clone(),
        }
    }

    /// Brings the schema up to that of this version, and stores the built-in models where an operator hasn't imported others.
    pub(crate) async fn migrate(&self, now: Timestamp) -> Result<Migrated, MigrationError> {
        let migrated = match &self.driver {
            OpenDriver::Sqlite(driver) => driver.migrate(now).await?,
            OpenDriver::Postgres(driver) => driver.migrate(now).await?,
        };
        let catalogue = Arc::clone(&self.repositories.model_catalogue);
        let keep = KeepCatalogue { clock: Arc::new(SystemClock), catalogue };
        if keep.ensure(self.built_in.get()).await? == CatalogueKept::Stored {
            tracing::info!(models = self.built_in.get().models().len(), "the built-in models are stored");
        }
        Ok(migrated)
    }

    /// Makes sure that the schema is that of this version, by migrating an embedded file, which belongs to this program alone, and by
    /// looking at a server's.
    pub(crate) async fn ensure_schema(&self, now: Timestamp) -> Result<(), SchemaFault> {
        match &self.driver {
            OpenDriver::Sqlite(_) => note(&self.migrate(now).await?),
            OpenDriver::Postgres(driver) => {
                let missing = driver.missing_migrations().await?;
                if !missing.is_empty() {
                    return Err(SchemaFault::Behind { missing: missing.join(", ") });
                }
            }
        }
        Ok(())
    }

    /// Closes every connection.
    pub(crate) async fn close(&self) {
        let closing = async {
            match &self.driver {
                OpenDriver::Sqlite(driver) => driver.close().await,
                OpenDriver::Postgres(driver) => driver.close().await,
            }
        };
        if tokio::time::timeout(CLOSE_LIMIT, closing).await.is_err() {
            tracing::warn!("statements were still under way when the database was closed");
        }
    }
}

/// Why the schema can't be worked with.
#[derive(Debug)]
pub(crate) enum SchemaFault {
    /// It lacks migrations.
    Behind {
        /// Their names.
        missing: String,
    },
    /// It was made by a newer version, or by an edited one.
    Foreign(MigrationError),
    /// The database didn't answer; it may be there later.
    Away(Unavailable),
}

impl From<MigrationError> for SchemaFault {
    fn from(error: MigrationError) -> Self {
        match error {
            MigrationError::Unavailable(unavailable) => Self::Away(unavailable),
            MigrationError::Changed { .. } | MigrationError::Newer { .. } => Self::Foreign(error),
        }
    }
}

impl std::fmt::Display for SchemaFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Behind { missing } => write!(
                f,
                "the database's schema is behind this version (missing: {missing}); run `portico migrate`, or `portico serve --migrate`"
            ),
            Self::Foreign(error) => error.fmt(f),
            Self::Away(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SchemaFault {}

/// Logs what a migration brought.
pub(crate) fn note(migrated: &Migrated) {
    if !migrated.applied.is_empty() {
        tracing::info!(applied = migrated.applied.join(", "), "the database's schema was brought up to date");
    }
}

/// Opens the database for a command that ends, with its schema made sure of.
pub(crate) async fn open_ready(
    configuration: &Configuration,
    clock: Arc<dyn Clock>,
) -> Result<Store, Failure> {
    let now = clock.now();
    let store = Store::open(configuration, clock)?;
    store.ensure_schema(now).await.with_context(|| configuration.database.shown())?;
    Ok(store)
}
