use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

use crate::{
    models::{Digest, ReturnPath, Secret, Timestamp, UserId},
    ports::{MacPurpose, TokenSigner},
};

const NONCE: usize = 16;
const MAC: usize = 32;

/// How long somebody may take at the provider.
pub(super) const STATE_LIFETIME: Duration = Duration::from_mins(10);

/// The one-time state that travels through the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    pub(super) nonce: [u8; NONCE],
    pub(super) expires_at: Timestamp,
}

impl State {
    pub(super) fn seal(&self, signer: &dyn TokenSigner) -> String {
        seal(signer, b"state", &[&self.nonce[..], &self.expires_at.seconds().to_be_bytes()].concat())
    }

    pub(super) fn open(text: &str, signer: &dyn TokenSigner) -> Option<Self> {
        let payload = open(signer, b"state", text)?;
        let (nonce, expires) = payload.split_at_checked(NONCE)?;
        let expires_at = Timestamp::from_seconds(i64::from_be_bytes(expires.try_into().ok()?));
        Some(Self { nonce: nonce.try_into().ok()?, expires_at })
    }

    /// The name under which storage remembers that it was used.
    pub(super) fn digest(&self) -> Digest {
        Digest::of(&[&b"oauth-state"[..], &self.nonce].concat())
    }

    /// The PKCE verifier: 43 characters of base64url, known to nobody who lacks our key.
    pub(super) fn verifier(&self, signer: &dyn TokenSigner) -> Secret {
        Secret::new(URL_SAFE_NO_PAD.encode(signer.mac(MacPurpose::OAuthVerifier, &self.nonce)))
    }

    /// The PKCE challenge, method S256.
    pub(super) fn challenge(&self, signer: &dyn TokenSigner) -> String {
        URL_SAFE_NO_PAD.encode(Digest::of(self.verifier(signer).expose().as_bytes()).0)
    }
}

/// What the browser keeps meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binding {
    pub(super) nonce: [u8; NONCE],
    /// The account that asked to be linked, if it was not a plain sign-in.
    pub(super) asked_by: Option<UserId>,
    pub(super) return_to: ReturnPath,
}

impl Binding {
    pub(super) fn seal(&self, signer: &dyn TokenSigner) -> Secret {
        let asked_by = self.asked_by.map_or(Uuid::nil(), UserId::uuid);
        let payload = [&self.nonce[..], asked_by.as_bytes(), self.return_to.as_str().as_bytes()].concat();
        Secret::new(seal(signer, b"binding", &payload))
    }

    pub(super) fn open(text: &str, signer: &dyn TokenSigner) -> Option<Self> {
        let payload = open(signer, b"binding", text)?;
        let (nonce, rest) = payload.split_at_checked(NONCE)?;
        let (asked_by, path) = rest.split_at_checked(16)?;
        let asked_by = Uuid::from_slice(asked_by).ok()?;
        Some(Self {
            nonce: nonce.try_into().ok()?,
            asked_by: (!asked_by.is_nil()).then(|| UserId::from_uuid(asked_by)),
            return_to: ReturnPath::parse(std::str::from_utf8(path).ok()?).ok()?,
        })
    }
}

fn seal(signer: &dyn TokenSigner, kind: &[u8], payload: &[u8]) -> String {
    let tag = signer.mac(MacPurpose::OAuthState, &[kind, payload].concat());
    URL_SAFE_NO_PAD.encode([payload, &tag].concat())
}

fn open(signer: &dyn TokenSigner, kind: &[u8], text: &str) -> Option<Vec<u8>> {
    if text.len() > 1_024 {
        return None;
    }
    let mut bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let tag = bytes.split_off(bytes.len().checked_sub(MAC)?);
    let message = [kind, &bytes].concat();
    signer.mac_is_valid(MacPurpose::OAuthState, &message, &tag).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flows::testing::{NOW, signer, user};

    #[test]
    fn state_and_binding_open_as_sealed_and_not_as_each_other() {
        let signer = signer();
        let signer = signer.as_ref();
        let expires_at = Timestamp::from_seconds(NOW.seconds());
        let state = State { nonce: [3; NONCE], expires_at };
        assert_eq!(State::open(&state.seal(signer), signer), Some(state));
        let return_to = ReturnPath::parse("/welcome?a=b").unwrap();
        for asked_by in [None, Some(user().id)] {
            let binding = Binding { nonce: [3; NONCE], asked_by, return_to: return_to.clone() };
            let sealed = binding.seal(signer);
            assert_eq!(Binding::open(sealed.expose(), signer), Some(binding));
            assert_eq!(State::open(sealed.expose(), signer), None);
        }
        for cut in 0..state.seal(signer).len() {
            assert_eq!(State::open(&state.seal(signer)[..cut], signer), None);
        }
        assert_eq!(state.verifier(signer).expose().len(), 43);
    }
}
