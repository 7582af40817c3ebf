//! The whole stack: two servers with memory of their own, one Redis, and storage that answers slowly and out of turn.
//!
//! Whatever meets whatever: who asks a server after it has said that a change is done is never answered with what was before; who asks another server,
//! not a second later.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use portico_domain::{
    cache::{
        Cache, CacheKey, CacheParts, Fence, Policy, Prefix, ReadThrough, Source, Strategies, Subject, Tiers,
    },
    ports::{Background, Notice, Notices, SharedCache, Task, Unavailable},
};
use portico_in_process::SystemClock;
use portico_memory::MemoryCache;
use portico_redis::{Heard, Redis, RedisAddress, RedisSettings, connect};
use tokio::task::JoinSet;

use crate::server::{SOON, Server, until};

const THINGS: usize = 4;
/// How long another server may go on with what was before.
const BOUND: Duration = Duration::from_secs(1);

struct Spawned;

impl Background for Spawned {
    fn run(&self, task: Task) {
        tokio::spawn(task);
    }
}

struct Silent;

impl Notices for Silent {
    fn tell(&self, _notice: Notice) {}
}

/// What is stored: each thing is a number that only grows.
#[derive(Default)]
struct Storage {
    things: [AtomicU64; THINGS],
    loads: AtomicU32,
}

struct StorageSource(Arc<Storage>);

fn thing_subject(thing: usize) -> Subject {
    Subject::of(Prefix::ApiKey, format!("thing {thing}").as_bytes())
}

#[async_trait]
impl Source for StorageSource {
    type Id = usize;
    type Value = u64;
    const PREFIX: Prefix = Prefix::ApiKey;

    fn key(&self, thing: &usize) -> CacheKey {
        CacheKey::of(Self::PREFIX, &thing.to_le_bytes())
    }

    fn subjects(&self, thing: &usize, _value: &u64) -> Vec<Subject> {
        vec![thing_subject(*thing)]
    }

    async fn load(&self, thing: &usize) -> Result<Option<u64>, Unavailable> {
        let load = self.0.loads.fetch_add(1, Ordering::SeqCst);
        // Before and after reading it may take its time: a late answer tells what was so before.
        tokio::time::sleep(Duration::from_micros(u64::from(load.wrapping_mul(7_919) % 3_000))).await;
        let value = self.0.things[*thing].load(Ordering::SeqCst);
        tokio::time::sleep(Duration::from_micros(u64::from(load.wrapping_mul(104_729) % 20_000))).await;
        Ok(Some(value))
    }
}

struct Portico {
    read: ReadThrough<StorageSource>,
    redis: Redis,
}

impl Portico {
    fn on(server: &Server, storage: &Arc<Storage>) -> Self {
        let fence = Arc::new(Fence::default());
        let told = Arc::clone(&fence);
        let on_heard = Arc::new(move |heard| match heard {
            Heard::Places(subjects) => told.invalidate(&subjects),
            Heard::Everything => told.invalidate_all(),
        });
        let settings = RedisSettings {
            address: RedisAddress::parse(&server.url()).unwrap(),
            authorities: None,
            open_when_away: portico_domain::settings::LimitClasses::of(&[]),
        };
        let redis = connect(settings, Arc::new(SystemClock), on_heard).unwrap();
        // Short, so that refreshes take part.
        let policy = Policy {
            lifetime: Duration::from_millis(3_000),
            refresh_after: Duration::from_millis(40),
            stale: Duration::ZERO,
            stale_when_away: Duration::ZERO,
            jitter_percent: 10,
            negative: Duration::from_secs(1),
            tiers: Tiers::Both,
        };
        let cache = Cache::new(CacheParts {
            clock: Arc::new(SystemClock),
            background: Arc::new(Spawned),
            notices: Arc::new(Silent),
            local: Arc::new(MemoryCache::new(8 << 20, [3; 32])),
            shared: Some(redis.cache.clone()),
            fence,
            strategies: Strategies::new([policy; Prefix::ALL.len()]),
            single_flight: true,
        });
        Self { read: ReadThrough::new(cache, StorageSource(Arc::clone(storage))), redis }
    }
}

/// What is promised to whoever asks from now on: on each server, and everywhere.
struct Promises {
    here: [[AtomicU64; THINGS]; 2],
    everywhere: [AtomicU64; THINGS],
}

/// Things change on either server, fifty times a second; promises are noted when the server has said that it is done.
async fn change(porticos: Arc<[Portico; 2]>, storage: Arc<Storage>, promises: Arc<Promises>, until: Instant) {
    let mut round = 0usize;
    while Instant::now() < until {
        let (server, thing) = (round % 2, (round / 2 * 7) % THINGS);
        let value = storage.things[thing].fetch_add(1, Ordering::SeqCst) + 1;
        porticos[server].read.cache().invalidate(&[], &[thing_subject(thing)]).await;
        promises.here[server][thing].fetch_max(value, Ordering::SeqCst);
        let later = Arc::clone(&promises);
        tokio::spawn(async move {
            tokio::time::sleep(BOUND).await;
            later.everywhere[thing].fetch_max(value, Ordering::SeqCst);
        });
        round += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn ask(
    porticos: Arc<[Portico; 2]>,
    promises: Arc<Promises>,
    reader: usize,
    until: Instant,
) -> (u64, Vec<String>) {
    let (mut asked, mut broken) = (0, Vec::new());
    while Instant::now() < until {
        let (server, thing) = (reader % 2, (reader / 2 + usize::try_from(asked).unwrap()) % THINGS);
        let here = promises.here[server][thing].load(Ordering::SeqCst);
        let everywhere = promises.everywhere[thing].load(Ordering::SeqCst);
        let value = *porticos[server].read.get(&thing).await.unwrap().unwrap();
        if value < here || value < everywhere {
            broken.push(format!(
                "server {server}, thing {thing}: {value}, promised {here} here, {everywhere} everywhere"
            ));
        }
        asked += 1;
        tokio::time::sleep(Duration::from_micros(200 * (1 + reader as u64 % 5))).await;
    }
    (asked, broken)
}

/// Lets readers and changes meet for a while, with `meanwhile` in the middle of it. Says how often was asked and how often that was a load.
async fn meet(server: &mut Server, meanwhile: impl AsyncFnOnce(&mut Server)) -> (u64, u32) {
    let storage = Arc::new(Storage::default());
    let porticos = Arc::new([Portico::on(server, &storage), Portico::on(server, &storage)]);
    for portico in porticos.iter() {
        let hears = || matches!(portico.redis.cache.hearing(), portico_domain::ports::Hearing::Until(_));
        until("both hear", hears).await;
    }
    let promises = Arc::new(Promises { here: Default::default(), everywhere: Default::default() });
    let end = Instant::now() + Duration::from_secs(6);
    let mut readers = JoinSet::new();
    for reader in 0..16 {
        readers.spawn(ask(Arc::clone(&porticos), Arc::clone(&promises), reader, end));
    }
    let changes =
        tokio::spawn(change(Arc::clone(&porticos), Arc::clone(&storage), Arc::clone(&promises), end));
    tokio::time::sleep(Duration::from_secs(2)).await;
    meanwhile(server).await;
    let mut asked = 0;
    while let Some(reader) = tokio::time::timeout(SOON, readers.join_next()).await.expect("readers end") {
        let (count, broken) = reader.unwrap();
        assert!(broken.is_empty(), "{} of {count}: {}", broken.len(), broken[0]);
        asked += count;
    }
    changes.await.unwrap();
    (asked, storage.loads.load(Ordering::SeqCst))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_dropped_comes_back_while_all_is_well() {
    let (asked, loads) = meet(&mut Server::start(), async |_| {}).await;
    assert!(asked > 2_000, "{asked}");
    assert!(u64::from(loads) < asked, "the cache answers as well: {loads} loads for {asked}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_dropped_comes_back_while_redis_hangs_nor_after() {
    let meanwhile = async |server: &mut Server| {
        server.hang();
        tokio::time::sleep(Duration::from_millis(1_800)).await;
        server.wake();
    };
    assert!(meet(&mut Server::start(), meanwhile).await.0 > 500);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_dropped_comes_back_with_a_redis_that_remembers_yesterday() {
    let meanwhile = async |server: &mut Server| {
        let _: String = server.command(&["SAVE"]).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.kill();
        tokio::time::sleep(Duration::from_millis(700)).await;
        server.run();
    };
    assert!(meet(&mut Server::start_saving(), meanwhile).await.0 > 500);
}
