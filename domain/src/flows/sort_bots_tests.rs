use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::*;
use crate::{
    cache::{Cache, CacheParts, Strategies, testing::Spawned},
    flows::testing::{NOW, clock},
    models::Gcra,
    ports::{LocalEntry, MockLocalCache, MockNotices, MockRateLimiter, MockResolver},
    settings::{Settings, Target, Variables},
};

const GOOGLEBOT: &[u8] = b"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
const CURL: &[u8] = b"curl/8.14.1";

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn settings(pairs: &[(&str, &str)]) -> Settings {
    let mut variables = Variables::new(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
    let settings = Settings::take(&mut variables, Target::Native, "http://127.0.0.1");
    variables.finish().unwrap();
    settings
}

fn memory_cache() -> Arc<Cache> {
    let kept = Arc::new(Mutex::new(HashMap::<CacheKey, Arc<LocalEntry>>::new()));
    let mut local = MockLocalCache::new();
    let read = Arc::clone(&kept);
    local.expect_get().returning(move |key| read.lock().unwrap().get(key).cloned());
    local.expect_set().returning(move |key, entry| drop(kept.lock().unwrap().insert(key, entry)));
    Cache::new(CacheParts {
        clock: clock(),
        background: Arc::new(Spawned),
        notices: Arc::new(MockNotices::new()),
        local: Arc::new(local),
        shared: None,
        fence: Arc::default(),
        strategies: Strategies::new(Prefix::ALL.map(Prefix::policy)),
        single_flight: false,
    })
}

fn flow(resolver: MockResolver, limiter: MockRateLimiter, pairs: &[(&str, &str)]) -> SortBots {
    let settings = settings(pairs);
    let source = ClaimSource { resolver: Arc::new(resolver) };
    SortBots {
        clock: clock(),
        gate: Gate::new(Arc::new(limiter)),
        verdicts: Some(ReadThrough::new(memory_cache(), source)),
        attempts: Attempts::default(),
        settings: settings.bots,
        quota: settings.limits.bot,
        counts: SortCounts::default(),
    }
}

fn resolver(names: &'static [&'static str], addresses: &'static [&'static str]) -> MockResolver {
    let mut resolver = MockResolver::new();
    resolver.expect_names_of().returning(|_| Ok(names.iter().map(|name| (*name).to_owned()).collect()));
    resolver
        .expect_addresses_of()
        .returning(|_| Ok(addresses.iter().map(|address| address.parse().unwrap()).collect()));
    resolver
}

async fn proved(resolver: MockResolver, from: &str) -> Result<Option<BotVerdict>, Unavailable> {
    let claim = Claim { crawler: Crawler::Google, address: from.parse().unwrap() };
    ClaimSource { resolver: Arc::new(resolver) }.load(&claim).await
}

/// Lets what was begun behind answers come to its end.
async fn behind() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_name_in_the_vendors_domain_that_leads_back_proves_a_crawler() {
    let names = &["crawl-66-249-66-1.googlebot.com"];
    let there_and_back = || resolver(names, &["66.249.66.1"]);
    assert_eq!(proved(there_and_back(), "66.249.66.1").await, Ok(Some(BotVerdict::VerifiedCrawler)));
    let mapped = proved(there_and_back(), "::ffff:66.249.66.1").await;
    assert_eq!(mapped, Ok(Some(BotVerdict::VerifiedCrawler)));
    let elsewhere = proved(resolver(names, &["66.249.66.2"]), "66.249.66.1").await;
    assert_eq!(elsewhere, Ok(Some(BotVerdict::Impostor)), "anybody can give their address any name");
    assert_eq!(proved(resolver(&[], &[]), "66.249.66.1").await, Ok(Some(BotVerdict::Impostor)));
}

#[tokio::test]
async fn names_of_other_domains_are_not_even_looked_up() {
    let mut resolver = MockResolver::new();
    let names = ["googlebot.com.example", "notgooglebot.com", "1.2.3.4.bc.googleusercontent.com"];
    resolver.expect_names_of().returning(move |_| Ok(names.map(str::to_owned).to_vec()));
    resolver.expect_addresses_of().never();
    assert_eq!(proved(resolver, "66.249.66.1").await, Ok(Some(BotVerdict::Impostor)));
}

#[tokio::test]
async fn an_address_with_a_thousand_names_costs_no_thousand_questions() {
    let mut resolver = MockResolver::new();
    let names = (0..1_000).map(|n| format!("crawl-{n}.googlebot.com")).collect::<Vec<_>>();
    resolver.expect_names_of().returning(move |_| Ok(names.clone()));
    resolver.expect_addresses_of().times(ClaimSource::MOST_NAMES).returning(|_| Ok(Vec::new()));
    assert_eq!(proved(resolver, "66.249.66.1").await, Ok(Some(BotVerdict::Impostor)));
}

#[tokio::test]
async fn an_unknown_claim_is_a_declared_bot_until_it_was_looked_into_behind_the_answer() {
    let flow = flow(resolver(&[], &[]), MockRateLimiter::new(), &[]);
    let ask = |from| flow.run(BotRoute::Read, GOOGLEBOT, || Some(address(from)));
    assert_eq!(ask("192.0.2.7"), (BotVerdict::DeclaredBot, BotTreatment::Allow));
    behind().await;
    assert_eq!(ask("192.0.2.7"), (BotVerdict::Impostor, BotTreatment::Deny));
    assert_eq!(ask("192.0.2.99"), (BotVerdict::Impostor, BotTreatment::Deny), "the same network");
    assert_eq!(ask("198.51.100.7"), (BotVerdict::DeclaredBot, BotTreatment::Allow), "another one");
}

#[tokio::test]
async fn a_true_crawler_is_known_by_its_network_and_vendor() {
    let resolver = resolver(&["crawl-66-249-66-1.googlebot.com"], &["66.249.66.1"]);
    let flow = flow(resolver, MockRateLimiter::new(), &[("PORTICO_BOT_READ", "declared_bot=deny")]);
    let ask = |agent: &[u8]| flow.run(BotRoute::Read, agent, || Some(address("66.249.66.1")));
    assert_eq!(ask(GOOGLEBOT), (BotVerdict::DeclaredBot, BotTreatment::Deny));
    behind().await;
    assert_eq!(ask(GOOGLEBOT), (BotVerdict::VerifiedCrawler, BotTreatment::Allow));
    assert_eq!(ask(b"Googlebot/9 with another text").0, BotVerdict::VerifiedCrawler);
    assert_eq!(ask(b"bingbot/2.0").0, BotVerdict::DeclaredBot);
}

#[tokio::test]
async fn what_could_not_be_found_out_stays_declared_and_is_not_asked_again_at_once() {
    let asked = Arc::new(AtomicU32::new(0));
    let mut resolver = MockResolver::new();
    let counted = Arc::clone(&asked);
    resolver.expect_names_of().returning(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        Err(Unavailable::new("name service", "away"))
    });
    let flow = flow(resolver, MockRateLimiter::new(), &[]);
    for _ in 0..10 {
        let ruling = flow.run(BotRoute::SignIn, GOOGLEBOT, || Some(address("192.0.2.7")));
        assert_eq!(ruling, (BotVerdict::DeclaredBot, BotTreatment::Allow));
        behind().await;
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn nobody_is_asked_about_those_who_claim_nothing_or_come_from_next_door() {
    let mut resolver = MockResolver::new();
    resolver.expect_names_of().never();
    let flow = flow(resolver, MockRateLimiter::new(), &[]);
    let asked = AtomicBool::new(false);
    let ruling = flow.run(BotRoute::Read, CURL, || {
        asked.store(true, Ordering::SeqCst);
        None
    });
    assert_eq!(ruling, (BotVerdict::Tool, BotTreatment::Allow));
    assert!(!asked.load(Ordering::SeqCst), "the address of a tool is nobody's business");
    for from in [None, Some("127.0.0.1"), Some("10.0.0.1"), Some("::1")] {
        let from = from.map(address);
        let ruling = flow.run(BotRoute::Read, GOOGLEBOT, || from);
        assert_eq!(ruling, (BotVerdict::DeclaredBot, BotTreatment::Allow));
    }
    behind().await;
}

#[tokio::test]
async fn without_verification_claims_are_neither_proved_nor_refuted() {
    let flow = SortBots { verdicts: None, ..flow(MockResolver::new(), MockRateLimiter::new(), &[]) };
    for _ in 0..2 {
        let ruling = flow.run(BotRoute::Read, GOOGLEBOT, || Some(address("192.0.2.7")));
        assert_eq!(ruling, (BotVerdict::DeclaredBot, BotTreatment::Allow));
        behind().await;
    }
}

#[tokio::test]
async fn the_harder_limit_counts_addresses() {
    let mut limiter = MockRateLimiter::new();
    limiter.expect_admit().withf(|demand| demand.key == "bot-address:192.0.2.7").times(2).returning(
        |demand| {
            assert_eq!(demand.quota.to_string(), "1/60s");
            let kept = Gcra::decide(demand.policy, demand.quota, None, NOW).theoretical_arrival;
            Ok(Gcra::decide(demand.policy, demand.quota, Some(kept), NOW).admission)
        },
    );
    let caller = Caller { address: Some(address("192.0.2.7")), user_agent: None };
    let pairs = [("PORTICO_BOT_WRITE", "tool=limit"), ("PORTICO_LIMIT_BOT", "1/1m")];
    let flow = flow(MockResolver::new(), limiter, &pairs);
    assert_eq!(flow.run(BotRoute::Write, CURL, || None).1, BotTreatment::Limit);
    assert_eq!(flow.run(BotRoute::Read, CURL, || None).1, BotTreatment::Allow);
    for _ in 0..2 {
        let refused = flow.admit(&caller).await;
        assert_eq!(refused, Err(BotRefused::Limited { retry_after: Duration::from_secs(60) }));
    }
}

#[test]
fn attempts_are_bounded_by_key_and_in_all_and_come_back() {
    let attempts = Attempts::default();
    let key = |n: usize| CacheKey::of(Prefix::Bot, &n.to_le_bytes());
    assert!(attempts.begin(key(0), NOW) && !attempts.begin(key(0), NOW));
    let begun = (1..1_000).filter(|n| attempts.begin(key(*n), NOW)).count();
    assert_eq!(begun, Attempts::MOST - 1);
    let later = NOW.after(Attempts::APART);
    assert!(attempts.begin(key(0), later) && attempts.begin(key(999), later));
}
