use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use portico_domain::{
    models::Timestamp,
    ports::{Clock, Hearing, Unavailable},
};
use redis::{AsyncConnectionConfig, Client, InfoDict, PushInfo, PushKind, Value, aio::MultiplexedConnection};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep, sleep_until, timeout},
};

use crate::{
    Heard, OnHeard,
    entry::{parse_places, places},
    link::{COMMAND_LIMIT, Link, QUEUE, away, gone},
    scripts::{BEAT, DELETE, JOIN, channel, fenced},
    undelivered::Undelivered,
};

/// How often Redis is asked whether it is there.
const BEAT_EVERY: Duration = Duration::from_millis(200);
/// How long it may say nothing at all then. With the pause before: 700 ms of silence are a lost link.
const BEAT_WITHIN: Duration = Duration::from_millis(500);
/// How long one attempt to connect may take, until the link is trusted.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How many places are delivered at once.
const BATCH: usize = 512;
/// The name that faults of the link itself are told under.
const SERVICE: &str = "redis";
const DEAF: i64 = i64::MIN;

/// Keeps the one connection that everything goes over.
///
/// Commands, replies, heartbeats and what others publish share a connection (RESP3), so what Redis did in one order is heard in that order.
/// Whatever was published before a heartbeat was executed has been passed on when its answer is read.
///
/// It has a thread of its own, with all that is read and written: however busy the server is, heartbeats are sent and answers read in time,
/// and its own haste is not taken for Redis' silence.
///
/// A link goes through the same steps each time, and nothing is read over it before the last one:
/// 1. Connect; read which life of the server was reached; subscribe.
/// 2. Tell [`Heard::Everything`]: what was published before may have been missed.
/// 3. Take a number larger than any load's before. After a loss, entries below it are not trusted: another server may have been unable to
///    invalidate meanwhile.
/// 4. Deliver what is undelivered.
/// 5. Beat once; then the link is there for all to use, and hearing is told by each beat.
///
/// It is lost when the connection ends, when a beat is refused, or when Redis has said nothing for 700 ms. Its commands fail then at once.
pub(crate) struct Keeper {
    client: Client,
    pub(crate) channel: String,
    clock: Arc<dyn Clock>,
    on_heard: OnHeard,
    pub(crate) undelivered: Arc<Undelivered>,
    link: RwLock<Option<Link>>,
    /// Microseconds since 1970 until which everything has been heard, or [`DEAF`].
    heard_until: AtomicI64,
    closing: watch::Sender<bool>,
}

/// One connection while it lasts.
struct Session {
    link: Link,
    lost: watch::Sender<bool>,
    ended: Arc<Notify>,
}

impl Keeper {
    pub(crate) fn new(client: Client, clock: Arc<dyn Clock>, on_heard: OnHeard) -> Self {
        let channel = channel(client.get_connection_info().redis_settings().db());
        Self {
            client,
            channel,
            clock,
            on_heard,
            undelivered: Arc::default(),
            link: RwLock::default(),
            heard_until: AtomicI64::new(DEAF),
            closing: watch::Sender::new(false),
        }
    }

    /// The link, if there is one.
    pub(crate) fn link(&self, service: &'static str) -> Result<Link, Unavailable> {
        let link = self.link.read().unwrap_or_else(PoisonError::into_inner);
        link.clone().ok_or_else(|| gone(service))
    }

    /// Until when everything was heard.
    pub(crate) fn hearing(&self) -> Hearing {
        match self.heard_until.load(Ordering::SeqCst) {
            DEAF => Hearing::Deaf,
            micros => Hearing::Until(Timestamp::from_micros(micros)),
        }
    }

    /// Makes [`Keeper::run`] end.
    pub(crate) fn close(&self) {
        self.closing.send_replace(true);
    }

    /// Connects, keeps the link, and connects again, until told to close.
    pub(crate) async fn run(self: Arc<Self>) {
        let (mut pause, mut before, mut told_away) = (FIRST_PAUSE, false, false);
        loop {
            let made = tokio::select! {
                biased;
                () = self.closed() => return,
                made = timeout(CONNECT_WITHIN, self.establish(before)) => made,
            };
            let cause = match made {
                Ok(Ok(session)) => {
                    tracing::info!("Redis answers");
                    (pause, before, told_away) = (FIRST_PAUSE, true, false);
                    let cause = tokio::select! {
                        cause = self.tend(&session) => Some(cause),
                        () = self.closed() => None,
                    };
                    if cause.is_none() {
                        self.finish(&session).await;
                    }
                    self.lose(&session);
                    let Some(cause) = cause else { return };
                    cause
                }
                Ok(Err(cause)) => cause.detail,
                Err(_) => "no answer in time".to_owned(),
            };
            if !told_away {
                tracing::warn!(cause, "Redis is away");
                told_away = true;
            }
            tokio::select! {
                () = sleep(pause) => {}
                () = self.closed() => return,
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn closed(&self) {
        let mut closing = self.closing.subscribe();
        // The sender lives as long as the keeper, so this is no error.
        let _ = closing.wait_for(|closing| *closing).await;
    }

    async fn establish(&self, before: bool) -> Result<Session, Unavailable> {
        let ended = Arc::new(Notify::new());
        let refused = |error| away(SERVICE, &error);
        let mut connection = self.connect(&ended).await.map_err(refused)?;
        let info: InfoDict =
            redis::cmd("INFO").arg("server").query_async(&mut connection).await.map_err(refused)?;
        let life: String =
            info.get("run_id").ok_or_else(|| Unavailable::new(SERVICE, "INFO tells no run_id"))?;
        connection.subscribe(&self.channel).await.map_err(refused)?;
        (self.on_heard)(Heard::Everything);

        let (lost, told) = watch::channel(false);
        let mut session = Session { link: Link::new(connection, life.into(), told), lost, ended };
        let number = session.link.run_ahead(SERVICE, fenced(&JOIN, &session.link), |_: &u64| ()).await?;
        session.link.since = if before { number } else { 0 };
        self.deliver(&session.link, true).await?;
        let heard = self.beat(&session.link).await?;
        // From here on nothing is awaited: a link that is there for all has somebody who tends it.
        self.heard_until.store(heard.micros(), Ordering::SeqCst);
        *self.link.write().unwrap_or_else(PoisonError::into_inner) = Some(session.link.clone());
        Ok(session)
    }

    async fn connect(&self, ended: &Arc<Notify>) -> redis::RedisResult<MultiplexedConnection> {
        let (on_heard, ended) = (Arc::clone(&self.on_heard), Arc::clone(ended));
        let push = move |info: PushInfo| {
            match info.kind {
                PushKind::Disconnection => ended.notify_one(),
                PushKind::Message => on_heard(heard(&info.data)),
                _ => {}
            }
            Ok::<(), redis::aio::SendError>(())
        };
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(COMMAND_LIMIT))
            .set_response_timeout(Some(COMMAND_LIMIT))
            .set_pipeline_buffer_size(QUEUE)
            .set_push_sender(push);
        self.client.get_multiplexed_async_connection_with_config(&config).await
    }

    /// Beats and delivers until the link is lost; says why it was.
    async fn tend(&self, session: &Session) -> String {
        let mut next = Instant::now() + BEAT_EVERY;
        loop {
            let outcome = tokio::select! {
                () = session.ended.notified() => return "the connection ended".to_owned(),
                () = sleep_until(next) => {
                    next = Instant::now() + BEAT_EVERY;
                    self.beat(&session.link).await.map(|at| self.heard_until.store(at.micros(), Ordering::SeqCst))
                }
                () = self.undelivered.given_up() => self.deliver(&session.link, false).await,
            };
            if let Err(cause) = outcome {
                return cause.detail;
            }
        }
    }

    /// Sends one beat. Everything that was published before the moment it returns has been heard.
    async fn beat(&self, link: &Link) -> Result<Timestamp, Unavailable> {
        let sent = self.clock.now();
        let beat = fenced(&BEAT, link);
        tokio::select! {
            biased;
            answer = link.run_ahead(SERVICE, beat, |_: &u8| ()) => answer.map(|_| sent),
            () = link.silent_for(BEAT_WITHIN) => Err(Unavailable::new(SERVICE, "nothing was answered for 700 ms")),
        }
    }

    /// Delivers what is undelivered: `all`, or what nobody is sending at the moment.
    async fn deliver(&self, link: &Link, all: bool) -> Result<(), Unavailable> {
        for _ in 0..=usize::from(portico_domain::cache::Subject::COUNT) / BATCH {
            let Some(delivery) = self.undelivered.take_on(BATCH, all) else { break };
            let mut script = fenced(&DELETE, link);
            script.arg(places(delivery.subjects())).arg(&self.channel);
            link.run_ahead(SERVICE, script, |_: &u8| delivery.confirm()).await?;
        }
        Ok(())
    }

    /// What can still be delivered before the process ends.
    async fn finish(&self, session: &Session) {
        if let Err(cause) = self.deliver(&session.link, true).await {
            let places = self.undelivered.count();
            tracing::warn!(%cause, places, "invalidations are left undelivered; entries may live out their lifetime");
        }
    }

    fn lose(&self, session: &Session) {
        self.heard_until.store(DEAF, Ordering::SeqCst);
        *self.link.write().unwrap_or_else(PoisonError::into_inner) = None;
        session.lost.send_replace(true);
    }
}

/// What a message says. One that can't be read might have said anything.
fn heard(data: &[Value]) -> Heard {
    let text = match data.last() {
        Some(Value::BulkString(bytes)) => str::from_utf8(bytes).ok(),
        Some(Value::SimpleString(text)) => Some(text.as_str()),
        _ => None,
    };
    match text.map(|text| (text.split(',').count(), parse_places(text))) {
        Some((written, subjects)) if written == subjects.len() => Heard::Places(subjects),
        _ => Heard::Everything,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_cannot_be_read_says_everything() {
        let message = |text: &str| heard(&[Value::BulkString(text.as_bytes().to_vec())]);
        assert!(matches!(message("3,16383"), Heard::Places(subjects) if subjects.len() == 2));
        for odd in ["", "3,", "3,16384", "all"] {
            assert!(matches!(message(odd), Heard::Everything), "{odd}");
        }
        assert!(matches!(heard(&[]), Heard::Everything));
    }
}
