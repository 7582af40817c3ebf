//! Access tokens signed with the server's own secret, so that a refused one is refused for the one thing that is wrong with it.

use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::{Sha256, Sha512};

/// Holds the parts of a JWT, to be changed and put together again.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The header.
    pub header: Value,
    /// The claims.
    pub claims: Value,
}

impl Parts {
    /// Takes a token apart.
    pub fn of(token: &str) -> anyhow::Result<Self> {
        let mut sections = token.split('.');
        let mut next = || -> anyhow::Result<Value> {
            let section = sections.next().context("a JWT has three sections")?;
            Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(section)?)?)
        };
        Ok(Self { header: next()?, claims: next()? })
    }

    fn signing_input(&self) -> String {
        let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}", encoded(&self.header), encoded(&self.claims))
    }

    /// Signs with HMAC-SHA-256.
    #[must_use]
    pub fn hs256(&self, secret: &str) -> String {
        let input = self.signing_input();
        let mut mac =
            Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
        mac.update(input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }

    /// Signs with HMAC-SHA-512.
    #[must_use]
    pub fn hs512(&self, secret: &str) -> String {
        let input = self.signing_input();
        let mut mac =
            Hmac::<Sha512>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
        mac.update(input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }

    /// Leaves the signature empty.
    #[must_use]
    pub fn unsigned(&self) -> String {
        format!("{}.", self.signing_input())
    }

    /// Gives the token with one claim changed.
    #[must_use]
    pub fn with(mut self, claim: &str, value: impl Into<Value>) -> Self {
        self.claims[claim] = value.into();
        self
    }

    /// Gives the token without a claim.
    #[must_use]
    pub fn without(mut self, claim: &str) -> Self {
        if let Some(claims) = self.claims.as_object_mut() {
            claims.remove(claim);
        }
        self
    }

    /// Gives the token with another algorithm in its header.
    #[must_use]
    pub fn claiming(mut self, algorithm: &str) -> Self {
        self.header["alg"] = algorithm.into();
        self
    }
}
