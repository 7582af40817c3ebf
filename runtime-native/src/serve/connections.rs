//! Serving connections by HTTP/1.1, and ending them without losing a request.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    body::{Body, HttpBody},
    http::{HeaderValue, Request, Response, header::CONNECTION},
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use portico_http_api::Surface;
use tokio::{
    net::TcpStream,
    sync::{Semaphore, watch},
    time::{Instant, timeout_at},
};

use super::listener::Listener;
use crate::configuration::Configuration;

/// Enough for any request head that the contract takes, and what a connection's memory is bounded by.
const BUFFER_BYTES: usize = 64 * 1_024;
/// How long a connection that waits for its client's next request is left open at the end, so that one that is already on its way is answered.
const LAST_CALL: Duration = Duration::from_millis(250);

/// How far the end of serving has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Stage {
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

struct Shared {
    surface: Surface,
    http: http1::Builder,
    /// Whether answers say that they are their connection's last.
    leaving: AtomicBool,
}

impl Connections {
    /// Serves `surface`.
    pub(super) fn new(surface: Surface, configuration: &Configuration) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(configuration.idle_time_limit)
            .max_buf_size(BUFFER_BYTES)
            .pipeline_flush(true);
        let most = configuration.max_connections;
        Self {
            shared: Arc::new(Shared { surface, http, leaving: AtomicBool::new(false) }),
            stage: watch::Sender::new(Stage::Open),
            places: Arc::new(Semaphore::new(most as usize)),
            most,
        }
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

async fn connection(
    shared: Arc<Shared>,
    mut stage: watch::Receiver<Stage>,
    stream: TcpStream,
    peer: SocketAddr,
) {
    // Answers are written whole; waiting for more to send would only delay them. A socket that refuses is broken and will say so itself.
    let _ = stream.set_nodelay(true);
    // Of this connection alone, so that a request counts up nothing that all threads count.
    let client = Arc::new(Client { shared: Arc::clone(&shared), address: peer.ip().to_canonical() });
    let service = service_fn(|request| answer(Arc::clone(&client), request));
    let mut serving = pin!(shared.http.serve_connection(TokioIo::new(stream), service));
    // The connection goes first each time, so that a request that has arrived counts as under way.
    tokio::select! {
        biased;
        _ = serving.as_mut() => return,
        _ = stage.wait_for(|stage| *stage >= Stage::Closing) => {}
    }
    serving.as_mut().graceful_shutdown();
    tokio::select! {
        biased;
        _ = serving => {}
        _ = stage.wait_for(|stage| *stage >= Stage::Closed) => {}
    }
}

/// Whoever opened a connection.
struct Client {
    shared: Arc<Shared>,
    address: IpAddr,
}

async fn answer(client: Arc<Client>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let Client { shared, address } = &*client;
    let request = request.map(|body| if body.is_end_stream() { Body::empty() } else { Body::new(body) });
    let mut response = shared.surface.answer(request, Some(*address)).await;
    if shared.leaving.load(Ordering::Relaxed) {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}
