use std::{sync::Arc, time::Duration};

use super::{
    link::{LinkDecision, decide_link},
    state::{Binding, State},
};
use crate::{
    flows::{
        create_user::new_ids,
        shared::{Gate, Issuance, Signers, from_gate},
    },
    models::{
        Caller, DisplayName, Email, ExternalProfile, IssuedTokens, NewAccount, Quota, ReturnPath, Role,
        Secret, Timestamp, User, UserId,
    },
    ports::{
        AccountCreation, Accounts, Clock, CodeExchange, Entropy, Identities, IdentityProvider, LinkOutcome,
        ProviderRefused, Unavailable,
    },
};

/// What the browser brought back from the provider.
#[derive(Debug, Clone, Default)]
pub struct OAuthCallbackRequest {
    /// The provider's code.
    pub code: Option<Secret>,
    /// The state as it came back.
    pub state: Option<String>,
    /// What the cookie kept.
    pub browser_binding: Option<Secret>,
    /// Where the request comes from.
    pub caller: Caller,
}

/// Somebody is signed in, and where their browser wanted to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuthSignedIn {
    /// The tokens.
    pub tokens: IssuedTokens,
    /// The path of this site.
    pub return_to: ReturnPath,
}

/// Why nobody was signed in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OAuthCallbackError {
    /// Too many attempts from this address.
    #[error("too many attempts")]
    Limited {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The state is missing, forged, past its end, used, or another browser's.
    #[error("the sign-in was not begun in this browser, took too long, or was finished before")]
    InvalidState,
    /// The person declined, or the provider refused the code.
    #[error("the provider did not confirm the sign-in")]
    ProviderRefused,
    /// The provider knows no verified primary address.
    #[error("the provider knows no verified e-mail address of this account")]
    UnverifiedEmail,
    /// The address, or the identity, belongs to another account.
    #[error("an account with this e-mail address exists already; sign in to it and link from there")]
    AccountHeld,
    /// They are new, and nobody may register.
    #[error("sign-up is closed")]
    SignupClosed,
    /// Something could not be asked.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

from_gate!(OAuthCallbackError);

impl From<ProviderRefused> for OAuthCallbackError {
    fn from(refused: ProviderRefused) -> Self {
        match refused {
            ProviderRefused::Code => Self::ProviderRefused,
            ProviderRefused::Away(unavailable) => Self::Unavailable(unavailable),
        }
    }
}

/// Finishes a sign-in through a provider.
///
/// 1. The rate limit of the address is asked.
/// 2. State and cookie prove themselves and each other; the state is used up, before anything else can come of it.
/// 3. The code is exchanged with its verifier; a verified primary address is insisted on.
/// 4. [`decide_link`] says whether to sign in, link, create or refuse.
/// 5. The session is opened as by login, its record following the answer.
pub struct OAuthCallback {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes identifiers.
    pub entropy: Arc<dyn Entropy>,
    /// Asks the rate limit.
    pub gate: Gate,
    /// Proves state and cookie.
    pub signers: Arc<Signers>,
    /// Exchanges the code.
    pub provider: Arc<dyn IdentityProvider>,
    /// Knows who is linked to what.
    pub identities: Arc<dyn Identities>,
    /// Finds people.
    pub accounts: Arc<dyn Accounts>,
    /// Opens sessions.
    pub issuance: Issuance,
    /// Whether anybody may register.
    pub signup_open: bool,
    /// The same redirect as in the beginning.
    pub redirect_uri: String,
    /// How often one address may come back.
    pub quota: Option<Quota>,
}

impl OAuthCallback {
    /// Tells the story above.
    pub async fn run(&self, request: OAuthCallbackRequest) -> Result<OAuthSignedIn, OAuthCallbackError> {
        let demand = Gate::demand("oauth-address", self.quota, request.caller.limit_key());
        self.gate.admit(demand.as_slice()).await?;
        let now = self.clock.now();
        let (binding, verifier) = self.take_state(&request, now).await?;
        let code = request.code.ok_or(OAuthCallbackError::ProviderRefused)?;
        let exchange = CodeExchange { code, verifier, redirect_uri: self.redirect_uri.clone() };
        let profile = self.provider.profile(exchange).await?;
        let email = profile.verified_email.clone().ok_or(OAuthCallbackError::UnverifiedEmail)?;

        let standing = self.identities.standing(&profile.identity, &email).await?;
        let user = match decide_link(standing, binding.asked_by, self.signup_open) {
            LinkDecision::SignIn(user) => user,
            LinkDecision::Link(account) => self.link(account, &profile, now).await?,
            LinkDecision::Create => self.create(profile, email, now).await?,
            LinkDecision::RefuseEmailHeld | LinkDecision::RefuseIdentityHeld => {
                return Err(OAuthCallbackError::AccountHeld);
            }
            LinkDecision::RefuseSignupClosed => return Err(OAuthCallbackError::SignupClosed),
        };
        let tokens = self.issuance.open(user, request.caller.device(), now, None).await?;
        Ok(OAuthSignedIn { tokens, return_to: binding.return_to })
    }

    async fn take_state(
        &self,
        request: &OAuthCallbackRequest,
        now: Timestamp,
    ) -> Result<(Binding, Secret), OAuthCallbackError> {
        let invalid = OAuthCallbackError::InvalidState;
        let signer = self.signers.get().await?;
        let state = request.state.as_deref().and_then(|text| State::open(text, signer.as_ref()));
        let kept = request.browser_binding.as_ref();
        let binding = kept.and_then(|text| Binding::open(text.expose(), signer.as_ref()));
        let (Some(state), Some(binding)) = (state, binding) else { return Err(invalid) };
        if state.nonce != binding.nonce || state.expires_at <= now {
            return Err(invalid);
        }
        if !self.identities.use_state(state.digest(), state.expires_at).await? {
            return Err(invalid);
        }
        Ok((binding, state.verifier(signer.as_ref())))
    }

    async fn link(
        &self,
        account: UserId,
        profile: &ExternalProfile,
        now: Timestamp,
    ) -> Result<User, OAuthCallbackError> {
        match self.identities.link(account, &profile.identity, now).await? {
            LinkOutcome::Linked => {}
            LinkOutcome::Taken => return Err(OAuthCallbackError::AccountHeld),
        }
        // The account may have gone between the two: then there is nobody to sign in.
        self.accounts.by_id(account).await?.ok_or(OAuthCallbackError::InvalidState)
    }

    async fn create(
        &self,
        profile: ExternalProfile,
        email: Email,
        now: Timestamp,
    ) -> Result<User, OAuthCallbackError> {
        let (id, organization_id) = new_ids(self.entropy.as_ref(), now)?;
        // A name that Portico would not take from the person is not taken from the provider either.
        let name = profile.name.as_deref().and_then(|name| DisplayName::parse(name).ok());
        let user = User {
            id,
            email: email.as_str().to_owned(),
            name: name.as_ref().map(|name| name.as_str().to_owned()),
            role: Role::Member,
            organization_id,
            created_at: now,
            last_login_at: None,
        };
        let account = NewAccount {
            id,
            organization_id,
            email,
            email_verified: true,
            name,
            role: Role::Member,
            password_hash: None,
            created_at: now,
        };
        match self.identities.create_account(account, &profile.identity).await? {
            AccountCreation::Created => Ok(user),
            AccountCreation::EmailTaken => Err(OAuthCallbackError::AccountHeld),
        }
    }
}

#[cfg(test)]
#[path = "callback_tests.rs"]
mod tests;
