use super::*;
use crate::{
    flows::testing::{NOW, REFRESH_LIFETIME, clock_at, device, issuance, signer, signers, user},
    models::{Gcra, SessionId, SessionOrigin, Timestamp},
    ports::{MockDeferredWrites, MockRateLimiter, MockSessions},
};

fn fresh() -> RefreshToken {
    let session = SessionOrigin {
        id: SessionId::generate(NOW, [5; 10]),
        user_id: user().id,
        started_at: NOW,
        expires_at: Timestamp::from_seconds(NOW.after(REFRESH_LIFETIME).seconds()),
    };
    RefreshToken { session, generation: 0, nonce: [6; 16] }
}

fn sealed(token: &RefreshToken) -> Secret {
    Issuance::seal(signer().as_ref(), token)
}

fn flow(now: Timestamp, sessions: MockSessions) -> Refresh {
    let mut limiter = MockRateLimiter::new();
    limiter.expect_admit().returning(|d| Ok(Gcra::decide(d.policy, d.quota, None, NOW).admission));
    Refresh {
        clock: clock_at(now),
        signers: signers(),
        gate: Gate::new(Arc::new(limiter)),
        sessions: Arc::new(sessions),
        issuance: issuance(Arc::new(MockDeferredWrites::new())),
        quota: Some(Quota::parse("120/1m").unwrap()),
        grace: Duration::from_secs(10),
    }
}

fn answering(rotation: Rotation) -> MockSessions {
    let mut sessions = MockSessions::new();
    sessions.expect_rotate().times(1).returning(move |_| Ok(rotation.clone()));
    sessions
}

async fn run(flow: &Refresh, token: Secret) -> Result<IssuedTokens, RefreshError> {
    flow.run(RefreshRequest { refresh_token: token, device: device() }).await
}

fn opened(tokens: &IssuedTokens) -> RefreshToken {
    let verify = |payload: &[u8], tag: &[u8]| signer().mac_is_valid(MacPurpose::RefreshToken, payload, tag);
    RefreshToken::open(tokens.refresh_token.expose(), verify).unwrap()
}

#[tokio::test]
async fn a_fresh_token_is_renewed_into_the_next_generation() {
    let now = NOW.after(Duration::from_secs(60));
    let mut sessions = MockSessions::new();
    sessions
        .expect_rotate()
        .withf(|rotate| {
            rotate.presented_digest == Digest::of(sealed(&fresh()).expose().as_bytes())
                && rotate.presented_digest != rotate.successor_digest
        })
        .times(1)
        .returning(|_| Ok(Rotation::Rotated { user: user() }));
    let tokens = run(&flow(now, sessions), sealed(&fresh())).await.unwrap();
    let next = opened(&tokens);
    assert_eq!(next.generation, 1);
    assert_eq!(next.session.id, fresh().session.id);
    assert_eq!(next.session.expires_at, Timestamp::from_seconds(now.after(REFRESH_LIFETIME).seconds()));
}

#[tokio::test]
async fn whoever_repeats_inside_the_grace_is_given_the_same_successor() {
    let first = flow(NOW, answering(Rotation::Rotated { user: user() }));
    let first = run(&first, sealed(&fresh())).await.unwrap();
    let later = NOW.after(Duration::from_secs(9));
    let again = flow(later, answering(Rotation::Replayed { user: user(), rotated_at: NOW }));
    let again = run(&again, sealed(&fresh())).await.unwrap();
    assert_eq!(again.refresh_token, first.refresh_token);
    assert_eq!(again.refresh_expires_in + Duration::from_secs(9), first.refresh_expires_in);
}

#[tokio::test]
async fn reuse_and_unknown_sessions_are_told_apart() {
    let reused = flow(NOW, answering(Rotation::Reused));
    assert_eq!(run(&reused, sealed(&fresh())).await, Err(RefreshError::Reused));
    let unknown = flow(NOW, answering(Rotation::Unknown));
    assert_eq!(run(&unknown, sealed(&fresh())).await, Err(RefreshError::Invalid));
}

#[tokio::test]
async fn forged_cut_and_ended_tokens_cost_no_query() {
    let text = sealed(&fresh()).expose().to_owned();
    let forged = fresh().seal(|_| [0; 32]);
    let cut = Secret::new(&text[..text.len() - 1]);
    for token in [forged, cut, Secret::new(""), Secret::new("rt_"), Secret::new("nonsense")] {
        assert_eq!(run(&flow(NOW, MockSessions::new()), token).await, Err(RefreshError::Invalid));
    }
    let ended = flow(fresh().session.expires_at, MockSessions::new());
    assert_eq!(run(&ended, Secret::new(text)).await, Err(RefreshError::Invalid));
}

#[tokio::test]
async fn storage_that_is_away_is_not_a_refusal() {
    let mut sessions = MockSessions::new();
    sessions.expect_rotate().returning(|_| Err(Unavailable::new("storage", "away")));
    let outcome = run(&flow(NOW, sessions), sealed(&fresh())).await;
    assert!(matches!(outcome, Err(RefreshError::Unavailable(_))));
}
