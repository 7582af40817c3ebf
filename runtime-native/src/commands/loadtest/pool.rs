//! How much of the database pool is in use.

use std::time::Duration;

use portico_measuring::client::Client;
use serde::{Deserialize, Serialize};
use tokio::{sync::oneshot, task::JoinHandle, time::sleep};
use url::Url;

/// Often enough for a mean, too seldom to be felt.
const LOOK: Duration = Duration::from_millis(500);

/// What part of the pool was in use, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct PoolUse {
    /// On average, over readings half a second apart.
    pub(crate) mean: f64,
    /// At the moment when it was most.
    pub(crate) max: f64,
}

/// Reads in the making.
pub(super) struct Looking {
    stop: oneshot::Sender<()>,
    readings: JoinHandle<Vec<f64>>,
}

impl Looking {
    /// Looks from now on, with an admin's token.
    pub(super) fn begin(url: &Url, admin: &str) -> anyhow::Result<Self> {
        let mut client = Client::new(url)?;
        let bearer = format!("Bearer {admin}");
        let (stop, mut stopped) = oneshot::channel();
        let readings = tokio::spawn(async move {
            let mut readings = Vec::new();
            loop {
                tokio::select! {
                    () = sleep(LOOK) => {}
                    _ = &mut stopped => return readings,
                }
                // What can't be read is no reading; a server that fails is seen by the load.
                let answer = client.get("/api/v1/admin/db", &[("authorization", &bearer)]).await;
                let told = answer.and_then(|answer| answer.json()).ok();
                readings.extend(told.and_then(|told| told["pool"]["ratio"].as_f64()));
            }
        });
        Ok(Self { stop, readings })
    }

    /// Ends it. None where the server has no pool, or didn't tell of it.
    pub(super) async fn end(self) -> Option<PoolUse> {
        // It may have ended by itself.
        let _ = self.stop.send(());
        let readings = self.readings.await.ok()?;
        let count = u32::try_from(readings.len()).ok().filter(|count| *count > 0)?;
        let max = readings.iter().copied().fold(0.0, f64::max);
        Some(PoolUse { mean: readings.iter().sum::<f64>() / f64::from(count), max })
    }
}
