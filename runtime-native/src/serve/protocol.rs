//! Serving one connection by HTTP/1.1 or HTTP/2, and ending it without losing a request.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
    time::Duration,
};

use hyper::{
    Error,
    body::Incoming,
    server::conn::{http1, http2},
    service::{HttpService, service_fn},
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    sync::watch,
    time::timeout,
};

use super::{
    bodies::{AnswerBody, Streams},
    connections::{Client, Stage},
    limits::{Limits, Waits, Watch},
    stream::{Noted, linger},
};

/// Enough for any request head that the contract takes, and what a connection's memory is bounded by.
const BUFFER_BYTES: usize = 64 * 1_024;
/// The same for the heads of HTTP/2, as they are before compression.
const HEADERS_BYTES: u32 = 64 * 1_024;
/// Requests of one HTTP/2 connection at a time.
const MOST_STREAMS: u32 = 100;
/// What a client may send of one body, and of all bodies of a connection, before it is read.
const STREAM_WINDOW: u32 = 256 * 1_024;
const CONNECTION_WINDOW: u32 = 1 << 20;
/// What is kept of an answer that its client doesn't take yet.
const SEND_BYTES: usize = 128 * 1_024;
/// Requests that a client takes back before they were begun, beyond which it is sent away: asking and taking back is cheap for it and not for us
/// (CVE-2023-44487).
const MOST_TAKEN_BACK: usize = 20;
/// Faulty streams beyond which a client is sent away.
const MOST_FAULTY: usize = 100;
/// How often a client of HTTP/2 is asked whether it is still there, and how long it may take to say so.
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_LIMIT: Duration = Duration::from_secs(20);
/// What a client is told whose request's head took too long. Nothing is known of the request, so there is no more to say.
const TOO_SLOW: &[u8] = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// How each protocol is spoken.
pub(super) struct Protocols {
    http1: http1::Builder,
    http2: http2::Builder<Streams>,
}

impl Protocols {
    pub(super) fn new(limits: Limits) -> Self {
        let mut http1 = http1::Builder::new();
        // How long heads may take is looked after by `limits`, with a timer a connection instead of one a request.
        // Not `pipeline_flush`: it keeps back an answer while the next head is unfinished, and for good the one to a head that can't be read.
        http1.header_read_timeout(None).max_buf_size(BUFFER_BYTES).writev(false);
        let mut http2 = http2::Builder::new(Streams { limit: limits.send });
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(MOST_STREAMS)
            .max_header_list_size(HEADERS_BYTES)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_send_buf_size(SEND_BYTES)
            .max_pending_accept_reset_streams(MOST_TAKEN_BACK)
            .max_local_error_reset_streams(MOST_FAULTY)
            .keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_LIMIT);
        Self { http1, http2 }
    }
}

/// Serves a connection by HTTP/1.1, of which `first` was read already.
pub(super) async fn http1<S: AsyncRead + AsyncWrite + Unpin>(
    client: Arc<Client>,
    mut stage: watch::Receiver<Stage>,
    stream: S,
    first: Vec<u8>,
) {
    let noted = Noted::new(stream, first, Arc::clone(client.progress()));
    let service = service_fn(|request| Arc::clone(&client).answer(request));
    let mut serving = client.protocols().http1.serve_connection(TokioIo::new(noted), service);
    let mut watch = Watch::new(client.limits(), true);
    let end = serve(Pin::new(&mut serving), &mut watch, &client, &mut stage).await;
    let is_too_slow = end == End::Overdue(Waits::Head);
    let may_be_sending = end == End::Unreadable || client.progress().has_unread();
    if end == End::Closed || !(is_too_slow || may_be_sending) {
        return;
    }
    let mut stream = serving.into_parts().io.into_inner().into_inner();
    if is_too_slow {
        let _ = timeout(client.limits().header, stream.write_all(TOO_SLOW)).await;
    }
    linger(stream).await;
}

/// Serves a connection by HTTP/2, of which `first` was read already.
pub(super) async fn http2<S: AsyncRead + AsyncWrite + Unpin>(
    client: Arc<Client>,
    mut stage: watch::Receiver<Stage>,
    stream: S,
    first: Vec<u8>,
) {
    let noted = Noted::new(stream, first, Arc::clone(client.progress()));
    let service = service_fn(|request| Arc::clone(&client).answer(request));
    let mut serving = pin!(client.protocols().http2.serve_connection(TokioIo::new(noted), service));
    // Pings and settings come too, so that bytes don't tell that a request begins.
    let mut watch = Watch::new(client.limits(), false);
    let end = serve(serving.as_mut(), &mut watch, &client, &mut stage).await;
    if let End::Overdue(Waits::Request(_)) = end {
        // Says that it goes, and waits as long for what is still to be taken as for any client.
        serving.as_mut().finish();
        let _ = timeout(client.limits().send, serving).await;
    }
}

/// How a connection ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// By itself, well or not.
    Done,
    /// By itself, after a head that can't be read, which the client may still be sending.
    Unreadable,
    /// Its client took too long.
    Overdue(Waits),
    /// It has to be given up at once.
    Closed,
}

/// A connection that can be told to end.
trait Finish: Future<Output = Result<(), Error>> {
    fn finish(self: Pin<&mut Self>);
}

impl<I, S> Finish for http1::Connection<I, S>
where
    S: HttpService<Incoming, ResBody = AnswerBody>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<I, S> Finish for http2::Connection<I, S, Streams>
where
    S: HttpService<Incoming, ResBody = AnswerBody>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    S::Future: Send + 'static,
    I: hyper::rt::Read + hyper::rt::Write + Unpin,
{
    fn finish(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

async fn serve<C: Finish>(
    mut serving: Pin<&mut C>,
    watch: &mut Watch,
    client: &Client,
    stage: &mut watch::Receiver<Stage>,
) -> End {
    for next in [Stage::Closing, Stage::Closed] {
        if next == Stage::Closed {
            serving.as_mut().finish();
        }
        let mut told = pin!(stage.wait_for(move |stage| *stage >= next));
        // The connection goes first each time, so that a request that has arrived counts as under way.
        let end = poll_fn(|context| {
            if let Poll::Ready(served) = serving.as_mut().poll(context) {
                let is_unreadable = served.is_err_and(|error| error.is_parse());
                return Poll::Ready(Some(if is_unreadable { End::Unreadable } else { End::Done }));
            }
            if let Poll::Ready(waits) = watch.poll_overdue(client.progress(), context) {
                return Poll::Ready(Some(End::Overdue(waits)));
            }
            told.as_mut().poll(context).map(|_| None)
        })
        .await;
        if let Some(end) = end {
            return end;
        }
    }
    End::Closed
}
