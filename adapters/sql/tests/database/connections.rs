//! Statements that run for long, pools that are used up, servers that refuse: how each shows, and how it ends.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use portico_domain::{models::LongRunning, ports::DatabaseState};
use portico_sql::{
    Repositories,
    driver::{Call, Driver, Effect, Statement, Type},
    postgres::{self, PostgresConfig},
    sqlite::{self, SqliteConfig},
};
use portico_tests::delay::{self, Traffic};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, sqlite::SqliteConnectOptions};
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
    the_readers_of_a_file_show_who_waits,
    the_writer_of_a_file_shows_who_waits,
    a_caller_waits_for_a_connection_as_long_as_set,
    a_server_that_refuses_is_told_long_before_the_wait_ends_and_found_when_it_is_back,
    a_short_refusal_is_not_noticed,
];

pub(crate) static PING: Statement = Statement {
    name: "ping_of_tests",
    effect: Effect::Read,
    parameters: &[],
    columns: &[Type::Integer],
    postgres: "SELECT CAST(1 AS bigint)",
    sqlite: "SELECT 1",
};

pub(crate) static PING_WRITE: Statement = Statement {
    name: "ping_write",
    effect: Effect::Write,
    parameters: &[],
    columns: &[Type::Integer],
    postgres: "SELECT CAST(1 AS bigint)",
    sqlite: "SELECT 1",
};

pub(crate) const fn call(statement: &'static Statement) -> Call {
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

/// A migrated file that five can read at a time.
async fn read_by_five(server: &Server) -> (Arc<sqlite::SqliteDriver>, PathBuf) {
    let path = server.empty_file();
    let driver = sqlite::open_with(&SqliteConfig { readers: 5, ..SqliteConfig::new(&path) }).unwrap();
    driver.migrate(crate::world::now()).await.unwrap();
    (driver, path)
}

async fn the_readers_of_a_file_show_who_waits(server: Server) {
    let (driver, _) = read_by_five(&server).await;
    let pool = || driver.pools().pool.unwrap();
    let mut held = Vec::new();
    for _ in 0..5 {
        held.push(driver.reserve(&PING).await.unwrap());
    }
    assert_eq!((pool().max, pool().active(), pool().is_strained()), (5, 5, true));
    driver.transact(vec![call(&PING_WRITE)]).await.expect("writing is not held up by readers");
    let reader = tokio::spawn({
        let driver = Arc::clone(&driver);
        async move { driver.run(call(&PING)).await }
    });
    settles(|| pool().waiting == 1).await;
    drop(held);
    reader.await.unwrap().unwrap();
    settles(|| pool().idle == 5 && pool().waiting == 0 && !pool().is_strained()).await;
}

async fn the_writer_of_a_file_shows_who_waits(server: Server) {
    let (driver, path) = read_by_five(&server).await;
    let writer = || driver.pools().writer.unwrap();
    settles(|| writer().active() == 0).await;
    // Another process writes, so that ours holds its connection and waits.
    let mut other = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let writes = || {
        let driver = Arc::clone(&driver);
        tokio::spawn(async move { driver.transact(vec![call(&PING_WRITE)]).await })
    };
    let first = writes();
    settles(|| writer().active() == 1 && writer().waiting == 0).await;
    assert!(!writer().is_strained(), "nobody waits for it");
    let second = writes();
    settles(|| writer().waiting == 1).await;
    assert_eq!((writer().max, writer().active(), writer().is_strained()), (1, 1, true));
    driver.run(call(&PING)).await.expect("reading is not held up by writers");
    assert!(!driver.pools().pool.unwrap().is_strained());
    sqlx::query("COMMIT").execute(&mut other).await.unwrap();
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    settles(|| writer().active() == 0 && writer().waiting == 0).await;
}

pub(crate) async fn settles(is_so: impl Fn() -> bool) {
    for _ in 0..1_000 {
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
        assert!(took >= wait && took < SqliteConfig::new("").acquire_wait, "{took:?}");
        drop(held);
        driver.run(call(&PING)).await.unwrap();
    }
}

/// A port where nothing listens yet, and the server that will be found there.
struct Door {
    address: SocketAddr,
    upstream: SocketAddr,
}

impl Door {
    async fn open(&self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        tokio::spawn(delay::serve(listener, self.upstream, Duration::ZERO, Arc::new(Traffic::default())));
    }
}

/// A driver for the database as if it were behind a closed door. It waits for long, so that what ends sooner did not wait.
async fn behind_a_closed_door(database: &PostgresDatabase) -> (Arc<dyn Driver>, Door) {
    let mut url = url::Url::parse(&database.url).unwrap();
    let upstream = tokio::net::lookup_host((url.host_str().unwrap(), url.port().unwrap_or(5432))).await;
    let upstream = upstream.unwrap().next().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(address.port())).unwrap();
    drop(listener);
    let config = PostgresConfig { url: url.to_string(), acquire_wait: LONG_WAIT, ..database.config() };
    (postgres::connect(&config).unwrap(), Door { address, upstream })
}

const LONG_WAIT: Duration = Duration::from_secs(30);
/// How long a caller waits before it looks whether the server refuses.
const FIRST_LOOK: Duration = Duration::from_millis(500);

async fn a_server_that_refuses_is_told_long_before_the_wait_ends_and_found_when_it_is_back(server: Server) {
    let database = server.database().await;
    let (driver, door) = behind_a_closed_door(&database).await;
    // Many more than there are connections: none of them waits for the others.
    let began = Instant::now();
    let refused = futures_util::future::join_all((0..100).map(|_| driver.run(call(&PING)))).await;
    let took = began.elapsed();
    for refused in refused {
        let told = refused.unwrap_err().to_string();
        assert!(told.contains("the connection was refused"), "{told}");
    }
    assert!(took >= FIRST_LOOK && took < LONG_WAIT / 3, "{took:?}");
    // On a busy machine one call may come so late that it has to look anew; not all of them.
    let mut again = Vec::new();
    while again.len() < 10 && again.iter().all(|took| *took >= FIRST_LOOK) {
        let began = Instant::now();
        driver.run(call(&PING)).await.unwrap_err();
        again.push(began.elapsed());
    }
    assert!(again.iter().any(|took| *took < FIRST_LOOK), "what is known is told sooner: {again:?}");
    door.open().await;
    driver.run(call(&PING)).await.unwrap();
}

async fn a_short_refusal_is_not_noticed(server: Server) {
    let database = server.database().await;
    for _ in 0..20 {
        let (driver, door) = behind_a_closed_door(&database).await;
        let began = Instant::now();
        let asking = tokio::spawn(async move { driver.run(call(&PING)).await });
        tokio::time::sleep(Duration::from_millis(50)).await;
        door.open().await;
        let was_short = began.elapsed() < FIRST_LOOK;
        let asked = asking.await.unwrap();
        if was_short {
            assert_eq!(asked.unwrap().len(), 1);
            return;
        }
    }
    panic!("no refusal was short: the machine is too busy");
}
