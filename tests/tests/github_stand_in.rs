//! The OAuth provider that the conformance suite signs in through, held against what GitHub documents.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, also in its helping functions")]

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portico_tests::harness::process::{Process, listening_on};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::process::Command;
use url::Url;

const CALLBACK: &str = "http://127.0.0.1:5555/api/v1/auth/github/callback";
const VERIFIER: &str = "a-verifier-of-at-least-forty-three-letters-0123456789";

struct Provider {
    process: Process,
    http: reqwest::Client,
}

impl Provider {
    async fn start() -> Self {
        let command = Command::new(env!("CARGO_BIN_EXE_github-stand-in"));
        let name = format!("github-stand-in-{}", portico_tests::random::hex(4));
        let process = Process::start(&name, command, Duration::from_secs(10), listening_on).await.unwrap();
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let provider = Self { process, http };
        provider.put("ada", json!({})).await;
        provider
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.process.address)
    }

    async fn put(&self, login: &str, others: Value) {
        let mut body = json!({ "id": 7, "name": "Ada", "emails": [{ "email": "ada@example.com", "primary": true, "verified": true }] });
        for (member, value) in others.as_object().unwrap() {
            body[member] = value.clone();
        }
        let url = self.url(&format!("/control/identities/{login}"));
        assert_eq!(self.http.put(url).body(body.to_string()).send().await.unwrap().status(), 200);
    }

    /// Asks for consent and gives the parameters that come back.
    async fn authorize(&self, changes: &[(&str, &str)]) -> (u16, Vec<(String, String)>) {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
        let mut query = vec![
            ("client_id", "conformance-client"),
            ("redirect_uri", CALLBACK),
            ("state", "some state"),
            ("scope", "read:user user:email"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("login", "ada"),
        ];
        for change in changes {
            query.retain(|(name, _)| *name != change.0);
            query.push(*change);
        }
        let url = Url::parse_with_params(&self.url("/login/oauth/authorize"), query).unwrap();
        let response = self.http.get(url).send().await.unwrap();
        let status = response.status().as_u16();
        let back = response.headers().get("location").map(|to| Url::parse(to.to_str().unwrap()).unwrap());
        (status, back.map(|back| back.query_pairs().into_owned().collect()).unwrap_or_default())
    }

    async fn code(&self) -> String {
        let (status, back) = self.authorize(&[]).await;
        assert_eq!(status, 302);
        assert_eq!(value(&back, "state"), "some state");
        value(&back, "code").to_owned()
    }

    async fn exchange(&self, changes: &[(&str, &str)], code: &str) -> reqwest::Response {
        let mut form = vec![
            ("client_id", "conformance-client"),
            ("client_secret", "conformance-client-secret"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        for change in changes {
            form.retain(|(name, _)| *name != change.0);
            form.push(*change);
        }
        let body: String = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.http.post(self.url("/login/oauth/access_token"));
        let request = request
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json");
        request.body(body).send().await.unwrap()
    }

    async fn token(&self) -> String {
        let code = self.code().await;
        json_of(self.exchange(&[], &code).await).await["access_token"].as_str().unwrap().to_owned()
    }

    async fn api(&self, path: &str, token: &str) -> reqwest::Response {
        let request = self.http.get(self.url(path)).header("user-agent", "a test");
        request.header("authorization", format!("Bearer {token}")).send().await.unwrap()
    }
}

fn value<'a>(pairs: &'a [(String, String)], name: &str) -> &'a str {
    pairs.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
}

async fn json_of(response: reqwest::Response) -> Value {
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_code_is_good_for_one_exchange_by_its_verifier_app_and_address() {
    let provider = Provider::start().await;
    let code = provider.code().await;
    let answer = json_of(provider.exchange(&[], &code).await).await;
    assert_eq!((&answer["token_type"], &answer["scope"]), (&json!("bearer"), &json!("read:user,user:email")));
    // Errors come with status 200, as GitHub documents.
    let again = provider.exchange(&[], &code).await;
    assert_eq!(again.status(), 200);
    assert_eq!(json_of(again).await["error"], "bad_verification_code");
    for (changes, error) in [
        (
            ("code_verifier", "another-verifier-of-at-least-forty-three-letters-01234"),
            "bad_verification_code",
        ),
        (("client_secret", "wrong"), "incorrect_client_credentials"),
        (("client_id", "wrong"), "incorrect_client_credentials"),
        (("redirect_uri", "http://127.0.0.1:5555/elsewhere"), "redirect_uri_mismatch"),
    ] {
        let code = provider.code().await;
        let answer = provider.exchange(&[changes], &code).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(json_of(answer).await["error"], error, "{changes:?}");
    }
}

#[tokio::test]
async fn the_token_endpoint_answers_a_form_unless_json_is_asked_for() {
    let provider = Provider::start().await;
    let body = json!({
        "client_id": "conformance-client", "client_secret": "conformance-client-secret",
        "code": provider.code().await, "code_verifier": VERIFIER,
    });
    let request = provider
        .http
        .post(provider.url("/login/oauth/access_token"))
        .header("content-type", "application/json");
    let answer = request.body(body.to_string()).send().await.unwrap();
    assert!(
        answer.headers()["content-type"].to_str().unwrap().starts_with("application/x-www-form-urlencoded")
    );
    let text = answer.text().await.unwrap();
    assert!(text.contains("access_token=gho_") && text.contains("token_type=bearer"), "{text}");
}

#[tokio::test]
async fn consent_is_refused_as_github_refuses_it() {
    let provider = Provider::start().await;
    assert_eq!(provider.authorize(&[("client_id", "wrong")]).await.0, 404);
    assert_eq!(provider.authorize(&[("code_challenge_method", "plain")]).await.0, 400);
    let (status, back) = provider.authorize(&[("redirect_uri", "http://evil.example/")]).await;
    assert_eq!((status, value(&back, "error")), (302, "redirect_uri_mismatch"));
    let (_, back) =
        provider.authorize(&[("redirect_uri", "http://127.0.0.1:5555/api/v1/auth/github/callbackx")]).await;
    assert_eq!(value(&back, "error"), "redirect_uri_mismatch");
    provider.put("ada", json!({ "deny": true })).await;
    let (status, back) = provider.authorize(&[]).await;
    assert_eq!((status, value(&back, "error"), value(&back, "state")), (302, "access_denied", "some state"));
}

#[tokio::test]
async fn the_api_tells_the_owner_of_a_token_and_wants_an_agent() {
    let provider = Provider::start().await;
    let token = provider.token().await;
    let user = json_of(provider.api("/user", &token).await).await;
    assert_eq!((&user["login"], &user["id"], &user["email"]), (&json!("ada"), &json!(7), &Value::Null));
    let emails = json_of(provider.api("/api/v3/user/emails", &token).await).await;
    assert_eq!(emails[0]["verified"], true);
    assert_eq!(provider.api("/user", "wrong").await.status(), 401);
    let without_agent =
        provider.http.get(provider.url("/user")).header("authorization", format!("Bearer {token}"));
    assert_eq!(without_agent.send().await.unwrap().status(), 403);
}

#[tokio::test]
async fn faults_hit_the_stage_they_are_asked_for() {
    let provider = Provider::start().await;
    provider.put("ada", json!({ "faults": { "user": { "status": 429 }, "emails": "garbage" } })).await;
    let token = provider.token().await;
    let limited = provider.api("/user", &token).await;
    assert_eq!((limited.status().as_u16(), limited.headers().contains_key("retry-after")), (429, true));
    let garbage = provider.api("/user/emails", &token).await.text().await.unwrap();
    assert!(serde_json::from_str::<Value>(&garbage).is_err());
    let seen =
        json_of(provider.http.get(provider.url("/control/identities/ada")).send().await.unwrap()).await;
    assert_eq!(seen["seen"], json!({ "token": 1, "user": 1, "emails": 1 }));
}
