use super::Unavailable;
use crate::models::{Sealed, Secret};

/// Why something that was encrypted doesn't open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenRefused {
    /// It is encrypted under a key that isn't at hand.
    #[error("it is encrypted under the key {key_id}, which is not configured")]
    UnknownKey {
        /// Names the key.
        key_id: String,
    },
    /// It was changed, or belongs to somebody or something else.
    #[error("its ciphertext was tampered with, or is another's")]
    Tampered,
}

/// Encrypts small secrets for storage, and opens them again.
///
/// Authenticated: what was sealed with one binding opens with that binding alone, and not at all once a bit of it, or the id of its key, was changed. Two seals of
/// the same secret have nothing in common.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait Sealer: Send + Sync {
    /// Names the key that [`Sealer::seal`] encrypts under.
    ///
    /// # Errors
    /// [`Unavailable`] when none is configured.
    fn present_key(&self) -> Result<String, Unavailable>;

    /// Encrypts `secret`, bound to `binding`.
    ///
    /// # Errors
    /// [`Unavailable`] when no key is configured, or there is no randomness.
    fn seal(&self, secret: &Secret, binding: &[u8]) -> Result<Sealed, Unavailable>;

    /// Opens what was sealed with the same binding, under any key at hand.
    ///
    /// # Errors
    /// [`OpenRefused`].
    fn open(&self, sealed: &Sealed, binding: &[u8]) -> Result<Secret, OpenRefused>;
}
