use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

use uuid::Uuid;

use super::{
    segment::Segment,
    slots::{self, Contents},
};
use crate::journal::{make_private_directory, private};

const LOCK: &str = "lock";
const COUNTED: &str = "usage";
const DAMAGED: &str = "damaged";

/// Why uses can't be counted in files.
#[derive(Debug, thiserror::Error)]
pub enum UsageFault {
    /// Another process counts there. Two would delete each other's files.
    #[error("{0} is in use by another process; give each process a data directory of its own")]
    InUse(PathBuf),
    /// The file system refuses.
    #[error("uses of keys can't be counted in {directory}: {fault}")]
    Io {
        /// Where the files are.
        directory: PathBuf,
        /// What the system says.
        fault: io::Error,
    },
}

/// The directory of the files, held by this process alone.
pub(super) struct Folder {
    path: PathBuf,
    slots: u32,
    /// Released when the process ends, however it ends.
    _lock: File,
}

/// A file that is no longer counted into.
#[derive(Debug, Clone)]
pub(super) struct Closed {
    pub(super) path: PathBuf,
    pub(super) uses: u64,
}

/// What an earlier process left.
#[derive(Debug, Default)]
pub(super) struct Left {
    pub(super) files: Vec<Closed>,
    pub(super) unreadable: u64,
}

impl Folder {
    /// Takes the directory, making it if need be, and looks what is there.
    pub(super) fn open(path: &Path, slots: u32) -> Result<(Self, Left), UsageFault> {
        let io = |fault| UsageFault::Io { directory: path.to_owned(), fault };
        make_private_directory(path).map_err(io)?;
        let lock = private(OpenOptions::new().write(true).create(true)).open(path.join(LOCK)).map_err(io)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(UsageFault::InUse(path.to_owned())),
            Err(TryLockError::Error(fault)) => return Err(io(fault)),
        }
        let left = look(path).map_err(io)?;
        Ok((Self { path: path.to_owned(), slots, _lock: lock }, left))
    }

    /// Begins a file.
    pub(super) fn begin(&self, id: Uuid) -> io::Result<Segment> {
        let id = slots::file_id(id);
        let path = self.path.join(format!("{}.{COUNTED}", id.simple()));
        let mut file = private(OpenOptions::new().write(true).create_new(true)).open(&path)?;
        if let Err(fault) = file.write_all(&slots::head(id)) {
            let _ = fs::remove_file(&path);
            return Err(fault);
        }
        Ok(Segment::new(id, path, file, self.slots))
    }
}

fn look(directory: &Path) -> io::Result<Left> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == COUNTED) {
            paths.push(path);
        }
    }
    // Names begin with the time.
    paths.sort();
    let mut left = Left::default();
    for path in paths {
        match read(&path)? {
            Some(Contents { batches, unreadable: 0, .. }) if batches.is_empty() => fs::remove_file(&path)?,
            Some(Contents { uses, unreadable, .. }) => {
                left.unreadable += unreadable;
                left.files.push(Closed { path, uses });
            }
            None => {
                left.unreadable += 1;
                put_aside(&path)?;
            }
        }
    }
    Ok(left)
}

/// Reads a file; `None` when nothing says which batch it is.
pub(super) fn read(path: &Path) -> io::Result<Option<Contents>> {
    let named = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| Uuid::try_parse(stem).ok());
    Ok(slots::read(&fs::read(path)?, named))
}

/// Ends a file that storage has; one that is damaged is put aside.
pub(super) fn finish(path: &Path, is_damaged: bool) -> io::Result<()> {
    if is_damaged { put_aside(path) } else { fs::remove_file(path) }
}

fn put_aside(path: &Path) -> io::Result<()> {
    let aside = path.with_extension(DAMAGED);
    tracing::error!(file = %aside.display(), "a file of counted uses is damaged; it is put aside");
    fs::rename(path, aside)
}
