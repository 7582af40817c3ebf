use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{Prefix, Subject};
use crate::models::Digest;

/// Names an entry: the kind of thing it is, and a SHA-256 of which one. What was asked for is never readable from a key, and every key has one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CacheKey {
    /// The kind of thing.
    pub prefix: Prefix,
    /// Which one.
    pub digest: Digest,
}

impl CacheKey {
    /// Names the thing that `name` stands for among those of `prefix`.
    #[must_use]
    pub fn of(prefix: Prefix, name: &[u8]) -> Self {
        Self { prefix, digest: Digest::of(name) }
    }

    /// What the entry depends on by its mere name.
    #[must_use]
    pub fn subject(&self) -> Subject {
        Subject::of(self.prefix, &self.digest.0)
    }

    /// A number that is the same for the same entry everywhere, and spreads evenly.
    #[must_use]
    pub const fn spread(&self) -> u64 {
        let d = &self.digest.0;
        u64::from_le_bytes([d[8], d[9], d[10], d[11], d[12], d[13], d[14], d[15]])
    }
}

impl fmt::Display for CacheKey {
    /// The form in which shared tiers know it: `api-key:` and base64url.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.prefix.as_str())?;
        f.write_str(&URL_SAFE_NO_PAD.encode(self.digest.0))
    }
}
