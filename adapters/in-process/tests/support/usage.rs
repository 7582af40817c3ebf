//! Keys, and a storage for their uses whose moods a test decides.

#![allow(
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "each test file is a crate that uses its own part"
)]

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use portico_domain::{
    models::{ApiKeyId, Day, OrganizationId, Timestamp, UsageBatch},
    ports::{Entropy, KeyUsage, Unavailable},
};
use portico_in_process::{FileUsageLedger, UsageFault, UsageSettings};
use uuid::Uuid;

pub const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);

/// The `n`th key.
pub fn key(n: u64) -> ApiKeyId {
    let n = n.to_be_bytes();
    ApiKeyId::generate(NOW, std::array::from_fn(|place| if place < 2 { 0 } else { n[place - 2] }))
}

/// Bytes that differ each time, also between processes.
#[derive(Default)]
pub struct TestEntropy(AtomicU64);

impl Entropy for TestEntropy {
    fn bytes(&self) -> Result<[u8; 32], Unavailable> {
        let next = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let process = u64::from(std::process::id()).to_be_bytes();
        Ok(std::array::from_fn(|place| if place < 4 { next[place + 4] } else { process[place % 8] }))
    }
}

/// Adds up batches as storage does; refuses, panics or hangs as it is told, before or after it has added one.
#[derive(Default)]
pub struct Uses {
    pub batches: Mutex<BTreeMap<Uuid, UsageBatch>>,
    pub away: AtomicBool,
    pub panics: AtomicBool,
    pub hangs: AtomicBool,
    pub answers_are_lost: AtomicBool,
    pub asked: AtomicU32,
}

impl Uses {
    /// How often the `n`th key was used.
    pub fn of(&self, n: u64) -> u64 {
        let batches = self.batches.lock().unwrap();
        let all = batches.values().flat_map(|batch| &batch.uses);
        all.filter(|uses| uses.key_id == key(n)).map(|uses| uses.uses).sum()
    }

    pub fn total(&self) -> u64 {
        self.batches.lock().unwrap().values().flat_map(|batch| &batch.uses).map(|uses| uses.uses).sum()
    }
}

#[async_trait]
impl KeyUsage for Uses {
    async fn add(&self, batch: &UsageBatch) -> Result<(), Unavailable> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        assert!(!self.panics.load(Ordering::SeqCst), "storage was told to panic");
        if self.away.load(Ordering::SeqCst) {
            return Err(Unavailable::new("storage", "told to be away"));
        }
        let known = self.batches.lock().unwrap().insert(batch.id, batch.clone());
        assert!(known.is_none_or(|known| known == *batch), "a batch was sent again with other uses");
        if self.answers_are_lost.load(Ordering::SeqCst) {
            return Err(Unavailable::new("storage", "the answer was lost"));
        }
        Ok(())
    }

    async fn of(
        &self,
        _organization: OrganizationId,
        _key: ApiKeyId,
        _since: Day,
    ) -> Result<Option<Vec<(Day, u64)>>, Unavailable> {
        Ok(None)
    }
}

/// Settings for tests: files are closed after 20 ms.
pub fn settings(directory: impl Into<std::path::PathBuf>) -> UsageSettings {
    UsageSettings { interval: Duration::from_millis(20), ..UsageSettings::new(directory) }
}

/// Opens the ledger, giving the task of one just dropped the time to let go of it.
pub async fn open(settings: &UsageSettings, storage: &Arc<impl KeyUsage + 'static>) -> FileUsageLedger {
    for _ in 0..500 {
        let storage = Arc::clone(storage);
        match FileUsageLedger::open(settings, storage, Arc::new(TestEntropy::default())) {
            Ok(ledger) => return ledger,
            Err(UsageFault::InUse(_)) => tokio::time::sleep(Duration::from_millis(10)).await,
            Err(fault) => panic!("{fault}"),
        }
    }
    panic!("the directory stays in use");
}
