use std::{
    collections::VecDeque,
    io, mem,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use portico_domain::{
    models::{ApiKeyId, Timestamp, UsageBatch, uuid_v7},
    ports::{Clock, Entropy, KeyUsage, Unavailable, UsageLedger},
};
use tokio::{
    sync::Notify,
    task::JoinHandle,
    time::{sleep, timeout},
};
use uuid::Uuid;

use super::{
    folder::{self, Closed, Folder, UsageFault},
    segment::{Counted, Segment},
    settings::{UsageFigures, UsageSettings},
};
use crate::{SystemClock, journal::AbortOnDrop};

const SERVICE: &str = "usage ledger";
/// A batch that takes longer is given up and sent again; storage has time limits of its own, far below this.
const SEND_LIMIT: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// While sending fails, a file is closed this seldom, and no more wait than these: one that storage never takes must not hold up the others.
const CLOSE_WHILE_FAILING: Duration = Duration::from_secs(30);
const WAITING_WHILE_FAILING: usize = 4;

/// Counts uses in files, and sends them to storage behind the answers; the module says how.
///
/// Needs a tokio runtime. One process for one directory: a second is refused. Dropping this stops the task where it is, like a kill;
/// [`FileUsageLedger::drain`] first, to leave nothing behind.
pub struct FileUsageLedger {
    inner: Arc<Inner>,
    task: JoinHandle<()>,
}

struct Inner {
    settings: UsageSettings,
    folder: Folder,
    usage: Arc<dyn KeyUsage>,
    entropy: Arc<dyn Entropy>,
    current: RwLock<Segment>,
    closed: Mutex<Waiting>,
    /// Something was counted that has to be sent.
    counted: Notify,
    hurry: AtomicBool,
    hurried: Notify,
    delivered_some: Notify,
    /// The present file didn't take a use; told to the log once a file.
    is_away: AtomicBool,
    delivered: AtomicU64,
    files: AtomicU64,
    retried: AtomicU64,
    refused: AtomicU64,
    recovered: u64,
    unreadable: u64,
}

/// The closed files, in the order in which they are sent, and when the last was closed. Closing happens under its lock.
struct Waiting {
    files: VecDeque<Closed>,
    last_closed: Instant,
}

impl FileUsageLedger {
    /// Takes the directory, takes over what an earlier process left in it, and starts to count and to send.
    ///
    /// # Errors
    /// [`UsageFault`] when another process has the directory, or the file system refuses.
    pub fn open(
        settings: &UsageSettings,
        usage: Arc<dyn KeyUsage>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, UsageFault> {
        let settings = UsageSettings { slots: settings.slots.clamp(1, 65_536), ..settings.clone() };
        let (folder, left) = Folder::open(&settings.directory, settings.slots)?;
        let first = new_id(&*entropy).and_then(|id| folder.begin(id));
        let first = first.map_err(|fault| UsageFault::Io { directory: settings.directory.clone(), fault })?;
        let recovered = left.files.iter().map(|file| file.uses).sum();
        if recovered > 0 {
            tracing::info!(uses = recovered, "took over uses of keys that an earlier process had counted");
        }
        if left.unreadable > 0 {
            tracing::error!(slots = left.unreadable, "some counted uses of keys can't be read and are lost");
        }
        let inner = Arc::new(Inner {
            folder,
            usage,
            entropy,
            current: RwLock::new(first),
            closed: Mutex::new(Waiting { files: left.files.into(), last_closed: Instant::now() }),
            counted: Notify::new(),
            hurry: AtomicBool::new(false),
            hurried: Notify::new(),
            delivered_some: Notify::new(),
            is_away: AtomicBool::new(false),
            delivered: AtomicU64::new(0),
            files: AtomicU64::new(0),
            retried: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            recovered,
            unreadable: left.unreadable,
            settings,
        });
        let task = tokio::spawn(Arc::clone(&inner).send_behind());
        Ok(Self { inner, task })
    }

    /// Sends what waits, without long pauses, for as long as `limit` at most, and says how many uses are left. Those are in the files, for the next
    /// start.
    pub async fn drain(&self, limit: Duration) -> u64 {
        let inner = &self.inner;
        inner.hurry.store(true, Ordering::SeqCst);
        inner.hurried.notify_one();
        inner.counted.notify_one();
        let all_sent = async {
            while inner.pending() > 0 {
                inner.delivered_some.notified().await;
            }
        };
        let _ = timeout(limit, all_sent).await;
        inner.pending()
    }

    /// What was sent, and what waits.
    #[must_use]
    pub fn figures(&self) -> UsageFigures {
        let inner = &self.inner;
        UsageFigures {
            delivered: inner.delivered.load(Ordering::Relaxed),
            files: inner.files.load(Ordering::Relaxed),
            retried: inner.retried.load(Ordering::Relaxed),
            refused: inner.refused.load(Ordering::Relaxed),
            recovered: inner.recovered,
            unreadable: inner.unreadable,
            pending: inner.pending(),
        }
    }
}

impl Drop for FileUsageLedger {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl UsageLedger for FileUsageLedger {
    fn count(&self, key: ApiKeyId, at: Timestamp) -> Result<(), Unavailable> {
        // A file that was just begun may be full again before this use comes to it; a third is not worth waiting for.
        for _ in 0..3 {
            let (id, counted) = {
                let current = self.inner.current();
                (current.id, current.count(key, at))
            };
            let refused = match counted {
                Counted::Done { is_first } => {
                    if is_first {
                        self.inner.counted.notify_one();
                    }
                    return Ok(());
                }
                Counted::Full => self.inner.close(id, self.inner.settings.most_files).err(),
                Counted::Failed(fault) => Some(fault),
            };
            if let Some(fault) = refused {
                return Err(self.inner.refuse(&fault));
            }
        }
        Err(self.inner.refuse(&io::Error::other("files fill faster than uses come to them")))
    }
}

impl Inner {
    fn current(&self) -> RwLockReadGuard<'_, Segment> {
        self.current.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn closed(&self) -> MutexGuard<'_, Waiting> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pending(&self) -> u64 {
        // Under the lock that closing takes, so that no use is seen twice or not at all.
        let closed = self.closed();
        closed.files.iter().map(|file| file.uses).sum::<u64>() + self.current().uses()
    }

    /// Closes the file `id` and begins the next, unless somebody else did, while fewer than `most` wait.
    fn close(&self, id: Uuid, most: usize) -> io::Result<()> {
        let mut closed = self.closed();
        if self.current().id != id {
            return Ok(());
        }
        if closed.files.len() >= most {
            return Err(io::Error::other("too many files wait for storage"));
        }
        let next = self.folder.begin(new_id(&*self.entropy)?)?;
        // Waits for those who are counting into it; after this nobody does any more, and the file stays what it is.
        let full = {
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            mem::replace(&mut *current, next)
        };
        if self.is_away.swap(false, Ordering::Relaxed) {
            tracing::info!("uses of keys are counted in a new file");
        }
        closed.files.push_back(Closed { uses: full.uses(), path: full.path });
        closed.last_closed = Instant::now();
        drop(closed);
        self.counted.notify_one();
        Ok(())
    }

    fn refuse(&self, fault: &io::Error) -> Unavailable {
        self.refused.fetch_add(1, Ordering::Relaxed);
        if !self.is_away.swap(true, Ordering::Relaxed) {
            tracing::error!(%fault, "a use of a key can't be counted in a file; it is written before its answer");
        }
        Unavailable::new(SERVICE, fault)
    }

    async fn send_behind(self: Arc<Self>) {
        let mut pauses = 0;
        loop {
            let next = self.closed().files.front().cloned();
            if let Some(file) = next {
                match self.deliver(&file).await {
                    Ok(()) => {
                        if pauses > 0 {
                            tracing::info!(
                                failed_attempts = pauses,
                                "counted uses of keys go to storage again"
                            );
                        }
                        pauses = 0;
                        self.note_delivered(&file);
                    }
                    Err(fault) => {
                        if pauses == 0 {
                            tracing::warn!(%fault, "counted uses of keys are held up; they stay in their files and are sent again");
                        }
                        self.retried.fetch_add(1, Ordering::Relaxed);
                        self.closed().files.rotate_left(1);
                        let pause = FIRST_PAUSE * 2_u32.pow(pauses.min(10));
                        self.pause(pause.min(LONGEST_PAUSE)).await;
                        pauses += 1;
                    }
                }
            } else if self.current().is_empty() {
                self.counted.notified().await;
            } else {
                self.pause(self.settings.interval).await;
            }
            self.close_in_time(pauses > 0).await;
        }
    }

    /// Closes the present file when its time has come.
    async fn close_in_time(self: &Arc<Self>, is_failing: bool) {
        let (id, is_empty) = {
            let current = self.current();
            (current.id, current.is_empty())
        };
        let (waiting, age) = {
            let closed = self.closed();
            (closed.files.len(), closed.last_closed.elapsed())
        };
        let (interval, most) = if is_failing && waiting > 0 {
            (CLOSE_WHILE_FAILING, WAITING_WHILE_FAILING)
        } else {
            (self.settings.interval, self.settings.most_files)
        };
        let is_time = age >= interval || self.hurry.load(Ordering::SeqCst);
        if is_empty || !is_time || waiting >= most {
            return;
        }
        let inner = Arc::clone(self);
        let closed = tokio::task::spawn_blocking(move || inner.close(id, most)).await;
        if let Err(fault) = closed.map_err(io::Error::other).flatten() {
            tracing::warn!(%fault, "a file of counted uses can't be closed; it goes on");
            self.pause(LONGEST_PAUSE).await;
        }
    }

    /// Sends all batches of a file, and ends it.
    async fn deliver(&self, file: &Closed) -> Result<(), Unavailable> {
        let away = |fault: io::Error| Unavailable::new(SERVICE, format!("{}: {fault}", file.path.display()));
        let path = file.path.clone();
        let contents = match blocking(path, folder::read).await {
            Ok(Some(contents)) => contents,
            Err(fault) if fault.kind() != io::ErrorKind::NotFound => return Err(away(fault)),
            Ok(None) | Err(_) => {
                tracing::error!(file = %file.path.display(), uses = file.uses, "a file of counted uses is gone; they are lost");
                return Ok(());
            }
        };
        for batch in contents.batches {
            self.send(batch).await?;
        }
        let is_damaged = contents.unreadable > 0;
        if let Err(fault) = blocking(file.path.clone(), move |path| folder::finish(path, is_damaged)).await {
            // It would be sent again at the next start, and add nothing.
            tracing::warn!(%fault, file = %file.path.display(), "a file of uses that storage has can't be removed");
        }
        Ok(())
    }

    /// Sends one batch in a task of its own, so that a storage that panics is one that failed.
    async fn send(&self, batch: UsageBatch) -> Result<(), Unavailable> {
        let usage = Arc::clone(&self.usage);
        let mut step = AbortOnDrop(tokio::spawn(async move { usage.add(&batch).await }));
        match timeout(SEND_LIMIT, &mut step.0).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(fault)) => Err(Unavailable::new("storage", format!("adding uses broke off: {fault}"))),
            Err(_) => Err(Unavailable::new("storage", "adding uses took too long")),
        }
    }

    fn note_delivered(&self, file: &Closed) {
        let mut closed = self.closed();
        closed.files.retain(|waiting| waiting.path != file.path);
        self.delivered.fetch_add(file.uses, Ordering::Relaxed);
        self.files.fetch_add(1, Ordering::Relaxed);
        drop(closed);
        self.delivered_some.notify_one();
    }

    /// Waits; while the process shuts down, 50 ms at most, and not at all for a file's time.
    async fn pause(&self, span: Duration) {
        let hurrying = self.hurry.load(Ordering::SeqCst);
        let span = if hurrying { span.min(FIRST_PAUSE) } else { span };
        tokio::select! {
            () = sleep(span) => {}
            () = self.hurried.notified() => {}
        }
    }
}

async fn blocking<T: Send + 'static>(
    path: std::path::PathBuf,
    work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(move || work(&path)).await.map_err(io::Error::other)?
}

fn new_id(entropy: &dyn Entropy) -> io::Result<Uuid> {
    let random = entropy.bytes().map_err(io::Error::other)?;
    Ok(uuid_v7(SystemClock.now(), std::array::from_fn(|place| random[place])))
}

#[cfg(test)]
mod tests {
    use portico_domain::ports::{MockEntropy, MockKeyUsage};

    use super::*;

    #[tokio::test]
    async fn a_use_that_the_disk_refuses_is_refused_and_leaves_the_count_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let mut usage = MockKeyUsage::new();
        usage
            .expect_add()
            .withf(|batch| batch.uses.iter().map(|uses| uses.uses).sum::<u64>() == 2)
            .times(1)
            .returning(|_| Ok(()));
        let mut entropy = MockEntropy::new();
        let mut next = 0;
        entropy.expect_bytes().returning(move || {
            next += 1;
            Ok([next; 32])
        });
        let settings =
            UsageSettings { interval: Duration::from_secs(60), ..UsageSettings::new(directory.path()) };
        let ledger = FileUsageLedger::open(&settings, Arc::new(usage), Arc::new(entropy)).unwrap();
        let at = Timestamp::from_seconds(1_790_000_000);
        let key = ApiKeyId::generate(at, [1; 10]);
        ledger.count(key, at).unwrap();

        let exchange = |file| ledger.inner.current.write().unwrap().exchange_file(file);
        let path = ledger.inner.current().path.clone();
        let good = exchange(std::fs::File::open(path).unwrap());
        assert!(ledger.count(key, at).is_err());
        assert!(ledger.count(ApiKeyId::generate(at, [2; 10]), at).is_err());
        exchange(good);
        ledger.count(key, at).unwrap();
        assert_eq!((ledger.figures().refused, ledger.figures().pending), (2, 2));
        assert_eq!(ledger.drain(Duration::from_secs(20)).await, 0);
    }
}
