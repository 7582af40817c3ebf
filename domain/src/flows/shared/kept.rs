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
    /// Since when somebody has been loading a value in place of one that is past its time.
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
        let fresh = self.younger_than(self.lifetime, now);
        self.note(if fresh.is_some() { CacheOutcome::Hit } else { CacheOutcome::Miss });
        fresh
    }

    /// The same; and of those who come past its time, one is told nothing and so loads it anew, until it [puts](Self::put) what it loaded, [gives up](Self::give_up), or
    /// `limit` has passed. The others are meanwhile given the value that is past its time, for no longer than `limit`. Where there is none, or none so young, there is
    /// nothing that they could be told: each loads it.
    pub fn get_or_begin(&self, now: Timestamp, limit: Duration) -> Option<T> {
        if let Some(fresh) = self.younger_than(self.lifetime, now) {
            self.note(CacheOutcome::Hit);
            return Some(fresh);
        }
        let past = self.younger_than(self.lifetime + limit, now);
        let told = past.filter(|_| !self.is_turn_of_caller(now, limit));
        self.note(if told.is_some() { CacheOutcome::Stale } else { CacheOutcome::Miss });
        told
    }

    /// Whether nobody else loads. Whoever asks then does.
    fn is_turn_of_caller(&self, now: Timestamp, limit: Duration) -> bool {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let is_free = begun.is_none_or(|begun| begun > now || now.since(begun) >= limit);
        if is_free {
            *begun = Some(now);
        }
        is_free
    }

    fn younger_than(&self, age: Duration, now: Timestamp) -> Option<T> {
        let kept = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, value) = kept.as_ref()?;
        (!self.lifetime.is_zero() && *at <= now && now.since(*at) < age).then(|| value.clone())
    }

    fn note(&self, outcome: CacheOutcome) {
        if !self.lifetime.is_zero() {
            meter::with_current(|meter| meter.note_cache(outcome));
        }
    }

    /// Lets another one load: the one that began at `began` doesn't any more.
    pub fn give_up(&self, began: Timestamp) {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).take_if(|begun| *begun == began);
    }

    /// Keeps a value from `now` on. Of what was long in coming that is when it came, else it would be past its time at once, just when it is dear.
    pub fn put(&self, now: Timestamp, value: T) {
        *self.value.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, value));
        *self.begun.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::meter::Meter;

    const NOW: Timestamp = Timestamp::from_seconds(100);
    const LIMIT: Duration = Duration::from_secs(10);

    fn after(seconds: u64) -> Timestamp {
        NOW.after(Duration::from_secs(seconds))
    }

    #[test]
    fn past_its_time_one_loads_and_the_others_are_told_what_was() {
        let kept = Kept::new(Duration::from_secs(5));
        let at = |seconds| kept.get_or_begin(after(seconds), LIMIT);
        assert_eq!(at(0), None);
        assert_eq!(at(0), None, "there is nothing to be told meanwhile");
        kept.put(NOW, "answer");
        assert_eq!(at(4), Some("answer"));
        assert_eq!(at(5), None, "the first");
        assert_eq!([at(5), at(9), at(14)], [Some("answer"); 3], "the others, as long as it takes");
        assert_eq!([at(15), at(15)], [None, None], "what was is too old to be told");
        kept.put(after(15), "another");
        assert_eq!([at(15), at(19)], [Some("another"); 2]);
        assert_eq!([at(20), at(20)], [None, Some("another")], "who loaded before is done");
    }

    #[test]
    fn whoever_gives_up_makes_room_for_another_one_and_never_in_anothers_name() {
        let kept = Kept::new(Duration::from_secs(5));
        let at = |seconds| kept.get_or_begin(after(seconds), LIMIT);
        kept.put(NOW, "answer");
        assert_eq!([at(5), at(6)], [None, Some("answer")]);
        kept.give_up(after(5));
        assert_eq!([at(7), at(7)], [None, Some("answer")]);
        kept.give_up(after(5));
        assert_eq!(at(8), Some("answer"));
    }

    #[test]
    fn nothing_is_kept_for_no_time() {
        let off = Kept::new(Duration::ZERO);
        off.put(NOW, "answer");
        assert_eq!([off.get_or_begin(NOW, LIMIT), off.get_or_begin(NOW, LIMIT)], [None, None]);
    }

    #[tokio::test]
    async fn the_meter_is_told_what_the_request_was_told() {
        let kept = Kept::new(Duration::from_secs(5));
        kept.put(NOW, "answer");
        let mut noted = Vec::new();
        for seconds in [4, 5, 5] {
            let meter = Arc::new(Meter::default());
            let look = async { kept.get_or_begin(after(seconds), LIMIT) };
            meter::metered(Arc::clone(&meter), look).await;
            noted.push(meter.cache());
        }
        assert_eq!(noted, [CacheOutcome::Hit, CacheOutcome::Miss, CacheOutcome::Stale]);
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
