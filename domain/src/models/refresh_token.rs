//! Refresh tokens: what renews a session.
//!
//! A token is `rt_` and, in base64url, a payload and its MAC (HMAC-SHA-256 under a key derived for this purpose alone). The payload
//! names the session, its owner, when it started, when the token ends, the token's *generation*, and a nonce.
//!
//! - **It proves itself.** A forged or cut token costs a MAC, no query. The first generation can open its session's row when it is
//!   renewed before the row was written, or when that write was lost.
//! - **Its successor is a function of it.** The next generation's nonce is a MAC of this one, so that every caller who presents the same
//!   token inside the grace is given the same successor, though storage holds digests only.
//! - **Storage can contradict it.** Rotation compares the stored digest and generation; a session that was ended stays so.
//!
//! Threats weighed: somebody who reads the database finds digests that open nothing. Somebody who steals the signing secret can already
//! sign access tokens; they still can't renew an existing session without its present nonce.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Digest as _;
use uuid::Uuid;

use super::{Secret, SessionId, SessionOrigin, Timestamp, UserId};

/// Bytes of a nonce.
pub const REFRESH_NONCE_BYTES: usize = 16;

const PREFIX: &str = "rt_";
const VERSION: u8 = 1;
const PAYLOAD_BYTES: usize = 1 + 16 + 16 + 8 + 8 + 4 + REFRESH_NONCE_BYTES;
const MAC_BYTES: usize = 32;

/// SHA-256 of a secret that is looked up or compared, never shown.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Digests `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// The digest as 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn to_hex(self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = String::with_capacity(64);
        for byte in self.0 {
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        text
    }

    /// Reads what [`Digest::to_hex`] wrote.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        let mut bytes = [0; 32];
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[digest]")
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_hex())
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_hex(&String::deserialize(deserializer)?)
            .ok_or_else(|| serde::de::Error::custom("not a digest"))
    }
}

/// Why a refresh token is refused before storage is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefreshTokenRefused {
    /// Not of the form, or its MAC is wrong.
    #[error("the refresh token is not valid")]
    Invalid,
}

/// A refresh token's content.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RefreshToken {
    /// The session it renews; its `expires_at` is this token's end, in whole seconds.
    pub session: SessionOrigin,
    /// How many times the session was renewed before.
    pub generation: u32,
    /// Makes the token unguessable apart from its MAC.
    pub nonce: [u8; REFRESH_NONCE_BYTES],
}

impl RefreshToken {
    /// Writes the token, asking `mac` for the MAC of the payload.
    pub fn seal(&self, mac: impl FnOnce(&[u8]) -> [u8; MAC_BYTES]) -> Secret {
        let mut bytes = self.payload();
        let tag = mac(&bytes);
        bytes.extend_from_slice(&tag);
        Secret::new(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Reads a token, asking `verify` whether a payload's MAC is right (in constant time).
    ///
    /// # Errors
    /// [`RefreshTokenRefused::Invalid`]; whether it has ended is for the flow to ask.
    pub fn open(text: &str, verify: impl FnOnce(&[u8], &[u8]) -> bool) -> Result<Self, RefreshTokenRefused> {
        let refused = RefreshTokenRefused::Invalid;
        let encoded = text.strip_prefix(PREFIX).ok_or(refused)?;
        // Nothing longer than a token is worth decoding.
        if encoded.len() > 2 * (PAYLOAD_BYTES + MAC_BYTES) {
            return Err(refused);
        }
        let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| refused)?;
        if bytes.len() != PAYLOAD_BYTES + MAC_BYTES {
            return Err(refused);
        }
        let (payload, tag) = bytes.split_at(PAYLOAD_BYTES);
        if payload[0] != VERSION || !verify(payload, tag) {
            return Err(refused);
        }
        Self::from_payload(payload).ok_or(refused)
    }

    /// The token that follows this one when it is renewed at `renewed_at` for `lifetime`, with the nonce that `mac` derives.
    #[must_use]
    pub fn successor(
        &self,
        renewed_at: Timestamp,
        lifetime: std::time::Duration,
        mac: impl FnOnce(&[u8]) -> [u8; MAC_BYTES],
    ) -> Self {
        let derived = mac(&self.payload());
        let mut nonce = [0; REFRESH_NONCE_BYTES];
        nonce.copy_from_slice(&derived[..REFRESH_NONCE_BYTES]);
        let expires_at = Timestamp::from_seconds(renewed_at.after(lifetime).seconds());
        Self {
            session: SessionOrigin { expires_at, ..self.session },
            generation: self.generation.saturating_add(1),
            nonce,
        }
    }

    fn payload(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(PAYLOAD_BYTES + MAC_BYTES);
        bytes.push(VERSION);
        bytes.extend_from_slice(self.session.id.uuid().as_bytes());
        bytes.extend_from_slice(self.session.user_id.uuid().as_bytes());
        bytes.extend_from_slice(&self.session.started_at.micros().to_be_bytes());
        bytes.extend_from_slice(&self.session.expires_at.seconds().to_be_bytes());
        bytes.extend_from_slice(&self.generation.to_be_bytes());
        bytes.extend_from_slice(&self.nonce);
        bytes
    }

    fn from_payload(payload: &[u8]) -> Option<Self> {
        let mut rest = payload.get(1..)?;
        let mut take = |count: usize| {
            let (head, tail) = rest.split_at_checked(count)?;
            rest = tail;
            Some(head)
        };
        let id = SessionId::from_uuid(Uuid::from_slice(take(16)?).ok()?);
        let user_id = UserId::from_uuid(Uuid::from_slice(take(16)?).ok()?);
        let started_at = Timestamp::from_micros(i64::from_be_bytes(take(8)?.try_into().ok()?));
        let expires_at = Timestamp::from_seconds(i64::from_be_bytes(take(8)?.try_into().ok()?));
        let generation = u32::from_be_bytes(take(4)?.try_into().ok()?);
        let nonce = take(REFRESH_NONCE_BYTES)?.try_into().ok()?;
        Some(Self { session: SessionOrigin { id, user_id, started_at, expires_at }, generation, nonce })
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshToken")
            .field("session", &self.session.id)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn mac(payload: &[u8]) -> [u8; 32] {
        Digest::of(payload).0
    }

    fn verify(payload: &[u8], tag: &[u8]) -> bool {
        mac(payload) == tag
    }

    fn token() -> RefreshToken {
        let started_at = Timestamp::from_micros(1_790_000_000_123_456);
        RefreshToken {
            session: SessionOrigin {
                id: SessionId::generate(started_at, [1; 10]),
                user_id: UserId::generate(started_at, [2; 10]),
                started_at,
                expires_at: Timestamp::from_seconds(1_792_592_000),
            },
            generation: 7,
            nonce: [9; 16],
        }
    }

    #[test]
    fn opens_what_it_sealed() {
        let sealed = token().seal(mac);
        assert_eq!(RefreshToken::open(sealed.expose(), verify), Ok(token()));
    }

    #[test]
    fn every_caller_derives_the_same_successor() {
        let at = Timestamp::from_micros(1_790_000_500_999_999);
        let lifetime = Duration::from_secs(60);
        let first = token().successor(at, lifetime, mac);
        let second = token().successor(at, lifetime, mac);
        assert_eq!(first.seal(mac), second.seal(mac));
        assert_eq!(first.generation, 8);
        assert_ne!(first.nonce, token().nonce);
        assert_eq!(first.session.expires_at, Timestamp::from_seconds(1_790_000_560));
    }

    proptest! {
        #[test]
        fn no_changed_or_cut_token_opens(at in 0usize..136, by in 1u8..255) {
            let sealed = token().seal(mac);
            let mut bytes = sealed.expose().as_bytes().to_vec();
            let at = at % bytes.len();
            bytes[at] = bytes[at].wrapping_add(by);
            let changed = String::from_utf8_lossy(&bytes).into_owned();
            prop_assert!(RefreshToken::open(&changed, verify).is_err());
            prop_assert!(RefreshToken::open(&sealed.expose()[..at], verify).is_err());
        }

        #[test]
        fn arbitrary_text_never_panics(text in ".{0,300}") {
            prop_assert!(RefreshToken::open(&text, verify).is_err());
        }
    }
}
