//! What an operator can set, read from named variables in one way for both runtimes.
//!
//! A runtime gathers its variables (environment and file natively, vars and secrets on Workers) into a [`Variables`], lets each part take what is
//! its own, and asks [`Variables::finish`] for every fault at once. A `PORTICO_*` name that nobody took is a fault too: a misspelt setting must
//! not pass for its default.

mod bots;
mod browsers;
mod caching;
mod limits;
mod switches;
#[cfg(test)]
mod tests;
mod variables;

use std::time::Duration;

pub use bots::{BotPolicy, BotRoute, BotSettings, BotTreatment};
pub use browsers::{AllowedOrigins, BrowserSettings};
pub use caching::CachePolicies;
pub use limits::{LimitClass, LimitClasses, Limits};
pub use switches::{Switch, Switches};
pub use variables::{Fault, Variables};

use crate::models::Secret;

/// Which runtime the settings are for; some defaults differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The native server.
    Native,
    /// The Cloudflare Worker.
    Worker,
}

impl Target {
    /// The word in `/api/v2/health`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Worker => "worker",
        }
    }

    /// How many entries of a prefix a warm-up may fill.
    #[must_use]
    pub const fn most_warmed(self) -> u32 {
        match self {
            Self::Native => 10_000,
            Self::Worker => 100,
        }
    }
}

/// GitHub as an identity provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GithubSettings {
    /// The OAuth app's client id.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret,
    /// Where browsers are sent.
    pub authorize_url: String,
    /// Where codes are exchanged.
    pub token_url: String,
    /// The base of the REST API.
    pub api_url: String,
}

/// What both runtimes can be told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which runtime.
    pub target: Target,
    /// Scheme and host that clients see, without a trailing slash; issuer of tokens and base of redirects.
    pub public_url: String,
    /// Whether anybody may register.
    pub signup_open: bool,
    /// How long an access token lives.
    pub access_lifetime: Duration,
    /// How long a refresh token lives.
    pub refresh_lifetime: Duration,
    /// How long a renewed refresh token is answered with the same successor.
    pub refresh_grace: Duration,
    /// bcrypt's cost.
    pub bcrypt_cost: u32,
    /// How long a password may wait for a hashing slot.
    pub hash_deadline: Duration,
    /// How many proxies in front are trusted to name the client's address.
    pub trusted_proxies: usize,
    /// The largest request body, in bytes.
    pub body_limit: usize,
    /// The smallest answer that is compressed, in bytes.
    pub compression_least_bytes: usize,
    /// The longest that a request may take.
    pub request_time_limit: Duration,
    /// The quotas by route class.
    pub limits: Limits,
    /// The optimisations that are on.
    pub switches: Switches,
    /// How each prefix of the cache is kept.
    pub cache: CachePolicies,
    /// What the cache may take up of the process' or isolate's memory, in bytes.
    pub cache_memory: u64,
    /// How many of the keys that were used most are loaded at the start and each hour.
    pub warm_keys: u32,
    /// What is done about bots.
    pub bots: BotSettings,
    /// What browsers are told.
    pub browsers: BrowserSettings,
    /// Sign-in through GitHub, when it is set up.
    pub github: Option<GithubSettings>,
}

impl Settings {
    /// Takes the settings both runtimes share. `default_public_url` is used when none is set.
    ///
    /// Faults are noted in `variables`; the value returned is only meant to be used once [`Variables::finish`] found none.
    pub fn take(variables: &mut Variables, target: Target, default_public_url: &str) -> Self {
        let cost = match target {
            Target::Native => 12,
            Target::Worker => 10,
        };
        let public_url = variables
            .take("PORTICO_PUBLIC_URL", parse_public_url)
            .unwrap_or_else(|| default_public_url.trim_end_matches('/').to_owned());
        let switches = Switches::take(variables);
        Self {
            target,
            browsers: BrowserSettings::take(variables, &public_url),
            public_url,
            signup_open: variables.take("PORTICO_SIGNUP", parse_signup).unwrap_or(true),
            access_lifetime: span(variables, "PORTICO_ACCESS_LIFETIME", 15 * 60, (60, 86_400)),
            refresh_lifetime: span(variables, "PORTICO_REFRESH_LIFETIME", 30 * 86_400, (300, 366 * 86_400)),
            refresh_grace: span(variables, "PORTICO_REFRESH_GRACE", 10, (0, 300)),
            bcrypt_cost: variables.take("PORTICO_BCRYPT_COST", parse_cost).unwrap_or(cost),
            hash_deadline: span(variables, "PORTICO_HASH_DEADLINE", 2, (1, 60)),
            trusted_proxies: variables.take("PORTICO_TRUSTED_PROXIES", parse_proxies).unwrap_or(0),
            body_limit: variables.take("PORTICO_BODY_LIMIT", parse_bytes).unwrap_or(10 << 20),
            compression_least_bytes: variables
                .take("PORTICO_COMPRESSION_FROM", parse_least)
                .unwrap_or(1 << 10),
            request_time_limit: span(variables, "PORTICO_REQUEST_TIME_LIMIT", 30, (1, 600)),
            limits: Limits::take(variables),
            switches,
            cache: CachePolicies::take(variables, switches),
            cache_memory: take_cache_memory(variables, target),
            warm_keys: take_warm_keys(variables, target),
            bots: BotSettings::take(variables),
            github: take_github(variables),
        }
    }

    /// How long browsers are to insist on https; `None` where the public address isn't that, or they aren't told to.
    ///
    /// Browsers insist for a host with all its ports: what is tried on `https://localhost` would take plain http from all else that is developed there. So that
    /// has to be asked for.
    #[must_use]
    pub fn strict_transport(&self) -> Option<Duration> {
        let is_wanted = self.browsers.strict_transport_is_set || !browsers::is_local(&self.public_url);
        self.browsers.strict_transport.filter(|_| is_wanted && self.public_url.starts_with("https://"))
    }
}

/// An isolate has 128 MB for everything, and what its memory has grown to is never given back.
fn take_cache_memory(variables: &mut Variables, target: Target) -> u64 {
    let (default, most) = match target {
        Target::Native => (64, 65_536),
        Target::Worker => (16, 64),
    };
    let parse = |text: &str| {
        let bytes = parse_size(text).and_then(|bytes| u64::try_from(bytes).ok());
        let bytes = bytes.filter(|bytes| (1 << 20..=most << 20).contains(bytes));
        bytes.ok_or_else(|| format!("must be a size from 1MiB to {most}MiB, such as {default}MiB"))
    };
    variables.take("PORTICO_CACHE_MEMORY", parse).unwrap_or(default << 20)
}

/// Each entry that an isolate fills costs a few operations of Workers KV, of which a run may make a thousand, and which are paid for.
fn take_warm_keys(variables: &mut Variables, target: Target) -> u32 {
    let default = match target {
        Target::Native => 1_000,
        Target::Worker => 100,
    };
    let most = target.most_warmed();
    let parse = |text: &str| {
        let count = text.trim().parse().ok().filter(|count| *count <= most);
        count.ok_or_else(|| format!("must be a whole number from 0 to {most}"))
    };
    variables.take("PORTICO_WARM_KEYS", parse).unwrap_or(default)
}

fn take_github(variables: &mut Variables) -> Option<GithubSettings> {
    let client_id = variables.take("PORTICO_GITHUB_CLIENT_ID", parse_word);
    let client_secret =
        variables.take("PORTICO_GITHUB_CLIENT_SECRET", |text| Ok::<_, String>(Secret::new(text.trim())));
    let mut url =
        |name, default: &str| variables.take(name, parse_http_url).unwrap_or_else(|| default.to_owned());
    let authorize_url = url("PORTICO_GITHUB_AUTHORIZE_URL", "https://github.com/login/oauth/authorize");
    let token_url = url("PORTICO_GITHUB_TOKEN_URL", "https://github.com/login/oauth/access_token");
    let api_url = url("PORTICO_GITHUB_API_URL", "https://api.github.com");
    match (client_id, client_secret) {
        (Some(client_id), Some(client_secret)) => {
            Some(GithubSettings { client_id, client_secret, authorize_url, token_url, api_url })
        }
        (Some(_), None) => {
            variables
                .fault("PORTICO_GITHUB_CLIENT_SECRET", "is needed where PORTICO_GITHUB_CLIENT_ID is set");
            None
        }
        (None, Some(_)) => {
            variables
                .fault("PORTICO_GITHUB_CLIENT_ID", "is needed where PORTICO_GITHUB_CLIENT_SECRET is set");
            None
        }
        (None, None) => None,
    }
}

fn span(variables: &mut Variables, name: &'static str, default: u64, bounds: (u64, u64)) -> Duration {
    let parse = |text: &str| {
        let seconds = parse_seconds(text).ok_or("must be a time such as 30s, 15m, 12h or 30d")?;
        if (bounds.0..=bounds.1).contains(&seconds) {
            Ok(Duration::from_secs(seconds))
        } else {
            Err(format!("must be {} to {} seconds long", bounds.0, bounds.1))
        }
    };
    variables.take(name, parse).unwrap_or(Duration::from_secs(default))
}

fn parse_seconds(text: &str) -> Option<u64> {
    let text = text.trim();
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    text[..text.len() - 1].parse::<u64>().ok()?.checked_mul(unit)
}

fn parse_signup(text: &str) -> Result<bool, String> {
    match text.trim() {
        "open" => Ok(true),
        "closed" => Ok(false),
        _ => Err("must be open or closed".to_owned()),
    }
}

fn parse_cost(text: &str) -> Result<u32, String> {
    let cost = text.trim().parse().ok().filter(|cost| (10..=15).contains(cost));
    cost.ok_or_else(|| "must be a whole number from 10 to 15".to_owned())
}

fn parse_proxies(text: &str) -> Result<usize, String> {
    let count = text.trim().parse().ok().filter(|count| *count <= 10);
    count.ok_or_else(|| "must be a whole number from 0 to 10".to_owned())
}

fn parse_bytes(text: &str) -> Result<usize, String> {
    let bytes = parse_size(text).filter(|bytes| (1_024..=100 << 20).contains(bytes));
    bytes.ok_or_else(|| "must be a size from 1KiB to 100MiB, such as 10MiB".to_owned())
}

fn parse_least(text: &str) -> Result<usize, String> {
    let bytes = parse_size(text).filter(|bytes| (64..=1 << 20).contains(bytes));
    bytes.ok_or_else(|| "must be a size from 64 bytes to 1MiB, such as 1KiB".to_owned())
}

fn parse_size(text: &str) -> Option<usize> {
    let text = text.trim();
    let (digits, unit) = match text {
        _ if text.ends_with("KiB") => (&text[..text.len() - 3], 1 << 10),
        _ if text.ends_with("MiB") => (&text[..text.len() - 3], 1 << 20),
        _ => (text, 1),
    };
    digits.trim().parse::<usize>().ok().and_then(|count| count.checked_mul(unit))
}

fn parse_word(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() || text.contains(char::is_whitespace) {
        return Err("must be one word".to_owned());
    }
    Ok(text.to_owned())
}

fn parse_http_url(text: &str) -> Result<String, String> {
    let text = text.trim().trim_end_matches('/');
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match rest {
        Some(rest) if !rest.is_empty() && !rest.starts_with('/') && !text.contains(char::is_whitespace) => {
            Ok(text.to_owned())
        }
        _ => Err("must be an http or https address".to_owned()),
    }
}

fn parse_public_url(text: &str) -> Result<String, String> {
    let url = parse_http_url(text)?;
    let host = url.split_once("://").map_or("", |(_, rest)| rest);
    if host.contains(['/', '?', '#', '@']) {
        return Err("must be scheme and host alone, such as https://api.example.com".to_owned());
    }
    Ok(url)
}
