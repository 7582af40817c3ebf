use super::Variables;
use crate::models::Quota;

/// The quotas by route class; `None` where the limit is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Sign-in attempts, of an address and of an account.
    pub login: Option<Quota>,
    /// Registrations from an address.
    pub register: Option<Quota>,
    /// Renewals of one session.
    pub refresh: Option<Quota>,
    /// Attempts of an account to change its password.
    pub password: Option<Quota>,
    /// Steps of signing in through a provider, from an address.
    pub oauth: Option<Quota>,
}

impl Limits {
    pub(super) fn take(variables: &mut Variables) -> Self {
        let mut limit = |class: &str, default: &str| {
            let name = format!("PORTICO_LIMIT_{class}");
            match variables.take(&name, parse) {
                Some(limit) => limit,
                None => Quota::parse(default).ok(),
            }
        };
        Self {
            login: limit("LOGIN", "10/1m"),
            register: limit("REGISTER", "10/1m"),
            refresh: limit("REFRESH", "120/1m"),
            password: limit("PASSWORD", "10/1m"),
            oauth: limit("OAUTH", "30/1m"),
        }
    }
}

fn parse(text: &str) -> Result<Option<Quota>, &'static str> {
    if text.trim() == "off" {
        return Ok(None);
    }
    Quota::parse(text).map(Some)
}
