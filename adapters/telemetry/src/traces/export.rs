//! Sends spans, many at once, behind everything.

use std::{
    pin::pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use futures_util::future::select;
use portico_domain::ports::{Fetch, FetchRequest};
use tokio::{
    sync::{mpsc, watch},
    time::timeout,
};

use super::{Finished, SpanCounters, TraceSettings, otlp};

/// The most requests whose spans are sent at once.
const LARGEST_BATCH: usize = 512;
/// How long spans gather. A full batch doesn't wait.
const GATHER: Duration = Duration::from_secs(1);
/// How long a collector may take.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct Exporter {
    pub(super) settings: TraceSettings,
    pub(super) fetch: Arc<dyn Fetch>,
    pub(super) counters: Arc<SpanCounters>,
}

impl Exporter {
    /// Sends until it is told to close, and then what waits.
    pub(super) async fn run(self, mut queue: mpsc::Receiver<Finished>, mut closing: watch::Receiver<bool>) {
        let mut batch = Vec::new();
        let mut is_away = false;
        loop {
            let is_closing = *closing.borrow() || queue.is_closed();
            if !is_closing {
                // Whichever comes first is a reason to go on; what was gathered until then stays in the batch.
                let gather = gather(&mut queue, &mut batch);
                let close = closing.wait_for(|closing| *closing);
                let _ = timeout(GATHER, select(pin!(gather), pin!(close))).await;
            }
            while batch.len() < LARGEST_BATCH
                && let Ok(finished) = queue.try_recv()
            {
                batch.push(finished);
            }
            if batch.is_empty() {
                if is_closing {
                    return;
                }
                continue;
            }
            self.send(&batch, &mut is_away).await;
            batch.clear();
        }
    }

    async fn send(&self, batch: &[Finished], is_away: &mut bool) {
        let spans = batch.iter().map(Finished::spans).sum();
        let request = FetchRequest {
            method: "POST",
            url: self.settings.url.clone(),
            headers: vec![("content-type", "application/json".to_owned())],
            body: otlp::encode(&self.settings, batch),
            time_limit: PATIENCE,
        };
        let fault = match self.fetch.send(request).await {
            Ok(response) if (200..300).contains(&response.status) => None,
            Ok(response) => Some(format!("it answered {}", response.status)),
            Err(unavailable) => Some(unavailable.detail),
        };
        let Some(fault) = fault else {
            self.counters.exported.fetch_add(spans, Relaxed);
            if *is_away {
                tracing::info!("the collector takes traces again");
                *is_away = false;
            }
            return;
        };
        self.counters.failed.fetch_add(spans, Relaxed);
        if !*is_away {
            tracing::warn!(fault, "the collector takes no traces; they are counted as failed until it does");
            *is_away = true;
        }
    }
}

/// Fills the batch. Dropped before it is full, it loses nothing.
async fn gather(queue: &mut mpsc::Receiver<Finished>, batch: &mut Vec<Finished>) {
    while batch.len() < LARGEST_BATCH && queue.recv_many(batch, LARGEST_BATCH - batch.len()).await > 0 {}
}
