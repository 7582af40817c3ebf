//! A router over mocked ports, and its answers as text.

use std::{fmt::Write, net::IpAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body};
use http::{Request, Response};
use http_body_util::BodyExt;
use portico_domain::{
    door::{Door, Ports},
    models::{
        AccessClaims, AccessTokenRefused, BuiltInModels, Credential, Digest, Gcra, OrganizationId,
        PasswordHash, Role, Secret, SessionId, Timestamp, TokenId, User, UserId,
    },
    ports::{
        Clock, LocalStatistics, MockAccounts, MockApiKeys, MockBackground, MockBooks, MockConversations,
        MockCredentialLookup, MockCredentials, MockDatabaseState, MockDeferredWrites, MockEntropy,
        MockExperimentResults, MockExperiments, MockFactStore, MockIdentities, MockIdentityProvider,
        MockKeyLookup, MockKeyUsage, MockLocalCache, MockModels, MockNotices, MockOrders, MockPasswords,
        MockProviderKeys, MockRateLimiter, MockResolver, MockSealer, MockSessions, MockStorage,
        MockSystemSettings, MockTokenKeys, MockTokenSigner, MockUsageLedger, MockUserSettingsStore,
        PasswordVerdict, Passwords, TokenSigner,
    },
    settings::{Settings, Target, Variables},
};
use portico_http_api::{Api, PeerAddress, Surface, Watch};
use tower::ServiceExt;

pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_790_000_000_123_456);

/// Every port as a mock, to be told what it should say before the router is made.
pub(crate) struct Mocks {
    pub(crate) accounts: MockAccounts,
    pub(crate) credentials: MockCredentials,
    pub(crate) api_keys: MockApiKeys,
    pub(crate) key_lookup: MockKeyLookup,
    pub(crate) books: MockBooks,
    pub(crate) orders: MockOrders,
    pub(crate) usage_ledger: MockUsageLedger,
    pub(crate) key_usage: MockKeyUsage,
    pub(crate) experiments: MockExperiments,
    pub(crate) experiment_results: MockExperimentResults,
    pub(crate) sessions: MockSessions,
    pub(crate) models: MockModels,
    pub(crate) built_in_models: BuiltInModels,
    pub(crate) identities: MockIdentities,
    pub(crate) user_settings: MockUserSettingsStore,
    pub(crate) provider_keys: MockProviderKeys,
    pub(crate) sealer: MockSealer,
    pub(crate) system_settings: MockSystemSettings,
    pub(crate) conversations: MockConversations,
    pub(crate) storage: MockStorage,
    pub(crate) database_state: MockDatabaseState,
    pub(crate) deferred: MockDeferredWrites,
    pub(crate) limiter: MockRateLimiter,
    pub(crate) passwords: MockPasswords,
    pub(crate) github: Option<MockIdentityProvider>,
    pub(crate) resolver: Option<MockResolver>,
    pub(crate) variables: Vec<(&'static str, &'static str)>,
    pub(crate) time_passes: bool,
    pub(crate) memory: LocalStatistics,
}

/// Stands still, unless waiting is to end at once.
struct TestClock {
    time_passes: bool,
}

#[async_trait::async_trait]
impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        NOW
    }

    async fn sleep(&self, _span: Duration) {
        if !self.time_passes {
            std::future::pending::<()>().await;
        }
    }
}

pub(crate) fn user() -> User {
    User {
        id: UserId::generate(NOW, [1; 10]),
        email: "ada@example.com".to_owned(),
        name: Some("Ada".to_owned()),
        role: Role::Member,
        organization_id: OrganizationId::generate(NOW, [2; 10]),
        created_at: NOW,
        last_login_at: None,
    }
}

pub(crate) fn claims() -> AccessClaims {
    AccessClaims {
        user_id: user().id,
        session_id: SessionId::generate(NOW, [3; 10]),
        token_id: TokenId::generate(NOW, [4; 10]),
        role: Role::Member,
        organization_id: user().organization_id,
        issued_at: NOW,
        expires_at: NOW.after(Duration::from_secs(900)),
    }
}

fn signer() -> Arc<dyn TokenSigner> {
    let mut signer = MockTokenSigner::new();
    signer.expect_sign().returning(|_| Ok(Secret::new("fake-access-token")));
    signer.expect_verify().returning(|token, _| match token {
        "fake-access-token" => Ok(claims()),
        "fake-admin-token" => Ok(AccessClaims { role: Role::Admin, ..claims() }),
        "fake-expired-token" => Err(AccessTokenRefused::Expired),
        _ => Err(AccessTokenRefused::Invalid),
    });
    let mac = |purpose: portico_domain::ports::MacPurpose, message: &[u8]| {
        Digest::of(&[format!("{purpose:?}").as_bytes(), message].concat()).0
    };
    signer.expect_mac().returning(mac);
    signer.expect_mac_is_valid().returning(move |purpose, message, tag| mac(purpose, message) == tag);
    signer.expect_public_keys().returning(Vec::new);
    Arc::new(signer)
}

impl Mocks {
    pub(crate) fn new() -> Self {
        let mut limiter = MockRateLimiter::new();
        limiter.expect_admit().returning(|d| Ok(Gcra::decide(d.policy, d.quota, None, NOW).admission));
        let mut deferred = MockDeferredWrites::new();
        deferred.expect_hand_over().returning(|_| Ok(()));
        deferred.expect_pending().returning(|_| Vec::new());
        let mut usage_ledger = MockUsageLedger::new();
        usage_ledger.expect_count().returning(|_, _| Ok(()));
        Self {
            accounts: MockAccounts::new(),
            credentials: MockCredentials::new(),
            api_keys: MockApiKeys::new(),
            key_lookup: MockKeyLookup::new(),
            books: MockBooks::new(),
            orders: MockOrders::new(),
            usage_ledger,
            key_usage: MockKeyUsage::new(),
            experiments: MockExperiments::new(),
            experiment_results: MockExperimentResults::new(),
            sessions: MockSessions::new(),
            models: MockModels::new(),
            built_in_models: BuiltInModels::own(),
            identities: MockIdentities::new(),
            user_settings: MockUserSettingsStore::new(),
            provider_keys: MockProviderKeys::new(),
            sealer: MockSealer::new(),
            system_settings: MockSystemSettings::new(),
            conversations: MockConversations::new(),
            storage: MockStorage::new(),
            database_state: MockDatabaseState::new(),
            deferred,
            limiter,
            passwords: MockPasswords::new(),
            github: None,
            resolver: None,
            variables: Vec::new(),
            time_passes: false,
            memory: LocalStatistics::default(),
        }
    }

    /// Finds the account, or none, whoever is asked for.
    pub(crate) fn finding(mut self, found: bool) -> Self {
        self.credentials.expect_connect().returning(move || {
            let mut lookup = MockCredentialLookup::new();
            let credential = Credential { user: user(), password_hash: Some(PasswordHash::new("fake-hash")) };
            lookup.expect_by_email().returning(move |_| Ok(found.then(|| credential.clone())));
            Ok(Box::new(lookup))
        });
        self
    }

    /// Gives this verdict on every password, and hashes.
    pub(crate) fn verdict(mut self, verdict: PasswordVerdict) -> Self {
        self.passwords.expect_verify().returning(move |_, _| Ok(verdict));
        self.passwords.expect_hash().returning(|_| Ok(PasswordHash::new("fake-hash")));
        self
    }

    pub(crate) fn router(self) -> Router {
        self.watched(Watch::default())
    }

    /// The same under somebody's eyes.
    pub(crate) fn watched(self, watch: Watch) -> Router {
        let mut variables = Variables::new(self.variables.iter().map(|(k, v)| ((*k).into(), (*v).into())));
        let settings = Settings::take(&mut variables, Target::Native, "http://127.0.0.1:8080");
        variables.finish().unwrap();
        let mut entropy = MockEntropy::new();
        entropy.expect_bytes().returning(|| Ok([7; 32]));
        let mut keys = MockTokenKeys::new();
        keys.expect_resolve().returning(|| Ok(signer()));
        let passwords: Arc<dyn Passwords> = Arc::new(self.passwords);
        let mut background = MockBackground::new();
        background.expect_run().returning(drop);
        let mut memory = MockLocalCache::new();
        memory.expect_get().returning(|_| None);
        memory.expect_set().returning(|_, _| ());
        memory.expect_delete().returning(|_| ());
        memory.expect_clear().returning(|| ());
        memory.expect_statistics().return_const(self.memory);
        let mut notices = MockNotices::new();
        notices.expect_tell().returning(drop);
        let ports = Ports {
            clock: Arc::new(TestClock { time_passes: self.time_passes }),
            entropy: Arc::new(entropy),
            accounts: Arc::new(self.accounts),
            credentials: Arc::new(self.credentials),
            api_keys: Arc::new(self.api_keys),
            key_lookup: Arc::new(self.key_lookup),
            books: Arc::new(self.books),
            orders: Arc::new(self.orders),
            usage_ledger: Arc::new(self.usage_ledger),
            key_usage: Arc::new(self.key_usage),
            experiments: Arc::new(self.experiments),
            experiment_results: Arc::new(self.experiment_results),
            sessions: Arc::new(self.sessions),
            models: Arc::new(self.models),
            built_in_models: Arc::new(self.built_in_models),
            identities: Arc::new(self.identities),
            user_settings: Arc::new(self.user_settings),
            provider_keys: Arc::new(self.provider_keys),
            sealer: Arc::new(self.sealer),
            system_settings: Arc::new(self.system_settings),
            conversations: Arc::new(self.conversations),
            storage: Arc::new(self.storage),
            database_state: Arc::new(self.database_state),
            facts: Arc::new(MockFactStore::new()),
            deferred: Arc::new(self.deferred),
            limiter: Arc::new(self.limiter),
            passwords: Arc::new(move || Arc::clone(&passwords)),
            token_keys: Arc::new(keys),
            resolver: self.resolver.map(|resolver| Arc::new(resolver) as _),
            background: Arc::new(background),
            local_cache: Arc::new(memory),
            shared_cache: None,
            fence: Arc::default(),
            notices: Arc::new(notices),
            github: self.github.map(|github| Arc::new(github) as _),
        };
        let door = Arc::new(Door::new(&ports, settings));
        let api = Api { door, version: "0.0.0-test", started_at: NOW };
        Router::new().fallback_service(Surface::watched(api, watch))
    }
}

/// A POST with a JSON body.
pub(crate) fn post(path: &str, body: impl Into<Body>) -> Request<Body> {
    let request = Request::post(path).header("content-type", "application/json");
    request.body(body.into()).unwrap()
}

/// A GET by somebody who is signed in.
pub(crate) fn get_signed_in(path: &str) -> Request<Body> {
    Request::get(path).header("authorization", "Bearer fake-access-token").body(Body::empty()).unwrap()
}

/// Asks the router.
pub(crate) async fn ask(router: Router, mut request: Request<Body>) -> Response<Body> {
    let peer: IpAddr = "192.0.2.1".parse().unwrap();
    request.extensions_mut().insert(PeerAddress(peer));
    router.oneshot(request).await.unwrap()
}

/// Status, headers in order of name, and body, as text.
pub(crate) async fn text_of(response: Response<Body>) -> String {
    let mut text = format!("{}\n", response.status());
    let mut headers: Vec<_> = response
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    headers.sort();
    for header in headers {
        writeln!(text, "{header}").unwrap();
    }
    let body = response.into_body().collect().await.unwrap().to_bytes();
    match serde_json::from_slice::<serde_json::Value>(&body) {
        Ok(json) => write!(text, "\n{}", serde_json::to_string_pretty(&json).unwrap()).unwrap(),
        Err(_) => write!(text, "\n{}", String::from_utf8_lossy(&body)).unwrap(),
    }
    text.trim_end().to_owned()
}

/// What the router answers, as text.
pub(crate) async fn answer(router: Router, request: Request<Body>) -> String {
    text_of(ask(router, request).await).await
}
