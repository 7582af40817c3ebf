use portico_domain::models::{ModelId, UserId, UserSettings};
use serde_json::json;

use crate::{
    Case, cases,
    world::{World, at, unique},
};

pub(crate) const CASES: &[Case<World>] = cases![
    who_never_set_anything_has_no_row,
    settings_are_read_as_they_were_set_and_replaced_whole,
    no_models_are_not_the_same_as_all_models,
    nobody_sets_anything_for_somebody_else,
    settings_of_nobody_are_not_stored,
];

fn settings(preferences: &serde_json::Value, models: Option<&[&str]>) -> UserSettings {
    UserSettings {
        preferences: preferences.as_object().unwrap().clone(),
        enabled_models: models.map(|models| models.iter().map(|id| ModelId::parse(id).unwrap()).collect()),
    }
}

async fn who_never_set_anything_has_no_row(world: World) {
    let user = world.person().await;
    assert_eq!(world.repositories.user_settings.of(user.id).await, Ok(None));
}

async fn settings_are_read_as_they_were_set_and_replaced_whole(world: World) {
    let user = world.person().await;
    let store = &world.repositories.user_settings;
    let odd = json!({"O'Hara": "\u{0}\u{1f600}\"\\", "n": [1, -2.5, null, {"deep": [true]}], "": ""});
    let first = settings(&odd, Some(&["gpt-5", "a.b_c:d-e"]));
    assert_eq!(store.replace(user.id, first.clone(), at(1)).await, Ok(true));
    assert_eq!(store.of(user.id).await, Ok(Some(first)));
    let second = settings(&json!({}), None);
    assert_eq!(store.replace(user.id, second.clone(), at(2)).await, Ok(true));
    assert_eq!(store.of(user.id).await, Ok(Some(second)));
}

async fn no_models_are_not_the_same_as_all_models(world: World) {
    let user = world.person().await;
    let store = &world.repositories.user_settings;
    for models in [Some(&[][..]), None] {
        store.replace(user.id, settings(&json!({}), models), at(1)).await.unwrap();
        let read = store.of(user.id).await.unwrap().unwrap();
        assert_eq!(read.enabled_models, models.map(|_| Vec::new()));
    }
}

async fn nobody_sets_anything_for_somebody_else(world: World) {
    let (one, other) = (world.person().await, world.person().await);
    let store = &world.repositories.user_settings;
    let set = settings(&json!({"theme": "dark"}), None);
    store.replace(one.id, set.clone(), at(1)).await.unwrap();
    assert_eq!(store.of(other.id).await, Ok(None));
    store.replace(other.id, settings(&json!({}), Some(&[])), at(2)).await.unwrap();
    assert_eq!(store.of(one.id).await, Ok(Some(set)));
}

async fn settings_of_nobody_are_not_stored(world: World) {
    let nobody = UserId::generate(at(0), unique());
    let store = &world.repositories.user_settings;
    assert_eq!(store.replace(nobody, UserSettings::default(), at(1)).await, Ok(false));
    assert_eq!(store.of(nobody).await, Ok(None));
}
