//! A Redis that can be hung, killed and started again, and adapters on it.

use std::{
    net::{Ipv4Addr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use portico_domain::{
    cache::{CacheKey, Prefix, Subject},
    models::Timestamp,
    ports::{Clock, Hearing, SharedCache, SharedEntry},
    settings::{LimitClass, LimitClasses},
};
use portico_in_process::SystemClock;
use portico_redis::{Heard, Redis, RedisAddress, RedisSettings, connect};
use tempfile::TempDir;

/// How long tests wait for what must come.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// A `redis-server` on a free port of this machine; it ends with this value.
pub(crate) struct Server {
    port: u16,
    saves: bool,
    directory: TempDir,
    process: Option<Child>,
}

impl Server {
    /// One that keeps nothing over a restart.
    pub(crate) fn start() -> Self {
        Self::launch(false)
    }

    /// One that starts with what was saved last.
    pub(crate) fn start_saving() -> Self {
        Self::launch(true)
    }

    fn launch(saves: bool) -> Self {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let mut server = Self { port, saves, directory: TempDir::new().unwrap(), process: None };
        server.run();
        server
    }

    pub(crate) fn run(&mut self) {
        let port = self.port.to_string();
        let mut command = Command::new("redis-server");
        command.args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--daemonize", "no"]);
        if self.saves {
            command.args(["--dbfilename", "kept.rdb"]);
        }
        let process = command
            .current_dir(self.directory.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server is installed: tests/setup/services.sh");
        self.process = Some(process);
        let began = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            assert!(began.elapsed() < SOON, "redis-server listens");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Stops it as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Makes it hang: connections stay, nothing answers.
    pub(crate) fn hang(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn wake(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.process.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// Sends a command by itself.
    pub(crate) async fn command<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let client = redis::Client::open(self.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let mut command = redis::cmd(words[0]);
        for word in &words[1..] {
            command.arg(word);
        }
        command.query_async(&mut connection).await.unwrap()
    }

    /// A Portico server on it, as far as Redis can tell.
    pub(crate) fn portico(&self) -> Portico {
        let heard = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&heard);
        let settings = RedisSettings {
            address: RedisAddress::parse(&self.url()).unwrap(),
            authorities: None,
            open_when_away: LimitClasses::of(&[LimitClass::Key]),
        };
        let on_heard = Arc::new(move |what| sink.lock().unwrap().push(what));
        let redis = connect(settings, Arc::new(SystemClock), on_heard).unwrap();
        Portico { redis, heard }
    }

    /// The same, once it is connected.
    pub(crate) async fn connected(&self) -> Portico {
        let portico = self.portico();
        portico.until_hearing().await;
        portico
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The adapters of one server, and what they heard.
pub(crate) struct Portico {
    pub(crate) redis: Redis,
    pub(crate) heard: Arc<Mutex<Vec<Heard>>>,
}

impl Portico {
    pub(crate) fn cache(&self) -> &dyn SharedCache {
        &*self.redis.cache
    }

    pub(crate) async fn until_hearing(&self) {
        until("the tier is heard", || matches!(self.cache().hearing(), Hearing::Until(_))).await;
    }

    pub(crate) async fn until_deaf(&self) {
        until("the tier is lost", || self.cache().hearing() == Hearing::Deaf).await;
    }

    /// Forgets what was heard so far.
    pub(crate) fn forget_heard(&self) {
        self.heard.lock().unwrap().clear();
    }

    pub(crate) fn has_heard(&self, what: &Heard) -> bool {
        self.heard.lock().unwrap().contains(what)
    }

    /// The text kept under a key.
    pub(crate) async fn read(&self, key: &CacheKey) -> Option<String> {
        let entry = self.cache().get(key).await.unwrap().entry?;
        Some(String::from_utf8(entry.value.unwrap()).unwrap())
    }

    /// Loads a text and keeps it.
    pub(crate) async fn fill(&self, key: &CacheKey, text: &str) -> bool {
        let mark = self.cache().get(key).await.unwrap().mark;
        self.cache().set(key, &entry(text), mark, Duration::from_secs(60)).await.unwrap()
    }

    pub(crate) async fn undelivered(&self) -> u64 {
        self.cache().statistics().await.unwrap().undelivered
    }
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < SOON, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) fn key(name: &str) -> CacheKey {
    CacheKey::of(Prefix::ApiKey, name.as_bytes())
}

pub(crate) fn subject(name: &str) -> Subject {
    Subject::of(Prefix::ApiKey, name.as_bytes())
}

pub(crate) fn entry(text: &str) -> SharedEntry {
    SharedEntry {
        value: Some(text.as_bytes().to_vec()),
        subjects: Vec::new(),
        loaded_at: now(),
        load_time: Duration::from_micros(1_500),
    }
}

pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}
