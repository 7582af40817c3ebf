//! What a killed process counted is there after its next start, no more and no less: with a real process and real SIGKILLs.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed unwrap fails the test, which reads what the process prints"
)]

#[path = "support/usage.rs"]
mod support;

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use libtest_mimic::{Arguments, Trial};
use portico_domain::{
    models::{ApiKeyId, Day, OrganizationId, UsageBatch},
    ports::{KeyUsage, Unavailable, UsageLedger},
};
use portico_in_process::UsageSettings;
use support::{NOW, key, open};

const DIRECTORY: &str = "PORTICO_TEST_USAGE";
const THREADS: u64 = 2;
const ROUNDS: usize = 12;

/// One program in two parts: with a directory named it is the process that is killed, without it the test that kills it.
fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        runtime.block_on(counts_until_it_is_killed(PathBuf::from(directory)));
    }
    let handle = runtime.handle().clone();
    let trial = Trial::test("every_use_that_was_counted_is_there_after_kills", move || {
        handle.block_on(every_use_that_was_counted_is_there_after_kills());
        Ok(())
    });
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit_code()
}

/// A storage that outlives the process: a file a batch. Adding takes a while, so that kills fall into it.
struct Folder(PathBuf);

impl Folder {
    /// How often the `n`th key was used.
    fn of(&self, n: u64) -> u64 {
        let mut sum = 0;
        for entry in fs::read_dir(&self.0).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|end| end == "json") {
                let batch: UsageBatch = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
                sum +=
                    batch.uses.iter().filter(|uses| uses.key_id == key(n)).map(|uses| uses.uses).sum::<u64>();
            }
        }
        sum
    }
}

#[async_trait]
impl KeyUsage for Folder {
    async fn add(&self, batch: &UsageBatch) -> Result<(), Unavailable> {
        let path = self.0.join(format!("{}.json", batch.id));
        tokio::time::sleep(Duration::from_millis(3)).await;
        if let Ok(known) = fs::read(&path) {
            let known: UsageBatch = serde_json::from_slice(&known).unwrap();
            assert_eq!(known, *batch, "a batch was sent again with other uses");
            return Ok(());
        }
        let made = self.0.join("being-made");
        fs::write(&made, serde_json::to_vec(batch).unwrap()).unwrap();
        fs::rename(made, path).unwrap();
        // Killed here, it is added and its file is still there.
        tokio::time::sleep(Duration::from_millis(3)).await;
        Ok(())
    }

    async fn of(
        &self,
        _organization: OrganizationId,
        _key: ApiKeyId,
        _since: Day,
    ) -> Result<Option<Vec<(Day, u64)>>, Unavailable> {
        Ok(None)
    }
}

fn settings(directory: &Path) -> UsageSettings {
    // Full after a few keys, too, so that kills fall into closing as well.
    UsageSettings {
        interval: Duration::from_millis(5),
        slots: 8,
        most_files: 1_000,
        ..UsageSettings::new(directory.join("usage"))
    }
}

fn storage(directory: &Path) -> Arc<Folder> {
    let folder = directory.join("storage");
    fs::create_dir_all(&folder).unwrap();
    Arc::new(Folder(folder))
}

/// Each thread counts its own keys by turns, and says so before and after.
async fn counts_until_it_is_killed(directory: PathBuf) {
    let ledger = Arc::new(open(&settings(&directory), &storage(&directory)).await);
    for thread in 0..THREADS {
        let ledger = Arc::clone(&ledger);
        std::thread::spawn(move || {
            for n in 0_u64.. {
                let key_number = thread * 5 + n % 5;
                say('<', key_number);
                ledger.count(key(key_number), NOW).unwrap();
                say('>', key_number);
            }
        });
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    panic!("nobody killed this process");
}

/// One write a line, so that no line is cut by the kill.
fn say(what: char, key: u64) {
    std::io::stdout().lock().write_all(format!("{what}{key:02}\n").as_bytes()).unwrap();
}

/// How often a key was begun to be counted, and how often that returned.
#[derive(Default, Clone, Copy)]
struct Said {
    begun: u64,
    counted: u64,
}

/// Runs the process, kills it after so many lines and gives what it had said by then.
fn run_and_kill(directory: &Path, lines: usize, said: &mut [Said]) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    let mut read = 0;
    loop {
        line.clear();
        // What is in the pipe when the process dies is still read.
        if told.read_line(&mut line).unwrap() == 0 {
            break;
        }
        let key: usize = line[1..3].parse().unwrap();
        if line.starts_with('<') {
            said[key].begun += 1;
        } else {
            said[key].counted += 1;
        }
        read += 1;
        if read == lines {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(read >= lines, "the process ended before it was killed");
}

async fn every_use_that_was_counted_is_there_after_kills() {
    let directory = tempfile::tempdir().unwrap();
    let storage = storage(directory.path());
    let mut said = vec![Said::default(); usize::try_from(THREADS * 5).unwrap()];
    for round in 0..ROUNDS {
        let directory_of_child = directory.path().to_owned();
        let mut taken = std::mem::take(&mut said);
        said = tokio::task::spawn_blocking(move || {
            run_and_kill(&directory_of_child, 1_500 + 611 * round, &mut taken);
            taken
        })
        .await
        .unwrap();
        // Every other time the next process finds two generations of files.
        if round % 2 == 0 {
            continue;
        }
        let ledger = open(&settings(directory.path()), &storage).await;
        assert_eq!(ledger.drain(Duration::from_secs(30)).await, 0);
        let figures = ledger.figures();
        assert_eq!((figures.unreadable, figures.refused), (0, 0));
        assert!(figures.recovered > 0, "the kill left something to do");
        drop(ledger);
        for (n, said) in said.iter().enumerate() {
            let stored = storage.of(n as u64);
            // What a kill interrupted may be counted or not: at most one use a kill and key, and nobody was answered.
            assert!(
                (said.counted..=said.begun).contains(&stored),
                "round {round}, key {n}: {stored} stored, {} answered, {} begun",
                said.counted,
                said.begun
            );
        }
        let (begun, counted): (u64, u64) =
            said.iter().fold((0, 0), |sum, said| (sum.0 + said.begun, sum.1 + said.counted));
        assert!(begun - counted <= THREADS * (round as u64 + 1), "one use a thread and kill is open at most");
    }
}
