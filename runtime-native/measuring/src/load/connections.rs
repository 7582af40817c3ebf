//! Connections that are kept from request to request.

use std::{
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use http::{
    HeaderValue, Uri,
    header::{HOST, USER_AGENT},
};
use http_body_util::{BodyExt, Full};
use hyper::{
    Response,
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};
use url::Url;

use super::{MOST_ANSWER_BYTES, Request, timing};

type Sender = SendRequest<Full<Bytes>>;

/// How long an address may take to accept a connection. One that drops what is sent to it would otherwise be waited for by the minute.
const CONNECT: Duration = Duration::from_secs(5);

/// What the driver calls itself.
const NAME: HeaderValue = HeaderValue::from_static(concat!("portico-loadtest/", env!("CARGO_PKG_VERSION")));

/// How a server answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) statements: Option<u64>,
}

/// Why there is no answer, as reports call it.
pub(super) type Failed = &'static str;

/// Connections to one server, of which those that are idle are used again.
pub(super) struct Connections {
    address: SocketAddr,
    host: HeaderValue,
    idle: Mutex<Vec<Sender>>,
}

impl Connections {
    /// Finds the server, and makes sure that it listens.
    pub(super) async fn to(url: &Url) -> anyhow::Result<Self> {
        if url.scheme() != "http" {
            bail!(
                "{url}: only http:// can be loaded; put the load behind the TLS of the server, not through it"
            );
        }
        let host = url.host_str().with_context(|| format!("{url} names no host"))?;
        let port = url.port_or_known_default().unwrap_or(80);
        // An address of version 6 stands in brackets in URLs, and in the header.
        let header = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let name = host.trim_start_matches('[').trim_end_matches(']');
        let found = tokio::net::lookup_host((name, port))
            .await
            .with_context(|| format!("{url}: its address can't be found"))?;
        let (address, stream) =
            first_of(found, CONNECT).await.with_context(|| format!("{url}: no server answers there"))?;
        let connections =
            Self { address, host: HeaderValue::from_str(&header)?, idle: Mutex::new(Vec::new()) };
        connections.give_back(begin(stream).await?);
        Ok(connections)
    }

    /// Opens one.
    pub(super) async fn open(&self) -> anyhow::Result<Sender> {
        begin(connect(self.address, CONNECT).await?).await
    }

    /// The one that was used last, because it is the least likely to have been closed for being idle.
    fn take(&self) -> Option<Sender> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn give_back(&self, sender: Sender) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
    }

    /// Sends a request along an idle connection, or a new one, and reads the answer.
    pub(super) async fn ask(&self, request: Request) -> Result<Answered, Failed> {
        let mut place = self.take();
        let answered = self.ask_along(&mut place, request).await;
        if let Some(sender) = place {
            self.give_back(sender);
        }
        answered
    }

    /// Sends a request along `place`, where a connection is made if there is none that is open, and reads the answer. What is left in `place` can be used again.
    pub(super) async fn ask_along(
        &self,
        place: &mut Option<Sender>,
        request: Request,
    ) -> Result<Answered, Failed> {
        let mut request = self.written(request)?;
        loop {
            let kept = match place.take() {
                Some(mut kept) => kept.ready().await.is_ok().then_some(kept),
                None => None,
            };
            let is_new = kept.is_none();
            let mut sender = match kept {
                Some(kept) => kept,
                None => self.open().await.map_err(|_| "connect")?,
            };
            match sender.try_send_request(request).await {
                Ok(response) => {
                    let answered = read(response).await?;
                    *place = Some(sender);
                    return Ok(answered);
                }
                // The server closed a connection that was kept, before anything was written on it.
                Err(mut error) => match error.take_message() {
                    Some(unsent) if !is_new => request = unsent,
                    _ => return Err("broken off"),
                },
            }
        }
    }

    fn written(&self, request: Request) -> Result<hyper::Request<Full<Bytes>>, Failed> {
        let Request { method, path, headers, body, .. } = request;
        let mut written = hyper::Request::new(Full::new(body));
        *written.method_mut() = method;
        *written.uri_mut() = Uri::try_from(path).map_err(|_| "no path")?;
        *written.headers_mut() = headers;
        written.headers_mut().insert(HOST, self.host.clone());
        written.headers_mut().entry(USER_AGENT).or_insert(NAME);
        Ok(written)
    }
}

/// A connection to the first of the addresses that accepts one: a name such as `localhost` may have several, of which a server listens on one.
async fn first_of(
    addresses: impl Iterator<Item = SocketAddr>,
    limit: Duration,
) -> anyhow::Result<(SocketAddr, TcpStream)> {
    let mut refused = anyhow!("its host has no address");
    for address in addresses {
        match connect(address, limit).await {
            Ok(stream) => return Ok((address, stream)),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

async fn connect(address: SocketAddr, limit: Duration) -> anyhow::Result<TcpStream> {
    let connected = timeout(limit, TcpStream::connect(address)).await;
    connected.with_context(|| format!("{address} accepted no connection within {limit:?}"))?.context(address)
}

async fn begin(stream: TcpStream) -> anyhow::Result<Sender> {
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // How it ends is told to the request that it carries.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}

/// Reads an answer to its end, and keeps nothing of its body.
async fn read(response: Response<Incoming>) -> Result<Answered, Failed> {
    let (head, mut body) = response.into_parts();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| "broken off")?;
        length += frame.data_ref().map_or(0, Bytes::len);
        if length > MOST_ANSWER_BYTES {
            return Err("answer too large");
        }
    }
    Ok(Answered { status: head.status.as_u16(), statements: timing::statements(&head.headers) })
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use tokio::net::TcpSocket;

    use super::*;

    #[tokio::test]
    async fn the_address_that_accepts_is_taken_and_one_that_does_not_is_given_up() {
        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        // A queue of one, which is filled: whoever comes next is left waiting.
        let deaf = TcpSocket::new_v4().unwrap();
        deaf.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let deaf = deaf.listen(1).unwrap();
        let full = deaf.local_addr().unwrap();
        let mut waiting = Vec::new();
        while let Ok(stream) = connect(full, Duration::from_millis(300)).await {
            waiting.push(stream);
        }
        let there = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = there.local_addr().unwrap();

        let began = Instant::now();
        let limit = Duration::from_millis(300);
        let (taken, _stream) = first_of([gone, full, address].into_iter(), limit).await.unwrap();
        assert_eq!(taken, address);
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
        let told = format!("{:#}", first_of([full].into_iter(), limit).await.unwrap_err());
        assert!(told.contains("accepted no connection within 300ms"), "{told}");
        assert!(first_of(std::iter::empty(), limit).await.is_err());
    }
}
