//! The headers that tell browsers what an answer may be used for.
//!
//! | header | where | why |
//! | --- | --- | --- |
//! | `X-Content-Type-Options: nosniff` | everywhere | an answer is what its type says |
//! | `Cross-Origin-Resource-Policy: same-origin` | everywhere | a page of another origin can't pull an answer into its process as an image or a script, cookies and all; requests by CORS are not touched by it |
//! | `Strict-Transport-Security` | everywhere, where the public address is https | nobody between can talk a browser into plain HTTP |
//! | `Content-Security-Policy`, `X-Frame-Options`, `Referrer-Policy` | pages | a page runs what it brings, is shown in no other, and tells nobody where it was |

use http::{HeaderMap, HeaderName, HeaderValue, header};
use portico_domain::settings::Settings;

const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// What every answer is given.
pub(crate) struct Security {
    /// `Strict-Transport-Security`, where the public address is https.
    transport: Option<HeaderValue>,
}

impl Security {
    /// Reads what was set.
    pub(crate) fn of(settings: &Settings) -> Self {
        let transport = settings.strict_transport().map(|span| {
            HeaderValue::from_str(&format!("max-age={}", span.as_secs())).expect("a number is visible")
        });
        Self { transport }
    }

    /// Sets them.
    pub(crate) fn mark(&self, headers: &mut HeaderMap) {
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
        if let Some(transport) = &self.transport {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, transport.clone());
        }
    }
}

/// What a page is given besides. `policy` is its `Content-Security-Policy`, which says what the page may load and run.
pub(crate) fn page_headers(headers: &mut HeaderMap, policy: HeaderValue) {
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}

#[cfg(test)]
mod tests {
    use portico_domain::settings::{Target, Variables};

    use super::*;

    fn marked(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut variables = Variables::new(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        let settings = Settings::take(&mut variables, Target::Native, "http://127.0.0.1:8080");
        variables.finish().unwrap();
        let mut headers = HeaderMap::new();
        Security::of(&settings).mark(&mut headers);
        headers
    }

    #[test]
    fn browsers_are_held_to_https_where_that_is_the_public_address() {
        assert!(!marked(&[]).contains_key("strict-transport-security"));
        let https = ("PORTICO_PUBLIC_URL", "https://api.example.com");
        assert_eq!(marked(&[https])["strict-transport-security"], "max-age=31536000");
        assert_eq!(marked(&[https, ("PORTICO_HSTS", "5m")])["strict-transport-security"], "max-age=300");
        assert!(!marked(&[https, ("PORTICO_HSTS", "off")]).contains_key("strict-transport-security"));
    }

    #[test]
    fn a_page_runs_what_its_policy_says_and_is_framed_by_none() {
        let mut headers = HeaderMap::new();
        page_headers(&mut headers, HeaderValue::from_static("default-src 'none'"));
        assert_eq!(headers["content-security-policy"], "default-src 'none'");
        assert_eq!(headers["x-frame-options"], "DENY");
        assert_eq!(headers["referrer-policy"], "no-referrer");
    }
}
