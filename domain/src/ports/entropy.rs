use super::Unavailable;

/// Gives random bytes fit for secrets (a CSPRNG seeded by the system).
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait Entropy: Send + Sync {
    /// Thirty-two fresh bytes.
    ///
    /// # Errors
    /// [`Unavailable`] when the system gives none; nothing predictable is ever given instead.
    fn bytes(&self) -> Result<[u8; 32], Unavailable>;
}
