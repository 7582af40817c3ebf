use hmac::{Hmac, KeyInit, Mac};
use portico_domain::ports::MacPurpose;
use sha2::Sha256;

use super::keys::{SharedKey, derive};

/// The MAC keys of every purpose, derived once: with the key already worked into the hash's state a MAC costs two blocks less.
pub(super) struct Macs(Vec<Generation>);

/// The keys that one secret gives.
struct Generation {
    refresh_token: Hmac<Sha256>,
    refresh_successor: Hmac<Sha256>,
    cursor: Hmac<Sha256>,
    oauth_state: Hmac<Sha256>,
    oauth_verifier: Hmac<Sha256>,
}

impl Generation {
    fn new(secret: &[u8]) -> Self {
        let mac = |purpose: &str| {
            let key: [u8; 32] = derive(secret, &format!("portico/v1/mac/{purpose}"));
            Hmac::new_from_slice(&key).expect("HMAC takes keys of any length")
        };
        Self {
            refresh_token: mac("refresh-token"),
            refresh_successor: mac("refresh-successor"),
            cursor: mac("cursor"),
            oauth_state: mac("oauth-state"),
            oauth_verifier: mac("oauth-verifier"),
        }
    }

    fn of(&self, purpose: MacPurpose) -> Hmac<Sha256> {
        match purpose {
            MacPurpose::RefreshToken => self.refresh_token.clone(),
            MacPurpose::RefreshSuccessor => self.refresh_successor.clone(),
            MacPurpose::Cursor => self.cursor.clone(),
            MacPurpose::OAuthState => self.oauth_state.clone(),
            MacPurpose::OAuthVerifier => self.oauth_verifier.clone(),
        }
    }
}

impl Macs {
    /// Derives the keys of `secrets`, of which the first is the present one.
    pub(super) fn new(secrets: &[SharedKey]) -> Self {
        Self(secrets.iter().map(|key| Generation::new(&key.bytes)).collect())
    }

    pub(super) fn mac(&self, purpose: MacPurpose, message: &[u8]) -> [u8; 32] {
        let present = self.0.first().expect("a signer has a present secret, or it would not have been made");
        present.of(purpose).chain_update(message).finalize().into_bytes().into()
    }

    pub(super) fn is_valid(&self, purpose: MacPurpose, message: &[u8], tag: &[u8]) -> bool {
        self.0.iter().any(|keys| keys.of(purpose).chain_update(message).verify_slice(tag).is_ok())
    }
}
