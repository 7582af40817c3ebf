//! What GitHub's answers mean. Details for operators name statuses and error codes, never a body: bodies hold tokens.

use std::num::NonZeroU64;

use portico_domain::{
    models::{Email, Secret},
    ports::{FetchResponse, ProviderRefused, Unavailable},
};
use serde::{Deserialize, de::DeserializeOwned};

const SERVICE: &str = "identity provider";

/// Longer than any token of GitHub's.
const MAX_TOKEN_BYTES: usize = 1_024;

/// The token answer, either way: GitHub answers errors with status 200 too.
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: Option<String>,
    token_type: Option<String>,
    error: Option<String>,
}

/// Reads the answer to a code exchange (RFC 6749, 5.1 and 5.2, and GitHub's own error codes).
pub(super) fn access_token(response: &FetchResponse) -> Result<Secret, ProviderRefused> {
    let answer: Option<TokenAnswer> = serde_json::from_slice(&response.body).ok();
    if let Some(error) = answer.as_ref().and_then(|answer| answer.error.as_deref()) {
        return Err(refused(error, response.status));
    }
    let answer = match answer {
        Some(answer) if response.status == 200 => answer,
        _ => return Err(away(format!("the code exchange was answered with status {}", response.status))),
    };
    if !answer.token_type.is_some_and(|kind| kind.eq_ignore_ascii_case("bearer")) {
        return Err(away("the code exchange gave a token that is no bearer token"));
    }
    // A token goes into a header, where white space and control characters would let it say more than itself.
    match answer.access_token {
        Some(token) if is_header_safe(&token) => Ok(Secret::new(token)),
        _ => Err(away("the code exchange gave no usable token")),
    }
}

fn is_header_safe(token: &str) -> bool {
    (1..=MAX_TOKEN_BYTES).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Whose fault an error code says it is: the browser's that brought the code, or ours.
fn refused(error: &str, status: u16) -> ProviderRefused {
    match error {
        "bad_verification_code" | "invalid_grant" | "unverified_user_email" => ProviderRefused::Code,
        "incorrect_client_credentials" | "invalid_client" | "unauthorized_client" => away(
            "the client id or the client secret is wrong (PORTICO_GITHUB_CLIENT_ID, PORTICO_GITHUB_CLIENT_SECRET)",
        ),
        "redirect_uri_mismatch" => away(
            "the provider's application is registered with another callback address than PORTICO_PUBLIC_URL gives",
        ),
        other => {
            let known_form =
                other.len() <= 64 && other.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
            let name = if known_form { other } else { "an error of unknown form" };
            away(format!("the code exchange was answered with {name}, status {status}"))
        }
    }
}

/// Who somebody is at GitHub.
pub(super) struct Account {
    pub(super) id: NonZeroU64,
    pub(super) name: Option<String>,
}

#[derive(Deserialize)]
struct AccountAnswer {
    id: NonZeroU64,
    name: Option<String>,
}

/// Reads the answer of `/user`.
pub(super) fn account(response: &FetchResponse) -> Result<Account, ProviderRefused> {
    let answer: AccountAnswer = read(response, "/user")?;
    let name = answer.name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    Ok(Account { id: answer.id, name })
}

#[derive(Deserialize)]
struct EmailAnswer {
    email: String,
    primary: bool,
    verified: bool,
}

#[derive(Deserialize)]
struct RefusalAnswer {
    message: String,
}

/// Reads the answer of `/user/emails`: the primary address if it is verified.
///
/// Where the permission to read addresses was not granted, GitHub says 404 to OAuth apps and 403 "Resource not accessible" to GitHub Apps, which is
/// the same as there being no address. Any other 403 is a rate limit.
pub(super) fn primary_email(response: &FetchResponse) -> Result<Option<Email>, ProviderRefused> {
    if response.status == 404 || (response.status == 403 && is_missing_permission(&response.body)) {
        return Ok(None);
    }
    let addresses: Vec<EmailAnswer> = read(response, "/user/emails")?;
    let primary = addresses.into_iter().find(|address| address.primary && address.verified);
    Ok(primary.and_then(|address| Email::parse(&address.email).ok()))
}

fn is_missing_permission(body: &[u8]) -> bool {
    serde_json::from_slice::<RefusalAnswer>(body)
        .is_ok_and(|refusal| refusal.message.starts_with("Resource not accessible"))
}

fn read<T: DeserializeOwned>(response: &FetchResponse, path: &str) -> Result<T, ProviderRefused> {
    if response.status != 200 {
        return Err(away(format!("{path} was answered with status {}", response.status)));
    }
    serde_json::from_slice(&response.body)
        .map_err(|_| away(format!("{path} was answered with what can't be read")))
}

fn away(detail: impl std::fmt::Display) -> ProviderRefused {
    ProviderRefused::Away(Unavailable::new(SERVICE, detail))
}
