//! Streams on the connection of their request, pulled by other tasks than the request's own.

use std::{
    future::{Future, pending, poll_fn},
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{
    FutureExt as _, Stream, StreamExt as _, poll,
    stream::{self, BoxStream},
};
use portico_sql::{
    driver::{Call, Driver as _, DriverError, Effect, Statement, Type},
    hyperdrive::{HyperdriveDriver, with_request_connection, with_task_connection, within_connection},
};
use tokio::{sync::oneshot, time};

use crate::{
    Case, cases,
    resilience::{BACKEND, backend, is_deserted, wired},
    world::Server,
};

pub(crate) const CASES: &[Case<Server>] = cases![
    a_request_gets_its_answer_although_a_stream_on_its_connection_is_dropped,
    a_request_that_only_awaits_its_streams_end_drives_their_connection,
    a_stream_that_outlives_its_request_fails_at_once,
];

/// What would hang hangs longer.
const PROMPT: Duration = Duration::from_secs(5);

/// A write that is answered with its backend after a while.
static SLOW_WRITE: Statement = Statement {
    name: "slow_write",
    effect: Effect::Write,
    parameters: &[],
    columns: &[Type::Integer],
    postgres: "SELECT CAST(pg_backend_pid() AS bigint) FROM pg_sleep(1)",
    sqlite: "SELECT 1",
};

/// A page that is answered with its backend after a while.
static PAGE: Statement = Statement {
    name: "page",
    effect: Effect::Read,
    parameters: &[],
    columns: &[Type::Integer],
    postgres: "SELECT CAST(pg_backend_pid() AS bigint) FROM pg_sleep(0.1)",
    sqlite: "SELECT 1",
};

/// A page that nobody waits for to its end.
static ENDLESS_PAGE: Statement = Statement {
    name: "endless_page",
    effect: Effect::Read,
    parameters: &[],
    columns: &[Type::Integer],
    postgres: "SELECT CAST(1 AS bigint) FROM pg_sleep(10)",
    sqlite: "SELECT 1",
};

type Pages = BoxStream<'static, Result<i64, DriverError>>;

/// A statement's answers, each asked for when the one before has been taken, on the connection of the request that is being polled.
fn pages(driver: &Arc<HyperdriveDriver>, statements: Vec<&'static Statement>) -> Pages {
    let driver = Arc::clone(driver);
    within_connection(
        stream::iter(statements)
            .then(move |statement| {
                let driver = Arc::clone(&driver);
                async move {
                    let mut rows = driver.run(Call { statement, parameters: Vec::new() }).await?;
                    Ok(rows.remove(0).take().unwrap())
                }
            })
            .boxed(),
    )
    .boxed()
}

/// Takes each item in a task of its own, as a Worker's runtime does.
async fn pulled<S: Stream<Item: Send> + Unpin + Send + 'static>(mut stream: S) -> Vec<S::Item> {
    let mut items = Vec::new();
    loop {
        let pull = tokio::spawn(async move { (stream.next().await, stream) });
        let (item, rest) = pull.await.unwrap();
        let Some(item) = item else { return items };
        items.push(item);
        stream = rest;
    }
}

/// Counts the polls of a future.
async fn counted<F: Future>(polls: &AtomicUsize, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| {
        polls.fetch_add(1, Ordering::Relaxed);
        future.as_mut().poll(context)
    })
    .await
}

async fn a_request_gets_its_answer_although_a_stream_on_its_connection_is_dropped(server: Server) {
    let database = server.database().await;
    let driver = wired(&database);
    let request = with_task_connection(async {
        let first = backend(&*driver).await;
        let mut pages = pages(&driver, vec![&PAGE, &PAGE]);
        // A page is on its way when the write is sent, and the next is asked for behind the write.
        let early = pages.next().now_or_never();
        assert!(early.is_none());
        let mut write = driver.run(Call { statement: &SLOW_WRITE, parameters: Vec::new() });
        assert!(poll!(&mut write).is_pending());
        let (tell, told) = oneshot::channel();
        tokio::spawn(async move {
            let pull = tokio::spawn(async move { (pages.next().await, pages) });
            let (page, mut pages) = pull.await.unwrap();
            // Polled again and again, so that it is the last that was polled when it is dropped.
            let last = tokio::spawn(async move {
                while time::timeout(Duration::from_millis(20), pages.next()).await.is_err() {}
            });
            time::sleep(Duration::from_millis(150)).await;
            last.abort();
            assert!(last.await.unwrap_err().is_cancelled());
            let _ = tell.send(page);
        });
        // Nothing but the answer wakes the request by now.
        let mut rows = write.await.unwrap();
        assert_eq!(rows.remove(0).take::<i64>(), Ok(first));
        assert_eq!(told.await.unwrap(), Some(Ok(first)));
        // The page that nobody took is passed over.
        assert_eq!(backend(&*driver).await, first);
    });
    time::timeout(PROMPT, request).await.expect("the write's answer reaches the request");
    assert!(is_deserted(&database).await);
}

async fn a_request_that_only_awaits_its_streams_end_drives_their_connection(server: Server) {
    let database = server.database().await;
    let driver = wired(&database);
    let polls = AtomicUsize::new(0);
    let request = with_task_connection(counted(&polls, async {
        let (ended, end) = oneshot::channel();
        let pages = pages(&driver, vec![&PAGE, &BACKEND, &PAGE]);
        tokio::spawn(async move { ended.send(pulled(pages).await) });
        end.await.unwrap()
    }));
    let backends = time::timeout(PROMPT, request).await.expect("the stream comes to its end");
    let backends: Vec<i64> = backends.into_iter().map(Result::unwrap).collect();
    assert_eq!(backends, [backends[0]; 3], "one request, one connection");
    // By what the socket tells and what is sent, rather than by each other without end.
    let polls = polls.into_inner();
    assert!(polls < 50, "polled {polls} times");
    assert!(is_deserted(&database).await);
}

async fn a_stream_that_outlives_its_request_fails_at_once(server: Server) {
    let database = server.database().await;
    let driver = wired(&database);
    let fails = async |mut pages: Pages| {
        let page = time::timeout(PROMPT, pages.next()).await.expect("it fails at once");
        assert!(matches!(page, Some(Err(_))), "{page:?}");
    };

    // Asked for after the end, on a connection there was and on one that there never was.
    let (left, closing) = with_request_connection(async {
        backend(&*driver).await;
        pages(&driver, vec![&PAGE])
    })
    .await;
    closing.await;
    fails(left).await;
    let (left, closing) = with_request_connection(async { pages(&driver, vec![&PAGE]) }).await;
    assert!(closing.is_idle());
    fails(left).await;

    // Asked for before the end, while connecting and when connected, and cut.
    for connected in [false, true] {
        let (left, closing) = with_request_connection(async {
            if connected {
                backend(&*driver).await;
            }
            let mut pages = pages(&driver, vec![&ENDLESS_PAGE]);
            assert!(pages.next().now_or_never().is_none());
            pages
        })
        .await;
        drop(closing);
        fails(left).await;
    }

    // The request itself is given up.
    let (tell, mut told) = oneshot::channel();
    let mut request = Box::pin(with_task_connection(async {
        backend(&*driver).await;
        let mut pages = pages(&driver, vec![&ENDLESS_PAGE]);
        assert!(pages.next().now_or_never().is_none());
        let _ = tell.send(pages);
        pending::<()>().await;
    }));
    let left = loop {
        assert!(time::timeout(Duration::from_millis(50), &mut request).await.is_err());
        if let Ok(pages) = told.try_recv() {
            break pages;
        }
    };
    drop(request);
    fails(left).await;
}
