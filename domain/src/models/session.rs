//! Sessions: one sign-in on one device.

use super::{Device, SessionId, Timestamp, UserId};

/// What is known of a session from its very start, without any storage: it is carried in each of its refresh tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionOrigin {
    /// Names the session.
    pub id: SessionId,
    /// Whose it is.
    pub user_id: UserId,
    /// When it was opened. A session opened before its owner's `sessions_valid_from` is dead.
    pub started_at: Timestamp,
    /// When it ends unless it is renewed.
    pub expires_at: Timestamp,
}

/// A live session as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Names the session.
    pub id: SessionId,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was last renewed, or opened.
    pub last_used_at: Timestamp,
    /// The device it is on.
    pub device: Device,
}
