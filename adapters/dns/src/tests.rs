use portico_domain::ports::{FetchResponse, MockFetch};

use super::*;

const URL: &str = "https://dns.example/dns-query";

/// Answers each question by the text behind the `?`.
fn resolver(answer: fn(&str) -> (u16, &'static str)) -> HttpsResolver {
    let mut fetch = MockFetch::new();
    fetch.expect_send().returning(move |request| {
        assert_eq!(request.method, "GET");
        assert_eq!(request.headers, [("accept", "application/dns-json".to_owned())]);
        assert!(request.body.is_empty() && request.time_limit == TIME_LIMIT);
        let (status, body) = answer(request.url.strip_prefix(URL).unwrap().strip_prefix('?').unwrap());
        Ok(FetchResponse { status, body: body.as_bytes().to_vec() })
    });
    HttpsResolver::new(URL, Arc::new(fetch))
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[tokio::test]
async fn names_of_an_address_are_told_in_lower_case_without_their_final_dot() {
    let resolver = resolver(|question| {
        assert_eq!(question, "name=1.66.249.66.in-addr.arpa&type=PTR");
        let body = r#"{"Status":0,"TC":false,"RD":true,"RA":true,"AD":false,"CD":false,
            "Question":[{"name":"1.66.249.66.in-addr.arpa","type":12}],
            "Answer":[{"name":"1.66.249.66.in-addr.arpa","type":5,"TTL":60,"data":"1.0-24.66.249.66.in-addr.arpa."},
                      {"name":"1.0-24.66.249.66.in-addr.arpa","type":12,"TTL":60,"data":"Crawl-66-249-66-1.GoogleBot.com."}]}"#;
        (200, body)
    });
    let names = resolver.names_of(address("::ffff:66.249.66.1")).await;
    assert_eq!(names, Ok(vec!["crawl-66-249-66-1.googlebot.com".to_owned()]));
}

#[test]
fn an_ipv6_address_is_asked_for_nibble_by_nibble() {
    let name = reverse_name(address("2001:db8::567:89ab"));
    assert_eq!(name, "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
}

#[tokio::test]
async fn addresses_of_a_name_are_those_of_both_kinds() {
    let resolver = resolver(|question| match question {
        "name=crawl.googlebot.com&type=A" => {
            (200, r#"{"Status":0,"Answer":[{"type":1,"data":"66.249.66.1"},{"type":1,"data":"nonsense"}]}"#)
        }
        "name=crawl.googlebot.com&type=AAAA" => (
            200,
            r#"{"Status":0,"Answer":[{"type":28,"data":"2001:4860::1"},{"type":1,"data":"192.0.2.1"}]}"#,
        ),
        other => panic!("{other}"),
    });
    let addresses = resolver.addresses_of("Crawl.googlebot.com.").await;
    assert_eq!(addresses, Ok(vec![address("66.249.66.1"), address("2001:4860::1")]));
}

#[tokio::test]
async fn hostile_names_are_dropped_and_never_asked_for() {
    let resolver = resolver(|question| {
        assert!(question.ends_with("&type=PTR"), "{question}");
        let body = r#"{"Status":0,"Answer":[
            {"type":12,"data":"evil.example&type=A&name=x."},{"type":12,"data":"a b.googlebot.com."},
            {"type":12,"data":"..googlebot.com."},{"type":12,"data":""},{"type":12,"data":"g\u00f6\u00f6gle.com."},
            {"type":12,"data":"x\\.googlebot.com."},{"type":12,"data":"fine.example."}]}"#;
        (200, body)
    });
    assert_eq!(resolver.names_of(address("192.0.2.1")).await, Ok(vec!["fine.example".to_owned()]));
    for name in ["a&type=PTR", "", ".", "a..b", "ä.example", &"a".repeat(64), &"a.".repeat(127).repeat(2)] {
        assert_eq!(resolver.addresses_of(name).await, Ok(Vec::new()), "{name}");
    }
}

#[tokio::test]
async fn what_does_not_exist_is_none_and_what_could_not_be_found_out_is_unavailable() {
    for body in [r#"{"Status":3,"TC":false}"#, r#"{"Status":0}"#, r#"{"Status":0,"Answer":[]}"#] {
        let mut fetch = MockFetch::new();
        fetch.expect_send().returning(|_| Ok(FetchResponse { status: 200, body: body.as_bytes().to_vec() }));
        let resolver = HttpsResolver::new(URL, Arc::new(fetch));
        assert_eq!(resolver.names_of(address("192.0.2.1")).await, Ok(Vec::new()), "{body}");
    }
    let large = format!(r#"{{"Status":0,"Comment":"{}"}}"#, "x".repeat(70_000));
    for (status, body) in [
        (200, r#"{"Status":2}"#),
        (200, r#"{"Status":5}"#),
        (200, r#"{"Status":0,"TC":true}"#),
        (200, r#"{"error":"Invalid"}"#),
        (200, "<html>"),
        (200, "{}"),
        (400, r#"{"Status":0}"#),
        (502, ""),
        (200, &large),
    ] {
        let body = body.as_bytes().to_vec();
        let mut fetch = MockFetch::new();
        fetch.expect_send().returning(move |_| Ok(FetchResponse { status, body: body.clone() }));
        let resolver = HttpsResolver::new(URL, Arc::new(fetch));
        let refused = resolver.names_of(address("192.0.2.1")).await.unwrap_err();
        assert_eq!(refused.service, "name service");
        assert!(resolver.addresses_of("crawl.googlebot.com").await.is_err());
    }
}

#[tokio::test]
async fn an_answer_of_a_thousand_records_is_cut() {
    let records = (0..1_000).map(|n| format!(r#"{{"type":12,"data":"host-{n}.example."}}"#));
    let body = format!(r#"{{"Status":0,"Answer":[{}]}}"#, records.collect::<Vec<_>>().join(","));
    let mut fetch = MockFetch::new();
    fetch
        .expect_send()
        .returning(move |_| Ok(FetchResponse { status: 200, body: body.clone().into_bytes() }));
    let names = HttpsResolver::new(URL, Arc::new(fetch)).names_of(address("192.0.2.1")).await.unwrap();
    assert_eq!(names.len(), MOST_RECORDS);
}
