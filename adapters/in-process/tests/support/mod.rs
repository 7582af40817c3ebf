//! Facts, and a storage whose moods a test decides.

#![allow(
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "each test file is a crate that uses its own part"
)]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use portico_domain::{
    models::{Fact, Timestamp, UserId},
    ports::{FactStore, Unavailable},
};
use portico_in_process::{JournalFault, JournalSettings, JournalledWrites};
use tokio::sync::Notify;

/// The moment the tests happen at.
pub const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);

pub fn user(n: u8) -> UserId {
    UserId::generate(NOW, [n; 10])
}

/// The `n`th fact about a user; the number is in its moment.
pub fn fact(about: UserId, n: u64) -> Fact {
    Fact::SignedIn { user_id: about, at: NOW.after(Duration::from_secs(n)) }
}

/// Remembers what was recorded; refuses, panics or hangs as it is told.
#[derive(Default)]
pub struct Storage {
    recorded: Mutex<Vec<Fact>>,
    pub away: AtomicBool,
    pub panics: AtomicBool,
    pub held: AtomicBool,
    pub released: Notify,
    pub asked: AtomicU32,
}

impl Storage {
    pub fn recorded(&self) -> Vec<Fact> {
        self.recorded.lock().unwrap().clone()
    }
}

#[async_trait]
impl FactStore for Storage {
    async fn record(&self, facts: &[Fact]) -> Result<(), Unavailable> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.held.load(Ordering::SeqCst) {
            self.released.notified().await;
        }
        assert!(!self.panics.load(Ordering::SeqCst), "storage was told to panic");
        if self.away.load(Ordering::SeqCst) {
            return Err(Unavailable::new("storage", "told to be away"));
        }
        self.recorded.lock().unwrap().extend_from_slice(facts);
        Ok(())
    }
}

/// Opens the journal, giving the tasks of one just dropped the time to let go of it.
pub async fn open(settings: &JournalSettings, storage: &Arc<Storage>) -> JournalledWrites {
    for _ in 0..500 {
        match JournalledWrites::open(settings, Arc::<Storage>::clone(storage)) {
            Ok(writes) => return writes,
            Err(JournalFault::InUse(_)) => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(fault) => panic!("{fault}"),
        }
    }
    panic!("the journal stays in use");
}
