mod answers;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use form_urlencoded::Serializer;
use futures_util::future::join;
use portico_domain::{
    models::{ExternalIdentity, ExternalProfile, Provider, Secret},
    ports::{
        AuthorizationRequest, CodeExchange, Fetch, FetchRequest, FetchResponse, IdentityProvider,
        ProviderRefused,
    },
    settings::GithubSettings,
};

/// Reads the profile, and the addresses beside it, which GitHub leaves out of the profile unless they are public.
const SCOPE: &str = "read:user user:email";
/// GitHub refuses callers that don't name themselves.
const USER_AGENT: &str = "portico";

/// How long one exchange with GitHub may take. A sign-in makes two, one after the other.
const TIME_LIMIT: Duration = Duration::from_secs(10);

/// Signs people in through GitHub.
///
/// The person's identifier is GitHub's number, which stays when a login name is given up and taken by somebody else. The address is the
/// primary one, and only if GitHub has verified it; the public address of a profile says nothing.
pub struct GithubProvider {
    settings: GithubSettings,
    fetch: Arc<dyn Fetch>,
}

impl GithubProvider {
    /// Asks GitHub by `fetch`.
    #[must_use]
    pub fn new(settings: GithubSettings, fetch: Arc<dyn Fetch>) -> Self {
        Self { settings, fetch }
    }

    async fn access_token(&self, exchange: &CodeExchange) -> Result<Secret, ProviderRefused> {
        let body = Serializer::new(String::new())
            .append_pair("grant_type", "authorization_code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("client_secret", self.settings.client_secret.expose())
            .append_pair("code", exchange.code.expose())
            .append_pair("redirect_uri", &exchange.redirect_uri)
            .append_pair("code_verifier", exchange.verifier.expose())
            .finish();
        let request = FetchRequest {
            method: "POST",
            url: self.settings.token_url.clone(),
            headers: vec![
                // Without this GitHub answers a form.
                ("accept", "application/json".to_owned()),
                ("content-type", "application/x-www-form-urlencoded".to_owned()),
                ("user-agent", USER_AGENT.to_owned()),
            ],
            body: body.into_bytes(),
            time_limit: TIME_LIMIT,
        };
        answers::access_token(&self.fetch.send(request).await?)
    }

    async fn ask_api(&self, path: &str, token: &Secret) -> Result<FetchResponse, ProviderRefused> {
        let request = FetchRequest {
            method: "GET",
            url: format!("{}{path}", self.settings.api_url.trim_end_matches('/')),
            headers: vec![
                ("accept", "application/vnd.github+json".to_owned()),
                ("authorization", format!("Bearer {}", token.expose())),
                ("user-agent", USER_AGENT.to_owned()),
                ("x-github-api-version", "2022-11-28".to_owned()),
            ],
            body: Vec::new(),
            time_limit: TIME_LIMIT,
        };
        Ok(self.fetch.send(request).await?)
    }
}

#[async_trait]
impl IdentityProvider for GithubProvider {
    fn authorization_url(&self, request: &AuthorizationRequest) -> String {
        let query = Serializer::new(String::new())
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", &request.redirect_uri)
            .append_pair("scope", SCOPE)
            .append_pair("state", &request.state)
            .append_pair("code_challenge", &request.challenge)
            .append_pair("code_challenge_method", "S256")
            .finish();
        let joint = if self.settings.authorize_url.contains('?') { '&' } else { '?' };
        format!("{}{joint}{query}", self.settings.authorize_url)
    }

    async fn profile(&self, exchange: CodeExchange) -> Result<ExternalProfile, ProviderRefused> {
        let token = self.access_token(&exchange).await?;
        let (account, emails) =
            join(self.ask_api("/user", &token), self.ask_api("/user/emails?per_page=100", &token)).await;
        let account = answers::account(&account?)?;
        let verified_email = answers::primary_email(&emails?)?;
        let identity = ExternalIdentity { provider: Provider::GitHub, subject: account.id.to_string() };
        Ok(ExternalProfile { identity, verified_email, name: account.name })
    }
}
