use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::CacheKey;
use crate::models::Timestamp;

/// A kind of thing that is cached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Prefix {
    /// Who holds an API key, by the digest of its text.
    ApiKey,
    /// What sort of program an agent is, by agent and network.
    Bot,
    /// The models' catalogue.
    ModelConfig,
    /// The models that a person may use.
    UserModels,
    /// Lists of books.
    Books,
    /// System settings.
    Settings,
}

impl Prefix {
    /// Every prefix, in the order of the table.
    pub const ALL: [Self; 6] =
        [Self::ApiKey, Self::Bot, Self::ModelConfig, Self::UserModels, Self::Books, Self::Settings];

    /// The prefix as it stands in keys, with its colon.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApiKey => "api-key:",
            Self::Bot => "bot:",
            Self::ModelConfig => "model-config:",
            Self::UserModels => "user-models:",
            Self::Books => "books:",
            Self::Settings => "settings:",
        }
    }

    /// Reads the prefix, with or without its colon.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let name = text.trim_end_matches(':');
        Self::ALL.into_iter().find(|prefix| prefix.as_str().trim_end_matches(':') == name)
    }

    /// How entries of this kind are kept: the table.
    #[must_use]
    pub const fn policy(self) -> Policy {
        const fn policy(
            lifetime: u64,
            refresh_after: u64,
            stale: u64,
            stale_when_away: u64,
            negative: u64,
            tiers: Tiers,
        ) -> Policy {
            Policy {
                lifetime: Duration::from_secs(lifetime),
                refresh_after: Duration::from_secs(refresh_after),
                stale: Duration::from_secs(stale),
                stale_when_away: Duration::from_secs(stale_when_away),
                jitter_percent: 10,
                negative: Duration::from_secs(negative),
                tiers,
            }
        }
        match self {
            // Never served stale while its source answers: a revoked key must be dead within the lifetime even where invalidations don't reach.
            Self::ApiKey => policy(60, 45, 0, 600, 10, Tiers::Both),
            Self::Bot => policy(300, 240, 300, 3_600, 0, Tiers::Both),
            Self::ModelConfig | Self::UserModels => policy(300, 240, 60, 3_600, 30, Tiers::Both),
            Self::Books => policy(60, 45, 60, 600, 10, Tiers::Both),
            Self::Settings => policy(60, 45, 0, 600, 60, Tiers::Both),
        }
    }
}

/// Which tiers keep an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tiers {
    /// None: every read loads.
    Off,
    /// The memory of the process or isolate.
    Memory,
    /// The tier that servers share: Redis, or Workers KV.
    Shared,
    /// Memory before the shared tier.
    Both,
}

impl Tiers {
    /// Whether memory keeps it.
    #[must_use]
    pub const fn memory(self) -> bool {
        matches!(self, Self::Memory | Self::Both)
    }

    /// Whether the shared tier keeps it.
    #[must_use]
    pub const fn shared(self) -> bool {
        matches!(self, Self::Shared | Self::Both)
    }
}

/// How long entries of a kind are good for what. All times count from when the load *began*.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Policy {
    /// An entry is fresh until then, less its jitter.
    pub lifetime: Duration,
    /// A fresh entry older than this is loaded anew behind the answer. Not below the lifetime: never.
    pub refresh_after: Duration,
    /// How long past its lifetime an entry is still answered with, while it is loaded anew behind the answer.
    pub stale: Duration,
    /// How long past its lifetime an entry is still answered with when its source can't be asked.
    pub stale_when_away: Duration,
    /// The part of the lifetime that an entry may be given less, so that what was loaded together doesn't end together.
    pub jitter_percent: u8,
    /// How long it is remembered that there is no such thing; zero does not.
    pub negative: Duration,
    /// Where it is kept.
    pub tiers: Tiers,
}

/// What an entry is good for at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// To answer with.
    Fresh,
    /// To answer with, and it is time to load it anew.
    Ageing,
    /// To answer with while it is loaded anew.
    Stale,
    /// To answer with only if its source can't be asked.
    LastResort,
    /// Nothing.
    Dead,
}

impl Policy {
    /// What an entry that began to be loaded at `loaded_at` is good for at `now`. A moment in the future counts as now: clocks of servers differ.
    #[must_use]
    pub fn freshness(&self, key: &CacheKey, loaded_at: Timestamp, now: Timestamp, exists: bool) -> Freshness {
        let age = now.since(loaded_at);
        if !exists {
            return if age < self.negative { Freshness::Fresh } else { Freshness::Dead };
        }
        let lifetime = self.jittered(key, loaded_at);
        if age < lifetime.min(self.refresh_after) {
            Freshness::Fresh
        } else if age < lifetime {
            Freshness::Ageing
        } else if age < self.lifetime + self.stale {
            Freshness::Stale
        } else if age < self.lifetime + self.stale_when_away {
            Freshness::LastResort
        } else {
            Freshness::Dead
        }
    }

    /// How long a tier has to keep an entry for any of the above.
    #[must_use]
    pub fn keep_for(&self, exists: bool) -> Duration {
        if exists { self.lifetime + self.stale.max(self.stale_when_away) } else { self.negative }
    }

    /// The lifetime, less a part that hangs on the entry and the moment: without randomness, and the same wherever it is computed.
    fn jittered(&self, key: &CacheKey, loaded_at: Timestamp) -> Duration {
        let spread = key.spread() ^ loaded_at.micros().unsigned_abs().wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let thousandth = u32::try_from((spread >> 33) % 1_000).unwrap_or(0);
        let part = self.lifetime.saturating_mul(u32::from(self.jitter_percent)) / 100;
        self.lifetime.saturating_sub(part.saturating_mul(thousandth) / 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u32) -> CacheKey {
        CacheKey::of(Prefix::ApiKey, &n.to_le_bytes())
    }

    #[test]
    fn a_key_is_fresh_then_ageing_then_a_last_resort_then_nothing() {
        let policy = Prefix::ApiKey.policy();
        let loaded = Timestamp::from_seconds(1_000);
        let at =
            |seconds| policy.freshness(&key(1), loaded, loaded.after(Duration::from_secs(seconds)), true);
        assert_eq!(at(0), Freshness::Fresh);
        assert_eq!(at(44), Freshness::Fresh);
        assert_eq!(at(50), Freshness::Ageing);
        assert_eq!(at(60), Freshness::LastResort);
        assert_eq!(at(659), Freshness::LastResort);
        assert_eq!(at(660), Freshness::Dead);
        let early = policy.freshness(&key(1), loaded, loaded.before(Duration::from_secs(5)), true);
        assert_eq!(early, Freshness::Fresh, "another server's clock is ahead");
    }

    #[test]
    fn that_there_is_nothing_is_known_for_less_long() {
        let policy = Prefix::ApiKey.policy();
        let loaded = Timestamp::from_seconds(1_000);
        let at =
            |seconds| policy.freshness(&key(1), loaded, loaded.after(Duration::from_secs(seconds)), false);
        assert_eq!(at(9), Freshness::Fresh);
        assert_eq!(at(10), Freshness::Dead);
    }

    #[test]
    fn lifetimes_are_spread_over_a_tenth_and_never_longer() {
        let policy = Prefix::ApiKey.policy();
        let loaded = Timestamp::from_seconds(1_000);
        let lifetimes: Vec<_> = (0..1_000).map(|n| policy.jittered(&key(n), loaded).as_millis()).collect();
        assert!(lifetimes.iter().all(|ms| (54_000..=60_000).contains(ms)));
        let early = lifetimes.iter().filter(|ms| **ms < 57_000).count();
        assert!((400..600).contains(&early), "{early}");
    }

    #[test]
    fn every_prefix_is_read_back() {
        for prefix in Prefix::ALL {
            assert_eq!(Prefix::parse(prefix.as_str()), Some(prefix));
            assert_eq!(Prefix::ALL[prefix as usize], prefix);
        }
        assert_eq!(Prefix::parse("session:"), None);
    }
}
