//! Counts the uses of keys in a file of slots, so that none is lost or counted twice when the process is killed.
//!
//! A use is one `pwrite` of 64 bytes into the slot of its key and day: the page cache has it when the count returns, and what the page cache has outlives the
//! process. A second after its first use (by default) the file is closed, a new one begins, and a task adds the closed one to storage and then
//! deletes it. A file is a batch: it was given its id when it began and is never changed once it is closed, so sending it again, also after a kill,
//! adds it once. Files that an earlier process left are sent under their own ids.
//!
//! - **While storage is away** the next file isn't closed but goes on counting: a key's uses of a day stay one slot however many they are. So hours of an
//!   outage are a few files, and exact.
//! - **Bounds.** A file has 65,536 slots (4 MiB on the disk, about 8 MiB in memory) by default and is closed early when they are taken; at most 16 closed files
//!   wait. When all are full a use of a key without a slot is refused, and its caller adds it to storage itself; keys with slots go on. Closed files take no
//!   memory until they are sent.
//! - **A power cut** can take what was counted in the half minute before it, as the kernel writes pages back in its own time. It can't count anything twice.
//! - **Damage** is looked for slot by slot, by checksum: the good ones are sent, the file is put aside as `*.damaged`, and the log says so.
//! - Storage remembers batches for a week. A process killed between sending a file and deleting it has to be started again within that time.
//!
//! `slots.rs` is the form of a file, `segment.rs` the file that is being counted into, `folder.rs` what is in the directory, `ledger.rs` joins them into
//! the port.

mod folder;
mod ledger;
mod segment;
mod settings;
mod slots;

pub use folder::UsageFault;
pub use ledger::FileUsageLedger;
pub use settings::{UsageFigures, UsageSettings};
