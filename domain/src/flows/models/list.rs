use std::sync::Arc;

use async_trait::async_trait;
use futures_util::stream::{self, BoxStream, StreamExt};

use super::{Found, ModelBlock, asked};
use crate::{
    cache::{CacheKey, Prefix, ReadThrough, Source, Subject},
    models::{BuiltInModels, Cursor, Model, ModelFilter, Order, Page, PageRequest},
    ports::{Clock, Models, Unavailable},
};

/// How many models of a stream are in memory at a time.
const STREAMED_AT_ONCE: u32 = 500;

/// Which stretch of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageId {
    /// Of which list.
    pub filter: ModelFilter,
    /// In which order.
    pub order: Order,
    /// After which place.
    pub after: Option<Cursor>,
}

/// Where stretches come from when the cache has none: one statement.
pub struct PageSource {
    /// Lists them.
    pub models: Arc<dyn Models>,
}

#[async_trait]
impl Source for PageSource {
    type Id = PageId;
    type Value = ModelBlock;
    const PREFIX: Prefix = Prefix::ModelConfig;

    fn key(&self, id: &PageId) -> CacheKey {
        let after = id.after.map(|place| format!("{} {}", place.key, place.id)).unwrap_or_default();
        let name = format!("list {} {} {after}", id.order.as_str(), id.filter);
        CacheKey::of(Prefix::ModelConfig, name.as_bytes())
    }

    /// All of the catalogue is replaced at once.
    fn subjects(&self, _id: &PageId, _block: &ModelBlock) -> Vec<Subject> {
        Vec::new()
    }

    /// Later stretches stay in memory: a walk through a large catalogue is not to fill what servers share.
    fn is_shared(&self, id: &PageId) -> bool {
        id.after.is_none()
    }

    /// That a list is empty is "no such thing", which is kept in memory alone: whoever asks for made-up providers must not fill what servers share.
    async fn load(&self, id: &PageId) -> Result<Option<ModelBlock>, Unavailable> {
        let page = PageRequest { limit: PageRequest::MAX_LIMIT, after: id.after, order: id.order };
        let rows = self.models.list(&id.filter, page).await?;
        Ok((!rows.is_empty()).then(|| ModelBlock::of(rows)))
    }
}

/// The pages of a stream; an error ends it.
pub type ModelPages = BoxStream<'static, Result<Vec<Model>, Unavailable>>;

/// Lists models, page by page through the cache, or all of them as a stream from storage.
pub struct ListModels {
    /// Tells when storage takes too long.
    pub clock: Arc<dyn Clock>,
    /// Lists them.
    pub models: Arc<dyn Models>,
    /// Keeps pages.
    pub pages: ReadThrough<PageSource>,
    /// Answers while storage can't be asked.
    pub built_in: Arc<BuiltInModels>,
}

impl ListModels {
    /// Reads one page.
    ///
    /// 1. What is in memory of the list's beginning, if the page is part of it: of a list that fits into the largest page that is every page.
    /// 2. Else the stretch after the page's place, through the cache.
    /// 3. Storage away: the program's own catalogue.
    pub async fn page(&self, filter: ModelFilter, request: PageRequest) -> Found<Page<Model>> {
        let PageRequest { order, after, .. } = request;
        let beginning = PageId { filter, order, after: None };
        if after.is_some()
            && let Some(Some(block)) = self.pages.peek(&beginning, self.clock.now())
            && let Some(page) = block.page(request)
        {
            return Found { value: page, degraded: false };
        }
        let id = PageId { after, ..beginning };
        let Ok(block) = asked(&*self.clock, self.pages.get(&id)).await else {
            let rows = self.built_in.get().filtered(&id.filter, request);
            return Found { value: Page::cut(rows, request.limit, Model::place), degraded: true };
        };
        let page = block.and_then(|block| block.page(request));
        Found { value: page.unwrap_or(Page { items: Vec::new(), next: None }), degraded: false }
    }

    /// Streams the whole list from storage, past the cache. The first page is read before this returns, so that the answer can say where the list comes from; each other
    /// one when it is asked for.
    pub async fn all(&self, filter: ModelFilter, order: Order) -> Found<ModelPages> {
        let request = PageRequest { limit: STREAMED_AT_ONCE, after: None, order };
        match asked(&*self.clock, self.models.list(&filter, request)).await {
            Ok(first) => {
                let models = Arc::clone(&self.models);
                Found { value: pages(models, filter, request, first), degraded: false }
            }
            Err(_) => {
                Found { value: built_in_pages(Arc::clone(&self.built_in), filter, request), degraded: true }
            }
        }
    }
}

/// What is left of a stream.
enum Left {
    /// These rows were read already.
    Read(Vec<Model>),
    /// It goes on after this place.
    After(Cursor),
    /// Nothing.
    Nothing,
}

fn pages(
    models: Arc<dyn Models>,
    filter: ModelFilter,
    request: PageRequest,
    first: Vec<Model>,
) -> ModelPages {
    stream::try_unfold((Left::Read(first), models, filter), move |(left, models, filter)| async move {
        let rows = match left {
            Left::Read(rows) => rows,
            Left::After(place) => models.list(&filter, PageRequest { after: Some(place), ..request }).await?,
            Left::Nothing => return Ok(None),
        };
        let (items, left) = cut(rows, request.limit);
        Ok(Some((items, (left, models, filter))))
    })
    .boxed()
}

fn built_in_pages(built_in: Arc<BuiltInModels>, filter: ModelFilter, request: PageRequest) -> ModelPages {
    let rows = built_in.get().filtered(&filter, request);
    stream::unfold((Left::Read(rows), built_in, filter), move |(left, built_in, filter)| async move {
        let rows = match left {
            Left::Read(rows) => rows,
            Left::After(place) => {
                built_in.get().filtered(&filter, PageRequest { after: Some(place), ..request })
            }
            Left::Nothing => return None,
        };
        let (items, left) = cut(rows, request.limit);
        Some((Ok(items), (left, built_in, filter)))
    })
    .boxed()
}

fn cut(rows: Vec<Model>, limit: u32) -> (Vec<Model>, Left) {
    let Page { items, next } = Page::cut(rows, limit, Model::place);
    (items, next.map_or(Left::Nothing, Left::After))
}
