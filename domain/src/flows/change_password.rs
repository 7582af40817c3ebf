use std::{sync::Arc, time::Duration};

use super::{
    sessions::settle_sessions,
    shared::{Gate, LazyPasswords, from_gate, from_hashing},
};
use crate::{
    models::{AccessClaims, Password, Quota, SessionOrigin},
    ports::{
        Accounts, Clock, DeferredWrites, FactStore, PasswordChange, PasswordChanged, PasswordVerdict,
        Unavailable,
    },
};

/// The password somebody has, and the one they want.
#[derive(Debug, Clone)]
pub struct ChangePasswordRequest {
    /// Proves that the person themselves is asking, not somebody who found their screen unlocked.
    pub current: Password,
    /// The password to set.
    pub new: Password,
}

/// Why the password stayed as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangePasswordError {
    /// Too many attempts at this account.
    #[error("too many attempts")]
    Limited {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The current password is wrong, or the account has none.
    #[error("the current password is wrong")]
    WrongPassword,
    /// Another change came first.
    #[error("the password was changed meanwhile")]
    Superseded,
    /// The account is gone; the token outlived it.
    #[error("the account no longer exists")]
    Gone,
    /// More passwords wait to be hashed than can be in time.
    #[error("too much password hashing at once")]
    Overloaded {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// Something could not be asked.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

from_gate!(ChangePasswordError);

from_hashing!(ChangePasswordError);

/// Changes the caller's password and ends their other sessions.
///
/// 1. The rate limit of the account is asked: a stolen access token must not make guessing the password cheap.
/// 2. Sessions that are still to be written are written, so that the one that goes on has its row.
/// 3. The current password is verified.
/// 4. In one step the new hash is stored, provided that the verified one is still there, and the other sessions end.
pub struct ChangePassword {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Asks the rate limit.
    pub gate: Gate,
    /// Finds and changes.
    pub accounts: Arc<dyn Accounts>,
    /// Verifies and hashes.
    pub passwords: Arc<LazyPasswords>,
    /// Knows what is still to be written.
    pub deferred: Arc<dyn DeferredWrites>,
    /// Writes it.
    pub facts: Arc<dyn FactStore>,
    /// How often one account may try.
    pub quota: Option<Quota>,
    /// How long a session lives at most without being renewed.
    pub refresh_lifetime: Duration,
}

impl ChangePassword {
    /// Tells the story above.
    pub async fn run(
        &self,
        caller: &AccessClaims,
        request: ChangePasswordRequest,
    ) -> Result<(), ChangePasswordError> {
        let demand = Gate::demand("password-account", self.quota, caller.user_id);
        self.gate.admit(demand.as_slice()).await?;

        settle_sessions(self.deferred.as_ref(), self.facts.as_ref(), caller.user_id).await?;
        let found = self.accounts.credential(caller.user_id).await?.ok_or(ChangePasswordError::Gone)?;
        let from = found.password_hash.ok_or(ChangePasswordError::WrongPassword)?;
        let passwords = self.passwords.get();
        match passwords.verify(&request.current, Some(&from)).await? {
            PasswordVerdict::Matches { .. } => {}
            PasswordVerdict::Differs => return Err(ChangePasswordError::WrongPassword),
        }
        let to = passwords.hash(&request.new).await?;

        // Only now: what started while the password was being hashed ends as well.
        let at = self.clock.now();
        let keep = SessionOrigin {
            id: caller.session_id,
            user_id: caller.user_id,
            started_at: caller.issued_at,
            expires_at: at.after(self.refresh_lifetime),
        };
        let change = PasswordChange { user_id: caller.user_id, from, to, keep: Some(keep), at };
        match self.accounts.change_password(change).await? {
            PasswordChanged::Done => Ok(()),
            PasswordChanged::Superseded => Err(ChangePasswordError::Superseded),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        flows::testing::{NOW, claims, clock, credential, password},
        models::{Gcra, PasswordHash},
        ports::{MockAccounts, MockDeferredWrites, MockFactStore, MockPasswords, MockRateLimiter, Passwords},
    };

    fn flow(accounts: MockAccounts, verdict: PasswordVerdict) -> ChangePassword {
        let mut passwords = MockPasswords::new();
        passwords.expect_verify().returning(move |_, _| Ok(verdict));
        passwords.expect_hash().returning(|_| Ok(PasswordHash::new("new")));
        let passwords: Arc<dyn Passwords> = Arc::new(passwords);
        let mut limiter = MockRateLimiter::new();
        limiter.expect_admit().returning(|d| Ok(Gcra::decide(d.policy, d.quota, None, NOW).admission));
        let mut deferred = MockDeferredWrites::new();
        deferred.expect_pending().returning(|_| Vec::new());
        ChangePassword {
            clock: clock(),
            gate: Gate::new(Arc::new(limiter)),
            accounts: Arc::new(accounts),
            passwords: Arc::new(LazyPasswords::new(Arc::new(move || Arc::clone(&passwords)), true)),
            deferred: Arc::new(deferred),
            facts: Arc::new(MockFactStore::new()),
            quota: Some(Quota::parse("10/1m").unwrap()),
            refresh_lifetime: Duration::from_secs(60),
        }
    }

    fn request() -> ChangePasswordRequest {
        ChangePasswordRequest { current: password(), new: Password::to_set("battery staple").unwrap() }
    }

    #[tokio::test]
    async fn stores_the_new_hash_against_the_verified_one_and_keeps_the_callers_session() {
        let mut accounts = MockAccounts::new();
        accounts.expect_credential().times(1).returning(|_| Ok(Some(credential())));
        accounts
            .expect_change_password()
            .withf(|change| {
                change.from == PasswordHash::new("stored")
                    && change.to == PasswordHash::new("new")
                    && change.keep.is_some_and(|kept| kept.id == claims().session_id)
                    && change.at == NOW
            })
            .times(1)
            .returning(|_| Ok(PasswordChanged::Done));
        let matches = PasswordVerdict::Matches { outdated: false };
        flow(accounts, matches).run(&claims(), request()).await.unwrap();
    }

    #[tokio::test]
    async fn a_wrong_password_changes_nothing() {
        let mut accounts = MockAccounts::new();
        accounts.expect_credential().times(1).returning(|_| Ok(Some(credential())));
        let outcome = flow(accounts, PasswordVerdict::Differs).run(&claims(), request()).await;
        assert_eq!(outcome, Err(ChangePasswordError::WrongPassword));
    }

    #[tokio::test]
    async fn of_two_changes_at_once_the_second_is_told_so() {
        let mut accounts = MockAccounts::new();
        accounts.expect_credential().returning(|_| Ok(Some(credential())));
        accounts.expect_change_password().returning(|_| Ok(PasswordChanged::Superseded));
        let matches = PasswordVerdict::Matches { outdated: false };
        let outcome = flow(accounts, matches).run(&claims(), request()).await;
        assert_eq!(outcome, Err(ChangePasswordError::Superseded));
    }
}
