//! The words of the domain: values that are valid because they exist.

mod account;
mod api_key;
mod bot;
mod catalogue;
mod database;
mod device;
mod email;
mod fact;
mod identity;
mod ids;
mod instant;
mod messaging;
mod model;
mod page;
mod password;
mod provider_key;
mod quota;
mod refresh_token;
mod scope;
mod search;
mod secret;
mod session;
mod system_setting;
mod token;
mod usage;
mod user_settings;

pub use account::{Credential, DisplayName, NewAccount, Role, User};
pub use api_key::{ApiKey, ApiKeyText, KeyHolder, KeyStatus, NewApiKey, key_quota};
pub use bot::{BotVerdict, Crawler, Network, SortedAgent, is_public, sort_agent};
pub use catalogue::{
    Book, BookDetails, BookListing, Isbn, IsbnFault, NewOrder, OrderItem, OrderLine, OrderedBook, PlacedOrder,
};
pub use database::{ConnectionCounts, DatabaseActivity, FileSize, LongRunning, PoolState, Pools};
pub use device::{Caller, Device};
pub use email::Email;
pub use fact::Fact;
pub use identity::{EmailHolder, ExternalIdentity, ExternalProfile, Provider, ReturnPath};
pub use ids::{
    ApiKeyId, BookId, ChatId, EventId, ExperimentId, InstanceId, MessageId, OrderId, OrganizationId,
    SessionId, TokenId, UserId, uuid_v7,
};
pub use instant::Timestamp;
pub use messaging::{
    Address, Chat, Direction, Event, EventFilter, FoundMessage, IdempotencyKey, LastMessage, Message,
    MessageText, Reach,
};
pub use model::{
    BuiltInModels, Capability, Catalogue, CatalogueFault, CatalogueParser, CatalogueSource, Model,
    ModelFilter, ModelId,
};
pub use page::{Cursor, CursorRefused, Order, Page, PageRequest};
pub use password::{Password, PasswordHash};
pub use provider_key::{ProviderApiKey, ProviderName, ProviderSetting, Sealed, StoredProviderKey};
pub use quota::{Admission, Demand, Gcra, Quota};
pub use refresh_token::{Digest, REFRESH_NONCE_BYTES, RefreshToken, RefreshTokenRefused};
pub use scope::{Scope, Scopes};
pub use search::{SEPARATORS, SearchFault, SearchQuery};
pub use secret::Secret;
pub use session::{Session, SessionOrigin};
pub use system_setting::{MAX_JSON_DEPTH, SettingKey, SystemSetting, json_fault};
pub use token::{AccessClaims, AccessTokenRefused, IssuedTokens};
pub use usage::{Day, KeyUses, UsageBatch};
pub use user_settings::UserSettings;

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
