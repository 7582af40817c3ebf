use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    cache::{CacheKey, Prefix, ReadThrough, Source, Subject},
    models::{Cursor, Order, Page, PageRequest, SystemSetting},
    ports::{SystemSettings, Unavailable},
};

/// Where pages come from when the cache has none: one statement.
pub struct SettingsSource {
    /// Keeps settings.
    pub settings: Arc<dyn SystemSettings>,
}

/// Pages of settings, with one row more where there are more, read through the cache.
///
/// Every page depends on all settings: one that is set or removed can move any row to another page.
pub type SettingsPages = ReadThrough<SettingsSource>;

/// What every page depends on.
pub(super) fn all_settings() -> Subject {
    Subject::of(Prefix::Settings, b"all")
}

/// The first pages as most programs ask for them. They are dropped by their names as well, which tiers that know no subjects need.
pub(super) fn usual_pages() -> Vec<CacheKey> {
    let page = |limit, order| key_of(&PageRequest { limit, after: None, order });
    [PageRequest::DEFAULT_LIMIT, PageRequest::MAX_LIMIT]
        .into_iter()
        .flat_map(|limit| [page(limit, Order::Ascending), page(limit, Order::Descending)])
        .collect()
}

fn key_of(page: &PageRequest) -> CacheKey {
    let after = page.after.map(|after| format!("{} {}", after.key, after.id)).unwrap_or_default();
    let name = format!("{} {} {after}", page.order.as_str(), page.limit);
    CacheKey::of(Prefix::Settings, name.as_bytes())
}

#[async_trait]
impl Source for SettingsSource {
    type Id = PageRequest;
    type Value = Vec<SystemSetting>;
    const PREFIX: Prefix = Prefix::Settings;

    fn key(&self, page: &PageRequest) -> CacheKey {
        key_of(page)
    }

    fn subjects(&self, _: &PageRequest, _: &Vec<SystemSetting>) -> Vec<Subject> {
        vec![all_settings()]
    }

    async fn load(&self, page: &PageRequest) -> Result<Option<Vec<SystemSetting>>, Unavailable> {
        self.settings.list(*page).await.map(Some)
    }
}

/// Shows the settings.
pub struct ListSystemSettings {
    /// Gives pages.
    pub pages: SettingsPages,
}

impl ListSystemSettings {
    /// Reads one page.
    pub async fn run(&self, page: PageRequest) -> Result<Page<SystemSetting>, Unavailable> {
        let rows = self.pages.get(&page).await?.map(|rows| rows.as_ref().clone()).unwrap_or_default();
        Ok(Page::cut(rows, page.limit, |setting| Cursor::at(setting.created_at, setting.id)))
    }
}
