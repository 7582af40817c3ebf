mod backlog;
mod entry;
mod file;
mod settings;
mod writes;

pub use file::JournalFault;
pub(crate) use file::{make_private_directory, private};
pub use settings::{DeferredFigures, JournalSettings, JournalSync};
pub(crate) use writes::AbortOnDrop;
pub use writes::JournalledWrites;
