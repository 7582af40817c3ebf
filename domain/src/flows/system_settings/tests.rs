use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::{
    cache::{Cache, CacheKey, CacheParts, Fence, Prefix, ReadThrough, Strategies},
    flows::testing::{NOW, clock, entropy},
    models::{Order, PageRequest, SettingKey, SystemSetting},
    ports::{
        LocalCache, LocalEntry, LocalStatistics, MockBackground, MockNotices, MockSystemSettings,
        SystemSettings, Unavailable,
    },
};

fn key(text: &str) -> SettingKey {
    SettingKey::parse(text).unwrap()
}

fn setting(n: u128) -> SystemSetting {
    SystemSetting {
        key: key(&format!("s{n}")),
        id: Uuid::from_u128(n),
        value: json!({"n": 1}),
        created_at: NOW,
        updated_at: NOW,
    }
}

fn page(limit: u32) -> PageRequest {
    PageRequest { limit, after: None, order: Order::Descending }
}

/// The least that memory can be.
#[derive(Default)]
struct Memory(Mutex<HashMap<CacheKey, Arc<LocalEntry>>>);

impl LocalCache for Memory {
    fn get(&self, key: &CacheKey) -> Option<Arc<LocalEntry>> {
        self.0.lock().unwrap().get(key).cloned()
    }

    fn set(&self, key: CacheKey, entry: Arc<LocalEntry>) {
        self.0.lock().unwrap().insert(key, entry);
    }

    fn delete(&self, key: &CacheKey) {
        self.0.lock().unwrap().remove(key);
    }

    fn clear(&self) {
        self.0.lock().unwrap().clear();
    }

    fn statistics(&self) -> LocalStatistics {
        LocalStatistics::default()
    }

    fn evicted(&self) -> u64 {
        0
    }
}

fn cache() -> Arc<Cache> {
    Cache::new(CacheParts {
        clock: clock(),
        background: Arc::new(MockBackground::new()),
        notices: Arc::new(MockNotices::new()),
        local: Arc::new(Memory::default()),
        shared: None,
        fence: Arc::<Fence>::default(),
        strategies: Strategies::new(Prefix::ALL.map(Prefix::policy)),
        single_flight: false,
    })
}

fn flows(settings: MockSystemSettings) -> (ListSystemSettings, SetSystemSetting, RemoveSystemSetting) {
    let (settings, cache): (Arc<dyn SystemSettings>, _) = (Arc::new(settings), cache());
    let source = SettingsSource { settings: Arc::clone(&settings) };
    let list = ListSystemSettings { pages: ReadThrough::new(Arc::clone(&cache), source) };
    let writes = SettingWrites { settings, cache, background: Arc::new(MockBackground::new()) };
    let set = SetSystemSetting { clock: clock(), entropy: entropy(), writes: writes.clone() };
    (list, set, RemoveSystemSetting { writes })
}

#[tokio::test]
async fn a_page_is_loaded_once_and_anew_after_each_write_whatever_page_it_is() {
    let mut settings = MockSystemSettings::new();
    settings.expect_list().times(6).returning(|_| Ok(vec![setting(1)]));
    settings.expect_set().times(1).returning(|key, id, value, at| {
        assert_eq!(id.get_version_num(), 7);
        Ok(SystemSetting { key, id, value, created_at: at, updated_at: at })
    });
    settings.expect_remove().times(1).returning(|_| Ok(true));
    let (list, set, remove) = flows(settings);
    let read = async || {
        for _ in 0..3 {
            for limit in [20, 7] {
                assert_eq!(list.run(page(limit)).await.unwrap().items, [setting(1)]);
            }
        }
    };
    read().await;
    set.run(key("s1"), json!(null)).await.unwrap();
    read().await;
    remove.run(key("s1")).await.unwrap();
    read().await;
}

#[tokio::test]
async fn a_write_of_unknown_outcome_drops_as_well() {
    let away = || Unavailable::new("storage", "away");
    let mut settings = MockSystemSettings::new();
    settings.expect_list().times(2).returning(|_| Ok(vec![]));
    settings.expect_set().returning(move |_, _, _, _| Err(away()));
    let (list, set, _) = flows(settings);
    list.run(page(20)).await.unwrap();
    assert_eq!(set.run(key("a"), json!(1)).await, Err(away()));
    list.run(page(20)).await.unwrap();
}

#[tokio::test]
async fn a_row_more_than_asked_says_that_there_is_more() {
    let mut settings = MockSystemSettings::new();
    settings.expect_list().returning(|_| Ok(vec![setting(3), setting(2), setting(1)]));
    let (list, _, _) = flows(settings);
    let page = list.run(page(2)).await.unwrap();
    assert_eq!(page.items, [setting(3), setting(2)]);
    assert_eq!(page.next.map(|next| next.id), Some(Uuid::from_u128(2)));
}

#[tokio::test]
async fn what_is_not_there_cannot_be_removed() {
    let mut settings = MockSystemSettings::new();
    settings.expect_remove().returning(|_| Ok(false));
    let (_, _, remove) = flows(settings);
    assert_eq!(remove.run(key("a")).await, Err(SystemSettingError::NotFound));
}
