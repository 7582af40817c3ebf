use std::{
    collections::{HashMap, hash_map::Entry},
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::PathBuf,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use portico_domain::models::{ApiKeyId, Day, KeyUses, Timestamp};
use uuid::Uuid;

use super::slots::{SLOT, slot};

/// Keys are spread over so many locks.
const STRIPES: usize = 16;

/// The file that is being counted into, and the memory of it.
pub(super) struct Segment {
    pub(super) id: Uuid,
    pub(super) path: PathBuf,
    file: File,
    slots: u32,
    taken: AtomicU32,
    stripes: [Mutex<Stripe>; STRIPES],
}

type Stripe = HashMap<(ApiKeyId, Day), Slot>;

struct Slot {
    place: u32,
    uses: u64,
    last_at: Timestamp,
}

/// What became of one use.
pub(super) enum Counted {
    /// It is in the file; whether it is the first of its key and day there.
    Done { is_first: bool },
    /// The key has no slot, and none is left.
    Full,
    /// The file doesn't take it, and says what it did before.
    Failed(io::Error),
}

impl Segment {
    /// Counts into `file`, whose head is written.
    pub(super) fn new(id: Uuid, path: PathBuf, file: File, slots: u32) -> Self {
        Self { id, path, file, slots, taken: AtomicU32::new(0), stripes: Default::default() }
    }

    fn stripe(&self, key: ApiKeyId) -> MutexGuard<'_, Stripe> {
        let last = key.uuid().into_bytes()[15];
        lock(&self.stripes[usize::from(last) % STRIPES])
    }

    /// Counts one use. When this returns, the death of the process doesn't take it.
    pub(super) fn count(&self, key: ApiKeyId, at: Timestamp) -> Counted {
        let day = Day::of(at);
        let mut stripe = self.stripe(key);
        let held = match stripe.entry((key, day)) {
            Entry::Occupied(held) => held.into_mut(),
            Entry::Vacant(free) => {
                let next = |taken| (taken < self.slots).then_some(taken + 1);
                let Ok(place) = self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next) else {
                    return Counted::Full;
                };
                free.insert(Slot { place, uses: 0, last_at: at })
            }
        };
        let uses = KeyUses { key_id: key, day, uses: held.uses + 1, last_at: held.last_at.max(at) };
        let start = SLOT as u64 * (u64::from(held.place) + 1);
        if let Err(fault) = self.file.write_all_at(&slot(self.id, &uses), start) {
            return Counted::Failed(fault);
        }
        held.uses = uses.uses;
        held.last_at = uses.last_at;
        Counted::Done { is_first: uses.uses == 1 }
    }

    /// Whether no key has a slot yet.
    pub(super) fn is_empty(&self) -> bool {
        self.taken.load(Ordering::Relaxed) == 0
    }

    /// The sum of what was counted.
    pub(super) fn uses(&self) -> u64 {
        self.stripes.iter().map(|stripe| lock(stripe).values().map(|slot| slot.uses).sum::<u64>()).sum()
    }

    #[cfg(test)]
    pub(super) fn exchange_file(&mut self, file: File) -> File {
        std::mem::replace(&mut self.file, file)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
