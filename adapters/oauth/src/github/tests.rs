use std::sync::Mutex;

use portico_domain::{
    models::{Email, Secret},
    ports::{MockFetch, Unavailable},
};

use super::*;

const TOKEN: &str = r#"{"access_token":"gho_fake","scope":"read:user,user:email","token_type":"bearer"}"#;
const ACCOUNT: &str = r#"{"id":583231,"login":"ada","name":" Ada Lovelace ","email":"public@example.com"}"#;
const EMAILS: &str = r#"[
    {"email":"old@example.com","primary":false,"verified":true,"visibility":null},
    {"email":"Ada@Example.com","primary":true,"verified":true,"visibility":"private"}
]"#;

fn settings() -> GithubSettings {
    GithubSettings {
        client_id: "client&id".to_owned(),
        client_secret: Secret::new("fake secret/+"),
        authorize_url: "https://provider.example/login/oauth/authorize".to_owned(),
        token_url: "https://provider.example/login/oauth/access_token".to_owned(),
        api_url: "https://api.provider.example/".to_owned(),
    }
}

fn exchange() -> CodeExchange {
    CodeExchange {
        code: Secret::new("fake-code&x=1"),
        verifier: Secret::new("fake-verifier"),
        redirect_uri: "https://portico.example/callback?a=b".to_owned(),
    }
}

type Answer = Result<(u16, String), Unavailable>;

#[expect(clippy::unnecessary_wraps, reason = "beside answers that are missing")]
fn answer(status: u16, body: &str) -> Answer {
    Ok((status, body.to_owned()))
}

/// A provider that gives these answers to the code exchange, `/user` and `/user/emails`.
fn provider(token: Answer, account: Answer, emails: Answer) -> GithubProvider {
    let mut fetch = MockFetch::new();
    fetch.expect_send().returning(move |request| {
        let answer = match request.url.as_str() {
            "https://provider.example/login/oauth/access_token" => &token,
            "https://api.provider.example/user" => &account,
            "https://api.provider.example/user/emails?per_page=100" => &emails,
            other => panic!("nobody was to ask {other}"),
        };
        answer.clone().map(|(status, body)| FetchResponse { status, body: body.into_bytes() })
    });
    GithubProvider::new(settings(), Arc::new(fetch))
}

async fn profile(token: Answer, account: Answer, emails: Answer) -> Result<ExternalProfile, ProviderRefused> {
    provider(token, account, emails).profile(exchange()).await
}

/// What the operator is told when the exchange gives `status` and `body`.
async fn detail_of_token_answer(status: u16, body: &str) -> String {
    match profile(answer(status, body), answer(500, ""), answer(500, "")).await {
        Err(ProviderRefused::Away(fault)) => fault.detail,
        other => panic!("{other:?}"),
    }
}

#[test]
fn browsers_are_sent_with_everything_encoded() {
    let provider = GithubProvider::new(settings(), Arc::new(MockFetch::new()));
    let request = AuthorizationRequest {
        state: "a b&c=d#e".to_owned(),
        challenge: "abc-_123".to_owned(),
        redirect_uri: "https://portico.example/callback?a=b".to_owned(),
    };
    assert_eq!(
        provider.authorization_url(&request),
        "https://provider.example/login/oauth/authorize?response_type=code&client_id=client%26id\
         &redirect_uri=https%3A%2F%2Fportico.example%2Fcallback%3Fa%3Db&scope=read%3Auser+user%3Aemail\
         &state=a+b%26c%3Dd%23e&code_challenge=abc-_123&code_challenge_method=S256"
    );
    let with_query =
        GithubSettings { authorize_url: "https://provider.example/a?b=c".to_owned(), ..settings() };
    let provider = GithubProvider::new(with_query, Arc::new(MockFetch::new()));
    assert!(
        provider.authorization_url(&request).starts_with("https://provider.example/a?b=c&response_type=code")
    );
}

#[tokio::test]
async fn gives_the_number_the_name_and_the_verified_primary_address() {
    let profile = profile(answer(200, TOKEN), answer(200, ACCOUNT), answer(200, EMAILS)).await.unwrap();
    assert_eq!(
        profile.identity,
        ExternalIdentity { provider: Provider::GitHub, subject: "583231".to_owned() }
    );
    assert_eq!(profile.verified_email, Some(Email::parse("ada@example.com").unwrap()));
    assert_eq!(profile.name.as_deref(), Some("Ada Lovelace"));
}

#[tokio::test]
async fn asks_as_github_wants_to_be_asked() {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&requests);
    let mut fetch = MockFetch::new();
    fetch.expect_send().times(3).returning(move |request| {
        let body = match request.url.rsplit('/').next() {
            Some("access_token") => TOKEN,
            Some("user") => ACCOUNT,
            _ => EMAILS,
        };
        seen.lock().unwrap().push(request);
        Ok(FetchResponse { status: 200, body: body.into() })
    });
    GithubProvider::new(settings(), Arc::new(fetch)).profile(exchange()).await.unwrap();

    let requests = requests.lock().unwrap();
    let header = |at: usize, name: &str| {
        let headers: &Vec<(&str, String)> = &requests[at].headers;
        headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone())
    };
    assert_eq!((requests[0].method, requests[1].method, requests[2].method), ("POST", "GET", "GET"));
    assert_eq!(header(0, "accept").unwrap(), "application/json");
    assert_eq!(
        String::from_utf8(requests[0].body.clone()).unwrap(),
        "grant_type=authorization_code&client_id=client%26id&client_secret=fake+secret%2F%2B\
         &code=fake-code%26x%3D1&redirect_uri=https%3A%2F%2Fportico.example%2Fcallback%3Fa%3Db\
         &code_verifier=fake-verifier"
    );
    for at in 0..3 {
        assert_eq!(header(at, "user-agent").unwrap(), "portico");
        assert_eq!(requests[at].time_limit, TIME_LIMIT);
    }
    assert_eq!(header(1, "authorization").unwrap(), "Bearer gho_fake");
    assert_eq!(header(2, "authorization").unwrap(), "Bearer gho_fake");
}

#[tokio::test]
async fn account_and_addresses_are_asked_for_at_the_same_time() {
    struct Both(tokio::sync::Barrier);

    #[async_trait]
    impl Fetch for Both {
        async fn send(&self, request: FetchRequest) -> Result<FetchResponse, Unavailable> {
            let body = match request.url.rsplit('/').next() {
                Some("access_token") => TOKEN,
                Some("user") => ACCOUNT,
                _ => EMAILS,
            };
            if body != TOKEN {
                // Passes only when both are under way.
                self.0.wait().await;
            }
            Ok(FetchResponse { status: 200, body: body.into() })
        }
    }

    let provider = GithubProvider::new(settings(), Arc::new(Both(tokio::sync::Barrier::new(2))));
    assert!(provider.profile(exchange()).await.is_ok());
}

#[tokio::test]
async fn a_refused_code_is_the_callers_fault_whatever_the_status() {
    for (status, error) in
        [(200, "bad_verification_code"), (400, "invalid_grant"), (200, "unverified_user_email")]
    {
        let body =
            format!(r#"{{"error":"{error}","error_description":"The code …","error_uri":"https://x"}}"#);
        let refused = profile(answer(status, &body), answer(500, ""), answer(500, "")).await;
        assert_eq!(refused, Err(ProviderRefused::Code), "{error}");
    }
}

#[tokio::test]
async fn our_own_misconfiguration_is_told_to_the_operator() {
    let wrong_secret = detail_of_token_answer(200, r#"{"error":"incorrect_client_credentials"}"#).await;
    assert!(wrong_secret.contains("PORTICO_GITHUB_CLIENT_SECRET"), "{wrong_secret}");
    let other_redirect = detail_of_token_answer(200, r#"{"error":"redirect_uri_mismatch"}"#).await;
    assert!(other_redirect.contains("PORTICO_PUBLIC_URL"), "{other_redirect}");
    let other = detail_of_token_answer(200, r#"{"error":"application_suspended"}"#).await;
    assert!(other.contains("application_suspended"), "{other}");
}

#[tokio::test]
async fn garbage_is_a_provider_that_is_away_and_is_not_repeated() {
    let long = format!(r#"{{"access_token":"{}","token_type":"bearer"}}"#, "x".repeat(2_000));
    let bodies = [
        "",
        "<html>gho_fake</html>",
        "access_token=gho_fake&token_type=bearer",
        "{}",
        "[]",
        "null",
        r#"{"access_token":"gho_fake"}"#,
        r#"{"access_token":"gho_fake","token_type":"mac"}"#,
        r#"{"access_token":"","token_type":"bearer"}"#,
        r#"{"access_token":"gho_fake\r\nx-evil: 1","token_type":"bearer"}"#,
        r#"{"access_token":7,"token_type":"bearer"}"#,
        r#"{"error":"GHO_FAKE and\nmore"}"#,
        long.as_str(),
    ];
    for body in bodies {
        let detail = detail_of_token_answer(200, body).await;
        assert!(!detail.to_lowercase().contains("gho_fake"), "{detail}");
    }
    assert!(detail_of_token_answer(503, TOKEN).await.contains("503"), "a token in an error is not used");
}

#[tokio::test]
async fn an_account_without_a_number_is_no_account() {
    for body in
        ["", "{}", r#"{"id":"583231"}"#, r#"{"id":-1}"#, r#"{"id":0}"#, r#"{"id":1.5}"#, r#"{"id":null}"#]
    {
        let refused = profile(answer(200, TOKEN), answer(200, body), answer(200, EMAILS)).await;
        assert!(matches!(refused, Err(ProviderRefused::Away(_))), "{body}");
    }
    for status in [401, 403, 404, 429, 500, 302] {
        let refused = profile(answer(200, TOKEN), answer(status, ACCOUNT), answer(200, EMAILS)).await;
        assert!(matches!(refused, Err(ProviderRefused::Away(_))), "{status}");
    }
}

#[tokio::test]
async fn a_name_that_is_none_is_left_out() {
    for body in [r#"{"id":1}"#, r#"{"id":1,"name":null}"#, r#"{"id":1,"name":"  "}"#] {
        let profile = profile(answer(200, TOKEN), answer(200, body), answer(200, EMAILS)).await.unwrap();
        assert_eq!(profile.name, None, "{body}");
    }
}

#[tokio::test]
async fn only_the_verified_primary_address_counts() {
    let forbidden = r#"{"message":"Resource not accessible by integration"}"#;
    let without = [
        (200, "[]"),
        (200, r#"[{"email":"a@example.com","primary":true,"verified":false}]"#),
        (200, r#"[{"email":"a@example.com","primary":false,"verified":true}]"#),
        (200, r#"[{"email":"not an address","primary":true,"verified":true}]"#),
        (404, r#"{"message":"Not Found"}"#),
        (403, forbidden),
    ];
    for (status, body) in without {
        let profile = profile(answer(200, TOKEN), answer(200, ACCOUNT), answer(status, body)).await.unwrap();
        assert_eq!(profile.verified_email, None, "{body}");
    }
    let limited = r#"{"message":"API rate limit exceeded for user ID 583231."}"#;
    for (status, body) in [(403, limited), (429, limited), (401, ""), (500, ""), (200, "{}"), (200, "<html>")]
    {
        let refused = profile(answer(200, TOKEN), answer(200, ACCOUNT), answer(status, body)).await;
        assert!(matches!(refused, Err(ProviderRefused::Away(_))), "{status} {body}");
    }
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_is_away() {
    let unreachable = || Err(Unavailable::new("another service", "no answer within 10000 ms"));
    for answers in [
        (unreachable(), answer(200, ACCOUNT), answer(200, EMAILS)),
        (answer(200, TOKEN), unreachable(), answer(200, EMAILS)),
        (answer(200, TOKEN), answer(200, ACCOUNT), unreachable()),
    ] {
        let refused = profile(answers.0, answers.1, answers.2).await;
        let Err(ProviderRefused::Away(fault)) = refused else { panic!("{refused:?}") };
        assert_eq!(fault.detail, "no answer within 10000 ms");
    }
}
