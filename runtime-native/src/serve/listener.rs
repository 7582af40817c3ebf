//! Taking connections.

use std::{
    io,
    net::{SocketAddr, TcpListener as StdListener},
    time::{Duration, Instant},
};

use anyhow::Context;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpStream};

/// How long to leave a kernel alone that has no descriptor or memory for another connection.
const PAUSE: Duration = Duration::from_millis(50);
/// How often to say so.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// Listens on one address.
pub(super) struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    last_said: Option<Instant>,
}

impl Listener {
    /// Binds the address, with room for as many connections as the system lets this process have.
    pub(super) fn bind(address: SocketAddr) -> anyhow::Result<Self> {
        raise_descriptor_limit();
        let bound = || -> io::Result<Self> {
            let socket = if address.is_ipv4() {
                tokio::net::TcpSocket::new_v4()
            } else {
                tokio::net::TcpSocket::new_v6()
            }?;
            // A restarted server may have its port again at once.
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            let socket = socket.listen(1_024)?;
            Ok(Self { address: socket.local_addr()?, socket, last_said: None })
        };
        bound().with_context(|| format!("can't listen on {address} (PORTICO_LISTEN)"))
    }

    /// Where connections come in; the port is the one that was picked.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes the next connection, however long it takes.
    pub(super) async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            match self.socket.accept().await {
                Ok(accepted) => return accepted,
                Err(error) if is_the_clients(&error) => {}
                Err(error) => {
                    if self.last_said.is_none_or(|said| said.elapsed() > SAY_EVERY) {
                        tracing::error!(%error, "connections can't be taken just now");
                        self.last_said = Some(Instant::now());
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    /// Ends listening, and gives the connections that clients believe to have: those that wait in the kernel's queue.
    pub(super) fn close(self) -> Vec<(TcpStream, SocketAddr)> {
        let waiting = |listener: &StdListener| {
            let (stream, peer) = listener.accept()?;
            stream.set_nonblocking(true)?;
            Ok::<_, io::Error>((TcpStream::from_std(stream)?, peer))
        };
        match self.socket.into_std() {
            Ok(listener) => std::iter::from_fn(|| waiting(&listener).ok()).collect(),
            Err(_) => Vec::new(),
        }
    }
}

/// The client went away before it was its turn.
fn is_the_clients(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Many systems start programs with 1,024 descriptors and let them take more.
fn raise_descriptor_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}
