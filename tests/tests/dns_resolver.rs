//! The resolver over HTTP as the native server has it, against the stand-in for a public one.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portico_dns::HttpsResolver;
use portico_domain::cache::Source as _;
use portico_domain::flows::{Claim, ClaimSource};
use portico_domain::models::{BotVerdict, Crawler};
use portico_domain::ports::{Resolver, Unavailable};
use portico_in_process::HttpFetch;
use portico_tests::dns::server;
use tokio::net::TcpListener;

async fn resolver() -> HttpsResolver {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(server::serve(listener));
    let fetch = HttpFetch::new(None).expect("the built-in authorities");
    HttpsResolver::new(format!("http://{address}/dns-query"), Arc::new(fetch))
}

async fn verdict(resolver: HttpsResolver, from: &str) -> Result<Option<BotVerdict>, Unavailable> {
    let address: IpAddr = from.parse().expect("an address");
    let source = ClaimSource { resolver: Arc::new(resolver) };
    source.load(&Claim { crawler: Crawler::Google, address }).await
}

#[tokio::test]
async fn crawlers_are_proved_and_impostors_refuted() {
    for from in ["198.51.100.7", "::ffff:198.51.100.7", "2001:db8:1::7"] {
        assert_eq!(verdict(resolver().await, from).await, Ok(Some(BotVerdict::VerifiedCrawler)), "{from}");
    }
    for from in ["203.0.113.7", "192.0.2.7", "2001:db8:2::7"] {
        assert_eq!(verdict(resolver().await, from).await, Ok(Some(BotVerdict::Impostor)), "{from}");
    }
}

#[tokio::test]
async fn what_could_not_be_found_out_is_no_verdict() {
    assert_eq!(
        verdict(resolver().await, "198.18.0.7").await.map_err(|away| away.service),
        Err("name service")
    );
    let fetch = HttpFetch::new(None).expect("the built-in authorities");
    let nobody = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = nobody.local_addr().expect("an address");
    let nobody = HttpsResolver::new(format!("http://{address}/dns-query"), Arc::new(fetch));
    let began = Instant::now();
    assert!(nobody.names_of([192, 0, 2, 7].into()).await.is_err(), "nobody accepts");
    let took = began.elapsed();
    assert!((Duration::from_secs(4)..Duration::from_secs(8)).contains(&took), "{took:?}");
}
