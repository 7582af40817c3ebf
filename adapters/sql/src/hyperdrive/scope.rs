//! The connection of one request: opened on demand, driven by the request's own future, closed at its end.

use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use futures_util::{
    FutureExt as _, Stream, StreamExt as _,
    future::{BoxFuture, Shared},
};
use portico_domain::ports::Unavailable;
use tokio_postgres::{Client, NoTls, config::SslMode};

use super::{Dial, Dialled};
use crate::driver::SERVICE;

type Connecting = Shared<BoxFuture<'static, Result<Arc<Client>, Unavailable>>>;

/// Owns the connection of one request.
pub(super) struct Scope(Mutex<State>);

#[derive(Default)]
struct State {
    /// The client, or the attempt that makes it, which several callers of one request may await.
    client: Option<Connecting>,
    /// Moves bytes between clients and their streams; one at a time unless a connection was replaced.
    wires: Vec<BoxFuture<'static, ()>>,
}

/// What a database's activity view calls our connections, as far as Hyperdrive passes it on.
const APPLICATION_NAME: &str = "portico";

thread_local! {
    static CURRENT: RefCell<Option<Arc<Scope>>> = const { RefCell::new(None) };
}

impl Scope {
    fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State::default())))
    }

    /// The scope of the request that is being polled, if one is.
    pub(super) fn current() -> Option<Arc<Self>> {
        CURRENT.with(|current| current.borrow().clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The client of this request, connected if there is none that holds.
    pub(super) async fn client(self: &Arc<Self>, dial: &Arc<dyn Dial>) -> Result<Arc<Client>, Unavailable> {
        let connecting = {
            let mut state = self.state();
            let spent = match state.client.as_ref().and_then(Shared::peek) {
                Some(Ok(client)) => client.is_closed(),
                // What failed is tried again by the next statement.
                Some(Err(_)) => true,
                None => false,
            };
            if spent {
                state.client = None;
            }
            state.client.get_or_insert_with(|| self.connect(Arc::clone(dial))).clone()
        };
        connecting.await
    }

    /// Lets go of a client that proved to be closed.
    pub(super) fn forget(&self, client: &Arc<Client>) {
        let mut state = self.state();
        if let Some(Ok(present)) = state.client.as_ref().and_then(Shared::peek)
            && Arc::ptr_eq(present, client)
        {
            state.client = None;
        }
    }

    fn connect(self: &Arc<Self>, dial: Arc<dyn Dial>) -> Connecting {
        // Weak, because the scope owns the attempt.
        let scope = Arc::downgrade(self);
        async move {
            let Dialled { stream, mut config } = dial.dial().await?;
            // The stream is as safe as it is going to be.
            config.ssl_mode(SslMode::Disable);
            if config.get_application_name().is_none() {
                config.application_name(APPLICATION_NAME);
            }
            let (client, connection) = config.connect_raw(stream, NoTls).await.map_err(|error| {
                let told = error.as_db_error().map_or("the connection failed", |error| error.message());
                Unavailable::new(SERVICE, format!("connecting: {told}"))
            })?;
            let scope = scope.upgrade().ok_or_else(|| Unavailable::new(SERVICE, "the request has ended"))?;
            // Its errors reach whoever awaits an answer.
            scope.state().wires.push(connection.map(drop).boxed());
            Ok(Arc::new(client))
        }
        .boxed()
        .shared()
    }

    fn poll_wires(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut wires = std::mem::take(&mut self.state().wires);
        wires.retain_mut(|wire| wire.as_mut().poll(context).is_pending());
        let mut state = self.state();
        state.wires.append(&mut wires);
        if state.wires.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// Ends the connection of a request that has been answered. Await it, or hand it to the runtime's `waitUntil`; dropped, it cuts the connection.
#[must_use = "a connection that is cut, rather than closed, is an error to the other side"]
pub struct Closing(Option<BoxFuture<'static, ()>>);

impl Closing {
    /// Whether the request opened no connection.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.0.is_none()
    }
}

impl Future for Closing {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().map_or(Poll::Ready(()), |closing| closing.as_mut().poll(context))
    }
}

/// Runs a request, whose statements share one connection. It is opened by the first of them, and none of it is left when [`Closing`] is done.
///
/// A body that is streamed after the answer has one of its own for each statement, unless it is put [`within_connection`] and the request goes on until it has ended; what
/// the request hands to `waitUntil` has one of its own.
pub async fn with_request_connection<F: Future>(request: F) -> (F::Output, Closing) {
    let scope = Scope::new();
    let output = within(&scope, request).await;
    (output, close(scope))
}

/// Lets a stream use the connection of the request that is being polled, whoever polls the stream. The connection is open for as long as the request is: what answers
/// with the stream has to wait for its end.
pub fn within_connection<S: Stream + Unpin>(stream: S) -> impl Stream<Item = S::Item> {
    let scope = Scope::current();
    let mut stream = stream;
    futures_util::stream::poll_fn(move |context| {
        let Some(scope) = &scope else { return stream.poll_next_unpin(context) };
        let item = {
            let _entered = Entered::new(Arc::clone(scope));
            stream.poll_next_unpin(context)
        };
        if item.is_pending() {
            let _ = scope.poll_wires(context);
        }
        item
    })
}

/// Runs a task that nobody waits for, and closes its connection.
pub async fn with_task_connection<F: Future>(task: F) -> F::Output {
    let (output, closing) = with_request_connection(task).await;
    closing.await;
    output
}

/// Runs one call with a connection of its own.
pub(super) async fn alone<T, F: Future<Output = T>>(call: impl FnOnce(Arc<Scope>) -> F) -> T {
    let scope = Scope::new();
    let output = within(&scope, call(Arc::clone(&scope))).await;
    close(scope).await;
    output
}

async fn within<F: Future>(scope: &Arc<Scope>, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| {
        let output = {
            let _entered = Entered::new(Arc::clone(scope));
            future.as_mut().poll(context)
        };
        // After the future, so that what it has just sent leaves in the same turn.
        if output.is_pending() {
            let _ = scope.poll_wires(context);
        }
        output
    })
    .await
}

fn close(scope: Arc<Scope>) -> Closing {
    let client = scope.state().client.take();
    if client.is_none() && scope.state().wires.is_empty() {
        return Closing(None);
    }
    Closing(Some(
        async move {
            if let Some(client) = client {
                // An attempt that nobody awaited any more, such as a refused login's, is finished, so that it can be closed in order.
                let connected = within(&scope, client).await;
                // The last one: its wire then says goodbye.
                drop(connected);
            }
            poll_fn(|context| scope.poll_wires(context)).await;
        }
        .boxed(),
    ))
}

/// Puts the former scope back, also when the polled future panics.
struct Entered(Option<Arc<Scope>>);

impl Entered {
    fn new(scope: Arc<Scope>) -> Self {
        Self(CURRENT.with(|current| current.replace(Some(scope))))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.with(|current| current.replace(self.0.take()));
    }
}
