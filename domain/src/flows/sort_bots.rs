use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;

use super::shared::{Gate, from_gate};
use crate::{
    cache::{CacheKey, Prefix, ReadThrough, Source, Subject},
    models::{BotVerdict, Caller, Crawler, Network, Quota, Timestamp, is_public, sort_agent},
    ports::{Clock, Resolver, Unavailable},
    settings::{BotRoute, BotSettings, BotTreatment},
};

/// Somebody at an address who says to be a vendor's crawler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Whose.
    pub crawler: Crawler,
    /// From where.
    pub address: IpAddr,
}

/// Proves claims by forward-confirmed reverse DNS.
///
/// A verdict is named after the vendor and the network, not after the agent's text: whoever makes up new texts is asked about no more often. It is
/// reached in at most [`ClaimSource::MOST_NAMES`] + 1 questions.
pub struct ClaimSource {
    /// Asks the domain name system.
    pub resolver: Arc<dyn Resolver>,
}

impl ClaimSource {
    /// So many of an address's names are looked up; crawlers' machines have one.
    pub const MOST_NAMES: usize = 3;
}

#[async_trait]
impl Source for ClaimSource {
    type Id = Claim;
    type Value = BotVerdict;
    const PREFIX: Prefix = Prefix::Bot;

    fn key(&self, claim: &Claim) -> CacheKey {
        let name = format!("{}@{}", claim.crawler.as_str(), Network::of(claim.address));
        CacheKey::of(Prefix::Bot, name.as_bytes())
    }

    fn subjects(&self, _claim: &Claim, _verdict: &BotVerdict) -> Vec<Subject> {
        Vec::new()
    }

    /// A verified crawler or an impostor; what could not be found out is neither.
    async fn load(&self, claim: &Claim) -> Result<Option<BotVerdict>, Unavailable> {
        let address = claim.address.to_canonical();
        let names = self.resolver.names_of(address).await?;
        for name in names.iter().filter(|name| claim.crawler.owns(name)).take(Self::MOST_NAMES) {
            let addresses = self.resolver.addresses_of(name).await?;
            if addresses.iter().any(|found| found.to_canonical() == address) {
                return Ok(Some(BotVerdict::VerifiedCrawler));
            }
        }
        Ok(Some(BotVerdict::Impostor))
    }
}

/// Why a program is not served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BotRefused {
    /// Programs of its sort aren't served here.
    #[error("programs of this sort ({0}) are not served here")]
    Denied(BotVerdict),
    /// Programs of its sort are served less often.
    #[error("too many requests")]
    Limited {
        /// When it is worth trying again.
        retry_after: Duration,
    },
    /// The limit could not be asked.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

from_gate!(BotRefused);

/// Sorts programs, and says what is done with them.
///
/// 1. The agent is sorted by its words: [`sort_agent`].
/// 2. Whoever claims to be a crawler that can prove it is looked up among the verdicts in memory.
/// 3. Unknown: it counts as the declared bot that it is for now, and the verdict is reached behind the answer.
/// 4. The policy of the route's kind lets pass, limits or refuses.
///
/// Invariants: no request waits for a verification; nobody is asked about an address that claims nothing, or that is none of the public internet's;
/// a claim that could be neither proved nor refuted stays a declared bot.
pub struct SortBots {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Asks the limit for bots.
    pub gate: Gate,
    /// The verdicts; `None` where claims aren't verified.
    pub verdicts: Option<ReadThrough<ClaimSource>>,
    /// How often verdicts are asked for.
    pub attempts: Attempts,
    /// What is done with whom.
    pub settings: BotSettings,
    /// The limit for bots.
    pub quota: Option<Quota>,
    /// What was done with whom.
    pub counts: SortCounts,
}

/// How often which sort of programs was treated how, since the process or isolate began.
#[derive(Debug, Default)]
pub struct SortCounts([[AtomicU64; BotTreatment::ALL.len()]; BotVerdict::ALL.len()]);

impl SortCounts {
    fn count(&self, verdict: BotVerdict, treatment: BotTreatment) {
        self.0[verdict as usize][treatment as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// Each pair with its count.
    pub fn iter(&self) -> impl Iterator<Item = (BotVerdict, BotTreatment, u64)> {
        BotVerdict::ALL.into_iter().flat_map(move |verdict| {
            BotTreatment::ALL.into_iter().map(move |treatment| {
                let count = &self.0[verdict as usize][treatment as usize];
                (verdict, treatment, count.load(Ordering::Relaxed))
            })
        })
    }
}

impl SortBots {
    /// Tells the story above. `address` is asked only for a claim. Doesn't wait for anything.
    pub fn run(
        &self,
        route: BotRoute,
        agent: &[u8],
        address: impl FnOnce() -> Option<IpAddr>,
    ) -> (BotVerdict, BotTreatment) {
        let sorted = sort_agent(agent);
        let verdict = match (sorted.claims, &self.verdicts) {
            (Some(crawler), Some(verdicts)) => match address().filter(|address| is_public(*address)) {
                Some(address) => self.known(verdicts, Claim { crawler, address }).unwrap_or(sorted.verdict),
                None => sorted.verdict,
            },
            _ => sorted.verdict,
        };
        let treatment = self.settings.policy(route).treatment(verdict);
        self.counts.count(verdict, treatment);
        (verdict, treatment)
    }

    /// Asks the harder limit, by the caller's address.
    pub async fn admit(&self, caller: &Caller) -> Result<(), BotRefused> {
        let demand = Gate::demand("bot-address", self.quota, caller.limit_key());
        Ok(self.gate.admit(demand.as_slice()).await?)
    }

    /// What is known of a claim in memory; what isn't will be, a moment after the answer.
    fn known(&self, verdicts: &ReadThrough<ClaimSource>, claim: Claim) -> Option<BotVerdict> {
        let now = self.clock.now();
        if let Some(Some(verdict)) = verdicts.peek(&claim, now) {
            return Some(*verdict);
        }
        if self.attempts.begin(verdicts.source().key(&claim), now) {
            verdicts.load_behind(&claim);
        }
        None
    }
}

/// Bounds how often verdicts that aren't known are asked for: one at most each ten seconds for the same vendor and network, and 128 at most in ten
/// seconds for all. Those who could make verification fail can't make it happen again and again.
#[derive(Default)]
pub struct Attempts(Mutex<HashMap<CacheKey, Timestamp>>);

impl Attempts {
    const APART: Duration = Duration::from_secs(10);
    const MOST: usize = 128;

    /// Whether the caller may ask now.
    pub fn begin(&self, key: CacheKey, now: Timestamp) -> bool {
        let mut begun = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_recent = |at: &Timestamp| now.since(*at) < Self::APART;
        if begun.get(&key).is_some_and(is_recent) {
            return false;
        }
        if begun.len() >= Self::MOST {
            begun.retain(|_, at| is_recent(at));
        }
        if begun.len() >= Self::MOST {
            return false;
        }
        begun.insert(key, now);
        true
    }
}

#[cfg(test)]
#[path = "sort_bots_tests.rs"]
mod tests;
