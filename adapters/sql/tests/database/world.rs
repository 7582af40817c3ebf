//! The databases that tests run on, and the drivers over them.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use portico_domain::{
    models::{
        Device, Digest, Email, Fact, NewAccount, Order, OrganizationId, PageRequest, PasswordHash,
        RefreshToken, Role, SessionId, SessionOrigin, Timestamp, User, UserId,
    },
    ports::{AccountCreation, Clock, Fetch, FetchRequest, FetchResponse, Rotate, Rotation, Unavailable},
};
use portico_sql::{
    Repositories,
    driver::{Call, Driver, Row, Value},
    hyperdrive::{self, Dial, Dialled},
    neon_http::{self, NeonConfig},
    postgres::{self, PostgresConfig, PostgresDriver},
    sqlite::{self, SqliteDriver},
};
use portico_tests::{
    harness::{paths, postgres::Postgres},
    neon::server::{self as stand_in, DEFAULT_LIMIT, Limits},
    random,
};
use tokio::net::{TcpListener, TcpStream};

/// Bounds every pool of these tests, so that all of them together fit into one server.
const CONNECTIONS: u32 = 16;

/// The server that tests make databases on.
#[derive(Clone)]
pub(crate) struct Server {
    postgres: Arc<Postgres>,
    scratch: PathBuf,
}

/// Everything that is started before the first test.
pub(crate) struct Databases {
    /// For tests that need databases of their own.
    pub(crate) server: Server,
    /// A migrated database with each driver.
    pub(crate) worlds: Vec<World>,
}

/// The four drivers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum DriverKind {
    Sqlite,
    Postgres,
    Hyperdrive,
    NeonHttp,
}

/// One driver over a migrated database that many tests share; each makes its own accounts.
#[derive(Clone)]
pub(crate) struct World {
    /// Which driver.
    pub(crate) kind: DriverKind,
    server: Server,
    /// The driver.
    pub(crate) driver: Arc<dyn Driver>,
    /// The repositories over it.
    pub(crate) repositories: Repositories,
}

impl Databases {
    pub(crate) async fn start() -> anyhow::Result<Self> {
        // In memory where there is such a place: files that live for one run need to survive no power cut, and flushing each of a
        // hundred thousand commits would measure the disk.
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() { memory.to_owned() } else { paths::target() };
        let scratch = base.join(format!("portico-test-sqlite-{}", random::hex(6)));
        std::fs::create_dir_all(&scratch)?;
        let server = Server { postgres: Arc::new(Postgres::start().await?), scratch };
        let mut worlds = Vec::new();
        for kind in [DriverKind::Sqlite, DriverKind::Postgres, DriverKind::Hyperdrive, DriverKind::NeonHttp] {
            worlds.push(World::new(kind, server.clone()).await);
        }
        Ok(Self { server, worlds })
    }

    /// Ends the cluster, if it was made for this run, and removes what tests left.
    pub(crate) fn stop(self) {
        let Server { postgres, scratch } = self.server;
        drop(self.worlds);
        let _ = std::fs::remove_dir_all(scratch);
        if let Ok(postgres) = Arc::try_unwrap(postgres) {
            postgres.stop();
        }
    }
}

/// A Postgres database made for tests.
#[derive(Clone)]
pub(crate) struct PostgresDatabase {
    pub(crate) url: String,
}

impl Server {
    /// Makes a database without a schema.
    pub(crate) async fn empty_database(&self) -> PostgresDatabase {
        let database = self.postgres.create_database("sql").await.unwrap();
        PostgresDatabase { url: database.url.to_string() }
    }

    /// Makes a migrated database.
    pub(crate) async fn database(&self) -> PostgresDatabase {
        let database = self.empty_database().await;
        let driver = database.pooled();
        driver.migrate(now()).await.unwrap();
        driver.close().await;
        database
    }

    /// Names a file for a database.
    pub(crate) fn empty_file(&self) -> PathBuf {
        self.scratch.join(format!("{}.sqlite", random::hex(6)))
    }

    /// Makes a migrated file.
    pub(crate) async fn sqlite(&self) -> Arc<SqliteDriver> {
        let driver = sqlite::open(self.empty_file()).unwrap();
        driver.migrate(now()).await.unwrap();
        driver
    }
}

impl PostgresDatabase {
    pub(crate) fn config(&self) -> PostgresConfig {
        PostgresConfig { max_connections: CONNECTIONS, ..PostgresConfig::new(&self.url) }
    }

    pub(crate) fn pooled(&self) -> Arc<PostgresDriver> {
        postgres::connect(&self.config()).unwrap()
    }
}

/// Dials a Postgres over TCP: what Hyperdrive's socket is to a Worker.
pub(crate) struct Tcp(pub(crate) String);

#[async_trait]
impl Dial for Tcp {
    async fn dial(&self) -> Result<Dialled, Unavailable> {
        let url = url::Url::parse(&self.0).unwrap();
        let address = (url.host_str().unwrap().to_owned(), url.port().unwrap_or(5432));
        let stream = TcpStream::connect(address).await.map_err(|error| Unavailable::new("storage", error))?;
        stream.set_nodelay(true).unwrap();
        Ok(Dialled { stream: Box::new(stream), config: self.0.parse().unwrap() })
    }
}

async fn neon_http(server: &Server, database: &PostgresDatabase) -> Arc<dyn Driver> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}/sql", listener.local_addr().unwrap());
    let postgres = server.postgres.url().to_string();
    let limits = Limits { request: DEFAULT_LIMIT, response: DEFAULT_LIMIT };
    tokio::spawn(async move { stand_in::serve(listener, &postgres, limits).await });
    // The endpoint wants a name, as Neon's does; who it reaches is the stand-in's matter.
    let mut url = url::Url::parse(&database.url).unwrap();
    url.set_host(Some("ep-test-1.eu-central-1.example")).unwrap();
    let config = NeonConfig { endpoint: Some(endpoint), ..NeonConfig::new(url.to_string()) };
    neon_http::connect(&config, Arc::new(HttpFetch(reqwest::Client::new()))).unwrap()
}

struct HttpFetch(reqwest::Client);

#[async_trait]
impl Fetch for HttpFetch {
    async fn send(&self, request: FetchRequest) -> Result<FetchResponse, Unavailable> {
        let away = |error: reqwest::Error| Unavailable::new("fetch", error.without_url());
        let mut builder = self.0.post(&request.url).timeout(request.time_limit).body(request.body);
        for (name, value) in request.headers {
            builder = builder.header(name, value);
        }
        let answer = builder.send().await.map_err(away)?;
        let status = answer.status().as_u16();
        Ok(FetchResponse { status, body: answer.bytes().await.map_err(away)?.to_vec() })
    }
}

/// The machine's clock.
pub(crate) struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        now()
    }

    async fn sleep(&self, span: Duration) {
        tokio::time::sleep(span).await;
    }
}

pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap())
}

/// The moment `seconds` after a fixed one, which tests count from.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(1_790_000_000 + seconds)
}

/// Ten bytes that no other identifier has.
pub(crate) fn unique() -> [u8; 10] {
    static NEXT: AtomicI64 = AtomicI64::new(0);
    let mut bytes = [0; 10];
    bytes[..8].copy_from_slice(&NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    bytes[8..].copy_from_slice(&std::process::id().to_be_bytes()[2..]);
    bytes
}

pub(crate) fn email() -> Email {
    Email::parse(&format!("person-{}@example.com", random::hex(8))).unwrap()
}

pub(crate) fn hash(text: &str) -> PasswordHash {
    PasswordHash::new(format!("$2b$04$not-a-real-hash-{text}"))
}

pub(crate) fn account() -> NewAccount {
    NewAccount {
        id: UserId::generate(at(0), unique()),
        organization_id: OrganizationId::generate(at(0), unique()),
        email: email(),
        email_verified: false,
        name: None,
        role: Role::Member,
        password_hash: Some(hash("first")),
        created_at: at(0),
    }
}

/// The life of a session in these tests.
pub(crate) const LIFE: Duration = Duration::from_secs(1_000);
/// The grace of a renewal in these tests.
pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// A session as its tokens tell of it, from its first on.
#[derive(Clone, Copy)]
pub(crate) struct Opened(pub(crate) RefreshToken);

impl Opened {
    pub(crate) fn new(user_id: UserId, started_at: Timestamp) -> Self {
        let session = SessionOrigin {
            id: SessionId::generate(started_at, unique()),
            user_id,
            started_at,
            expires_at: started_at.after(LIFE),
        };
        Self(RefreshToken { session, generation: 0, nonce: [7; 16] })
    }

    pub(crate) fn id(&self) -> SessionId {
        self.0.session.id
    }

    /// What a login hands to the deferred writes.
    pub(crate) fn fact(&self) -> Fact {
        let session = self.0.session;
        Fact::SessionOpened {
            session_id: session.id,
            user_id: session.user_id,
            started_at: session.started_at,
            expires_at: session.expires_at,
            refresh_digest: digest(&self.0),
            device: Device::new(Some("tests/1.0"), Some("203.0.113.7".to_owned())),
        }
    }

    /// The token that the present one's renewal at `at` gives.
    pub(crate) fn renewed(&self, at: Timestamp) -> Self {
        Self(self.0.successor(at, LIFE, |payload| Digest::of(payload).0))
    }

    /// Presents the token for renewal.
    pub(crate) fn presented(&self, now: Timestamp) -> Rotate {
        let successor = self.renewed(now);
        Rotate {
            presented: self.0,
            presented_digest: digest(&self.0),
            successor_digest: digest(&successor.0),
            successor_expires_at: successor.0.session.expires_at,
            now,
            grace: GRACE,
            device: Device::new(Some("renewing/1.0"), None),
        }
    }
}

pub(crate) fn digest(token: &RefreshToken) -> Digest {
    Digest::of(token.seal(|payload| Digest::of(payload).0).expose().as_bytes())
}

impl World {
    async fn new(kind: DriverKind, server: Server) -> Self {
        let driver: Arc<dyn Driver> = match kind {
            DriverKind::Sqlite => server.sqlite().await,
            DriverKind::Postgres => server.database().await.pooled(),
            DriverKind::Hyperdrive => hyperdrive::connect(Arc::new(Tcp(server.database().await.url))),
            DriverKind::NeonHttp => neon_http(&server, &server.database().await).await,
        };
        Self { kind, ..Self::over(server, driver) }
    }

    /// A driver over a Postgres database that its test made.
    pub(crate) fn over(server: Server, driver: Arc<dyn Driver>) -> Self {
        let repositories = Repositories::new(Arc::clone(&driver), Arc::new(SystemClock));
        Self { kind: DriverKind::Postgres, server, driver, repositories }
    }

    /// Names the driver.
    pub(crate) fn name(&self) -> &'static str {
        match self.kind {
            DriverKind::Sqlite => "sqlite",
            DriverKind::Postgres => "postgres",
            DriverKind::Hyperdrive => "hyperdrive",
            DriverKind::NeonHttp => "neon_http",
        }
    }

    /// The same driver over a database that nobody else uses.
    pub(crate) async fn fresh(&self) -> Self {
        Self::new(self.kind, self.server.clone()).await
    }

    /// Makes a person.
    pub(crate) async fn person(&self) -> User {
        self.made(account()).await
    }

    /// Makes this account.
    pub(crate) async fn made(&self, account: NewAccount) -> User {
        let id = account.id;
        assert_eq!(self.repositories.accounts.create(account).await, Ok(AccountCreation::Created));
        self.repositories.accounts.by_id(id).await.unwrap().unwrap()
    }

    /// Opens a session whose row is written.
    pub(crate) async fn opened(&self, user: &User, started_at: Timestamp) -> Opened {
        let opened = Opened::new(user.id, started_at);
        self.repositories.facts.record(&[opened.fact()]).await.unwrap();
        opened
    }

    /// Presents a token for renewal.
    pub(crate) async fn rotate(&self, token: &Opened, now: Timestamp) -> Rotation {
        self.repositories.sessions.rotate(token.presented(now)).await.unwrap()
    }

    /// Renews a session, insisting that it is.
    pub(crate) async fn renew(&self, token: &Opened, now: Timestamp) -> Opened {
        let outcome = self.rotate(token, now).await;
        assert!(matches!(outcome, Rotation::Rotated { .. }), "{outcome:?}");
        token.renewed(now)
    }

    /// The ids of a person's live sessions, newest first.
    pub(crate) async fn live(&self, user: &User, now: Timestamp) -> Vec<SessionId> {
        let page = PageRequest { limit: 100, after: None, order: Order::default() };
        let sessions = self.repositories.sessions.list(user.id, page, now).await.unwrap();
        sessions.into_iter().map(|session| session.id).collect()
    }

    /// Runs a statement of a test's own.
    pub(crate) async fn ask(
        &self,
        statement: &'static portico_sql::driver::Statement,
        parameters: Vec<Value>,
    ) -> Vec<Row> {
        self.driver.run(Call { statement, parameters }).await.unwrap()
    }
}
