//! The catalogue of models from the command line to the answers: imported, exported, kept, and what answers while the database is away.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use std::fmt::Write;

use portico_tests::harness::postgres::Postgres;
use serde_json::Value;
use support::{Place, Server, read};

fn lines(models: usize) -> String {
    let mut lines = String::new();
    for n in 0..models {
        writeln!(
            lines,
            r#"{{"id":"model-{n}","provider":"acme","name":"Model {n}","context_window":1000,"input_cents_per_mtok":1,"output_cents_per_mtok":2,"capabilities":["chat"],"enabled":true,"hosted":false,"released_at":"2024-01-{:02}T00:00:00Z"}}"#,
            1 + n % 28
        )
        .unwrap();
    }
    lines
}

async fn import(place: &Place, arguments: &[&str], input: &str) -> support::Ended {
    place.run(&[&["models", "import"], arguments].concat(), input).await
}

async fn token(server: &Server) -> String {
    server.register("ada@example.com").await["access_token"].as_str().unwrap().to_owned()
}

async fn get(server: &Server, path: &str, token: &str) -> reqwest::Response {
    server.http.get(format!("{}{path}", server.address)).bearer_auth(token).send().await.unwrap()
}

async fn first_id(server: &Server, token: &str) -> Value {
    read(get(server, "/api/v1/models?order=asc&limit=1", token).await).await["data"][0]["id"].clone()
}

#[tokio::test]
async fn an_import_replaces_all_stays_and_is_exported_as_it_was() {
    let place = Place::on_sqlite();
    let file = place.home().join("models.ndjson");
    std::fs::write(&file, lines(2_500)).unwrap();
    let file = file.to_str().unwrap();
    let tried = import(&place, &["--dry-run", file], "").await;
    assert_eq!((tried.code, tried.said.contains("nothing was written")), (Some(0), true), "{}", tried.told);
    let done = import(&place, &[file], "").await;
    assert_eq!(done.code, Some(0), "{}", done.told);
    assert!(
        done.said.contains("holds 2500 models of 1 provider now") && done.said.contains("within 6 minutes"),
        "{}",
        done.said
    );
    assert!(done.told.contains("2500 of 2500"), "{}", done.told);
    let again = import(&place, &["-"], &lines(2_500)).await;
    assert!(again.said.contains("holds these very models already"), "{}", again.said);
    place.migrate().await;
    let exported = place.run(&["models", "export"], "").await;
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    assert_eq!(sorted(&exported.said), sorted(&lines(2_500)), "a migration leaves an import alone");
    let back = import(&place, &["--built-in"], "").await;
    assert!(back.code == Some(0) && !back.said.contains("2500"), "{}", back.said);
    assert!(place.run(&["models", "export"], "").await.said.contains("gpt-4o"));
}

#[tokio::test]
async fn a_faulty_file_is_told_line_by_line_and_changes_nothing() {
    let place = Place::on_sqlite();
    let mut text = lines(3);
    text.push_str("{\"id\":\"x\",\"price\":1}\n{broken\n");
    let refused = import(&place, &["-"], &text).await;
    assert_eq!(refused.code, Some(2));
    for told in
        ["line 4 (x): provider is missing", "line 4 (x): price is not a member", "line 5: is not JSON"]
    {
        assert!(refused.told.contains(told), "{}", refused.told);
    }
    assert!(place.run(&["models", "export"], "").await.said.contains("gpt-4o"));
    assert_eq!(import(&place, &[], "").await.code, Some(2), "a file has to be named");
    assert_eq!(import(&place, &["/nowhere.json"], "").await.code, Some(2));
}

#[tokio::test]
async fn a_file_of_the_configuration_is_the_built_in_catalogue_of_this_server() {
    let place = Place::on_sqlite();
    let file = place.home().join("models.json");
    std::fs::write(&file, lines(2)).unwrap();
    let place = place.with("PORTICO_MODELS_FILE", file.to_str().unwrap());
    let server = place.start("models-file").await;
    let access = token(&server).await;
    assert_eq!(first_id(&server, &access).await, "model-0");
    server.stop().await;
    std::fs::write(&file, lines(2).replace("model-", "other-")).unwrap();
    let server = place.start("models-file").await;
    assert_eq!(
        first_id(&server, &access).await,
        "other-0",
        "another file is another catalogue at the next start"
    );
    server.stop().await;
    std::fs::write(&file, "[]").unwrap();
    let refused = place.run(&["check-config"], "").await;
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.told.contains("PORTICO_MODELS_FILE") && refused.told.contains("no models"),
        "{}",
        refused.told
    );
}

#[tokio::test]
async fn while_the_database_is_away_the_built_in_models_answer_and_say_so() {
    let postgres = Postgres::with_settings(&[]).await.unwrap();
    let database = postgres.create_database("models").await.unwrap();
    let place = Place::on_postgres(&database);
    place.migrate().await;
    assert_eq!(import(&place, &["-"], &lines(3)).await.code, Some(0));
    let server = place.start("models-away").await;
    let access = token(&server).await;
    let page = get(&server, "/api/v1/models?limit=1", &access).await;
    assert!(!page.headers().contains_key("x-portico-degraded"));
    assert_eq!(read(page).await["data"][0]["id"].as_str().unwrap().split('-').next(), Some("model"));
    postgres.stop();
    for path in ["/api/v1/models/gpt-4o", "/api/v1/models?provider=openai", "/api/v1/user/models"] {
        let answer = get(&server, path, &access).await;
        assert_eq!(
            (answer.status().as_u16(), answer.headers()["x-portico-degraded"].to_str().unwrap()),
            (200, "models")
        );
        assert!(answer.text().await.unwrap().contains("gpt-4o"), "{path}");
    }
    let lines = server.http.get(format!("{}/api/v1/models", server.address)).bearer_auth(&access);
    let lines = lines.header("accept", "application/x-ndjson").send().await.unwrap();
    assert_eq!(lines.headers()["x-portico-degraded"], "models");
    assert!(lines.text().await.unwrap().lines().count() > 50);
    let cached = get(&server, "/api/v1/models?limit=1", &access).await;
    assert!(!cached.headers().contains_key("x-portico-degraded"), "what is cached goes before");
    let unknown = server.http.get(format!("{}/api/v1/models", server.address));
    let unknown =
        unknown.header("x-api-key", "pk_777777777777777777777777777777770TfKFy").send().await.unwrap();
    assert_eq!(unknown.status(), 503);
}
