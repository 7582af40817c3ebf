use std::{collections::HashMap, time::Duration};

use portico_domain::{
    cache::{CacheKey, Prefix, Subject},
    models::Timestamp,
};

/// KV takes one write a second to the same name.
pub(super) const BETWEEN_WRITES: Duration = Duration::from_secs(1);
/// What is still not written after this long has been abandoned by the runtime, which gives 30 seconds after an answer.
const ABANDONED_AFTER: Duration = Duration::from_secs(35);
/// For how long an isolate goes by the version of a prefix that it has read.
const VERSION_LIFETIME: Duration = Duration::from_secs(30);
/// How many names are remembered, with what is still to be written under them.
const MOST_PLACES: usize = 4_096;
/// How many that nobody writes any more are taken along at once.
const MOST_TAKEN_ALONG: usize = 32;

/// Something that is written under a name of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// An entry, or its tombstone.
    Entry(CacheKey),
    /// The version of a prefix.
    Version(Prefix),
}

/// What is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Write {
    /// An entry, whose load began then.
    Fill { text: String, began: Timestamp, subjects: Vec<Subject>, keep_for: Duration },
    /// A tombstone.
    Drop { at: Timestamp },
    /// A version.
    Version { number: u64 },
}

impl Write {
    pub(super) const fn is_fill(&self) -> bool {
        matches!(self, Self::Fill { .. })
    }
}

/// What an isolate knows of its writes and drops. Bounded; no time passes in it, and nothing waits.
#[derive(Default)]
pub(super) struct Ledger {
    places: HashMap<Place, Pending>,
    next: u64,
    /// When each subject was dropped last, by place; empty until something is dropped.
    dropped: Vec<Timestamp>,
    versions: [Option<Version>; Prefix::ALL.len()],
}

struct Pending {
    /// When it was written last, or began to be.
    written_at: Option<Timestamp>,
    /// Until when somebody sees to it.
    taken_until: Timestamp,
    /// The newest, with its number.
    write: Option<(u64, Write)>,
}

#[derive(Debug, Clone, Copy)]
struct Version {
    number: u64,
    read_at: Timestamp,
}

/// The next step of whoever writes under a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Wait, then ask again.
    Wait(Duration),
    /// Write this, and tell its number when that has ended.
    Write(u64, Write),
    /// Nothing is left to write.
    Done,
}

impl Ledger {
    /// Remembers that these were dropped.
    pub(super) fn drop_subjects(&mut self, subjects: impl IntoIterator<Item = Subject>, now: Timestamp) {
        if self.dropped.is_empty() {
            self.dropped = vec![Timestamp::from_micros(i64::MIN); usize::from(Subject::COUNT)];
        }
        for subject in subjects {
            if let Some(at) = self.dropped.get_mut(usize::from(subject.place())) {
                *at = now.max(*at);
            }
        }
    }

    /// Whether this isolate has dropped one of these, or its prefix, since a load began. The same moment counts as since: clocks stand still while code
    /// computes.
    pub(super) fn has_dropped(&self, key: &CacheKey, subjects: &[Subject], began: Timestamp) -> bool {
        let own = [key.subject(), Subject::all_of(key.prefix)];
        let mut all = own.iter().chain(subjects);
        all.any(|subject| self.dropped.get(usize::from(subject.place())).is_some_and(|at| *at >= began))
    }

    /// The version to go by, and whether it was read lately.
    pub(super) fn version(&self, prefix: Prefix, now: Timestamp) -> (u64, bool) {
        match self.versions[prefix as usize] {
            Some(known) => (known.number, now.since(known.read_at) <= VERSION_LIFETIME),
            None => (0, false),
        }
    }

    /// Learns of a version. Never goes back: another location may still be read as it was before.
    pub(super) fn learn_version(&mut self, prefix: Prefix, number: u64, now: Timestamp) -> u64 {
        let known = &mut self.versions[prefix as usize];
        let number = known.map_or(number, |known| known.number.max(number));
        *known = Some(Version { number, read_at: now });
        number
    }

    /// Takes a write in, in place of what was to be written there before. `false` when it comes too late to count, or when there is no room for a fill.
    pub(super) fn offer(&mut self, place: Place, write: Write) -> bool {
        if let (Write::Fill { began, .. }, Some(Pending { write: Some((_, pending)), .. })) =
            (&write, self.places.get(&place))
        {
            let newer = match pending {
                Write::Drop { at } => at >= began,
                Write::Fill { began: other, .. } => other > began,
                Write::Version { .. } => false,
            };
            if newer {
                return false;
            }
        }
        if !self.places.contains_key(&place) && self.places.len() >= MOST_PLACES && write.is_fill() {
            return false;
        }
        self.next += 1;
        let pending = self.places.entry(place).or_insert(Pending {
            written_at: None,
            taken_until: Timestamp::from_micros(i64::MIN),
            write: None,
        });
        pending.write = Some((self.next, write));
        true
    }

    /// The places where something is to be written and nobody sees to it; whoever asks does from now on.
    pub(super) fn take_free(&mut self, now: Timestamp) -> Vec<Place> {
        self.forget(now);
        let free = self
            .places
            .iter_mut()
            .filter(|(_, pending)| pending.write.is_some() && pending.taken_until <= now);
        free.take(MOST_TAKEN_ALONG)
            .map(|(place, pending)| {
                pending.taken_until = now.after(ABANDONED_AFTER);
                *place
            })
            .collect()
    }

    /// What whoever sees to a place does next.
    pub(super) fn next(&mut self, place: &Place, now: Timestamp) -> Next {
        let Some(pending) = self.places.get_mut(place) else { return Next::Done };
        let Some((number, write)) = pending.write.clone() else {
            pending.taken_until = now;
            return Next::Done;
        };
        // A clock that was set back must not make anybody wait for longer than a second.
        let written_at = pending.written_at.map(|at| at.min(now));
        let wait = written_at.map_or(Duration::ZERO, |at| at.after(BETWEEN_WRITES).since(now));
        pending.written_at = written_at;
        if !wait.is_zero() {
            return Next::Wait(wait);
        }
        pending.written_at = Some(now);
        Next::Write(number, write)
    }

    /// The write of this number has ended: its second counts from now, since KV may have taken it at any moment before. Once it is `over`, nothing of it
    /// is left to do; what came in its place meanwhile stays.
    pub(super) fn wrote(&mut self, place: &Place, number: u64, over: bool, now: Timestamp) {
        if let Some(pending) = self.places.get_mut(place) {
            pending.written_at = Some(now);
            pending.write.take_if(|(pending, _)| over && *pending == number);
        }
    }

    /// Nobody sees to the place any more.
    pub(super) fn release(&mut self, place: &Place, now: Timestamp) {
        if let Some(pending) = self.places.get_mut(place) {
            pending.taken_until = now;
        }
    }

    /// Drops and versions that are still to be written.
    pub(super) fn undelivered(&self) -> u64 {
        let lasting = |pending: &&Pending| pending.write.as_ref().is_some_and(|(_, write)| !write.is_fill());
        self.places.values().filter(lasting).count() as u64
    }

    /// Forgets names under which nothing was written lately; where that isn't enough, fills, then the oldest drops.
    fn forget(&mut self, now: Timestamp) {
        if self.places.len() < MOST_PLACES {
            return;
        }
        self.places.retain(|_, pending| {
            let recent = pending.written_at.is_some_and(|at| now.since(at) < BETWEEN_WRITES);
            pending.write.is_some() || recent
        });
        if self.places.len() < 2 * MOST_PLACES {
            return;
        }
        let before = self.places.len();
        let mut drops: Vec<u64> =
            self.places.values().filter_map(|pending| pending.write.as_ref()).map(|(n, _)| *n).collect();
        drops.sort_unstable();
        let oldest_kept = drops.get(drops.len().saturating_sub(MOST_PLACES)).copied().unwrap_or_default();
        self.places.retain(|_, pending| pending.write.as_ref().is_some_and(|(n, _)| *n >= oldest_kept));
        let given_up = before - self.places.len();
        tracing::error!(
            names = given_up,
            "too much is unwritten in KV; the oldest drops are given up, and lifetimes bound what they meant"
        );
    }

    #[cfg(test)]
    pub(super) fn places(&self) -> usize {
        self.places.len()
    }
}
