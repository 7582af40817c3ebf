use std::{sync::Arc, time::Duration};

use super::Signers;
use crate::{
    models::{
        AccessClaims, Device, Digest, Fact, IssuedTokens, REFRESH_NONCE_BYTES, RefreshToken, Secret,
        SessionId, SessionOrigin, Timestamp, TokenId, User,
    },
    ports::{DeferredWrites, Entropy, MacPurpose, TokenSigner, Unavailable},
};

/// Opens sessions and issues tokens: the common end of every way to sign in.
///
/// What must hold: the answer doesn't wait for the database. The session's first refresh token proves itself, so it can be renewed before,
/// or without, the row that [`Fact::SessionOpened`] will become.
#[derive(Clone)]
pub struct Issuance {
    signers: Arc<Signers>,
    entropy: Arc<dyn Entropy>,
    deferred: Arc<dyn DeferredWrites>,
    access_lifetime: Duration,
    refresh_lifetime: Duration,
}

impl Issuance {
    /// Takes the ports and the tokens' lifetimes.
    #[must_use]
    pub fn new(
        signers: Arc<Signers>,
        entropy: Arc<dyn Entropy>,
        deferred: Arc<dyn DeferredWrites>,
        access_lifetime: Duration,
        refresh_lifetime: Duration,
    ) -> Self {
        Self { signers, entropy, deferred, access_lifetime, refresh_lifetime }
    }

    /// How long a refresh token lives.
    #[must_use]
    pub const fn refresh_lifetime(&self) -> Duration {
        self.refresh_lifetime
    }

    /// Opens a session for somebody who has just proved who they are, and hands over the facts of it together with `also`.
    pub async fn open(
        &self,
        mut user: User,
        device: Device,
        now: Timestamp,
        also: Option<Fact>,
    ) -> Result<IssuedTokens, Unavailable> {
        let signer = self.signers.get().await?;
        let random = self.entropy.bytes()?;
        let (id, rest) = random.split_at(10);
        let mut nonce = [0; REFRESH_NONCE_BYTES];
        nonce.copy_from_slice(&rest[..REFRESH_NONCE_BYTES]);
        let mut id_bytes = [0; 10];
        id_bytes.copy_from_slice(id);
        let session = SessionOrigin {
            id: SessionId::generate(now, id_bytes),
            user_id: user.id,
            started_at: now,
            expires_at: Timestamp::from_seconds(now.after(self.refresh_lifetime).seconds()),
        };
        let refresh = RefreshToken { session, generation: 0, nonce };
        user.last_login_at = Some(now);
        let tokens = self.issue(signer.as_ref(), user, &refresh, now)?;
        let opened = Fact::SessionOpened {
            session_id: session.id,
            user_id: session.user_id,
            started_at: session.started_at,
            expires_at: session.expires_at,
            refresh_digest: Digest::of(tokens.refresh_token.expose().as_bytes()),
            device,
        };
        let signed_in = Fact::SignedIn { user_id: session.user_id, at: now };
        let facts = [opened, signed_in].into_iter().chain(also).collect();
        self.deferred.hand_over(facts).await?;
        Ok(tokens)
    }

    /// Issues the pair for a session and a refresh token that are settled.
    pub fn issue(
        &self,
        signer: &dyn TokenSigner,
        user: User,
        refresh: &RefreshToken,
        now: Timestamp,
    ) -> Result<IssuedTokens, Unavailable> {
        let mut random = [0; 10];
        random.copy_from_slice(&self.entropy.bytes()?[..10]);
        let claims = AccessClaims {
            user_id: user.id,
            session_id: refresh.session.id,
            token_id: TokenId::generate(now, random),
            role: user.role,
            organization_id: user.organization_id,
            issued_at: Timestamp::from_seconds(now.seconds()),
            expires_at: Timestamp::from_seconds(now.after(self.access_lifetime).seconds()),
        };
        Ok(IssuedTokens {
            access_token: signer.sign(&claims)?,
            expires_in: self.access_lifetime,
            refresh_token: Self::seal(signer, refresh),
            refresh_expires_in: refresh.session.expires_at.since(Timestamp::from_seconds(now.seconds())),
            user,
        })
    }

    /// The text of a refresh token.
    #[must_use]
    pub fn seal(signer: &dyn TokenSigner, refresh: &RefreshToken) -> Secret {
        refresh.seal(|payload| signer.mac(MacPurpose::RefreshToken, payload))
    }
}
