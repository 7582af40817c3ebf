//! A file a resource.

mod api_keys;
mod auth;
mod books;
mod cache;
mod database;
mod experiments;
mod github;
mod messaging;
mod models;
mod operations;
mod orders;
mod sessions;
mod system_settings;
mod user_settings;

use std::{fmt::Display, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use portico_domain::{
    flows::shared::{Cursors, Kept},
    models::{Cursor, FieldFault, IssuedTokens, Order, PageRequest, User},
    settings::Switch,
};
use serde::Serialize;

use crate::{
    Api,
    code::Code,
    credentials::caller,
    fields::{Fields, Query},
    problem::Problem,
    rendered::Rendered,
};

pub use experiments::ExperimentAnswer;

/// What handlers share.
pub(crate) struct Shared {
    pub(crate) api: Api,
    pub(crate) info: Kept<operations::Info>,
    /// Answers about keys, where they may be kept.
    pub(crate) rendered: Option<Rendered>,
}

impl Shared {
    pub(crate) fn new(api: Api) -> Self {
        let keep = api.door.settings.switches.is_on(Switch::ResponseCache);
        let info = Kept::new(Duration::from_secs(if keep { 30 } else { 0 }));
        Self { info, rendered: keep.then(Rendered::default), api }
    }

    /// Reads a request's JSON body under the body limit.
    async fn fields(&self, request: Request) -> Result<Fields, Problem> {
        let (parts, body) = request.into_parts();
        Fields::read(&parts.headers, body, self.api.door.settings.body_limit).await
    }
}

/// Every route, and the answer where there is none.
pub(crate) fn all(shared: &Arc<Shared>) -> Router {
    let router = Router::new()
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
        .merge(operations::routes());
    // Where GitHub isn't set up its paths don't exist.
    let router = if shared.api.door.github.is_some() { router.merge(github::routes()) } else { router };
    let router = router.fallback(not_found).with_state(Arc::clone(shared));
    // Where nothing is counted by address, requests don't pay for a layer.
    if shared.api.door.limit_requests.address.is_none() {
        return router;
    }
    router.layer(from_fn_with_state(Arc::clone(shared), count_by_address))
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

async fn not_found() -> Problem {
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
