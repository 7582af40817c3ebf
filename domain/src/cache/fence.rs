use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use super::Prefix;

/// What an entry depends on and is dropped with: a key, a person's settings, or everything of a prefix.
///
/// A subject is one of a fixed number of places, chosen by a hash that is the same on every server. Two things may share a place; an invalidation of
/// one then costs the other a load, and no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Subject(u16);

impl Subject {
    /// How many places there are.
    pub const COUNT: u16 = 1 << 14;
    /// The first places belong to the prefixes.
    const OF_PREFIXES: u16 = 16;

    /// The place of `name` among the things of `prefix`.
    #[must_use]
    pub fn of(prefix: Prefix, name: &[u8]) -> Self {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(prefix.as_str().as_bytes());
        hasher.update(name);
        let places = u32::from(Self::COUNT - Self::OF_PREFIXES);
        let place = u16::try_from(hasher.finalize() % places).unwrap_or(0);
        Self(Self::OF_PREFIXES + place)
    }

    /// The place that everything of `prefix` depends on.
    #[must_use]
    pub const fn all_of(prefix: Prefix) -> Self {
        Self(prefix as u16)
    }

    /// The place's number, below [`Subject::COUNT`].
    #[must_use]
    pub const fn place(self) -> u16 {
        self.0
    }

    /// The place with this number, as another server named it.
    #[must_use]
    pub const fn from_place(place: u16) -> Option<Self> {
        if place < Self::COUNT { Some(Self(place)) } else { None }
    }
}

/// The moment at which a load began, in the order of invalidations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Mark(u64);

/// Keeps what was loaded before an invalidation from being used after it.
///
/// Invalidations are numbered. A load takes the present number as its [`Mark`] *before* it asks anybody; an entry is good as long as none of
/// its subjects was invalidated with a larger number. Nothing is removed and nothing locked: whatever a slow load brings in after an
/// invalidation is dead on arrival, because its mark is old.
///
/// What must hold: once [`Fence::invalidate`] has returned, [`Fence::admits`] says no to every mark taken before it was called, and yes to every
/// mark taken after it returned. Memory is fixed: 128 KiB.
pub struct Fence {
    last: AtomicU64,
    floor: AtomicU64,
    invalidated: Box<[AtomicU64]>,
}

impl Default for Fence {
    fn default() -> Self {
        let invalidated = (0..Subject::COUNT).map(|_| AtomicU64::new(0)).collect();
        Self { last: AtomicU64::new(0), floor: AtomicU64::new(0), invalidated }
    }
}

impl Fence {
    /// The mark of a load that begins now.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark(self.last.load(Ordering::SeqCst))
    }

    /// Whether what was loaded under `mark` may still be used.
    #[must_use]
    pub fn admits(&self, mark: Mark, subjects: &[Subject]) -> bool {
        let since = |subject: &Subject| self.invalidated[usize::from(subject.0)].load(Ordering::SeqCst);
        mark.0 >= self.floor.load(Ordering::SeqCst) && subjects.iter().all(|subject| since(subject) <= mark.0)
    }

    /// Puts an end to everything that depends on one of these and was loaded, or began to be, before now.
    pub fn invalidate(&self, subjects: &[Subject]) {
        let number = self.last.fetch_add(1, Ordering::SeqCst) + 1;
        for subject in subjects {
            self.invalidated[usize::from(subject.0)].fetch_max(number, Ordering::SeqCst);
        }
    }

    /// Puts an end to everything: what others invalidated may have been missed.
    pub fn invalidate_all(&self) {
        let number = self.last.fetch_add(1, Ordering::SeqCst) + 1;
        self.floor.fetch_max(number, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_load_that_began_before_an_invalidation_is_dead_and_one_after_it_lives() {
        let fence = Fence::default();
        let (ada, bob) = (Subject::of(Prefix::ApiKey, b"ada"), Subject::of(Prefix::ApiKey, b"bob"));
        let before = fence.mark();
        fence.invalidate(&[ada]);
        assert!(!fence.admits(before, &[ada]));
        assert!(fence.admits(before, &[bob]));
        assert!(!fence.admits(before, &[bob, ada]), "any of them is enough");
        assert!(fence.admits(fence.mark(), &[ada]));
        fence.invalidate_all();
        assert!(!fence.admits(before, &[bob]));
        assert!(fence.admits(fence.mark(), &[ada, bob]));
    }

    #[test]
    fn places_are_the_same_on_every_server_and_prefixes_have_their_own() {
        assert_eq!(Subject::of(Prefix::ApiKey, b"ada").place(), Subject::of(Prefix::ApiKey, b"ada").place());
        assert_ne!(Subject::of(Prefix::ApiKey, b"ada"), Subject::of(Prefix::Settings, b"ada"));
        let own = Prefix::ALL.map(|prefix| Subject::all_of(prefix).place());
        assert!(own.iter().all(|place| *place < Subject::OF_PREFIXES));
        assert!((0..10_000u32).all(|n| !own.contains(&Subject::of(Prefix::Bot, &n.to_le_bytes()).place())));
        assert_eq!(Subject::from_place(Subject::COUNT), None);
    }

    #[test]
    fn no_mark_taken_before_survives_however_threads_meet() {
        let fence = Fence::default();
        let subject = [Subject::of(Prefix::ApiKey, b"contended")];
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..20_000 {
                        let before = fence.mark();
                        fence.invalidate(&subject);
                        assert!(!fence.admits(before, &subject));
                    }
                });
            }
        });
        assert!(fence.admits(fence.mark(), &subject));
    }
}
