use std::sync::Arc;

use super::shared::LazyPasswords;
use crate::{
    models::{DisplayName, Email, NewAccount, OrganizationId, Password, Role, UserId},
    ports::{AccountCreation, Accounts, Clock, Entropy, HashingRefused, Unavailable},
};

/// The account that an operator wants.
#[derive(Debug, Clone)]
pub struct CreateUserRequest {
    /// Its name.
    pub email: Email,
    /// Its password.
    pub password: Password,
    /// What the person wants to be called.
    pub name: Option<DisplayName>,
    /// What the person may do.
    pub role: Role,
}

/// Why no account was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CreateUserError {
    /// Somebody has the address.
    #[error("an account with this e-mail address exists already")]
    EmailTaken,
    /// Nothing was hashed.
    #[error(transparent)]
    Hashing(#[from] HashingRefused),
    /// Something could not be asked.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Makes an account on an operator's word, whether or not sign-up is open. The address counts as not verified: the operator has typed it,
/// nobody has answered from it.
pub struct CreateUser {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes identifiers.
    pub entropy: Arc<dyn Entropy>,
    /// Hashes.
    pub passwords: Arc<LazyPasswords>,
    /// Makes the account.
    pub accounts: Arc<dyn Accounts>,
}

impl CreateUser {
    /// Makes the account and says its identifier.
    pub async fn run(&self, request: CreateUserRequest) -> Result<UserId, CreateUserError> {
        let now = self.clock.now();
        let password_hash = Some(self.passwords.get().hash(&request.password).await?);
        let (id, organization_id) = new_ids(self.entropy.as_ref(), now)?;
        let account = NewAccount {
            id,
            organization_id,
            email: request.email,
            email_verified: false,
            name: request.name,
            role: request.role,
            password_hash,
            created_at: now,
        };
        match self.accounts.create(account).await? {
            AccountCreation::Created => Ok(id),
            AccountCreation::EmailTaken => Err(CreateUserError::EmailTaken),
        }
    }
}

/// Identifiers for an account and its organization.
pub(super) fn new_ids(
    entropy: &dyn Entropy,
    now: crate::models::Timestamp,
) -> Result<(UserId, OrganizationId), Unavailable> {
    let random = entropy.bytes()?;
    let (mut user, mut organization) = ([0; 10], [0; 10]);
    user.copy_from_slice(&random[..10]);
    organization.copy_from_slice(&random[10..20]);
    Ok((UserId::generate(now, user), OrganizationId::generate(now, organization)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        flows::testing::{clock, email, entropy, password},
        models::PasswordHash,
        ports::{MockAccounts, MockPasswords, Passwords},
    };

    async fn run(creation: AccountCreation) -> Result<UserId, CreateUserError> {
        let mut passwords = MockPasswords::new();
        passwords.expect_hash().times(1).returning(|_| Ok(PasswordHash::new("hashed")));
        let passwords: Arc<dyn Passwords> = Arc::new(passwords);
        let mut accounts = MockAccounts::new();
        accounts
            .expect_create()
            .withf(|account| account.role == Role::Admin && !account.email_verified)
            .times(1)
            .return_once(|_| Ok(creation));
        let flow = CreateUser {
            clock: clock(),
            entropy: entropy(),
            passwords: Arc::new(LazyPasswords::new(Arc::new(move || Arc::clone(&passwords)), true)),
            accounts: Arc::new(accounts),
        };
        let request =
            CreateUserRequest { email: email(), password: password(), name: None, role: Role::Admin };
        flow.run(request).await
    }

    #[tokio::test]
    async fn makes_the_account_or_says_that_it_exists() {
        assert!(run(AccountCreation::Created).await.is_ok());
        assert_eq!(run(AccountCreation::EmailTaken).await, Err(CreateUserError::EmailTaken));
    }
}
