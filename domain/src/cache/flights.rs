use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{BoxFuture, Shared, WeakShared},
};

use super::CacheKey;
use crate::models::Timestamp;

/// After so long a refresh that was begun counts as abandoned: on Workers nobody may be left to end it.
const ABANDONED_AFTER: Duration = Duration::from_secs(30);

/// Loads under way, so that many who want the same wait for one.
///
/// Natively alone: on Workers a request may not wait for another's I/O. A flight that nobody waits for any more ends where it stands.
pub(super) struct Flights<T: Clone> {
    underway: Mutex<HashMap<CacheKey, Numbered<T>>>,
    refreshing: Mutex<HashMap<CacheKey, Timestamp>>,
}

/// A flight, with a number that tells it from the one before.
type Numbered<T> = (u64, WeakShared<BoxFuture<'static, T>>);

impl<T: Clone> Default for Flights<T> {
    fn default() -> Self {
        Self { underway: Mutex::default(), refreshing: Mutex::default() }
    }
}

impl<T: Clone + Send + Sync + 'static> Flights<T> {
    /// The flight for `key` that is under way, or the one that `begin` makes.
    pub(super) fn join(
        self: &Arc<Self>,
        key: CacheKey,
        begin: impl FnOnce() -> BoxFuture<'static, T>,
    ) -> Shared<BoxFuture<'static, T>> {
        let mut underway = self.underway.lock().unwrap_or_else(PoisonError::into_inner);
        let number = match underway.get(&key) {
            Some((number, flight)) => match flight.upgrade() {
                Some(flight) => return flight,
                None => number + 1,
            },
            None => 0,
        };
        let landing = Landing { flights: Arc::clone(self), key, number };
        let flight = begin();
        let flight = async move {
            let _landing = landing;
            flight.await
        };
        let flight = flight.boxed().shared();
        if let Some(weak) = flight.downgrade() {
            underway.insert(key, (number, weak));
        }
        flight
    }

    /// Whether the caller is the one to refresh `key`; whoever is told yes holds the token until that is done.
    pub(super) fn begin_refresh(self: &Arc<Self>, key: CacheKey, now: Timestamp) -> Option<Refreshing<T>> {
        let mut refreshing = self.refreshing.lock().unwrap_or_else(PoisonError::into_inner);
        if refreshing.get(&key).is_some_and(|since| now.since(*since) < ABANDONED_AFTER) {
            return None;
        }
        if refreshing.len() >= 4_096 {
            refreshing.retain(|_, since| now.since(*since) < ABANDONED_AFTER);
        }
        refreshing.insert(key, now);
        Some(Refreshing { flights: Arc::clone(self), key })
    }
}

/// Takes a flight off the list when it has ended, or when nobody waits for it any more.
struct Landing<T: Clone> {
    flights: Arc<Flights<T>>,
    key: CacheKey,
    number: u64,
}

impl<T: Clone> Drop for Landing<T> {
    fn drop(&mut self) {
        let mut underway = self.flights.underway.lock().unwrap_or_else(PoisonError::into_inner);
        if underway.get(&self.key).is_some_and(|(number, _)| *number == self.number) {
            underway.remove(&self.key);
        }
    }
}

/// The right to refresh one entry.
pub(super) struct Refreshing<T: Clone> {
    flights: Arc<Flights<T>>,
    key: CacheKey,
}

impl<T: Clone> Drop for Refreshing<T> {
    fn drop(&mut self) {
        self.flights.refreshing.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}
