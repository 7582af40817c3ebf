//! What is done every hour, and at the start.

use std::{sync::Arc, time::Duration};

use portico_domain::{
    door::Door,
    flows::{
        MaintenanceReport,
        cache_operations::{ConductExperiments, WarmOutcome, Warmed},
        database::WatchPools,
    },
    ports::Unavailable,
};

const EVERY: Duration = Duration::from_secs(3_600);

/// Wakes the database at once, so that the first person needn't, fills the caches, and keeps both fit every hour. Failures are logged and stop nothing.
pub(super) async fn run(door: Arc<Door>) {
    note_prewarm(door.maintenance.prewarm().await.as_ref());
    note_warmed(&door.maintenance.warm().await);
    loop {
        door.clock.sleep(EVERY).await;
        let MaintenanceReport { prewarm, purged, warmed } = door.maintenance.run().await;
        note_prewarm(prewarm.as_ref());
        match purged {
            Ok(rows) => tracing::info!(rows, "expired rows are purged"),
            Err(fault) => tracing::warn!(%fault, "expired rows could not be purged; the next run will"),
        }
        note_warmed(&warmed);
    }
}

fn note_prewarm(prewarm: Option<&Result<(), Unavailable>>) {
    match prewarm {
        Some(Err(fault)) => tracing::warn!(%fault, "the database could not be woken"),
        Some(Ok(())) => tracing::debug!("the database is awake"),
        None => {}
    }
}

fn note_warmed(warmed: &[Warmed]) {
    for Warmed { prefix, outcome } in warmed {
        let prefix = prefix.as_str();
        match outcome {
            WarmOutcome::Filled(entries) => tracing::info!(prefix, entries, "a cache is warmed"),
            WarmOutcome::Failed(fault) => {
                tracing::warn!(prefix, %fault, "a cache could not be warmed; it fills as it is used");
            }
            WarmOutcome::Off | WarmOutcome::NothingToWarm => {}
        }
    }
}

/// Does here what storage says of experiments with the cache, every two seconds; failures are told once. While the cache is used by nobody there is nothing to do
/// differently and nothing to tell, so that a database that sleeps when idle is left asleep.
pub(super) async fn conduct(door: Arc<Door>) {
    let conduct = &door.cache_operations.conduct;
    let mut seen = None;
    loop {
        let activity = door.cache.activity();
        if seen != Some(activity) && conduct.run().await.is_ok() {
            seen = Some(activity);
        }
        door.clock.sleep(ConductExperiments::EVERY).await;
    }
}

/// Looks at the connections to the database every second, and tells when they are nearly used up.
pub(super) async fn watch_pools(door: Arc<Door>) {
    while door.database.watch.run() {
        door.clock.sleep(WatchPools::EVERY).await;
    }
}
