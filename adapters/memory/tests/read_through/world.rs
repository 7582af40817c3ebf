//! A shelf behind a cache, and a clock that the test moves.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use portico_domain::{
    cache::{
        Cache, CacheKey, CacheParts, Fence, Policy, Prefix, ReadThrough, Source, Strategies, Subject, Tiers,
    },
    models::Timestamp,
    ports::{Background, Clock, MockSharedCache, Notice, Notices, SharedCache, Task, Unavailable},
};
use portico_memory::MemoryCache;
use tokio::time::Instant;

/// Tells tokio's time, which a paused test moves.
pub(crate) struct TokioClock(Instant);

#[async_trait]
impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1_790_000_000).after(self.0.elapsed())
    }

    async fn sleep(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }
}

struct Spawned;

impl Background for Spawned {
    fn run(&self, task: Task) {
        tokio::spawn(task);
    }
}

/// Hears notices.
#[derive(Default)]
pub(crate) struct Told(pub(crate) Mutex<Vec<Notice>>);

impl Notices for Told {
    fn tell(&self, notice: Notice) {
        self.0.lock().unwrap().push(notice);
    }
}

/// What storage would be: one value for all, slow, and at times away.
pub(crate) struct Shelf {
    pub(crate) value: Mutex<Result<Option<u64>, Unavailable>>,
    pub(crate) takes: Mutex<Duration>,
    pub(crate) loads: AtomicU32,
}

impl Shelf {
    pub(crate) fn put(&self, value: impl Into<Option<u64>>) {
        *self.value.lock().unwrap() = Ok(value.into());
    }

    pub(crate) fn go_away(&self) {
        *self.value.lock().unwrap() = Err(Unavailable::new("storage", "away for the test"));
    }

    pub(crate) fn loads(&self) -> u32 {
        self.loads.load(Ordering::SeqCst)
    }
}

/// Reads the shelf.
pub(crate) struct ShelfSource(pub(crate) Arc<Shelf>);

/// What everything of the shelf depends on.
pub(crate) fn shelf_subject() -> Subject {
    Subject::of(Prefix::Settings, b"the shelf")
}

#[async_trait]
impl Source for ShelfSource {
    type Id = u32;
    type Value = u64;
    const PREFIX: Prefix = Prefix::Settings;

    fn key(&self, id: &u32) -> CacheKey {
        CacheKey::of(Self::PREFIX, &id.to_le_bytes())
    }

    fn subjects(&self, _id: &u32, _value: &u64) -> Vec<Subject> {
        vec![shelf_subject()]
    }

    /// What is on the shelf when it is asked, told later.
    async fn load(&self, _id: &u32) -> Result<Option<u64>, Unavailable> {
        self.0.loads.fetch_add(1, Ordering::SeqCst);
        let value = self.0.value.lock().unwrap().clone();
        let takes = *self.0.takes.lock().unwrap();
        tokio::time::sleep(takes).await;
        value
    }
}

pub(crate) struct World {
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) read: ReadThrough<ShelfSource>,
    pub(crate) told: Arc<Told>,
    pub(crate) clock: Arc<TokioClock>,
}

/// Fresh for 60 s, ageing from 45 s, stale for 30 s more, to be used for 600 s when the shelf is away; nothing is known for 10 s.
pub(crate) const POLICY: Policy = Policy {
    lifetime: Duration::from_secs(60),
    refresh_after: Duration::from_secs(45),
    stale: Duration::from_secs(30),
    stale_when_away: Duration::from_secs(600),
    jitter_percent: 0,
    negative: Duration::from_secs(10),
    tiers: Tiers::Both,
};

impl World {
    pub(crate) fn new(policy: Policy, shared: Option<MockSharedCache>) -> Self {
        Self::with_tier(policy, shared.map(|shared| Arc::new(shared) as _))
    }

    pub(crate) fn with_tier(policy: Policy, shared: Option<Arc<dyn SharedCache>>) -> Self {
        let shelf = Arc::new(Shelf {
            value: Mutex::new(Ok(Some(1))),
            takes: Mutex::new(Duration::from_millis(10)),
            loads: AtomicU32::new(0),
        });
        let (clock, told) = (Arc::new(TokioClock(Instant::now())), Arc::new(Told::default()));
        let cache = Cache::new(CacheParts {
            clock: clock.clone(),
            background: Arc::new(Spawned),
            notices: told.clone(),
            local: Arc::new(MemoryCache::new(8 << 20, [7; 32])),
            shared,
            fence: Arc::<Fence>::default(),
            strategies: Strategies::new([policy; Prefix::ALL.len()]),
            single_flight: true,
        });
        let read = ReadThrough::new(cache, ShelfSource(Arc::clone(&shelf)));
        Self { shelf, read, told, clock }
    }

    pub(crate) async fn get(&self) -> Option<u64> {
        self.read.get(&1).await.unwrap().map(|value| *value)
    }
}

/// Lets time pass, and what was to happen in it.
pub(crate) async fn pass(span: Duration) {
    tokio::time::sleep(span).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
}
