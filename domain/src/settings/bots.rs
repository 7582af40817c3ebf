use std::fmt;

use super::{Variables, parse_http_url};
use crate::models::BotVerdict;

/// Whom Portico asks about names and addresses unless told otherwise.
const DNS_URL: &str = "https://cloudflare-dns.com/dns-query";

/// A kind of route that bots are treated alike on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum BotRoute {
    /// Registering, signing in, renewing, changing the password.
    SignIn,
    /// Other reads below `/api`.
    Read,
    /// Other changes below `/api`.
    Write,
}

impl BotRoute {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::SignIn, Self::Read, Self::Write];

    /// The variable that sets its policy.
    #[must_use]
    pub const fn variable(self) -> &'static str {
        match self {
            Self::SignIn => "PORTICO_BOT_SIGN_IN",
            Self::Read => "PORTICO_BOT_READ",
            Self::Write => "PORTICO_BOT_WRITE",
        }
    }
}

/// What is done with a sort of programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BotTreatment {
    /// They are let pass like anybody.
    Allow,
    /// They are let pass as far as the harder limit for bots admits.
    Limit,
    /// They are refused.
    Deny,
}

impl BotTreatment {
    /// Every treatment.
    pub const ALL: [Self; 3] = [Self::Allow, Self::Limit, Self::Deny];

    /// The word in settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Limit => "limit",
            Self::Deny => "deny",
        }
    }
}

/// What is done with each sort of programs on one kind of route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BotPolicy([BotTreatment; BotVerdict::ALL.len()]);

impl Default for BotPolicy {
    /// Everybody is let pass but those who lie about who they are.
    fn default() -> Self {
        let mut policy = [BotTreatment::Allow; BotVerdict::ALL.len()];
        policy[BotVerdict::Impostor as usize] = BotTreatment::Deny;
        Self(policy)
    }
}

impl BotPolicy {
    /// What is done with programs of this sort.
    #[must_use]
    pub const fn treatment(&self, verdict: BotVerdict) -> BotTreatment {
        self.0[verdict as usize]
    }

    /// Whether everybody is let pass, so that nobody needs to be sorted.
    #[must_use]
    pub fn allows_all(&self) -> bool {
        self.0.iter().all(|treatment| *treatment == BotTreatment::Allow)
    }

    /// Reads pairs such as `impostor=deny,tool=limit`; what isn't named stays as it is by default.
    ///
    /// # Errors
    /// A sentence for the operator who wrote them.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut policy = Self::default();
        let mut named = [false; BotVerdict::ALL.len()];
        for pair in text.split(',') {
            let (verdict, treatment) = read_pair(pair).ok_or_else(wrong)?;
            if std::mem::replace(&mut named[verdict as usize], true) {
                return Err(format!("names {verdict} twice"));
            }
            policy.0[verdict as usize] = treatment;
        }
        Ok(policy)
    }
}

impl fmt::Display for BotPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, verdict) in BotVerdict::ALL.into_iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma}{verdict}={}", self.treatment(verdict).as_str())?;
        }
        Ok(())
    }
}

fn read_pair(pair: &str) -> Option<(BotVerdict, BotTreatment)> {
    let (verdict, treatment) = pair.split_once('=')?;
    let verdict = BotVerdict::ALL.into_iter().find(|known| known.as_str() == verdict.trim())?;
    let treatment = BotTreatment::ALL.into_iter().find(|known| known.as_str() == treatment.trim())?;
    Some((verdict, treatment))
}

fn wrong() -> String {
    let verdicts = BotVerdict::ALL.map(BotVerdict::as_str).join(", ");
    let treatments = BotTreatment::ALL.map(BotTreatment::as_str).join(", ");
    format!(
        "must be pairs with commas between, such as tool=limit: one of {verdicts}, and one of {treatments}"
    )
}

/// What is done about bots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BotSettings {
    /// The policies, in the order of [`BotRoute::ALL`].
    policies: [BotPolicy; BotRoute::ALL.len()],
    /// Who is asked over HTTPS whether a crawler's address is its vendor's; `None` where nobody is, and claims are neither proved nor refuted.
    pub dns_url: Option<String>,
}

impl BotSettings {
    pub(super) fn take(variables: &mut Variables) -> Self {
        let policies =
            BotRoute::ALL.map(|route| variables.take(route.variable(), BotPolicy::parse).unwrap_or_default());
        let parse_url = |text: &str| match text.trim() {
            "off" => Ok(None),
            url if url.contains(['?', '#', '@']) => {
                Err("must be off, or an address without a query, a fragment or a password".to_owned())
            }
            url => parse_http_url(url).map(Some).map_err(|wrong| format!("{wrong}, or off")),
        };
        let dns_url =
            variables.take("PORTICO_BOT_DNS_URL", parse_url).unwrap_or_else(|| Some(DNS_URL.to_owned()));
        Self { policies, dns_url }
    }

    /// The policy on a kind of route.
    #[must_use]
    pub const fn policy(&self, route: BotRoute) -> &BotPolicy {
        &self.policies[route as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(pairs: &[(&str, &str)]) -> Result<BotSettings, Vec<String>> {
        let mut variables = Variables::new(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        let settings = BotSettings::take(&mut variables);
        let names = |faults: Vec<super::super::Fault>| faults.iter().map(ToString::to_string).collect();
        variables.finish().map(|()| settings).map_err(names)
    }

    #[test]
    fn honest_programs_pass_by_default() {
        let settings = take(&[]).unwrap();
        assert_eq!(settings.dns_url.as_deref(), Some("https://cloudflare-dns.com/dns-query"));
        for route in BotRoute::ALL {
            for verdict in BotVerdict::ALL {
                let expected =
                    if verdict == BotVerdict::Impostor { BotTreatment::Deny } else { BotTreatment::Allow };
                assert_eq!(settings.policy(route).treatment(verdict), expected);
            }
        }
    }

    #[test]
    fn policies_are_read_over_the_default_and_as_they_are_shown() {
        let settings = take(&[
            ("PORTICO_BOT_SIGN_IN", " tool=deny , declared_bot = limit"),
            ("PORTICO_BOT_READ", "impostor=allow"),
            ("PORTICO_BOT_DNS_URL", "off"),
        ])
        .unwrap();
        let policy = settings.policy(BotRoute::SignIn);
        let shown = "person=allow,declared_bot=limit,verified_crawler=allow,impostor=deny,tool=deny";
        assert_eq!(policy.to_string(), shown);
        assert_eq!(BotPolicy::parse(shown).as_ref(), Ok(policy));
        assert!(!policy.allows_all() && settings.policy(BotRoute::Read).allows_all());
        assert_eq!((settings.policy(BotRoute::Write), &settings.dns_url), (&BotPolicy::default(), &None));
    }

    #[test]
    fn nonsense_is_told_by_name() {
        for text in ["deny", "tool=", "tool=block", "robot=deny", "tool=deny,", ",", "tool=deny;person=allow"]
        {
            let faults = take(&[("PORTICO_BOT_WRITE", text)]).unwrap_err();
            assert!(faults[0].starts_with("PORTICO_BOT_WRITE must be pairs"), "{text}: {faults:?}");
        }
        let twice = take(&[("PORTICO_BOT_READ", "tool=deny,tool=allow")]).unwrap_err();
        assert_eq!(twice, ["PORTICO_BOT_READ names tool twice"]);
        for url in ["cloudflare", "ftp://x", "https://dns.example/q?ct=json", "https://a@dns.example/q"] {
            let faults = take(&[("PORTICO_BOT_DNS_URL", url)]).unwrap_err();
            assert!(faults[0].starts_with("PORTICO_BOT_DNS_URL must be"), "{url}: {faults:?}");
        }
    }
}
