use std::time::Duration;

use super::{Switch, Switches, Variables, parse_seconds};
use crate::cache::{Policy, Prefix, Tiers};

/// The longest that a key may be used past its lifetime while storage is away.
const LONGEST_STALE: u64 = 86_400;
/// The longest lifetime of a cached key.
const LONGEST_LIFETIME: u64 = 3_600;

/// How each prefix of the cache is kept: the table, with what the operator changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CachePolicies(pub [Policy; Prefix::ALL.len()]);

impl CachePolicies {
    pub(super) fn take(variables: &mut Variables, switches: Switches) -> Self {
        let mut policies = Prefix::ALL.map(Prefix::policy);
        let key = &mut policies[Prefix::ApiKey as usize];
        if let Some(lifetime) = variables.take("PORTICO_API_KEY_LIFETIME", parse_lifetime) {
            key.lifetime = lifetime;
            key.refresh_after = lifetime * 3 / 4;
        }
        if let Some(stale) = variables.take("PORTICO_API_KEY_STALE", parse_stale) {
            key.stale_when_away = stale;
        }
        if !switches.is_on(Switch::ApiKeyCache) {
            key.tiers = Tiers::Off;
        }
        if !switches.is_on(Switch::BotCache) {
            policies[Prefix::Bot as usize].tiers = Tiers::Off;
        }
        if !switches.is_on(Switch::ResponseCache) {
            policies[Prefix::Books as usize].tiers = Tiers::Off;
        }
        if !switches.is_on(Switch::ModelCache) {
            policies[Prefix::ModelConfig as usize].tiers = Tiers::Off;
            policies[Prefix::UserModels as usize].tiers = Tiers::Off;
        }
        Self(policies)
    }

    /// That of one prefix.
    #[must_use]
    pub const fn of(&self, prefix: Prefix) -> &Policy {
        &self.0[prefix as usize]
    }
}

fn parse_lifetime(text: &str) -> Result<Duration, String> {
    let seconds = parse_seconds(text).filter(|seconds| (1..=LONGEST_LIFETIME).contains(seconds));
    let wrong = format!("must be a time from 1s to {LONGEST_LIFETIME}s, such as 60s");
    seconds.map(Duration::from_secs).ok_or(wrong)
}

fn parse_stale(text: &str) -> Result<Duration, String> {
    if text.trim() == "off" {
        return Ok(Duration::ZERO);
    }
    let seconds = parse_seconds(text).filter(|seconds| (1..=LONGEST_STALE).contains(seconds));
    let wrong = format!("must be off, or a time from 1s to {LONGEST_STALE}s, such as 10m");
    seconds.map(Duration::from_secs).ok_or(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(pairs: &[(&str, &str)]) -> Result<CachePolicies, Vec<String>> {
        let mut variables = Variables::new(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        let switches = Switches::take(&mut variables);
        let policies = CachePolicies::take(&mut variables, switches);
        let names = |faults: Vec<super::super::Fault>| faults.into_iter().map(|fault| fault.name).collect();
        variables.finish().map(|()| policies).map_err(names)
    }

    #[test]
    fn nothing_set_is_the_table() {
        assert_eq!(take(&[]).unwrap().0, Prefix::ALL.map(Prefix::policy));
    }

    #[test]
    fn keys_can_be_kept_shorter_and_revocable_at_once() {
        let policies =
            take(&[("PORTICO_API_KEY_LIFETIME", "20s"), ("PORTICO_API_KEY_STALE", "off")]).unwrap();
        let key = policies.of(Prefix::ApiKey);
        assert_eq!((key.lifetime, key.refresh_after), (Duration::from_secs(20), Duration::from_secs(15)));
        assert_eq!(key.stale_when_away, Duration::ZERO);
        let off = take(&[("PORTICO_FLOW_API_KEY_CACHE", "off")]).unwrap();
        assert_eq!(off.of(Prefix::ApiKey).tiers, Tiers::Off);
        assert_eq!(off.of(Prefix::Settings).tiers, Tiers::Both);
        let off = take(&[("PORTICO_FLOW_MODEL_CACHE", "off")]).unwrap();
        let models =
            [Prefix::ModelConfig, Prefix::UserModels, Prefix::ApiKey].map(|prefix| off.of(prefix).tiers);
        assert_eq!(models, [Tiers::Off, Tiers::Off, Tiers::Both]);
        let off = take(&[("PORTICO_FLOW_RESPONSE_CACHE", "off")]).unwrap();
        assert_eq!(off.of(Prefix::Books).tiers, Tiers::Off);
        assert_eq!(off.of(Prefix::ApiKey).tiers, Tiers::Both);
    }

    #[test]
    fn nonsense_is_told_by_name() {
        let wrong = [("PORTICO_API_KEY_LIFETIME", "0s"), ("PORTICO_API_KEY_STALE", "99d")];
        assert_eq!(take(&wrong).unwrap_err(), ["PORTICO_API_KEY_LIFETIME", "PORTICO_API_KEY_STALE"]);
    }
}
