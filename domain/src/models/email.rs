//! E-mail addresses as account names.

use std::fmt;

use serde::Serialize;

/// An e-mail address in the form in which accounts are compared: trimmed and in lower case.
///
/// The check is the useful part of RFC 5321: one `@`, a local part of 1–64 bytes, a domain with a dot, at most 254 bytes, no
/// white space and no control characters. Whether the address exists only a letter can tell.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Email(String);

impl Email {
    /// The longest address that SMTP can carry, in bytes (RFC 5321, 4.5.3.1.3, less the angle brackets).
    pub const MAX_BYTES: usize = 254;

    /// Reads an address.
    ///
    /// # Errors
    /// A sentence for the person who typed it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        if text.is_empty() {
            return Err("must not be empty");
        }
        if text.len() > Self::MAX_BYTES {
            return Err("must be at most 254 bytes long");
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err("must not contain white space or control characters");
        }
        let invalid = "must be an e-mail address, such as ada@example.com";
        let (local, domain) = text.rsplit_once('@').ok_or(invalid)?;
        let labels_fit = domain.split('.').all(|label| {
            !label.is_empty() && label.len() <= 63 && !label.starts_with('-') && !label.ends_with('-')
        });
        let plain_domain = domain.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '.');
        if local.is_empty() || local.len() > 64 || local.contains('@') || !domain.contains('.') {
            return Err(invalid);
        }
        if !labels_fit || !plain_domain {
            return Err(invalid);
        }
        let lower = text.to_lowercase();
        // A few characters grow when lowered.
        if lower.len() > Self::MAX_BYTES {
            return Err("must be at most 254 bytes long");
        }
        Ok(Self(lower))
    }

    /// The canonical text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_compared_without_case_and_space() {
        assert_eq!(Email::parse("  Ada@Example.COM ").unwrap().as_str(), "ada@example.com");
    }

    #[test]
    fn refuses_what_no_mail_server_takes() {
        for text in ["", "ada", "@example.com", "ada@", "ada@localhost", "a b@example.com", "a@b@example.com"]
        {
            assert!(Email::parse(text).is_err(), "{text}");
        }
        for text in ["ada@.com", "ada@exa..com", "ada@-a.com", "ada@a_b.com", "ada\u{0}@example.com"] {
            assert!(Email::parse(text).is_err(), "{text}");
        }
        assert!(Email::parse(&format!("{}@example.com", "a".repeat(65))).is_err());
        assert!(Email::parse(&format!("ada@{}com", "abcdefgh.".repeat(30))).is_err());
    }
}
