//! Statements that take too long, and those that nobody waits for any more: how they end, and what goes on meanwhile.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use portico_sql::{
    driver::{Driver, DriverError, Effect, Statement, Type},
    postgres::{self, PostgresConfig},
    sqlite::{self, SqliteConfig},
};

use crate::{
    Case, cases,
    connections::{PING, PING_WRITE, call, settles},
    world::Server,
};

pub(crate) const CASES: &[Case<Server>] = cases![
    a_statement_ends_at_its_time_limit_on_both_databases,
    a_transaction_that_took_too_long_leaves_the_writer_usable,
    a_statement_that_nobody_waits_for_ends_too,
    no_reader_waits_for_a_statement_that_nobody_waits_for,
];

pub(crate) static ENDLESS: Statement = Statement {
    name: "endless",
    effect: Effect::Read,
    parameters: &[],
    columns: &[Type::Integer],
    postgres: "SELECT CAST(1 AS bigint) FROM pg_sleep(20)",
    sqlite: "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
};

pub(crate) static ENDLESS_WRITE: Statement = Statement {
    name: "endless_write",
    effect: Effect::Write,
    parameters: &[],
    columns: &[],
    postgres: "INSERT INTO used_states (digest, expires_at) SELECT ''::bytea, now() FROM pg_sleep(20)",
    sqlite: "INSERT INTO used_states (digest, expires_at)
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) SELECT CAST(max(i) AS BLOB), 0 FROM n",
};

pub(crate) static SHORT_WRITE: Statement = Statement {
    name: "short_write",
    effect: Effect::Write,
    parameters: &[],
    columns: &[],
    postgres: "INSERT INTO used_states (digest, expires_at) VALUES ('\\x01', now())",
    sqlite: "INSERT INTO used_states (digest, expires_at) VALUES (x'01', 0)",
};

pub(crate) static STATES: Statement = Statement {
    name: "states",
    effect: Effect::Read,
    parameters: &[],
    columns: &[Type::Integer],
    postgres: "SELECT CAST(1 AS bigint) FROM used_states",
    sqlite: "SELECT 1 FROM used_states",
};

const LIMIT: Duration = Duration::from_millis(300);
/// What ends sooner than this was ended: by itself each of the statements here takes longer, also on a fast machine.
pub(crate) const LONG: Duration = Duration::from_secs(15);

/// Both databases, with a limit that is soon reached and one connection of a kind.
async fn limited(server: &Server) -> [Arc<dyn Driver>; 2] {
    let database = server.database().await;
    let config = PostgresConfig { max_connections: 1, statement_timeout: LIMIT, ..database.config() };
    let path = server.empty_file();
    let file = SqliteConfig { readers: 1, statement_time_limit: LIMIT, ..SqliteConfig::new(path) };
    let file = sqlite::open_with(&file).unwrap();
    file.migrate(crate::world::now()).await.unwrap();
    [postgres::connect(&config).unwrap(), file]
}

async fn a_statement_ends_at_its_time_limit_on_both_databases(server: Server) {
    for driver in limited(&server).await {
        for statement in [&ENDLESS, &ENDLESS_WRITE, &ENDLESS] {
            let began = Instant::now();
            let ended = driver.run(call(statement)).await.unwrap_err();
            let took = began.elapsed();
            assert!(took >= LIMIT && took < LONG, "{took:?}");
            let DriverError::Unavailable(told) = ended else { panic!("{ended}") };
            assert!(told.detail.starts_with(statement.name), "{told}");
            assert!(told.detail.contains("time limit") || told.detail.contains("57014"), "{told}");
            assert_eq!(driver.run(call(&PING)).await.unwrap().len(), 1);
        }
        let reserved = driver.reserve(&ENDLESS).await.unwrap();
        assert!(reserved.run(call(&ENDLESS)).await.is_err());
        // A limit is each statement's own.
        for _ in 0..3 {
            tokio::time::sleep(LIMIT / 2).await;
            assert_eq!(driver.run(call(&PING)).await.unwrap().len(), 1);
        }
    }
}

async fn a_transaction_that_took_too_long_leaves_the_writer_usable(server: Server) {
    for driver in limited(&server).await {
        for _ in 0..2 {
            let calls = vec![call(&SHORT_WRITE), call(&ENDLESS_WRITE)];
            assert!(driver.transact(calls).await.is_err());
            assert_eq!(driver.run(call(&STATES)).await.unwrap().len(), 0, "nothing of it was written");
        }
        driver.transact(vec![call(&SHORT_WRITE)]).await.unwrap();
        assert_eq!(driver.run(call(&STATES)).await.unwrap().len(), 1);
    }
}

async fn a_statement_that_nobody_waits_for_ends_too(server: Server) {
    for driver in limited(&server).await {
        for calls in [vec![call(&ENDLESS_WRITE)], vec![call(&SHORT_WRITE), call(&ENDLESS_WRITE)]] {
            let given_up = tokio::time::timeout(LIMIT / 3, driver.transact(calls)).await;
            assert!(given_up.is_err());
            let began = Instant::now();
            driver.transact(vec![call(&PING_WRITE)]).await.unwrap();
            assert!(began.elapsed() < LONG, "{:?}", began.elapsed());
            assert_eq!(driver.run(call(&STATES)).await.unwrap().len(), 0);
        }
        let given_up = tokio::time::timeout(LIMIT / 3, driver.run(call(&ENDLESS))).await;
        assert!(given_up.is_err());
        driver.run(call(&PING)).await.unwrap();
    }
}

/// Takes seconds in one step, so that it isn't interrupted before its end.
static STUBBORN: Statement = Statement {
    name: "stubborn",
    effect: Effect::Read,
    parameters: &[],
    columns: &[Type::Integer],
    postgres: "SELECT CAST(1 AS bigint)",
    sqlite: "SELECT instr(hex(zeroblob(500000)), hex(zeroblob(60000)) || '1')",
};

async fn no_reader_waits_for_a_statement_that_nobody_waits_for(server: Server) {
    let config = SqliteConfig {
        readers: 3,
        acquire_wait: Duration::from_secs(60),
        ..SqliteConfig::new(server.empty_file())
    };
    let driver = sqlite::open_with(&config).unwrap();
    let pool = || driver.pools().pool.unwrap();
    let first = driver.reserve(&STUBBORN).await.unwrap();
    tokio::time::timeout(Duration::from_millis(50), first.run(call(&STUBBORN))).await.unwrap_err();
    assert_eq!((pool().active(), pool().idle), (1, 0), "it still runs");

    let read = futures_util::future::join_all((0..100).map(|_| driver.run(call(&PING)))).await;
    assert!(read.iter().all(|read| read.as_ref().is_ok_and(|rows| rows.len() == 1)), "{read:?}");
    // One after the other, so that each slot has its turn.
    for _ in 0..10 {
        driver.run(call(&PING)).await.unwrap();
    }
    settles(|| pool().active() == 1 && pool().idle == 2 && pool().waiting == 0).await;

    // With the others in use, a caller takes the one that comes free first.
    let held = [driver.reserve(&PING).await.unwrap(), driver.reserve(&PING).await.unwrap()];
    let reader = tokio::spawn({
        let driver = Arc::clone(&driver);
        async move { driver.run(call(&PING)).await }
    });
    settles(|| pool().active() == 3 && pool().waiting == 1).await;
    let [second, third] = held;
    drop(second);
    reader.await.unwrap().unwrap();
    settles(|| pool().active() == 2).await;
    drop(third);
    settles(|| pool().active() == 1).await;

    // It ends, and its connection serves again.
    for _ in 0..1_200 {
        if pool().active() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(pool().active(), 0);
    let mut all = Vec::new();
    for _ in 0..3 {
        all.push(driver.reserve(&PING).await.unwrap());
    }
    for reserved in all {
        assert_eq!(reserved.run(call(&PING)).await.unwrap().len(), 1);
    }
}
