//! API keys: what a program shows instead of a person's sign-in.
//!
//! A key's text is `pk_`, 32 base62 characters of randomness (190 bits) and 6 of checksum. The checksum keeps no attacker out; it lets a mistyped,
//! cut or made-up key be refused without asking anybody, and a scanner recognise a leaked one. Stored are the SHA-256 of the text, which is as
//! good as a slow hash for a secret that nobody can guess, and its first 8 characters, for its owner to know it by.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    ApiKeyId, Digest, InstanceId, OrganizationId, Quota, Role, Scope, Scopes, Secret, Timestamp, User, UserId,
};

const PREFIX: &str = "pk_";
const RANDOM: usize = 32;
const CHECKSUM: usize = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The text of a key whose form and checksum are right.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKeyText(Secret);

impl ApiKeyText {
    /// How many characters a key has.
    pub const LENGTH: usize = PREFIX.len() + RANDOM + CHECKSUM;
    /// How many of them are kept for its owner to know it by.
    pub const SHOWN: usize = 8;

    /// Reads a key. `None` when it can't be one of ours: nobody needs to be asked about it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let body = text.strip_prefix(PREFIX)?;
        if text.len() != Self::LENGTH || !body.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        let (random, checksum) = body.split_at(RANDOM);
        (checksum.as_bytes() == checksum_of(random)).then(|| Self(Secret::new(text)))
    }

    /// Makes a key of random bytes. Bytes that would favour some characters are passed over; `None` when too few are left, which with 64 bytes
    /// doesn't happen in the life of a universe.
    #[must_use]
    pub fn generate(random: &[u8]) -> Option<Self> {
        let fair = random.iter().filter(|byte| usize::from(**byte) < 256 / 62 * 62);
        let characters: String =
            fair.take(RANDOM).map(|byte| char::from(ALPHABET[usize::from(*byte) % 62])).collect();
        if characters.len() < RANDOM {
            return None;
        }
        let checksum = checksum_of(&characters);
        let checksum = std::str::from_utf8(&checksum).ok()?;
        Some(Self(Secret::new(format!("{PREFIX}{characters}{checksum}"))))
    }

    /// The whole text, to be shown once.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// What is stored and looked up.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.0.expose().as_bytes())
    }

    /// The first characters, for its owner to know it by.
    #[must_use]
    pub fn shown(&self) -> &str {
        &self.0.expose()[..Self::SHOWN]
    }
}

impl fmt::Debug for ApiKeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// CRC-32 in base62, most significant digit first.
fn checksum_of(random: &str) -> [u8; CHECKSUM] {
    let mut rest = crc32fast::hash(random.as_bytes());
    let mut digits = [b'0'; CHECKSUM];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[usize::try_from(rest % 62).unwrap_or(0)];
        rest /= 62;
    }
    digits
}

/// Whether a key still opens anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyStatus {
    /// It does, until it expires.
    Active,
    /// Somebody revoked it.
    Revoked,
}

/// A key as its owners see it; its JSON form is the contract's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Names the key.
    pub id: ApiKeyId,
    /// What its maker calls it.
    pub name: String,
    /// Its first 8 characters.
    pub prefix: String,
    /// Whose rows it opens.
    pub organization_id: OrganizationId,
    /// What it may do; nothing when empty.
    pub scopes: Scopes,
    /// The instances it is for; `None` for all, none when empty.
    pub instance_ids: Option<Vec<InstanceId>>,
    /// Whether it still opens anything.
    pub status: KeyStatus,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// How often it may be used.
    pub rate_limit: Option<Quota>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, as far as that has been written.
    pub last_used_at: Option<Timestamp>,
}

/// A key together with the person who made it: whoever holds the key has no more power than that person. Its JSON form is what shared caches keep; it holds
/// nothing that opens a door.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyHolder {
    /// The key.
    pub key: ApiKey,
    /// Who made it, as they are now.
    pub maker: User,
    /// When the text that was shown ends, because the key was rotated since; `None` for the present text.
    pub superseded_until: Option<Timestamp>,
}

impl KeyHolder {
    /// Whether the key may do what `scope` names, on behalf of its maker.
    #[must_use]
    pub fn may(&self, scope: Scope) -> bool {
        self.key.scopes.contains(scope) && (!scope.is_for_admins() || self.maker.role == Role::Admin)
    }

    /// Whether the key is for this instance.
    #[must_use]
    pub fn is_for(&self, instance: InstanceId) -> bool {
        self.key.instance_ids.as_ref().is_none_or(|instances| instances.contains(&instance))
    }
}

/// A key about to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiKey {
    /// The key.
    pub key: ApiKey,
    /// Who makes it.
    pub made_by: UserId,
    /// Digest of its text.
    pub digest: Digest,
}

/// The bounds of a key's own rate limit.
#[must_use]
pub fn key_quota(limit: u64, window_seconds: u64) -> Option<Quota> {
    let limit = u32::try_from(limit).ok().filter(|limit| (1..=1_000_000).contains(limit))?;
    (1..=86_400)
        .contains(&window_seconds)
        .then(|| Quota { limit, window: Duration::from_secs(window_seconds) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> ApiKeyText {
        let random: Vec<u8> = (0..64).map(|n| n * 3).collect();
        ApiKeyText::generate(&random).unwrap()
    }

    #[test]
    fn has_the_form_of_the_contract() {
        let text = key().expose().to_owned();
        assert_eq!(text.len(), 41);
        assert!(text.starts_with("pk_"));
        assert_eq!(ApiKeyText::parse(&text), Some(key()));
        assert_eq!(key().shown(), &text[..8]);
        assert_eq!(format!("{:?}", key()), "[redacted]");
    }

    #[test]
    fn bytes_that_would_favour_some_characters_are_passed_over() {
        let mut random = vec![255; 40];
        assert_eq!(ApiKeyText::generate(&random), None);
        random.extend([0; 32]);
        assert!(ApiKeyText::generate(&random).unwrap().expose().starts_with("pk_00000"));
    }

    proptest! {
        #[test]
        fn a_single_wrong_character_is_noticed(at in 3usize..41, other in "[0-9A-Za-z]") {
            let text = key().expose().to_owned();
            let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            prop_assert_eq!(ApiKeyText::parse(&changed).is_some(), changed == text);
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".{0,60}") {
            prop_assert!(ApiKeyText::parse(&text).is_none());
        }
    }
}
