//! What a look-up in memory costs: `MemoryCache` (`quick_cache`) beside moka over the same 10,000 entries, on one thread and on two, in alternating rounds of
//! one run; and how much memory an entry takes up beside its value.
//!
//! `cargo bench -p portico-memory --bench local -- [rounds] [milliseconds a round]`. Ends with 1 when `MemoryCache` isn't faster than moka.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measuring program for people")]

use std::{
    any::Any,
    hash::{BuildHasherDefault, Hash, Hasher},
    hint::black_box,
    process::ExitCode,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use portico_domain::{
    cache::{CacheKey, Mark, Prefix, Subject},
    models::Timestamp,
    ports::{LocalCache, LocalEntry},
};
use portico_memory::MemoryCache;

const ENTRIES: u32 = 10_000;
const CAPACITY: u64 = 64 << 20;
const SEED: [u8; 32] = *b"an obviously fake seed, 32 bytes";
const THREADS: [usize; 2] = [1, 2];

type Look = Box<dyn Fn(&CacheKey) -> bool + Send + Sync>;

/// A key for moka that hashes as cheaply as can be, so that its hasher isn't what is compared.
#[derive(PartialEq, Eq, Clone, Copy)]
struct Spread(CacheKey);

impl Hash for Spread {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.spread());
    }
}

#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn write(&mut self, _bytes: &[u8]) {}

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

fn main() -> ExitCode {
    let numbers: Vec<u64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let rounds = numbers.first().copied().unwrap_or(5).clamp(1, 50);
    let span = Duration::from_millis(numbers.get(1).copied().unwrap_or(300).clamp(10, 10_000));

    let keys: Vec<CacheKey> = (0..ENTRIES).map(key).collect();
    let candidates: [(&str, Look); 3] =
        [("quick_cache", memory_cache(&keys)), ("moka", moka(&keys)), ("moka, no hashing", bare_moka(&keys))];
    println!("get over {ENTRIES} entries, ns of a core a look-up (median of {rounds} rounds)");
    let mut faster = true;
    for threads in THREADS {
        let mut measured = vec![Vec::new(); candidates.len()];
        for _ in 0..rounds {
            for ((_, look), nanos) in candidates.iter().zip(&mut measured) {
                nanos.push(round(look, &keys, threads, span));
            }
        }
        let medians: Vec<f64> = measured.iter_mut().map(|nanos| median(nanos)).collect();
        for ((name, _), nanos) in candidates.iter().zip(&medians) {
            let ratio = nanos / medians[0];
            println!("{threads} thread(s)  {name:<18} {nanos:>7.1} ns  × {ratio:.1}");
        }
        faster &= medians[1..].iter().all(|nanos| *nanos > medians[0]);
    }
    overhead();
    ExitCode::from(u8::from(!faster))
}

fn key(n: u32) -> CacheKey {
    CacheKey::of(Prefix::ApiKey, &n.to_le_bytes())
}

fn entry() -> Arc<LocalEntry> {
    Arc::new(LocalEntry {
        value: Some(Arc::new([7_u64; 32]) as Arc<dyn Any + Send + Sync>),
        mark: Mark::default(),
        subjects: vec![Subject::all_of(Prefix::ApiKey), Subject::of(Prefix::ApiKey, b"one")],
        loaded_at: Timestamp::from_seconds(1_000),
        load_time: Duration::from_millis(1),
        bytes: 256,
    })
}

fn memory_cache(keys: &[CacheKey]) -> Look {
    let cache = MemoryCache::new(CAPACITY, SEED);
    for key in keys {
        cache.set(*key, entry());
    }
    Box::new(move |key| cache.get(key).is_some())
}

fn moka(keys: &[CacheKey]) -> Look {
    let weigher = |_: &CacheKey, entry: &Arc<LocalEntry>| entry.bytes + 256;
    let cache = moka::sync::Cache::builder().max_capacity(CAPACITY).weigher(weigher).build();
    for key in keys {
        cache.insert(*key, entry());
    }
    cache.run_pending_tasks();
    Box::new(move |key| cache.get(key).is_some())
}

fn bare_moka(keys: &[CacheKey]) -> Look {
    let weigher = |_: &Spread, entry: &Arc<LocalEntry>| entry.bytes + 256;
    let cache = moka::sync::Cache::builder()
        .max_capacity(CAPACITY)
        .weigher(weigher)
        .build_with_hasher(BuildHasherDefault::<Identity>::default());
    for key in keys {
        cache.insert(Spread(*key), entry());
    }
    cache.run_pending_tasks();
    Box::new(move |key| cache.get(&Spread(*key)).is_some())
}

/// Looks keys up for so long, and says how many nanoseconds of its core a thread spent on one look.
fn round(look: &Look, keys: &[CacheKey], threads: usize, span: Duration) -> f64 {
    let (stop, looks, nanos) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for thread in 0..threads {
            let (stop, looks, nanos) = (&stop, &looks, &nanos);
            scope.spawn(move || {
                // Each key equally often, in an order that no prefetcher knows.
                let mut at = thread * 4_999;
                let mut count = 0_u64;
                let began = busy_nanos();
                while !stop.load(Ordering::Relaxed) {
                    for _ in 0..1_000 {
                        at = (at + 7_919) % keys.len();
                        assert!(black_box(look(black_box(&keys[at]))));
                    }
                    count += 1_000;
                }
                nanos.fetch_add(busy_nanos() - began, Ordering::Relaxed);
                looks.fetch_add(count, Ordering::Relaxed);
            });
        }
        thread::sleep(span);
        stop.store(true, Ordering::Relaxed);
    });
    #[expect(clippy::cast_precision_loss, reason = "a mean needs no more than 52 bits")]
    let mean = nanos.into_inner() as f64 / looks.into_inner() as f64;
    mean
}

/// How long this thread has been running on a core, by Linux' own account, so that what else the machine does isn't counted; elsewhere the time that passed.
fn busy_nanos() -> u64 {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let running = told.and_then(|told| told.split(' ').next()?.parse().ok());
    running.unwrap_or_else(|| {
        u64::try_from(BEGAN.get_or_init(Instant::now).elapsed().as_nanos()).unwrap_or(u64::MAX)
    })
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// How much the process grows by an entry that has no value, by Linux' own account.
fn overhead() {
    let Some(before) = resident_bytes() else { return };
    let cache = MemoryCache::new(1 << 30, SEED);
    let entries = 400_000;
    for n in 0..entries {
        let mut entry = entry();
        let bare = Arc::get_mut(&mut entry).unwrap();
        (bare.value, bare.bytes) = (None, 0);
        cache.set(key(n), entry);
    }
    let Some(after) = resident_bytes() else { return };
    let (statistics, grown) = (cache.statistics(), after.saturating_sub(before));
    println!(
        "overhead: {} bytes an entry resident, {} weighed, over {} entries",
        grown / u64::from(entries),
        statistics.bytes / statistics.entries,
        statistics.entries
    );
}

fn resident_bytes() -> Option<u64> {
    let pages = std::fs::read_to_string("/proc/self/statm").ok()?;
    pages.split(' ').nth(1)?.parse::<u64>().ok().map(|pages| pages * 4_096)
}
