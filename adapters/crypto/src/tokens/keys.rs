//! Signing keys as an operator writes them, read into keys that have one name and one algorithm each.

use std::fmt;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ed25519_dalek::{
    SigningKey, VerifyingKey,
    pkcs8::{DecodePrivateKey, DecodePublicKey},
};
use hkdf::Hkdf;
use portico_domain::models::{Digest, Secret};
use sha2::Sha256;

/// The fewest bytes of a token secret: HS256 is no stronger than its key (RFC 7518, 3.2).
pub const MIN_SECRET_BYTES: usize = 32;

/// What the token signer is made of, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenKeysConfig {
    /// Signs access tokens with HS256 unless there is an Ed25519 key, and is what every MAC key is derived from. 32 bytes at least.
    pub secret: Secret,
    /// Secrets that were in use before: their tokens and MACs are honoured, nothing is made with them.
    pub previous_secrets: Vec<Secret>,
    /// Signs access tokens with `EdDSA`: an Ed25519 private key as PKCS#8 PEM, or its 32-byte seed in base64. A line break may be written `\n`.
    pub ed25519: Option<Secret>,
    /// Public keys whose tokens are still honoured: SPKI PEM, or the 32 bytes in base64.
    pub previous_ed25519_public: Vec<String>,
    /// Who issues the tokens (`iss`).
    pub issuer: String,
    /// Whom they are for (`aud`).
    pub audience: String,
}

impl TokenKeysConfig {
    /// Everything that is wrong with the keys, in the order of the fields; empty when a signer can be made of them.
    #[must_use]
    pub fn faults(&self) -> Vec<KeyFault> {
        ParsedKeys::parse(self).err().unwrap_or_default()
    }
}

/// Which of the configured keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyRole {
    /// The present secret.
    Secret,
    /// A previous secret, counted from 0.
    PreviousSecret(usize),
    /// The present Ed25519 private key.
    Ed25519,
    /// A previous Ed25519 public key, counted from 0.
    PreviousEd25519Public(usize),
}

impl fmt::Display for KeyRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret => f.write_str("the token secret"),
            Self::PreviousSecret(at) => write!(f, "previous token secret {}", at + 1),
            Self::Ed25519 => f.write_str("the Ed25519 key"),
            Self::PreviousEd25519Public(at) => write!(f, "previous Ed25519 public key {}", at + 1),
        }
    }
}

/// What is wrong with one key; says nothing of its content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{role} {reason}")]
pub struct KeyFault {
    /// Which key.
    pub role: KeyRole,
    /// The rest of the sentence.
    pub reason: String,
}

/// A key for HS256 and for deriving MAC keys.
pub(super) struct SharedKey {
    pub(super) key_id: String,
    pub(super) bytes: Vec<u8>,
}

/// The keys, present ones first.
pub(super) struct ParsedKeys {
    pub(super) shared: Vec<SharedKey>,
    pub(super) ed25519: Option<SigningKey>,
    pub(super) ed25519_public: Vec<VerifyingKey>,
}

impl ParsedKeys {
    pub(super) fn parse(config: &TokenKeysConfig) -> Result<Self, Vec<KeyFault>> {
        let mut faults = Vec::new();
        let mut shared: Vec<SharedKey> = Vec::new();
        let previous = config.previous_secrets.iter().enumerate();
        let secrets = std::iter::once((KeyRole::Secret, &config.secret))
            .chain(previous.map(|(at, secret)| (KeyRole::PreviousSecret(at), secret)));
        for (role, secret) in secrets {
            match shared_key(secret) {
                Ok(key) if shared.iter().any(|known| known.key_id == key.key_id) => {}
                Ok(key) => shared.push(key),
                Err(reason) => faults.push(KeyFault { role, reason }),
            }
        }
        let mut ed25519 = None;
        if let Some(text) = &config.ed25519 {
            match signing_key(text) {
                Ok(key) => ed25519 = Some(key),
                Err(reason) => faults.push(KeyFault { role: KeyRole::Ed25519, reason }),
            }
        }
        let mut ed25519_public: Vec<_> = ed25519.iter().map(SigningKey::verifying_key).collect();
        for (at, text) in config.previous_ed25519_public.iter().enumerate() {
            match verifying_key(text) {
                Ok(key) if ed25519_public.contains(&key) => {}
                Ok(key) => ed25519_public.push(key),
                Err(reason) => faults.push(KeyFault { role: KeyRole::PreviousEd25519Public(at), reason }),
            }
        }
        if faults.is_empty() { Ok(Self { shared, ed25519, ed25519_public }) } else { Err(faults) }
    }
}

/// Thirty-two or fewer bytes derived from a secret for one use, by HKDF-SHA-256 (RFC 5869).
pub(super) fn derive<const N: usize>(secret: &[u8], info: &str) -> [u8; N] {
    let mut key = [0; N];
    Hkdf::<Sha256>::new(Some(b"portico"), secret)
        .expand(info.as_bytes(), &mut key)
        .expect("HKDF gives up to 8160 bytes, and no caller asks for more than 32");
    key
}

/// The name of an Ed25519 key: its JWK thumbprint (RFC 7638, with the members that RFC 8037 requires).
pub(super) fn thumbprint(key: &VerifyingKey) -> String {
    let x = URL_SAFE_NO_PAD.encode(key.as_bytes());
    let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    URL_SAFE_NO_PAD.encode(Digest::of(members.as_bytes()).0)
}

fn shared_key(secret: &Secret) -> Result<SharedKey, String> {
    let bytes = secret.expose().as_bytes().to_vec();
    if bytes.len() < MIN_SECRET_BYTES {
        let length = bytes.len();
        return Err(format!(
            "has {length} bytes and needs {MIN_SECRET_BYTES} at least, because a signature is no stronger than its secret"
        ));
    }
    // A digest of the secret itself would let anybody who holds a token try out secrets offline a little sooner; a token lets them do so
    // anyhow, but a name need not help.
    let key_id = URL_SAFE_NO_PAD.encode(derive::<9>(&bytes, "portico/v1/hs256-kid"));
    Ok(SharedKey { key_id, bytes })
}

fn signing_key(text: &Secret) -> Result<SigningKey, String> {
    let text = unescaped(text.expose());
    if text.starts_with("-----BEGIN") {
        return SigningKey::from_pkcs8_pem(&text)
            .map_err(|_| "is not the PKCS#8 PEM of an Ed25519 private key".to_owned());
    }
    let seed = thirty_two_bytes(&text)
        .ok_or("is neither the PKCS#8 PEM of an Ed25519 private key nor its 32-byte seed in base64")?;
    Ok(SigningKey::from_bytes(&seed))
}

fn verifying_key(text: &str) -> Result<VerifyingKey, String> {
    let text = unescaped(text);
    let key = if text.starts_with("-----BEGIN") {
        VerifyingKey::from_public_key_pem(&text).ok()
    } else {
        thirty_two_bytes(&text).and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok())
    };
    key.filter(|key| !key.is_weak())
        .ok_or_else(|| "is neither the PEM of an Ed25519 public key nor its 32 bytes in base64".to_owned())
}

/// Environment variables and secret stores often can't hold line breaks, so people write `\n`.
fn unescaped(text: &str) -> String {
    text.trim().replace("\\n", "\n")
}

fn thirty_two_bytes(text: &str) -> Option<[u8; 32]> {
    let bytes = STANDARD.decode(text).or_else(|_| URL_SAFE_NO_PAD.decode(text)).ok()?;
    bytes.try_into().ok()
}
