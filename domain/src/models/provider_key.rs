//! Keys that people have at providers of models: what they are, how they are stored, and what may be shown of them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Secret, Timestamp, UserId};

/// Names a provider of models, as the catalogue does: a word in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProviderName(String);

impl ProviderName {
    /// The longest name, in bytes.
    pub const MAX_BYTES: usize = 64;

    /// Reads a name; `None` for what no provider can be called.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let allowed = |byte: u8| is_word(byte) || matches!(byte, b'.' | b'_' | b'-');
        let fits = (1..=Self::MAX_BYTES).contains(&text.len());
        let is_name = fits && is_word(text.as_bytes()[0]) && text.bytes().all(allowed);
        is_name.then(|| Self(text.to_owned()))
    }

    /// Gives a stored name its meaning.
    #[must_use]
    pub const fn stored(text: String) -> Self {
        Self(text)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A key that a provider gave somebody. Printing it shows nothing of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderApiKey(Secret);

impl ProviderApiKey {
    /// The longest key, in bytes.
    pub const MAX_BYTES: usize = 4_096;

    /// Reads a key. Spaces around it are none of it; control characters, line breaks among them, say that something else was pasted along.
    ///
    /// # Errors
    /// What is wrong, in words that don't repeat the key.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let key = text.trim_matches(' ');
        if text.chars().any(char::is_control) {
            Err("must not contain control characters, such as a line break")
        } else if key.chars().all(char::is_whitespace) {
            Err("must not be blank")
        } else if key.len() > Self::MAX_BYTES {
            Err("must be at most 4096 bytes long")
        } else {
            Ok(Self(Secret::new(key)))
        }
    }

    /// The key, to be encrypted or sent to its provider.
    #[must_use]
    pub const fn secret(&self) -> &Secret {
        &self.0
    }

    /// Its last characters, for its owner to know it by: four, and of a key of fewer than twelve a third, so that what is shown is never much of it.
    #[must_use]
    pub fn last4(&self) -> String {
        let characters: Vec<char> = self.0.expose().chars().collect();
        let shown = (characters.len() / 3).min(4);
        characters[characters.len() - shown..].iter().collect()
    }
}

/// A provider as somebody has set it up; what may be shown of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProviderSetting {
    /// The provider.
    pub provider: ProviderName,
    /// Whether its models may be used with the key.
    pub enabled: bool,
    /// The last characters of the key; `None` where none is stored.
    pub last4: Option<String>,
    /// When the key was stored or the switch turned, whatever came last.
    pub updated_at: Timestamp,
}

/// What was encrypted, and under which key.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Names the key.
    pub key_id: String,
    /// Whatever its sealer needs to open it again, and the ciphertext.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} bytes under {}]", self.bytes.len(), self.key_id)
    }
}

/// A provider's key as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredProviderKey {
    /// Whose it is.
    pub user_id: UserId,
    /// At which provider.
    pub provider: ProviderName,
    /// Whether its owner left it switched on.
    pub enabled: bool,
    /// The key, encrypted.
    pub sealed: Sealed,
}

impl StoredProviderKey {
    /// What the ciphertext of somebody's key is bound to: with anything else it doesn't open. Each part has one length or a mark at its end, so that no two pairs of
    /// person and provider are written alike.
    #[must_use]
    pub fn binding(user: UserId, provider: &ProviderName) -> Vec<u8> {
        [b"provider-key\0", user.uuid().as_bytes().as_slice(), provider.as_str().as_bytes()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_are_words() {
        for name in ["openai", "x", "01-ai", "z.ai", "fireworks_ai"] {
            assert_eq!(ProviderName::parse(name).unwrap().as_str(), name);
        }
        for wrong in ["", "OpenAI", "-a", "a b", "a/b", "ä", &"a".repeat(65)] {
            assert_eq!(ProviderName::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_key_is_read_without_the_spaces_around_it_and_never_printed() {
        let key = ProviderApiKey::parse("  sk-obviously-fake  ").unwrap();
        assert_eq!(key.secret().expose(), "sk-obviously-fake");
        assert!(!format!("{key:?}").contains("fake"));
        for wrong in
            ["", "   ", "\u{a0}\u{2003}", "sk-fake\n", "sk\0fake", "sk-\u{85}fake", &"x".repeat(4_097)]
        {
            let refused = ProviderApiKey::parse(wrong).unwrap_err();
            assert!(!refused.contains("fake"), "{refused}");
        }
        assert!(ProviderApiKey::parse(&"x".repeat(4_096)).is_ok());
    }

    #[test]
    fn a_short_key_is_not_shown_whole() {
        let last4 = |text: &str| ProviderApiKey::parse(text).unwrap().last4();
        assert_eq!(last4("sk-obviously-fake"), "fake");
        assert_eq!(last4("abcdefghijkl"), "ijkl");
        assert_eq!(last4("abcdefghijk"), "ijk");
        assert_eq!(last4("abcd"), "d");
        assert_eq!(last4("ab"), "");
        assert_eq!(last4("ключ-для-проверки"), "ерки");
    }

    #[test]
    fn bindings_tell_people_and_providers_apart() {
        let user = |n| UserId::from_uuid(uuid::Uuid::from_u128(n));
        let name = |text| ProviderName::parse(text).unwrap();
        let one = StoredProviderKey::binding(user(1), &name("openai"));
        assert_ne!(one, StoredProviderKey::binding(user(2), &name("openai")));
        assert_ne!(one, StoredProviderKey::binding(user(1), &name("openai2")));
    }
}
