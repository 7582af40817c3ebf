use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::{
    meter::{self, CacheOutcome},
    models::Timestamp,
};

/// Keeps one value for a short, declared time: an answer that everybody is given alike.
pub struct Kept<T> {
    lifetime: Duration,
    value: Mutex<Option<(Timestamp, T)>>,
    /// When somebody last began to load a value in place of one that is past its time.
    begun: Mutex<Option<Timestamp>>,
}

impl<T: Clone> Kept<T> {
    /// Keeps values for `lifetime`; zero keeps nothing.
    #[must_use]
    pub const fn new(lifetime: Duration) -> Self {
        Self { lifetime, value: Mutex::new(None), begun: Mutex::new(None) }
    }

    /// The kept value if it is still fresh at `now`. Notes hit or miss in the request's meter.
    pub fn get(&self, now: Timestamp) -> Option<T> {
        let kept = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = kept
            .as_ref()
            .filter(|(at, _)| !self.lifetime.is_zero() && *at <= now && now.since(*at) < self.lifetime)
            .map(|(_, value)| value.clone());
        if let Some(meter) = meter::current().filter(|_| !self.lifetime.is_zero()) {
            meter.note_cache(if fresh.is_some() { CacheOutcome::Hit } else { CacheOutcome::Miss });
        }
        fresh
    }

    /// The same; and of those who come past its time, who are told nothing and so load it anew, there is one in each `limit`. The others are given the value that is
    /// past its time, for no longer than `limit`.
    pub fn get_or_begin(&self, now: Timestamp, limit: Duration) -> Option<T> {
        if let Some(fresh) = self.get(now) {
            return Some(fresh);
        }
        let past = {
            let kept = self.value.lock().unwrap_or_else(PoisonError::into_inner);
            let (at, value) = kept.as_ref()?;
            let usable = !self.lifetime.is_zero() && *at <= now && now.since(*at) < self.lifetime + limit;
            usable.then(|| value.clone())?
        };
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if begun.is_some_and(|begun| begun <= now && now.since(begun) < limit) {
            return Some(past);
        }
        *begun = Some(now);
        None
    }

    /// Keeps a value loaded at `now`.
    pub fn put(&self, now: Timestamp, value: T) {
        *self.value.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn past_its_time_one_loads_and_the_others_are_not_kept_waiting_for_long() {
        let (kept, limit) = (Kept::new(Duration::from_secs(5)), Duration::from_secs(1));
        let now = Timestamp::from_seconds(100);
        let after = |seconds| now.after(Duration::from_secs(seconds));
        assert_eq!(kept.get_or_begin(now, limit), None);
        assert_eq!(kept.get_or_begin(now, limit), None, "there is nothing to be told meanwhile");
        kept.put(now, "answer");
        assert_eq!(kept.get_or_begin(after(4), limit), Some("answer"));
        assert_eq!(kept.get_or_begin(after(5), limit), None, "the first");
        assert_eq!(kept.get_or_begin(after(5), limit), Some("answer"), "another one meanwhile");
        assert_eq!(kept.get_or_begin(after(6), limit), None, "the first never came back");
        kept.put(after(6), "another");
        assert_eq!(kept.get_or_begin(after(10), limit), Some("another"));
        let off = Kept::new(Duration::ZERO);
        off.put(now, "answer");
        assert_eq!([off.get_or_begin(now, limit), off.get_or_begin(now, limit)], [None, None]);
    }

    #[test]
    fn keeps_for_its_lifetime_and_no_longer() {
        let kept = Kept::new(Duration::from_secs(5));
        let now = Timestamp::from_seconds(100);
        assert_eq!(kept.get(now), None);
        kept.put(now, "answer");
        assert_eq!(kept.get(now.after(Duration::from_micros(4_999_999))), Some("answer"));
        assert_eq!(kept.get(now.after(Duration::from_secs(5))), None);
        assert_eq!(kept.get(now.before(Duration::from_secs(1))), None, "a clock that jumped back");
    }
}
