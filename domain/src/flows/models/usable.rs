use std::sync::Arc;

use async_trait::async_trait;

use super::{Found, ModelBlock, asked, user_models_key, user_models_subject};
use crate::{
    cache::{CacheKey, Prefix, ReadThrough, Source, Subject},
    models::{BuiltInModels, Model, Order, Page, PageRequest, UserId},
    ports::{Clock, Models, Unavailable},
};

/// The beginning of whose list, in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserPageId {
    /// Whose.
    pub user: UserId,
    /// In which order.
    pub order: Order,
}

/// Where the beginning of a person's list comes from when the cache has none: one statement.
pub struct UserPageSource {
    /// Lists them.
    pub models: Arc<dyn Models>,
}

#[async_trait]
impl Source for UserPageSource {
    type Id = UserPageId;
    type Value = ModelBlock;
    const PREFIX: Prefix = Prefix::UserModels;

    fn key(&self, id: &UserPageId) -> CacheKey {
        user_models_key(id.user, id.order)
    }

    fn subjects(&self, id: &UserPageId, _block: &ModelBlock) -> Vec<Subject> {
        vec![user_models_subject(id.user)]
    }

    /// An empty list is a list: what is known not to exist depends on no person's settings, and would outlive a change of them.
    async fn load(&self, id: &UserPageId) -> Result<Option<ModelBlock>, Unavailable> {
        let page = PageRequest { limit: PageRequest::MAX_LIMIT, after: None, order: id.order };
        self.models.usable(id.user, page).await.map(ModelBlock::of).map(Some)
    }
}

/// Lists the models that a person may use.
pub struct UsableModels {
    /// Tells when storage takes too long.
    pub clock: Arc<dyn Clock>,
    /// Lists them.
    pub models: Arc<dyn Models>,
    /// Keeps the beginnings of lists.
    pub beginnings: ReadThrough<UserPageSource>,
    /// Answers while storage can't be asked.
    pub built_in: Arc<BuiltInModels>,
}

impl UsableModels {
    /// Reads one page.
    ///
    /// 1. The beginning of the list, through the cache, if the page is part of it. Nothing else of a person's list is kept, so that the entries to drop when something
    ///    changes can be named, also where only named entries are dropped at once (Workers KV).
    /// 2. Else the page, from storage.
    /// 3. Storage away: the page of what everybody may use without a key of their own.
    pub async fn run(&self, user: UserId, request: PageRequest) -> Found<Page<Model>> {
        let Ok(value) = asked(&*self.clock, self.find(user, request)).await else {
            let rows = self.built_in.get().list(request, |model| model.enabled && model.hosted);
            return Found { value: Page::cut(rows, request.limit, Model::place), degraded: true };
        };
        Found { value, degraded: false }
    }

    async fn find(&self, user: UserId, request: PageRequest) -> Result<Page<Model>, Unavailable> {
        let id = UserPageId { user, order: request.order };
        let block = match request.after {
            None => self.beginnings.get(&id).await?,
            Some(_) => self.beginnings.peek(&id, self.clock.now()).flatten(),
        };
        if let Some(page) = block.and_then(|block| block.page(request)) {
            return Ok(page);
        }
        let rows = self.models.usable(user, request).await?;
        Ok(Page::cut(rows, request.limit, Model::place))
    }
}
