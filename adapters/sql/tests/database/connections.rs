//! Pools that are used up, servers that refuse, statements that take too long: how each shows, and how it ends.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use portico_domain::{models::LongRunning, ports::DatabaseState};
use portico_sql::{
    Repositories,
    driver::{Call, Driver, DriverError, Effect, Statement, Type},
    postgres::{self, PostgresConfig},
    sqlite::{self, SqliteConfig},
};
use portico_tests::delay::{self, Traffic};
use sqlx::{Connection as _, PgConnection};
use tokio::net::TcpListener;

use crate::{
    Case, cases,
    world::{PostgresDatabase, Server, SystemClock, World, at},
};

pub(crate) const CASES: &[Case<Server>] = cases![
    a_sleeping_statement_is_long_running_and_its_text_is_not_told,
    a_waiting_statement_of_ours_is_named_with_what_it_waits_for,
    a_transaction_left_open_is_long_running,
    the_oldest_are_told_first_and_no_more_than_asked,
    our_connections_have_the_name_that_was_set,
    a_pool_above_four_fifths_shows_it_and_who_waits,
    the_writer_of_a_file_shows_who_waits,
    a_caller_waits_for_a_connection_as_long_as_set,
    a_server_that_refuses_is_told_within_a_second_and_found_when_it_is_back,
    a_short_refusal_is_not_noticed,
    a_statement_ends_at_its_time_limit_on_both_databases,
    a_transaction_that_took_too_long_leaves_the_writer_usable,
    a_statement_that_nobody_waits_for_ends_too,
];

static PING: Statement = Statement {
    name: "ping_of_tests",
    effect: Effect::Read,
    parameters: &[],
    columns: &[Type::Integer],
    postgres: "SELECT CAST(1 AS bigint)",
    sqlite: "SELECT 1",
};

const fn call(statement: &'static Statement) -> Call {
    Call { statement, parameters: Vec::new() }
}

fn state(driver: Arc<dyn Driver>) -> Arc<dyn DatabaseState> {
    Repositories::new(driver, Arc::new(SystemClock)).database_state
}

/// What has run for a fifth of a second, once there is so much of it.
async fn long_running(state: &Arc<dyn DatabaseState>, so_much: usize) -> Vec<LongRunning> {
    for _ in 0..100 {
        let found = state.activity(Duration::from_millis(200), 10).await.unwrap().long_running;
        if found.len() >= so_much {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nothing is long-running");
}

/// Runs something on a connection of its own, called so, until the returned task is aborted.
async fn runs(
    database: &PostgresDatabase,
    name: &str,
    text: &'static str,
    stays: bool,
) -> tokio::task::JoinHandle<()> {
    let url = format!("{}?application_name={name}", database.url.split('?').next().unwrap());
    let mut connection = PgConnection::connect(&url).await.unwrap();
    tokio::spawn(async move {
        sqlx::raw_sql(text).execute(&mut connection).await.unwrap();
        if stays {
            std::future::pending::<()>().await;
        }
    })
}

async fn a_sleeping_statement_is_long_running_and_its_text_is_not_told(server: Server) {
    let database = server.database().await;
    let state = state(database.pooled());
    let sleeping = runs(&database, "sleeper", "SELECT pg_sleep(10), 'obviously-fake-secret'", false).await;
    let found = long_running(&state, 1).await;
    assert_eq!((found[0].state.as_str(), found[0].application_name.as_str()), ("active", "sleeper"));
    assert_eq!(found[0].waits_for, Some(("Timeout".to_owned(), "PgSleep".to_owned())));
    assert!(found[0].age >= Duration::from_millis(200) && found[0].age < Duration::from_secs(10));
    assert_eq!(found[0].statement, None);
    assert!(!format!("{found:?}").contains("obviously-fake"));
    let activity = state.activity(Duration::from_secs(60), 10).await.unwrap();
    let connections = activity.connections.unwrap();
    assert_eq!((connections.active, connections.waiting, connections.waiting_for_lock), (1, 1, 0));
    assert_eq!(activity.long_running, [], "not for a minute yet");
    // An operator can end it by what is told of it.
    let mut other = PgConnection::connect(&database.url).await.unwrap();
    let pid = i32::try_from(found[0].pid).unwrap();
    sqlx::query("SELECT pg_terminate_backend($1)").bind(pid).execute(&mut other).await.unwrap();
    assert!(sleeping.await.is_err());
}

async fn a_waiting_statement_of_ours_is_named_with_what_it_waits_for(server: Server) {
    let database = server.database().await;
    let world = World::over(server, database.pooled());
    let user = world.person().await;
    let mut other = PgConnection::connect(&database.url).await.unwrap();
    sqlx::query("BEGIN").execute(&mut other).await.unwrap();
    let lock = "SELECT id FROM users WHERE id = $1 FOR UPDATE";
    sqlx::query(lock).bind(user.id.uuid()).execute(&mut other).await.unwrap();
    let sessions = Arc::clone(&world.repositories.sessions);
    let ending = tokio::spawn(async move { sessions.end_all(user.id, at(20)).await });
    let found = long_running(&world.repositories.database_state, 2).await;
    let ours = found.iter().find(|running| running.state == "active").unwrap();
    assert_eq!(ours.statement.as_deref(), Some("sessions_end_unwritten"));
    assert_eq!(ours.waits_for.as_ref().map(|(kind, _)| kind.as_str()), Some("Lock"));
    assert_eq!(ours.application_name, "portico");
    let activity = world.repositories.database_state.activity(Duration::from_secs(60), 10).await.unwrap();
    assert_eq!(activity.connections.unwrap().waiting_for_lock, 1);
    sqlx::query("COMMIT").execute(&mut other).await.unwrap();
    ending.await.unwrap().unwrap();
}

async fn a_transaction_left_open_is_long_running(server: Server) {
    let database = server.database().await;
    let state = state(database.pooled());
    let open = runs(&database, "forgetful", "BEGIN; SELECT 1", true).await;
    let found = long_running(&state, 1).await;
    assert_eq!(found[0].state, "idle in transaction");
    assert_eq!(found[0].application_name, "forgetful");
    let connections = state.activity(Duration::from_secs(60), 10).await.unwrap().connections.unwrap();
    assert_eq!((connections.idle_in_transaction, connections.active), (1, 0));
    open.abort();
}

async fn the_oldest_are_told_first_and_no_more_than_asked(server: Server) {
    let database = server.database().await;
    let state = state(database.pooled());
    let mut open = Vec::new();
    for name in ["first", "second", "third"] {
        open.push(runs(&database, name, "SELECT pg_sleep(10)", false).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    long_running(&state, 3).await;
    let found = state.activity(Duration::ZERO, 2).await.unwrap().long_running;
    let names: Vec<&str> = found.iter().map(|running| running.application_name.as_str()).collect();
    assert_eq!(names, ["first", "second"]);
    open.iter().for_each(tokio::task::JoinHandle::abort);
}

static NAME: Statement = Statement {
    name: "name",
    effect: Effect::Read,
    parameters: &[],
    columns: &[Type::Text, Type::Text],
    postgres: "SELECT current_setting('application_name'), current_setting('statement_timeout')",
    sqlite: "SELECT '', ''",
};

async fn our_connections_have_the_name_that_was_set(server: Server) {
    let database = server.database().await;
    let config = PostgresConfig {
        application_name: "portico eu-1".to_owned(),
        statement_timeout: Duration::from_secs(17),
        ..database.config()
    };
    let mut row = postgres::connect(&config).unwrap().run(call(&NAME)).await.unwrap().remove(0);
    assert_eq!(row.take::<String>().unwrap(), "portico eu-1");
    assert_eq!(row.take::<String>().unwrap(), "17s");
}

async fn a_pool_above_four_fifths_shows_it_and_who_waits(server: Server) {
    let database = server.database().await;
    let config = PostgresConfig { max_connections: 5, ..database.config() };
    let driver = postgres::connect(&config).unwrap();
    let pool = || driver.pools().pool.unwrap();
    assert_eq!((pool().size, pool().max, pool().is_strained()), (0, 5, false));
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(driver.reserve(&PING).await.unwrap());
    }
    assert_eq!((pool().active(), pool().is_strained()), (4, false));
    held.push(driver.reserve(&PING).await.unwrap());
    assert_eq!((pool().active(), pool().idle, pool().is_strained()), (5, 0, true));
    let waiter = tokio::spawn({
        let driver = Arc::clone(&driver);
        async move { driver.run(call(&PING)).await }
    });
    settles(|| pool().waiting == 1).await;
    drop(held);
    waiter.await.unwrap().unwrap();
    settles(|| pool().idle == 5 && pool().waiting == 0 && !pool().is_strained()).await;
}

async fn the_writer_of_a_file_shows_who_waits(server: Server) {
    let driver = server.sqlite().await;
    let pools = || driver.pools();
    let readers = pools().pool.unwrap().max;
    let mut held = Vec::new();
    for _ in 0..readers {
        held.push(driver.reserve(&PING).await.unwrap());
    }
    assert!(pools().pool.unwrap().is_strained());
    assert_eq!(pools().writer.unwrap().active(), 0, "writing is not held up by readers");
    let reader = tokio::spawn({
        let driver = Arc::clone(&driver);
        async move { driver.run(call(&PING)).await }
    });
    settles(|| pools().pool.unwrap().waiting == 1).await;
    drop(held);
    reader.await.unwrap().unwrap();
    settles(|| pools().pool.unwrap().active() == 0).await;
}

async fn settles(is_so: impl Fn() -> bool) {
    for _ in 0..200 {
        if is_so() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the pool did not come to be so");
}

async fn a_caller_waits_for_a_connection_as_long_as_set(server: Server) {
    let database = server.database().await;
    let wait = Duration::from_millis(700);
    let config = PostgresConfig { max_connections: 1, acquire_wait: wait, ..database.config() };
    let path = server.empty_file();
    let file = SqliteConfig { readers: 1, acquire_wait: wait, ..SqliteConfig::new(path) };
    let drivers: [Arc<dyn Driver>; 2] =
        [postgres::connect(&config).unwrap(), sqlite::open_with(&file).unwrap()];
    for driver in drivers {
        let held = driver.reserve(&PING).await.unwrap();
        let began = Instant::now();
        let refused = driver.run(call(&PING)).await.unwrap_err().to_string();
        let took = began.elapsed();
        assert!(refused.contains("no connection came free in time"), "{refused}");
        assert!(took >= wait && took < wait * 2, "{took:?}");
        drop(held);
        driver.run(call(&PING)).await.unwrap();
    }
}

/// A port where nothing listens, and a driver for the database as if it were there.
async fn behind_a_closed_door(database: &PostgresDatabase) -> (Arc<dyn Driver>, std::net::SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut url = url::Url::parse(&database.url).unwrap();
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(address.port())).unwrap();
    drop(listener);
    let config = PostgresConfig { url: url.to_string(), ..database.config() };
    (postgres::connect(&config).unwrap(), address)
}

async fn open_the_door(database: &PostgresDatabase, address: std::net::SocketAddr) {
    let url = url::Url::parse(&database.url).unwrap();
    let upstream = tokio::net::lookup_host((url.host_str().unwrap(), url.port().unwrap_or(5432))).await;
    let upstream = upstream.unwrap().next().unwrap();
    let listener = TcpListener::bind(address).await.unwrap();
    tokio::spawn(delay::serve(listener, upstream, Duration::ZERO, Arc::new(Traffic::default())));
}

async fn a_server_that_refuses_is_told_within_a_second_and_found_when_it_is_back(server: Server) {
    let database = server.database().await;
    let (driver, address) = behind_a_closed_door(&database).await;
    // Many more than there are connections: none of them waits for the others.
    let began = Instant::now();
    let refused = futures_util::future::join_all((0..100).map(|_| driver.run(call(&PING)))).await;
    let took = began.elapsed();
    for refused in refused {
        let told = refused.unwrap_err().to_string();
        assert!(told.contains("the connection was refused"), "{told}");
    }
    assert!(took < Duration::from_secs(1), "{took:?}");
    let began = Instant::now();
    driver.run(call(&PING)).await.unwrap_err();
    let again = began.elapsed();
    assert!(again < Duration::from_millis(400), "what is known is told sooner: {again:?}");
    open_the_door(&database, address).await;
    driver.run(call(&PING)).await.unwrap();
}

async fn a_short_refusal_is_not_noticed(server: Server) {
    let database = server.database().await;
    let (driver, address) = behind_a_closed_door(&database).await;
    let asking = tokio::spawn(async move { driver.run(call(&PING)).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    open_the_door(&database, address).await;
    assert!(asking.await.unwrap().is_ok());
}

static ENDLESS: Statement = Statement {
    name: "endless",
    effect: Effect::Read,
    parameters: &[],
    columns: &[Type::Integer],
    postgres: "SELECT CAST(1 AS bigint) FROM pg_sleep(20)",
    sqlite: "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n",
};

static ENDLESS_WRITE: Statement = Statement {
    name: "endless_write",
    effect: Effect::Write,
    parameters: &[],
    columns: &[],
    postgres: "INSERT INTO used_states (digest, expires_at) SELECT ''::bytea, now() FROM pg_sleep(20)",
    sqlite: "INSERT INTO used_states (digest, expires_at)
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) SELECT CAST(max(i) AS BLOB), 0 FROM n",
};

static SHORT_WRITE: Statement = Statement {
    name: "short_write",
    effect: Effect::Write,
    parameters: &[],
    columns: &[],
    postgres: "INSERT INTO used_states (digest, expires_at) VALUES ('\\x01', now())",
    sqlite: "INSERT INTO used_states (digest, expires_at) VALUES (x'01', 0)",
};

static STATES: Statement = Statement {
    name: "states",
    effect: Effect::Read,
    parameters: &[],
    columns: &[Type::Integer],
    postgres: "SELECT CAST(1 AS bigint) FROM used_states",
    sqlite: "SELECT 1 FROM used_states",
};

const LIMIT: Duration = Duration::from_millis(300);

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
            assert!(began.elapsed() >= LIMIT && began.elapsed() < LIMIT * 5, "{:?}", began.elapsed());
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
            assert!(began.elapsed() < LIMIT * 5, "{:?}", began.elapsed());
            assert_eq!(driver.run(call(&STATES)).await.unwrap().len(), 0);
        }
        let given_up = tokio::time::timeout(LIMIT / 3, driver.run(call(&ENDLESS))).await;
        assert!(given_up.is_err());
        driver.run(call(&PING)).await.unwrap();
    }
}

static PING_WRITE: Statement = Statement {
    name: "ping_write",
    effect: Effect::Write,
    parameters: &[],
    columns: &[Type::Integer],
    postgres: "SELECT CAST(1 AS bigint)",
    sqlite: "SELECT 1",
};
