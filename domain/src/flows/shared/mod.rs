//! Pieces that several flows share.

mod cursors;
mod gate;
mod issuance;
mod kept;
mod lazy_passwords;
mod refusals;
mod signers;
mod uses;
mod write_through;

pub use cursors::Cursors;
pub use gate::{Gate, GateRefused, GateStatistics};
pub use issuance::Issuance;
pub use kept::Kept;
pub use lazy_passwords::{LazyPasswords, MakePasswords};
pub(crate) use refusals::{from_gate, from_hashing};
pub use signers::Signers;
pub use uses::{Uses, UsesThrough};
pub use write_through::WriteThrough;
