//! What `portico cache` says is done by servers that run.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use portico_tests::harness::redis::Redis;
use serde_json::{Value, json};
use support::{PASSWORD, Place, Server, eventually, postgres, read, run};

const ADMIN: &str = "admin@example.com";

async fn admin(place: &Place, server: &Server) -> String {
    let create = ["user", "create", "--email", ADMIN, "--password-stdin", "--admin"];
    assert_eq!(place.run(&create, &format!("{PASSWORD}\n")).await.code, Some(0));
    let answer = read(server.login(ADMIN).await).await;
    answer["access_token"].as_str().unwrap().to_owned()
}

async fn figures(server: &Server, token: &str) -> Value {
    let url = format!("{}/api/v1/admin/cache", server.address);
    read(server.http.get(url).bearer_auth(token).send().await.unwrap()).await
}

async fn key(server: &Server, token: &str) -> String {
    let url = format!("{}/api/v1/api-keys", server.address);
    let body = json!({ "name": "k", "scopes": [] }).to_string();
    let request =
        server.http.post(url).bearer_auth(token).header("content-type", "application/json").body(body);
    read(request.send().await.unwrap()).await["key"].as_str().unwrap().to_owned()
}

/// Checks a key, and says what the cache had to do with it.
async fn check(server: &Server, key: &str) -> String {
    let url = format!("{}/api/v1/auth/me", server.address);
    let answer = server.http.get(url).header("x-api-key", key).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let timing = answer.headers()["server-timing"].to_str().unwrap().to_owned();
    timing.rsplit("desc=\"").next().unwrap().trim_end_matches('"').to_owned()
}

#[tokio::test]
async fn an_experiment_is_started_shown_adopted_and_stopped_while_a_server_runs() {
    let (postgres, place) = postgres("experiment").await;
    let server = place.start("experiment").await;
    let token = admin(&place, &server).await;
    let running =
        async || figures(&server, &token).await["prefixes"]["api-key"]["running_experiment"].clone();
    let tiers = async || figures(&server, &token).await["prefixes"]["api-key"]["policy"]["tiers"].clone();

    let empty = place.run(&["cache", "experiment", "list"], "").await;
    assert_eq!(empty.code, Some(0), "{}", empty.told);
    assert!(empty.said.contains("There are no experiments"), "{}", empty.said);
    let start = ["cache", "experiment", "start", "--prefix", "api-key", "--name", "off or on"];
    let start = [&start[..], &["--arm", "off:tiers=off", "--arm", "on:lifetime=30"]].concat();
    let started = place.run(&start, "").await;
    assert_eq!(started.code, Some(0), "{}", started.told);
    let id = started.said.trim().to_owned();
    eventually("the server runs it", async || running().await == json!(id)).await;
    let second = place.run(&start, "").await;
    assert_eq!(second.code, Some(1));
    assert!(second.told.contains("another experiment of this prefix runs"), "{}", second.told);

    let mut keys = Vec::new();
    for _ in 0..12 {
        keys.push(key(&server, &token).await);
    }
    for key in &keys {
        check(&server, key).await;
        check(&server, key).await;
    }
    let show = async || {
        let shown = place.run(&["cache", "experiment", "show", &id, "--json"], "").await;
        serde_json::from_str::<Value>(&shown.said).unwrap()
    };
    let reads = |shown: &Value| {
        let arms = shown["report"]["arms"].as_array().unwrap().iter();
        arms.map(|arm| arm["reads"].as_u64().unwrap()).sum::<u64>()
    };
    eventually("the server has told what it saw", async || reads(&show().await) == 24).await;
    let table = place.run(&["cache", "experiment", "show", &id], "").await;
    for told in ["off or on (api-key), running", "tiers=off", "lifetime=30", "hit rate"] {
        assert!(table.said.contains(told), "{told} in {}", table.said);
    }

    let unknown = place.run(&["cache", "experiment", "adopt", &id, "none"], "").await;
    assert_eq!(unknown.code, Some(2), "{}", unknown.told);
    assert!(unknown.told.contains("off, on"), "{}", unknown.told);
    let adopted = place.run(&["cache", "experiment", "adopt", &id, "off"], "").await;
    assert_eq!((adopted.code, adopted.said.trim()), (Some(0), format!("{id} is adopted: off").as_str()));
    eventually("it is in force", async || tiers().await == json!("off")).await;
    assert_eq!(running().await, Value::Null);
    let token_of_next = {
        server.stop().await;
        let next = place.start("experiment-again").await;
        let token = read(next.login(ADMIN).await).await["access_token"].as_str().unwrap().to_owned();
        eventually("it is in force after a restart", async || {
            figures(&next, &token).await["prefixes"]["api-key"]["policy"]["tiers"] == json!("off")
        })
        .await;
        (next, token)
    };
    let (server, token) = token_of_next;
    let stopped = place.run(&["cache", "experiment", "stop", &id], "").await;
    assert_eq!((stopped.code, stopped.said.trim()), (Some(0), format!("{id} is stopped").as_str()));
    eventually("what is configured is in force", async || {
        figures(&server, &token).await["prefixes"]["api-key"]["policy"]["tiers"] == json!("both")
    })
    .await;
    let listed = place.run(&["cache", "experiment", "list", "--json"], "").await;
    let listed: Vec<Value> = listed.said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((listed.len(), &listed[0]["state"]), (1, &json!("stopped")));
    server.stop().await;
    postgres.stop();
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_2_and_what_does_not_succeed_with_1() {
    let place = Place::on_sqlite();
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    let start = ["cache", "experiment", "start", "--name", "n", "--prefix"];
    for (arguments, told) in [
        ([&start[..], &["session", "--arm", "a"]].concat(), "api-key, bot"),
        ([&start[..], &["books"]].concat(), "--arm"),
        ([&start[..], &["books", "--arm", "a"]].concat(), "arms must be 2 to 4 arms"),
        (
            [&start[..], &["books", "--arm", "a", "--arm", "b:tiers=disk"]].concat(),
            "off, memory, shared or both",
        ),
        ([&start[..], &["api-key", "--arm", "a", "--arm", "b:lifetime=61"]].concat(), "from 1 to 60"),
        (vec!["cache", "experiment", "show", "none"], "UUID"),
        (vec!["cache", "clear", "session"], "api-key, bot"),
    ] {
        let ended = place.run(&arguments, "").await;
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.told);
        assert!(ended.told.contains(told), "{told} in {}", ended.told);
    }
    for arguments in [
        &["cache", "experiment", "show", id][..],
        &["cache", "experiment", "stop", id],
        &["cache", "experiment", "adopt", id, "a"],
    ] {
        let ended = place.run(arguments, "").await;
        assert_eq!(ended.code, Some(1), "{arguments:?}");
        assert!(ended.told.contains("there is no such experiment"), "{}", ended.told);
    }
    let alone = place.run(&["cache", "clear", "api-key"], "").await;
    assert_eq!(alone.code, Some(1));
    assert!(alone.told.contains("REDIS_URL is not set") && alone.told.contains("DELETE /api/v1/admin/cache"));
    let away = place.with("REDIS_URL", "redis://127.0.0.1:1/");
    let away = run(away.command(&["cache", "clear", "*"]), "").await;
    assert_eq!(away.code, Some(1));
    assert!(away.told.contains("not known to be cleared"), "{}", away.told);
}

#[tokio::test]
async fn a_clearing_through_redis_reaches_servers_that_run() {
    let (postgres, place) = postgres("clear").await;
    let redis = Redis::start().await.unwrap();
    let place = place.with("REDIS_URL", redis.url().as_str());
    let server = place.start("clear").await;
    let token = admin(&place, &server).await;
    let key = key(&server, &token).await;
    eventually("it is cached", async || check(&server, &key).await == "hit").await;
    let cleared = place.run(&["cache", "clear", "api-key"], "").await;
    assert_eq!(cleared.code, Some(0), "{}", cleared.told);
    assert!(cleared.said.starts_with("api-key is cleared on every server"), "{}", cleared.said);
    eventually("it is loaded anew", async || {
        let figures = figures(&server, &token).await["prefixes"]["api-key"]["figures"].clone();
        check(&server, &key).await;
        figures["misses"].as_u64() >= Some(2)
    })
    .await;
    server.stop().await;
    postgres.stop();
}
