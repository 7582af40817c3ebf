use std::sync::Arc;

use async_trait::async_trait;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use portico_domain::{
    models::{
        AccessClaims, AccessTokenRefused, OrganizationId, Role, Secret, SessionId, Timestamp, TokenId, UserId,
    },
    ports::{Jwk, MacPurpose, TokenKeys, TokenSigner, Unavailable},
};
use serde::{Deserialize, Serialize};

use super::{
    keys::{KeyFault, ParsedKeys, TokenKeysConfig, thumbprint},
    macs::Macs,
    provider,
};

/// Longer than any token of ours; what exceeds it is refused unread.
const MAX_TOKEN_BYTES: usize = 4_096;

/// Signs access tokens as JWTs, by HS256 with the shared secret or by `EdDSA` where there is a key for it, and makes the MACs.
///
/// Each key has a name (`kid`) and one algorithm. A token is proved with the key that it names, and only if it also names that key's algorithm:
/// there is no way to have a public key taken for a shared secret, and `none` is no algorithm. Times are compared with the moment that the
/// caller gives, without leeway: a token is over in the second that `exp` names (RFC 7519, 4.1.4).
///
/// Tokens of the shared secret are honoured also while `EdDSA` signs, so that switching over signs nobody out.
pub struct JwtSigner {
    present: SigningKey,
    honoured: Vec<HonouredKey>,
    public: Vec<Jwk>,
    macs: Macs,
    issuer: String,
    audience: String,
}

struct SigningKey {
    header: Header,
    key: EncodingKey,
}

struct HonouredKey {
    key_id: String,
    algorithm: Algorithm,
    key: DecodingKey,
    validation: Validation,
}

/// The claims as the token spells them.
#[derive(Serialize, Deserialize)]
struct WireClaims {
    iss: String,
    sub: UserId,
    aud: String,
    iat: i64,
    exp: i64,
    jti: TokenId,
    sid: SessionId,
    role: Role,
    org: OrganizationId,
}

impl JwtSigner {
    /// Reads the keys and derives what is made of them.
    ///
    /// # Errors
    /// Everything that is wrong with the keys.
    pub fn new(config: &TokenKeysConfig) -> Result<Self, Vec<KeyFault>> {
        provider::install();
        let keys = ParsedKeys::parse(config)?;
        let honour = |key_id: String, algorithm, key| HonouredKey {
            key_id,
            algorithm,
            key,
            validation: validation(algorithm, config),
        };
        let mut honoured = Vec::new();
        let mut public = Vec::new();
        for key in &keys.ed25519_public {
            let key_id = thumbprint(key);
            public.push(Jwk { key_id: key_id.clone(), ed25519: key.to_bytes() });
            honoured.push(honour(key_id, Algorithm::EdDSA, DecodingKey::from_ed_der(key.as_bytes())));
        }
        for key in &keys.shared {
            honoured.push(honour(key.key_id.clone(), Algorithm::HS256, DecodingKey::from_secret(&key.bytes)));
        }
        let present = match &keys.ed25519 {
            Some(key) => SigningKey {
                header: header(Algorithm::EdDSA, thumbprint(&key.verifying_key())),
                key: EncodingKey::from_ed_der(key.as_bytes()),
            },
            None => SigningKey {
                header: header(Algorithm::HS256, keys.shared[0].key_id.clone()),
                key: EncodingKey::from_secret(&keys.shared[0].bytes),
            },
        };
        let macs = Macs::new(&keys.shared);
        let (issuer, audience) = (config.issuer.clone(), config.audience.clone());
        Ok(Self { present, honoured, public, macs, issuer, audience })
    }
}

impl TokenSigner for JwtSigner {
    fn sign(&self, claims: &AccessClaims) -> Result<Secret, Unavailable> {
        let wire = WireClaims {
            iss: self.issuer.clone(),
            sub: claims.user_id,
            aud: self.audience.clone(),
            iat: claims.issued_at.seconds(),
            exp: claims.expires_at.seconds(),
            jti: claims.token_id,
            sid: claims.session_id,
            role: claims.role,
            org: claims.organization_id,
        };
        encode(&self.present.header, &wire, &self.present.key)
            .map(Secret::new)
            .map_err(|fault| Unavailable::new("token signer", fault))
    }

    fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims, AccessTokenRefused> {
        let invalid = AccessTokenRefused::Invalid;
        if token.len() > MAX_TOKEN_BYTES {
            return Err(invalid);
        }
        let header = decode_header(token).map_err(|_| invalid)?;
        let key_id = header.kid.ok_or(invalid)?;
        let key = self.honoured.iter().find(|key| key.key_id == key_id).ok_or(invalid)?;
        // An extension that must be understood and isn't makes the token invalid (RFC 7515, 4.1.11). We understand none.
        if header.alg != key.algorithm || header.crit.is_some() {
            return Err(invalid);
        }
        let claims = decode::<WireClaims>(token, &key.key, &key.validation).map_err(|_| invalid)?.claims;
        if now.seconds() >= claims.exp {
            return Err(AccessTokenRefused::Expired);
        }
        Ok(AccessClaims {
            user_id: claims.sub,
            session_id: claims.sid,
            token_id: claims.jti,
            role: claims.role,
            organization_id: claims.org,
            issued_at: Timestamp::from_seconds(claims.iat),
            expires_at: Timestamp::from_seconds(claims.exp),
        })
    }

    fn mac(&self, purpose: MacPurpose, message: &[u8]) -> [u8; 32] {
        self.macs.mac(purpose, message)
    }

    fn mac_is_valid(&self, purpose: MacPurpose, message: &[u8], tag: &[u8]) -> bool {
        self.macs.is_valid(purpose, message, tag)
    }

    fn public_keys(&self) -> Vec<Jwk> {
        self.public.clone()
    }
}

fn header(algorithm: Algorithm, key_id: String) -> Header {
    let mut header = Header::new(algorithm);
    header.kid = Some(key_id);
    header
}

/// Everything but the times, which the crate would compare with the system's clock.
fn validation(algorithm: Algorithm, config: &TokenKeysConfig) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.validate_exp = false;
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.set_issuer(&[&config.issuer]);
    validation.set_audience(&[&config.audience]);
    validation
}

/// Resolves the keys that were read with the configuration: from the environment or the data directory natively, from secrets on Workers.
pub struct StaticTokenKeys(TokenKeysConfig);

impl StaticTokenKeys {
    /// Keeps the configuration; the keys are read when they are resolved.
    #[must_use]
    pub const fn new(config: TokenKeysConfig) -> Self {
        Self(config)
    }
}

#[async_trait]
impl TokenKeys for StaticTokenKeys {
    async fn resolve(&self) -> Result<Arc<dyn TokenSigner>, Unavailable> {
        match JwtSigner::new(&self.0) {
            Ok(signer) => Ok(Arc::new(signer)),
            Err(faults) => {
                let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
                Err(Unavailable::new("token keys", faults.join("; ")))
            }
        }
    }
}
