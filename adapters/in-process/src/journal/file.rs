//! The journal's files: a lock, one segment that is appended to, and what could not be read.
//!
//! A segment is replaced by a new one that begins with what is still to be written, so that at rest there is one, and its size follows
//! what is pending, not what ever happened.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use portico_domain::models::Fact;

use super::entry::Entry;

const LOCK: &str = "lock";
const UNREADABLE: &str = "unreadable.log";
const SUFFIX: &str = ".journal";
/// A segment is not replaced before it is this large, in bytes.
const LEAST_SEGMENT: u64 = 8 << 20;
/// A line longer than this is damage, not a record; bounds what recovery reads at once.
const LONGEST_LINE: usize = 4 << 20;

/// Why the journal can't be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalFault {
    /// Another process has it. Two would write each other's records away.
    #[error("the journal in {0} is in use by another process; give each process a data directory of its own")]
    InUse(PathBuf),
    /// The file system refuses.
    #[error("the journal in {directory} can't be used: {fault}")]
    Io {
        /// Where the journal is.
        directory: PathBuf,
        /// What the system says.
        fault: io::Error,
    },
}

/// What an earlier process left.
#[derive(Debug, Default)]
pub(super) struct Recovered {
    /// Records that were taken and not written, oldest first.
    pub(super) unfinished: BTreeMap<u64, Vec<Fact>>,
    /// Lines that could not be read and were put aside.
    pub(super) unreadable: usize,
    /// The number after the highest seen.
    pub(super) next_number: u64,
}

/// The files, held by this process alone.
pub(super) struct JournalFile {
    directory: PathBuf,
    segment: u64,
    file: Arc<File>,
    /// Bytes of whole lines in the segment.
    length: u64,
    replace_at: u64,
    /// Part of a line may stand behind `length`.
    torn: bool,
    /// Released when the process ends, however it ends.
    _lock: File,
}

impl JournalFile {
    /// Takes the journal in `directory`, making it if need be, and reads what is unfinished.
    pub(super) fn open(directory: &Path) -> Result<(Self, Recovered), JournalFault> {
        let io = |fault| JournalFault::Io { directory: directory.to_owned(), fault };
        make_private_directory(directory).map_err(io)?;
        let lock =
            private(OpenOptions::new().write(true).create(true)).open(directory.join(LOCK)).map_err(io)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(JournalFault::InUse(directory.to_owned())),
            Err(TryLockError::Error(fault)) => return Err(io(fault)),
        }
        let segments = segments(directory).map_err(io)?;
        let recovered = recover(directory, &segments).map_err(io)?;
        let last = segments.last().copied().unwrap_or(0);
        let lines = recovered
            .unfinished
            .iter()
            .map(|(&number, facts)| Entry::Taken { number, facts: facts.clone() }.to_line())
            .collect::<Result<String, _>>()
            .map_err(|fault| io(fault.into()))?;
        let (file, length) = new_segment(directory, last + 1, &lines).map_err(io)?;
        let journal = Self {
            directory: directory.to_owned(),
            segment: last + 1,
            file: Arc::new(file),
            length,
            replace_at: LEAST_SEGMENT.max(2 * length),
            torn: false,
            _lock: lock,
        };
        journal.remove_older();
        Ok((journal, recovered))
    }

    /// Appends a line. When this returns, the line survives the death of this process, though not yet that of the machine. A line that could
    /// not be written whole is taken back.
    pub(super) fn append(&mut self, line: &str) -> io::Result<()> {
        if self.torn {
            // What can't be taken back is at least ended, so that it spoils no other line.
            (&*self.file).write_all(b"\n")?;
            self.length = self.file.metadata()?.len();
            self.torn = false;
        }
        match (&*self.file).write_all(line.as_bytes()) {
            Ok(()) => {
                self.length += line.len() as u64;
                Ok(())
            }
            Err(fault) => {
                self.torn = self.file.set_len(self.length).is_err();
                Err(fault)
            }
        }
    }

    /// The segment's file, to be synced without holding up appends.
    pub(super) fn file(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    /// What the segment takes up.
    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    /// Whether the segment has grown enough to be replaced.
    pub(super) const fn is_long(&self) -> bool {
        self.length >= self.replace_at
    }

    /// Goes over to a new segment that begins with `lines`, synced, and removes the old one. On failure the old one stays in use.
    pub(super) fn replace(&mut self, lines: &str) -> io::Result<()> {
        // Tried again after as much more, whether it succeeds or not.
        self.replace_at = self.length + LEAST_SEGMENT;
        let (file, length) = new_segment(&self.directory, self.segment + 1, lines)?;
        self.segment += 1;
        self.file = Arc::new(file);
        self.length = length;
        self.torn = false;
        self.replace_at = LEAST_SEGMENT.max(2 * length);
        self.remove_older();
        Ok(())
    }

    /// A segment that can't be removed is harmless: what it says is said again, and facts may be written twice.
    fn remove_older(&self) {
        for older in segments(&self.directory).unwrap_or_default() {
            if older < self.segment {
                let path = segment_path(&self.directory, older);
                if let Err(fault) = fs::remove_file(&path) {
                    tracing::warn!(%fault, path = %path.display(), "a finished journal segment could not be removed");
                }
            }
        }
    }
}

fn new_segment(directory: &Path, number: u64, lines: &str) -> io::Result<(File, u64)> {
    let path = segment_path(directory, number);
    let mut file = private(OpenOptions::new().append(true).create_new(true)).open(&path)?;
    let written = file.write_all(lines.as_bytes()).and_then(|()| file.sync_all()).and_then(|()| {
        // The name has to last as well as the content, before the older segment goes.
        File::open(directory)?.sync_all()
    });
    match written {
        Ok(()) => Ok((file, lines.len() as u64)),
        Err(fault) => {
            let _ = fs::remove_file(&path);
            Err(fault)
        }
    }
}

fn recover(directory: &Path, segments: &[u64]) -> io::Result<Recovered> {
    let mut recovered = Recovered { next_number: 1, ..Recovered::default() };
    let mut written = Vec::new();
    let mut aside: Option<File> = None;
    for &segment in segments {
        let mut lines = BufReader::new(File::open(segment_path(directory, segment))?);
        let mut line = Vec::new();
        loop {
            line.clear();
            // Read up to the bound: a line that is longer comes in pieces, none of which passes for a record.
            let read = io::Read::take(&mut lines, LONGEST_LINE as u64).read_until(b'\n', &mut line)?;
            if read == 0 {
                break;
            }
            let content = line.strip_suffix(b"\n").unwrap_or(&line);
            match Entry::from_line(content) {
                _ if content.is_empty() => {}
                Some(Entry::Taken { number, facts }) => {
                    recovered.next_number = recovered.next_number.max(number + 1);
                    recovered.unfinished.insert(number, facts);
                }
                Some(Entry::Written(ranges)) => written.extend(ranges),
                None => {
                    recovered.unreadable += 1;
                    put_aside(directory, &mut aside, content)?;
                }
            }
        }
    }
    for (first, last) in written {
        recovered.next_number = recovered.next_number.max(last.saturating_add(1));
        let done: Vec<u64> = recovered.unfinished.range(first..=last.max(first)).map(|(n, _)| *n).collect();
        for number in done {
            recovered.unfinished.remove(&number);
        }
    }
    if let Some(aside) = aside {
        aside.sync_all()?;
    }
    Ok(recovered)
}

fn put_aside(directory: &Path, aside: &mut Option<File>, content: &[u8]) -> io::Result<()> {
    let file = if let Some(file) = aside {
        file
    } else {
        let path = directory.join(UNREADABLE);
        aside.insert(private(OpenOptions::new().append(true).create(true)).open(path)?)
    };
    file.write_all(content)?;
    file.write_all(b"\n")
}

fn segments(directory: &Path) -> io::Result<Vec<u64>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        let stem = name.to_str().and_then(|name| name.strip_suffix(SUFFIX));
        found.extend(stem.and_then(|stem| stem.parse::<u64>().ok()));
    }
    found.sort_unstable();
    Ok(found)
}

fn segment_path(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("{number:012}{SUFFIX}"))
}

/// Facts hold digests and password hashes: for the owner's eyes alone.
pub(crate) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

pub(crate) fn make_private_directory(directory: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)
}

#[cfg(test)]
impl JournalFile {
    /// Makes every append fail, as a full disk does, and gives back what [`JournalFile::mend`] needs.
    pub(super) fn spoil(&mut self) -> Arc<File> {
        let read_only = File::open(segment_path(&self.directory, self.segment)).unwrap();
        std::mem::replace(&mut self.file, Arc::new(read_only))
    }

    /// Lets appends succeed again.
    pub(super) fn mend(&mut self, file: Arc<File>) {
        self.file = file;
    }
}
