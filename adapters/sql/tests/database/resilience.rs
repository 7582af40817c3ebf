use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use portico_domain::{meter, models::Email, ports::AccountCreation};
use portico_sql::{
    Repositories,
    driver::{Call, Driver, Effect, Statement, Type},
    hyperdrive::{self, HyperdriveDriver, with_request_connection, with_task_connection},
    postgres::{self, PostgresConfig},
    sqlite,
};
use portico_tests::delay::{self, Traffic};
use sqlx::Connection as _;

use crate::{
    Case, cases,
    world::{PostgresDatabase, Server, SystemClock, Tcp, account, now},
};

pub(crate) const CASES: &[Case<Server>] = cases![
    reads_survive_the_loss_of_every_connection,
    a_write_on_a_lost_connection_is_not_repeated,
    what_cannot_be_reached_is_told_without_secrets,
    statements_are_counted_and_what_surrounds_them_is_not,
    a_request_has_one_connection_and_leaves_none,
    a_request_that_is_refused_early_leaves_no_connection,
    a_connection_lost_within_a_request_is_replaced_for_reads,
    a_failed_transaction_leaves_the_connection_usable,
    a_reserved_connection_serves_its_statement_in_one_round_trip,
    a_transaction_within_a_request_is_one_round_trip,
    the_sqlite_file_is_its_owners_alone,
    commits_of_sqlite_reach_the_disk,
];

pub(crate) static BACKEND: Statement = Statement {
    name: "backend",
    effect: Effect::Read,
    parameters: &[],
    columns: &[Type::Integer],
    postgres: "SELECT CAST(pg_backend_pid() AS bigint)",
    sqlite: "SELECT 1",
};

pub(crate) async fn backend(driver: &dyn Driver) -> i64 {
    driver.run(Call { statement: &BACKEND, parameters: Vec::new() }).await.unwrap().remove(0).take().unwrap()
}

/// Ends every connection to a database but the asking one, and says how many there were.
async fn end_all(database: &PostgresDatabase) -> u64 {
    let mut connection = sqlx::PgConnection::connect(&database.url).await.unwrap();
    let ended = sqlx::query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    // The server sends its farewell on its own time.
    tokio::time::sleep(Duration::from_millis(100)).await;
    ended.rows_affected()
}

/// Waits until nobody is connected to the database any more.
pub(crate) async fn is_deserted(database: &PostgresDatabase) -> bool {
    let mut connection = sqlx::PgConnection::connect(&database.url).await.unwrap();
    for _ in 0..100 {
        let others = sqlx::query(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .fetch_all(&mut connection)
        .await
        .unwrap();
        if others.is_empty() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    false
}

async fn reads_survive_the_loss_of_every_connection(server: Server) {
    let database = server.database().await;
    let driver = database.pooled();
    join_all((0..8).map(|_| backend(&*driver))).await;
    assert!(end_all(&database).await > 1, "several connections must be lost");
    for _ in 0..3 {
        join_all((0..8).map(|_| backend(&*driver))).await;
    }
    // Also over a connection that was held while it was lost.
    let reserved = driver.reserve(&BACKEND).await.unwrap();
    end_all(&database).await;
    assert_eq!(reserved.run(Call { statement: &BACKEND, parameters: Vec::new() }).await.unwrap().len(), 1);
}

async fn a_write_on_a_lost_connection_is_not_repeated(server: Server) {
    let database = server.database().await;
    let config = PostgresConfig { max_connections: 1, ..database.config() };
    let driver = postgres::connect(&config).unwrap();
    let repositories = Repositories::new(driver.clone(), Arc::new(SystemClock));
    let made = account();
    assert_eq!(repositories.accounts.create(made.clone()).await, Ok(AccountCreation::Created));
    end_all(&database).await;
    let at = now();
    let error = repositories.sessions.end_all(made.id, at).await.unwrap_err();
    assert_eq!(error.service, "storage");
    // The next caller has a connection that holds.
    repositories.sessions.end_all(made.id, at).await.unwrap();
}

async fn what_cannot_be_reached_is_told_without_secrets(server: Server) {
    let database = server.database().await;
    let mut url = url::Url::parse(&database.url).unwrap();
    url.set_password(Some("obviously-fake-secret")).unwrap();
    let wrong =
        PostgresConfig { acquire_wait: Duration::from_millis(500), ..PostgresConfig::new(url.to_string()) };
    let pooled: Arc<dyn Driver> = postgres::connect(&wrong).unwrap();
    let wired: Arc<dyn Driver> = hyperdrive::connect(Arc::new(Tcp(url.to_string())));
    url.set_port(Some(1)).unwrap();
    let closed = PostgresConfig { url: url.to_string(), ..wrong.clone() };
    let unreachable: Arc<dyn Driver> = postgres::connect(&closed).unwrap();
    for driver in [pooled, wired, unreachable] {
        let error = Repositories::new(driver, Arc::new(SystemClock)).storage.ping().await.unwrap_err();
        assert_eq!(error.service, "storage");
        assert!(!error.to_string().contains("obviously-fake-secret"), "{error}");
    }
    for url in ["nonsense obviously-fake", "postgres://a:obviously-fake@host:port/x"] {
        let error = postgres::connect(&PostgresConfig::new(url)).err().unwrap().to_string();
        assert!(!error.contains("obviously-fake"), "{error}");
    }
}

async fn statements_are_counted_and_what_surrounds_them_is_not(server: Server) {
    let database = server.database().await;
    let wired: Arc<dyn Driver> = hyperdrive::connect(Arc::new(Tcp(database.url.clone())));
    let drivers: [Arc<dyn Driver>; 3] = [server.sqlite().await, database.pooled(), wired];
    for driver in drivers {
        let repositories = Repositories::new(driver, Arc::new(SystemClock));
        let count = Arc::new(meter::Meter::default());
        let made = account();
        let email: Email = made.email.clone();
        meter::metered(Arc::clone(&count), async {
            let id = made.id;
            repositories.accounts.create(made).await.unwrap();
            assert_eq!(meter::current().unwrap().statements(), 2);
            let mut lookup = repositories.credentials.connect().await.unwrap();
            assert_eq!(meter::current().unwrap().statements(), 2);
            lookup.by_email(&email).await.unwrap().unwrap();
            repositories.sessions.end_all(id, now()).await.unwrap();
        })
        .await;
        assert_eq!(count.statements(), 5);
        assert!(count.storage_time() > Duration::ZERO);
        // Nothing is counted outside a request.
        repositories.storage.ping().await.unwrap();
        assert_eq!(count.statements(), 5);
    }
}

pub(crate) fn wired(database: &PostgresDatabase) -> Arc<HyperdriveDriver> {
    hyperdrive::connect(Arc::new(Tcp(database.url.clone())))
}

async fn a_request_has_one_connection_and_leaves_none(server: Server) {
    let database = server.database().await;
    let driver = wired(&database);
    let request = || async {
        let mut seen = BTreeSet::new();
        // Several at once, from the very first on, then one after the other.
        seen.extend(join_all((0..5).map(|_| backend(&*driver))).await);
        seen.insert(backend(&*driver).await);
        drop(driver.reserve(&BACKEND).await.unwrap());
        seen.insert(backend(&*driver).await);
        seen
    };
    let requests = join_all((0..4).map(|_| with_request_connection(request()))).await;
    let mut all = BTreeSet::new();
    for (seen, closing) in requests {
        assert_eq!(seen.len(), 1, "one request, one connection");
        assert!(!closing.is_idle());
        closing.await;
        all.extend(seen);
    }
    assert_eq!(all.len(), 4, "no two requests share one");
    // Outside a request, each call closes its own.
    backend(&*driver).await;
    assert!(is_deserted(&database).await);

    let ((), closing) = with_request_connection(async {}).await;
    assert!(closing.is_idle());
    closing.await;
}

async fn a_request_that_is_refused_early_leaves_no_connection(server: Server) {
    let database = server.database().await;
    let driver = wired(&database);
    for turns in 0..6 {
        let ((), closing) = with_request_connection(async {
            let mut connecting = std::pin::pin!(driver.reserve(&BACKEND));
            for _ in 0..turns {
                let _ = futures_util::poll!(&mut connecting);
                tokio::task::yield_now().await;
            }
        })
        .await;
        closing.await;
    }
    assert!(is_deserted(&database).await);
}

async fn a_connection_lost_within_a_request_is_replaced_for_reads(server: Server) {
    let database = server.database().await;
    let driver = wired(&database);
    with_task_connection(Box::pin(async {
        let first = backend(&*driver).await;
        end_all(&database).await;
        let second = backend(&*driver).await;
        assert_ne!(first, second);
    }))
    .await;
    assert!(is_deserted(&database).await);
}

async fn a_failed_transaction_leaves_the_connection_usable(server: Server) {
    let database = server.database().await;
    let config = PostgresConfig { max_connections: 1, ..database.config() };
    let drivers: [Arc<dyn Driver>; 3] =
        [wired(&database), postgres::connect(&config).unwrap(), server.sqlite().await];
    for driver in drivers {
        let repositories = Repositories::new(driver, Arc::new(SystemClock));
        with_task_connection(async {
            let first = account();
            let mut second = account();
            second.email = first.email.clone();
            assert_eq!(repositories.accounts.create(first.clone()).await, Ok(AccountCreation::Created));
            for _ in 0..3 {
                assert_eq!(
                    repositories.accounts.create(second.clone()).await,
                    Ok(AccountCreation::EmailTaken)
                );
            }
            assert_eq!(repositories.accounts.by_id(second.id).await, Ok(None));
            assert!(repositories.accounts.by_id(first.id).await.unwrap().is_some());
        })
        .await;
    }
}

/// Puts a database this far away, both ways together, and counts the round trips.
async fn away(database: &PostgresDatabase, distance: Duration) -> (PostgresDatabase, Arc<Traffic>) {
    let mut url = url::Url::parse(&database.url).unwrap();
    let upstream = tokio::net::lookup_host((url.host_str().unwrap(), url.port().unwrap_or(5432))).await;
    let upstream = upstream.unwrap().next().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
    let traffic = Arc::new(Traffic::default());
    tokio::spawn(delay::serve(listener, upstream, distance / 2, Arc::clone(&traffic)));
    (PostgresDatabase { url: url.to_string() }, traffic)
}

async fn a_reserved_connection_serves_its_statement_in_one_round_trip(server: Server) {
    // By the clock, because the pool pings what is given back, behind the caller's back.
    let distance = Duration::from_millis(200);
    let (database, traffic) = away(&server.database().await, distance).await;
    let config = PostgresConfig { max_connections: 1, ..database.config() };
    let pooled: Arc<dyn Driver> = postgres::connect(&config).unwrap();
    // A pool may besides look, in silence and once a second at most, whether anything listens so far away.
    let drivers: [(Arc<dyn Driver>, u64); 2] = [(pooled, 1), (wired(&database), 0)];
    for (driver, looks) in drivers {
        let credentials = Repositories::new(driver, Arc::new(SystemClock)).credentials;
        with_task_connection(async {
            // A new connection the first time, the same one afterwards.
            let (talks, connections) = (traffic.talks(), traffic.connections());
            for _ in 0..2 {
                let mut lookup = credentials.connect().await.unwrap();
                let began = Instant::now();
                assert_eq!(lookup.by_email(&account().email).await, Ok(None));
                let took = began.elapsed();
                assert!(took >= distance && took < distance * 2, "{took:?}");
            }
            assert_eq!(traffic.talks() - talks, 1);
            assert!(traffic.connections() - connections <= 1 + looks);
        })
        .await;
    }
}

async fn a_transaction_within_a_request_is_one_round_trip(server: Server) {
    let (database, traffic) = away(&server.database().await, Duration::ZERO).await;
    let repositories = Repositories::new(wired(&database), Arc::new(SystemClock));
    with_task_connection(async {
        repositories.storage.ping().await.unwrap();
        let before = traffic.round_trips();
        assert_eq!(repositories.accounts.create(account()).await, Ok(AccountCreation::Created));
        assert_eq!(traffic.round_trips() - before, 1);
    })
    .await;
}

async fn the_sqlite_file_is_its_owners_alone(server: Server) {
    use std::os::unix::fs::PermissionsExt as _;
    let path = server.empty_file();
    let driver = sqlite::open(&path).unwrap();
    driver.migrate(now()).await.unwrap();
    for ending in ["", "-wal", "-shm"] {
        let file = format!("{}{ending}", path.display());
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

static SYNCHRONOUS: Statement = Statement {
    name: "synchronous",
    effect: Effect::Write,
    parameters: &[],
    columns: &[Type::Integer],
    postgres: "SELECT 1",
    sqlite: "PRAGMA synchronous",
};

async fn commits_of_sqlite_reach_the_disk(server: Server) {
    let driver = server.sqlite().await;
    let mut rows = driver.run(Call { statement: &SYNCHRONOUS, parameters: Vec::new() }).await.unwrap();
    // 2 is FULL.
    assert_eq!(rows[0].take::<i64>(), Ok(2));
}
