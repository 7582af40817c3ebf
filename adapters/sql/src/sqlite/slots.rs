//! The connections to a file.

use std::{
    collections::VecDeque,
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use portico_domain::{models::PoolState, ports::Unavailable};
use sqlx::{
    Sqlite, SqliteConnection, SqlitePool,
    pool::PoolConnection,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};

use super::{SqliteConfig, deadline::Deadline};
use crate::{driver::SERVICE, faults::describe, waiting::Waiting};

/// How long what nobody waits for any more may still take. Most ends by itself in that time, and an interrupted connection has to be opened anew.
const GRACE: Duration = Duration::from_millis(100);

/// Connections of one kind, each of them in a pool of its own, so that each is known to have its own deadline.
///
/// A slot is free again when its connection is back in its pool, which is once the statement has ended: one that nobody waits for any more keeps its slot
/// for as long as it still may take, and the others serve.
#[derive(Clone)]
pub(super) struct Slots(Arc<SlotsInner>);

struct SlotsInner {
    slots: Vec<Slot>,
    /// Those that nobody uses; the one that has rested longest is next.
    free: Mutex<VecDeque<usize>>,
    /// As many as there are free ones.
    permits: Arc<Semaphore>,
    acquire_wait: Duration,
    waiting: Waiting,
}

struct Slot {
    pool: SqlitePool,
    deadline: Deadline,
}

/// How long to leave a file alone that is just being made by another connection.
const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// Whether the file was locked. Of several that open a new one, one puts it into WAL mode, and `SQLite` tells the others so at once, whatever its own waiting time.
fn is_busy(error: &sqlx::Error) -> bool {
    const BUSY: &str = "5";
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == BUSY)
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
        let _waiting = self.0.waiting.enter();
        timeout(self.0.acquire_wait, self.take())
            .await
            .unwrap_or(Err(sqlx::Error::PoolTimedOut))
            .map_err(|error| Unavailable::new(SERVICE, describe("opening", &error)))
    }

    async fn take(&self) -> Result<Held, sqlx::Error> {
        let permit = Arc::clone(&self.0.permits).acquire_owned().await;
        let permit = permit.map_err(|_| sqlx::Error::PoolClosed)?;
        let place =
            Place { slots: self.clone(), index: self.free().pop_front().unwrap_or(0), _permit: permit };
        let slot = &self.0.slots[place.index];
        let connection = loop {
            match slot.pool.acquire().await {
                // Whoever opens waits, as whoever asks does; not longer than for a free place.
                Err(error) if is_busy(&error) => sleep(BUSY_PAUSE).await,
                opened => break opened?,
            }
        };
        slot.deadline.clear();
        let deadline = slot.deadline.clone();
        let lent = Lent { connection, place: Some(place), deadline: deadline.clone(), is_busy: false };
        Ok(Held { connection: lent, deadline })
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

/// A connection in use.
pub(super) struct Held {
    pub(super) connection: Lent,
    pub(super) deadline: Deadline,
}

/// A connection that gives its place back when its pool has it again.
pub(super) struct Lent {
    connection: PoolConnection<Sqlite>,
    place: Option<Place>,
    deadline: Deadline,
    is_busy: bool,
}

impl Lent {
    /// Says that something begins. When the connection is dropped before [`Lent::end`], nobody waits for that any more, and it is interrupted soon.
    pub(super) fn begin(&mut self) -> &mut SqliteConnection {
        self.is_busy = true;
        self
    }

    /// Says that what was begun has ended, well or not.
    pub(super) fn end(&mut self) {
        self.is_busy = false;
    }
}

impl Deref for Lent {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.connection
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.connection
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if self.is_busy {
            self.deadline.hasten(GRACE);
        }
        // What the connection would spawn when it is dropped. It waits for the statement that still runs, and a place that is given back before would be
        // offered to callers who then wait for that statement too, while other connections are idle.
        let returning = self.connection.return_to_pool();
        let place = self.place.take();
        tokio::spawn(async move {
            returning.await;
            drop(place);
        });
    }
}

/// A slot that is somebody's.
struct Place {
    slots: Slots,
    index: usize,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.slots.free().push_back(self.index);
    }
}
