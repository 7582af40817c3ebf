use std::{
    future::pending,
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use portico_domain::{
    models::{Fact, UserId},
    ports::{DeferredWrites, FactStore, Unavailable},
};
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
    time::{sleep, timeout},
};

use super::{
    backlog::{Backlog, Batch},
    entry::Entry,
    file::{JournalFault, JournalFile},
    settings::{DeferredFigures, JournalSettings, JournalSync},
};

/// Within this time after a record was taken it is synced to the disk, where it is not synced at once.
const SYNC_WITHIN: Duration = Duration::from_millis(50);
/// A step that takes longer is given up and tried again; storage has time limits of its own, far below this.
const STEP_LIMIT: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Writes facts behind the answers, and through a journal file, so that none is lost when the process is killed.
///
/// Taking facts appends them to the journal, one `write` into the page cache, and returns. A task writes them to storage, many in one step, and
/// again until storage takes them, with pauses that grow to 5 s. What is written is marked so in the journal; at the next start the rest
/// is written. Facts may be written twice, which they are made for; they are written in the order in which they were taken as long as
/// storage takes them at the first try.
///
/// Needs a tokio runtime. One process for one directory: a second is refused. Dropping this stops the task where it is, like a kill;
/// [`JournalledWrites::drain`] first, to leave nothing behind.
pub struct JournalledWrites {
    inner: Arc<Inner>,
    tasks: [JoinHandle<()>; 2],
}

struct Inner {
    store: Arc<dyn FactStore>,
    sync: JournalSync,
    most_pending: usize,
    state: Mutex<State>,
    taken: Notify,
    unsynced: Notify,
    hurry: AtomicBool,
    hurried: Notify,
    pending: watch::Sender<usize>,
    synced: tokio::sync::Mutex<u64>,
    written: AtomicU64,
    retried: AtomicU64,
    written_through: AtomicU64,
    recovered: u64,
    unreadable: u64,
}

/// The journal and the memory of it change together, under one lock: a segment is replaced by what memory holds.
struct State {
    journal: JournalFile,
    backlog: Backlog,
    next_number: u64,
    journal_away: bool,
}

impl JournalledWrites {
    /// Opens the journal, takes over what an earlier process left in it, and starts to write.
    ///
    /// # Errors
    /// [`JournalFault`] when another process has the journal, or the file system refuses.
    pub fn open(settings: &JournalSettings, store: Arc<dyn FactStore>) -> Result<Self, JournalFault> {
        let (journal, left) = JournalFile::open(&settings.directory)?;
        let mut backlog = Backlog::default();
        for (number, facts) in left.unfinished {
            backlog.add(number, facts);
        }
        let recovered = backlog.facts();
        if recovered > 0 || left.unreadable > 0 {
            tracing::info!(
                recovered,
                unreadable = left.unreadable,
                "took over deferred writes of an earlier process"
            );
        }
        let inner = Arc::new(Inner {
            store,
            sync: settings.sync,
            most_pending: settings.most_pending,
            pending: watch::Sender::new(recovered),
            state: Mutex::new(State { journal, backlog, next_number: left.next_number, journal_away: false }),
            taken: Notify::new(),
            unsynced: Notify::new(),
            hurry: AtomicBool::new(false),
            hurried: Notify::new(),
            synced: tokio::sync::Mutex::new(0),
            written: AtomicU64::new(0),
            retried: AtomicU64::new(0),
            written_through: AtomicU64::new(0),
            recovered: recovered as u64,
            unreadable: left.unreadable as u64,
        });
        let tasks = [
            tokio::spawn(Arc::clone(&inner).write_behind()),
            tokio::spawn(Arc::clone(&inner).sync_in_groups()),
        ];
        Ok(Self { inner, tasks })
    }

    /// Writes what waits, without long pauses, for as long as `limit` at most, and says how many facts are left. Those are in the journal,
    /// synced, for the next start.
    pub async fn drain(&self, limit: Duration) -> usize {
        self.inner.hurry.store(true, Ordering::SeqCst);
        self.inner.hurried.notify_one();
        let mut pending = self.inner.pending.subscribe();
        let _ = timeout(limit, pending.wait_for(|pending| *pending == 0)).await;
        let last = self.inner.lock().next_number.saturating_sub(1);
        if let Err(fault) = self.inner.sync_up_to(last).await {
            tracing::warn!(%fault, "the journal could not be synced");
        }
        self.inner.lock().backlog.facts()
    }

    /// What was written, and what waits.
    #[must_use]
    pub fn figures(&self) -> DeferredFigures {
        let inner = &self.inner;
        let (pending, journal_bytes) = {
            let state = inner.lock();
            (state.backlog.facts(), state.journal.length())
        };
        DeferredFigures {
            written: inner.written.load(Ordering::Relaxed),
            retried: inner.retried.load(Ordering::Relaxed),
            written_through: inner.written_through.load(Ordering::Relaxed),
            recovered: inner.recovered,
            unreadable: inner.unreadable,
            pending,
            journal_bytes,
        }
    }
}

impl Drop for JournalledWrites {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

#[async_trait]
impl DeferredWrites for JournalledWrites {
    async fn hand_over(&self, facts: Vec<Fact>) -> Result<(), Unavailable> {
        if facts.is_empty() {
            return Ok(());
        }
        let inner = &self.inner;
        let Some(number) = inner.take(&facts) else { return inner.write_through(&facts).await };
        match inner.sync {
            JournalSync::Grouped => {
                inner.unsynced.notify_one();
                Ok(())
            }
            JournalSync::Every => match inner.sync_up_to(number).await {
                Ok(()) => Ok(()),
                // It is in the journal and will be written, but the promise was more; writing it now keeps it.
                Err(_) => inner.write_through(&facts).await,
            },
        }
    }

    fn pending(&self, user: UserId) -> Vec<Fact> {
        self.inner.lock().backlog.about(user)
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Journals the facts and queues them, under the number that it gives back. `None` when there is no room for them.
    fn take(&self, facts: &[Fact]) -> Option<u64> {
        let mut state = self.lock();
        if state.backlog.facts() + facts.len() > self.most_pending {
            return None;
        }
        let number = state.next_number;
        let entry = Entry::Taken { number, facts: facts.to_vec() };
        let appended = entry.to_line().map_err(io::Error::from).and_then(|line| state.journal.append(&line));
        state.note_journal(&appended);
        appended.ok()?;
        state.next_number += 1;
        state.backlog.add(number, facts.to_vec());
        self.pending.send_replace(state.backlog.facts());
        drop(state);
        self.taken.notify_one();
        Some(number)
    }

    async fn write_through(&self, facts: &[Fact]) -> Result<(), Unavailable> {
        self.store.record(facts).await?;
        self.written_through.fetch_add(facts.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    async fn write_behind(self: Arc<Self>) {
        let mut pauses = 0;
        loop {
            let batch = self.lock().backlog.next_batch();
            let Some(batch) = batch else {
                self.taken.notified().await;
                continue;
            };
            match self.step(&batch).await {
                Ok(()) => {
                    if pauses > 0 {
                        tracing::info!(failed_steps = pauses, "deferred writes go on");
                    }
                    pauses = 0;
                    self.note_written(batch).await;
                }
                Err(fault) => {
                    if pauses == 0 {
                        tracing::warn!(%fault, "deferred writes are held up; they stay in the journal and are tried again");
                    }
                    self.retried.fetch_add(1, Ordering::Relaxed);
                    self.lock().backlog.failed(&batch);
                    self.pause(pauses).await;
                    pauses += 1;
                }
            }
        }
    }

    /// Writes one batch in a task of its own, so that a storage that panics is one that failed.
    async fn step(&self, batch: &Batch) -> Result<(), Unavailable> {
        let (store, facts) = (Arc::clone(&self.store), batch.facts.clone());
        let mut step = AbortOnDrop(tokio::spawn(async move { store.record(&facts).await }));
        match timeout(STEP_LIMIT, &mut step.0).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(fault)) => Err(Unavailable::new("storage", format!("writing facts broke off: {fault}"))),
            Err(_) => Err(Unavailable::new("storage", "writing facts took too long")),
        }
    }

    /// Marks the batch as written, and goes over to a new segment when this one is long.
    async fn note_written(self: &Arc<Self>, batch: Batch) {
        self.written.fetch_add(batch.facts.len() as u64, Ordering::Relaxed);
        let is_long = {
            let mut state = self.lock();
            let line = Entry::written(&batch.numbers).to_line().map_err(io::Error::from);
            // Unmarked, the facts would be written once more after a restart, which is harmless.
            let appended = line.and_then(|line| state.journal.append(&line));
            state.note_journal(&appended);
            state.backlog.written(&batch);
            self.pending.send_replace(state.backlog.facts());
            state.journal.is_long()
        };
        if is_long {
            let inner = Arc::clone(self);
            let _ = tokio::task::spawn_blocking(move || inner.lock().replace_segment()).await;
        }
    }

    /// Waits before the next try: 50 ms doubled each time up to 5 s; while the process shuts down, 50 ms.
    async fn pause(&self, pauses: u32) {
        let hurrying = self.hurry.load(Ordering::SeqCst);
        let span = if hurrying { FIRST_PAUSE } else { FIRST_PAUSE * 2_u32.pow(pauses.min(10)) };
        tokio::select! {
            () = sleep(span.min(LONGEST_PAUSE)) => {}
            () = self.hurried.notified() => {}
        }
    }

    async fn sync_in_groups(self: Arc<Self>) {
        if self.sync == JournalSync::Every {
            return pending().await;
        }
        let mut failing = false;
        loop {
            self.unsynced.notified().await;
            sleep(SYNC_WITHIN).await;
            let last = self.lock().next_number.saturating_sub(1);
            match self.sync_up_to(last).await {
                Ok(()) => failing = false,
                Err(fault) => {
                    if !failing {
                        tracing::warn!(%fault, "the journal can't be synced; a power cut could lose deferred writes");
                    }
                    failing = true;
                }
            }
        }
    }

    /// Returns once the record `number`, and all before it, are on the disk. Callers that wait at the same time share one sync.
    async fn sync_up_to(&self, number: u64) -> io::Result<()> {
        let mut synced = self.synced.lock().await;
        if *synced >= number {
            return Ok(());
        }
        let (file, last) = {
            let state = self.lock();
            (state.journal.file(), state.next_number.saturating_sub(1))
        };
        tokio::task::spawn_blocking(move || file.sync_data()).await.map_err(io::Error::other)??;
        *synced = last;
        Ok(())
    }
}

impl State {
    /// Logs when the journal ceases to take records, and when it takes them again.
    fn note_journal(&mut self, appended: &io::Result<()>) {
        match appended {
            Err(fault) if !self.journal_away => {
                tracing::error!(%fault, "the journal takes no records; facts are written before the answer");
                self.journal_away = true;
            }
            Ok(()) if self.journal_away => {
                tracing::info!("the journal takes records again");
                self.journal_away = false;
            }
            _ => {}
        }
    }

    fn replace_segment(&mut self) {
        let lines: Result<String, _> = self
            .backlog
            .records()
            .map(|(number, facts)| Entry::Taken { number, facts: facts.clone() }.to_line())
            .collect();
        let replaced = lines.map_err(io::Error::from).and_then(|lines| self.journal.replace(&lines));
        if let Err(fault) = replaced {
            tracing::warn!(%fault, "the journal could not go over to a new segment; it goes on in the old one");
        }
    }
}

/// Ends a task that nobody waits for any more.
pub(crate) struct AbortOnDrop<T>(pub(crate) JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use portico_domain::{models::Timestamp, ports::MockFactStore};

    use super::*;

    #[tokio::test]
    async fn a_full_disk_makes_writes_go_through_until_there_is_room_again() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = MockFactStore::new();
        store.expect_record().withf(|facts| facts.len() == 2).times(1).returning(|_| Ok(()));
        store.expect_record().withf(|facts| facts.len() == 1).times(1).returning(|_| Ok(()));
        let writes =
            JournalledWrites::open(&JournalSettings::new(directory.path()), Arc::new(store)).unwrap();
        let user_id = UserId::generate(Timestamp::from_seconds(1_790_000_000), [1; 10]);
        let fact = Fact::SignedIn { user_id, at: Timestamp::from_seconds(1_790_000_000) };

        let good = writes.inner.lock().journal.spoil();
        writes.hand_over(vec![fact.clone(), fact.clone()]).await.unwrap();
        assert_eq!(writes.figures().written_through, 2, "written before it returned");
        assert!(writes.inner.lock().journal_away);

        writes.inner.lock().journal.mend(good);
        writes.hand_over(vec![fact]).await.unwrap();
        assert!(!writes.inner.lock().journal_away);
        assert_eq!(writes.drain(Duration::from_secs(5)).await, 0);
        assert_eq!((writes.figures().written, writes.figures().written_through), (1, 2));
        drop(writes);
        let segment = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path());
        let segment = segment.filter(|path| path.extension().is_some()).last().unwrap();
        let lines = fs::read_to_string(segment).unwrap();
        let mut entries = lines.lines().filter(|line| !line.is_empty());
        assert!(entries.all(|line| Entry::from_line(line.as_bytes()).is_some()));
    }
}
