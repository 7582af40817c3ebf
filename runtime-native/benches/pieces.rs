//! What the pure pieces on the way of every request cost, each by itself: `cargo bench -p portico --bench pieces [-- FILTER]`. The way through the router is measured in
//! `cargo bench -p portico-http-api --bench dispatch`, a look-up in memory beside moka's in `cargo bench -p portico-memory --bench local`.

#![allow(clippy::unwrap_used, reason = "a bench ends where something fails")]

use std::{any::Any, hint::black_box, sync::Arc, time::Duration};

use divan::Bencher;
use portico_crypto::{JwtSigner, TokenKeysConfig};
use portico_domain::{
    cache::{CacheKey, Mark, Prefix, Subject},
    models::{
        AccessClaims, ApiKeyText, BookListing, Cursor, Demand, Gcra, Order, OrganizationId, PageRequest,
        Quota, Role, Secret, SessionId, Timestamp, TokenId, UserId,
    },
    ports::{Clock, LocalCache, LocalEntry, MacPurpose, RateLimiter, SharedCache, SharedEntry, TokenSigner},
    settings::{LimitClass, LimitClasses},
};
use portico_in_process::{InProcessLimiter, SystemClock};
use portico_memory::MemoryCache;
use portico_redis::{RedisAddress, RedisSettings, connect};
use portico_sql::{
    Repositories,
    driver::Driver,
    seed::{self, Counts, Family, Plan},
    sqlite::{self, SqliteConfig},
};
use portico_tests::harness::redis::{Persistence, Redis};
use tokio::runtime::Runtime;

const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);
const QUOTA: Quota = Quota { limit: 1_000_000, window: Duration::from_secs(1) };
/// A value of the size that a key's holder has in a cache.
const VALUE: [u8; 600] = [b'v'; 600];

fn main() {
    divan::main();
}

#[divan::bench]
fn key_parse(bencher: Bencher) {
    let text = ApiKeyText::generate(&[7; 64]).unwrap().expose().to_owned();
    bencher.bench(|| ApiKeyText::parse(black_box(&text)));
}

#[divan::bench]
fn key_parse_of_a_wrong_checksum(bencher: Bencher) {
    let text = ApiKeyText::generate(&[7; 64]).unwrap().expose().replace('7', "8");
    bencher.bench(|| ApiKeyText::parse(black_box(&text)));
}

#[divan::bench]
fn key_digest(bencher: Bencher) {
    let key = ApiKeyText::generate(&[7; 64]).unwrap();
    bencher.bench(|| black_box(&key).digest());
}

#[divan::bench]
fn limiter_decision() -> Gcra {
    Gcra::decide("key", black_box(QUOTA), black_box(Some(NOW)), black_box(NOW))
}

/// In this process, over 10,000 keys that are counted already.
#[divan::bench]
fn limiter_in_process(bencher: Bencher) {
    let limiter = InProcessLimiter::new(Arc::new(SystemClock));
    let demands: Vec<_> = (0..10_000)
        .map(|number| Demand { policy: "key", quota: QUOTA, key: format!("key:{number}") })
        .collect();
    let runtime = runtime();
    let mut at = 0;
    bencher.bench_local(|| {
        at = (at + 7_919) % demands.len();
        runtime.block_on(limiter.admit(&demands[at])).unwrap()
    });
}

#[divan::bench]
fn cache_hit_in_memory(bencher: Bencher) {
    let cache = MemoryCache::new(64 << 20, [7; 32]);
    let keys: Vec<_> = (0..10_000_u32).map(|n| CacheKey::of(Prefix::ApiKey, &n.to_le_bytes())).collect();
    for key in &keys {
        let value = Arc::new(VALUE) as Arc<dyn Any + Send + Sync>;
        cache.set(
            *key,
            Arc::new(LocalEntry {
                value: Some(value),
                mark: Mark::default(),
                subjects: vec![Subject::all_of(Prefix::ApiKey)],
                loaded_at: NOW,
                load_time: Duration::from_millis(1),
                bytes: 600,
            }),
        );
    }
    let mut at = 0;
    bencher.bench_local(|| {
        at = (at + 7_919) % keys.len();
        cache.get(&keys[at]).unwrap()
    });
}

/// A hit of the tier that servers share, on a Redis of its own on this machine.
#[divan::bench(sample_count = 500)]
fn cache_hit_in_redis(bencher: Bencher) {
    let runtime = runtime();
    let server = runtime.block_on(Redis::own(Persistence::None)).unwrap();
    let _inside = runtime.enter();
    let settings = RedisSettings {
        address: RedisAddress::parse(server.url().as_str()).unwrap(),
        authorities: None,
        open_when_away: LimitClasses::of(&[LimitClass::Key]),
    };
    let redis = connect(settings, Arc::new(SystemClock), Arc::new(|_| ())).unwrap();
    assert!(runtime.block_on(redis.ready(Duration::from_secs(10))), "Redis answers");
    let key = CacheKey::of(Prefix::ApiKey, b"one");
    let entry = SharedEntry {
        value: Some(VALUE.to_vec()),
        subjects: vec![Subject::all_of(Prefix::ApiKey)],
        loaded_at: SystemClock.now(),
        load_time: Duration::from_millis(1),
    };
    let cache = Arc::clone(&redis.cache);
    runtime.block_on(async {
        let mark = cache.get(&key).await.unwrap().mark;
        cache.set(&key, &entry, mark, Duration::from_mins(10)).await.unwrap();
    });
    bencher.bench_local(|| {
        let answer = runtime.block_on(cache.get(&key)).unwrap();
        assert!(answer.entry.is_some(), "it is a hit");
    });
}

#[divan::bench(args = ["HS256", "EdDSA"])]
fn jwt_sign(bencher: Bencher, algorithm: &str) {
    let (signer, claims) = (signer(algorithm), claims());
    bencher.bench(|| signer.sign(black_box(&claims)).unwrap());
}

#[divan::bench(args = ["HS256", "EdDSA"])]
fn jwt_verify(bencher: Bencher, algorithm: &str) {
    let signer = signer(algorithm);
    let token = signer.sign(&claims()).unwrap();
    bencher.bench(|| signer.verify(black_box(token.expose()), NOW).unwrap());
}

#[divan::bench]
fn cursor_seal(bencher: Bencher) {
    let signer = signer("HS256");
    let cursor = Cursor::at(NOW, claims().user_id.uuid());
    bencher
        .bench(|| black_box(cursor).seal("books|desc|owner", |bytes| signer.mac(MacPurpose::Cursor, bytes)));
}

#[divan::bench]
fn cursor_open(bencher: Bencher) {
    let signer = signer("HS256");
    let mac = |bytes: &[u8]| signer.mac(MacPurpose::Cursor, bytes);
    let text = Cursor::at(NOW, claims().user_id.uuid()).seal("books|desc|owner", mac);
    bencher.bench(|| Cursor::open(black_box(&text), "books|desc|owner", mac).unwrap());
}

/// A statement and its rows, from a file on this machine: what a row costs is the difference by the number of rows.
#[divan::bench(args = [1, 20, 100])]
fn rows_decoded(bencher: Bencher, rows: u32) {
    let runtime = runtime();
    let folder = tempfile::tempdir().unwrap();
    let database = {
        let _inside = runtime.enter();
        sqlite::open_with(&SqliteConfig::new(folder.path().join("portico.sqlite"))).unwrap()
    };
    let driver: Arc<dyn Driver> = Arc::clone(&database) as _;
    let repositories = Repositories::new(driver, Arc::new(SystemClock));
    runtime.block_on(async {
        database.migrate(NOW).await.unwrap();
        let plan = Plan { counts: Counts::of_scale(0.02).unwrap(), families: vec![Family::Books] };
        seed::seed(&*database, &plan, &mut |_| ()).await.unwrap();
    });
    let page = PageRequest { limit: rows, after: None, order: Order::Descending };
    let listing = BookListing { author: None, search: None, page };
    bencher.bench_local(|| runtime.block_on(repositories.books.list(&listing)).unwrap());
    runtime.block_on(database.close());
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn signer(algorithm: &str) -> JwtSigner {
    // The seed of RFC 8037, appendix A.
    let seed = Secret::new("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A");
    JwtSigner::new(&TokenKeysConfig {
        secret: Secret::new("obviously fake secret of 32 bytes"),
        previous_secrets: Vec::new(),
        ed25519: (algorithm == "EdDSA").then_some(seed),
        previous_ed25519_public: Vec::new(),
        issuer: "https://portico.example".to_owned(),
        audience: "portico".to_owned(),
    })
    .unwrap()
}

fn claims() -> AccessClaims {
    AccessClaims {
        user_id: UserId::generate(NOW, [1; 10]),
        session_id: SessionId::generate(NOW, [3; 10]),
        token_id: TokenId::generate(NOW, [4; 10]),
        role: Role::Member,
        organization_id: OrganizationId::generate(NOW, [2; 10]),
        issued_at: NOW,
        expires_at: NOW.after(Duration::from_secs(900)),
    }
}
