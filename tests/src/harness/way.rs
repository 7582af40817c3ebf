//! A way to a server that can be cut, blocked and mended: a database that is away, without touching the database.

use std::net::SocketAddr;

use anyhow::Context;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use url::Url;

/// What becomes of what is sent along a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// It arrives.
    Open,
    /// It stays on the way, and connections stay open: a server that hangs.
    Blocked,
    /// Connections are closed, and new ones as soon as they are made: a server that is gone.
    Cut,
}

/// Passes connections on to one server while it is open.
pub struct Way {
    address: SocketAddr,
    passage: watch::Sender<Passage>,
    serving: JoinHandle<()>,
}

impl Way {
    /// Opens a way to the server that `url` names.
    pub async fn to(url: &Url, default_port: u16) -> anyhow::Result<Self> {
        let host = url.host_str().unwrap_or("127.0.0.1");
        let upstream = tokio::net::lookup_host((host, url.port().unwrap_or(default_port)))
            .await?
            .next()
            .with_context(|| format!("{host} has no address"))?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (passage, watched) = watch::channel(Passage::Open);
        let serving = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let watched = watched.clone();
                // A connection that breaks ends by itself; its peers see it closed.
                tokio::spawn(async move { pass(client, upstream, watched).await });
            }
        });
        Ok(Self { address, passage, serving })
    }

    /// Gives the same URL, by this way.
    pub fn along(&self, url: &Url) -> anyhow::Result<Url> {
        let mut url = url.clone();
        url.set_host(Some(&self.address.ip().to_string()))?;
        url.set_port(Some(self.address.port())).ok().context("a URL with a host has a port")?;
        Ok(url)
    }

    /// Opens, blocks or cuts it, with all connections on it.
    pub fn set(&self, passage: Passage) {
        self.passage.send_replace(passage);
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn pass(
    client: TcpStream,
    upstream: SocketAddr,
    mut watched: watch::Receiver<Passage>,
) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    opened(&mut watched.clone()).await?;
    let server = TcpStream::connect(upstream).await?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let out = hand_on(from_client, to_server, watched.clone());
    let back = hand_on(from_server, to_client, watched.clone());
    let cut = async {
        // Without its sender the way is gone altogether.
        let _ = watched.wait_for(|passage| *passage == Passage::Cut).await;
    };
    tokio::select! {
        ended = async { tokio::try_join!(out, back) } => ended.map(drop),
        () = cut => Ok(()),
    }
}

/// Waits until the way is open; an error once it is cut.
async fn opened(watched: &mut watch::Receiver<Passage>) -> std::io::Result<()> {
    match watched.wait_for(|passage| *passage != Passage::Blocked).await.as_deref() {
        Ok(Passage::Open) => Ok(()),
        _ => Err(std::io::ErrorKind::ConnectionAborted.into()),
    }
}

async fn hand_on(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut watched: watch::Receiver<Passage>,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let length = from.read(&mut buffer).await?;
        opened(&mut watched).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..length]).await?;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn echo() -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("echo://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut from, mut to) = stream.split();
                    tokio::io::copy(&mut from, &mut to).await
                });
            }
        });
        Url::parse(&url).unwrap()
    }

    async fn connect(way: &Way, url: &Url) -> TcpStream {
        let url = way.along(url).unwrap();
        TcpStream::connect((url.host_str().unwrap(), url.port().unwrap())).await.unwrap()
    }

    async fn echoes(stream: &mut TcpStream) -> Option<bool> {
        let mut byte = [0];
        stream.write_all(b"a").await.ok()?;
        let read = tokio::time::timeout(Duration::from_millis(200), stream.read(&mut byte)).await;
        read.ok().map(|length| length.is_ok_and(|length| length == 1))
    }

    #[tokio::test]
    async fn holds_back_what_is_sent_while_it_is_blocked() {
        let url = echo().await;
        let way = Way::to(&url, 7).await.unwrap();
        let mut stream = connect(&way, &url).await;
        assert_eq!(echoes(&mut stream).await, Some(true));
        way.set(Passage::Blocked);
        assert_eq!(echoes(&mut stream).await, None);
        way.set(Passage::Open);
        let mut byte = [0];
        stream.read_exact(&mut byte).await.unwrap();
        assert_eq!(echoes(&mut stream).await, Some(true));
    }

    #[tokio::test]
    async fn closes_all_connections_when_it_is_cut_and_takes_new_ones_once_mended() {
        let url = echo().await;
        let way = Way::to(&url, 7).await.unwrap();
        let mut stream = connect(&way, &url).await;
        assert_eq!(echoes(&mut stream).await, Some(true));
        way.set(Passage::Cut);
        assert_ne!(echoes(&mut stream).await, Some(true));
        assert_ne!(echoes(&mut connect(&way, &url).await).await, Some(true));
        way.set(Passage::Open);
        assert_eq!(echoes(&mut connect(&way, &url).await).await, Some(true));
    }
}
