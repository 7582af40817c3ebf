//! Profiles of a server: the routes that give them, and the commands that fetch them.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use std::path::Path;

use portico_measuring::pprof::Profile;
use reqwest::{Response, StatusCode};
use serde_json::Value;
use support::{PASSWORD, Place, Server, read};

const ADMIN: &str = "admin@example.com";

async fn with_admin() -> (Place, Server, String) {
    let place = Place::on_sqlite().with("PORTICO_PPROF", "on").with("PORTICO_BCRYPT_COST", "10");
    let made = place
        .run(&["user", "create", "--admin", "--password-stdin", "--email", ADMIN], &format!("{PASSWORD}\n"))
        .await;
    assert_eq!(made.code, Some(0), "{}", made.told);
    let server = place.start("profiling").await;
    let token = read(server.login(ADMIN).await).await["access_token"].as_str().unwrap().to_owned();
    (place, server, token)
}

async fn ask(server: &Server, path: &str, token: &str) -> Response {
    server.http.get(format!("{}{path}", server.address)).bearer_auth(token).send().await.unwrap()
}

async fn profile(answer: Response) -> Profile {
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "application/octet-stream");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    Profile::decode(&answer.bytes().await.unwrap()).unwrap()
}

fn names(profile: &Profile, part: &str) -> bool {
    profile.stacks.iter().flat_map(|stack| &stack.frames).any(|name| name.contains(part))
}

#[tokio::test]
async fn there_are_no_profiles_unless_they_are_wanted() {
    let place = Place::on_sqlite();
    let server = place.start("no-profiling").await;
    for path in ["/debug/pprof", "/debug/pprof/profile?seconds=1", "/debug/pprof/heap"] {
        assert_eq!(server.get(path).await.status(), 404, "{path}");
    }
    server.stop().await;
    let wrong = place.with("PORTICO_PPROF", "yes").run(&["check-config"], "").await;
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.told.contains("PORTICO_PPROF") && wrong.told.contains("on or off"), "{}", wrong.told);
}

#[tokio::test]
async fn admins_see_where_time_and_memory_go_and_nobody_else() {
    let (_place, server, admin) = with_admin().await;
    let member = server.register("member@example.com").await["access_token"].as_str().unwrap().to_owned();
    for path in ["/debug/pprof", "/debug/pprof/profile?seconds=1", "/debug/pprof/heap"] {
        assert_eq!(server.get(path).await.status(), 401, "{path}");
        assert_eq!(ask(&server, path, &member).await.status(), 403, "{path}");
    }
    let index = ask(&server, "/debug/pprof", &admin).await.text().await.unwrap();
    assert!(index.contains("/debug/pprof/heap"), "{index}");
    for wrong in ["0", "61", "-1", "soon", ""] {
        let answer = ask(&server, &format!("/debug/pprof/profile?seconds={wrong}"), &admin).await;
        assert_eq!(answer.status(), 422, "{wrong}");
        assert_eq!(read(answer).await["errors"][0]["field"], "seconds");
    }

    // The first has begun when its head is there; then another one has to wait for its turn.
    let first = ask(&server, "/debug/pprof/profile?seconds=3", &admin).await;
    let second = ask(&server, "/debug/pprof/profile?seconds=1", &admin).await;
    assert_eq!(second.status(), 409);
    assert_eq!(read(second).await["code"], "conflict");
    let work = async {
        for _ in 0..6 {
            assert_eq!(server.login("member@example.com").await.status(), 200);
        }
    };
    let (cpu, ()) = tokio::join!(profile(first), work);
    assert_eq!(cpu.over_nanos, 3_000_000_000);
    assert_eq!(cpu.counted.last().unwrap().what, "cpu");
    assert!(names(&cpu, "portico_crypto::"), "{:?}", cpu.stacks);
    // Its turn is over.
    let again = profile(ask(&server, "/debug/pprof/profile?seconds=1", &admin).await).await;
    assert_eq!(again.over_nanos, 1_000_000_000);
    // Whoever goes away before the end gives the turn back.
    drop(ask(&server, "/debug/pprof/profile?seconds=60", &admin).await);
    support::eventually("the turn is free", || async {
        ask(&server, "/debug/pprof/profile?seconds=1", &admin).await.status() == 200
    })
    .await;

    let heap = profile(ask(&server, "/debug/pprof/heap", &admin).await).await;
    assert_eq!(heap.counted.last().unwrap().what, "inuse_space");
    assert!(heap.total() > 100_000, "{}", heap.total());
    assert!(names(&heap, "portico"), "{:?}", heap.stacks);
    assert!(!names(&heap, "_rjem_"), "{:?}", heap.stacks);
    server.stop().await;
}

fn decoded(path: &Path) -> Profile {
    Profile::decode(&std::fs::read(path).unwrap()).unwrap()
}

#[tokio::test]
async fn one_command_takes_a_cpu_profile_of_a_server_under_load() {
    let place = Place::on_sqlite();
    let output = place.home().join("deep/profile");
    let folder = output.to_str().unwrap();
    let arguments =
        ["profile", "cpu", "--seconds", "3", "--scenario", "login", "--rate", "4", "--output", folder];
    let ended = place.run(&arguments, "").await;
    assert_eq!(ended.code, Some(0), "{}{}", ended.said, ended.told);
    assert!(
        ended.said.contains("of CPU time in 3 s") && ended.told.contains("load: "),
        "{}{}",
        ended.said,
        ended.told
    );
    let profile = decoded(&output.join("cpu.pb.gz"));
    assert!(profile.total() > 0 && names(&profile, "portico_crypto"), "{:?}", profile.stacks);
    let svg = std::fs::read_to_string(output.join("flamegraph.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("portico_"), "{svg}");
}

#[tokio::test]
async fn one_command_tells_what_a_load_leaves_in_memory() {
    let place = Place::on_sqlite();
    let output = place.home().join("profile");
    let folder = output.to_str().unwrap();
    let arguments =
        ["profile", "heap", "--seconds", "2", "--scenario", "keys", "--rate", "100", "--output", folder];
    let ended = place.run(&arguments, "").await;
    assert_eq!(ended.code, Some(0), "{}{}", ended.said, ended.told);
    assert!(ended.said.contains("in use: ") && ended.said.contains("own change"), "{}", ended.said);
    for file in ["heap-before.pb.gz", "heap-after.pb.gz"] {
        assert!(names(&decoded(&output.join(file)), "portico"), "{file}");
    }
    assert!(std::fs::read_to_string(output.join("heap-growth.svg")).unwrap().starts_with("<svg"));
}

#[tokio::test]
async fn a_running_server_is_profiled_and_its_refusals_are_explained() {
    let (place, server, admin) = with_admin().await;
    let member = server.register("member@example.com").await["access_token"].as_str().unwrap().to_owned();
    let url = server.address.clone();
    let token = place.home().join("token");
    let output = place.home().join("profile");
    let (token_file, folder) = (token.to_str().unwrap().to_owned(), output.to_str().unwrap().to_owned());
    let arguments =
        ["profile", "cpu", "--url", &url, "--token-file", &token_file, "--seconds", "1", "--output", &folder];
    std::fs::write(&token, format!("{admin}\n")).unwrap();
    let ended = place.run(&arguments, "").await;
    assert_eq!(ended.code, Some(0), "{}{}", ended.said, ended.told);
    assert_eq!(decoded(&output.join("cpu.pb.gz")).over_nanos, 1_000_000_000);

    for (held, told) in [(member.as_str(), "403"), ("not-a-token", "401"), (" \n", "holds no access token")] {
        std::fs::write(&token, held).unwrap();
        let ended = place.run(&arguments, "").await;
        assert_eq!(ended.code, Some(1), "{}{}", ended.said, ended.told);
        assert!(ended.told.contains(told), "{told} in {}", ended.told);
    }
    server.stop().await;
    std::fs::write(&token, &admin).unwrap();
    let gone = place.run(&arguments, "").await;
    assert_eq!(gone.code, Some(1));
    assert!(gone.told.contains("can't be asked"), "{}", gone.told);

    let plain = Place::on_sqlite();
    let server = plain.start("no-profiling").await;
    let arguments =
        ["profile", "heap", "--url", &server.address, "--token-file", &token_file, "--output", &folder];
    let ended = plain.run(&arguments, "").await;
    assert_eq!(ended.code, Some(1));
    assert!(ended.told.contains("404") || ended.told.contains("401"), "{}", ended.told);
    server.stop().await;
}

#[tokio::test]
async fn what_makes_no_sense_is_told_before_anything_is_measured() {
    let place = Place::on_sqlite();
    let file = place.home().join("file");
    std::fs::write(&file, "").unwrap();
    let under_a_file = file.join("profile");
    let under_a_file = under_a_file.to_str().unwrap();
    for (arguments, code, told) in [
        (&["profile", "cpu", "--seconds", "61"][..], 2, "60 seconds at most"),
        (&["profile", "cpu", "--seconds", "0"], 2, "--seconds"),
        (&["profile", "cpu", "--scenario", "everything"], 2, "is not one of health"),
        (&["profile", "cpu", "--rate", "0"], 2, "must be a number"),
        (&["profile", "cpu", "--url", "https://localhost"], 2, "http://"),
        (&["profile", "cpu", "--url", "http://localhost/x"], 2, "where a server listens"),
        (&["profile", "cpu", "--url", "http://127.0.0.1:1"], 2, "--token-env or --token-file"),
        (
            &["profile", "cpu", "--url", "http://127.0.0.1:1", "--scenario", "keys", "--token-env", "T"],
            2,
            "cannot be used with",
        ),
        (&["profile", "cpu", "--token-env", "T"], 2, "--url"),
        (&["profile", "cpu", "--url", "http://127.0.0.1:1", "--token-env", "NO_SUCH"], 1, "NO_SUCH"),
        (&["profile", "heap", "--output", under_a_file], 1, "can't be written"),
        (&["profile", "memory"], 2, "memory"),
        (&["profile", "--samples", "3", "cpu"], 2, "cpu"),
    ] {
        let ended = place.run(arguments, "").await;
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}{}", ended.said, ended.told);
        assert!(ended.told.contains(told), "{told} in {}", ended.told);
    }
}

#[tokio::test]
async fn a_baseline_is_measured_and_compared_both_ways() {
    let place = Place::on_sqlite();
    let (json, markdown) = (place.home().join("out/before.json"), place.home().join("out/before.md"));
    let (json, markdown) = (json.to_str().unwrap(), markdown.to_str().unwrap());
    let measured =
        place.run(&["baseline", "--seconds", "1", "--json", json, "--markdown", markdown], "").await;
    assert_eq!(measured.code, Some(0), "{}{}", measured.said, measured.told);
    let figures: Value = serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    assert_eq!(figures["kind"], "baseline");
    assert!(figures["first_start_ms"].as_f64().unwrap() > 0.0);
    assert!(figures["idle"]["resident_bytes"].as_u64().unwrap() > 1_000_000, "{figures}");
    let routes = figures["routes"].as_array().unwrap();
    let names: Vec<&str> = routes.iter().map(|route| route["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["health", "key check", "me, by token", "books", "chats", "sign-in"]);
    for route in routes {
        // Each is asked with good credentials. What a busy machine makes late is told as late, never as refused.
        let errors = route["errors"].as_object().unwrap();
        assert!(errors.keys().all(|kind| kind == "timed out" || kind == "status 503"), "{route}");
        assert!(route["latency"]["count"].as_u64().unwrap() > 0, "{route}");
    }
    assert!(routes[2]["statements"]["mean"].as_f64().unwrap() > 0.0, "{}", routes[2]);
    assert!(std::fs::read_to_string(markdown).unwrap().contains("| resident memory |"));

    // A machine that is busy with other tests must not decide: here all is allowed, and there nothing.
    let lenient = [
        "--threshold-p95",
        "1e6",
        "--threshold-memory",
        "1e6",
        "--threshold-startup",
        "1e6",
        "--threshold-idle-cpu",
        "1e6",
        "--threshold-statements",
        "100",
    ];
    let mut failing = figures.clone();
    for route in failing["routes"].as_array_mut().unwrap() {
        route["failed"] = 1_000_000.into();
    }
    std::fs::write(json, failing.to_string()).unwrap();
    let good = [&["baseline", "--seconds", "1", "--compare", json][..], &lenient].concat();
    let good = place.run(&good, "").await;
    assert_eq!(good.code, Some(0), "{}{}", good.said, good.told);
    assert!(good.said.contains("Compared") && !good.said.contains("BEYOND"), "{}", good.said);

    let mut small = figures.clone();
    small["idle"]["resident_bytes"] = 1.into();
    std::fs::write(json, small.to_string()).unwrap();
    let bad = place.run(&["baseline", "--seconds", "1", "--compare", json], "").await;
    assert_eq!(bad.code, Some(1), "{}{}", bad.said, bad.told);
    assert!(bad.said.contains("BEYOND") && bad.told.contains("memory at rest"), "{}{}", bad.said, bad.told);

    small["target"] = "worker".into();
    for (text, told) in [(small.to_string().as_str(), "of target worker"), ("{}", "is no baseline")] {
        std::fs::write(json, text).unwrap();
        let ended = place.run(&["baseline", "--compare", json], "").await;
        assert_eq!(ended.code, Some(2), "{}", ended.told);
        assert!(ended.told.contains(told), "{}", ended.told);
    }
}

#[tokio::test]
async fn of_a_running_server_is_told_what_can_be_known() {
    let place = Place::on_sqlite();
    let server = place.start("baseline").await;
    let json = place.home().join("figures.json");
    let pid = server.process.id().as_raw_pid().to_string();
    let arguments =
        ["baseline", "--url", &server.address, "--seconds", "1", "--json", json.to_str().unwrap()];
    let without = place.run(&arguments, "").await;
    assert_eq!(without.code, Some(0), "{}{}", without.said, without.told);
    assert!(
        without.said.contains("--pid names no process") && without.told.contains("stays there"),
        "{}{}",
        without.said,
        without.told
    );
    let figures: Value = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    assert!(figures["idle"].is_null() && figures["first_start_ms"].is_null(), "{figures}");
    let with = place.run(&[&arguments[..], &["--pid", &pid]].concat(), "").await;
    assert_eq!(with.code, Some(0), "{}{}", with.said, with.told);
    let figures: Value = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    assert!(figures["idle"]["threads"].as_u64().unwrap() > 1, "{figures}");
    server.stop().await;

    for (arguments, code, told) in [
        (&["baseline", "--url", "http://127.0.0.1:1"][..], 1, "can't be asked"),
        (&["baseline", "--pid", "1"], 2, "--url"),
        (&["baseline", "--seconds", "0"], 2, "--seconds"),
        (&["baseline", "--database", "sqlite:x"], 2, "--database"),
        (&["baseline", "--threshold-p95", "10"], 2, "--compare"),
        (&["baseline", "--compare", "/nowhere/at/all.json"], 2, "can't be read"),
        (&["baseline", "--json", "/proc/nowhere.json"], 1, "can't be written"),
    ] {
        let ended = place.run(arguments, "").await;
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}{}", ended.said, ended.told);
        assert!(ended.told.contains(told), "{told} in {}", ended.told);
    }
}
