use portico_domain::models::{Cursor, Order, PageRequest, SettingKey, SystemSetting};
use portico_tests::random;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    Case, cases,
    world::{World, at},
};

pub(crate) const CASES: &[Case<World>] = cases![
    any_json_is_read_as_it_was_set,
    setting_again_changes_value_and_moment_alone,
    a_removed_setting_is_gone,
    a_list_walks_each_setting_once_in_both_orders,
];

fn key() -> SettingKey {
    SettingKey::parse(&format!("key-{}", random::hex(6))).unwrap()
}

fn id() -> Uuid {
    Uuid::from_u128(u128::from_str_radix(&random::hex(16), 16).unwrap())
}

async fn find(world: &World, key: &SettingKey) -> Option<SystemSetting> {
    let page = PageRequest { limit: 100, after: None, order: Order::Descending };
    let all = world.repositories.system_settings.list(page).await.unwrap();
    all.into_iter().find(|setting| setting.key == *key)
}

async fn any_json_is_read_as_it_was_set(world: World) {
    let world = world.fresh().await;
    for value in
        [Value::Null, json!(false), json!(-1.5), json!("\u{0}O'Hara\u{1f600}"), json!([{"a": [null]}])]
    {
        let (key, id) = (key(), id());
        let set = world.repositories.system_settings.set(key.clone(), id, value.clone(), at(1)).await;
        let expected = SystemSetting { key: key.clone(), id, value, created_at: at(1), updated_at: at(1) };
        assert_eq!(set, Ok(expected.clone()));
        assert_eq!(find(&world, &key).await, Some(expected));
    }
}

async fn setting_again_changes_value_and_moment_alone(world: World) {
    let (key, first) = (key(), id());
    let settings = &world.repositories.system_settings;
    settings.set(key.clone(), first, json!(1), at(1)).await.unwrap();
    let again = settings.set(key.clone(), id(), json!(2), at(2)).await;
    assert_eq!(
        again,
        Ok(SystemSetting { key, id: first, value: json!(2), created_at: at(1), updated_at: at(2) })
    );
}

async fn a_removed_setting_is_gone(world: World) {
    let world = world.fresh().await;
    let (one, other) = (key(), key());
    let settings = &world.repositories.system_settings;
    for key in [&one, &other] {
        settings.set(key.clone(), id(), json!(1), at(1)).await.unwrap();
    }
    assert_eq!(settings.remove(one.clone()).await, Ok(true));
    assert_eq!(settings.remove(one.clone()).await, Ok(false));
    assert_eq!(find(&world, &one).await, None);
    assert!(find(&world, &other).await.is_some());
}

async fn a_list_walks_each_setting_once_in_both_orders(world: World) {
    let world = world.fresh().await;
    let settings = &world.repositories.system_settings;
    let mut expected = Vec::new();
    for n in 0..13 {
        // Several of the same moment.
        let set = settings.set(key(), id(), json!(n), at(n / 4)).await.unwrap();
        expected.push((set.created_at, set.id));
    }
    expected.sort_unstable();
    for order in [Order::Ascending, Order::Descending] {
        let (mut walked, mut after) = (Vec::new(), None);
        loop {
            let rows = settings.list(PageRequest { limit: 3, after, order }).await.unwrap();
            assert!(rows.len() <= 4);
            let Some(last) = rows.get(..rows.len().min(3)).and_then(<[_]>::last) else { break };
            after = Some(Cursor::at(last.created_at, last.id));
            walked.extend(rows.iter().take(3).map(|row| (row.created_at, row.id)));
        }
        if order == Order::Descending {
            walked.reverse();
        }
        assert_eq!(walked, expected);
    }
}
