use std::{
    num::NonZeroUsize,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use portico_domain::{
    models::{Password, PasswordHash},
    ports::{HashingRefused, PasswordVerdict, Passwords},
};

use super::{
    BcryptCost, HashingFigures,
    queue::{Answer, Done, Job, Queue, Work},
    work,
};

/// The least favourable priority there is: a hash thread runs on what the others leave.
const NICE: i32 = 19;

/// How passwords are hashed on a server.
#[derive(Debug, Clone, Copy)]
pub struct BcryptSettings {
    /// The cost of new hashes.
    pub cost: BcryptCost,
    /// How long a hash may wait for its turn; what would wait longer is refused at once.
    pub deadline: Duration,
    /// How many hashes are computed at the same time. `None`: as many as the process may use cores, its cgroup's quota respected.
    pub slots: Option<NonZeroUsize>,
}

impl Default for BcryptSettings {
    fn default() -> Self {
        Self { cost: BcryptCost::SERVER, deadline: Duration::from_secs(2), slots: None }
    }
}

/// Hashes passwords with bcrypt on threads of its own.
///
/// The threads run at the lowest priority, so that a storm of sign-ins uses every cycle that is left over and takes none from the other
/// routes. Before them stands a queue bounded by a deadline: who could not be served in time is refused at once, a caller that goes away
/// frees its place, and a job whose turn comes too late is not computed.
///
/// The threads are started when this is made and end when it is dropped, after the hash they are at. A thread sleeps while nothing is
/// to be done. Making it computes no hash.
pub struct BcryptPasswords {
    shared: Arc<Shared>,
    cost: BcryptCost,
}

struct Shared {
    queue: Mutex<Queue>,
    work_there: Condvar,
    cost: BcryptCost,
    decoy: Result<PasswordHash, HashingRefused>,
}

impl BcryptPasswords {
    /// Starts the hash threads. Where the system refuses some, the others do the work; where it refuses all, every call fails.
    #[must_use]
    pub fn new(settings: BcryptSettings) -> Self {
        let cores = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let slots = settings.slots.unwrap_or_else(cores).get();
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue::new(slots, settings.deadline)),
            work_there: Condvar::new(),
            cost: settings.cost,
            decoy: work::decoy(settings.cost),
        });
        for slot in 0..slots {
            let thread = thread::Builder::new().name(format!("hash-{slot}"));
            let serving = Arc::clone(&shared);
            if let Err(fault) = thread.spawn(move || serving.serve(slot)) {
                tracing::error!(%fault, started = slot, wanted = slots, "not all hash threads could be started");
                shared.lock().keep_slots(slot);
                break;
            }
        }
        Self { shared, cost: settings.cost }
    }

    /// What was computed and what was refused so far.
    #[must_use]
    pub fn figures(&self) -> HashingFigures {
        self.shared.lock().figures()
    }

    async fn submit(&self, work: Work, cost: u32) -> Answer {
        let (id, answer) = self.shared.lock().admit(work, 1 << cost, Instant::now())?;
        self.shared.work_there.notify_one();
        let mut place = Place { shared: &self.shared, id, left: false };
        let answer = answer.await;
        place.left = true;
        answer.unwrap_or_else(|_| Err(HashingRefused::Failed("the hash threads have ended".to_owned())))
    }
}

impl Drop for BcryptPasswords {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.work_there.notify_all();
    }
}

#[async_trait]
impl Passwords for BcryptPasswords {
    async fn hash(&self, password: &Password) -> Result<PasswordHash, HashingRefused> {
        match self.submit(Work::Hash(password.clone()), self.cost.get()).await? {
            Done::Hashed(hash) => Ok(hash),
            Done::Compared(_) => {
                Err(HashingRefused::Failed("a hash was answered by a comparison".to_owned()))
            }
        }
    }

    async fn verify<'a>(
        &self,
        password: &Password,
        stored: Option<&'a PasswordHash>,
    ) -> Result<PasswordVerdict, HashingRefused> {
        let password = password.clone();
        let today = self.cost.get();
        let (work, cost) = match stored {
            None => (Work::VerifyDecoy(password), today),
            Some(stored) => {
                let cost = work::cost_of(stored).unwrap_or(today).max(today);
                (Work::Verify { password, stored: stored.clone() }, cost)
            }
        };
        match self.submit(work, cost).await? {
            Done::Compared(verdict) => Ok(verdict),
            Done::Hashed(_) => Err(HashingRefused::Failed("a comparison was answered by a hash".to_owned())),
        }
    }
}

/// A caller's place in the queue, given up when the caller goes away.
struct Place<'a> {
    shared: &'a Shared,
    id: u64,
    left: bool,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if !self.left {
            self.shared.lock().withdraw(self.id);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, slot: usize) {
        lower_priority();
        while let Some(job) = self.wait_for_job(slot) {
            let answer = catch_unwind(AssertUnwindSafe(|| self.compute(&job.work)))
                .unwrap_or_else(|_| Err(HashingRefused::Failed("the hasher panicked".to_owned())));
            self.lock().finished(slot, rounds_done(&job, &answer), Instant::now());
            let _ = job.reply.send(answer);
        }
    }

    fn wait_for_job(&self, slot: usize) -> Option<Job> {
        let mut queue = self.lock();
        loop {
            if queue.closed {
                return None;
            }
            if let Some(job) = queue.next(slot, Instant::now()) {
                return Some(job);
            }
            queue = self.work_there.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn compute(&self, work: &Work) -> Answer {
        match work {
            Work::Hash(password) => work::hash(password, self.cost).map(Done::Hashed),
            Work::Verify { password, stored } => {
                work::verify(password, stored, self.cost).map(Done::Compared)
            }
            Work::VerifyDecoy(password) => {
                let decoy = self.decoy.as_ref().map_err(Clone::clone)?;
                work::verify_decoy(password, decoy, self.cost).map(Done::Compared)
            }
        }
    }
}

/// The rounds that a job really took: a match against a cheaper hash is found without making up the difference.
fn rounds_done(job: &Job, answer: &Answer) -> Option<u64> {
    match (&job.work, answer) {
        (_, Err(_)) => None,
        (Work::Verify { stored, .. }, Ok(Done::Compared(PasswordVerdict::Matches { .. }))) => {
            work::cost_of(stored).map(|cost| 1 << cost)
        }
        _ => Some(job.rounds),
    }
}

/// On Linux a thread's niceness is its own, whatever POSIX says of the process's.
fn lower_priority() {
    if let Err(fault) = rustix::process::nice(NICE) {
        tracing::warn!(%fault, "hash threads keep the common priority; other routes may slow down while many people sign in");
    }
}
