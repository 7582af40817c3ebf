//! A connection's bytes, on their way in and out.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    time::timeout,
};

use super::limits::Progress;

/// What every HTTP/2 connection begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Room for most requests' heads, which are looked at for the preface and then handed on.
const FIRST_BYTES: usize = 1_024;
/// How long, and how much, a client may go on sending what is not read any more.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 4 << 20;

/// What a client began with.
pub(super) enum Beginning {
    /// Perhaps HTTP/1.1, with its first bytes.
    Http1(Vec<u8>),
    /// HTTP/2, with its first bytes.
    Http2(Vec<u8>),
}

/// Waits for as many bytes as tell the one from the other. None when the client goes away first.
pub(super) async fn begins<S: AsyncRead + Unpin>(
    stream: &mut S,
    idle: Duration,
    rest: Duration,
) -> Option<Beginning> {
    let mut first = vec![0; FIRST_BYTES];
    let mut read = timeout(idle, stream.read(&mut first)).await.ok()?.ok().filter(|read| *read > 0)?;
    let is_undecided =
        |read: usize, first: &[u8]| read < PREFACE.len() && PREFACE.starts_with(&first[..read]);
    if is_undecided(read, &first) {
        let more = async {
            while is_undecided(read, &first) {
                read += stream.read(&mut first[read..]).await.ok().filter(|more| *more > 0)?;
            }
            Some(())
        };
        // Out of time, it is the half head of HTTP/1.1 that it may be, and told so.
        if let Ok(more) = timeout(rest, more).await {
            more?;
        }
    }
    let is_http2 = first[..read].starts_with(PREFACE);
    first.truncate(read);
    Some(if is_http2 { Beginning::Http2(first) } else { Beginning::Http1(first) })
}

/// Closes a connection whose client may still be sending. Closed at once, the system would tell the client to forget what it hasn't read yet of its answer.
pub(super) async fn linger<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    let rest = async {
        stream.shutdown().await.ok()?;
        let (mut scrap, mut left) = (vec![0; 16 * 1_024], LINGER_BYTES);
        while left > 0 {
            let read = stream.read(&mut scrap).await.ok().filter(|read| *read > 0)?;
            left = left.saturating_sub(read);
        }
        Some(())
    };
    let _ = timeout(LINGER, rest).await;
}

/// A stream that notes what goes through it.
pub(super) struct Noted<S> {
    stream: S,
    /// What was read already.
    first: Vec<u8>,
    given: usize,
    progress: Arc<Progress>,
}

impl<S> Noted<S> {
    pub(super) fn new(stream: S, first: Vec<u8>, progress: Arc<Progress>) -> Self {
        Self { stream, first, given: 0, progress }
    }

    pub(super) fn into_inner(self) -> S {
        self.stream
    }

    fn note_sent<T>(&self, sent: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        self.progress.note_sent(sent.is_ready());
        sent
    }

    /// The same for what sends nothing where all was sent before.
    fn note_rest_sent(&self, sent: Poll<io::Result<()>>) -> Poll<io::Result<()>> {
        if sent.is_pending() || self.progress.is_blocked() { self.note_sent(sent) } else { sent }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Noted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let me = &mut *self;
        if me.given < me.first.len() {
            let rest = &me.first[me.given..];
            let given = rest.len().min(buffer.remaining());
            buffer.put_slice(&rest[..given]);
            me.given += given;
            if me.given == me.first.len() {
                me.first = Vec::new();
                me.given = 0;
            }
            me.progress.hear();
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut me.stream).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            me.progress.hear();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Noted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write(context, buffer);
        self.note_sent(sent)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.stream).poll_write_vectored(context, buffers);
        self.note_sent(sent)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.note_rest_sent(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        self.note_rest_sent(shut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    async fn told(pieces: &'static [&'static [u8]]) -> Option<(bool, Vec<u8>)> {
        let (mut client, mut server) = tokio::io::duplex(64);
        tokio::spawn(async move {
            for piece in pieces {
                client.write_all(piece).await.unwrap();
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        match begins(&mut server, LIMIT, LIMIT).await? {
            Beginning::Http1(first) => Some((false, first)),
            Beginning::Http2(first) => Some((true, first)),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_preface_is_known_whole_and_in_pieces_and_nothing_else_is_waited_for() {
        assert_eq!(told(&[PREFACE]).await, Some((true, PREFACE.to_vec())));
        assert_eq!(
            told(&[b"PRI", b" * HTTP/2.0\r\n", b"\r\nSM\r\n\r\n"]).await,
            Some((true, PREFACE.to_vec()))
        );
        assert_eq!(told(&[b"GET / HTTP/1.1\r\n"]).await, Some((false, b"GET / HTTP/1.1\r\n".to_vec())));
        assert_eq!(told(&[b"P", b"OST / "]).await, Some((false, b"POST / ".to_vec())));
        assert_eq!(told(&[b"PRI * HTTP/1.1\r\n"]).await, Some((false, b"PRI * HTTP/1.1\r\n".to_vec())));
        assert_eq!(told(&[b"PRI"]).await, None);
        assert_eq!(told(&[]).await, None);
    }
}
