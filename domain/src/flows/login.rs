use std::{pin::pin, sync::Arc, time::Duration};

use futures_util::future::{Either, select};

use super::shared::{Gate, Issuance, LazyPasswords, from_gate, from_hashing};
use crate::{
    models::{Caller, Demand, Digest, Email, Fact, IssuedTokens, Password, PasswordHash, Quota},
    ports::{Clock, CredentialLookup, Credentials, PasswordVerdict, Passwords, Unavailable},
};

/// Somebody's e-mail address and password, and where they come from.
#[derive(Debug, Clone)]
pub struct LoginRequest {
    /// The account's name.
    pub email: Email,
    /// What is to prove it.
    pub password: Password,
    /// Where the request comes from.
    pub caller: Caller,
}

/// Why nobody was signed in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// Too many attempts from this address or at this account.
    #[error("too many attempts")]
    Limited {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// No such account, or another password: never told apart, by word or by time.
    #[error("the e-mail address or the password is wrong")]
    InvalidCredentials,
    /// More passwords wait to be hashed than can be in time.
    #[error("too many sign-ins at once")]
    Overloaded {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// Something could not be asked.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

from_gate!(LoginError);

from_hashing!(LoginError);

/// Signs somebody in by password.
///
/// 1. The rate limits of address and account are asked, and at the same moment the database connection is made ready. Refused: nothing was
///    sent to the database.
/// 2. The account is looked up over that connection, which is then free again.
/// 3. The password is verified against the stored hash, or against a decoy of equal cost. Both refusals are alike in word and time.
/// 4. A hash of an outdated cost is made anew, unless hashing is overloaded just now: the next sign-in will do.
/// 5. The session is opened: tokens are signed with keys resolved once, and what is to be written follows the answer.
///
/// One statement stands between request and answer.
pub struct Login {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Asks the rate limits.
    pub gate: Gate,
    /// Finds accounts by address.
    pub credentials: Arc<dyn Credentials>,
    /// Verifies passwords.
    pub passwords: Arc<LazyPasswords>,
    /// Opens sessions.
    pub issuance: Issuance,
    /// How often one address, and one account, may try.
    pub quota: Option<Quota>,
    /// Whether the connection is made ready while the limits are asked.
    pub connect_early: bool,
}

impl Login {
    /// Tells the story above.
    pub async fn run(&self, request: LoginRequest) -> Result<IssuedTokens, LoginError> {
        let now = self.clock.now();
        let mut lookup = self.enter(&self.demands(&request)).await?;
        let credential = lookup.by_email(&request.email).await?;
        drop(lookup);

        let stored = credential.as_ref().and_then(|found| found.password_hash.as_ref());
        let passwords = self.passwords.get();
        let verdict = passwords.verify(&request.password, stored).await?;
        let (Some(credential), PasswordVerdict::Matches { outdated }) = (credential, verdict) else {
            return Err(LoginError::InvalidCredentials);
        };

        let user_id = credential.user.id;
        let rehashed = match credential.password_hash {
            Some(from) if outdated => rehash(passwords.as_ref(), &request.password, &from)
                .await
                .map(|to| Fact::PasswordRehashed { user_id, from, to }),
            _ => None,
        };
        Ok(self.issuance.open(credential.user, request.caller.device(), now, rehashed).await?)
    }

    async fn enter(&self, demands: &[Demand]) -> Result<Box<dyn CredentialLookup>, LoginError> {
        if !self.connect_early {
            self.gate.admit(demands).await?;
            return Ok(self.credentials.connect().await?);
        }
        let admission = pin!(self.gate.admit(demands));
        let connection = pin!(self.credentials.connect());
        // A refusal doesn't wait for the connection, and drops it.
        match select(admission, connection).await {
            Either::Left((admitted, connection)) => {
                admitted?;
                Ok(connection.await?)
            }
            Either::Right((connected, admission)) => {
                admission.await?;
                Ok(connected?)
            }
        }
    }

    fn demands(&self, request: &LoginRequest) -> Vec<Demand> {
        let account = Digest::of(request.email.as_str().as_bytes()).to_hex();
        [
            Gate::demand("login-address", self.quota, request.caller.limit_key()),
            Gate::demand("login-account", self.quota, &account),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

async fn rehash(passwords: &dyn Passwords, password: &Password, from: &PasswordHash) -> Option<PasswordHash> {
    passwords.hash(password).await.ok().filter(|to| to != from)
}

#[cfg(test)]
#[path = "login_tests.rs"]
mod tests;
