//! Pieces that several flows share.

mod gate;
mod issuance;
mod kept;
mod lazy_passwords;
mod signers;
mod write_through;

pub use gate::{Gate, GateRefused};
pub use issuance::Issuance;
pub use kept::Kept;
pub use lazy_passwords::{LazyPasswords, MakePasswords};
pub use signers::Signers;
pub use write_through::WriteThrough;
