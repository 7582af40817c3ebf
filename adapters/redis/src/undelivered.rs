use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use portico_domain::cache::Subject;
use tokio::sync::Notify;

/// Invalidations that Redis has not confirmed: at most one a place, so their number is bounded by [`Subject::COUNT`].
///
/// A place is here from the moment its invalidation is asked for, before anything is sent, until one that was asked for as late has been
/// confirmed. Whoever gives up waiting, or loses the reply, leaves it here.
#[derive(Default)]
pub(crate) struct Undelivered {
    state: Mutex<State>,
    /// How many there are, to be looked at without the lock.
    count: AtomicUsize,
    /// Rung when something has to be delivered by the keeper.
    failed: Notify,
}

#[derive(Default)]
struct State {
    last_ticket: u64,
    places: BTreeMap<Subject, Pending>,
}

#[derive(Clone, Copy)]
struct Pending {
    ticket: u64,
    /// Whether the attempt of whoever asked is over, so that it is the keeper's to deliver.
    given_up: bool,
}

/// One invalidation that was asked for. Dropped without [`Delivery::confirm`], it becomes the keeper's.
pub(crate) struct Delivery {
    of: Arc<Undelivered>,
    subjects: Vec<Subject>,
    ticket: u64,
    confirmed: bool,
}

impl Undelivered {
    /// Remembers an invalidation that is about to be sent.
    pub(crate) fn begin(self: &Arc<Self>, subjects: Vec<Subject>) -> Delivery {
        let mut state = self.state();
        state.last_ticket += 1;
        let ticket = state.last_ticket;
        for subject in &subjects {
            state.places.insert(*subject, Pending { ticket, given_up: false });
        }
        self.count.store(state.places.len(), Ordering::SeqCst);
        drop(state);
        Delivery { of: Arc::clone(self), subjects, ticket, confirmed: false }
    }

    /// How many places there are.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    /// Whether something that an entry depends on is among them.
    pub(crate) fn concerns(&self, subjects: &[Subject]) -> bool {
        self.count() > 0 && {
            let state = self.state();
            subjects.iter().any(|subject| state.places.contains_key(subject))
        }
    }

    /// Takes up to `most` of them on, to be delivered once more; `all`, or only those that nobody is sending at the moment.
    pub(crate) fn take_on(self: &Arc<Self>, most: usize, all: bool) -> Option<Delivery> {
        let mut state = self.state();
        state.last_ticket += 1;
        let ticket = state.last_ticket;
        let wanted = state.places.iter().filter(|(_, pending)| all || pending.given_up);
        let subjects: Vec<Subject> = wanted.map(|(subject, _)| *subject).take(most).collect();
        if subjects.is_empty() {
            return None;
        }
        for subject in &subjects {
            state.places.insert(*subject, Pending { ticket, given_up: false });
        }
        drop(state);
        Some(Delivery { of: Arc::clone(self), subjects, ticket, confirmed: false })
    }

    /// Returns once something has become the keeper's since this was last called.
    pub(crate) async fn given_up(&self) {
        self.failed.notified().await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Delivery {
    /// What is to be invalidated.
    pub(crate) fn subjects(&self) -> &[Subject] {
        &self.subjects
    }

    /// Forgets what Redis has confirmed, unless it was asked for again meanwhile.
    pub(crate) fn confirm(mut self) {
        self.confirmed = true;
        let mut state = self.of.state();
        for subject in &self.subjects {
            if state.places.get(subject).is_some_and(|pending| pending.ticket <= self.ticket) {
                state.places.remove(subject);
            }
        }
        self.of.count.store(state.places.len(), Ordering::SeqCst);
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if self.confirmed {
            return;
        }
        let mut state = self.of.state();
        for subject in &self.subjects {
            if let Some(pending) =
                state.places.get_mut(subject).filter(|pending| pending.ticket == self.ticket)
            {
                pending.given_up = true;
            }
        }
        drop(state);
        self.of.failed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use portico_domain::cache::Prefix;

    use super::*;

    fn subject(n: u32) -> Subject {
        Subject::of(Prefix::ApiKey, &n.to_le_bytes())
    }

    #[test]
    fn what_is_dropped_midway_is_kept_until_it_is_confirmed() {
        let undelivered = Arc::new(Undelivered::default());
        drop(undelivered.begin(vec![subject(1), subject(2)]));
        assert_eq!(undelivered.count(), 2);
        assert!(undelivered.concerns(&[subject(3), subject(2)]) && !undelivered.concerns(&[subject(3)]));
        let retry = undelivered.take_on(10, false).unwrap();
        assert_eq!(retry.subjects().len(), 2);
        assert!(undelivered.take_on(10, false).is_none(), "somebody is at it");
        retry.confirm();
        assert_eq!(undelivered.count(), 0);
    }

    #[test]
    fn a_confirmation_does_not_cover_what_was_asked_for_later() {
        let undelivered = Arc::new(Undelivered::default());
        let first = undelivered.begin(vec![subject(1)]);
        let second = undelivered.begin(vec![subject(1)]);
        first.confirm();
        assert_eq!(undelivered.count(), 1);
        drop(second);
        undelivered.take_on(1, false).unwrap().confirm();
        assert_eq!(undelivered.count(), 0);
    }

    #[test]
    fn memory_is_bounded_by_the_places() {
        let undelivered = Arc::new(Undelivered::default());
        for n in 0..100_000 {
            drop(undelivered.begin(vec![subject(n)]));
        }
        assert!(undelivered.count() <= usize::from(Subject::COUNT));
        assert_eq!(undelivered.take_on(512, true).unwrap().subjects().len(), 512);
    }
}
