//! The connection of one request: opened on demand, driven by the request's own future, closed at its end.

use std::{
    cell::RefCell,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
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
    /// The task that polls the wires, between its polls.
    driver: Option<Waker>,
    stage: Stage,
}

/// How far the request is.
#[derive(Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Open,
    /// What was begun is finished; nothing new is connected.
    Closing,
    /// Nobody polls the wires any more.
    Over,
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
            if state.stage != Stage::Open {
                return Err(ended());
            }
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
            let scope = scope.upgrade().ok_or_else(ended)?;
            // Its errors reach whoever awaits an answer.
            scope.add(connection.map(drop).boxed())?;
            Ok(Arc::new(client))
        }
        .boxed()
        .shared()
    }

    /// Adds a wire, and has it polled by whom it is to wake from then on.
    fn add(&self, wire: BoxFuture<'static, ()>) -> Result<(), Unavailable> {
        let driver = {
            let mut state = self.state();
            if state.stage == Stage::Over {
                return Err(ended());
            }
            state.wires.push(wire);
            state.driver.take()
        };
        // None while the driver itself is being polled: the wires' turn comes at the end of that.
        if let Some(driver) = driver {
            driver.wake();
        }
        Ok(())
    }

    /// Only the request's own task may call this. A wire wakes whoever polled it last, and a stream that shares the connection is polled by tasks that may be gone before
    /// the next answer arrives.
    fn poll_wires(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut wires = {
            let mut state = self.state();
            state.driver = Some(context.waker().clone());
            std::mem::take(&mut state.wires)
        };
        wires.retain_mut(|wire| wire.as_mut().poll(context).is_pending());
        let mut state = self.state();
        state.wires.append(&mut wires);
        if state.wires.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }
}

fn ended() -> Unavailable {
    Unavailable::new(SERVICE, "the request has ended")
}

/// What the request's own task has of the scope. Once it is dropped, whatever still awaits an answer is told that there will be none.
struct Driving(Arc<Scope>);

impl Drop for Driving {
    fn drop(&mut self) {
        let over = State { stage: Stage::Over, ..State::default() };
        let left = std::mem::replace(&mut *self.0.state(), over);
        // No longer under the lock: those who wait are woken.
        drop(left);
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
    let driving = Driving(Scope::new());
    let output = within(&driving.0, request).await;
    (output, close(driving))
}

/// Lets a stream use the connection of the request that is being polled, whoever polls the stream. The request's task alone drives the connection, which is open for as long
/// as the request is: what answers with the stream has to wait for its end. A stream that goes on after that finds its statements refused.
pub fn within_connection<S: Stream + Unpin>(stream: S) -> impl Stream<Item = S::Item> {
    let scope = Scope::current();
    let mut stream = stream;
    futures_util::stream::poll_fn(move |context| {
        let _entered = scope.clone().map(Entered::new);
        stream.poll_next_unpin(context)
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
    let driving = Driving(Scope::new());
    let output = within(&driving.0, call(Arc::clone(&driving.0))).await;
    close(driving).await;
    output
}

async fn within<F: Future>(scope: &Arc<Scope>, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| {
        let output = {
            let _entered = Entered::new(Arc::clone(scope));
            scope.state().driver = None;
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

fn close(driving: Driving) -> Closing {
    let client = {
        let mut state = driving.0.state();
        state.stage = Stage::Closing;
        let client = state.client.take();
        if client.is_none() && state.wires.is_empty() {
            return Closing(None);
        }
        client
    };
    Closing(Some(
        async move {
            if let Some(client) = client {
                // An attempt that nobody awaited any more, such as a refused login's, is finished, so that it can be closed in order.
                let connected = within(&driving.0, client).await;
                // The last one: its wire then says goodbye.
                drop(connected);
            }
            poll_fn(|context| driving.0.poll_wires(context)).await;
            drop(driving);
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
