//! People.

use serde::{Deserialize, Serialize};

use super::{Email, OrganizationId, PasswordHash, Timestamp, UserId};

/// What a person may do beyond their own things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Uses the product.
    Member,
    /// Also operates it.
    Admin,
}

impl Role {
    /// The word that is stored and put into tokens.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Admin => "admin",
        }
    }

    /// Reads the stored word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "member" => Some(Self::Member),
            "admin" => Some(Self::Admin),
            _ => None,
        }
    }
}

/// What a person wants to be called: 1–200 characters after trimming, no control characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct DisplayName(String);

impl DisplayName {
    /// Reads a name.
    ///
    /// # Errors
    /// A sentence for the person who typed it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        if text.is_empty() {
            return Err("must not be empty");
        }
        if text.chars().count() > 200 {
            return Err("must be at most 200 characters long");
        }
        if text.chars().any(char::is_control) {
            return Err("must not contain control characters");
        }
        Ok(Self(text.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A person as clients see them; its JSON form is the contract's `user`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Names the account.
    pub id: UserId,
    /// What they sign in with.
    pub email: String,
    /// What they want to be called, if they said so.
    pub name: Option<String>,
    /// What they may do.
    pub role: Role,
    /// The organization that owns their rows.
    pub organization_id: OrganizationId,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When they last signed in; `None` before the first time.
    pub last_login_at: Option<Timestamp>,
}

/// A person together with what proves them; never leaves the domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Who it proves.
    pub user: User,
    /// The stored hash; `None` for somebody who only ever signed in through a provider.
    pub password_hash: Option<PasswordHash>,
}

/// An account about to be made, with an organization of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAccount {
    /// The account's identifier.
    pub id: UserId,
    /// The organization made with it.
    pub organization_id: OrganizationId,
    /// The account's name; unique.
    pub email: Email,
    /// Whether somebody whom Portico trusts has verified the address.
    pub email_verified: bool,
    /// What the person wants to be called.
    pub name: Option<DisplayName>,
    /// What the person may do.
    pub role: Role,
    /// `None` when they sign in through a provider alone.
    pub password_hash: Option<PasswordHash>,
    /// Now.
    pub created_at: Timestamp,
}
