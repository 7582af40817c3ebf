use std::{path::PathBuf, time::Duration};

/// Where and how uses are kept until storage has them.
#[derive(Debug, Clone)]
pub struct UsageSettings {
    /// The files' own directory; made if need be, for the owner alone.
    pub directory: PathBuf,
    /// How long after its first use a file is closed and sent.
    pub interval: Duration,
    /// How many pairs of key and day one file counts, 1 to 65,536.
    pub slots: u32,
    /// How many closed files may wait for storage.
    pub most_files: usize,
}

impl UsageSettings {
    /// Files in `directory`, each sent a second after its first use, of up to 65,536 keys; 16 may wait.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), interval: Duration::from_secs(1), slots: 65_536, most_files: 16 }
    }
}

/// What became of the uses so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UsageFigures {
    /// Uses that storage has.
    pub delivered: u64,
    /// Files that were sent whole.
    pub files: u64,
    /// Attempts to send a file that failed.
    pub retried: u64,
    /// Uses that were refused, because the file or all files were full.
    pub refused: u64,
    /// Uses that an earlier process left and this one took over.
    pub recovered: u64,
    /// Slots and heads of files that could not be read.
    pub unreadable: u64,
    /// Uses that storage doesn't have yet.
    pub pending: u64,
}
