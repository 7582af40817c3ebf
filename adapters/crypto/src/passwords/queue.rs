//! Who waits for a hash thread, who is refused at once, and what it takes to tell them apart.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use portico_domain::{
    models::{Password, PasswordHash},
    ports::{HashingRefused, PasswordVerdict},
};
use tokio::sync::oneshot;

/// Nanoseconds for one of the 2^cost rounds before anything was measured: a hash of cost 12 in 200 ms.
const ASSUMED_ROUND_NANOS: f64 = 49_000.0;
/// How much the latest hash counts in the mean.
const LATEST_SHARE: f64 = 0.2;
/// The least time after which it is worth trying again; `Retry-After` counts in seconds.
const LEAST_RETRY: Duration = Duration::from_secs(1);

/// What a hash thread is asked for.
pub(super) enum Work {
    Hash(Password),
    Verify { password: Password, stored: PasswordHash },
    VerifyDecoy(Password),
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Done {
    Hashed(PasswordHash),
    Compared(PasswordVerdict),
}

pub(super) type Answer = Result<Done, HashingRefused>;

/// One piece of work that waits or runs.
pub(super) struct Job {
    pub(super) id: u64,
    pub(super) work: Work,
    /// Rounds of bcrypt, 2^cost.
    pub(super) rounds: u64,
    latest_start: Instant,
    pub(super) reply: oneshot::Sender<Answer>,
}

/// What the hash threads have done and left undone since they were started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HashingFigures {
    /// Hashes and comparisons that were computed.
    pub computed: u64,
    /// Callers that were refused at once because their turn would have come too late.
    pub refused: u64,
    /// Jobs dropped from the queue because their caller went away.
    pub abandoned: u64,
    /// Jobs dropped from the queue because their turn came too late all the same.
    pub late: u64,
    /// Jobs that wait at this moment.
    pub waiting: usize,
    /// Jobs that are computed at this moment.
    pub running: usize,
    /// How many can be computed at a time.
    pub slots: usize,
}

/// The queue before the hash threads. Knows no threads: whoever holds it locks it.
pub(super) struct Queue {
    jobs: VecDeque<Job>,
    /// What runs in each slot: since when, and how many rounds.
    running: Vec<Option<(Instant, u64)>>,
    deadline: Duration,
    round_nanos: f64,
    next_id: u64,
    figures: HashingFigures,
    pub(super) closed: bool,
}

impl Queue {
    pub(super) fn new(slots: usize, deadline: Duration) -> Self {
        Self {
            jobs: VecDeque::new(),
            running: vec![None; slots],
            deadline,
            round_nanos: ASSUMED_ROUND_NANOS,
            next_id: 0,
            figures: HashingFigures::default(),
            closed: false,
        }
    }

    /// Counts on so many slots only, the first ones.
    pub(super) fn keep_slots(&mut self, slots: usize) {
        self.running.truncate(slots);
    }

    /// Queues the work, or refuses it when its turn would come after the deadline.
    pub(super) fn admit(
        &mut self,
        work: Work,
        rounds: u64,
        now: Instant,
    ) -> Result<(u64, oneshot::Receiver<Answer>), HashingRefused> {
        if self.running.is_empty() {
            return Err(HashingRefused::Failed("there are no hash threads".to_owned()));
        }
        let wait = self.estimated_wait(now);
        if wait > self.deadline {
            self.figures.refused += 1;
            return Err(HashingRefused::Overloaded {
                retry_after: (wait.saturating_sub(self.deadline)).max(LEAST_RETRY),
            });
        }
        let (reply, answer) = oneshot::channel();
        let id = self.next_id;
        self.next_id += 1;
        self.jobs.push_back(Job { id, work, rounds, latest_start: now + self.deadline, reply });
        Ok((id, answer))
    }

    /// The next job for `slot`, past those that nobody waits for any more or whose turn comes too late.
    pub(super) fn next(&mut self, slot: usize, now: Instant) -> Option<Job> {
        while let Some(job) = self.jobs.pop_front() {
            if job.reply.is_closed() {
                self.figures.abandoned += 1;
            } else if now > job.latest_start {
                self.figures.late += 1;
                let retry_after = self.estimated_wait(now).max(LEAST_RETRY);
                let _ = job.reply.send(Err(HashingRefused::Overloaded { retry_after }));
            } else {
                self.running[slot] = Some((now, job.rounds));
                return Some(job);
            }
        }
        None
    }

    /// Notes that the job in `slot` is done, and learns from the time it took. `rounds` is what was computed; `None` when it failed.
    pub(super) fn finished(&mut self, slot: usize, rounds: Option<u64>, now: Instant) {
        let Some((started, _)) = self.running[slot].take() else { return };
        let Some(rounds) = rounds else { return };
        let nanos = nanos(now.duration_since(started)) / as_f64(rounds.max(1));
        self.round_nanos += (nanos - self.round_nanos) * LATEST_SHARE;
        self.figures.computed += 1;
    }

    /// Takes a job out whose caller went away; nothing when it runs already.
    pub(super) fn withdraw(&mut self, id: u64) {
        if let Some(at) = self.jobs.iter().position(|job| job.id == id) {
            self.jobs.remove(at);
            self.figures.abandoned += 1;
        }
    }

    /// How long a job queued at `now` would wait for its turn, by the mean time of a round. Zero while a slot is free.
    fn estimated_wait(&self, now: Instant) -> Duration {
        let queued: u64 = self.jobs.iter().map(|job| job.rounds).sum();
        let mut left = as_f64(queued) * self.round_nanos;
        for running in &self.running {
            match running {
                Some((started, rounds)) => {
                    let whole = as_f64(*rounds) * self.round_nanos;
                    left += (whole - nanos(now.duration_since(*started))).max(0.0);
                }
                None if self.jobs.is_empty() => return Duration::ZERO,
                None => {}
            }
        }
        Duration::from_secs_f64(left / as_f64(self.running.len() as u64) / 1e9)
    }

    pub(super) fn figures(&self) -> HashingFigures {
        HashingFigures {
            waiting: self.jobs.len(),
            running: self.running.iter().flatten().count(),
            slots: self.running.len(),
            ..self.figures
        }
    }
}

fn nanos(span: Duration) -> f64 {
    span.as_secs_f64() * 1e9
}

#[expect(clippy::cast_precision_loss, reason = "an estimate, of numbers far below 2^53")]
fn as_f64(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUNDS: u64 = 1 << 12;
    const SECOND: Duration = Duration::from_secs(1);

    fn work() -> Work {
        Work::VerifyDecoy(Password::to_check("obviously fake").unwrap())
    }

    /// A queue whose hashes take exactly `each`.
    fn measured(slots: usize, deadline: Duration, each: Duration) -> Queue {
        let mut queue = Queue::new(slots, deadline);
        queue.round_nanos = nanos(each) / as_f64(ROUNDS);
        queue
    }

    #[test]
    fn admits_what_can_start_in_time_and_refuses_the_next_at_once() {
        let now = Instant::now();
        let mut queue = measured(2, 2 * SECOND, SECOND / 5);
        let mut answers = Vec::new();
        for _ in 0..2 {
            answers.push(queue.admit(work(), ROUNDS, now).unwrap());
        }
        assert!(queue.next(0, now).is_some() && queue.next(1, now).is_some());
        // Ten hashes a second and two seconds: twenty hashes lie before the last that may wait, of which two run.
        let admitted: Vec<_> = (0..50).map_while(|_| queue.admit(work(), ROUNDS, now).ok()).collect();
        assert_eq!(admitted.len(), 19);
        let refused = queue.admit(work(), ROUNDS, now).unwrap_err();
        assert_eq!(refused, HashingRefused::Overloaded { retry_after: LEAST_RETRY });
        assert_eq!(queue.figures().refused, 2);
        let later = now + SECOND / 5;
        queue.finished(0, Some(ROUNDS), later);
        assert!(queue.next(0, later).is_some());
        assert!(queue.admit(work(), ROUNDS, later).is_ok(), "a place is free again");
    }

    #[test]
    fn says_how_long_a_long_queue_takes() {
        let now = Instant::now();
        let mut queue = measured(1, SECOND, 7 * SECOND);
        let _answer = queue.admit(work(), ROUNDS, now).unwrap();
        queue.next(0, now).unwrap();
        let refused = queue.admit(work(), ROUNDS, now).unwrap_err();
        let HashingRefused::Overloaded { retry_after } = refused else { panic!("{refused}") };
        assert!((5 * SECOND..=6 * SECOND).contains(&retry_after), "{retry_after:?}");
    }

    #[test]
    fn late_and_abandoned_jobs_are_passed_over() {
        let now = Instant::now();
        let mut queue = measured(1, SECOND, SECOND / 10);
        let (_, mut late) = queue.admit(work(), ROUNDS, now).unwrap();
        let (_, gone) = queue.admit(work(), ROUNDS, now + SECOND).unwrap();
        let (third, _answer) = queue.admit(work(), ROUNDS, now + SECOND).unwrap();
        drop(gone);
        let next = queue.next(0, now + SECOND + SECOND / 2).unwrap();
        assert_eq!(next.id, third);
        assert!(matches!(late.try_recv(), Ok(Err(HashingRefused::Overloaded { .. }))));
        let expected =
            HashingFigures { late: 1, abandoned: 1, running: 1, slots: 1, ..HashingFigures::default() };
        assert_eq!(queue.figures(), expected);
    }

    #[test]
    fn a_withdrawn_job_frees_its_place() {
        let now = Instant::now();
        let mut queue = measured(1, SECOND, SECOND);
        let _running = queue.admit(work(), ROUNDS, now).unwrap();
        queue.next(0, now).unwrap();
        let (waiting, _answer) = queue.admit(work(), ROUNDS, now).unwrap();
        assert!(queue.admit(work(), ROUNDS, now).is_err());
        queue.withdraw(waiting);
        assert!(queue.admit(work(), ROUNDS, now).is_ok());
    }

    #[test]
    fn learns_how_long_a_hash_takes() {
        let mut now = Instant::now();
        let mut queue = measured(1, SECOND, SECOND);
        for _ in 0..40 {
            let _answer = queue.admit(work(), ROUNDS, now).unwrap();
            queue.next(0, now).unwrap();
            now += SECOND / 100;
            queue.finished(0, Some(ROUNDS), now);
        }
        assert!(queue.round_nanos * as_f64(ROUNDS) < 2e7, "{}", queue.round_nanos);
    }
}
