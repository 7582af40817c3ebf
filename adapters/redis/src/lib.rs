//! Cache and rate limits that native servers share through Redis (6 or newer) or Valkey.
//!
//! | port | adapter | file |
//! | --- | --- | --- |
//! | `SharedCache` | [`RedisCache`] | `cache.rs`, `entry.rs` |
//! | `RateLimiter` | [`RedisLimiter`] | `limiter.rs` |
//!
//! `keeper.rs` keeps one connection and connects again; `link.rs` is that connection while it lasts, with its bounds; `undelivered.rs` remembers
//! invalidations until Redis has confirmed them; `scripts/*.lua` is what Redis does in one step each.
//!
//! # What must hold
//!
//! The fence is a hash in Redis, `{portico}:fence`: the server's `life` (its `run_id`), when the fence was `born`, the `number` of the last
//! invalidation, the `floor`, when servers were last `seen`, and for each place the number of its last invalidation. Numbers grow: each is
//! the larger of its predecessor plus one and the server's clock in microseconds.
//!
//! - **Reading and filling are one step with the fence.** An entry is given out only if it was made under this very fence, no earlier than
//!   the floor, and before none of its places was invalidated. It is kept only if the same holds for the mark of its load.
//! - **Nothing is revived.** Each script is told which life its connection reached. If the hash is gone (flushed, evicted) or of another life
//!   (a restart, from whatever snapshot; a failover), the fence is made anew, and with it everything stored before is void. Where memory
//!   is used up so that an invalidation can't be written, the fence is taken away, which comes to the same.
//! - **An invalidation that was asked for is delivered**, whatever becomes of the caller's future, the reply or the connection: it is
//!   remembered before anything is sent, and until Redis has confirmed it. Until then this process takes nothing that depends on it from
//!   Redis. Delivering twice is harmless. What a process that is killed had not delivered is lost with it: see the next point.
//! - **Silence counts as loss.** Servers show themselves five times a second. If nobody did for a second, by the server's clock, the floor is
//!   raised before the next script does anything: whoever was cut off may have had something to invalidate. A single server that was
//!   cut off for 700 ms hears [`Heard::Everything`] and trusts no entry from before, for the same reason. What remains is a server that is cut off
//!   *alone*, and what it invalidates then reaches the others when it is back, or never if it dies before: they answer with what they had
//!   to the end of its lifetime.
//! - **Hearing is ordered.** Commands, replies, heartbeats and messages share a connection; when a heartbeat that was sent at a moment has
//!   been answered, every invalidation published before that moment has been passed on. One's own are passed on too: they end what was
//!   read from Redis while they were on their way there.
//! - **Nothing waits for Redis** beyond 1 s once it is sent, and 5 s for its turn while Redis answers others; nothing is sent where there is
//!   no link, and what waits when it is lost fails at once. At most 1,024 commands are in flight. Dropping a future poisons nothing. A
//!   start doesn't wait at all.
//!
//! Each numbered database is a world of its own, its messages included. Redis Cluster isn't followed: all keys share a hash tag, so one shard would hold them anyway. `maxmemory-policy` should be `noeviction` or
//! one of the `volatile` policies: with `allkeys` the fence may be evicted, which is safe and empties the cache.
//!
//! **To add a script:** a file in `scripts`, a line in `scripts.rs`; if it touches the cache it begins with the fence.

mod address;
mod cache;
mod entry;
mod keeper;
mod limiter;
mod link;
mod scripts;
mod undelivered;

use std::{sync::Arc, thread, time::Duration};

use portico_domain::{cache::Subject, ports::Clock, settings::LimitClasses};
use tokio::{runtime::Builder, sync::oneshot, time::timeout};

use self::keeper::Keeper;
pub use self::{address::RedisAddress, cache::RedisCache, limiter::RedisLimiter};

/// What was heard of other servers' invalidations, and of one's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// What depends on these is no longer so.
    Places(Vec<Subject>),
    /// Something may have been missed: nothing in memory can be relied on.
    Everything,
}

/// Is told what was heard, in order, by the task that reads the connection: it must return at once.
pub type OnHeard = Arc<dyn Fn(Heard) + Send + Sync>;

/// Where Redis is, and how to treat it.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    /// Where it is.
    pub address: RedisAddress,
    /// Authorities to trust instead of the usual ones, as PEM; for `rediss://`.
    pub authorities: Option<Vec<u8>>,
    /// The limits whose attempts may pass when they can't be counted, so that they are given up sooner.
    pub open_when_away: LimitClasses,
}

/// The name under which it is asked whether there is a link.
const READY: &str = "redis";

/// The adapters, and what keeps their connection. Dropped, the connection goes.
pub struct Redis {
    /// The shared tier of the cache.
    pub cache: Arc<RedisCache>,
    /// The rate limiter.
    pub limiter: Arc<RedisLimiter>,
    keeper: Arc<Keeper>,
    ended: oneshot::Receiver<()>,
}

/// Makes the adapters and begins to connect, on a thread of their own. Returns at once, also where Redis is away.
///
/// # Errors
/// What is wrong with the settings, such as authorities that are no PEM, or that there can be no thread.
pub fn connect(settings: RedisSettings, clock: Arc<dyn Clock>, on_heard: OnHeard) -> Result<Redis, String> {
    let RedisSettings { address, authorities, open_when_away } = settings;
    let keeper = Arc::new(Keeper::new(address.client(authorities)?, clock, on_heard));
    let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let (tell, ended) = oneshot::channel();
    let kept = Arc::clone(&keeper);
    let run = move || {
        runtime.block_on(kept.run());
        // Nobody may be waiting.
        let _ = tell.send(());
    };
    thread::Builder::new().name("portico-redis".to_owned()).spawn(run).map_err(|error| error.to_string())?;
    Ok(Redis {
        cache: Arc::new(RedisCache::new(Arc::clone(&keeper))),
        limiter: Arc::new(RedisLimiter::new(Arc::clone(&keeper), open_when_away)),
        keeper,
        ended,
    })
}

impl Redis {
    /// Waits until Redis can be asked, for `within` at most. `false` when it can't then; it will be as soon as it answers.
    pub async fn ready(&self, within: Duration) -> bool {
        let up = async {
            while self.keeper.link(READY).is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(within, up).await.is_ok()
    }

    /// Delivers what is undelivered, if Redis answers, and lets the connection go. Takes a second at most. What is asked afterwards fails.
    pub async fn close(mut self) {
        self.keeper.close();
        // Out of time, the thread ends by itself a little later.
        let _ = timeout(Duration::from_secs(1), &mut self.ended).await;
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.keeper.close();
    }
}
