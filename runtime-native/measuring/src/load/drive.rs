//! Sends requests when they are due.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::{sync::mpsc, task::JoinSet, time::sleep};
use url::Url;

use super::{
    Arrival, Outcome, Plan, Source,
    arrival::Moments,
    connections::{Answered, Connections, Failed},
    recorder::Recorder,
};
use crate::probe::Probe;

/// How often the watched process is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How long a user waits who could not connect.
const AFTER_REFUSAL: Duration = Duration::from_millis(100);

/// What all requests of a run share.
struct Run {
    source: Arc<dyn Source>,
    connections: Connections,
    recorder: Mutex<Recorder>,
    began: Instant,
    /// What is due before isn't measured.
    warm_up: Duration,
    time_limit: Duration,
    most_in_flight: u32,
    in_flight: AtomicU32,
    next: AtomicU64,
}

pub(super) async fn run(
    url: &Url,
    source: Arc<dyn Source>,
    plan: &Plan,
    watch: Option<&Probe>,
) -> anyhow::Result<Outcome> {
    let connections = Connections::to(url).await?;
    let (warm_up, length) = match &plan.arrival {
        Arrival::Stages(stages) => (Duration::ZERO, stages.iter().map(|stage| stage.over).sum()),
        _ => (plan.warm_up, plan.duration),
    };
    let run = Arc::new(Run {
        source,
        connections,
        recorder: Mutex::new(Recorder::new()),
        began: Instant::now(),
        warm_up,
        time_limit: plan.request_time_limit,
        most_in_flight: plan.most_in_flight.max(1),
        in_flight: AtomicU32::new(0),
        next: AtomicU64::new(0),
    });
    let watching = async {
        let probe = watch?;
        sleep(warm_up).await;
        Some(probe.watch(LOOK))
    };
    let load = async {
        match &plan.arrival {
            Arrival::Open { per_second } => {
                run.keep_time(Moments::even(*per_second, warm_up + length)).await;
            }
            Arrival::Stages(stages) => run.keep_time(Moments::staged(stages)).await,
            Arrival::Closed { users } => run.keep_asking(*users, Duration::ZERO, length).await,
            Arrival::People { users, pause } => run.keep_asking(*users, *pause, length).await,
        }
    };
    let (watching, ()) = tokio::join!(watching, load);
    let server = match watching {
        Some(watching) => watching.stop().await,
        None => Vec::new(),
    };
    let recorder = std::mem::replace(&mut *run.recorder(), Recorder::new());
    Ok(Outcome { server, ..recorder.outcome(length) })
}

impl Run {
    fn recorder(&self) -> MutexGuard<'_, Recorder> {
        self.recorder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The open model: each request begins at its moment, and counts from it.
    async fn keep_time(self: &Arc<Self>, moments: Moments) {
        let (send, mut due) = mpsc::unbounded_channel();
        let began = self.began;
        // A thread of its own, because it sleeps to some ten microseconds, where the runtime's timers go by the millisecond: at a thousand a second that would be half of
        // the latency.
        let pacer = thread::Builder::new().name("pacer".to_owned()).spawn(move || {
            for moment in moments {
                let left = moment.saturating_sub(began.elapsed());
                if left > Duration::from_micros(30) {
                    thread::sleep(left);
                }
                if send.send(moment).is_err() {
                    return;
                }
            }
        });
        // Dropped when the run is, and all that is under way with it.
        let mut under_way = JoinSet::new();
        while let Some(moment) = due.recv().await {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if self.in_flight.load(Ordering::Relaxed) >= self.most_in_flight {
                if let Some(measured) = moment.checked_sub(self.warm_up) {
                    self.recorder().not_sent(measured);
                }
            } else {
                self.in_flight.fetch_add(1, Ordering::Relaxed);
                let run = Arc::clone(self);
                under_way.spawn(async move {
                    run.ask_at(number, moment).await;
                    run.in_flight.fetch_sub(1, Ordering::Relaxed);
                });
            }
            while under_way.try_join_next().is_some() {}
        }
        while under_way.join_next().await.is_some() {}
        drop(pacer);
    }

    async fn ask_at(&self, number: u64, due: Duration) {
        let delay = self.began.elapsed().saturating_sub(due);
        let request = self.source.next(number);
        let name = request.name;
        let how = self.within(self.connections.ask(request)).await;
        if due >= self.warm_up {
            let now = self.began.elapsed();
            let mut recorder = self.recorder();
            recorder.began(delay);
            recorder.ended(name, now.saturating_sub(self.warm_up), now.saturating_sub(due), how);
        }
    }

    /// The closed model: each of `users` asks again once it was answered and has paused.
    async fn keep_asking(self: &Arc<Self>, users: u32, pause: Duration, length: Duration) {
        let end = self.warm_up + length;
        let mut asking = JoinSet::new();
        for user in 0..users {
            let run = Arc::clone(self);
            asking.spawn(async move { run.ask_until(end, user, pause).await });
        }
        while asking.join_next().await.is_some() {}
    }

    async fn ask_until(&self, end: Duration, user: u32, pause: Duration) {
        let mut place = None;
        // Not all at the same moment.
        sleep(pause.mul_f64(spread(u64::from(user)))).await;
        loop {
            let asked = self.began.elapsed();
            if asked >= end {
                return;
            }
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let request = self.source.next(number);
            let name = request.name;
            let how = self.within(self.connections.ask_along(&mut place, request)).await;
            if asked >= self.warm_up {
                let now = self.began.elapsed();
                let took = now.saturating_sub(asked);
                self.recorder().ended(name, now.saturating_sub(self.warm_up), took, how);
            }
            if how == Err("connect") {
                sleep(AFTER_REFUSAL).await;
            }
            if !pause.is_zero() {
                let left = end.saturating_sub(self.began.elapsed());
                sleep(pause.mul_f64(0.5 + spread(number)).min(left)).await;
            }
        }
    }

    async fn within(
        &self,
        asked: impl Future<Output = Result<Answered, Failed>>,
    ) -> Result<Answered, Failed> {
        tokio::time::timeout(self.time_limit, asked).await.unwrap_or(Err("timed out"))
    }
}

/// A number between 0 and 1 that looks random, the same in each run.
fn spread(number: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "53 bits are kept")]
    let unit = (super::scattered(number) >> 11) as f64 / (1_u64 << 53) as f64;
    unit
}

#[cfg(test)]
mod tests;
