use std::sync::Arc;

use super::shared::Signers;
use crate::{
    models::{AccessClaims, RefreshToken, Secret},
    ports::{Clock, MacPurpose, Sessions, Unavailable},
};

/// Why nobody was signed out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogoutError {
    /// Not a token of ours.
    #[error("the refresh token is not valid")]
    Invalid,
    /// Something could not be asked.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Signs one session out.
///
/// Any token of the session will do, also one that was renewed since: who holds one may end the session. Doing it again changes nothing, and a
/// session whose row is still to be written stays ended when the row arrives.
pub struct Logout {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Proves tokens.
    pub signers: Arc<Signers>,
    /// Ends sessions.
    pub sessions: Arc<dyn Sessions>,
}

impl Logout {
    /// Ends the token's session; a token past its end has nothing left to end.
    pub async fn run(&self, refresh_token: &Secret) -> Result<(), LogoutError> {
        let now = self.clock.now();
        let signer = self.signers.get().await?;
        let verify = |payload: &[u8], tag: &[u8]| signer.mac_is_valid(MacPurpose::RefreshToken, payload, tag);
        let token = RefreshToken::open(refresh_token.expose(), verify).map_err(|_| LogoutError::Invalid)?;
        if token.session.expires_at > now {
            self.sessions.revoke(token.session, now).await?;
        }
        Ok(())
    }
}

/// Signs a person out everywhere, also of sessions whose rows are still to be written.
pub struct LogoutAll {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Ends sessions.
    pub sessions: Arc<dyn Sessions>,
}

impl LogoutAll {
    /// Ends every session of the caller.
    pub async fn run(&self, caller: &AccessClaims) -> Result<(), Unavailable> {
        self.sessions.end_all(caller.user_id, self.clock.now()).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        flows::{
            shared::Issuance,
            testing::{NOW, claims, clock, signer, signers, user},
        },
        models::{SessionId, SessionOrigin},
        ports::MockSessions,
    };

    fn token(ends_in: Duration) -> Secret {
        let session = SessionOrigin {
            id: SessionId::generate(NOW, [5; 10]),
            user_id: user().id,
            started_at: NOW,
            expires_at: NOW.after(ends_in),
        };
        Issuance::seal(signer().as_ref(), &RefreshToken { session, generation: 3, nonce: [6; 16] })
    }

    fn flow(sessions: MockSessions) -> Logout {
        Logout { clock: clock(), signers: signers(), sessions: Arc::new(sessions) }
    }

    #[tokio::test]
    async fn ends_the_session_of_the_token() {
        let mut sessions = MockSessions::new();
        let id = SessionId::generate(NOW, [5; 10]);
        sessions
            .expect_revoke()
            .withf(move |s, at| s.id == id && *at == NOW)
            .times(1)
            .returning(|_, _| Ok(()));
        flow(sessions).run(&token(Duration::from_secs(60))).await.unwrap();
    }

    #[tokio::test]
    async fn an_ended_token_needs_no_query_and_a_forged_one_is_refused() {
        flow(MockSessions::new()).run(&token(Duration::ZERO)).await.unwrap();
        let forged = flow(MockSessions::new()).run(&Secret::new("rt_forged")).await;
        assert_eq!(forged, Err(LogoutError::Invalid));
    }

    #[tokio::test]
    async fn logout_all_ends_what_started_until_now() {
        let mut sessions = MockSessions::new();
        let id = user().id;
        sessions
            .expect_end_all()
            .withf(move |u, at| *u == id && *at == NOW)
            .times(1)
            .returning(|_, _| Ok(()));
        let flow = LogoutAll { clock: clock(), sessions: Arc::new(sessions) };
        flow.run(&claims()).await.unwrap();
    }
}
