mod keys;
mod macs;
mod provider;
mod signer;

pub use keys::{KeyFault, KeyRole, MIN_SECRET_BYTES, TokenKeysConfig};
pub use signer::{JwtSigner, StaticTokenKeys};
