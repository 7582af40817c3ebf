use std::time::Duration;

use super::{Variables, parse_seconds, span};

/// The longest that browsers may be told to insist on https: two years, as preload lists ask for at most.
const LONGEST_TRANSPORT: u64 = 731 * 86_400;

/// Whose pages may read answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AllowedOrigins {
    /// Nobody's but this origin's own.
    #[default]
    Own,
    /// Everybody's.
    Any,
    /// Those of these origins, as browsers write them.
    Listed(Vec<String>),
}

impl AllowedOrigins {
    /// Reads `*`, or origins with commas between.
    ///
    /// # Errors
    /// A sentence for the operator who wrote them.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim() == "*" {
            return Ok(Self::Any);
        }
        let mut origins: Vec<String> = Vec::new();
        for origin in text.split(',') {
            let origin = parse_origin(origin.trim())?;
            if origins.contains(&origin) {
                return Err(format!("names {origin} twice"));
            }
            origins.push(origin);
        }
        Ok(Self::Listed(origins))
    }

    /// As [`AllowedOrigins::parse`] reads them; `None` where there are none.
    #[must_use]
    pub fn shown(&self) -> Option<String> {
        match self {
            Self::Own => None,
            Self::Any => Some("*".to_owned()),
            Self::Listed(origins) => Some(origins.join(",")),
        }
    }
}

/// Reads an origin as browsers write it (RFC 6454, 6.2): scheme, host, and the port unless it is the scheme's own.
fn parse_origin(text: &str) -> Result<String, String> {
    let wrong = |why: &str| {
        Err(format!("must be * or origins such as https://app.example.com, with commas between: {why}"))
    };
    if text == "*" {
        return wrong("* stands alone");
    }
    if text == "null" {
        return wrong("null is the origin of every sandboxed page");
    }
    let text = text.to_ascii_lowercase();
    let Some((scheme, rest)) = text.split_once("://") else {
        return wrong(if text.is_empty() { "one is empty" } else { "one has no scheme" });
    };
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_lowercase())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    if !is_scheme {
        return wrong("one has no scheme");
    }
    if rest.contains(['/', '?', '#']) {
        return wrong("an origin has no path, not even a slash at its end");
    }
    if rest.contains('*') {
        return wrong("there are no patterns; name each origin");
    }
    let (host, port) = split_port(rest);
    let is_host = !host.is_empty()
        && match host.strip_prefix('[') {
            Some(address) => {
                address.strip_suffix(']').is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok())
            }
            None => host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)),
        };
    if !is_host {
        return wrong("one has no host that browsers would write so");
    }
    match (scheme, port) {
        ("http", Some("80")) | ("https", Some("443")) => {
            return wrong("leave out the port that is the scheme's own, as browsers do");
        }
        (_, Some(port)) if port.starts_with('0') || port.parse::<u16>().is_err() => {
            return wrong("one has a port that is none");
        }
        _ => {}
    }
    Ok(text)
}

/// An address of version 6 has colons of its own, within brackets.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    let after = authority.rfind(']').map_or(0, |end| end + 1);
    match authority[after..].find(':') {
        Some(colon) => (&authority[..after + colon], Some(&authority[after + colon + 1..])),
        None => (authority, None),
    }
}

/// What browsers are told: whose pages may read answers, and to insist on https.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowserSettings {
    /// Whose pages may read answers.
    pub origins: AllowedOrigins,
    /// Whether requests from there may carry cookies, and answers set them. Portico's own token cookies count for this origin alone all the same.
    pub credentials: bool,
    /// How long a browser may keep what it was told before a request.
    pub preflight_lifetime: Duration,
    /// How long browsers insist on https, where that is the public address; `None` where they aren't told to.
    pub strict_transport: Option<Duration>,
    /// Whether that was asked for, and so holds for a name of this machine too.
    pub strict_transport_is_set: bool,
}

impl BrowserSettings {
    pub(super) fn take(variables: &mut Variables, public_url: &str) -> Self {
        let origins = variables.take("PORTICO_CORS_ORIGINS", AllowedOrigins::parse);
        let credentials = variables.take("PORTICO_CORS_CREDENTIALS", parse_on).unwrap_or(false);
        match &origins {
            Some(AllowedOrigins::Any) if credentials => {
                let message = "can't be on where PORTICO_CORS_ORIGINS is *: name the origins";
                variables.fault("PORTICO_CORS_CREDENTIALS", message);
            }
            None if credentials => {
                variables.fault("PORTICO_CORS_CREDENTIALS", "is for the origins of PORTICO_CORS_ORIGINS");
            }
            _ => {}
        }
        let strict_transport = variables.take("PORTICO_HSTS", parse_transport);
        if matches!(strict_transport, Some(Some(_))) && !public_url.starts_with("https://") {
            variables.fault("PORTICO_HSTS", "is for where PORTICO_PUBLIC_URL begins with https://");
        }
        Self {
            origins: origins.unwrap_or_default(),
            credentials,
            preflight_lifetime: span(variables, "PORTICO_CORS_MAX_AGE", 3_600, (0, 86_400)),
            strict_transport_is_set: strict_transport.is_some(),
            strict_transport: strict_transport.unwrap_or(Some(Duration::from_secs(365 * 86_400))),
        }
    }
}

/// Whether an address leads to the machine that it is used on.
pub(super) fn is_local(url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = split_port(authority).0.trim_end_matches('.').to_ascii_lowercase();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost"
        || host.ends_with(".localhost")
        || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

fn parse_on(text: &str) -> Result<bool, &'static str> {
    match text.trim() {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("must be on or off"),
    }
}

fn parse_transport(text: &str) -> Result<Option<Duration>, String> {
    if text.trim() == "off" {
        return Ok(None);
    }
    // Zero takes back what browsers were told.
    let seconds = parse_seconds(text).filter(|seconds| *seconds <= LONGEST_TRANSPORT);
    let wrong = || "must be off, or a time of two years at most, such as 365d".to_owned();
    seconds.map(|seconds| Some(Duration::from_secs(seconds))).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(pairs: &[(&str, &str)], public_url: &str) -> Result<BrowserSettings, Vec<String>> {
        let mut variables = Variables::new(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        let settings = BrowserSettings::take(&mut variables, public_url);
        let texts = |faults: Vec<super::super::Fault>| faults.iter().map(ToString::to_string).collect();
        variables.finish().map(|()| settings).map_err(texts)
    }

    fn origins(text: &str) -> Result<BrowserSettings, Vec<String>> {
        take(&[("PORTICO_CORS_ORIGINS", text)], "https://api.example.com")
    }

    #[test]
    fn no_other_origin_reads_by_default() {
        let settings = take(&[], "http://127.0.0.1:8080").unwrap();
        assert_eq!(settings.origins, AllowedOrigins::Own);
        assert!(!settings.credentials && settings.strict_transport == Some(Duration::from_secs(31_536_000)));
    }

    #[test]
    fn origins_are_read_as_browsers_write_them_and_as_they_are_shown() {
        for (text, shown) in [
            ("*", "*"),
            (
                "https://App.Example.com , http://localhost:5173",
                "https://app.example.com,http://localhost:5173",
            ),
            ("http://[::1]:8080,http://127.0.0.1", "http://[::1]:8080,http://127.0.0.1"),
            ("capacitor://localhost", "capacitor://localhost"),
        ] {
            let read = origins(text).unwrap().origins;
            assert_eq!(read.shown().as_deref(), Some(shown));
            assert_eq!(AllowedOrigins::parse(shown), Ok(read));
        }
    }

    #[test]
    fn what_no_browser_would_send_is_told() {
        for (text, why) in [
            ("https://a.example/", "not even a slash"),
            ("https://a.example/app", "has no path"),
            ("https://a.example?x", "has no path"),
            ("a.example", "no scheme"),
            ("//a.example", "no scheme"),
            ("localhost:5173", "no scheme"),
            ("https://", "no host"),
            ("https://user@a.example", "no host"),
            ("https://bücher.example", "no host"),
            ("https://[::1", "no host"),
            ("https://*.example", "no patterns"),
            ("https://a.example,*", "* stands alone"),
            ("null", "sandboxed"),
            ("https://a.example,", "one is empty"),
            ("https://a.example:443", "scheme's own"),
            ("http://a.example:80", "scheme's own"),
            ("https://a.example:0443", "port that is none"),
            ("https://a.example:99999", "port that is none"),
            ("https://a.example:", "port that is none"),
            ("https://a.example,https://A.example", "twice"),
        ] {
            let faults = origins(text).unwrap_err();
            assert!(
                faults[0].starts_with("PORTICO_CORS_ORIGINS") && faults[0].contains(why),
                "{text}: {faults:?}"
            );
        }
    }

    #[test]
    fn credentials_are_for_origins_that_are_named() {
        let on = ("PORTICO_CORS_CREDENTIALS", "on");
        let listed = ("PORTICO_CORS_ORIGINS", "https://a.example");
        assert!(take(&[listed, on], "https://api.example.com").unwrap().credentials);
        for pairs in [&[on][..], &[on, ("PORTICO_CORS_ORIGINS", "*")]] {
            let faults = take(pairs, "https://api.example.com").unwrap_err();
            assert!(faults.len() == 1 && faults[0].starts_with("PORTICO_CORS_CREDENTIALS"), "{faults:?}");
        }
        let wrong = [("PORTICO_CORS_CREDENTIALS", "yes"), ("PORTICO_CORS_MAX_AGE", "2d")];
        assert_eq!(take(&wrong, "https://api.example.com").unwrap_err().len(), 2);
    }

    #[test]
    fn insisting_on_https_needs_a_public_address_of_https() {
        let take = |text, url| take(&[("PORTICO_HSTS", text)], url).map(|settings| settings.strict_transport);
        assert_eq!(take("30d", "https://a.example"), Ok(Some(Duration::from_secs(30 * 86_400))));
        assert_eq!(take("0s", "https://a.example"), Ok(Some(Duration::ZERO)));
        assert_eq!(take("off", "http://a.example"), Ok(None));
        for (text, url) in
            [("30d", "http://a.example"), ("3000d", "https://a.example"), ("yes", "https://a.example")]
        {
            assert!(take(text, url).unwrap_err()[0].starts_with("PORTICO_HSTS"), "{text}");
        }
    }
}
