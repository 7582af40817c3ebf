mod backlog;
mod entry;
mod file;
mod settings;
mod writes;

pub use file::JournalFault;
pub use settings::{DeferredFigures, JournalSettings, JournalSync};
pub use writes::JournalledWrites;
