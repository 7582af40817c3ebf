use std::{sync::Arc, time::Duration};

use super::{
    create_user::new_ids,
    shared::{Gate, Issuance, LazyPasswords, from_gate, from_hashing},
};
use crate::{
    models::{Caller, DisplayName, Email, IssuedTokens, NewAccount, Password, Quota, Role, User},
    ports::{AccountCreation, Accounts, Clock, Credentials, Entropy, Unavailable},
};

/// Who wants an account, and where they come from.
#[derive(Debug, Clone)]
pub struct RegisterRequest {
    /// What they will sign in with.
    pub email: Email,
    /// What will prove it.
    pub password: Password,
    /// What they want to be called.
    pub name: Option<DisplayName>,
    /// Where the request comes from.
    pub caller: Caller,
}

/// Nobody may register here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("sign-up is closed")]
pub struct SignupClosed;

/// Why no account was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// Nobody may register here.
    #[error(transparent)]
    Closed(#[from] SignupClosed),
    /// Too many registrations from this address.
    #[error("too many attempts")]
    Limited {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// Somebody has the e-mail address.
    #[error("an account with this e-mail address exists already")]
    EmailTaken,
    /// More passwords wait to be hashed than can be in time.
    #[error("too many sign-ups at once")]
    Overloaded {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// Something could not be asked.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

from_gate!(RegisterError);

from_hashing!(RegisterError);

/// Makes an account and signs its owner in.
///
/// 1. Sign-up is open, and the rate limit of the address admits.
/// 2. A taken address is refused before anything is hashed: a refusal is cheap.
/// 3. The password is hashed, and account and organization are made in one step, which has the last word on whether the address is free.
/// 4. The session is opened as by login.
pub struct Register {
    /// Whether anybody may register.
    pub open: bool,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes identifiers.
    pub entropy: Arc<dyn Entropy>,
    /// Asks the rate limit.
    pub gate: Gate,
    /// Finds accounts by address.
    pub credentials: Arc<dyn Credentials>,
    /// Hashes.
    pub passwords: Arc<LazyPasswords>,
    /// Makes the account.
    pub accounts: Arc<dyn Accounts>,
    /// Opens sessions.
    pub issuance: Issuance,
    /// How often one address may register.
    pub quota: Option<Quota>,
}

impl Register {
    /// Whether it is worth reading the request at all.
    pub const fn guard(&self) -> Result<(), SignupClosed> {
        if self.open { Ok(()) } else { Err(SignupClosed) }
    }

    /// Tells the story above.
    pub async fn run(&self, request: RegisterRequest) -> Result<IssuedTokens, RegisterError> {
        self.guard()?;
        let demand = Gate::demand("register-address", self.quota, request.caller.limit_key());
        self.gate.admit(demand.as_slice()).await?;

        let mut lookup = self.credentials.connect().await?;
        if lookup.by_email(&request.email).await?.is_some() {
            return Err(RegisterError::EmailTaken);
        }
        drop(lookup);

        let password_hash = Some(self.passwords.get().hash(&request.password).await?);
        let now = self.clock.now();
        let (id, organization_id) = new_ids(self.entropy.as_ref(), now)?;
        let user = User {
            id,
            email: request.email.as_str().to_owned(),
            name: request.name.as_ref().map(|name| name.as_str().to_owned()),
            role: Role::Member,
            organization_id,
            created_at: now,
            last_login_at: None,
        };
        let account = NewAccount {
            id,
            organization_id,
            email: request.email,
            email_verified: false,
            name: request.name,
            role: Role::Member,
            password_hash,
            created_at: now,
        };
        match self.accounts.create(account).await? {
            AccountCreation::Created => {
                Ok(self.issuance.open(user, request.caller.device(), now, None).await?)
            }
            AccountCreation::EmailTaken => Err(RegisterError::EmailTaken),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        flows::testing::{NOW, clock, credential, email, entropy, issuance, password},
        models::{Credential, Gcra, PasswordHash},
        ports::{
            MockAccounts, MockCredentialLookup, MockCredentials, MockDeferredWrites, MockPasswords,
            MockRateLimiter, Passwords,
        },
    };

    fn flow(open: bool, found: Option<Credential>, creation: AccountCreation) -> Register {
        let mut credentials = MockCredentials::new();
        credentials.expect_connect().returning(move || {
            let found = found.clone();
            let mut lookup = MockCredentialLookup::new();
            lookup.expect_by_email().returning(move |_| Ok(found.clone()));
            Ok(Box::new(lookup))
        });
        let mut passwords = MockPasswords::new();
        passwords.expect_hash().returning(|_| Ok(PasswordHash::new("hashed")));
        let passwords: Arc<dyn Passwords> = Arc::new(passwords);
        let mut accounts = MockAccounts::new();
        accounts.expect_create().returning(move |_| Ok(creation.clone()));
        let mut limiter = MockRateLimiter::new();
        limiter.expect_admit().returning(|d| Ok(Gcra::decide(d.policy, d.quota, None, NOW).admission));
        let mut deferred = MockDeferredWrites::new();
        deferred.expect_hand_over().returning(|_| Ok(()));
        Register {
            open,
            clock: clock(),
            entropy: entropy(),
            gate: Gate::new(Arc::new(limiter)),
            credentials: Arc::new(credentials),
            passwords: Arc::new(LazyPasswords::new(Arc::new(move || Arc::clone(&passwords)), true)),
            accounts: Arc::new(accounts),
            issuance: issuance(Arc::new(deferred)),
            quota: None,
        }
    }

    fn request() -> RegisterRequest {
        RegisterRequest { email: email(), password: password(), name: None, caller: Caller::default() }
    }

    #[tokio::test]
    async fn makes_the_account_and_signs_its_owner_in() {
        let tokens = flow(true, None, AccountCreation::Created).run(request()).await.unwrap();
        assert_eq!(tokens.user.email, "ada@example.com");
        assert_eq!(tokens.user.role, Role::Member);
    }

    #[tokio::test]
    async fn a_taken_address_is_refused_before_anything_is_hashed() {
        let mut flow = flow(true, Some(credential()), AccountCreation::Created);
        flow.passwords = Arc::new(LazyPasswords::new(Arc::new(|| Arc::new(MockPasswords::new())), true));
        assert_eq!(flow.run(request()).await, Err(RegisterError::EmailTaken));
    }

    #[tokio::test]
    async fn storage_has_the_last_word_on_whether_the_address_is_free() {
        let outcome = flow(true, None, AccountCreation::EmailTaken).run(request()).await;
        assert_eq!(outcome, Err(RegisterError::EmailTaken));
    }

    #[tokio::test]
    async fn closed_sign_up_asks_nothing() {
        let mut flow = flow(false, None, AccountCreation::Created);
        flow.credentials = Arc::new(MockCredentials::new());
        assert_eq!(flow.run(request()).await, Err(RegisterError::Closed(SignupClosed)));
    }
}
