//! What people set for themselves, their keys at providers, and what that changes about the models they may use.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use http::Method;
use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::api::{Api, Call};
use super::super::people::{Tokens, Visitor};
use super::super::{Case, Outcome, same};
use super::api_keys::{make, short, text, with_key};

const SETTINGS: &str = "/api/v1/user/settings";
const STORE: &str = "/api/v1/user/store-provider-api-key";
const PROVIDERS: &str = "/api/v1/user/providers";
const SYNC: &str = "/api/v1/user/sync-providers";
const USABLE: &str = "/api/v1/user/models";
const FAKE_KEY: &str = "sk-obviously-fake-key-of-nobody-1234";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("user settings: who never set any has no preferences and no restriction", untouched),
        Case::new("user settings: a PUT replaces the whole and is read back", replaced),
        Case::new("user settings: somebody else's are not touched", others),
        Case::new("user settings: read again unchanged they cost no body", validated),
        Case::new("user settings: preferences of 64 KiB are taken, larger ones refused", large),
        Case::new("user settings: people's routes take a token, and no key", people_only),
        Case::new("provider keys: a stored one is shown by its last characters, and nowhere whole", stored),
        Case::new("provider keys: a short one is never shown whole", short_key),
        Case::new("provider keys: another takes its place", stored_again),
        Case::new("provider keys: one at an unknown provider is refused, naming provider", unknown_provider),
        Case::new("provider keys: nobody sees another's", foreign),
        Case::new("provider keys: many stored at once leave one", at_once),
        Case::new("providers: switches are remembered, also without a key", switched),
        Case::new("providers: what a list doesn't name stays as it is", partial),
        Case::new("providers: one unknown turns none, and each is named by its place", unknown_providers),
        Case::new("providers: a list of a hundred is read, a longer one refused", long_list),
        Case::new("user models: a stored key shows its provider's at once", models_of_a_key),
        Case::new("user models: a switch hides and shows them at once", models_of_a_switch),
        Case::new("user models: enabled_models narrows them at once", models_of_settings),
    ];
    for (body, fields) in [
        (json!({"preferences": null}), &["preferences"][..]),
        (json!({"preferences": [1]}), &["preferences"]),
        (json!({"enabled_models": "gpt-4o"}), &["enabled_models"]),
        (
            json!({"enabled_models": ["gpt-4o", "", 7, "A B"]}),
            &["enabled_models[1]", "enabled_models[2]", "enabled_models[3]"],
        ),
        (json!({"enabled_models": vec!["m"; 1_001]}), &["enabled_models"]),
        (
            json!({"preferences": 1, "enabled_models": 1, "theme": 1}),
            &["preferences", "enabled_models", "theme"],
        ),
    ] {
        let told = format!("user settings: {} is refused, naming {}", short(&body), fields.join(", "));
        cases.push(Case::new(told, move |api| refused(api, Method::PUT, SETTINGS, body.clone(), fields)));
    }
    for (body, fields) in [
        (json!({}), &["provider", "api_key"][..]),
        (json!({"provider": "openai", "api_key": ""}), &["api_key"]),
        (json!({"provider": "openai", "api_key": "   "}), &["api_key"]),
        (json!({"provider": "openai", "api_key": "sk-fake\n"}), &["api_key"]),
        (json!({"provider": "openai", "api_key": "sk-\u{0}fake"}), &["api_key"]),
        (json!({"provider": "openai", "api_key": "x".repeat(4_097)}), &["api_key"]),
        (json!({"provider": "openai", "api_key": 7, "enabled": true}), &["api_key", "enabled"]),
        (json!({"provider": "Open AI", "api_key": "\u{7}"}), &["provider", "api_key"]),
    ] {
        let told =
            format!("provider keys: storing {} is refused, naming {}", short(&body), fields.join(", "));
        cases.push(Case::new(told, move |api| refused(api, Method::POST, STORE, body.clone(), fields)));
    }
    for (body, fields) in [
        (json!({}), &["providers"][..]),
        (json!({"providers": {"openai": true}}), &["providers"]),
        (json!({"providers": [{"provider": "openai"}]}), &["providers[0].enabled"]),
        (json!({"providers": ["openai", {"enabled": true}]}), &["providers[0]", "providers[1].provider"]),
        (
            json!({"providers": [{"provider": "openai", "enabled": true}, {"provider": "openai", "enabled": true}]}),
            &["providers[1].provider"],
        ),
        (
            json!({"providers": [{"provider": "openai", "enabled": 1, "api_key": "x"}]}),
            &["providers[0].enabled", "providers[0].api_key"],
        ),
    ] {
        let told = format!("providers: {} is refused, naming {}", short(&body), fields.join(", "));
        cases.push(Case::new(told, move |api| refused(api, Method::POST, SYNC, body.clone(), fields)));
    }
    cases
}

async fn refused(api: Api, method: Method, path: &str, body: Value, fields: &[&str]) -> Outcome {
    let token = &api.bystander().await?.tokens.access;
    let answer = api.call(method, path).bearer(token).json(&body).send().await?;
    ensure!(!answer.text().contains("fake"), "the answer repeats a key: {}", answer.text());
    answer.names_fields(fields)
}

async fn read(api: &Api, person: &Visitor, path: &str) -> anyhow::Result<Value> {
    api.get(path).bearer(&person.tokens.access).send().await?.is(200)?.json()
}

fn put(api: &Api, tokens: &Tokens, body: &Value) -> Call {
    api.call(Method::PUT, SETTINGS).bearer(&tokens.access).json(body)
}

async fn replace(api: &Api, person: &Visitor, body: Value) -> anyhow::Result<Value> {
    put(api, &person.tokens, &body).send().await?.is(200)?.json()
}

async fn store(api: &Api, person: &Visitor, provider: &str, key: &str) -> anyhow::Result<Answer> {
    let body = json!({"provider": provider, "api_key": key});
    let answer = api.post(STORE).bearer(&person.tokens.access).json(&body).send().await?;
    same("Cache-Control", answer.must_have("cache-control")?, "no-store")?;
    Ok(answer)
}

async fn sync(api: &Api, person: &Visitor, switches: &[(&str, bool)]) -> anyhow::Result<Answer> {
    let one = |(provider, enabled): &(&str, bool)| json!({"provider": provider, "enabled": enabled});
    let body = json!({"providers": switches.iter().map(one).collect::<Vec<_>>()});
    api.post(SYNC).bearer(&person.tokens.access).json(&body).send().await
}

/// Providers with what is said of each: switch and last characters.
fn told(list: &Value) -> anyhow::Result<Vec<(String, bool, Option<String>)>> {
    let rows = list["data"].as_array().context("`data` is a list")?;
    let row = |row: &Value| {
        let members: BTreeSet<&str> =
            row.as_object().context("an object")?.keys().map(String::as_str).collect();
        same("members", members, BTreeSet::from(["enabled", "last4", "provider", "updated_at"]))?;
        ensure!(row["updated_at"].as_str().is_some_and(|time| time.ends_with('Z')), "{row}");
        let last4 = row["last4"].as_str().map(str::to_owned);
        Ok((text(row, "provider")?.to_owned(), row["enabled"].as_bool().context("a switch")?, last4))
    };
    rows.iter().map(row).collect()
}

fn told_as(provider: &str, enabled: bool, last4: Option<&str>) -> (String, bool, Option<String>) {
    (provider.to_owned(), enabled, last4.map(str::to_owned))
}

async fn untouched(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    same(
        "settings",
        read(&api, &person, SETTINGS).await?,
        json!({"preferences": {}, "enabled_models": null}),
    )?;
    same("providers", read(&api, &person, PROVIDERS).await?, json!({"data": []}))
}

async fn replaced(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let first = json!({
        "preferences": {"theme": "dark", "O'Hara \"\\": [1, -2.5, null, {"\u{0}": "\u{1f600}"}]},
        "enabled_models": ["gpt-4o", "claude-3-haiku-20240307"],
    });
    same("the answer", replace(&api, &person, first.clone()).await?, first.clone())?;
    same("read back", read(&api, &person, SETTINGS).await?, first)?;
    let none = json!({"preferences": {}, "enabled_models": []});
    same("no models", replace(&api, &person, json!({"enabled_models": []})).await?, none.clone())?;
    same("read back", read(&api, &person, SETTINGS).await?, none)?;
    let empty = json!({"preferences": {}, "enabled_models": null});
    same("the answer to nothing", replace(&api, &person, json!({})).await?, empty.clone())?;
    same("read back", read(&api, &person, SETTINGS).await?, empty)
}

async fn others(api: Api) -> Outcome {
    let (one, other) = (Visitor::arrive(&api).await?, Visitor::arrive(&api).await?);
    replace(&api, &one, json!({"preferences": {"mine": true}})).await?;
    same("another's", &read(&api, &other, SETTINGS).await?["preferences"], &json!({}))?;
    replace(&api, &other, json!({"preferences": {"theirs": true}})).await?;
    same("one's own", &read(&api, &one, SETTINGS).await?["preferences"], &json!({"mine": true}))
}

async fn validated(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    for path in [SETTINGS, PROVIDERS] {
        let answer = api.get(path).bearer(&person.tokens.access).send().await?.is(200)?;
        ensure!(answer.must_have("cache-control")?.contains("private"), "{path} is the caller's own");
        let tag = answer.must_have("etag")?.to_owned();
        api.get(path).bearer(&person.tokens.access).header("if-none-match", &tag).send().await?.is(304)?;
    }
    Ok(())
}

async fn large(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    // `{"x":"…"}` is eight bytes and what is in between.
    let sized = |bytes: usize| json!({"preferences": {"x": "y".repeat(bytes - 8)}});
    replace(&api, &person, sized(64 << 10)).await?;
    put(&api, &person.tokens, &sized((64 << 10) + 1)).send().await?.names_fields(&["preferences"])?;
    let deep = (0..100).fold(json!(1), |value, _| json!([value]));
    put(&api, &person.tokens, &json!({"preferences": {"x": deep}}))
        .send()
        .await?
        .names_fields(&["preferences"])
}

async fn people_only(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let made = make(&api, &person.tokens, json!({"name": "k", "scopes": ["*"]})).await?;
    for (method, path) in [
        (Method::GET, SETTINGS),
        (Method::PUT, SETTINGS),
        (Method::POST, STORE),
        (Method::GET, PROVIDERS),
        (Method::POST, SYNC),
    ] {
        let call = || api.call(method.clone(), path).header("content-type", "application/json").bytes("{");
        call().send().await?.is_problem(401, "unauthenticated")?;
        with_key(call(), text(&made, "key")?).send().await?.is_problem(401, "unauthenticated")?;
    }
    Ok(())
}

async fn stored(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let answer = store(&api, &person, "openai", FAKE_KEY).await?.is(204)?;
    let statements = answer.timing()?.statements;
    ensure!(statements <= 2, "{statements} statements");
    let list = read(&api, &person, PROVIDERS).await?;
    same("providers", told(&list)?, vec![told_as("openai", true, Some("1234"))])?;
    for path in [PROVIDERS, SETTINGS, USABLE] {
        let shown = read(&api, &person, path).await?.to_string();
        ensure!(!shown.contains("obviously-fake"), "{path} shows the key");
    }
    Ok(())
}

async fn short_key(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    for key in ["x", "abcd", "abcdefgh"] {
        store(&api, &person, "openai", key).await?.is(204)?;
        let list = read(&api, &person, PROVIDERS).await?;
        let last4 = text(&list["data"][0], "last4")?;
        ensure!(last4.len() * 2 <= key.len() && key.ends_with(last4), "{last4} of {key}");
    }
    Ok(())
}

async fn stored_again(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    store(&api, &person, "mistral", FAKE_KEY).await?.is(204)?;
    store(&api, &person, "mistral", "  another-obviously-fake-key-5678 ").await?.is(204)?;
    same(
        "providers",
        told(&read(&api, &person, PROVIDERS).await?)?,
        vec![told_as("mistral", true, Some("5678"))],
    )
}

async fn unknown_provider(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    for provider in ["nobody-has-heard-of-it", "'; DROP TABLE models", "", &"x".repeat(300)] {
        store(&api, &person, provider, FAKE_KEY).await?.names_fields(&["provider"])?;
    }
    same("providers", read(&api, &person, PROVIDERS).await?, json!({"data": []}))
}

async fn foreign(api: Api) -> Outcome {
    let (owner, other) = (Visitor::arrive(&api).await?, Visitor::arrive(&api).await?);
    store(&api, &owner, "openai", FAKE_KEY).await?.is(204)?;
    same("another's providers", read(&api, &other, PROVIDERS).await?, json!({"data": []}))?;
    sync(&api, &other, &[("openai", false)]).await?.is(200)?;
    same(
        "the owner's",
        told(&read(&api, &owner, PROVIDERS).await?)?,
        vec![told_as("openai", true, Some("1234"))],
    )
}

async fn at_once(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let keys: Vec<String> = (10..30).map(|n| format!("obviously-fake-key-00{n}")).collect();
    let stores = keys.iter().map(|key| store(&api, &person, "openai", key));
    for answer in futures_util::future::join_all(stores).await {
        answer?.is(204)?;
    }
    let list = told(&read(&api, &person, PROVIDERS).await?)?;
    same("providers", list.len(), 1)?;
    let last4 = list[0].2.clone().context("a key is stored")?;
    ensure!(keys.iter().any(|key| key.ends_with(&last4)), "{last4}");
    Ok(())
}

async fn switched(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    store(&api, &person, "openai", FAKE_KEY).await?.is(204)?;
    let answer =
        sync(&api, &person, &[("openai", false), ("cohere", false), ("mistral", true)]).await?.is(200)?;
    let expected = vec![
        told_as("cohere", false, None),
        told_as("mistral", true, None),
        told_as("openai", false, Some("1234")),
    ];
    same("the answer", told(&answer.json()?)?, expected.clone())?;
    same("read back", told(&read(&api, &person, PROVIDERS).await?)?, expected)?;
    // A key that is stored later finds the switch as it was left.
    store(&api, &person, "cohere", FAKE_KEY).await?.is(204)?;
    let list = told(&read(&api, &person, PROVIDERS).await?)?;
    same("the first", &list[0], &told_as("cohere", false, Some("1234")))
}

async fn partial(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    store(&api, &person, "openai", FAKE_KEY).await?.is(204)?;
    let before = read(&api, &person, PROVIDERS).await?;
    same("nothing named", sync(&api, &person, &[]).await?.is(200)?.json()?, before.clone())?;
    let after = sync(&api, &person, &[("mistral", true)]).await?.is(200)?.json()?;
    same("the one that was there", &after["data"][1], &before["data"][0])
}

async fn unknown_providers(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let refused =
        sync(&api, &person, &[("openai", true), ("no-such-one", true), ("nor-such", false)]).await?;
    refused.names_fields(&["providers[1].provider", "providers[2].provider"])?;
    same("providers", read(&api, &person, PROVIDERS).await?, json!({"data": []}))
}

async fn long_list(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let names: Vec<String> = (0..101).map(|n| format!("no-such-{n}")).collect();
    let switches: Vec<(&str, bool)> = names.iter().map(|name| (name.as_str(), true)).collect();
    let fields: Vec<String> = (0..100).map(|n| format!("providers[{n}].provider")).collect();
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    sync(&api, &person, &switches[..100]).await?.names_fields(&fields)?;
    sync(&api, &person, &switches).await?.names_fields(&["providers"])
}

/// The providers of the models that somebody may use, and the models.
async fn usable(api: &Api, person: &Visitor) -> anyhow::Result<(BTreeSet<String>, BTreeSet<String>)> {
    let list = read(api, person, &format!("{USABLE}?limit=100")).await?;
    let rows = list["data"].as_array().context("`data` is a list")?;
    let member = |name: &str| rows.iter().map(|row| Ok(text(row, name)?.to_owned())).collect();
    let (providers, ids): (anyhow::Result<_>, anyhow::Result<_>) = (member("provider"), member("id"));
    Ok((providers?, ids?))
}

/// No model of theirs is hosted, so it takes a key.
const KEYED: &str = "perplexity";

async fn models_of_a_key(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    for _ in 0..2 {
        ensure!(!usable(&api, &person).await?.0.contains(KEYED), "without a key");
    }
    store(&api, &person, KEYED, FAKE_KEY).await?.is(204)?;
    ensure!(usable(&api, &person).await?.0.contains(KEYED), "with a key");
    let other = Visitor::arrive(&api).await?;
    ensure!(!usable(&api, &other).await?.0.contains(KEYED), "for somebody else");
    Ok(())
}

async fn models_of_a_switch(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    sync(&api, &person, &[(KEYED, true)]).await?.is(200)?;
    ensure!(!usable(&api, &person).await?.0.contains(KEYED), "a switch is no key");
    store(&api, &person, KEYED, FAKE_KEY).await?.is(204)?;
    for on in [false, true, false] {
        sync(&api, &person, &[(KEYED, on)]).await?.is(200)?;
        same("shown", usable(&api, &person).await?.0.contains(KEYED), on)?;
    }
    Ok(())
}

async fn models_of_settings(api: Api) -> Outcome {
    let person = Visitor::arrive(&api).await?;
    let all = usable(&api, &person).await?.1;
    let one = all.first().context("some are hosted")?.clone();
    replace(&api, &person, json!({"enabled_models": []})).await?;
    same("none", usable(&api, &person).await?.1.len(), 0)?;
    replace(&api, &person, json!({"enabled_models": [one, "no-such-model"]})).await?;
    same("one", usable(&api, &person).await?.1, BTreeSet::from([one]))?;
    replace(&api, &person, json!({})).await?;
    same("all", usable(&api, &person).await?.1, all)
}
