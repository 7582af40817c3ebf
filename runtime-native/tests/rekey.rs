//! Provider keys are encrypted under a key that is made, kept and changed without anything being lost, on both databases.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use std::{fs, os::unix::fs::PermissionsExt, process::Stdio, sync::Arc};

use portico_crypto::{SealingKeys, SystemEntropy, XChaChaSealer};
use portico_domain::{
    flows::user_settings::{OpenKeyError, OpenProviderKey},
    models::{
        Email, NewAccount, OrganizationId, ProviderName, Role, Secret, StoredProviderKey, Timestamp, UserId,
    },
    ports::{KeyStored, OpenRefused, Sealer},
};
use portico_in_process::SystemClock;
use portico_sql::{
    Repositories,
    postgres::{self, PostgresConfig},
    sqlite,
};
use serde_json::{Value, json};
use support::{Place, Server, data::Data, postgres as postgres_place};

const OLD: &str = "old:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
const NEW: &str = "new:ISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+P0A=";
const VARIABLE: &str = "PORTICO_ENCRYPTION_KEYS";
const PROVIDERS: [&str; 8] =
    ["openai", "anthropic", "google", "mistral", "cohere", "xai", "deepseek", "meta"];
const PEOPLE: u8 = 125;

fn sealer(keys: &str) -> Arc<dyn Sealer> {
    Arc::new(XChaChaSealer::new(SealingKeys::parse(keys).unwrap(), Arc::new(SystemEntropy)))
}

fn repositories(place: &Place) -> Repositories {
    let clock = Arc::new(SystemClock);
    if let Some(path) = place.database_url.strip_prefix("sqlite:") {
        return Repositories::new(sqlite::open(path).unwrap(), clock);
    }
    let config = PostgresConfig { max_connections: 2, ..PostgresConfig::new(&place.database_url) };
    Repositories::new(postgres::connect(&config).unwrap(), clock)
}

fn person(n: u8) -> UserId {
    UserId::generate(Timestamp::from_seconds(1_790_000_000), [n; 10])
}

fn provider(name: &str) -> ProviderName {
    ProviderName::parse(name).unwrap()
}

/// Makes people with a key at each provider, encrypted under the old key.
async fn fill(repositories: &Repositories) {
    let (sealer, at) = (sealer(OLD), Timestamp::from_seconds(1_790_000_000));
    for n in 1..=PEOPLE {
        let account = NewAccount {
            id: person(n),
            organization_id: OrganizationId::generate(at, [n; 10]),
            email: Email::parse(&format!("person-{n}@example.com")).unwrap(),
            email_verified: false,
            name: None,
            role: Role::Member,
            password_hash: None,
            created_at: at,
        };
        repositories.accounts.create(account).await.unwrap();
        for name in PROVIDERS {
            let binding = StoredProviderKey::binding(person(n), &provider(name));
            let sealed = sealer.seal(&first_key(n, name), &binding).unwrap();
            let stored =
                repositories.provider_keys.store(person(n), provider(name), sealed, "last".to_owned(), at);
            assert_eq!(stored.await, Ok(KeyStored::Stored));
        }
    }
}

fn first_key(n: u8, provider: &str) -> Secret {
    Secret::new(format!("sk-obviously-fake-{provider}-{n}"))
}

async fn under_new(data: &mut Data) -> i64 {
    data.number("SELECT count(*) FROM provider_keys WHERE key_id = 'new'").await
}

async fn store_key(server: &Server, token: &str, key: &str) {
    let answer = server
        .http
        .post(format!("{}/api/v1/user/store-provider-api-key", server.address))
        .bearer_auth(token)
        .header("content-type", "application/json")
        .body(json!({"provider": "openai", "api_key": key}).to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 204);
}

fn id_of(registered: &Value) -> UserId {
    UserId::parse(registered["user"]["id"].as_str().unwrap()).unwrap()
}

/// The encryption key is changed while a server serves: killed half-way, started again, with people storing keys meanwhile.
async fn a_key_is_changed_while_serving(place: Place, label: &str) {
    let old = place.with(VARIABLE, OLD);
    let server = old.start(label).await;
    let repositories = repositories(&old);
    fill(&repositories).await;
    let all = i64::from(PEOPLE) * i64::try_from(PROVIDERS.len()).unwrap();
    let registered = server.register("ada@example.com").await;
    let token = registered["access_token"].as_str().unwrap().to_owned();
    store_key(&server, &token, "sk-obviously-fake-before").await;

    let both = format!("{NEW},{OLD}");
    let rekey = || {
        let mut command = old.command(&["rekey"]);
        command.env(VARIABLE, &both);
        command
    };
    let mut data = Data::open(&old.database_url).await;
    let mut killed = rekey().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while under_new(&mut data).await == 0 {
        assert!(killed.try_wait().unwrap().is_none(), "it ended before it did anything");
    }
    killed.kill().await.unwrap();
    let done = under_new(&mut data).await;
    assert!((1..all).contains(&done), "killed half-way: {done} of {all}");

    // The server was not restarted: it still seals under the old key, and so this one stands in the way of the second run.
    store_key(&server, &token, "sk-obviously-fake-meanwhile").await;
    let running = tokio::spawn(support::run(rekey(), ""));
    for n in 0..20 {
        store_key(&server, &token, &format!("sk-obviously-fake-while-running-{n}")).await;
    }
    let ended = running.await.unwrap();
    assert_eq!(ended.code, Some(0), "{}{}", ended.said, ended.told);
    assert!(ended.said.contains("keys were put under new"), "{}", ended.said);
    for secret in ["sk-obviously-fake", NEW.split_once(':').unwrap().1, OLD.split_once(':').unwrap().1] {
        assert!(!ended.said.contains(secret) && !ended.told.contains(secret), "{}{}", ended.said, ended.told);
        assert!(!server.process.log().contains(secret), "the log tells a secret");
    }
    server.stop().await;

    // Every server was restarted with the new key first: what the old one stored last is put over, and the old key may go.
    let new = old.with(VARIABLE, &both);
    let last = new.run(&["rekey"], "").await;
    assert_eq!(last.code, Some(0), "{}{}", last.said, last.told);
    assert!(last.said.contains("no longer needed: old"), "{}", last.said);
    assert_eq!(under_new(&mut data).await, all + 1);
    let nothing = new.run(&["rekey"], "").await;
    assert!(nothing.said.starts_with("0 keys were put under new\n"), "{}", nothing.said);

    let open = OpenProviderKey { keys: Arc::clone(&repositories.provider_keys), sealer: sealer(NEW) };
    for n in 1..=PEOPLE {
        for name in PROVIDERS {
            assert_eq!(open.run(person(n), &provider(name)).await, Ok(first_key(n, name)));
        }
    }
    let ada = id_of(&registered);
    let opened = open.run(ada, &provider("openai")).await.unwrap();
    assert_eq!(opened.expose(), "sk-obviously-fake-while-running-19", "what its owner stored last");
    // Nobody's opens as somebody else's, nor as another provider's.
    let foreign = repositories.provider_keys.find(person(1), &provider("openai")).await.unwrap().unwrap();
    for (user, name) in [(person(2), "openai"), (person(1), "mistral")] {
        let binding = StoredProviderKey::binding(user, &provider(name));
        assert_eq!(sealer(NEW).open(&foreign.sealed, &binding), Err(OpenRefused::Tampered));
    }

    // A key that was taken out too early is told, and nothing is lost.
    let mut command = new.command(&["rekey"]);
    command.env(VARIABLE, OLD);
    let early = support::run(command, "").await;
    assert_eq!(early.code, Some(1), "{}{}", early.said, early.told);
    assert!(
        early.said.contains("which is not configured") && early.said.contains("still needed: new"),
        "{}",
        early.said
    );
    assert!(early.told.contains("1001 of the stored keys don't open"), "{}", early.told);
    let gone = OpenProviderKey { keys: Arc::clone(&repositories.provider_keys), sealer: sealer(OLD) };
    let refused = gone.run(ada, &provider("openai")).await;
    assert_eq!(refused, Err(OpenKeyError::Refused(OpenRefused::UnknownKey { key_id: "new".to_owned() })));
    assert_eq!(under_new(&mut data).await, all + 1);
}

#[tokio::test]
async fn a_key_is_changed_while_serving_on_sqlite() {
    a_key_is_changed_while_serving(Place::on_sqlite(), "rekey-sqlite").await;
}

#[tokio::test]
async fn a_key_is_changed_while_serving_on_postgres() {
    let (_postgres, place) = postgres_place("rekey").await;
    a_key_is_changed_while_serving(place, "rekey-postgres").await;
}

#[tokio::test]
async fn a_key_is_made_at_the_first_start_and_kept_for_its_owner_alone() {
    let place = Place::on_sqlite();
    let none = place.run(&["rekey"], "").await;
    assert_eq!(none.code, Some(2), "{}", none.told);
    assert!(!place.data_dir().join("encryption-keys").exists(), "a command that finds no key makes none");

    let server = place.start("encryption-first").await;
    let registered = server.register("ada@example.com").await;
    store_key(&server, registered["access_token"].as_str().unwrap(), "sk-obviously-fake").await;
    assert!(server.process.log().contains("a key for encrypting provider keys was made"));
    server.stop().await;
    let file = place.data_dir().join("encryption-keys");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let made = fs::read_to_string(&file).unwrap();
    let shown = place.run(&["check-config"], "").await;
    assert!(
        shown.said.contains("# PORTICO_ENCRYPTION_KEYS is not set: the keys in the data directory are used"),
        "{}",
        shown.said
    );

    // Who begins to set keys has lost nothing: what is kept beside the data opens still.
    let place = place.with(VARIABLE, NEW);
    let server = place.start("encryption-set").await;
    server.stop().await;
    assert_eq!(fs::read_to_string(&file).unwrap(), made);
    let rekeyed = place.run(&["rekey"], "").await;
    assert_eq!(rekeyed.code, Some(0), "{}{}", rekeyed.said, rekeyed.told);
    assert!(rekeyed.said.starts_with("1 keys were put under new\n"), "{}", rekeyed.said);
    let open = OpenProviderKey { keys: repositories(&place).provider_keys, sealer: sealer(NEW) };
    let opened = open.run(id_of(&registered), &provider("openai")).await.unwrap();
    assert_eq!(opened.expose(), "sk-obviously-fake");
}

#[tokio::test]
async fn keys_that_are_none_are_told_without_being_repeated() {
    for wrong in ["fake", "k1:fake", "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="] {
        let place = Place::on_sqlite().with(VARIABLE, wrong);
        let ended = place.run(&["check-config"], "").await;
        assert_eq!(ended.code, Some(2));
        assert!(ended.told.contains(VARIABLE), "{}", ended.told);
        assert!(!ended.told.contains("fake") && !ended.told.contains("AAAA"), "{}", ended.told);
    }
    let place = Place::on_sqlite().with(VARIABLE, NEW);
    let shown = place.run(&["check-config"], "").await;
    assert!(shown.said.contains("PORTICO_ENCRYPTION_KEYS=[redacted]"), "{}", shown.said);
    fs::create_dir(place.data_dir()).unwrap();
    let file = place.data_dir().join("encryption-keys");
    fs::write(&file, "new:QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let clash = place.run(&["rekey"], "").await;
    assert_eq!(clash.code, Some(1));
    assert!(clash.told.contains("the key new of PORTICO_ENCRYPTION_KEYS is another than"), "{}", clash.told);
}
