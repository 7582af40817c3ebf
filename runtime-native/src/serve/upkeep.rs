//! What is done every hour, and at the start.

use std::{sync::Arc, time::Duration};

use portico_domain::{door::Door, flows::MaintenanceReport, ports::Unavailable};

const EVERY: Duration = Duration::from_secs(3_600);

/// Wakes the database at once, so that the first person needn't, and keeps the storage fit every hour. Failures are logged and stop nothing.
pub(super) async fn run(door: Arc<Door>) {
    note_prewarm(door.maintenance.prewarm().await.as_ref());
    loop {
        door.clock.sleep(EVERY).await;
        let MaintenanceReport { prewarm, purged } = door.maintenance.run().await;
        note_prewarm(prewarm.as_ref());
        match purged {
            Ok(rows) => tracing::info!(rows, "expired rows are purged"),
            Err(fault) => tracing::warn!(%fault, "expired rows could not be purged; the next run will"),
        }
    }
}

fn note_prewarm(prewarm: Option<&Result<(), Unavailable>>) {
    match prewarm {
        Some(Err(fault)) => tracing::warn!(%fault, "the database could not be woken"),
        Some(Ok(())) => tracing::debug!("the database is awake"),
        None => {}
    }
}
