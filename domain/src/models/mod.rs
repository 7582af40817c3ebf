//! The words of the domain: values that are valid because they exist.

mod account;
mod api_key;
mod bot;
mod device;
mod email;
mod fact;
mod identity;
mod ids;
mod instant;
mod page;
mod password;
mod quota;
mod refresh_token;
mod scope;
mod secret;
mod session;
mod token;
mod usage;

pub use account::{Credential, DisplayName, NewAccount, Role, User};
pub use api_key::{ApiKey, ApiKeyText, KeyHolder, KeyStatus, NewApiKey, key_quota};
pub use bot::{BotVerdict, Crawler, Network, SortedAgent, is_public, sort_agent};
pub use device::{Caller, Device};
pub use email::Email;
pub use fact::Fact;
pub use identity::{EmailHolder, ExternalIdentity, ExternalProfile, Provider, ReturnPath};
pub use ids::{ApiKeyId, ExperimentId, InstanceId, OrganizationId, SessionId, TokenId, UserId, uuid_v7};
pub use instant::Timestamp;
pub use page::{Cursor, CursorRefused, Order, Page, PageRequest};
pub use password::{Password, PasswordHash};
pub use quota::{Admission, Demand, Gcra, Quota};
pub use refresh_token::{Digest, REFRESH_NONCE_BYTES, RefreshToken, RefreshTokenRefused};
pub use scope::{Scope, Scopes};
pub use secret::Secret;
pub use session::{Session, SessionOrigin};
pub use token::{AccessClaims, AccessTokenRefused, IssuedTokens};
pub use usage::{Day, KeyUses, UsageBatch};

/// One fault of one member of a request: what a client shows beside the field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldFault {
    /// The member's name as it stands in the request.
    pub field: String,
    /// What is wrong with it, as a sentence without the value itself.
    pub message: String,
}

impl FieldFault {
    /// Names `field` and says what is wrong with it.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}
