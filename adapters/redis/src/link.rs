use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use portico_domain::ports::Unavailable;
use redis::{FromRedisValue, RedisError, ScriptInvocation, aio::MultiplexedConnection};
use tokio::{
    runtime::Handle,
    sync::{Semaphore, oneshot, watch},
    time::timeout,
};

/// The longest that any command may take.
pub(crate) const COMMAND_LIMIT: Duration = Duration::from_secs(1);
/// How many commands may wait for their replies. More wait for their turn in the futures of whoever asks, so that what piles up before a
/// Redis that hangs is bounded.
const IN_FLIGHT: usize = 1_024;
/// How long they wait for it at most. While Redis answers their turn comes; when it stops, the link is lost, and they are told at once.
const TURN_LIMIT: Duration = Duration::from_secs(5);
/// Room for all that may be in flight and for the keeper's own, so that nothing waits to be written behind what waits for a reply.
pub(crate) const QUEUE: usize = 2 * IN_FLIGHT;

/// One connection to one life of one Redis server. The pair never changes: after a reconnect there is another link.
#[derive(Clone)]
pub(crate) struct Link {
    connection: MultiplexedConnection,
    /// The server's life: its `run_id`.
    pub(crate) life: Arc<str>,
    /// Loads that began under a smaller number are not trusted over this link.
    pub(crate) since: u64,
    in_flight: Arc<Semaphore>,
    lost: watch::Receiver<bool>,
    replies: Arc<Replies>,
    home: Handle,
}

/// When Redis was last heard of over a link.
struct Replies {
    from: Instant,
    last_micros: AtomicU64,
}

impl Replies {
    fn note(&self) {
        let micros = u64::try_from(self.from.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.last_micros.fetch_max(micros, Ordering::Relaxed);
    }

    fn silence(&self) -> Duration {
        self.from.elapsed().saturating_sub(Duration::from_micros(self.last_micros.load(Ordering::Relaxed)))
    }
}

impl Link {
    /// Binds a connection to the life that it was seen to reach; it counts as lost once `lost` says so. Its tasks run where this is called.
    pub(crate) fn new(
        connection: MultiplexedConnection,
        life: Arc<str>,
        lost: watch::Receiver<bool>,
    ) -> Self {
        let replies = Arc::new(Replies { from: Instant::now(), last_micros: AtomicU64::new(0) });
        let home = Handle::current();
        Self {
            connection,
            life,
            since: 0,
            in_flight: Arc::new(Semaphore::new(IN_FLIGHT)),
            lost,
            replies,
            home,
        }
    }

    /// Runs a script. Dropping this doesn't end the command: it goes on in a task of its own, which holds its place among those in flight
    /// until the reply is there, the link is lost or [`COMMAND_LIMIT`] is over.
    pub(crate) async fn run<T>(
        &self,
        service: &'static str,
        script: ScriptInvocation<'static>,
    ) -> Result<T, Unavailable>
    where
        T: FromRedisValue + Send + 'static,
    {
        self.run_then(service, script, |_: &T| ()).await
    }

    /// The same; `then` is called with the reply when it has come, also where nobody waits for it any more, and dropped when it doesn't come.
    pub(crate) async fn run_then<T, N>(
        &self,
        service: &'static str,
        script: ScriptInvocation<'static>,
        then: N,
    ) -> Result<T, Unavailable>
    where
        T: FromRedisValue + Send + 'static,
        N: FnOnce(&T) + Send + 'static,
    {
        self.start(service, |connection| invoke(script, connection), then).await
    }

    /// Sends any command, as [`Link::run_then`] does.
    pub(crate) async fn start<T, F, R, N>(
        &self,
        service: &'static str,
        send: F,
        then: N,
    ) -> Result<T, Unavailable>
    where
        T: Send + 'static,
        F: FnOnce(MultiplexedConnection) -> R,
        R: Future<Output = Result<T, RedisError>> + Send + 'static,
        N: FnOnce(&T) + Send + 'static,
    {
        let mut lost = self.lost.clone();
        let slot = tokio::select! {
            biased;
            _ = lost.wait_for(|lost| *lost) => return Err(gone(service)),
            slot = timeout(TURN_LIMIT, Arc::clone(&self.in_flight).acquire_owned()) => match slot {
                Ok(Ok(slot)) => slot,
                _ => return Err(Unavailable::new(service, "too many commands wait for Redis")),
            },
        };
        self.send(service, send, then, slot).await
    }

    /// Runs one of the keeper's own scripts, which waits for no turn: a queue before Redis must not look like its end.
    pub(crate) async fn run_ahead<T, N>(
        &self,
        service: &'static str,
        script: ScriptInvocation<'static>,
        then: N,
    ) -> Result<T, Unavailable>
    where
        T: FromRedisValue + Send + 'static,
        N: FnOnce(&T) + Send + 'static,
    {
        self.send(service, |connection| invoke(script, connection), then, ()).await
    }

    async fn send<T, F, R, N, S>(
        &self,
        service: &'static str,
        send: F,
        then: N,
        slot: S,
    ) -> Result<T, Unavailable>
    where
        T: Send + 'static,
        F: FnOnce(MultiplexedConnection) -> R,
        R: Future<Output = Result<T, RedisError>> + Send + 'static,
        N: FnOnce(&T) + Send + 'static,
        S: Send + 'static,
    {
        let mut lost = self.lost.clone();
        let (tell, told) = oneshot::channel();
        let replies = Arc::clone(&self.replies);
        let sent = send(self.connection.clone());
        self.home.spawn(async move {
            let outcome = tokio::select! {
                biased;
                reply = timeout(COMMAND_LIMIT, sent) => match reply {
                    Ok(reply) => {
                        replies.note();
                        reply.inspect(then).map_err(|error| away(service, &error))
                    }
                    Err(_) => Err(Unavailable::new(service, "Redis does not answer in time")),
                },
                _ = lost.wait_for(|lost| *lost) => Err(gone(service)),
            };
            drop(slot);
            // Whoever asked may have given up.
            let _ = tell.send(outcome);
        });
        told.await.unwrap_or_else(|_| Err(gone(service)))
    }

    /// Returns once nothing has been heard of Redis for `patience`. Replies to others count: who waits in a long queue that moves has no
    /// reason to give up.
    pub(crate) async fn silent_for(&self, patience: Duration) {
        /// After a pause of this process, replies that have arrived must have the chance to be read.
        const AFTERTHOUGHT: Duration = Duration::from_millis(5);
        tokio::time::sleep(patience).await;
        loop {
            let silence = self.replies.silence();
            if silence < patience {
                tokio::time::sleep(patience.saturating_sub(silence)).await;
                continue;
            }
            tokio::time::sleep(AFTERTHOUGHT).await;
            if self.replies.silence() >= patience {
                return;
            }
        }
    }
}

async fn invoke<T: FromRedisValue>(
    script: ScriptInvocation<'static>,
    mut connection: MultiplexedConnection,
) -> Result<T, RedisError> {
    script.invoke_async(&mut connection).await
}

/// There is no link, or it was lost while a command was under way.
pub(crate) fn gone(service: &'static str) -> Unavailable {
    Unavailable::new(service, "Redis is away")
}

/// What Redis said instead of an answer.
pub(crate) fn away(service: &'static str, error: &RedisError) -> Unavailable {
    Unavailable::new(service, error)
}
