//! Statements that nobody waits for any more, long before their time limit: how soon they are gone, and what becomes of their connections.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use portico_sql::{
    driver::{Driver, Effect, Statement, Type},
    postgres::{self, PostgresConfig, PostgresDriver},
    sqlite::{self, SqliteConfig},
};
use portico_tests::delay::Line;
use sqlx::{Connection as _, PgConnection};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{
    Case, cases,
    connections::{PING, PING_WRITE, call, settles},
    resilience::backend,
    time_limits::{ENDLESS, ENDLESS_WRITE, LONG, SHORT_WRITE, STATES},
    world::{PostgresDatabase, Server},
};

pub(crate) const CASES: &[Case<Server>] = cases![
    what_nobody_waits_for_is_gone_from_postgres_and_its_connection_is_replaced,
    a_wait_for_a_lock_ends_with_whoever_waited,
    what_ends_soon_keeps_its_connection,
    a_transaction_that_is_given_up_at_any_moment_is_not_open_for_the_next,
    what_nobody_waits_for_is_interrupted_in_a_file,
    a_server_that_cannot_look_after_its_clients_is_taken_as_it_is,
];

/// How long it is waited for by those that go away.
const PATIENCE: Duration = Duration::from_millis(300);

/// Three connections, whose statements may take much longer than these tests.
fn patient(database: &PostgresDatabase) -> Arc<PostgresDriver> {
    let limit = Duration::from_secs(600);
    postgres::connect(&PostgresConfig { max_connections: 3, statement_timeout: limit, ..database.config() })
        .unwrap()
}

/// Statements of the database that run or wait, without this one.
async fn running(connection: &mut PgConnection) -> i64 {
    let text = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND state <> 'idle' AND pid <> pg_backend_pid()";
    sqlx::query_scalar(text).fetch_one(connection).await.unwrap()
}

/// Says how long it took until so many run.
async fn runs(connection: &mut PgConnection, so_many: i64) -> Duration {
    let began = Instant::now();
    while running(connection).await != so_many {
        assert!(began.elapsed() < LONG, "there should be {so_many}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    began.elapsed()
}

/// Uses every connection at once.
async fn all_are_usable(driver: &Arc<PostgresDriver>) {
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(driver.reserve(&PING).await.unwrap());
    }
    for reserved in held {
        assert_eq!(reserved.run(call(&PING)).await.unwrap().len(), 1);
    }
    settles(|| driver.pools().pool.unwrap().active() == 0).await;
}

async fn what_nobody_waits_for_is_gone_from_postgres_and_its_connection_is_replaced(server: Server) {
    let database = server.database().await;
    let driver = patient(&database);
    let mut other = PgConnection::connect(&database.url).await.unwrap();
    let asking = tokio::spawn({
        let driver = Arc::clone(&driver);
        async move {
            let transaction = driver.transact(vec![call(&SHORT_WRITE), call(&ENDLESS_WRITE)]);
            let (read, write) = (driver.run(call(&ENDLESS)), driver.run(call(&ENDLESS_WRITE)));
            futures_util::future::join3(read, write, transaction).await
        }
    });
    runs(&mut other, 3).await;
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
    let took = runs(&mut other, 0).await;
    assert!(took < Duration::from_secs(10), "by itself each takes 20 s: {took:?}");
    all_are_usable(&driver).await;
    assert_eq!(driver.run(call(&STATES)).await.unwrap().len(), 0, "and nothing was written");
}

static LOCKED: Statement = Statement {
    name: "locked",
    effect: Effect::Write,
    parameters: &[],
    columns: &[],
    postgres: "UPDATE used_states SET expires_at = now()",
    sqlite: "",
};

async fn a_wait_for_a_lock_ends_with_whoever_waited(server: Server) {
    let database = server.database().await;
    let driver = patient(&database);
    driver.run(call(&SHORT_WRITE)).await.unwrap();
    let mut other = PgConnection::connect(&database.url).await.unwrap();
    let mut holder = PgConnection::connect(&database.url).await.unwrap();
    sqlx::raw_sql("BEGIN; SELECT 1 FROM used_states FOR UPDATE").execute(&mut holder).await.unwrap();
    // Far more than there are connections: those that wait for one give up too.
    let waiters = join_all((0..20).map(|_| tokio::time::timeout(PATIENCE, driver.run(call(&LOCKED))))).await;
    assert!(waiters.iter().all(Result::is_err));
    runs(&mut other, 1).await;
    all_are_usable(&driver).await;
    sqlx::raw_sql("ROLLBACK").execute(&mut holder).await.unwrap();
}

async fn what_ends_soon_keeps_its_connection(server: Server) {
    let driver = patient(&server.database().await);
    let mut seen = BTreeSet::new();
    for _ in 0..20 {
        // Given up when it was sent and, unless the server is quick, not yet answered.
        let mut asking = Box::pin(driver.run(call(&PING)));
        for _ in 0..3 {
            if futures_util::poll!(&mut asking).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(asking);
        settles(|| driver.pools().pool.unwrap().active() == 0).await;
        seen.insert(backend(&*driver).await);
    }
    assert!(seen.len() <= 3, "connections are kept: {seen:?}");
}

/// How many connections of the database are within a transaction.
async fn open_transactions(connection: &mut PgConnection) -> i64 {
    let text = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    sqlx::query_scalar(text).fetch_one(connection).await.unwrap()
}

async fn a_transaction_that_is_given_up_at_any_moment_is_not_open_for_the_next(server: Server) {
    let database = server.database().await;
    let url = url::Url::parse(&database.url).unwrap();
    let line = Line::to(&url, 5432, Duration::from_millis(20)).await.unwrap();
    let far = PostgresDatabase { url: line.url().to_string() };
    let driver = postgres::connect(&PostgresConfig { max_connections: 1, ..far.config() }).unwrap();
    let mut other = PgConnection::connect(&database.url).await.unwrap();
    driver.run(call(&PING)).await.unwrap();
    let mut ended = 0;
    for polls in 1..60 {
        let mut transaction = Box::pin(driver.transact(vec![call(&PING_WRITE), call(&PING)]));
        let mut is_ready = false;
        for _ in 0..polls {
            is_ready = futures_util::poll!(&mut transaction).is_ready();
            if is_ready {
                break;
            }
            // From look to look it gets further by an answer, and no further, because each takes its time to come.
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
        drop(transaction);
        ended += i32::from(is_ready);
        driver.run(call(&SHORT_WRITE)).await.unwrap();
        let written: i64 =
            sqlx::query_scalar("SELECT count(*) FROM used_states").fetch_one(&mut other).await.unwrap();
        assert_eq!(written, 1, "what was answered is there for everybody, after {polls} looks");
        assert_eq!(open_transactions(&mut other).await, 0, "after {polls} looks");
        sqlx::query("DELETE FROM used_states").execute(&mut other).await.unwrap();
        if ended == 3 {
            return;
        }
    }
    panic!("a transaction should come to its end");
}

async fn what_nobody_waits_for_is_interrupted_in_a_file(server: Server) {
    let config = SqliteConfig {
        readers: 1,
        statement_time_limit: Duration::from_secs(600),
        acquire_wait: Duration::from_secs(60),
        ..SqliteConfig::new(server.empty_file())
    };
    let driver = sqlite::open_with(&config).unwrap();
    driver.migrate(crate::world::now()).await.unwrap();
    for _ in 0..3 {
        let writes = vec![call(&SHORT_WRITE), call(&ENDLESS_WRITE)];
        let (read, write) = tokio::join!(
            tokio::time::timeout(PATIENCE, driver.run(call(&ENDLESS))),
            tokio::time::timeout(PATIENCE, driver.transact(writes)),
        );
        assert!(read.is_err() && write.is_err());
        let began = Instant::now();
        driver.run(call(&PING)).await.unwrap();
        driver.run(call(&PING_WRITE)).await.unwrap();
        assert!(began.elapsed() < LONG, "{:?}", began.elapsed());
        assert_eq!(driver.run(call(&STATES)).await.unwrap().len(), 0, "nothing was written");
        let given_up = tokio::time::timeout(PATIENCE, driver.run(call(&ENDLESS_WRITE))).await;
        assert!(given_up.is_err());
        let reserved = driver.reserve(&ENDLESS).await.unwrap();
        assert!(tokio::time::timeout(PATIENCE, reserved.run(call(&ENDLESS))).await.is_err());
    }
    settles(|| {
        let pools = driver.pools();
        pools.pool.unwrap().active() == 0 && pools.writer.unwrap().active() == 0
    })
    .await;
}

/// Stands before a server, and makes of what is asked of it when connecting something that it refuses, in the words of one that doesn't know it.
async fn refuses_the_check(database: &PostgresDatabase) -> PostgresDatabase {
    let mut url = url::Url::parse(&database.url).unwrap();
    let upstream = (url.host_str().unwrap().to_owned(), url.port().unwrap_or(5432));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let upstream = upstream.clone();
            tokio::spawn(async move {
                let mut server = TcpStream::connect(upstream).await.unwrap();
                // What is asked goes out in few packets: whether TLS is spoken, and the start.
                for _ in 0..2 {
                    let mut packet = vec![0; 4_096];
                    let read = client.read(&mut packet).await.unwrap_or(0);
                    packet.truncate(read);
                    let (asked, instead) = (b"check_interval=1s", b"check_interval=1z");
                    if let Some(at) = packet.windows(asked.len()).position(|part| part == asked) {
                        packet[at..at + asked.len()].copy_from_slice(instead);
                    }
                    server.write_all(&packet).await.unwrap();
                    let is_start = packet.len() > 8;
                    if is_start {
                        break;
                    }
                    let mut said = [0; 1];
                    server.read_exact(&mut said).await.unwrap();
                    client.write_all(&said).await.unwrap();
                }
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    PostgresDatabase { url: url.to_string() }
}

static CHECK: Statement = Statement {
    name: "check",
    effect: Effect::Read,
    parameters: &[],
    columns: &[Type::Text, Type::Text],
    postgres: "SELECT current_setting('client_connection_check_interval'), current_setting('statement_timeout')",
    sqlite: "",
};

async fn a_server_that_cannot_look_after_its_clients_is_taken_as_it_is(server: Server) {
    let database = server.database().await;
    for (database, expected) in [(refuses_the_check(&database).await, "0"), (database, "1s")] {
        let driver = patient(&database);
        for _ in 0..2 {
            let mut row = driver.run(call(&CHECK)).await.unwrap().remove(0);
            assert_eq!(row.take::<String>().unwrap(), expected);
            assert_eq!(row.take::<String>().unwrap(), "10min");
        }
        all_are_usable(&driver).await;
    }
}
