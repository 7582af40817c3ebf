//! What the flows' tests share: a moment, a person, a signer whose MAC is a digest.

use std::{sync::Arc, time::Duration};

use super::shared::{Issuance, Signers};
use crate::{
    cache::{Cache, CacheParts, Fence, Policy, Prefix, Strategies, Tiers},
    models::{
        AccessClaims, Credential, Device, Digest, Email, OrganizationId, Password, PasswordHash, Role,
        Secret, SessionId, Timestamp, TokenId, User, UserId,
    },
    ports::{
        DeferredWrites, MockBackground, MockClock, MockEntropy, MockLocalCache, MockNotices, MockTokenKeys,
        MockTokenSigner, TokenSigner,
    },
};

pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_790_000_000_123_456);
pub(crate) const REFRESH_LIFETIME: Duration = Duration::from_secs(30 * 86_400);

pub(crate) fn user() -> User {
    User {
        id: UserId::generate(NOW, [1; 10]),
        email: "ada@example.com".to_owned(),
        name: Some("Ada".to_owned()),
        role: Role::Member,
        organization_id: OrganizationId::generate(NOW, [2; 10]),
        created_at: NOW.before(Duration::from_secs(86_400)),
        last_login_at: None,
    }
}

pub(crate) fn credential() -> Credential {
    Credential { user: user(), password_hash: Some(PasswordHash::new("stored")) }
}

pub(crate) fn email() -> Email {
    Email::parse("ada@example.com").unwrap()
}

pub(crate) fn password() -> Password {
    Password::to_set("correct horse").unwrap()
}

pub(crate) fn device() -> Device {
    Device::new(Some("test"), Some("192.0.2.1".to_owned()))
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

pub(crate) fn clock_at(now: Timestamp) -> Arc<MockClock> {
    let mut clock = MockClock::new();
    clock.expect_now().return_const(now);
    Arc::new(clock)
}

pub(crate) fn clock() -> Arc<MockClock> {
    clock_at(NOW)
}

pub(crate) fn entropy() -> Arc<MockEntropy> {
    let mut entropy = MockEntropy::new();
    entropy.expect_bytes().returning(|| Ok([7; 32]));
    Arc::new(entropy)
}

/// Signs with the subject's id; its MAC is the digest of purpose and message.
pub(crate) fn signer() -> Arc<dyn TokenSigner> {
    let mut signer = MockTokenSigner::new();
    signer.expect_sign().returning(|claims| Ok(Secret::new(format!("access-of-{}", claims.user_id))));
    signer.expect_mac().returning(mac);
    signer.expect_mac_is_valid().returning(|purpose, message, tag| mac(purpose, message) == tag);
    signer.expect_public_keys().returning(Vec::new);
    Arc::new(signer)
}

fn mac(purpose: crate::ports::MacPurpose, message: &[u8]) -> [u8; 32] {
    Digest::of(&[format!("{purpose:?}").as_bytes(), message].concat()).0
}

pub(crate) fn signers() -> Arc<Signers> {
    let mut keys = MockTokenKeys::new();
    keys.expect_resolve().returning(|| Ok(signer()));
    Arc::new(Signers::new(Arc::new(keys), true))
}

pub(crate) fn issuance(deferred: Arc<dyn DeferredWrites>) -> Issuance {
    Issuance::new(signers(), entropy(), deferred, Duration::from_secs(900), REFRESH_LIFETIME)
}

/// A cache that keeps nothing.
pub(crate) fn idle_cache() -> Arc<Cache> {
    let mut local = MockLocalCache::new();
    local.expect_delete().returning(|_| ());
    let mut notices = MockNotices::new();
    notices.expect_tell().returning(drop);
    Cache::new(CacheParts {
        clock: clock(),
        background: Arc::new(MockBackground::new()),
        notices: Arc::new(notices),
        local: Arc::new(local),
        shared: None,
        fence: Arc::<Fence>::default(),
        strategies: Strategies::new(
            Prefix::ALL.map(|prefix| Policy { tiers: Tiers::Off, ..prefix.policy() }),
        ),
        single_flight: false,
    })
}
