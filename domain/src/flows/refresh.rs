use std::{sync::Arc, time::Duration};

use super::shared::{Gate, Issuance, Signers, from_gate};
use crate::{
    models::{Device, Digest, IssuedTokens, Quota, RefreshToken, Secret},
    ports::{Clock, MacPurpose, Rotate, Rotation, Sessions, Unavailable},
};

/// A refresh token as it was sent, and the device that sent it.
#[derive(Debug, Clone)]
pub struct RefreshRequest {
    /// The token's text.
    pub refresh_token: Secret,
    /// Where it comes from.
    pub device: Device,
}

/// Why nothing was renewed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefreshError {
    /// The session is renewed too often.
    #[error("too many attempts")]
    Limited {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// Not a token of ours, past its end, or of a session that has ended.
    #[error("the refresh token is not valid")]
    Invalid,
    /// The token was used before; its session is revoked, because one of the two who hold it is a thief.
    #[error("the refresh token was used before")]
    Reused,
    /// Something could not be asked.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

from_gate!(RefreshError);

/// Renews a pair of tokens.
///
/// 1. The token proves itself: a forged, cut or ended one costs no query.
/// 2. The rate limit of its session is asked.
/// 3. One statement rotates it. Two scenarios decide what a token used before means:
///    - *two tabs, or a lost answer:* the same token comes again within seconds, and nobody has used the successor. Everybody is given the same
///      successor, and the session lives;
///    - *a thief:* the token comes later, or after its successor was used. Whoever of the two is the owner can't be told, so the
///      session ends for both.
pub struct Refresh {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Proves tokens.
    pub signers: Arc<Signers>,
    /// Asks the rate limit.
    pub gate: Gate,
    /// Rotates.
    pub sessions: Arc<dyn Sessions>,
    /// Issues the new pair.
    pub issuance: Issuance,
    /// How often one session may be renewed.
    pub quota: Option<Quota>,
    /// How long the same token is given the same successor.
    pub grace: Duration,
}

impl Refresh {
    /// Tells the story above.
    pub async fn run(&self, request: RefreshRequest) -> Result<IssuedTokens, RefreshError> {
        let now = self.clock.now();
        let signer = self.signers.get().await?;
        let text = request.refresh_token.expose();
        let verify = |payload: &[u8], tag: &[u8]| signer.mac_is_valid(MacPurpose::RefreshToken, payload, tag);
        let presented = RefreshToken::open(text, verify).map_err(|_| RefreshError::Invalid)?;
        if presented.session.expires_at <= now {
            return Err(RefreshError::Invalid);
        }
        let demand = Gate::demand("refresh-session", self.quota, presented.session.id);
        self.gate.admit(demand.as_slice()).await?;

        let lifetime = self.issuance.refresh_lifetime();
        let successor_of = |at| {
            presented.successor(at, lifetime, |payload| signer.mac(MacPurpose::RefreshSuccessor, payload))
        };
        let successor = successor_of(now);
        let rotate = Rotate {
            presented,
            presented_digest: Digest::of(text.as_bytes()),
            successor_digest: Digest::of(Issuance::seal(signer.as_ref(), &successor).expose().as_bytes()),
            successor_expires_at: successor.session.expires_at,
            now,
            grace: self.grace,
            device: request.device,
        };
        match self.sessions.rotate(rotate).await? {
            Rotation::Rotated { user } => Ok(self.issuance.issue(signer.as_ref(), user, &successor, now)?),
            Rotation::Replayed { user, rotated_at } => {
                Ok(self.issuance.issue(signer.as_ref(), user, &successor_of(rotated_at), now)?)
            }
            Rotation::Reused => Err(RefreshError::Reused),
            Rotation::Unknown => Err(RefreshError::Invalid),
        }
    }
}

#[cfg(test)]
#[path = "refresh_tests.rs"]
mod tests;
