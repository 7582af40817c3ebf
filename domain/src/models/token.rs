//! Access tokens and the answer that carries them.

use std::time::Duration;

use super::{OrganizationId, Role, Secret, SessionId, Timestamp, TokenId, User, UserId};

/// What an access token says (RFC 7519 names in brackets).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessClaims {
    /// Who it speaks for (`sub`).
    pub user_id: UserId,
    /// Which session it was issued in (`sid`).
    pub session_id: SessionId,
    /// Names this token (`jti`).
    pub token_id: TokenId,
    /// What the person could do when it was issued (`role`).
    pub role: Role,
    /// The organization they belonged to (`org`).
    pub organization_id: OrganizationId,
    /// When it was issued, in whole seconds (`iat`).
    pub issued_at: Timestamp,
    /// When it ends, in whole seconds (`exp`).
    pub expires_at: Timestamp,
}

/// Why an access token is no good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccessTokenRefused {
    /// It was good once.
    #[error("the access token has expired")]
    Expired,
    /// It was never ours, was changed, or names an algorithm that its key is not for.
    #[error("the access token is not valid")]
    Invalid,
}

/// The pair of tokens that signs somebody in, with who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedTokens {
    /// The JWT to send as `Authorization: Bearer`.
    pub access_token: Secret,
    /// How long it lives.
    pub expires_in: Duration,
    /// What renews the pair, once.
    pub refresh_token: Secret,
    /// How long that lives.
    pub refresh_expires_in: Duration,
    /// Who is signed in.
    pub user: User,
}
