//! The web flow: consent with a redirect, then code for token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::identities::{Fault, Grant, Identities};
use crate::random;

/// Describes the one OAuth app that is registered here.
#[derive(Clone, Debug)]
pub struct App {
    /// The app's public id.
    pub client_id: String,
    /// The app's secret.
    pub client_secret: String,
    /// The registered callback address.
    pub callback: Url,
}

/// Holds query or form parameters in the order in which they came.
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads `application/x-www-form-urlencoded` text.
    #[must_use]
    pub fn of_form(text: &[u8]) -> Self {
        Self(url::form_urlencoded::parse(text).into_owned().collect())
    }

    /// Reads a flat JSON object; members that aren't strings are left out.
    #[must_use]
    pub fn of_json(value: &Value) -> Self {
        let members = value.as_object().into_iter().flatten();
        Self(members.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect())
    }

    /// Finds a parameter by name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// Tells what the browser sees at `/login/oauth/authorize`.
pub enum Consent {
    /// Sent back to the app: with a code, or with GitHub's error parameters.
    Redirect(String),
    /// A page instead: unknown app (404), or a request the person can't answer (400).
    Page(u16, &'static str),
}

/// Answers an authorization request, consenting in the name of the account that `login` suggests.
pub fn authorize(app: &App, identities: &Identities, query: &Parameters) -> Consent {
    if query.get("client_id") != Some(&app.client_id) {
        return Consent::Page(404, "no such app");
    }
    let state = query.get("state");
    let redirect_uri = match query.get("redirect_uri") {
        None => app.callback.clone(),
        Some(text) => match Url::parse(text) {
            Ok(url) if allowed(&app.callback, &url) => url,
            _ => {
                let error =
                    ("redirect_uri_mismatch", "The redirect_uri MUST match the registered callback URL.");
                return Consent::Redirect(with_error(app.callback.clone(), error, state));
            }
        },
    };
    let challenge = query.get("code_challenge").map(str::to_owned);
    if challenge.is_some() && query.get("code_challenge_method") != Some("S256") {
        return Consent::Page(400, "code_challenge_method must be S256");
    }
    let Some(login) = query.get("login") else {
        return Consent::Page(400, "nobody is signed in here: name an account by `login`");
    };
    let Some(identity) = identities.get(login) else {
        return Consent::Page(404, "no such account");
    };
    if identity.deny {
        let error = ("access_denied", "The user has denied your application access.");
        return Consent::Redirect(with_error(redirect_uri, error, state));
    }
    let code = random::hex(10);
    let scope = query.get("scope").unwrap_or_default().to_owned();
    let grant = Grant::new(login.to_owned(), redirect_uri.to_string(), challenge, scope);
    identities.keep_code(code.clone(), grant);
    let mut back = redirect_uri;
    back.query_pairs_mut().append_pair("code", &code);
    if let Some(state) = state {
        back.query_pairs_mut().append_pair("state", state);
    }
    Consent::Redirect(back.into())
}

/// Applies GitHub's rule: same host and port, except that the port of a loopback address is free, and a path below the
/// registered one.
fn allowed(registered: &Url, asked: &Url) -> bool {
    let loopback = matches!(asked.host_str(), Some("127.0.0.1" | "[::1]"));
    let path = asked.path().strip_prefix(registered.path().trim_end_matches('/'));
    registered.scheme() == asked.scheme()
        && registered.host_str() == asked.host_str()
        && (loopback || registered.port_or_known_default() == asked.port_or_known_default())
        && path.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn with_error(mut back: Url, (error, description): (&str, &str), state: Option<&str>) -> String {
    back.query_pairs_mut().append_pair("error", error).append_pair("error_description", description).append_pair(
        "error_uri",
        "https://docs.github.com/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-authorization-request-errors",
    );
    if let Some(state) = state {
        back.query_pairs_mut().append_pair("state", state);
    }
    back.into()
}

/// Tells the outcome of a code exchange, errors included: all are answered with status 200.
pub struct Exchange {
    /// The members of the answer.
    pub answer: Value,
    /// The fault that the account is to meet at this stage.
    pub fault: Option<Fault>,
}

/// Exchanges a code for a token, once, for the right app, address and PKCE verifier.
pub fn exchange(app: &App, identities: &Identities, form: &Parameters) -> Exchange {
    let refused = |error: &str, description: &str| Exchange {
        answer: json!({
            "error": error,
            "error_description": description,
            "error_uri": "https://docs.github.com/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors",
        }),
        fault: None,
    };
    if form.get("client_id") != Some(&app.client_id) || form.get("client_secret") != Some(&app.client_secret)
    {
        return refused(
            "incorrect_client_credentials",
            "The client_id and/or client_secret passed are incorrect.",
        );
    }
    let bad_code = || refused("bad_verification_code", "The code passed is incorrect or expired.");
    let Some(grant) = form.get("code").and_then(|code| identities.take_code(code)) else {
        return bad_code();
    };
    if form.get("redirect_uri").is_some_and(|uri| uri != grant.redirect_uri) {
        return refused(
            "redirect_uri_mismatch",
            "The redirect_uri MUST match the registered callback URL for this application.",
        );
    }
    let verified = match (&grant.challenge, form.get("code_verifier")) {
        (None, _) => true,
        (Some(challenge), Some(verifier)) => {
            (43..=128).contains(&verifier.len())
                && URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes())) == *challenge
        }
        (Some(_), None) => false,
    };
    if !verified {
        return bad_code();
    }
    let fault = identities.meet(&grant.login, "token");
    let token = format!("gho_{}", random::hex(18));
    identities.keep_token(token.clone(), grant.login, grant.scope.clone());
    // GitHub answers the scopes joined by commas, whatever they were joined by.
    let scope = grant.scope.split([' ', ',']).filter(|scope| !scope.is_empty()).collect::<Vec<_>>().join(",");
    Exchange { answer: json!({ "access_token": token, "token_type": "bearer", "scope": scope }), fault }
}
