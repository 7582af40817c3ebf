use std::sync::Mutex;

use tokio::sync::oneshot;

use super::*;
use crate::{
    flows::testing::{NOW, clock, credential, device, email, issuance, password, user},
    models::{Admission, Credential, Gcra},
    ports::{
        DeferredWrites, HashingRefused, MockCredentialLookup, MockCredentials, MockDeferredWrites,
        MockPasswords, MockRateLimiter,
    },
};

fn request() -> LoginRequest {
    let caller = Caller { address: Some("192.0.2.1".parse().unwrap()), user_agent: Some("test".to_owned()) };
    LoginRequest { email: email(), password: password(), caller }
}

fn admission(demand: &Demand, admitted: bool) -> Admission {
    let admission = Gcra::decide(demand.policy, demand.quota, None, NOW).admission;
    Admission { admitted, retry_after: Duration::from_secs(if admitted { 0 } else { 6 }), ..admission }
}

fn open_gate() -> MockRateLimiter {
    let mut limiter = MockRateLimiter::new();
    limiter.expect_admit().returning(|demand| Ok(admission(demand, true)));
    limiter
}

fn finding(found: Option<Credential>) -> MockCredentials {
    let mut credentials = MockCredentials::new();
    credentials.expect_connect().times(1).returning(move || {
        let found = found.clone();
        let mut lookup = MockCredentialLookup::new();
        lookup.expect_by_email().times(1).returning(move |_| Ok(found.clone()));
        Ok(Box::new(lookup))
    });
    credentials
}

fn verdict(verdict: PasswordVerdict) -> MockPasswords {
    let mut passwords = MockPasswords::new();
    passwords.expect_verify().times(1).returning(move |_, _| Ok(verdict));
    passwords
}

fn taking_facts() -> (Arc<Mutex<Vec<Fact>>>, MockDeferredWrites) {
    let taken = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&taken);
    let mut deferred = MockDeferredWrites::new();
    deferred.expect_hand_over().returning(move |facts| {
        into.lock().unwrap().extend(facts);
        Ok(())
    });
    (taken, deferred)
}

fn flow(
    limiter: MockRateLimiter,
    credentials: MockCredentials,
    passwords: MockPasswords,
    deferred: Arc<dyn DeferredWrites>,
) -> Login {
    let passwords: Arc<dyn Passwords> = Arc::new(passwords);
    Login {
        clock: clock(),
        gate: Gate::new(Arc::new(limiter)),
        credentials: Arc::new(credentials),
        passwords: Arc::new(LazyPasswords::new(Arc::new(move || Arc::clone(&passwords)), true)),
        issuance: issuance(deferred),
        quota: Some(Quota::parse("10/1m").unwrap()),
        connect_early: true,
    }
}

#[tokio::test]
async fn the_right_password_opens_a_session_and_defers_its_record() {
    let (taken, deferred) = taking_facts();
    let matches = verdict(PasswordVerdict::Matches { outdated: false });
    let login = flow(open_gate(), finding(Some(credential())), matches, Arc::new(deferred));
    let tokens = login.run(request()).await.unwrap();
    assert_eq!(tokens.user.id, user().id);
    assert_eq!(tokens.user.last_login_at, Some(NOW));
    let taken = taken.lock().unwrap();
    let [Fact::SessionOpened { refresh_digest, device: kept, .. }, Fact::SignedIn { at, .. }] = &taken[..]
    else {
        panic!("{taken:?}");
    };
    assert_eq!(*refresh_digest, Digest::of(tokens.refresh_token.expose().as_bytes()));
    assert_eq!(*kept, device());
    assert_eq!(*at, NOW);
}

#[tokio::test]
async fn an_unknown_address_is_verified_against_the_decoy() {
    let mut passwords = MockPasswords::new();
    passwords
        .expect_verify()
        .withf(|_, stored| stored.is_none())
        .times(1)
        .returning(|_, _| Ok(PasswordVerdict::Differs));
    let login = flow(open_gate(), finding(None), passwords, Arc::new(MockDeferredWrites::new()));
    assert_eq!(login.run(request()).await, Err(LoginError::InvalidCredentials));
}

#[tokio::test]
async fn an_account_without_a_password_is_refused_like_any_other() {
    let found = Credential { password_hash: None, ..credential() };
    let differs = verdict(PasswordVerdict::Differs);
    let login = flow(open_gate(), finding(Some(found)), differs, Arc::new(MockDeferredWrites::new()));
    assert_eq!(login.run(request()).await, Err(LoginError::InvalidCredentials));
}

#[tokio::test]
async fn the_connection_is_made_ready_while_the_limit_is_asked() {
    let (connected, connecting) = oneshot::channel();
    let connected = Mutex::new(Some(connected));
    let mut credentials = MockCredentials::new();
    credentials.expect_connect().times(1).returning(move || {
        let _ = connected.lock().unwrap().take().unwrap().send(());
        let mut lookup = MockCredentialLookup::new();
        lookup.expect_by_email().returning(|_| Ok(Some(credential())));
        Ok(Box::new(lookup))
    });
    let (_, deferred) = taking_facts();
    let matches = verdict(PasswordVerdict::Matches { outdated: false });
    let mut login = flow(MockRateLimiter::new(), credentials, matches, Arc::new(deferred));
    // The limiter answers only once the connection was asked for: in turn, the two would wait for ever.
    login.gate = Gate::new(Arc::new(AfterConnecting(Mutex::new(Some(connecting)))));
    let answer = tokio::time::timeout(Duration::from_secs(5), login.run(request())).await;
    assert!(answer.expect("connected while the limiter was asked").is_ok());
}

/// Admits once somebody has asked for a connection.
struct AfterConnecting(Mutex<Option<oneshot::Receiver<()>>>);

#[async_trait::async_trait]
impl crate::ports::RateLimiter for AfterConnecting {
    async fn admit(&self, demand: &Demand) -> Result<Admission, Unavailable> {
        let waiting = self.0.lock().unwrap().take();
        if let Some(connecting) = waiting {
            connecting.await.map_err(|gone| Unavailable::new("test", gone))?;
        }
        Ok(admission(demand, true))
    }
}

#[tokio::test]
async fn a_refused_attempt_sends_no_query_and_does_not_wait_for_the_connection() {
    for connect_early in [true, false] {
        let mut limiter = MockRateLimiter::new();
        limiter.expect_admit().returning(|demand| Ok(admission(demand, false)));
        let mut login =
            flow(limiter, MockCredentials::new(), MockPasswords::new(), Arc::new(MockDeferredWrites::new()));
        login.connect_early = connect_early;
        login.credentials = Arc::new(NeverConnects);
        let refused = LoginError::Limited { retry_after: Duration::from_secs(6) };
        assert_eq!(login.run(request()).await, Err(refused));
    }
}

struct NeverConnects;

#[async_trait::async_trait]
impl Credentials for NeverConnects {
    async fn connect(&self) -> Result<Box<dyn CredentialLookup>, Unavailable> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn a_limiter_that_is_away_closes_the_door() {
    let mut limiter = MockRateLimiter::new();
    limiter.expect_admit().returning(|_| Err(Unavailable::new("rate limiter", "away")));
    let mut login =
        flow(limiter, MockCredentials::new(), MockPasswords::new(), Arc::new(MockDeferredWrites::new()));
    login.credentials = Arc::new(NeverConnects);
    assert!(matches!(login.run(request()).await, Err(LoginError::Unavailable(_))));
}

#[tokio::test]
async fn an_outdated_hash_is_made_anew_unless_hashing_is_overloaded() {
    for overloaded in [false, true] {
        let (taken, deferred) = taking_facts();
        let mut passwords = verdict(PasswordVerdict::Matches { outdated: true });
        passwords.expect_hash().times(1).returning(move |_| {
            if overloaded {
                return Err(HashingRefused::Overloaded { retry_after: Duration::from_secs(1) });
            }
            Ok(PasswordHash::new("dearer"))
        });
        let login = flow(open_gate(), finding(Some(credential())), passwords, Arc::new(deferred));
        login.run(request()).await.unwrap();
        let rehashed = Fact::PasswordRehashed {
            user_id: user().id,
            from: PasswordHash::new("stored"),
            to: PasswordHash::new("dearer"),
        };
        assert_eq!(taken.lock().unwrap().contains(&rehashed), !overloaded);
    }
}

#[tokio::test]
async fn an_overloaded_hasher_is_said_to_be_so() {
    let mut passwords = MockPasswords::new();
    let retry_after = Duration::from_secs(2);
    passwords.expect_verify().returning(move |_, _| Err(HashingRefused::Overloaded { retry_after }));
    let login = flow(open_gate(), finding(None), passwords, Arc::new(MockDeferredWrites::new()));
    assert_eq!(login.run(request()).await, Err(LoginError::Overloaded { retry_after }));
}
