//! Facts: what has happened and is still to be written down.

use serde::{Deserialize, Serialize};

use super::{Device, Digest, PasswordHash, SessionId, Timestamp, UserId};

/// Something that has happened, whose record may follow the answer.
///
/// Facts are idempotent: writing one twice, or late, or after what it was followed by, leaves what writing it once in time
/// would have left. That lets a deferred write be retried after a crash without asking whether it went through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
pub enum Fact {
    /// A session began. Written late, it must not revive a session that was ended or renewed meanwhile.
    SessionOpened {
        /// Names the session.
        session_id: SessionId,
        /// Whose it is.
        user_id: UserId,
        /// When it began.
        started_at: Timestamp,
        /// When it ends unless renewed.
        expires_at: Timestamp,
        /// Digest of its first refresh token.
        refresh_digest: Digest,
        /// The device it is on.
        device: Device,
    },
    /// Somebody signed in. The latest moment wins, whatever the order of writing.
    SignedIn {
        /// Who.
        user_id: UserId,
        /// When.
        at: Timestamp,
    },
    /// A password was hashed anew at a higher cost. Holds only while the stored hash is still the old one.
    PasswordRehashed {
        /// Whose.
        user_id: UserId,
        /// The hash that was verified.
        from: PasswordHash,
        /// The same password under the present cost.
        to: PasswordHash,
    },
}

impl Fact {
    /// Whom the fact is about.
    #[must_use]
    pub const fn user_id(&self) -> UserId {
        match self {
            Self::SessionOpened { user_id, .. }
            | Self::SignedIn { user_id, .. }
            | Self::PasswordRehashed { user_id, .. } => *user_id,
        }
    }
}
