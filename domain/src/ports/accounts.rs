use async_trait::async_trait;

use super::Unavailable;
use crate::models::{Credential, Email, NewAccount, PasswordHash, SessionOrigin, Timestamp, User, UserId};

/// What became of making an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountCreation {
    /// It and its organization are there.
    Created,
    /// Somebody has the address already; nothing was written.
    EmailTaken,
}

/// A new password, and what it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordChange {
    /// Whose.
    pub user_id: UserId,
    /// The hash that the current password was verified against: the change holds only while it is still stored.
    pub from: PasswordHash,
    /// The hash to store.
    pub to: PasswordHash,
    /// The session that goes on; all others of the account end. `None` ends all.
    pub keep: Option<SessionOrigin>,
    /// Now.
    pub at: Timestamp,
}

/// What became of changing a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordChanged {
    /// It is changed and the other sessions are ended.
    Done,
    /// Another change came first; nothing was written.
    Superseded,
}

/// The accounts.
///
/// Reads see every write that returned before they began. An absent account is `None`.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Makes an account and its organization, both or neither.
    async fn create(&self, account: NewAccount) -> Result<AccountCreation, Unavailable>;

    /// Finds a person.
    async fn by_id(&self, id: UserId) -> Result<Option<User>, Unavailable>;

    /// Finds a person with what proves them.
    async fn credential(&self, id: UserId) -> Result<Option<Credential>, Unavailable>;

    /// Stores a new password and ends the account's other sessions, also those whose rows are still to be written
    /// (all that started at or before `at`, save the kept one, whose row is written if it was not), in one step.
    async fn change_password(&self, change: PasswordChange) -> Result<PasswordChanged, Unavailable>;
}

/// Looks accounts up by the name that people sign in with, over a connection that can be made ready beforehand.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Credentials: Send + Sync {
    /// Makes a connection ready and holds it for one look-up. Sends no statement of its own when one is at hand. Dropping the result, or
    /// the future, gives the connection back.
    async fn connect(&self) -> Result<Box<dyn CredentialLookup>, Unavailable>;
}

/// One look-up over the connection that [`Credentials::connect`] made ready.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait CredentialLookup: Send {
    /// Finds who signs in with this address, by one statement. The connection is free again when this returns, so that it is not held
    /// while a password is hashed.
    async fn by_email(&mut self, email: &Email) -> Result<Option<Credential>, Unavailable>;
}
