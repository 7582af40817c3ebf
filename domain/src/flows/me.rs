use std::sync::Arc;

use crate::{
    models::{AccessClaims, Fact, User},
    ports::{Accounts, DeferredWrites, Unavailable},
};

/// Why the caller can't be described.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MeError {
    /// The account is gone; the token outlived it.
    #[error("the account no longer exists")]
    Gone,
    /// Something could not be asked.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Describes the caller, with a sign-in that is still to be written counted in.
pub struct Me {
    /// Finds people.
    pub accounts: Arc<dyn Accounts>,
    /// Knows what is still to be written.
    pub deferred: Arc<dyn DeferredWrites>,
}

impl Me {
    /// Finds the caller by one statement.
    pub async fn run(&self, caller: &AccessClaims) -> Result<User, MeError> {
        let mut user = self.accounts.by_id(caller.user_id).await?.ok_or(MeError::Gone)?;
        for fact in self.deferred.pending(caller.user_id) {
            if let Fact::SignedIn { at, .. } = fact {
                user.last_login_at = user.last_login_at.max(Some(at));
            }
        }
        Ok(user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        flows::testing::{NOW, claims, user},
        ports::{MockAccounts, MockDeferredWrites},
    };

    #[tokio::test]
    async fn a_sign_in_still_to_be_written_shows_already() {
        let mut accounts = MockAccounts::new();
        accounts.expect_by_id().times(1).returning(|_| Ok(Some(user())));
        let mut deferred = MockDeferredWrites::new();
        deferred.expect_pending().returning(|user_id| vec![Fact::SignedIn { user_id, at: NOW }]);
        let me = Me { accounts: Arc::new(accounts), deferred: Arc::new(deferred) };
        assert_eq!(me.run(&claims()).await.unwrap().last_login_at, Some(NOW));
    }

    #[tokio::test]
    async fn a_token_that_outlived_its_account_is_told_so() {
        let mut accounts = MockAccounts::new();
        accounts.expect_by_id().returning(|_| Ok(None));
        let me = Me { accounts: Arc::new(accounts), deferred: Arc::new(MockDeferredWrites::new()) };
        assert_eq!(me.run(&claims()).await, Err(MeError::Gone));
    }
}
