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
}

impl<T: Clone> Kept<T> {
    /// Keeps values for `lifetime`; zero keeps nothing.
    #[must_use]
    pub const fn new(lifetime: Duration) -> Self {
        Self { lifetime, value: Mutex::new(None) }
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

    /// Keeps a value loaded at `now`.
    pub fn put(&self, now: Timestamp, value: T) {
        *self.value.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
