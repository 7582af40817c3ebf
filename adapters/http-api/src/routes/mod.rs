//! A file a resource.

mod api_keys;
mod auth;
mod books;
mod cache;
mod database;
mod document;
mod experiments;
mod github;
mod messaging;
mod metrics;
mod models;
mod operations;
mod orders;
mod pages;
#[cfg(feature = "pprof")]
mod pprof;
mod sessions;
mod system_settings;
mod templates;
mod user_settings;

use std::{fmt::Display, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use portico_domain::{
    flows::{
        catalogue::BookPage,
        shared::{Cursors, Kept},
    },
    models::{BookDetails, Cursor, FieldFault, IssuedTokens, KeyHolder, Order, PageRequest, User},
    settings::Switch,
};
use serde::Serialize;

use crate::{
    Api,
    code::Code,
    credentials::caller,
    fields::{Fields, Query},
    observe::{MetricsPage, Watch},
    problem::Problem,
    rendered::{Rendered, Written},
    versions::{Version, Versioned},
};

pub use experiments::ExperimentAnswer;
pub use templates::Route;

/// What handlers share.
pub(crate) struct Shared {
    pub(crate) api: Api,
    pub(crate) info: Kept<Written>,
    /// Answers about what is cached, where they may be kept.
    pub(crate) rendered: Option<KeptAnswers>,
    /// The metrics, where they are shown.
    pub(crate) metrics: Option<MetricsPage>,
    /// What takes profiles, where they are wanted.
    #[cfg(feature = "pprof")]
    pub(crate) profiler: Option<Arc<dyn crate::Profiler>>,
}

/// What is written of values that are cached.
pub(crate) struct KeptAnswers {
    /// Of whom a key speaks for: about a kilobyte each, with what they keep alive.
    pub(crate) holders: Rendered<KeyHolder>,
    /// Of pages of books.
    pub(crate) book_pages: Rendered<BookPage>,
    /// Of single books.
    pub(crate) books: Rendered<BookDetails>,
}

impl Default for KeptAnswers {
    fn default() -> Self {
        Self { holders: Rendered::new(4_096), book_pages: Rendered::new(128), books: Rendered::new(256) }
    }
}

impl Shared {
    pub(crate) fn new(api: Api, watch: &Watch) -> Self {
        let keep = api.door.settings.switches.is_on(Switch::ResponseCache);
        let info = Kept::new(Duration::from_secs(if keep { 30 } else { 0 }));
        Self {
            info,
            rendered: keep.then(KeptAnswers::default),
            api,
            metrics: watch.metrics.clone(),
            #[cfg(feature = "pprof")]
            profiler: watch.profiler.clone(),
        }
    }

    /// Reads a request's JSON body under the body limit.
    async fn fields(&self, request: Request) -> Result<Fields, Problem> {
        let (parts, body) = request.into_parts();
        Fields::read(&parts.headers, body, self.api.door.settings.body_limit).await
    }
}

/// The routes that are there whatever is set.
fn common() -> Router<Arc<Shared>> {
    Router::new()
        .merge(auth::routes())
        .merge(sessions::routes())
        .merge(api_keys::routes())
        .merge(books::routes())
        .merge(orders::routes())
        .merge(models::routes())
        .merge(cache::routes())
        .merge(database::routes())
        .merge(experiments::routes())
        .merge(user_settings::routes())
        .merge(system_settings::routes())
        .merge(messaging::routes())
        .merge(operations::routes())
        .merge(document::routes())
        .merge(pages::routes())
}

/// Every route that there can be, to be compared with lists of them.
#[cfg(test)]
pub(crate) fn every() -> Router<Arc<Shared>> {
    let router = common().merge(github::routes()).merge(metrics::routes());
    #[cfg(feature = "pprof")]
    let router = router.merge(pprof::routes());
    router
}

/// The routes that there are, and the answer where there is none.
pub(crate) fn all(shared: &Arc<Shared>) -> Router {
    let router = common();
    // Where GitHub isn't set up its paths don't exist.
    let router = if shared.api.door.github.is_some() { router.merge(github::routes()) } else { router };
    // So it is with what nobody is to see.
    let router = if shared.metrics.is_some() { router.merge(metrics::routes()) } else { router };
    #[cfg(feature = "pprof")]
    let router = if shared.profiler.is_some() { router.merge(pprof::routes()) } else { router };
    router.fallback(async || not_found()).with_state(Arc::clone(shared))
}

/// The routes, with requests counted by address where that is limited. Where it isn't, they don't pay for a layer.
pub(crate) fn counted(routes: Router, shared: &Arc<Shared>) -> Router {
    if shared.api.door.limit_requests.address.is_none() {
        return routes;
    }
    routes.layer(from_fn_with_state(Arc::clone(shared), count_by_address))
}

/// Counts what is asked below `/api` by the client's address, before anything else is looked at.
async fn count_by_address(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    if !request.uri().path().starts_with("/api/") {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    match shared.api.door.limit_requests.of_address(&caller(&shared, &parts)).await {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(refused) => Problem::from(refused).into_response(),
    }
}

pub(crate) fn not_found() -> Problem {
    Problem::new(Code::NotFound, "There is nothing at this path.")
}

/// The token answer of the contract.
#[derive(Serialize)]
struct TokenAnswer<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
    refresh_token: &'a str,
    refresh_expires_in: u64,
    user: &'a User,
}

impl<'a> TokenAnswer<'a> {
    fn of(tokens: &'a IssuedTokens) -> Self {
        Self {
            access_token: tokens.access_token.expose(),
            token_type: "Bearer",
            expires_in: tokens.expires_in.as_secs(),
            refresh_token: tokens.refresh_token.expose(),
            refresh_expires_in: tokens.refresh_expires_in.as_secs(),
            user: &tokens.user,
        }
    }
}

/// Reads which page of a list is asked for.
async fn page_request(
    query: &Query,
    cursors: &Cursors,
    owner: impl Display + Send,
) -> Result<PageRequest, Problem> {
    page_request_beside(Vec::new(), query, cursors, owner).await
}

/// The same beside other parameters, whose faults are told with those of the list.
async fn page_request_beside(
    faults: Vec<FieldFault>,
    query: &Query,
    cursors: &Cursors,
    owner: impl Display + Send,
) -> Result<PageRequest, Problem> {
    let (limit, order, cursor) = query.list(faults)?;
    let after = match cursor {
        Some(text) => Some(cursors.open(text, order, owner).await??),
        None => None,
    };
    Ok(PageRequest { limit, after, order })
}

/// The list answer of the contract.
#[derive(Serialize)]
struct ListAnswer<T> {
    data: Vec<T>,
    next_cursor: Option<String>,
    has_more: bool,
}

impl<T: Versioned> Versioned for ListAnswer<T> {
    fn add_to(&self, version: &mut Version) {
        let Self { data, next_cursor, has_more: _ } = self;
        version.number(i64::try_from(data.len()).unwrap_or(i64::MAX));
        for row in data {
            row.add_to(version);
        }
        // With it also changes what signs it: a client must not go on with a cursor that isn't read any more.
        version.text(next_cursor.as_deref().unwrap_or_default());
    }
}

impl<T> ListAnswer<T> {
    /// Shows rows, and writes where the list goes on.
    async fn of(
        data: Vec<T>,
        next: Option<Cursor>,
        cursors: &Cursors,
        order: Order,
        owner: impl Display + Send,
    ) -> Result<Self, Problem> {
        let next_cursor = match next {
            Some(next) => Some(cursors.seal(next, order, owner).await?),
            None => None,
        };
        Ok(Self { data, has_more: next_cursor.is_some(), next_cursor })
    }
}
