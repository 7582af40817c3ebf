use std::{sync::Arc, time::Instant};

use anyhow::Context;
use portico_in_process::SystemClock;

use super::say;
use crate::{Failure, configuration::Configuration, storage::Store};

/// Asks the database the smallest question.
pub(crate) async fn prewarm(configuration: &Configuration) -> Result<(), Failure> {
    let store = Store::open(configuration, Arc::new(SystemClock))?;
    let began = Instant::now();
    let answered = store.repositories.storage.ping().await;
    let spent = began.elapsed();
    store.close().await;
    answered.with_context(|| configuration.database.shown())?;
    say(|out| writeln!(out, "{} answered after {} ms", configuration.database.shown(), spent.as_millis()))?;
    Ok(())
}
