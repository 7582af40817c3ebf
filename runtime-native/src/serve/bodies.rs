//! Bodies of requests, waited for so long, and of answers, which end their request.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::body::{Body, Bytes, HttpBody};
use hyper::{
    body::{Frame, Incoming, SizeHint},
    rt::Executor,
};
use portico_http_api::BodyOverdue;
use tokio::time::{Instant, Sleep, sleep};

use super::limits::{Open, Progress};

/// The body of a request, which breaks off with [`BodyOverdue`] when nothing of it comes for too long.
pub(super) struct RequestBody {
    body: Incoming,
    limit: Duration,
    /// Runs while the client is waited for. Made at the first wait, as most bodies come with their heads.
    timer: Option<Pin<Box<Sleep>>>,
    is_waiting: bool,
    has_ended: bool,
    progress: Arc<Progress>,
}

impl RequestBody {
    pub(super) fn new(body: Incoming, limit: Duration, progress: Arc<Progress>) -> Self {
        Self { body, limit, timer: None, is_waiting: false, has_ended: false, progress }
    }

    fn poll_overdue(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(self.limit)));
        if !self.is_waiting {
            self.is_waiting = true;
            timer.as_mut().reset(Instant::now() + self.limit);
        }
        timer.as_mut().poll(context)
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.is_waiting = false;
            self.has_ended |= frame.is_none();
            return Poll::Ready(frame.map(|frame| frame.map_err(axum::Error::new)));
        }
        ready!(self.poll_overdue(context));
        Poll::Ready(Some(Err(axum::Error::new(BodyOverdue))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if !self.has_ended && !self.body.is_end_stream() {
            self.progress.leave_unread();
        }
    }
}

/// The body of an answer. Its request is open until it is dropped.
pub(super) struct AnswerBody {
    body: Body,
    stream: Option<Arc<Taking>>,
    /// What is left of a piece that is handed to a stream bit by bit.
    rest: Bytes,
    _open: Open,
}

impl AnswerBody {
    pub(super) fn new(body: Body, open: Open) -> Self {
        Self { body, stream: TAKING.try_with(Arc::clone).ok(), rest: Bytes::new(), _open: open }
    }

    /// The same in pieces of a frame each: what was handed over is kept until the client takes it, and isn't seen to be taken.
    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
            match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => self.rest = data,
                Some(Ok(Err(other))) => return Poll::Ready(Some(Ok(other))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
        let piece = self.rest.split_to(self.rest.len().min(PIECE));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }
}

/// The largest frame of HTTP/2 that every client takes.
const PIECE: usize = 16 * 1_024;

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.stream.is_none() {
            return Pin::new(&mut self.body).poll_frame(context);
        }
        let piece = self.poll_piece(context);
        if let Some(stream) = &self.stream {
            stream.note(matches!(piece, Poll::Ready(Some(_))));
        }
        piece
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

tokio::task_local! {
    /// The stream of HTTP/2 that the present task serves.
    static TAKING: Arc<Taking>;
}

/// Whether the client of a stream of HTTP/2 takes its answer. The connection goes on for its other streams, so it isn't seen there.
#[derive(Debug, Default)]
struct Taking {
    /// Whether something is ready that the client leaves no room for.
    is_waiting: AtomicBool,
    pieces: AtomicU32,
}

impl Taking {
    fn note(&self, has_given: bool) {
        self.is_waiting.store(has_given, Ordering::Relaxed);
        if has_given {
            self.pieces.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Runs the streams of HTTP/2 connections, each in a task of its own, and resets those whose client takes nothing for too long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Streams {
    pub(super) limit: Duration,
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Streams {
    fn execute(&self, stream: F) {
        let (taking, limit) = (Arc::<Taking>::default(), self.limit);
        tokio::spawn(async move {
            let serving = TAKING.scope(Arc::clone(&taking), stream);
            tokio::select! {
                biased;
                () = serving => {}
                () = stalls(&taking, limit) => {}
            }
        });
    }
}

/// Ends when nothing was taken for so long, or up to half as long again: it looks now and then, so that what is taken costs no timer.
async fn stalls(taking: &Taking, limit: Duration) {
    let (mut seen, mut times) = (None, 0);
    while times < 2 {
        sleep(limit / 2).await;
        let now = taking.is_waiting.load(Ordering::Relaxed).then(|| taking.pieces.load(Ordering::Relaxed));
        times = if now.is_some() && now == seen { times + 1 } else { 0 };
        seen = now;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_stream_stalls_when_nothing_of_it_is_taken_and_not_while_we_have_nothing_to_give() {
        let (limit, taking) = (Duration::from_secs(30), Taking::default());
        let stalls = |seconds| timeout(Duration::from_secs(seconds), stalls(&taking, limit));
        assert!(stalls(600).await.is_err());
        taking.note(true);
        assert!(stalls(29).await.is_err());
        assert!(stalls(46).await.is_ok());
        taking.note(false);
        assert!(stalls(600).await.is_err());
    }
}
