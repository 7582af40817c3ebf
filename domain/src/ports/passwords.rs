use std::time::Duration;

use async_trait::async_trait;

use crate::models::{Password, PasswordHash};

/// How a password compares with a stored hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordVerdict {
    /// It is the one. `outdated` says that the hash was made at a lower cost than is asked for today.
    Matches {
        /// Whether to hash anew.
        outdated: bool,
    },
    /// It isn't, or there was nothing to compare with.
    Differs,
}

/// Why nothing was hashed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HashingRefused {
    /// More hashing is queued than can be done before its deadline.
    #[error("password hashing is overloaded")]
    Overloaded {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The hasher failed, or a stored hash can't be read.
    #[error("password hashing failed: {0}")]
    Failed(String),
}

/// Hashes and verifies passwords, by as many slots as there are cores and with a bounded queue.
// The generated mock takes references to its arguments, this one being an `Option` of one.
#[cfg_attr(any(test, feature = "mocks"), allow(clippy::ref_option_ref), mockall::automock)]
#[async_trait]
pub trait Passwords: Send + Sync {
    /// Hashes a password at today's cost with a fresh salt.
    async fn hash(&self, password: &Password) -> Result<PasswordHash, HashingRefused>;

    /// Compares a password with a stored hash, or, where there is none, with a decoy of today's cost, so that a missing account takes
    /// the same time as a wrong password. A dropped future frees its place in the queue.
    async fn verify<'a>(
        &self,
        password: &Password,
        stored: Option<&'a PasswordHash>,
    ) -> Result<PasswordVerdict, HashingRefused>;
}
