use portico_domain::ports::MockFetch;

use super::*;
use crate::statements::{CREDENTIAL_BY_EMAIL, PING, SIGN_IN_RECORD};

const URL: &str =
    "postgres://ada:obviously-fake@ep-cool-1-pooler.eu-central-1.aws.neon.tech/shop?sslmode=require";

fn answer(status: u16, body: &str) -> FetchResponse {
    FetchResponse { status, body: body.as_bytes().to_vec() }
}

/// A driver whose endpoint gives these answers, one an exchange, and is asked no more often.
fn driver(answers: Vec<Result<FetchResponse, Unavailable>>) -> Arc<NeonHttpDriver> {
    let mut fetch = MockFetch::new();
    let mut sequence = mockall::Sequence::new();
    for answer in answers {
        fetch.expect_send().once().in_sequence(&mut sequence).return_once(move |_| answer);
    }
    connect(&NeonConfig::new(URL), Arc::new(fetch)).unwrap()
}

fn ping() -> Call {
    PING.with(Vec::new())
}

fn signed_in() -> Call {
    SIGN_IN_RECORD
        .with(vec![uuid::Uuid::nil().into(), portico_domain::models::Timestamp::from_seconds(1).into()])
}

const ONE: &str = r#"{"command":"SELECT","rowCount":1,"rowAsArray":true,"fields":[],"rows":[["1"]]}"#;

#[tokio::test]
async fn asks_the_derived_endpoint_for_text_in_arrays() {
    let mut fetch = MockFetch::new();
    fetch.expect_send().once().return_once(|request| {
        assert_eq!(request.url, "https://api.eu-central-1.aws.neon.tech/sql");
        let header = |name| request.headers.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_str());
        assert_eq!(header("neon-connection-string"), Some(URL));
        assert_eq!(header("neon-raw-text-output"), Some("true"));
        assert_eq!(header("neon-array-mode"), Some("true"));
        assert_eq!(header("neon-batch-isolation-level"), None);
        let body: Json = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body["params"], json!(["ada@example.com"]));
        Ok(answer(200, r#"{"rows":[]}"#))
    });
    let driver = connect(&NeonConfig::new(URL), Arc::new(fetch)).unwrap();
    let rows = driver.run(CREDENTIAL_BY_EMAIL.with(vec!["ada@example.com".into()])).await.unwrap();
    assert!(rows.is_empty());
}

#[tokio::test]
async fn a_read_is_asked_again_once_when_the_compute_was_asleep() {
    for first in [Ok(answer(500, r#"{"msg":"waking"}"#)), Err(Unavailable::new("fetch", "no answer in time"))]
    {
        let rows = driver(vec![first, Ok(answer(200, ONE))]).run(ping()).await.unwrap();
        assert_eq!(rows.len(), 1);
    }
    let twice = vec![Ok(answer(500, "")), Ok(answer(500, ""))];
    assert!(matches!(driver(twice).run(ping()).await, Err(DriverError::Unavailable(_))));
}

#[tokio::test]
async fn a_write_is_never_asked_again() {
    let fails = || vec![Ok(answer(500, ""))];
    assert!(driver(fails()).run(signed_in()).await.is_err());
    assert!(driver(fails()).transact(vec![signed_in()]).await.is_err());
}

#[tokio::test]
async fn final_refusals_are_not_asked_again_and_say_what_to_do() {
    for (status, told) in [(400, "connection string"), (413, "larger"), (507, "larger")] {
        let error = driver(vec![Ok(answer(status, "{}"))]).run(ping()).await.unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
        assert!(!error.contains("obviously-fake"), "{error}");
    }
}

#[tokio::test]
async fn a_unique_violation_is_an_outcome() {
    let body = r#"{"message":"duplicate key","code":"23505","constraint":"users_email_key"}"#;
    let error = driver(vec![Ok(answer(400, body))]).transact(vec![signed_in()]).await.unwrap_err();
    assert_eq!(error, DriverError::UniqueViolation { constraint: "users_email_key".to_owned() });
}

#[tokio::test]
async fn answers_of_another_form_are_errors() {
    for body in ["", "[]", r#"{"rows":[{"a":1}]}"#, r#"{"rows":[["1","2"]]}"#, r#"{"rows":[["x"]]}"#] {
        assert!(driver(vec![Ok(answer(200, body))]).run(ping()).await.is_err(), "{body}");
    }
    let one_of_two = r#"{"results":[{"rows":[]}]}"#;
    assert!(
        driver(vec![Ok(answer(200, one_of_two))]).transact(vec![signed_in(), signed_in()]).await.is_err()
    );
}

#[test]
fn incomplete_urls_are_refused_without_repeating_them() {
    for url in [
        "postgres://ada@ep.neon.tech/shop",
        "postgres://:p@ep.neon.tech/shop",
        "postgres://ada:p@ep.neon.tech",
        "postgres://ada:p@localhost/shop",
        "mysql://ada:p@ep.neon.tech/shop",
        "obviously-fake",
    ] {
        let error =
            connect(&NeonConfig::new(url), Arc::new(MockFetch::new())).err().map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some("the database URL is not a valid one"), "{url}");
    }
    let config = NeonConfig {
        endpoint: Some("http://127.0.0.1:1/sql".to_owned()),
        ..NeonConfig::new("postgres://a:p@x/d")
    };
    assert!(connect(&config, Arc::new(MockFetch::new())).is_ok());
}
