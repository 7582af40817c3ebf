use std::sync::Arc;

use anyhow::Context;
use portico_domain::ports::Clock;
use portico_in_process::SystemClock;

use super::say;
use crate::{Failure, configuration::Configuration, storage::Store};

/// Brings the database up to the schema of this version.
pub(crate) async fn migrate(configuration: &Configuration) -> Result<(), Failure> {
    let store = Store::open(configuration, Arc::new(SystemClock))?;
    let migrated = store.migrate(SystemClock.now()).await;
    store.close().await;
    let migrated =
        migrated.with_context(|| format!("{} was left as it was", configuration.database.shown()))?;
    say(|out| {
        for name in &migrated.applied {
            writeln!(out, "applied {name}")?;
        }
        let present = migrated.present + migrated.applied.len();
        writeln!(out, "{} is up to date: {present} migrations", configuration.database.shown())
    })?;
    Ok(())
}
