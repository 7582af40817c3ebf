//! What is typed and set is understood, or refused with its name.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use std::{fs, os::unix::fs::PermissionsExt};

use support::{Place, bare, data::Data, run};

const FAKE_SECRET: &str = "obviously-fake-secret-of-more-than-32-bytes";

#[tokio::test]
async fn every_fault_is_told_at_once_by_its_name() {
    let place = Place::on_sqlite()
        .with("PORTICO_LISTEN", "somewhere")
        .with("PORTICO_BCRYPT_COST", "99")
        .with("JWT_SECRET", "short-and-fake")
        .with("PORTICO_JWT_ED25519", "not-a-key")
        .with("PORTICO_LOG", "loud")
        .with("PORTICO_FLOW_PREWARM", "maybe")
        .with("PORTICO_LIMIT_LOGIN", "often")
        .with("PORTICO_LISTNE", "127.0.0.1:1")
        .with("PORTICO_GITHUB_CLIENT_ID", "alone");
    for command in [&["serve"][..], &["check-config"], &["migrate"], &["prewarm"]] {
        let ended = place.run(command, "").await;
        assert_eq!(ended.code, Some(2), "{command:?}");
        let named: Vec<_> = ended.told.lines().filter_map(|line| line.split(' ').nth(1)).collect();
        let expected = [
            "JWT_SECRET",
            "PORTICO_BCRYPT_COST",
            "PORTICO_FLOW_PREWARM",
            "PORTICO_GITHUB_CLIENT_SECRET",
            "PORTICO_JWT_ED25519",
            "PORTICO_LIMIT_LOGIN",
            "PORTICO_LISTEN",
            "PORTICO_LISTNE",
            "PORTICO_LOG",
        ];
        assert_eq!(named, expected, "{}", ended.told);
        assert!(
            !ended.told.contains("short-and-fake") && !ended.told.contains("not-a-key"),
            "{}",
            ended.told
        );
    }
    assert!(!place.data_dir().exists(), "a start that was refused leaves nothing");
}

#[tokio::test]
async fn the_file_says_the_same_and_the_environment_overrules_it() {
    let place = Place::on_sqlite();
    let file = place.home().join("portico.toml");
    fs::write(
        &file,
        format!(
            "signup = \"closed\"\nbcrypt_cost = 11\nflow_prewarm = false\njwt_secret = \"{FAKE_SECRET}\"\n"
        ),
    )
    .unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let shown = run(with(&place, &["check-config"], "PORTICO_SIGNUP", "open"), "").await;
    assert_eq!(shown.code, Some(0), "{}", shown.told);
    for line in [
        "PORTICO_SIGNUP=open  # environment",
        "PORTICO_FLOW_PREWARM=off  # portico.toml",
        "JWT_SECRET=[redacted]  # portico.toml",
    ] {
        assert!(shown.said.lines().any(|said| said == line), "{line} in {}", shown.said);
    }

    assert!(shown.said.contains("# portico.toml holds secrets and everybody can read it"), "{}", shown.said);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let shown = place.run(&["check-config"], "").await;
    assert!(!shown.said.contains("everybody"), "{}", shown.said);

    fs::write(&file, "signup = \"maybe\"\nlistne = 1\nlimits = [1]\n").unwrap();
    let refused = place.run(&["check-config"], "").await;
    assert_eq!(refused.code, Some(2));
    assert!(refused.told.contains("limits in portico.toml must be a text"), "{}", refused.told);
    fs::write(&file, "signup = \"maybe\"\nlistne = 1\n").unwrap();
    let refused = place.run(&["check-config"], "").await;
    assert!(refused.told.contains("signup in portico.toml must be open or closed"), "{}", refused.told);
    assert!(refused.told.contains("listne in portico.toml is not a setting"), "{}", refused.told);

    let elsewhere = place.home().join("elsewhere.toml");
    let missing = place.run(&["check-config", "--config", elsewhere.to_str().unwrap()], "").await;
    assert_eq!(missing.code, Some(2));
    assert!(missing.told.contains("elsewhere.toml"), "{}", missing.told);
    fs::write(&elsewhere, "signup = \"closed\"\n").unwrap();
    let named = place.run(&["--config", elsewhere.to_str().unwrap(), "check-config"], "").await;
    assert!(named.said.contains("PORTICO_SIGNUP=closed"), "{}{}", named.said, named.told);
}

fn with(place: &Place, arguments: &[&str], name: &str, value: &str) -> tokio::process::Command {
    let mut command = place.command(arguments);
    command.env(name, value);
    command
}

#[tokio::test]
async fn the_effective_configuration_shows_no_secret() {
    let mut place = Place::on_sqlite()
        .with("JWT_SECRET", FAKE_SECRET)
        .with("JWT_SECRET_PREVIOUS", "another-obviously-fake-secret-of-32-bytes")
        .with("PORTICO_JWT_ED25519", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
        .with("PORTICO_GITHUB_CLIENT_ID", "a-client")
        .with("PORTICO_GITHUB_CLIENT_SECRET", "fake-github-secret")
        .with("REDIS_URL", "redis://:fake-redis-password@localhost");
    place.database_url =
        "postgres://ada:fake-database-password@db.example/portico?password=fake-too".to_owned();
    let shown = place.run(&["check-config"], "").await;
    assert_eq!(shown.code, Some(0), "{}", shown.told);
    assert!(!shown.said.contains("fake") && !shown.said.contains("AAAA"), "{}", shown.said);
    assert!(
        shown.said.contains("DATABASE_URL=postgres://ada:[redacted]@db.example/portico"),
        "{}",
        shown.said
    );
    assert!(shown.said.contains("REDIS_URL=redis://:[redacted]@localhost"), "{}", shown.said);
}

#[tokio::test]
async fn a_redis_url_that_is_none_is_refused_without_being_quoted() {
    for url in
        ["fake-redis-password", "redis://:fake-redis-password@host/none", "http://host?p=fake-redis-password"]
    {
        let place = Place::on_sqlite().with("REDIS_URL", url);
        let ended = place.run(&["check-config"], "").await;
        assert_eq!(ended.code, Some(2));
        assert!(ended.told.contains("REDIS_URL ") && !ended.told.contains("fake"), "{}", ended.told);
    }
}

#[tokio::test]
async fn accounts_are_made_once_and_only_with_what_can_sign_in() {
    let place = Place::on_sqlite();
    let create = |email: &'static str, more: &'static [&'static str]| {
        let mut arguments = vec!["user", "create", "--email", email, "--password-stdin"];
        arguments.extend(more);
        arguments
    };
    let made = place
        .run(&create(" Ada@Example.com", &["--admin", "--name", "Ada"]), "a-fake-password\nignored\n")
        .await;
    assert_eq!(made.code, Some(0), "{}", made.told);
    assert_eq!(made.said.trim().len(), 36, "the id: {}", made.said);
    let taken = place.run(&create("ada@example.COM", &[]), "another-fake-password\n").await;
    assert_eq!(taken.code, Some(1));
    assert!(taken.told.contains("exists already"), "{}", taken.told);
    let both = place.run(&create("nobody", &["--name", " "]), "short\n").await;
    assert_eq!(both.code, Some(2));
    for told in ["--email must be", "--name must not be empty", "the password must be at least 10"] {
        assert!(both.told.contains(told), "{told} in {}", both.told);
    }
    for (password, why) in [("", "at least 10"), (&"x".repeat(73), "at most 72"), ("\n", "at least 10")] {
        let refused = place.run(&create("eve@example.com", &[]), password).await;
        assert_eq!(refused.code, Some(2));
        assert!(refused.told.contains(why), "{}", refused.told);
    }
    let long = place.run(&create("grace@example.com", &[]), &"x".repeat(72)).await;
    assert_eq!(long.code, Some(0), "72 bytes are in, with no line break after them: {}", long.told);

    let mut data = Data::open(&place.database_url).await;
    assert_eq!(data.number("SELECT count(*) FROM users").await, 2);
    assert_eq!(
        data.number(
            "SELECT count(*) FROM users WHERE role = 'admin' AND name = 'Ada' AND email_verified_at IS NULL"
        )
        .await,
        1
    );
    let server = place.start("users").await;
    let login = serde_json::json!({ "email": "ada@example.com", "password": "a-fake-password" });
    assert_eq!(server.post("/api/v1/auth/login", &login).await.status(), 200);
    server.stop().await;
}

#[tokio::test]
async fn usage_is_refused_with_2_and_help_is_not() {
    let home = tempfile::tempdir().unwrap();
    let typed = |arguments: &[&str]| {
        let mut command = bare(home.path());
        command.args(arguments);
        run(command, "")
    };
    for arguments in [
        &["sreve"][..],
        &["user", "create", "--email", "a@example.com"],
        &["serve", "--port", "1"],
        &["hash", "calibrate", "--target-ms", "0"],
    ] {
        assert_eq!(typed(arguments).await.code, Some(2), "{arguments:?}");
    }
    for arguments in [
        &["--help"][..],
        &["serve", "--help"],
        &["user", "create", "--help"],
        &["hash", "calibrate", "--help"],
        &["check-config", "--help"],
        &["--version"],
    ] {
        let ended = typed(arguments).await;
        assert_eq!((ended.code, ended.told.as_str()), (Some(0), ""), "{arguments:?}");
        assert!(!ended.said.is_empty());
    }
    let calibrated = typed(&["hash", "calibrate", "--target-ms", "1"]).await;
    assert_eq!(calibrated.code, Some(0));
    assert!(calibrated.said.ends_with("PORTICO_BCRYPT_COST=10\n"), "{}", calibrated.said);
}
