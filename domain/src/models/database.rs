use std::time::Duration;

/// How much of a pool of connections is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolState {
    /// The most connections that there may be.
    pub max: u32,
    /// Those that there are, or that are being opened.
    pub size: u32,
    /// Those that wait to be used.
    pub idle: u32,
    /// Callers that wait for one, or for one to be opened.
    pub waiting: u32,
}

impl PoolState {
    /// Connections in use, or being opened for somebody.
    #[must_use]
    pub const fn active(&self) -> u32 {
        self.size.saturating_sub(self.idle)
    }

    /// The part of the pool that is in use, from 0 to 1.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        f64::from(self.active()) / f64::from(self.max.max(1))
    }

    /// Whether more than 80 % is in use.
    #[must_use]
    pub fn is_nearly_used_up(&self) -> bool {
        u64::from(self.active()) * 5 > u64::from(self.max) * 4
    }

    /// Whether it is nearly used up, and that is worth telling. Of a pool of four connections or less that is all of it, as any moment's work can have it:
    /// there it counts when somebody waits as well.
    #[must_use]
    pub fn is_strained(&self) -> bool {
        self.is_nearly_used_up() && (self.max > 4 || self.waiting > 0)
    }
}

/// The connections that this process keeps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pools {
    /// Those that statements run on; `None` where none are kept between requests. Of `SQLite`, those that read.
    pub pool: Option<PoolState>,
    /// The one that writes, where there is such a one.
    pub writer: Option<PoolState>,
    /// The size of the write-ahead log beside an embedded file.
    pub wal_bytes: Option<u64>,
}

/// What a database says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseActivity {
    /// What it is: `postgres` or `sqlite`.
    pub kind: String,
    /// What its connections do; `None` where it has no others than ours.
    pub connections: Option<ConnectionCounts>,
    /// Statements and transactions that have been open for long, oldest first; empty where it can't tell.
    pub long_running: Vec<LongRunning>,
    /// How much its file holds; `None` where it is no file of ours.
    pub file: Option<FileSize>,
}

/// What the connections to a database do, whoever opened them, without the one that asks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConnectionCounts {
    /// Running a statement.
    pub active: u32,
    /// Of those, waiting for something: a lock, a disk, a client.
    pub waiting: u32,
    /// Of those, waiting for a lock.
    pub waiting_for_lock: u32,
    /// Open and unused.
    pub idle: u32,
    /// In a transaction whose next statement has yet to come.
    pub idle_in_transaction: u32,
    /// Other accounts' connections, whose state isn't shown to ours.
    pub hidden: u32,
    /// The most that the database lets in.
    pub max: u32,
}

/// A statement or transaction that has been open for long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LongRunning {
    /// The process in the database, by which an operator can end it.
    pub pid: u32,
    /// What it does, in the database's words.
    pub state: String,
    /// For how long: since the statement began, or the transaction that waits for the next one.
    pub age: Duration,
    /// What kind of thing it waits for, and what.
    pub waits_for: Option<(String, String)>,
    /// What its connection calls itself.
    pub application_name: String,
    /// Which of our statements it runs. The text of others may hold anybody's data, so it is not told.
    pub statement: Option<String>,
}

/// How much a database's file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileSize {
    /// Bytes of all its pages.
    pub bytes: u64,
    /// Of those, bytes that are free to be used again.
    pub free_bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn state(max: u32, size: u32, idle: u32, waiting: u32) -> PoolState {
        PoolState { max, size, idle, waiting }
    }

    #[test]
    fn a_pool_is_strained_above_four_fifths() {
        assert!(!state(10, 10, 2, 0).is_strained(), "80 % is not above 80 %");
        assert!(state(10, 10, 1, 0).is_strained());
        assert!(!state(5, 4, 0, 9).is_strained() && state(5, 5, 0, 0).is_strained());
        assert!(!state(10, 0, 0, 0).is_strained());
    }

    #[test]
    fn a_few_connections_in_use_are_no_strain_while_nobody_waits() {
        assert!(!state(2, 2, 0, 0).is_strained() && !state(4, 4, 0, 0).is_strained());
        assert!(state(4, 4, 0, 1).is_strained());
        assert!(!state(1, 1, 0, 0).is_strained());
        assert!(state(1, 1, 0, 1).is_strained());
        assert!(!state(1, 1, 1, 1).is_strained());
    }

    #[test]
    fn figures_that_were_read_one_after_the_other_make_no_nonsense() {
        let torn = state(0, 1, 2, 0);
        assert_eq!((torn.active(), torn.is_strained()), (0, false));
        assert!(torn.ratio().abs() < f64::EPSILON);
    }
}
