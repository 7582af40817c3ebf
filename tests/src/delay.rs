//! A TCP proxy that adds latency and nothing else: each direction hands on what it received a fixed time later, at whatever rate
//! it came. It puts a database "20 ms away" on one machine.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How many pieces may be under way in one direction of one connection. Beyond it the sender waits, as on a long line that is full.
const IN_FLIGHT: usize = 4096;

/// Counts what went through the proxy since its start.
#[derive(Debug, Default)]
pub struct Traffic {
    connections: AtomicU64,
    talks: AtomicU64,
    round_trips: AtomicU64,
}

impl Traffic {
    /// Connections accepted.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }

    /// Connections on which the client has said anything.
    #[must_use]
    pub fn talks(&self) -> u64 {
        self.talks.load(Ordering::Relaxed)
    }

    /// Times that the talk turned: bytes from the client after bytes from the server, or first bytes of all. Pipelined requests
    /// count once, which is what a distance costs.
    #[must_use]
    pub fn round_trips(&self) -> u64 {
        self.round_trips.load(Ordering::Relaxed)
    }
}

/// Passes connections on to `upstream`, each direction `delay` later, until the process ends.
pub async fn serve(
    listener: TcpListener,
    upstream: SocketAddr,
    delay: Duration,
    traffic: Arc<Traffic>,
) -> anyhow::Result<()> {
    loop {
        let (client, _) = listener.accept().await?;
        traffic.connections.fetch_add(1, Ordering::Relaxed);
        let traffic = Arc::clone(&traffic);
        // A connection that breaks ends by itself; its peers see it closed.
        tokio::spawn(async move { pass(client, upstream, delay, &traffic).await });
    }
}

async fn pass(
    client: TcpStream,
    upstream: SocketAddr,
    delay: Duration,
    traffic: &Traffic,
) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    // The handshake is a round trip as well.
    tokio::time::sleep(delay * 2).await;
    let server = TcpStream::connect(upstream).await?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let (has_spoken, last_spoke_client) = (AtomicU64::new(0), AtomicU64::new(0));
    let out = hand_on(from_client, to_server, delay, || {
        if has_spoken.swap(1, Ordering::Relaxed) == 0 {
            traffic.talks.fetch_add(1, Ordering::Relaxed);
        }
        if last_spoke_client.swap(1, Ordering::Relaxed) == 0 {
            traffic.round_trips.fetch_add(1, Ordering::Relaxed);
        }
    });
    let back = hand_on(from_server, to_client, delay, || last_spoke_client.store(0, Ordering::Relaxed));
    tokio::try_join!(out, back).map(drop)
}

/// Moves bytes from one end to the other. Reading goes on while earlier pieces wait for their time, so that pieces don't queue
/// behind each other.
async fn hand_on(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    delay: Duration,
    seen: impl Fn(),
) -> std::io::Result<()> {
    let (sender, mut pieces) = mpsc::channel::<(Instant, Bytes)>(IN_FLIGHT);
    let read = async move {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let length = from.read(&mut buffer).await?;
            if length > 0 {
                seen();
            }
            let piece = (Instant::now() + delay, Bytes::copy_from_slice(&buffer[..length]));
            if length == 0 || sender.send(piece).await.is_err() {
                return Ok::<(), std::io::Error>(());
            }
        }
    };
    let write = async move {
        while let Some((due, piece)) = pieces.recv().await {
            tokio::time::sleep_until(due).await;
            to.write_all(&piece).await?;
        }
        to.shutdown().await
    };
    tokio::try_join!(read, write).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    tokio::io::copy(&mut from, &mut to).await
                });
            }
        });
        address
    }

    async fn proxied(delay: Duration) -> (TcpStream, Arc<Traffic>) {
        let upstream = echo().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let traffic = Arc::new(Traffic::default());
        tokio::spawn(serve(listener, upstream, delay, Arc::clone(&traffic)));
        (TcpStream::connect(address).await.unwrap(), traffic)
    }

    #[tokio::test]
    async fn a_round_trip_takes_twice_the_delay() {
        let (mut stream, traffic) = proxied(Duration::from_millis(40)).await;
        let mut byte = [0];
        stream.write_all(b"a").await.unwrap();
        stream.read_exact(&mut byte).await.unwrap();
        let start = Instant::now();
        stream.write_all(b"b").await.unwrap();
        stream.read_exact(&mut byte).await.unwrap();
        assert!(start.elapsed() >= Duration::from_millis(80), "{:?}", start.elapsed());
        assert_eq!((byte, traffic.connections(), traffic.talks(), traffic.round_trips()), (*b"b", 1, 1, 2));
    }

    #[tokio::test]
    async fn pieces_under_way_do_not_queue_behind_each_other() {
        let (mut stream, _) = proxied(Duration::from_millis(50)).await;
        let mut byte = [0];
        stream.write_all(b"a").await.unwrap();
        stream.read_exact(&mut byte).await.unwrap();
        let start = Instant::now();
        for _ in 0..10 {
            stream.write_all(b"x").await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let mut all = [0; 10];
        stream.read_exact(&mut all).await.unwrap();
        // One after the other they would take ten round trips, a second.
        assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
    }
}
