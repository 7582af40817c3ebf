//! A Redis server for tests: the one of `TEST_REDIS_URL`, or one of our own that can be hung, killed and brought back.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;
use url::Url;

use super::paths;
use super::process::{Process, free_port};
use crate::random;

/// How long a server may take to be ready, and to answer a command.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a server finds again after its process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persistence {
    /// Nothing.
    None,
    /// The last snapshot that [`Redis::save`] took: what happened since is forgotten, and what was dropped since is back.
    Snapshot,
    /// Every command up to the last second (append-only file).
    EveryCommand,
}

/// Owns a Redis server, or borrows the one of `TEST_REDIS_URL`.
pub struct Redis {
    url: Url,
    own: Option<Own>,
}

struct Own {
    port: u16,
    folder: PathBuf,
    made_folder: bool,
    persistence: Persistence,
    process: Option<Process>,
}

impl Redis {
    /// Takes the server of `TEST_REDIS_URL`, whose databases 0 to 2 are emptied, else starts one that keeps nothing.
    pub async fn start() -> anyhow::Result<Self> {
        let Ok(url) = std::env::var("TEST_REDIS_URL") else { return Self::own(Persistence::None).await };
        let given = Self { url: Url::parse(&url).context("TEST_REDIS_URL")?, own: None };
        for number in 0..3 {
            command(&given.database(number), &["FLUSHDB"]).await?;
        }
        Ok(given)
    }

    /// Starts a server of our own on a free port, in a scratch folder that goes with it.
    pub async fn own(persistence: Persistence) -> anyhow::Result<Self> {
        let folder = paths::target().join("test-redis").join(random::hex(6));
        let mut redis = Self::at(free_port()?, &folder, persistence).await?;
        if let Some(own) = &mut redis.own {
            own.made_folder = true;
        }
        Ok(redis)
    }

    /// Starts a server of our own on this port and in this folder, which stays.
    pub async fn at(port: u16, folder: &Path, persistence: Persistence) -> anyhow::Result<Self> {
        fs::create_dir_all(folder)?;
        let url = Url::parse(&format!("redis://127.0.0.1:{port}/0"))?;
        let own = Own { port, folder: folder.to_owned(), made_folder: false, persistence, process: None };
        let mut redis = Self { url, own: Some(own) };
        redis.restart().await?;
        Ok(redis)
    }

    /// Gives the URL of its database 0, or of the one that `TEST_REDIS_URL` names.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Gives the URL of one of its numbered databases.
    #[must_use]
    pub fn database(&self, number: u8) -> Url {
        let mut url = self.url.clone();
        url.set_path(&number.to_string());
        url
    }

    /// Starts a server of our own that has ended, on the same port and in the same folder.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        let own = self.owned()?;
        ensure!(own.process.is_none(), "Redis runs already");
        own.process = Some(own.process().await?);
        Ok(())
    }

    /// Ends it as a power cut does: no time to write anything.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        self.owned()?.process.take().context("Redis doesn't run")?.kill().await
    }

    /// Stops its process, with all connections open and none answered.
    pub fn hang(&mut self) -> anyhow::Result<()> {
        self.running()?.send(Signal::STOP)
    }

    /// Lets it go on where it was.
    pub fn go_on(&mut self) -> anyhow::Result<()> {
        self.running()?.send(Signal::CONT)
    }

    /// Takes a snapshot now, to which [`Persistence::Snapshot`] comes back.
    pub async fn save(&self) -> anyhow::Result<()> {
        command(&self.url, &["SAVE"]).await.map(drop)
    }

    /// Sends a command and gives its answer, as far as its first line tells it.
    pub async fn ask(&self, words: &[&str]) -> anyhow::Result<String> {
        command(&self.url, words).await
    }

    fn owned(&mut self) -> anyhow::Result<&mut Own> {
        self.own.as_mut().context("the Redis of TEST_REDIS_URL is not ours to stop")
    }

    fn running(&mut self) -> anyhow::Result<&Process> {
        self.owned()?.process.as_ref().context("Redis doesn't run")
    }
}

impl Own {
    async fn process(&self) -> anyhow::Result<Process> {
        let mut redis = Command::new("redis-server");
        redis
            .current_dir(&self.folder)
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--daemonize", "no"])
            .arg("--dir")
            .arg(&self.folder)
            // Snapshots are taken when a test says so.
            .args(["--save", "", "--appendonly", "no"]);
        match self.persistence {
            Persistence::None => {
                // One that an earlier life left behind is not to be found.
                let _ = fs::remove_file(self.folder.join("dump.rdb"));
            }
            Persistence::Snapshot => {}
            Persistence::EveryCommand => {
                redis.args(["--appendonly", "yes", "--appendfsync", "everysec"]);
            }
        }
        Process::start(&format!("redis-{}", self.port), redis, PATIENCE, |line| {
            line.contains("Ready to accept connections").then(String::new)
        })
        .await
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if let Some(process) = self.process.take() {
            // One that hangs would not hear that it is to end.
            let _ = process.send(Signal::CONT);
        }
        if self.made_folder {
            // Left-over scratch lies below the build folder, where it hurts nobody.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Sends one command over a connection of its own, in the database that the URL names.
async fn command(url: &Url, words: &[&str]) -> anyhow::Result<String> {
    let talk = async {
        let host = url.host_str().unwrap_or("127.0.0.1");
        let stream = TcpStream::connect((host, url.port().unwrap_or(6379))).await?;
        let mut stream = BufReader::new(stream);
        if let Some(password) = url.password() {
            let user = if url.username().is_empty() { "default" } else { url.username() };
            tell(&mut stream, &["AUTH", user, password]).await?;
        }
        let number = url.path().trim_start_matches('/');
        if !number.is_empty() {
            tell(&mut stream, &["SELECT", number]).await?;
        }
        tell(&mut stream, words).await
    };
    tokio::time::timeout(PATIENCE, talk)
        .await
        .with_context(|| format!("Redis did not answer {}", words[0]))?
        .with_context(|| format!("asking Redis to {}", words[0]))
}

async fn tell(stream: &mut BufReader<TcpStream>, words: &[&str]) -> anyhow::Result<String> {
    use std::fmt::Write as _;

    let mut request = format!("*{}\r\n", words.len());
    for word in words {
        let _ = write!(request, "${}\r\n{word}\r\n", word.len());
    }
    stream.write_all(request.as_bytes()).await?;
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    let line = line.trim_end();
    match line.split_at_checked(1) {
        Some(("+" | ":", told)) => Ok(told.to_owned()),
        Some(("$", "-1")) => Ok(String::new()),
        Some(("$", length)) => {
            let mut text = vec![0; length.parse::<usize>()? + 2];
            stream.read_exact(&mut text).await?;
            text.truncate(text.len() - 2);
            Ok(String::from_utf8(text)?)
        }
        _ => bail!("it said {line}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answers(redis: &Redis) -> bool {
        let ping = redis.ask(&["PING"]);
        matches!(tokio::time::timeout(Duration::from_millis(300), ping).await, Ok(Ok(pong)) if pong == "PONG")
    }

    #[tokio::test]
    async fn hangs_goes_on_dies_and_comes_back_to_its_snapshot() {
        let mut redis = Redis::own(Persistence::Snapshot).await.unwrap();
        redis.ask(&["SET", "early", "1"]).await.unwrap();
        redis.save().await.unwrap();
        redis.ask(&["SET", "late", "1"]).await.unwrap();
        redis.hang().unwrap();
        assert!(!answers(&redis).await);
        redis.go_on().unwrap();
        assert!(answers(&redis).await);
        redis.kill().await.unwrap();
        assert!(redis.ask(&["PING"]).await.is_err());
        redis.restart().await.unwrap();
        assert_eq!(redis.ask(&["GET", "early"]).await.unwrap(), "1");
        assert_eq!(redis.ask(&["GET", "late"]).await.unwrap(), "", "only what the snapshot has");
    }

    #[tokio::test]
    async fn keeps_nothing_unless_told_to() {
        let folder = paths::target().join("test-redis").join(random::hex(6));
        let port = free_port().unwrap();
        let mut redis = Redis::at(port, &folder, Persistence::None).await.unwrap();
        redis.ask(&["SET", "early", "1"]).await.unwrap();
        redis.save().await.unwrap();
        redis.kill().await.unwrap();
        redis.restart().await.unwrap();
        assert_eq!(redis.url().port(), Some(port));
        assert_eq!(redis.ask(&["GET", "early"]).await.unwrap(), "");
        drop(redis);
        fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test]
    async fn finds_every_command_again_when_told_to() {
        let mut redis = Redis::own(Persistence::EveryCommand).await.unwrap();
        redis.ask(&["SET", "early", "1"]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        redis.kill().await.unwrap();
        redis.restart().await.unwrap();
        assert_eq!(redis.ask(&["GET", "early"]).await.unwrap(), "1");
    }
}
