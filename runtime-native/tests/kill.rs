//! A process killed between answer and write loses neither, on both databases.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use portico_tests::github::{oauth::App, server};
use serde_json::json;
use support::{Place, Server, data::Data, eventually, postgres};
use tokio::net::TcpListener;
use url::Url;

/// Signs somebody in by `sign_in` while nobody can write, kills the server once it has answered, and looks for what it had not written after its
/// next start.
async fn survives<F, Fut>(place: &Place, label: &str, sign_in: F)
where
    F: Fn(Server) -> Fut,
    Fut: Future<Output = Server>,
{
    let server = place.start(label).await;
    // Everything but what follows an answer is there before: the account, and the provider's link to it.
    let server = sign_in(server).await;
    let mut data = Data::open(&place.database_url).await;
    written(&place.database_url).await;
    data.forget_sign_ins().await;

    data.hold_writes().await;
    let server = sign_in(server).await;
    data.wait_for_a_held_writer().await;
    server.kill().await;
    data.release_writes().await;
    assert_eq!(
        (data.sessions().await, data.signed_in().await),
        (0, 0),
        "nothing was written before the kill"
    );

    let server = place.start(&format!("{label}-again")).await;
    written(&place.database_url).await;
    assert_eq!(data.sessions().await, 1, "written once");
    server.stop().await;
}

async fn written(url: &str) {
    eventually("the session and the sign-in are written", || async {
        let mut data = Data::open(url).await;
        data.sessions().await == 1 && data.signed_in().await == 1
    })
    .await;
}

async fn by_password(server: Server) -> Server {
    let answer = server.login("ada@example.com").await;
    assert_eq!(answer.status(), 200);
    server
}

async fn a_login_survives(place: Place, label: &str) {
    let ended = place
        .run(&["user", "create", "--email", "ada@example.com", "--password-stdin"], support::PASSWORD)
        .await;
    assert_eq!(ended.code, Some(0), "{}", ended.told);
    survives(&place, label, by_password).await;
}

#[tokio::test]
async fn a_login_on_sqlite_survives_a_kill() {
    a_login_survives(Place::on_sqlite(), "kill-sqlite").await;
}

#[tokio::test]
async fn a_login_on_postgres_survives_a_kill() {
    let (_postgres, place) = postgres("kill").await;
    a_login_survives(place, "kill-postgres").await;
}

/// A provider with one account, `octo`.
async fn provider() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let app = App {
        client_id: "a-client".to_owned(),
        client_secret: "an-obviously-fake-secret".to_owned(),
        callback: Url::parse("http://portico.example/api/v1/auth/github/callback").unwrap(),
    };
    tokio::spawn(server::serve(listener, app));
    let emails =
        [json!({ "email": "octo@example.com", "primary": true, "verified": true, "visibility": null })];
    let account = json!({ "id": 7, "name": "Octo", "emails": emails });
    let url = format!("{address}/control/identities/octo");
    let put = support::client().put(url).body(account.to_string()).send().await.unwrap();
    assert!(put.status().is_success());
    address
}

/// Goes the browser's way: to the provider, back with a code, and through the callback.
async fn by_github(server: Server) -> Server {
    let begun = server.get("/api/v1/auth/github").await;
    assert_eq!(begun.status(), 302);
    let header = |answer: &reqwest::Response, name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    let cookie = header(&begun, "set-cookie").split(';').next().unwrap().to_owned();
    let mut to_provider = Url::parse(&header(&begun, "location")).unwrap();
    to_provider.query_pairs_mut().append_pair("login", "octo");
    let consented = server.http.get(to_provider).send().await.unwrap();
    let back = Url::parse(&header(&consented, "location")).unwrap();
    let callback = format!("{}{}?{}", server.address, back.path(), back.query().unwrap());
    let request = server.http.get(callback).header("accept", "application/json").header("cookie", cookie);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    server
}

#[tokio::test]
async fn a_sign_in_through_github_survives_a_kill() {
    let (_postgres, place) = postgres("kill_oauth").await;
    let github = provider().await;
    let place = place
        .with("PORTICO_GITHUB_CLIENT_ID", "a-client")
        .with("PORTICO_GITHUB_CLIENT_SECRET", "an-obviously-fake-secret")
        .with("PORTICO_GITHUB_AUTHORIZE_URL", &format!("{github}/login/oauth/authorize"))
        .with("PORTICO_GITHUB_TOKEN_URL", &format!("{github}/login/oauth/access_token"))
        .with("PORTICO_GITHUB_API_URL", &format!("{github}/api/v3"));
    survives(&place, "kill-oauth", by_github).await;
}

/// Uses a key many times, kills the server at once, and looks for the exact count after each of its next starts.
async fn uses_survive(place: Place, label: &str) {
    let mut server = place.start(label).await;
    let tokens = server.register("ada@example.com").await;
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let made = server
        .http
        .post(format!("{}/api/v1/api-keys", server.address))
        .header("authorization", &bearer)
        .header("content-type", "application/json")
        .body(json!({ "name": "deploy", "scopes": [] }).to_string());
    let made = support::read(made.send().await.unwrap()).await;
    let key = made["key"].as_str().unwrap();
    let usage = format!("/api/v1/api-keys/{}/usage", made["id"].as_str().unwrap());
    let mut used = 0;
    for round in 0..4_u64 {
        // Over a second in one of them, so that the kill falls into what was begun after a part was stored.
        for n in 0..40 {
            if round == 2 {
                tokio::time::sleep(std::time::Duration::from_millis(32)).await;
            }
            let me = server.http.get(format!("{}/api/v1/auth/me", server.address)).header("x-api-key", key);
            assert_eq!(me.send().await.unwrap().status(), 200, "use {n}");
            used += 1;
        }
        server.kill().await;
        server = place.start(&format!("{label}-{round}")).await;
        let shown = async || {
            let asked =
                server.http.get(format!("{}{usage}", server.address)).header("authorization", &bearer);
            support::read(asked.send().await.unwrap()).await["total"].as_u64().unwrap()
        };
        eventually("the uses are stored", || async { shown().await >= used }).await;
        assert_eq!(shown().await, used, "round {round}");
    }
    // Told to stop, it leaves nothing for a next start.
    let me = server.http.get(format!("{}/api/v1/auth/me", server.address)).header("x-api-key", key);
    assert_eq!(me.send().await.unwrap().status(), 200);
    server.stop().await;
    let files = std::fs::read_dir(place.data_dir().join("usage")).unwrap();
    let sizes = files.map(|entry| entry.unwrap()).filter(|entry| entry.file_name() != "lock");
    let counted = sizes.filter(|entry| entry.metadata().unwrap().len() > 64).count();
    assert_eq!(counted, 0, "files with uses in them");
}

#[tokio::test]
async fn every_use_of_a_key_survives_kills_on_sqlite() {
    uses_survive(Place::on_sqlite(), "kill-uses-sqlite").await;
}

#[tokio::test]
async fn every_use_of_a_key_survives_kills_on_postgres() {
    let (_postgres, place) = postgres("kill_uses").await;
    uses_survive(place, "kill-uses-postgres").await;
}
