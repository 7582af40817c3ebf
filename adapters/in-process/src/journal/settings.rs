use std::path::PathBuf;

/// What the journal promises when the power fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum JournalSync {
    /// Records are synced together, 50 ms after they were taken at the latest. The death of the process loses nothing; the death of the machine
    /// can lose what was taken in its last 50 ms: a `last_login_at`, and the row of a session that its first refresh makes good.
    #[default]
    Grouped,
    /// Each record is synced before its taker goes on: nothing is lost with the machine either, at the price of a disk's sync in every sign-in.
    Every,
}

/// Where and how deferred writes are kept until they are written.
#[derive(Debug, Clone)]
pub struct JournalSettings {
    /// The journal's own directory; made if need be, for the owner alone.
    pub directory: PathBuf,
    /// What a power cut may take.
    pub sync: JournalSync,
    /// How many facts may wait in memory. Beyond it facts are written before the answer, as if writes were not deferred.
    pub most_pending: usize,
}

impl JournalSettings {
    /// A journal in `directory`, synced in groups, for up to 10,000 facts: about 5 MB.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), sync: JournalSync::default(), most_pending: 10_000 }
    }
}

/// What became of the facts so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeferredFigures {
    /// Facts written behind answers.
    pub written: u64,
    /// Steps that failed and were tried again.
    pub retried: u64,
    /// Facts written before the answer, because the journal or the memory had no room.
    pub written_through: u64,
    /// Facts that an earlier process left and this one took over.
    pub recovered: u64,
    /// Lines of the journal that could not be read and were put aside.
    pub unreadable: u64,
    /// Facts that wait now.
    pub pending: usize,
    /// What the journal takes up on the disk.
    pub journal_bytes: u64,
}
