//! Passwords, tokens, MACs and randomness: the domain's secrets in the hands of vetted crates.
//!
//! | port | adapter | where |
//! | --- | --- | --- |
//! | `Entropy` | [`SystemEntropy`] | everywhere |
//! | `Passwords` | [`BcryptPasswords`]: hash threads of its own at low priority, behind a bounded queue | servers |
//! | `Passwords` | [`InlinePasswords`]: the same bcrypt, computed in place | Workers |
//! | `Sealer` | [`XChaChaSealer`]: XChaCha20-Poly1305 under keys with ids | everywhere |
//! | `TokenKeys` | [`StaticTokenKeys`]: keys that were read with the configuration | everywhere |
//! | `TokenSigner` | [`JwtSigner`]: JWT by HS256 or EdDSA, MACs by derived keys | everywhere |
//!
//! `passwords/work.rs` holds what both password adapters compute, `passwords/queue.rs` decides who waits, `passwords/threads.rs` runs
//! it. `tokens/keys.rs` reads keys, `tokens/macs.rs` derives the MAC keys, `tokens/provider.rs` gives `jsonwebtoken` the two
//! algorithms that Portico uses and no other, `tokens/signer.rs` joins them.
//!
//! To add a password hasher, write its file beside `inline.rs`, run `tests/passwords.rs` over it, and name it in one runtime's wiring. To add
//! a signature algorithm, add it to `tokens/provider.rs` and give its keys a reader in `tokens/keys.rs`.

mod entropy;
mod passwords;
mod sealing;
mod tokens;

pub use entropy::SystemEntropy;
pub use passwords::{BcryptCost, InlinePasswords};
#[cfg(not(target_arch = "wasm32"))]
pub use passwords::{BcryptPasswords, BcryptSettings, Calibration, CostTime, HashingFigures, calibrate};
pub use sealing::{SealingKeys, XChaChaSealer};
pub use tokens::{JwtSigner, KeyFault, KeyRole, MIN_SECRET_BYTES, StaticTokenKeys, TokenKeysConfig};
