//! Uses counted in files of a real file system.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

#[path = "support/usage.rs"]
mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use portico_domain::{models::Day, ports::UsageLedger};
use portico_in_process::{FileUsageLedger, UsageFault, UsageSettings};
use support::{NOW, TestEntropy, Uses, key, open, settings};

const LONG: Duration = Duration::from_secs(20);

fn files(directory: &Path, end: &str) -> Vec<PathBuf> {
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|found| found == end)).collect()
}

async fn eventually(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..1_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_use_is_counted_once_while_files_come_and_go() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Arc::new(Uses::default());
    let settings = UsageSettings { interval: Duration::from_millis(1), ..settings(directory.path()) };
    let ledger = Arc::new(open(&settings, &storage).await);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let ledger = Arc::clone(&ledger);
            std::thread::spawn(move || (0..20_000).for_each(|n| ledger.count(key(n % 7), NOW).unwrap()))
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(ledger.drain(LONG).await, 0);
    assert_eq!(storage.total(), 80_000);
    assert_eq!(storage.of(0), 4 * 2_858);
    let figures = ledger.figures();
    assert_eq!((figures.delivered, figures.pending, figures.refused), (80_000, 0, 0));
    assert!(figures.files > 3, "{} files", figures.files);
    assert_eq!(files(directory.path(), "usage").len(), 1, "the file that is counted into");
}

#[tokio::test]
async fn days_and_last_uses_are_kept_apart() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Arc::new(Uses::default());
    let ledger = open(&settings(directory.path()), &storage).await;
    let later = NOW.after(Duration::from_secs(86_400));
    ledger.count(key(1), later).unwrap();
    ledger.count(key(1), NOW.after(Duration::from_secs(5))).unwrap();
    ledger.count(key(1), NOW).unwrap();
    assert_eq!(ledger.drain(LONG).await, 0);
    let batches = storage.batches.lock().unwrap();
    let mut uses: Vec<_> = batches.values().flat_map(|batch| batch.uses.clone()).collect();
    uses.sort_by_key(|uses| uses.day);
    let told: Vec<_> = uses.iter().map(|uses| (uses.day, uses.uses, uses.last_at)).collect();
    let today = Day::of(NOW);
    assert_eq!(told, [(today, 2, NOW.after(Duration::from_secs(5))), (Day(today.0 + 1), 1, later)]);
}

#[tokio::test]
async fn a_file_is_sent_by_itself_a_while_after_its_first_use() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Arc::new(Uses::default());
    let ledger = open(&settings(directory.path()), &storage).await;
    for round in 1..=3 {
        ledger.count(key(1), NOW).unwrap();
        eventually("it is sent", || storage.of(1) == round).await;
    }
    eventually("nothing is pending", || ledger.figures().pending == 0).await;
    assert_eq!(ledger.figures().delivered, 3);
}

#[tokio::test]
async fn what_was_counted_is_sent_after_a_restart_once() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Arc::new(Uses::default());
    let settings = settings(directory.path());
    storage.answers_are_lost.store(true, Ordering::SeqCst);
    let ledger = open(&settings, &storage).await;
    ledger.count(key(1), NOW).unwrap();
    eventually("the first file was sent", || storage.total() == 1).await;
    ledger.count(key(1), NOW).unwrap();
    drop(ledger);

    storage.answers_are_lost.store(false, Ordering::SeqCst);
    let ledger = open(&settings, &storage).await;
    assert_eq!(ledger.figures().recovered, 2);
    assert_eq!(ledger.drain(LONG).await, 0);
    drop(ledger);
    let ledger = open(&settings, &storage).await;
    assert_eq!(ledger.figures().recovered, 0, "nothing is left");
    assert_eq!(storage.total(), 2);
}

#[tokio::test]
async fn an_outage_is_exact_and_few_files() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Arc::new(Uses::default());
    storage.away.store(true, Ordering::SeqCst);
    let ledger = open(&settings(directory.path()), &storage).await;
    for n in 0..2_000_u64 {
        ledger.count(key(n % 100), NOW).unwrap();
        if n % 100 == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    assert!(ledger.figures().retried > 1);
    assert!(files(directory.path(), "usage").len() <= 2, "one that waits and one that counts");
    assert_eq!(ledger.figures().pending, 2_000);
    let left = ledger.drain(Duration::from_millis(200)).await;
    assert_eq!(left, 2_000, "says how many are left");
    storage.away.store(false, Ordering::SeqCst);
    assert_eq!(ledger.drain(LONG).await, 0);
    assert_eq!(storage.total(), 2_000);
    assert!((0..100).all(|n| storage.of(n) == 20));
}

#[tokio::test]
async fn a_storage_that_panics_is_one_that_failed() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Arc::new(Uses::default());
    storage.panics.store(true, Ordering::SeqCst);
    let ledger = open(&settings(directory.path()), &storage).await;
    ledger.count(key(1), NOW).unwrap();
    eventually("it was tried more than once", || ledger.figures().retried > 1).await;
    storage.panics.store(false, Ordering::SeqCst);
    assert_eq!(ledger.drain(LONG).await, 0);
    assert_eq!(storage.total(), 1);
}

#[tokio::test]
async fn more_keys_than_slots_begin_more_files_up_to_the_bound() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Arc::new(Uses::default());
    storage.away.store(true, Ordering::SeqCst);
    let settings = UsageSettings { slots: 10, most_files: 3, ..UsageSettings::new(directory.path()) };
    let ledger = open(&settings, &storage).await;
    let counted = (0..100).filter(|n| ledger.count(key(*n), NOW).is_ok()).count();
    assert_eq!(counted, 40, "three files that wait, and the present one");
    ledger.count(key(39), NOW).unwrap();
    assert_eq!((ledger.figures().refused, ledger.figures().pending), (60, 41));
    storage.away.store(false, Ordering::SeqCst);
    eventually("there is room again", || ledger.count(key(99), NOW).is_ok()).await;
    assert_eq!(ledger.drain(LONG).await, 0);
    assert_eq!(storage.total(), 42);
}

#[tokio::test]
async fn what_can_be_read_of_damaged_files_is_sent_and_they_are_put_aside() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Arc::new(Uses::default());
    let settings = UsageSettings { interval: LONG, ..settings(directory.path()) };
    let ledger = open(&settings, &storage).await;
    for n in 0..4 {
        ledger.count(key(n), NOW).unwrap();
    }
    drop(ledger);
    let [path] = &files(directory.path(), "usage")[..] else { panic!("one file") };
    let mut bytes = fs::read(path).unwrap();
    bytes[64 + 20] ^= 1;
    bytes.truncate(64 * 4 + 30);
    fs::write(path, bytes).unwrap();
    fs::write(directory.path().join("made-up.usage"), "what somebody's editor left").unwrap();

    let ledger = open(&settings, &storage).await;
    assert_eq!((ledger.figures().recovered, ledger.figures().unreadable), (2, 3));
    assert_eq!(ledger.drain(LONG).await, 0);
    assert_eq!([storage.of(0), storage.of(1), storage.of(2), storage.of(3)], [0, 1, 1, 0]);
    assert_eq!(files(directory.path(), "damaged").len(), 2);
    assert_eq!(files(directory.path(), "usage").len(), 1);
}

#[tokio::test]
async fn a_second_opener_is_told_why_it_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Arc::new(Uses::default());
    let settings = settings(directory.path());
    let _ledger = open(&settings, &storage).await;
    let second = FileUsageLedger::open(&settings, storage, Arc::new(TestEntropy::default())).err().unwrap();
    assert!(matches!(second, UsageFault::InUse(_)));
    assert!(second.to_string().contains("in use by another process"), "{second}");
}

#[cfg(unix)]
#[tokio::test]
async fn its_files_are_for_the_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let usage = directory.path().join("usage");
    let _ledger = open(&settings(&usage), &Arc::new(Uses::default())).await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&usage), 0o700);
    for entry in fs::read_dir(&usage).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
}
