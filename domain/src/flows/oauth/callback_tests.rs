use super::*;
use crate::{
    flows::{
        oauth::{OAuthBegin, OAuthBegun},
        testing::{NOW, clock, clock_at, email, entropy, issuance, signers, user},
    },
    models::{Digest, EmailHolder, ExternalIdentity, Provider},
    ports::{
        IdentityStanding, MockAccounts, MockDeferredWrites, MockIdentities, MockIdentityProvider,
        MockRateLimiter,
    },
};

fn profile() -> ExternalProfile {
    ExternalProfile {
        identity: ExternalIdentity { provider: Provider::GitHub, subject: "42".to_owned() },
        verified_email: Some(email()),
        name: Some("Ada".to_owned()),
    }
}

fn provider(profile: ExternalProfile) -> MockIdentityProvider {
    let mut provider = MockIdentityProvider::new();
    provider
        .expect_authorization_url()
        .returning(|request| format!("{}|{}", request.state, request.challenge));
    provider.expect_profile().returning(move |_| Ok(profile.clone()));
    provider
}

fn gate() -> Gate {
    Gate::new(Arc::new(MockRateLimiter::new()))
}

async fn begun(asked_by: Option<UserId>) -> (String, OAuthBegun) {
    let begin = OAuthBegin {
        clock: clock(),
        entropy: entropy(),
        gate: gate(),
        signers: signers(),
        provider: Arc::new(provider(profile())),
        redirect_uri: "http://127.0.0.1/callback".to_owned(),
        quota: None,
    };
    let path = ReturnPath::parse("/welcome").unwrap();
    let begun = begin.run(path, asked_by, &Caller::default()).await.unwrap();
    let state = begun.authorization_url.split('|').next().unwrap().to_owned();
    (state, begun)
}

fn request(state: &str, begun: &OAuthBegun) -> OAuthCallbackRequest {
    OAuthCallbackRequest {
        code: Some(Secret::new("code")),
        state: Some(state.to_owned()),
        browser_binding: Some(begun.browser_binding.clone()),
        caller: Caller::default(),
    }
}

fn flow(now: Timestamp, identities: MockIdentities, profile: ExternalProfile) -> OAuthCallback {
    let mut deferred = MockDeferredWrites::new();
    deferred.expect_hand_over().returning(|_| Ok(()));
    let mut accounts = MockAccounts::new();
    accounts.expect_by_id().returning(|_| Ok(Some(user())));
    OAuthCallback {
        clock: clock_at(now),
        entropy: entropy(),
        gate: gate(),
        signers: signers(),
        provider: Arc::new(provider(profile)),
        identities: Arc::new(identities),
        accounts: Arc::new(accounts),
        issuance: issuance(Arc::new(deferred)),
        signup_open: true,
        redirect_uri: "http://127.0.0.1/callback".to_owned(),
        quota: None,
    }
}

fn unused_state() -> MockIdentities {
    let mut identities = MockIdentities::new();
    identities.expect_use_state().times(1).returning(|_, _| Ok(true));
    identities
}

fn standing(identities: &mut MockIdentities, email_holder: Option<EmailHolder>) {
    let standing = IdentityStanding { linked: None, email_holder };
    identities.expect_standing().returning(move |_, _| Ok(standing.clone()));
}

#[tokio::test]
async fn a_stranger_is_given_an_account_with_a_verified_address_and_goes_where_they_wanted() {
    let (state, begun) = begun(None).await;
    let mut identities = unused_state();
    standing(&mut identities, None);
    identities
        .expect_create_account()
        .withf(|account, identity| {
            account.email_verified && account.password_hash.is_none() && identity.subject == "42"
        })
        .times(1)
        .returning(|_, _| Ok(AccountCreation::Created));
    let signed_in = flow(NOW, identities, profile()).run(request(&state, &begun)).await.unwrap();
    assert_eq!(signed_in.return_to.as_str(), "/welcome");
    assert_eq!(signed_in.tokens.user.email, "ada@example.com");
}

#[tokio::test]
async fn the_challenge_belongs_to_the_verifier_that_is_sent() {
    let (state, begun) = begun(None).await;
    let challenge = begun.authorization_url.split('|').nth(1).unwrap().to_owned();
    let mut identities = unused_state();
    standing(&mut identities, None);
    identities.expect_create_account().returning(|_, _| Ok(AccountCreation::Created));
    let mut provider = MockIdentityProvider::new();
    provider
        .expect_profile()
        .withf(move |exchange| {
            use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
            let digest = Digest::of(exchange.verifier.expose().as_bytes());
            URL_SAFE_NO_PAD.encode(digest.0) == challenge
        })
        .times(1)
        .returning(|_| Ok(profile()));
    let mut flow = flow(NOW, identities, profile());
    flow.provider = Arc::new(provider);
    flow.run(request(&state, &begun)).await.unwrap();
}

#[tokio::test]
async fn a_state_that_is_not_this_browsers_costs_no_query() {
    let (state, begun) = begun(None).await;
    let whole = request(&state, &begun);
    let wrong = [
        OAuthCallbackRequest { state: None, ..whole.clone() },
        OAuthCallbackRequest { state: Some(format!("{state}x")), ..whole.clone() },
        OAuthCallbackRequest { browser_binding: None, ..whole.clone() },
        OAuthCallbackRequest { browser_binding: Some(Secret::new(state.clone())), ..whole.clone() },
        OAuthCallbackRequest { state: Some(begun.browser_binding.expose().to_owned()), ..whole.clone() },
    ];
    for request in wrong {
        let outcome = flow(NOW, MockIdentities::new(), profile()).run(request).await;
        assert_eq!(outcome, Err(OAuthCallbackError::InvalidState));
    }
    let late = NOW.after(Duration::from_secs(600));
    let outcome = flow(late, MockIdentities::new(), profile()).run(whole).await;
    assert_eq!(outcome, Err(OAuthCallbackError::InvalidState));
}

#[tokio::test]
async fn a_used_state_is_refused_before_the_code_is_exchanged() {
    let (state, begun) = begun(None).await;
    let mut identities = MockIdentities::new();
    identities.expect_use_state().times(1).returning(|_, _| Ok(false));
    let mut flow = flow(NOW, identities, profile());
    flow.provider = Arc::new(MockIdentityProvider::new());
    let outcome = flow.run(request(&state, &begun)).await;
    assert_eq!(outcome, Err(OAuthCallbackError::InvalidState));
}

#[tokio::test]
async fn an_unverified_address_and_a_refusal_by_the_person_sign_nobody_in() {
    let (state, begun) = begun(None).await;
    let unverified = ExternalProfile { verified_email: None, ..profile() };
    let outcome = flow(NOW, unused_state(), unverified).run(request(&state, &begun)).await;
    assert_eq!(outcome, Err(OAuthCallbackError::UnverifiedEmail));
    let declined = OAuthCallbackRequest { code: None, ..request(&state, &begun) };
    let outcome = flow(NOW, unused_state(), profile()).run(declined).await;
    assert_eq!(outcome, Err(OAuthCallbackError::ProviderRefused));
}

#[tokio::test]
async fn a_password_account_is_joined_only_when_its_owner_asked_from_inside() {
    let holder =
        EmailHolder { user_id: user().id, has_password: true, email_verified: false, has_identity: false };
    let (state, from_outside) = begun(None).await;
    let mut identities = unused_state();
    standing(&mut identities, Some(holder.clone()));
    let outcome = flow(NOW, identities, profile()).run(request(&state, &from_outside)).await;
    assert_eq!(outcome, Err(OAuthCallbackError::AccountHeld));

    let (state, from_inside) = begun(Some(user().id)).await;
    let mut identities = unused_state();
    standing(&mut identities, Some(holder));
    identities.expect_link().times(1).returning(|_, _, _| Ok(LinkOutcome::Linked));
    let outcome = flow(NOW, identities, profile()).run(request(&state, &from_inside)).await;
    assert_eq!(outcome.unwrap().tokens.user.id, user().id);
}
