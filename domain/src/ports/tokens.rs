use std::sync::Arc;

use async_trait::async_trait;

use super::Unavailable;
use crate::models::{AccessClaims, AccessTokenRefused, Secret, Timestamp};

/// What a MAC is for. Each purpose has a key of its own, derived from the secret, so that no text made for one serves another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MacPurpose {
    /// Proves a refresh token.
    RefreshToken,
    /// Derives the nonce of a refresh token's successor.
    RefreshSuccessor,
    /// Binds a list cursor to its list.
    Cursor,
    /// Proves an OAuth state and what the browser keeps beside it.
    OAuthState,
    /// Derives the PKCE verifier of an OAuth state.
    OAuthVerifier,
}

/// A public key as a JWK set publishes it (RFC 7517, RFC 8037).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jwk {
    /// Names the key (`kid`).
    pub key_id: String,
    /// The 32 bytes of an Ed25519 public key.
    pub ed25519: [u8; 32],
}

impl Jwk {
    /// The public key as the member `x` carries it: base64url without padding.
    #[must_use]
    pub fn x(&self) -> String {
        use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
        URL_SAFE_NO_PAD.encode(self.ed25519)
    }
}

/// Signs and proves tokens with keys that are already resolved.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
pub trait TokenSigner: Send + Sync {
    /// Signs an access token as a JWT with the present key.
    fn sign(&self, claims: &AccessClaims) -> Result<Secret, Unavailable>;

    /// Proves an access token with the key that its `kid` names, and that key's one algorithm; issuer, audience and end are checked
    /// against `now`.
    fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims, AccessTokenRefused>;

    /// HMAC-SHA-256 of `message` under the present key of `purpose`.
    fn mac(&self, purpose: MacPurpose, message: &[u8]) -> [u8; 32];

    /// Whether `tag` is the MAC of `message` under the present key of `purpose` or one still honoured; in constant time.
    fn mac_is_valid(&self, purpose: MacPurpose, message: &[u8], tag: &[u8]) -> bool;

    /// The public keys, present and still honoured; none where tokens are signed with a shared secret.
    fn public_keys(&self) -> Vec<Jwk>;
}

/// Resolves the signing keys from where secrets are kept.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait TokenKeys: Send + Sync {
    /// Reads the keys and makes a signer of them. May be slow; callers keep the result.
    async fn resolve(&self) -> Result<Arc<dyn TokenSigner>, Unavailable>;
}
