//! A TCP proxy that adds latency and nothing else: each direction hands on what it received a fixed time later, at whatever rate
//! it came. It puts a database "20 ms away" on one machine.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use url::Url;

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

/// What lies between two ends.
#[derive(Debug, Clone, Copy)]
struct Distance {
    delay: Duration,
    bytes_per_second: Option<u32>,
}

/// Passes connections on to `upstream`, each direction `delay` later, until the process ends.
pub async fn serve(
    listener: TcpListener,
    upstream: SocketAddr,
    delay: Duration,
    traffic: Arc<Traffic>,
) -> anyhow::Result<()> {
    pass_on(listener, upstream, Distance { delay, bytes_per_second: None }, traffic).await
}

async fn pass_on(
    listener: TcpListener,
    upstream: SocketAddr,
    distance: Distance,
    traffic: Arc<Traffic>,
) -> anyhow::Result<()> {
    loop {
        let (client, _) = listener.accept().await?;
        traffic.connections.fetch_add(1, Ordering::Relaxed);
        let traffic = Arc::clone(&traffic);
        // A connection that breaks ends by itself; its peers see it closed.
        tokio::spawn(async move { pass(client, upstream, distance, &traffic).await });
    }
}

/// A delaying way to one server: [`serve`] on a port of its own, until it is dropped.
#[derive(Debug)]
pub struct Line {
    url: Url,
    traffic: Arc<Traffic>,
    serving: JoinHandle<()>,
}

impl Line {
    /// Opens one to the server that `url` names; a round trip takes `round_trip` longer along it.
    pub async fn to(url: &Url, default_port: u16, round_trip: Duration) -> anyhow::Result<Self> {
        Self::open(url, default_port, Distance { delay: round_trip / 2, bytes_per_second: None }).await
    }

    /// The same, and each direction of a connection carries so many bytes a second: a client's slow line.
    pub async fn narrow(
        url: &Url,
        default_port: u16,
        round_trip: Duration,
        bytes_per_second: u32,
    ) -> anyhow::Result<Self> {
        let distance = Distance { delay: round_trip / 2, bytes_per_second: Some(bytes_per_second.max(1)) };
        Self::open(url, default_port, distance).await
    }

    async fn open(url: &Url, default_port: u16, distance: Distance) -> anyhow::Result<Self> {
        // An address of version 6 stands in brackets in URLs alone.
        let host = url.host_str().unwrap_or("127.0.0.1").trim_start_matches('[').trim_end_matches(']');
        let upstream = tokio::net::lookup_host((host, url.port().unwrap_or(default_port)))
            .await
            .with_context(|| format!("looking up {host}"))?
            .next()
            .with_context(|| format!("{host} has no address"))?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let mut along = url.clone();
        along.set_host(Some(&address.ip().to_string()))?;
        along.set_port(Some(address.port())).ok().context("a URL with a host has a port")?;
        let traffic = Arc::new(Traffic::default());
        let counted = Arc::clone(&traffic);
        let serving = tokio::spawn(async move {
            // Its listener fails with the process alone.
            let _ = pass_on(listener, upstream, distance, counted).await;
        });
        Ok(Self { url: along, traffic, serving })
    }

    /// The same URL, by this line.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// What went along it.
    #[must_use]
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn pass(
    client: TcpStream,
    upstream: SocketAddr,
    distance: Distance,
    traffic: &Traffic,
) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    // The handshake is a round trip as well.
    tokio::time::sleep(distance.delay * 2).await;
    let server = TcpStream::connect(upstream).await?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let (has_spoken, last_spoke_client) = (AtomicU64::new(0), AtomicU64::new(0));
    let out = hand_on(from_client, to_server, distance, || {
        if has_spoken.swap(1, Ordering::Relaxed) == 0 {
            traffic.talks.fetch_add(1, Ordering::Relaxed);
        }
        if last_spoke_client.swap(1, Ordering::Relaxed) == 0 {
            traffic.round_trips.fetch_add(1, Ordering::Relaxed);
        }
    });
    let back = hand_on(from_server, to_client, distance, || last_spoke_client.store(0, Ordering::Relaxed));
    tokio::try_join!(out, back).map(drop)
}

/// Moves bytes from one end to the other. Reading goes on while earlier pieces wait for their time, so that pieces don't queue
/// behind each other.
async fn hand_on(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    distance: Distance,
    seen: impl Fn(),
) -> std::io::Result<()> {
    let (sender, mut pieces) = mpsc::channel::<(Instant, Bytes)>(IN_FLIGHT);
    let read = async move {
        let mut buffer = vec![0; 64 * 1024];
        // When the line has carried all that it was given.
        let mut free = Instant::now();
        loop {
            let length = from.read(&mut buffer).await?;
            if length > 0 {
                seen();
            }
            let now = Instant::now();
            if let Some(rate) = distance.bytes_per_second {
                #[expect(clippy::cast_precision_loss, reason = "a piece is small")]
                let carried = Duration::from_secs_f64(length as f64 / f64::from(rate));
                free = free.max(now) + carried;
            }
            let piece = (free.max(now) + distance.delay, Bytes::copy_from_slice(&buffer[..length]));
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

    #[tokio::test]
    async fn a_narrow_line_takes_longer_for_more_bytes() {
        let url = Url::parse(&format!("http://{}", echo().await)).unwrap();
        let line = Line::narrow(&url, 80, Duration::ZERO, 100_000).await.unwrap();
        let port = line.url().port().unwrap();
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let start = Instant::now();
        stream.write_all(&vec![7; 20_000]).await.unwrap();
        let mut all = vec![0; 20_000];
        stream.read_exact(&mut all).await.unwrap();
        // A fifth of a second; the second direction carries what has come while the first goes on.
        assert!(start.elapsed() >= Duration::from_millis(195), "{:?}", start.elapsed());
        assert_eq!(line.traffic().connections(), 1);
    }

    #[tokio::test]
    async fn an_address_of_version_6_is_found() {
        let url = Url::parse("postgres://ada@[::1]:5433/a").unwrap();
        let line = Line::to(&url, 5432, Duration::ZERO).await.unwrap();
        assert_eq!((line.url().host_str(), line.url().path()), (Some("127.0.0.1"), "/a"));
    }
}
