//! The cookies of sign-in through a provider.

use http::{HeaderMap, HeaderValue, header};
use portico_domain::models::IssuedTokens;

/// Binds a sign-in through a provider to the browser that began it.
pub(crate) const BINDING: &str = "portico_oauth";
/// Carries the access token of a browser that signed in through a provider.
pub(crate) const ACCESS: &str = "portico_access";
/// Carries its refresh token, to the sign-in routes alone.
pub(crate) const REFRESH: &str = "portico_refresh";

const BINDING_PATH: &str = "/api/v1/auth/github";
const REFRESH_PATH: &str = "/api/v1/auth";

/// The value of the cookie of this name.
pub(crate) fn get<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, value)| *key == name && !value.is_empty())
        .map(|(_, value)| value)
}

/// The cookie that binds; sent back by this browser also when it arrives from the provider's site (`SameSite=Lax`).
pub(crate) fn binding(value: &str, max_age: u64, secure: bool) -> Option<HeaderValue> {
    cookie(BINDING, value, BINDING_PATH, max_age, secure)
}

/// The cookies that sign a browser in. Always `Secure`: browsers treat loopback as secure enough for that.
pub(crate) fn tokens(tokens: &IssuedTokens) -> [Option<HeaderValue>; 2] {
    [
        cookie(ACCESS, tokens.access_token.expose(), "/", tokens.expires_in.as_secs(), true),
        cookie(
            REFRESH,
            tokens.refresh_token.expose(),
            REFRESH_PATH,
            tokens.refresh_expires_in.as_secs(),
            true,
        ),
    ]
}

/// The cookies that sign a browser out.
pub(crate) fn cleared() -> [Option<HeaderValue>; 2] {
    [cookie(ACCESS, "", "/", 0, true), cookie(REFRESH, "", REFRESH_PATH, 0, true)]
}

fn cookie(name: &str, value: &str, path: &str, max_age: u64, secure: bool) -> Option<HeaderValue> {
    let secure = if secure { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path={path}; Max-Age={max_age}; HttpOnly{secure}; SameSite=Lax");
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_cookie_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; portico_oauth=x.y=z"));
        headers.append(header::COOKIE, HeaderValue::from_static("portico_access="));
        assert_eq!(get(&headers, BINDING), Some("x.y=z"));
        assert_eq!(get(&headers, ACCESS), None);
    }
}
