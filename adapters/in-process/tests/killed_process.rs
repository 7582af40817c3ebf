//! What a killed process took is written by the next one: with a real process and a real SIGKILL.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a failed unwrap fails the test, which reads what the process prints"
)]

mod support;

use std::{
    ffi::OsString,
    io::{BufRead, BufReader},
    process::{Child, Command, ExitCode, Stdio},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use libtest_mimic::{Arguments, Trial};
use portico_domain::ports::DeferredWrites;
use portico_in_process::{JournalFault, JournalSettings, JournalledWrites};
use support::{Storage, fact, open, user};

const DIRECTORY: &str = "PORTICO_TEST_JOURNAL";

/// One program in two parts: with a directory named it is the process that is killed, without it the test that kills it.
fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        runtime.block_on(takes_facts_and_waits_to_be_killed(directory));
    }
    let handle = runtime.handle().clone();
    let trial = Trial::test("all_that_was_taken_is_written_after_a_kill", move || {
        handle.block_on(all_that_was_taken_is_written_after_a_kill());
        Ok(())
    });
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit_code()
}

async fn takes_facts_and_waits_to_be_killed(directory: OsString) {
    let storage = Arc::new(Storage::default());
    storage.held.store(true, Ordering::SeqCst);
    let writes = open(&JournalSettings::new(directory), &storage).await;
    for n in 0..100 {
        writes.hand_over(vec![fact(user(1), 2 * n), fact(user(2), 2 * n + 1)]).await.unwrap();
    }
    println!("taken");
    tokio::time::sleep(Duration::from_secs(60)).await;
    panic!("nobody killed this process");
}

/// Starts the process above and returns once it has taken its facts.
fn start(directory: &std::path::Path) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.map(Result::unwrap).any(|line| line == "taken"), "the process ended before it was killed");
    child
}

async fn all_that_was_taken_is_written_after_a_kill() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = start(directory.path());
    let storage = Arc::new(Storage::default());
    let settings = JournalSettings::new(directory.path());
    let meanwhile = JournalledWrites::open(&settings, Arc::<Storage>::clone(&storage));
    assert!(matches!(meanwhile, Err(JournalFault::InUse(_))), "two processes never share a journal");

    child.kill().unwrap();
    child.wait().unwrap();
    let writes = open(&settings, &storage).await;
    assert_eq!(writes.drain(Duration::from_secs(20)).await, 0);
    let expected: Vec<_> = (0..100).flat_map(|n| [fact(user(1), 2 * n), fact(user(2), 2 * n + 1)]).collect();
    assert_eq!(storage.recorded(), expected);
}
