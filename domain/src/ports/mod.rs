//! The ports: what the flows ask of the world, in the domain's words.
//!
//! One method is one atomic step. Expected outcomes are values; the error [`Unavailable`] means only "could not find out" and is
//! answered as 503, never as a refusal of the person.

mod accounts;
mod api_keys;
mod background;
mod books;
mod cache;
mod clock;
mod conversations;
mod database_state;
mod deferred;
mod entropy;
mod experiments;
mod fetch;
mod identities;
mod limiter;
mod models;
mod notices;
mod orders;
mod passwords;
mod provider;
mod provider_keys;
mod resolver;
mod sealer;
mod sessions;
mod storage;
mod system_settings;
mod tokens;
mod usage;
mod user_settings;

pub use accounts::{
    AccountCreation, Accounts, CredentialLookup, Credentials, PasswordChange, PasswordChanged,
};
pub use api_keys::{ApiKeys, KeyChange, KeyChanged, KeyLookup, KeyRotation};
pub use background::{Background, Task};
pub use books::{BookAdded, BookChange, BookChanged, Books};
pub use cache::{
    Hearing, LocalCache, LocalEntry, LocalStatistics, SharedAnswer, SharedCache, SharedEntry, SharedMark,
    SharedStatistics,
};
pub use clock::Clock;
pub(crate) use clock::within;
pub use conversations::{Conversations, OnceOnly, Recipient, SendOutcome, Sending};
pub use database_state::DatabaseState;
pub use deferred::{DeferredWrites, FactStore};
pub use entropy::Entropy;
pub use experiments::{ArmAdoption, ArmRecord, ExperimentResults, ExperimentStart, Experiments};
pub use fetch::{Fetch, FetchRequest, FetchResponse};
pub use identities::{Identities, IdentityStanding, LinkOutcome};
pub use limiter::RateLimiter;
pub use models::{ModelCatalogue, Models, Replacement, StoredCatalogue, Written};
pub use notices::{Notice, Notices};
pub use orders::{OrderPlacing, Orders};
pub use passwords::{HashingRefused, PasswordVerdict, Passwords};
pub use provider::{AuthorizationRequest, CodeExchange, IdentityProvider, ProviderRefused};
pub use provider_keys::{KeyStored, ProviderKeys, ProvidersSwitched, SealedKeys};
pub use resolver::Resolver;
pub use sealer::{OpenRefused, Sealer};
pub use sessions::{Rotate, Rotation, Sessions};
pub use storage::Storage;
pub use system_settings::SystemSettings;
pub use tokens::{Jwk, MacPurpose, TokenKeys, TokenSigner};
pub use usage::{KeyUsage, UsageLedger};
pub use user_settings::UserSettingsStore;

#[cfg(any(test, feature = "mocks"))]
pub use self::{
    accounts::{MockAccounts, MockCredentialLookup, MockCredentials},
    api_keys::{MockApiKeys, MockKeyLookup},
    background::MockBackground,
    books::MockBooks,
    cache::{MockLocalCache, MockSharedCache},
    clock::MockClock,
    conversations::MockConversations,
    database_state::MockDatabaseState,
    deferred::{MockDeferredWrites, MockFactStore},
    entropy::MockEntropy,
    experiments::{MockExperimentResults, MockExperiments},
    fetch::MockFetch,
    identities::MockIdentities,
    limiter::MockRateLimiter,
    models::MockModels,
    notices::MockNotices,
    orders::MockOrders,
    passwords::MockPasswords,
    provider::MockIdentityProvider,
    provider_keys::{MockProviderKeys, MockSealedKeys},
    resolver::MockResolver,
    sealer::MockSealer,
    sessions::MockSessions,
    storage::MockStorage,
    system_settings::MockSystemSettings,
    tokens::{MockTokenKeys, MockTokenSigner},
    usage::{MockKeyUsage, MockUsageLedger},
    user_settings::MockUserSettingsStore,
};

/// Something that a flow depends on could not be asked, or did not answer in time.
///
/// The detail is for the operator's log, once, at the boundary; clients are told the service's plain name at most.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{service} is unavailable: {detail}")]
pub struct Unavailable {
    /// What is away: `storage`, `rate limiter`, `identity provider`, …
    pub service: &'static str,
    /// What its adapter knows, without secrets.
    pub detail: String,
}

impl Unavailable {
    /// Names the service and says what its adapter knows.
    pub fn new(service: &'static str, detail: impl std::fmt::Display) -> Self {
        Self { service, detail: detail.to_string() }
    }
}
