//! What clients may take their time with, and for how long.
//!
//! A connection waits for one thing at a time: for a request to begin, for the rest of a request's head, for us, or for the client to take what it was sent. One
//! timer a connection looks after all of them. It is set anew only when it fires, or when something is due sooner, so that a request costs no timer.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

use crate::configuration::ServingSettings;

/// How long a client may be waited for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// For a request to begin.
    pub(super) idle: Duration,
    /// For the rest of its head.
    pub(super) header: Duration,
    /// For the next piece of its body.
    pub(super) body: Duration,
    /// For it to take the next piece of its answer.
    pub(super) send: Duration,
}

impl Limits {
    pub(super) fn of(settings: &ServingSettings) -> Self {
        Self {
            idle: settings.idle_time_limit,
            header: settings.header_time_limit,
            body: settings.body_time_limit,
            send: settings.send_time_limit,
        }
    }
}

/// What has happened on a connection, noted by those who see it.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Requests that wait for their answers or are being answered.
    open: AtomicU32,
    /// Requests that have been answered, or given up.
    ended: AtomicU32,
    /// Whether anything came since the last request began.
    heard: AtomicBool,
    /// Whether the client took nothing when it was last sent something.
    is_blocked: AtomicBool,
    /// How often it took something.
    taken: AtomicU32,
    /// Whether a body was left that the client may still be sending.
    has_unread: AtomicBool,
}

impl Progress {
    /// A request was read. It is open until the guard is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Open {
        self.heard.store(false, Ordering::Relaxed);
        self.open.fetch_add(1, Ordering::Relaxed);
        Open(Arc::clone(self))
    }

    pub(super) fn hear(&self) {
        self.heard.store(true, Ordering::Relaxed);
    }

    pub(super) fn note_sent(&self, has_taken: bool) {
        self.is_blocked.store(!has_taken, Ordering::Relaxed);
        if has_taken {
            self.taken.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn is_blocked(&self) -> bool {
        self.is_blocked.load(Ordering::Relaxed)
    }

    pub(super) fn leave_unread(&self) {
        self.has_unread.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_unread(&self) -> bool {
        self.has_unread.load(Ordering::Relaxed)
    }
}

/// A request under way.
pub(super) struct Open(Arc<Progress>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waits {
    /// For a request to begin, after so many.
    Request(u32),
    /// For the rest of a head.
    Head,
    /// For us.
    Answer,
    /// For the client to take something, after so many times that it did.
    Client(u32),
}

/// Looks after one connection.
pub(super) struct Watch {
    limits: Limits,
    /// Whether a request can be seen to begin before its head is whole.
    sees_heads: bool,
    waits: Waits,
    since: Instant,
    answered: u32,
    timer: Pin<Box<Sleep>>,
    /// Whether the timer wakes this connection; once it does, it need not be asked again.
    is_set: bool,
}

impl Watch {
    pub(super) fn new(limits: Limits, sees_heads: bool) -> Self {
        let since = Instant::now();
        let timer = Box::pin(sleep_until(since + limits.idle));
        Self { limits, sees_heads, waits: Waits::Request(0), since, answered: 0, timer, is_set: false }
    }

    /// Ready when something has been waited for too long. To be asked each time that the connection was given a turn.
    pub(super) fn poll_overdue(&mut self, progress: &Progress, context: &mut Context<'_>) -> Poll<Waits> {
        let waits = self.now_waits(progress);
        if waits != self.waits {
            self.waits = waits;
            self.since = Instant::now();
        }
        let limit = match waits {
            Waits::Request(_) => self.limits.idle,
            Waits::Head => self.limits.header,
            Waits::Client(_) => self.limits.send,
            Waits::Answer => return Poll::Pending,
        };
        let due = self.since + limit;
        if due < self.timer.deadline() || self.timer.is_elapsed() {
            self.timer.as_mut().reset(due);
        } else if self.is_set {
            return Poll::Pending;
        }
        self.is_set = true;
        while self.timer.as_mut().poll(context).is_ready() {
            if Instant::now() >= due {
                return Poll::Ready(waits);
            }
            self.timer.as_mut().reset(due);
        }
        Poll::Pending
    }

    fn now_waits(&mut self, progress: &Progress) -> Waits {
        if progress.is_blocked() {
            return Waits::Client(progress.taken.load(Ordering::Relaxed));
        }
        if progress.open.load(Ordering::Relaxed) > 0 {
            return Waits::Answer;
        }
        let answered = progress.ended.load(Ordering::Relaxed);
        if answered != self.answered {
            self.answered = answered;
            // What came meanwhile was the rest of that request.
            progress.heard.store(false, Ordering::Relaxed);
        }
        if self.sees_heads && progress.heard.load(Ordering::Relaxed) {
            Waits::Head
        } else {
            Waits::Request(answered)
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::poll;

    use super::*;

    const LIMITS: Limits = Limits {
        idle: Duration::from_secs(75),
        header: Duration::from_secs(10),
        body: Duration::from_secs(10),
        send: Duration::from_secs(30),
    };

    async fn overdue(watch: &mut Watch, progress: &Progress) -> Option<Waits> {
        match poll!(std::future::poll_fn(|context| watch.poll_overdue(progress, context))) {
            Poll::Ready(waits) => Some(waits),
            Poll::Pending => None,
        }
    }

    async fn pass(seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_connection_is_overdue_after_its_last_answer_and_not_before() {
        let (mut watch, progress) = (Watch::new(LIMITS, true), Arc::new(Progress::default()));
        for _ in 0..3 {
            pass(74).await;
            assert_eq!(overdue(&mut watch, &progress).await, None);
            progress.hear();
            drop(progress.begin());
            assert_eq!(overdue(&mut watch, &progress).await, None);
        }
        pass(76).await;
        assert_eq!(overdue(&mut watch, &progress).await, Some(Waits::Request(3)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_trickles_in_has_its_time_from_its_first_byte() {
        let (mut watch, progress) = (Watch::new(LIMITS, true), Arc::new(Progress::default()));
        pass(60).await;
        for _ in 0..3 {
            progress.hear();
            assert_eq!(overdue(&mut watch, &progress).await, None);
            pass(3).await;
        }
        progress.hear();
        pass(2).await;
        assert_eq!(overdue(&mut watch, &progress).await, Some(Waits::Head));
    }

    #[tokio::test(start_paused = true)]
    async fn we_may_take_our_time_and_the_client_that_takes_something_too() {
        let (mut watch, progress) = (Watch::new(LIMITS, true), Arc::new(Progress::default()));
        progress.hear();
        let open = progress.begin();
        pass(600).await;
        assert_eq!(overdue(&mut watch, &progress).await, None);
        for _ in 0..5 {
            progress.note_sent(true);
            progress.note_sent(false);
            assert_eq!(overdue(&mut watch, &progress).await, None);
            pass(29).await;
        }
        assert_eq!(overdue(&mut watch, &progress).await, None);
        pass(2).await;
        assert!(matches!(overdue(&mut watch, &progress).await, Some(Waits::Client(5))));
        drop(open);
    }

    #[tokio::test(start_paused = true)]
    async fn the_rest_of_an_answered_request_is_no_new_head() {
        let (mut watch, progress) = (Watch::new(LIMITS, true), Arc::new(Progress::default()));
        let open = progress.begin();
        assert_eq!(overdue(&mut watch, &progress).await, None);
        drop(open);
        progress.hear();
        pass(20).await;
        assert_eq!(overdue(&mut watch, &progress).await, None);
        pass(76).await;
        assert_eq!(overdue(&mut watch, &progress).await, Some(Waits::Request(1)));
    }
}
