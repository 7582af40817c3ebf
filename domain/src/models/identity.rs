//! Who somebody is at another provider, and where a browser goes afterwards.

use super::{Email, UserId};

/// A provider that people can sign in through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Provider {
    /// GitHub, or an Enterprise server of it.
    GitHub,
}

impl Provider {
    /// The word that is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GitHub => "github",
        }
    }
}

/// An account at a provider, by the provider's own unchanging identifier (never by a login name, which can be given
/// to somebody else).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalIdentity {
    /// Which provider.
    pub provider: Provider,
    /// The provider's identifier of the account.
    pub subject: String,
}

/// What a provider says of somebody who signed in there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalProfile {
    /// Who they are there.
    pub identity: ExternalIdentity,
    /// Their primary address, only if the provider has verified it.
    pub verified_email: Option<Email>,
    /// Their display name there.
    pub name: Option<String>,
}

/// The account that holds an e-mail address, as far as the linking rule needs to know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailHolder {
    /// Which account.
    pub user_id: UserId,
    /// Whether it can be signed in to by password.
    pub has_password: bool,
    /// Whether Portico knows that the account's owner controls the address.
    pub email_verified: bool,
    /// Whether an account of the same provider is linked to it already.
    pub has_identity: bool,
}

/// A path of this site to which a browser is sent after signing in.
///
/// It can't name another host: it begins with exactly one `/`, and holds no backslash (which browsers read as `/`), no
/// control character and no white space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnPath(String);

impl ReturnPath {
    /// The most bytes of a path.
    pub const MAX_BYTES: usize = 512;

    /// Reads a path.
    ///
    /// # Errors
    /// A sentence for the developer who built the link.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > Self::MAX_BYTES {
            return Err("must be at most 512 bytes long");
        }
        let visible = text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
        if !text.starts_with('/') || text.starts_with("//") || !visible {
            return Err("must be a path of this site, such as /welcome");
        }
        Ok(Self(text.to_owned()))
    }

    /// The path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ReturnPath {
    fn default() -> Self {
        Self("/".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_names_another_host() {
        let escapes =
            ["https://evil.example", "//evil.example", "/\\evil.example", "\\/evil.example", "evil", ""];
        for text in escapes {
            assert!(ReturnPath::parse(text).is_err(), "{text}");
        }
        for text in ["/\t/evil.example", "/a\r\nSet-Cookie: x", " /a", "javascript:alert(1)"] {
            assert!(ReturnPath::parse(text).is_err(), "{text}");
        }
        assert_eq!(ReturnPath::parse("/a?b=//c#d").unwrap().as_str(), "/a?b=//c#d");
    }
}
