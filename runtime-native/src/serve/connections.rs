//! The connections of a server, from the first byte to the last.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    body::{Body, HttpBody},
    http::{HeaderValue, Request, Response, StatusCode, Version, header::CONNECTION},
};
use hyper::body::Incoming;
use portico_http_api::Surface;
use tokio::{
    net::TcpStream,
    sync::{Semaphore, watch},
    time::{Instant, timeout, timeout_at},
};

use super::{
    bodies::{AnswerBody, RequestBody},
    limits::{Limits, Progress},
    listener::Listener,
    protocol::{self, Protocols},
    stream::{Beginning, begins},
    tls::Tls,
};
use crate::configuration::ServingSettings;

/// How long a connection that waits for its client's next request is left open at the end, so that one that is already on its way is answered.
const LAST_CALL: Duration = Duration::from_millis(250);

/// How far the end of serving has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
pub(super) enum Stage {
    /// Serving.
    Open,
    /// Connections that wait for a request are closed, the others after their answer.
    Closing,
    /// All are closed.
    Closed,
}

/// The connections of a server.
pub(super) struct Connections {
    shared: Arc<Shared>,
    stage: watch::Sender<Stage>,
    places: Arc<Semaphore>,
    most: u32,
}

/// What all connections share.
struct Shared {
    surface: Surface,
    limits: Limits,
    protocols: Protocols,
    speaks_http2: bool,
    tls: Option<Arc<Tls>>,
    /// Whether answers say that they are their connection's last.
    leaving: AtomicBool,
}

impl Connections {
    /// Serves `surface`, over `tls` where there is one.
    pub(super) fn new(surface: Surface, settings: &ServingSettings, tls: Option<Arc<Tls>>) -> Self {
        let limits = Limits::of(settings);
        let shared = Shared {
            surface,
            limits,
            protocols: Protocols::new(limits),
            speaks_http2: settings.speaks_http2,
            tls,
            leaving: AtomicBool::new(false),
        };
        let most = settings.max_connections;
        Self {
            shared: Arc::new(shared),
            stage: watch::Sender::new(Stage::Open),
            places: Arc::new(Semaphore::new(most as usize)),
            most,
        }
    }

    /// How many are open, to be asked at any time.
    pub(super) fn open(&self) -> OpenConnections {
        OpenConnections { places: Arc::clone(&self.places), most: self.most }
    }

    /// Takes connections and serves each in a task of its own, until this future is dropped. While as many are open as may be, more wait in the
    /// kernel.
    pub(super) async fn serve(&self, listener: &mut Listener) {
        loop {
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else { return };
            let (stream, peer) = listener.accept().await;
            let connection = connection(Arc::clone(&self.shared), self.stage.subscribe(), stream, peer);
            tokio::spawn(async move {
                connection.await;
                drop(place);
            });
        }
    }

    /// Stops listening, lets every connection have the answers it waits for, and closes them. Says how many had to be closed without, because
    /// `limit` was over.
    pub(super) async fn finish(self, listener: Listener, limit: Duration) -> u32 {
        let deadline = Instant::now() + limit;
        self.shared.leaving.store(true, Ordering::SeqCst);
        for (stream, peer) in listener.close() {
            let place = Arc::clone(&self.places).try_acquire_owned().ok();
            let connection = connection(Arc::clone(&self.shared), self.stage.subscribe(), stream, peer);
            tokio::spawn(async move {
                connection.await;
                drop(place);
            });
        }
        let last_call = deadline.min(Instant::now() + LAST_CALL);
        if self.ended_by(last_call).await {
            return 0;
        }
        self.stage.send_replace(Stage::Closing);
        if self.ended_by(deadline).await {
            return 0;
        }
        let open = self.most - u32::try_from(self.places.available_permits()).unwrap_or(self.most);
        self.stage.send_replace(Stage::Closed);
        open
    }

    /// Whether every connection has ended by then.
    async fn ended_by(&self, moment: Instant) -> bool {
        timeout_at(moment, self.places.acquire_many(self.most)).await.is_ok()
    }
}

/// Counts the connections that are open.
pub(super) struct OpenConnections {
    places: Arc<Semaphore>,
    most: u32,
}

impl OpenConnections {
    /// How many there are, and how many there may be.
    pub(super) fn read(&self) -> (u64, u64) {
        let most = u64::from(self.most);
        (most.saturating_sub(self.places.available_permits() as u64), most)
    }
}

async fn connection(shared: Arc<Shared>, stage: watch::Receiver<Stage>, stream: TcpStream, peer: SocketAddr) {
    // Answers are written whole; waiting for more to send would only delay them. A socket that refuses is broken and will say so itself.
    let _ = stream.set_nodelay(true);
    // Of this connection alone, so that a request counts up nothing that all threads count.
    let client = Arc::new(Client { shared, progress: Arc::default(), address: peer.ip().to_canonical() });
    if client.shared.tls.is_some() {
        // Boxed, because a connection in clear text is smaller without.
        Box::pin(over_tls(client, stage, stream)).await;
    } else {
        in_clear_text(client, stage, stream).await;
    }
}

async fn in_clear_text(client: Arc<Client>, mut stage: watch::Receiver<Stage>, mut stream: TcpStream) {
    let Limits { idle, header, .. } = client.shared.limits;
    if !client.shared.speaks_http2 {
        return protocol::http1(client, stage, stream, Vec::new()).await;
    }
    let begun = tokio::select! {
        biased;
        begun = begins(&mut stream, idle, header) => begun,
        _ = stage.wait_for(|stage| *stage >= Stage::Closing) => None,
    };
    match begun {
        Some(Beginning::Http1(first)) => protocol::http1(client, stage, stream, first).await,
        Some(Beginning::Http2(first)) => Box::pin(protocol::http2(client, stage, stream, first)).await,
        None => {}
    }
}

async fn over_tls(client: Arc<Client>, mut stage: watch::Receiver<Stage>, stream: TcpStream) {
    let Some(tls) = &client.shared.tls else { return };
    let agreeing = timeout(client.shared.limits.header, tls.acceptor().accept(stream));
    let agreed = tokio::select! {
        biased;
        agreed = agreeing => agreed,
        _ = stage.wait_for(|stage| *stage >= Stage::Closing) => return,
    };
    // Whoever doesn't agree has made a mistake of their own, or is a monitor that looks whether the port is open.
    let Ok(Ok(stream)) = agreed else { return };
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        protocol::http2(client, stage, stream, Vec::new()).await;
    } else {
        protocol::http1(client, stage, stream, Vec::new()).await;
    }
}

/// Whoever opened a connection.
pub(super) struct Client {
    shared: Arc<Shared>,
    progress: Arc<Progress>,
    address: IpAddr,
}

impl Client {
    pub(super) fn progress(&self) -> &Arc<Progress> {
        &self.progress
    }

    pub(super) fn limits(&self) -> Limits {
        self.shared.limits
    }

    pub(super) fn protocols(&self) -> &Protocols {
        &self.shared.protocols
    }

    /// Answers one request.
    pub(super) async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Result<Response<AnswerBody>, Infallible> {
        let Self { shared, progress, address } = &*self;
        let open = progress.begin();
        let version = request.version();
        let request = request.map(|body| {
            if body.is_end_stream() {
                Body::empty()
            } else {
                Body::new(RequestBody::new(body, shared.limits.body, Arc::clone(progress)))
            }
        });
        let mut response = shared.surface.answer(request, Some(*address)).await;
        // A stream of HTTP/2 ends by itself, and its connection says so in another way.
        if version < Version::HTTP_2 && (shared.leaving.load(Ordering::Relaxed) || is_last(response.status()))
        {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response.map(|body| AnswerBody::new(body, open)))
    }
}

/// Whether a body was left unread that is too long to be passed over.
fn is_last(status: StatusCode) -> bool {
    matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::PAYLOAD_TOO_LARGE)
}
