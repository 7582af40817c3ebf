//! What tokens are signed with, and provider keys encrypted under.

use portico_crypto::{KeyRole, SealingKeys, TokenKeysConfig};
use portico_domain::{models::Secret, settings::Variables};

use super::values::list;

/// Keys as far as they were set. Without a secret one is made at the first start and kept.
#[derive(Debug, Clone)]
pub(crate) struct GivenKeys {
    pub(crate) secret: Option<Secret>,
    pub(crate) previous_secrets: Vec<Secret>,
    pub(crate) ed25519: Option<Secret>,
    pub(crate) previous_ed25519_public: Vec<String>,
    /// None where they weren't set.
    pub(crate) encryption: SealingKeys,
}

impl GivenKeys {
    /// Takes the keys, and looks for faults in each, so that none is found only when the first token is signed.
    pub(super) fn take(variables: &mut Variables) -> Self {
        let secret = |text: &str| Ok::<_, String>(Secret::new(text));
        let keys = Self {
            secret: variables.take("JWT_SECRET", secret),
            previous_secrets: variables
                .take("JWT_SECRET_PREVIOUS", |text| {
                    Ok::<_, String>(list(text).into_iter().map(Secret::new).collect())
                })
                .unwrap_or_default(),
            ed25519: variables.take("PORTICO_JWT_ED25519", secret),
            previous_ed25519_public: variables
                .take("PORTICO_JWT_ED25519_PREVIOUS", |text| Ok::<_, String>(list(text)))
                .unwrap_or_default(),
            encryption: variables.take("PORTICO_ENCRYPTION_KEYS", SealingKeys::parse).unwrap_or_default(),
        };
        // Long enough to be no fault where the secret is still to be made.
        let stand_in = Secret::new("-".repeat(portico_crypto::MIN_SECRET_BYTES));
        let secret = keys.secret.clone().unwrap_or(stand_in);
        for fault in keys.config(secret, String::new()).faults() {
            let (name, place) = match fault.role {
                KeyRole::Secret => ("JWT_SECRET", None),
                KeyRole::PreviousSecret(place) => ("JWT_SECRET_PREVIOUS", Some(place)),
                KeyRole::Ed25519 => ("PORTICO_JWT_ED25519", None),
                KeyRole::PreviousEd25519Public(place) => ("PORTICO_JWT_ED25519_PREVIOUS", Some(place)),
            };
            match place {
                Some(place) => variables.fault(name, format!("(number {}) {}", place + 1, fault.reason)),
                None => variables.fault(name, fault.reason),
            }
        }
        keys
    }

    /// What a token signer is made of. Tokens are issued by the server at `public_url`, for itself.
    pub(crate) fn config(&self, secret: Secret, public_url: String) -> TokenKeysConfig {
        TokenKeysConfig {
            secret,
            previous_secrets: self.previous_secrets.clone(),
            ed25519: self.ed25519.clone(),
            previous_ed25519_public: self.previous_ed25519_public.clone(),
            issuer: public_url.clone(),
            audience: public_url,
        }
    }
}
