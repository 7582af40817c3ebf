use std::time::Duration;

use async_trait::async_trait;

use super::Unavailable;
use crate::models::{
    Device, Digest, PageRequest, RefreshToken, Session, SessionId, SessionOrigin, Timestamp, User, UserId,
};

/// A refresh token presented for renewal, with what its successor would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotate {
    /// The token presented, its MAC already verified and not past its end.
    pub presented: RefreshToken,
    /// Digest of its text.
    pub presented_digest: Digest,
    /// Digest of the successor's text if it is renewed at `now`.
    pub successor_digest: Digest,
    /// End of the successor, and of the session unless renewed again.
    pub successor_expires_at: Timestamp,
    /// Now.
    pub now: Timestamp,
    /// How long after a renewal the same token is given the same successor again.
    pub grace: Duration,
    /// The device that asks; becomes the row's when this call is what writes it.
    pub device: Device,
}

/// What became of a renewal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotation {
    /// The token was the session's present one. It is now the previous one, and the successor is present.
    Rotated {
        /// Whose session it is, as they are now.
        user: User,
    },
    /// The token was renewed before, inside the grace, and its successor has not been used: it is to be given again.
    Replayed {
        /// Whose session it is, as they are now.
        user: User,
        /// When it was renewed: what the successor was derived with.
        rotated_at: Timestamp,
    },
    /// The token was renewed before and the grace is over, or its successor has been used. The session has been revoked by this call or
    /// an earlier one.
    Reused,
    /// No such session, or it has ended, or the digest contradicts the token.
    Unknown,
}

/// The sessions.
///
/// A session's first refresh token may be presented before the session's row was written: [`Sessions::rotate`] and
/// [`Sessions::revoke`] then write it. A session that started at or before its owner's last "end all" is dead even without a row.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Renews a session by one conditional upsert. Of any number of concurrent callers with the same token exactly one is answered
    /// [`Rotation::Rotated`]; inside the grace the others are [`Rotation::Replayed`]. Reuse revokes the session in the same statement.
    async fn rotate(&self, rotate: Rotate) -> Result<Rotation, Unavailable>;

    /// Ends a session, whether or not its row is there yet; a row is left that keeps it ended. Idempotent. A session of somebody else under
    /// the same id is left alone.
    async fn revoke(&self, session: SessionOrigin, at: Timestamp) -> Result<(), Unavailable>;

    /// Ends the session of this person whose row is there. `false` when there is none that lives.
    async fn end(&self, user: UserId, session: SessionId, at: Timestamp) -> Result<bool, Unavailable>;

    /// Ends every session of this person that started at or before `at`, also those whose rows are still to be written.
    async fn end_all(&self, user: UserId, at: Timestamp) -> Result<(), Unavailable>;

    /// Lists this person's live sessions by when they started, one more than the limit if there are more.
    async fn list(
        &self,
        user: UserId,
        page: PageRequest,
        now: Timestamp,
    ) -> Result<Vec<Session>, Unavailable>;
}
