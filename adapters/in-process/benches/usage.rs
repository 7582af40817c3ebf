//! What one use of a key costs on the way of every key check: `cargo bench -p portico-in-process --bench usage`.
//!
//! Prints nanoseconds a count, over 1 and 2 threads, for one key that all threads use and for a thousand keys. The files lie in a directory for
//! temporary files, or in the one that is named as an argument.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints, and what fails here fails it")]

use std::{
    path::PathBuf,
    sync::{Arc, Barrier},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use portico_domain::{
    models::{ApiKeyId, Day, OrganizationId, Timestamp, UsageBatch},
    ports::{Entropy, KeyUsage, Unavailable, UsageLedger},
};
use portico_in_process::{FileUsageLedger, UsageSettings};

const COUNTS: u64 = 300_000;
const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);

struct Storage;

#[async_trait]
impl KeyUsage for Storage {
    async fn add(&self, _batch: &UsageBatch) -> Result<(), Unavailable> {
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

struct Counter(std::sync::atomic::AtomicU64);

impl Entropy for Counter {
    fn bytes(&self) -> Result<[u8; 32], Unavailable> {
        let next = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_be_bytes();
        Ok(std::array::from_fn(|place| next[place % 8]))
    }
}

/// Nanoseconds a count, as each thread sees it.
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn measure(ledger: &Arc<FileUsageLedger>, threads: u64, keys: u64) -> f64 {
    let start = Arc::new(Barrier::new(usize::try_from(threads).unwrap() + 1));
    let workers: Vec<_> = (0..threads)
        .map(|_| {
            let (ledger, start) = (Arc::clone(ledger), Arc::clone(&start));
            let ids: Vec<_> = (0..keys)
                .map(|key| {
                    let key = key.to_be_bytes();
                    ApiKeyId::generate(
                        NOW,
                        std::array::from_fn(|place| if place < 2 { 0 } else { key[place - 2] }),
                    )
                })
                .collect();
            std::thread::spawn(move || {
                start.wait();
                let began = Instant::now();
                for id in ids.iter().cycle().take(usize::try_from(COUNTS).unwrap()) {
                    ledger.count(*id, NOW).unwrap();
                }
                began.elapsed()
            })
        })
        .collect();
    start.wait();
    let took: Duration = workers.into_iter().map(|worker| worker.join().unwrap()).sum();
    took.as_secs_f64() * 1e9 / (threads * COUNTS) as f64
}

fn main() {
    // Cargo passes `--bench`.
    let named = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).map(PathBuf::from);
    let scratch = named.map_or_else(tempfile::tempdir, tempfile::tempdir_in).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let _entered = runtime.enter();
    let settings = UsageSettings::new(scratch.path());
    let entropy = Arc::new(Counter(0.into()));
    let ledger = Arc::new(FileUsageLedger::open(&settings, Arc::new(Storage), entropy).unwrap());
    for threads in [1, 2] {
        for keys in [1, 1_000] {
            let mut rounds: Vec<f64> = (0..5).map(|_| measure(&ledger, threads, keys)).collect();
            rounds.sort_by(f64::total_cmp);
            println!("threads={threads} keys={keys}: {:.0} ns a count (best {:.0})", rounds[2], rounds[0]);
        }
    }
    runtime.block_on(ledger.drain(Duration::from_secs(10)));
    println!("{:?}", ledger.figures());
}
