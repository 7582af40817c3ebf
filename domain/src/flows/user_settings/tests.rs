use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::{
    flows::{
        models::UserModels,
        testing::{NOW, claims, clock, idle_cache, user},
    },
    models::{
        ModelId, ProviderApiKey, ProviderName, ProviderSetting, Sealed, Secret, StoredProviderKey,
        UserSettings,
    },
    ports::{
        KeyStored, MockBackground, MockProviderKeys, MockSealer, MockUserSettingsStore, OpenRefused,
        ProvidersSwitched,
    },
};

fn writes() -> UserWrites {
    UserWrites {
        user_models: UserModels { cache: idle_cache() },
        background: Arc::new(MockBackground::new()),
    }
}

fn name(text: &str) -> ProviderName {
    ProviderName::parse(text).unwrap()
}

fn key() -> ProviderApiKey {
    ProviderApiKey::parse("sk-obviously-fake").unwrap()
}

fn away() -> Unavailable {
    Unavailable::new("storage", "away")
}

/// Seals by writing the binding before the secret.
fn sealer() -> Arc<MockSealer> {
    let mut sealer = MockSealer::new();
    sealer.expect_seal().returning(|secret, binding| {
        let bytes = [binding, b"|", secret.expose().as_bytes()].concat();
        Ok(Sealed { key_id: "k1".to_owned(), bytes })
    });
    sealer.expect_open().returning(|sealed, binding| {
        let opened = sealed.bytes.strip_prefix(binding).and_then(|rest| rest.strip_prefix(b"|"));
        let text = opened.and_then(|text| std::str::from_utf8(text).ok()).ok_or(OpenRefused::Tampered)?;
        Ok(Secret::new(text))
    });
    Arc::new(sealer)
}

fn sealed_for(owner: crate::models::UserId, provider: &str) -> StoredProviderKey {
    let bytes =
        [&StoredProviderKey::binding(owner, &name(provider)), b"|sk-obviously-fake".as_slice()].concat();
    StoredProviderKey {
        user_id: owner,
        provider: name(provider),
        enabled: true,
        sealed: Sealed { key_id: "k1".to_owned(), bytes },
    }
}

#[tokio::test]
async fn who_never_set_anything_has_no_preferences_and_no_restriction() {
    let mut store = MockUserSettingsStore::new();
    store.expect_of().returning(|_| Ok(None));
    let shown = ShowUserSettings { settings: Arc::new(store) }.run(&claims()).await.unwrap();
    assert_eq!(serde_json::to_value(shown).unwrap(), json!({"preferences": {}, "enabled_models": null}));
}

#[tokio::test]
async fn what_is_set_is_the_callers_own_and_given_back() {
    let wanted = UserSettings {
        preferences: json!({"theme": "dark"}).as_object().unwrap().clone(),
        enabled_models: Some(vec![ModelId::parse("gpt-5").unwrap()]),
    };
    let mut store = MockUserSettingsStore::new();
    let expected = wanted.clone();
    store
        .expect_replace()
        .withf(move |user, settings, at| *user == claims().user_id && *settings == expected && *at == NOW)
        .times(1)
        .returning(|_, _, _| Ok(true));
    let flow = ReplaceUserSettings { clock: clock(), settings: Arc::new(store), writes: writes() };
    assert_eq!(flow.run(&claims(), wanted.clone()).await, Ok(wanted));
}

#[tokio::test]
async fn a_token_that_outlived_its_account_sets_nothing() {
    let mut store = MockUserSettingsStore::new();
    store.expect_replace().returning(|_, _, _| Ok(false));
    let flow = ReplaceUserSettings { clock: clock(), settings: Arc::new(store), writes: writes() };
    assert_eq!(flow.run(&claims(), UserSettings::default()).await, Err(UserSettingsError::Gone));
}

#[tokio::test]
async fn a_key_reaches_storage_encrypted_and_bound_to_its_owner_and_provider() {
    let mut keys = MockProviderKeys::new();
    keys.expect_store()
        .withf(|user, provider, sealed, last4, at| {
            *user == claims().user_id
                && provider.as_str() == "openai"
                && sealed.bytes.starts_with(&StoredProviderKey::binding(*user, provider))
                && last4 == "fake"
                && *at == NOW
        })
        .times(1)
        .returning(|_, _, _, _, _| Ok(KeyStored::Stored));
    let flow = StoreProviderKey { clock: clock(), sealer: sealer(), keys: Arc::new(keys), writes: writes() };
    assert_eq!(flow.run(&claims(), name("openai"), &key()).await, Ok(()));
}

#[tokio::test]
async fn why_a_key_was_not_stored_is_told_apart() {
    for (outcome, expected) in [
        (Ok(KeyStored::UnknownProvider), StoreKeyError::UnknownProvider),
        (Ok(KeyStored::Gone), StoreKeyError::Gone),
        (Err(away()), StoreKeyError::Unavailable(away())),
    ] {
        let mut keys = MockProviderKeys::new();
        keys.expect_store().return_once(|_, _, _, _, _| outcome);
        let flow =
            StoreProviderKey { clock: clock(), sealer: sealer(), keys: Arc::new(keys), writes: writes() };
        assert_eq!(flow.run(&claims(), name("openai"), &key()).await, Err(expected));
    }
}

#[tokio::test]
async fn without_an_encryption_key_nothing_is_written() {
    let mut sealer = MockSealer::new();
    let none = || Unavailable::new("encryption key", "none is set");
    sealer.expect_seal().returning(move |_, _| Err(none()));
    let flow = StoreProviderKey {
        clock: clock(),
        sealer: Arc::new(sealer),
        keys: Arc::new(MockProviderKeys::new()),
        writes: writes(),
    };
    let refused = flow.run(&claims(), name("openai"), &key()).await;
    assert_eq!(refused, Err(StoreKeyError::Unavailable(none())));
}

fn switching(keys: MockProviderKeys) -> SwitchProviders {
    SwitchProviders { clock: clock(), keys: Arc::new(keys), writes: writes() }
}

fn fields(refused: SwitchRefused) -> Vec<String> {
    let SwitchRefused::Invalid(faults) = refused else { panic!("{refused:?}") };
    faults.into_iter().map(|fault| fault.field).collect()
}

#[tokio::test]
async fn a_provider_named_twice_is_refused_without_a_query() {
    let wanted = vec![(name("a"), true), (name("b"), true), (name("a"), false), (name("a"), true)];
    let refused = switching(MockProviderKeys::new()).run(&claims(), wanted).await.unwrap_err();
    assert_eq!(fields(refused), ["providers[2].provider", "providers[3].provider"]);
}

#[tokio::test]
async fn every_unknown_provider_is_named_by_its_place() {
    let mut keys = MockProviderKeys::new();
    keys.expect_switch().returning(|_, _, _| Ok(ProvidersSwitched::Unknown(vec![name("c"), name("a")])));
    let wanted = vec![(name("a"), true), (name("b"), true), (name("c"), false)];
    let refused = switching(keys).run(&claims(), wanted).await.unwrap_err();
    assert_eq!(fields(refused), ["providers[0].provider", "providers[2].provider"]);
}

#[tokio::test]
async fn switches_are_the_callers_own_and_all_providers_are_given_back() {
    let list = vec![ProviderSetting { provider: name("a"), enabled: false, last4: None, updated_at: NOW }];
    let mut keys = MockProviderKeys::new();
    let given = list.clone();
    keys.expect_switch()
        .withf(|user, switches, at| {
            *user == claims().user_id && *switches == [(name("a"), false)] && *at == NOW
        })
        .times(1)
        .return_once(|_, _, _| Ok(ProvidersSwitched::Done(given)));
    assert_eq!(switching(keys).run(&claims(), vec![(name("a"), false)]).await, Ok(list));
}

fn opening(found: Option<StoredProviderKey>) -> OpenProviderKey {
    let mut keys = MockProviderKeys::new();
    keys.expect_find().return_once(|_, _| Ok(found));
    OpenProviderKey { keys: Arc::new(keys), sealer: sealer() }
}

#[tokio::test]
async fn a_stored_key_is_read_back() {
    let opened = opening(Some(sealed_for(user().id, "openai"))).run(user().id, &name("openai")).await;
    assert_eq!(opened.unwrap().expose(), "sk-obviously-fake");
}

#[tokio::test]
async fn a_ciphertext_of_another_person_or_provider_does_not_open() {
    let other = crate::models::UserId::generate(NOW, [9; 10]);
    for foreign in [sealed_for(other, "openai"), sealed_for(user().id, "mistral")] {
        // As if the row had been moved: all it says of itself is what was asked for.
        let moved = StoredProviderKey { user_id: user().id, provider: name("openai"), ..foreign };
        let refused = opening(Some(moved)).run(user().id, &name("openai")).await;
        assert_eq!(refused, Err(OpenKeyError::Refused(OpenRefused::Tampered)));
    }
}

#[tokio::test]
async fn what_is_not_stored_or_switched_off_gives_no_key() {
    let refused = opening(None).run(user().id, &name("openai")).await;
    assert_eq!(refused, Err(OpenKeyError::NotStored));
    let off = StoredProviderKey { enabled: false, ..sealed_for(user().id, "openai") };
    assert_eq!(opening(Some(off)).run(user().id, &name("openai")).await, Err(OpenKeyError::SwitchedOff));
}
