//! Deferred writes through a journal on a real file system.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use portico_domain::{models::Fact, ports::DeferredWrites};
use portico_in_process::{JournalFault, JournalSettings, JournalSync, JournalledWrites};
use support::{Storage, fact, open, user};

const LONG: Duration = Duration::from_secs(20);

fn segments(directory: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|end| end == "journal")).collect()
}

/// The one segment of a journal at rest.
fn segment(directory: &Path) -> PathBuf {
    let [segment] = &segments(directory)[..] else { panic!("{:?}", segments(directory)) };
    segment.clone()
}

#[tokio::test]
async fn returns_at_once_while_storage_hangs_and_shows_what_is_pending() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Arc::new(Storage::default());
    storage.held.store(true, Ordering::SeqCst);
    let writes = open(&JournalSettings::new(directory.path()), &storage).await;
    let began = Instant::now();
    writes.hand_over(vec![fact(user(1), 1), fact(user(2), 2)]).await.unwrap();
    writes.hand_over(vec![fact(user(1), 3)]).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(1));
    assert_eq!(writes.pending(user(1)), [fact(user(1), 1), fact(user(1), 3)]);
    assert_eq!(storage.recorded(), []);

    storage.held.store(false, Ordering::SeqCst);
    storage.released.notify_one();
    assert_eq!(writes.drain(LONG).await, 0);
    assert_eq!(storage.recorded(), [fact(user(1), 1), fact(user(2), 2), fact(user(1), 3)]);
    assert_eq!(writes.pending(user(1)), []);
    assert_eq!(writes.figures().written, 3);
}

#[tokio::test]
async fn what_was_taken_is_written_after_a_restart_once() {
    let directory = tempfile::tempdir().unwrap();
    let settings = JournalSettings::new(directory.path());
    let storage = Arc::new(Storage::default());
    let writes = open(&settings, &storage).await;
    writes.hand_over(vec![fact(user(1), 1)]).await.unwrap();
    assert_eq!(writes.drain(LONG).await, 0);
    storage.away.store(true, Ordering::SeqCst);
    writes.hand_over(vec![fact(user(1), 2), fact(user(2), 3)]).await.unwrap();
    drop(writes);

    storage.away.store(false, Ordering::SeqCst);
    let writes = open(&settings, &storage).await;
    assert_eq!(writes.figures().recovered, 2);
    assert_eq!(writes.drain(LONG).await, 0);
    drop(writes);
    let writes = open(&settings, &storage).await;
    assert_eq!(writes.figures().recovered, 0, "nothing is left");
    assert_eq!(storage.recorded(), [fact(user(1), 1), fact(user(1), 2), fact(user(2), 3)]);
}

#[tokio::test]
async fn a_torn_tail_loses_only_itself_and_is_put_aside() {
    let directory = tempfile::tempdir().unwrap();
    let settings = JournalSettings::new(directory.path());
    let storage = Arc::new(Storage::default());
    storage.away.store(true, Ordering::SeqCst);
    let writes = open(&settings, &storage).await;
    writes.hand_over(vec![fact(user(1), 1)]).await.unwrap();
    writes.hand_over(vec![fact(user(1), 2)]).await.unwrap();
    drop(writes);
    let path = segment(directory.path());
    let whole = fs::read(&path).unwrap();
    let first_line_end = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let mut damaged = whole[..first_line_end].to_vec();
    damaged.extend_from_slice(b"what somebody's editor left\n\n\xff\xfe\n");
    damaged.extend_from_slice(&whole[first_line_end..whole.len() - 9]);
    fs::write(&path, damaged).unwrap();

    storage.away.store(false, Ordering::SeqCst);
    let writes = open(&settings, &storage).await;
    assert_eq!((writes.figures().recovered, writes.figures().unreadable), (1, 3));
    writes.hand_over(vec![fact(user(1), 4)]).await.unwrap();
    assert_eq!(writes.drain(LONG).await, 0);
    assert_eq!(storage.recorded(), [fact(user(1), 1), fact(user(1), 4)]);
    let aside = fs::read(directory.path().join("unreadable.log")).unwrap();
    assert!(aside.starts_with(b"what somebody's editor left\n\xff\xfe\n"));
    assert!(aside.ends_with(&[&whole[first_line_end..whole.len() - 9], b"\n"].concat()));
}

#[tokio::test]
async fn goes_on_trying_while_storage_is_away_or_panics() {
    let directory = tempfile::tempdir().unwrap();
    let storage = Arc::new(Storage::default());
    storage.away.store(true, Ordering::SeqCst);
    let writes = open(&JournalSettings::new(directory.path()), &storage).await;
    writes.hand_over(vec![fact(user(1), 1)]).await.unwrap();
    assert_eq!(writes.drain(Duration::from_millis(300)).await, 1, "says how many are left");
    let retried = writes.figures().retried;
    assert!((2..=12).contains(&retried), "{retried} tries: not none, and not without pauses");
    storage.panics.store(true, Ordering::SeqCst);
    storage.away.store(false, Ordering::SeqCst);
    assert_eq!(writes.drain(Duration::from_millis(200)).await, 1);
    storage.panics.store(false, Ordering::SeqCst);
    assert_eq!(writes.drain(LONG).await, 0);
    assert_eq!(storage.recorded(), [fact(user(1), 1)]);
    assert!(writes.figures().retried > retried);
}

#[tokio::test]
async fn a_second_opener_is_told_why_it_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let settings = JournalSettings::new(directory.path());
    let storage = Arc::new(Storage::default());
    let _writes = open(&settings, &storage).await;
    let second = JournalledWrites::open(&settings, storage).err().unwrap();
    assert!(matches!(second, JournalFault::InUse(_)));
    assert!(second.to_string().contains("in use by another process"), "{second}");
}

#[tokio::test]
async fn with_every_record_synced_it_works_all_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let settings = JournalSettings { sync: JournalSync::Every, ..JournalSettings::new(directory.path()) };
    let storage = Arc::new(Storage::default());
    let writes = Arc::new(open(&settings, &storage).await);
    let callers: Vec<_> = (0..32)
        .map(|n| {
            let writes = Arc::clone(&writes);
            tokio::spawn(async move { writes.hand_over(vec![fact(user(1), n)]).await })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap().unwrap();
    }
    assert_eq!(writes.drain(LONG).await, 0);
    assert_eq!(storage.recorded().len(), 32);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_facts_stay_within_memory_and_disk() {
    let directory = tempfile::tempdir().unwrap();
    let settings = JournalSettings { most_pending: 1_000, ..JournalSettings::new(directory.path()) };
    let storage = Arc::new(Storage::default());
    storage.away.store(true, Ordering::SeqCst);
    let writes = open(&settings, &storage).await;
    let (mut taken, mut refused): (Vec<Fact>, u64) = (Vec::new(), 0);
    for n in 0..100_000 {
        // Storage comes back half-way.
        storage.away.store(n < 50_000, Ordering::SeqCst);
        match writes.hand_over(vec![fact(user(1), n)]).await {
            Ok(()) => taken.push(fact(user(1), n)),
            Err(_) => refused += 1,
        }
        assert!(writes.figures().pending <= 1_000);
    }
    assert_eq!(refused, 49_000, "what can neither wait nor be written is refused, not piled up");
    assert_eq!(writes.drain(LONG).await, 0);
    let figures = writes.figures();
    assert_eq!(figures.written + figures.written_through, 51_000);
    let mut recorded = storage.recorded();
    recorded.sort_by_key(|fact| match fact {
        Fact::SignedIn { at, .. } => *at,
        _ => unreachable!("only sign-ins were handed over"),
    });
    assert_eq!(recorded, taken);
    drop(writes);
    let reopened = open(&settings, &storage).await;
    assert_eq!(reopened.figures().recovered, 0);
    assert_eq!(fs::metadata(segment(directory.path())).unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_journal_is_replaced_and_still_knows_what_is_pending() {
    let directory = tempfile::tempdir().unwrap();
    let settings = JournalSettings::new(directory.path());
    let storage = Arc::new(Storage::default());
    let writes = open(&settings, &storage).await;
    let many: Vec<_> = (0..2_000).map(|n| fact(user(1), n)).collect();
    let first = segment(directory.path());
    for _ in 0..60 {
        writes.hand_over(many.clone()).await.unwrap();
        assert_eq!(writes.drain(LONG).await, 0);
    }
    // The change-over follows the write that made the segment long.
    for _ in 0..500 {
        if segments(directory.path()).len() == 1 && !first.exists() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let present = segment(directory.path());
    assert_ne!(first, present);
    assert!(fs::metadata(&present).unwrap().len() < 9 << 20);
    storage.away.store(true, Ordering::SeqCst);
    writes.hand_over(vec![fact(user(2), 1)]).await.unwrap();
    drop(writes);
    let writes = open(&settings, &storage).await;
    assert_eq!(writes.pending(user(2)), [fact(user(2), 1)]);
}

#[cfg(unix)]
#[tokio::test]
async fn its_files_are_for_the_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("journal");
    let storage = Arc::new(Storage::default());
    let _writes = open(&JournalSettings::new(&journal), &storage).await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&journal), 0o700);
    for entry in fs::read_dir(&journal).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
}
