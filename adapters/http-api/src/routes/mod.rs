//! A file a resource.

mod api_keys;
mod auth;
mod github;
mod operations;
mod sessions;

use std::{fmt::Display, sync::Arc, time::Duration};

use axum::{Router, extract::Request};
use portico_domain::{
    flows::shared::{Cursors, Kept},
    models::{Cursor, IssuedTokens, Order, PageRequest, User},
    settings::Switch,
};
use serde::Serialize;

use crate::{
    Api,
    code::Code,
    fields::{Fields, Query},
    problem::Problem,
};

/// What handlers share.
pub(crate) struct Shared {
    pub(crate) api: Api,
    pub(crate) info: Kept<operations::Info>,
}

impl Shared {
    pub(crate) fn new(api: Api) -> Self {
        let keep = api.door.settings.switches.is_on(Switch::ResponseCache);
        Self { info: Kept::new(Duration::from_secs(if keep { 30 } else { 0 })), api }
    }

    /// Reads a request's JSON body under the body limit.
    async fn fields(&self, request: Request) -> Result<Fields, Problem> {
        let (parts, body) = request.into_parts();
        Fields::read(&parts.headers, body, self.api.door.settings.body_limit).await
    }
}

pub(crate) fn all(shared: &Shared) -> Router<Arc<Shared>> {
    let router = Router::new()
        .merge(auth::routes())
        .merge(sessions::routes())
        .merge(api_keys::routes())
        .merge(operations::routes());
    // Where GitHub isn't set up its paths don't exist.
    if shared.api.door.github.is_some() { router.merge(github::routes()) } else { router }
}

/// The answer where there is no route.
pub(crate) async fn not_found() -> Problem {
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
    let (limit, order, cursor) = query.list()?;
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
