//! The connections to a file.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use portico_domain::{models::PoolState, ports::Unavailable};
use sqlx::{
    Sqlite, SqlitePool,
    pool::PoolConnection,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{SqliteConfig, deadline::Deadline};
use crate::{driver::SERVICE, faults::describe, waiting::Waiting};

/// Connections of one kind, each of them in a pool of its own, so that each is known to have its own deadline.
#[derive(Clone)]
pub(super) struct Slots(Arc<SlotsInner>);

struct SlotsInner {
    slots: Vec<Slot>,
    /// Those that nobody uses; the one that has rested longest is next.
    free: Mutex<VecDeque<usize>>,
    permits: Arc<Semaphore>,
    acquire_wait: Duration,
    waiting: Waiting,
}

struct Slot {
    pool: SqlitePool,
    deadline: Deadline,
}

impl Slots {
    pub(super) fn open(
        config: &SqliteConfig,
        connections: u32,
        idle_time: Option<Duration>,
        options: &SqliteConnectOptions,
    ) -> Self {
        let slots: Vec<Slot> =
            (0..connections).map(|_| Slot::open(config.acquire_wait, idle_time, options)).collect();
        Self(Arc::new(SlotsInner {
            free: Mutex::new((0..slots.len()).collect()),
            permits: Arc::new(Semaphore::new(slots.len())),
            slots,
            acquire_wait: config.acquire_wait,
            waiting: Waiting::default(),
        }))
    }

    /// A connection, and the deadline that its statements keep to; there is none at first.
    pub(super) async fn acquire(&self) -> Result<Held, Unavailable> {
        let refused = |error: &sqlx::Error| Unavailable::new(SERVICE, describe("opening", error));
        let _waiting = self.0.waiting.enter();
        let acquiring = timeout(self.0.acquire_wait, Arc::clone(&self.0.permits).acquire_owned()).await;
        let permit = match acquiring {
            Err(_) => return Err(refused(&sqlx::Error::PoolTimedOut)),
            Ok(Err(_)) => return Err(refused(&sqlx::Error::PoolClosed)),
            Ok(Ok(permit)) => permit,
        };
        let place =
            Place { slots: self.clone(), index: self.free().pop_front().unwrap_or(0), _permit: permit };
        let slot = &self.0.slots[place.index];
        let connection = slot.pool.acquire().await.map_err(|error| refused(&error))?;
        slot.deadline.clear();
        Ok(Held { connection, deadline: slot.deadline.clone(), _place: place })
    }

    fn free(&self) -> MutexGuard<'_, VecDeque<usize>> {
        self.0.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn state(&self) -> PoolState {
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let size = self.0.slots.iter().map(|slot| slot.pool.size()).sum();
        let max = count(self.0.slots.len());
        let used = max.saturating_sub(count(self.0.permits.available_permits()));
        PoolState { max, size, idle: size.saturating_sub(used), waiting: self.0.waiting.count() }
    }

    pub(super) async fn close(&self) {
        for slot in &self.0.slots {
            slot.pool.close().await;
        }
    }
}

impl Slot {
    fn open(acquire_wait: Duration, idle_time: Option<Duration>, options: &SqliteConnectOptions) -> Self {
        let deadline = Deadline::default();
        let (guarding, asked) = (deadline.clone(), deadline.clone());
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(acquire_wait)
            .idle_timeout(idle_time)
            // A file's connection doesn't go stale.
            .test_before_acquire(false)
            .max_lifetime(None)
            .after_connect(move |connection, _| {
                let deadline = guarding.clone();
                Box::pin(async move { deadline.guard(connection).await })
            })
            .before_acquire(move |_, _| {
                let is_whole = !asked.take_struck();
                Box::pin(async move { Ok(is_whole) })
            })
            .connect_lazy_with(options.clone());
        Self { pool, deadline }
    }
}

/// A connection in use. Fields are dropped in their order: the connection is given back before its place is.
pub(super) struct Held {
    pub(super) connection: PoolConnection<Sqlite>,
    pub(super) deadline: Deadline,
    pub(super) _place: Place,
}

pub(super) struct Place {
    slots: Slots,
    index: usize,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.slots.free().push_back(self.index);
    }
}
