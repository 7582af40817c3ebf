//! Passwords and their hashes.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Secret;

/// A password as somebody typed it.
///
/// bcrypt reads 72 bytes and no more; a longer one is refused rather than cut, because a cut one would let its
/// first 72 bytes in alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Password(Secret);

impl Password {
    /// The fewest bytes of a new password.
    pub const MIN_BYTES: usize = 10;
    /// The most bytes of any password.
    pub const MAX_BYTES: usize = 72;

    /// Reads a password that is to be set: 10–72 bytes, no NUL (at which C implementations of bcrypt stop reading).
    ///
    /// # Errors
    /// A sentence for the person who typed it.
    pub fn to_set(text: &str) -> Result<Self, &'static str> {
        if text.len() < Self::MIN_BYTES {
            return Err("must be at least 10 bytes long");
        }
        Self::to_check(text)
    }

    /// Reads a password that is to be compared with a stored one: 1–72 bytes. A short one is compared like any other, so
    /// that accounts older than the least length still get in.
    ///
    /// # Errors
    /// A sentence for the person who typed it.
    pub fn to_check(text: &str) -> Result<Self, &'static str> {
        if text.is_empty() {
            return Err("must not be empty");
        }
        if text.len() > Self::MAX_BYTES {
            return Err("must be at most 72 bytes long");
        }
        if text.contains('\0') {
            return Err("must not contain a NUL character");
        }
        Ok(Self(Secret::new(text)))
    }

    /// The bytes to hash.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// A stored password hash in its modular-crypt text form (`$2b$12$…`).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Wraps the text that a hasher made or storage kept.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for storage and comparison.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_bytes_not_characters() {
        assert!(Password::to_set("123456789").is_err());
        assert!(Password::to_set("1234567890").is_ok());
        assert!(Password::to_set(&"ä".repeat(36)).is_ok());
        assert!(Password::to_set(&"ä".repeat(37)).is_err());
        assert!(Password::to_set("long enough\0").is_err());
        assert!(Password::to_check("short").is_ok());
        assert!(Password::to_check("").is_err());
    }
}
