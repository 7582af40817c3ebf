//! Whether a server refuses connections outright.
//!
//! sqlx's pool takes a refusal for a server that is just starting, and tries again until the caller's whole wait is over. A server that restarts within half
//! a second should indeed not be noticed; but one that is away should not hold every request for seconds. So whoever has waited for half a second looks
//! whether anything listens there, by opening a connection and saying nothing; all who wait share one look.

use std::{
    future::Future,
    io,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sqlx::postgres::PgConnectOptions;
use tokio::{net::TcpStream, time::timeout};

/// How long a caller waits before it looks: connecting to a far server, or waiting for a busy one, is often over by then.
const FIRST_LOOK: Duration = Duration::from_millis(500);
/// How long it waits to look again, or to look at all when others have just been refused. A refusal counts when it is seen twice, so far apart.
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
/// When something listens, callers wait for other reasons, and a look this often is enough. What was seen longer ago counts no more.
const WHEN_ACCEPTED: Duration = Duration::from_secs(1);
/// How long a look may take: a refusal comes at once.
const LOOK_LIMIT: Duration = Duration::from_secs(1);

/// Looks whether a server refuses connections.
pub(super) struct Refusals {
    host: String,
    port: u16,
    seen: Mutex<Seen>,
    /// Held by the one who looks.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Clone, Copy, Default)]
struct Seen {
    looked_at: Option<Instant>,
    /// Since when every look found a refusal.
    refused_since: Option<Instant>,
}

impl Seen {
    fn is_fresh(&self, now: Instant) -> bool {
        self.looked_at.is_some_and(|at| now.duration_since(at) < WHEN_ACCEPTED)
    }

    /// How long a caller that comes now waits before it looks.
    fn first_look(&self, now: Instant) -> Duration {
        if self.refused_since.is_some() && self.is_fresh(now) { BETWEEN_LOOKS } else { FIRST_LOOK }
    }

    fn is_due(&self, now: Instant) -> bool {
        let pause = if self.refused_since.is_some() { BETWEEN_LOOKS } else { WHEN_ACCEPTED };
        self.looked_at.is_none_or(|at| now.duration_since(at) >= pause)
    }

    fn note(&mut self, now: Instant, is_refused: bool) {
        let since = self.refused_since.filter(|_| self.is_fresh(now)).unwrap_or(now);
        *self = Self { looked_at: Some(now), refused_since: is_refused.then_some(since) };
    }

    fn is_refused(&self) -> bool {
        let (Some(since), Some(last)) = (self.refused_since, self.looked_at) else { return false };
        last.duration_since(since) >= BETWEEN_LOOKS
    }
}

impl Refusals {
    /// Looks at the server of these options.
    pub(super) fn new(options: &PgConnectOptions) -> Self {
        let host = options.get_socket().map_or_else(
            || options.get_host().to_owned(),
            |directory| directory.to_string_lossy().into_owned(),
        );
        Self { host, port: options.get_port(), seen: Mutex::default(), turn: tokio::sync::Mutex::default() }
    }

    /// Ends when connections keep being refused, and otherwise never.
    pub(super) async fn last(&self) {
        let mut pause = self.seen().first_look(Instant::now());
        loop {
            tokio::time::sleep(pause).await;
            pause = BETWEEN_LOOKS;
            let _turn = self.turn.lock().await;
            if self.seen().is_due(Instant::now()) {
                let is_refused = is_refusal(self.knock()).await;
                self.seen().note(Instant::now(), is_refused);
            }
            if self.seen().is_refused() {
                return;
            }
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn knock(&self) -> io::Result<()> {
        #[cfg(unix)]
        if self.host.starts_with('/') {
            let path = format!("{}/.s.PGSQL.{}", self.host, self.port);
            return tokio::net::UnixStream::connect(path).await.map(drop);
        }
        TcpStream::connect((self.host.as_str(), self.port)).await.map(drop)
    }
}

async fn is_refusal(knock: impl Future<Output = io::Result<()>>) -> bool {
    let knocked = timeout(LOOK_LIMIT, knock).await;
    matches!(knocked, Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_counts_when_it_is_seen_twice() {
        let began = Instant::now();
        let at = |millis| began + Duration::from_millis(millis);
        let mut seen = Seen::default();
        assert_eq!((seen.first_look(at(0)), seen.is_due(at(0))), (FIRST_LOOK, true));
        seen.note(at(500), true);
        assert!(!seen.is_refused() && !seen.is_due(at(550)) && seen.is_due(at(600)));
        seen.note(at(600), true);
        assert!(seen.is_refused());
        assert_eq!(seen.first_look(at(700)), BETWEEN_LOOKS, "who comes now is told sooner");
        seen.note(at(800), false);
        assert!(!seen.is_refused() && !seen.is_due(at(1_700)) && seen.is_due(at(1_800)));
        assert_eq!(seen.first_look(at(900)), FIRST_LOOK);
    }

    #[test]
    fn an_old_refusal_is_not_joined_to_a_new_one() {
        let began = Instant::now();
        let mut seen = Seen::default();
        seen.note(began, true);
        let later = began + Duration::from_secs(60);
        assert_eq!(seen.first_look(later), FIRST_LOOK);
        seen.note(later, true);
        assert!(!seen.is_refused());
    }
}
