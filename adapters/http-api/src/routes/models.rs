//! Models: which there are, and which the caller may use.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Path, Request, State},
    response::Response,
    routing::get,
};
use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderName, HeaderValue, Version, header, request::Parts};
use portico_domain::{
    flows::models::Found,
    models::{Capability, FieldFault, Model, ModelFilter, ModelId, ProviderName, Scope},
    ports::Unavailable,
};
use serde::Serialize;

use super::{ListAnswer, Shared, page_request, page_request_beside};
use crate::{
    accept::prefers,
    answers::{Keep, json_validated},
    code::Code,
    credentials::{bearer, principal},
    fields::Query,
    problem::Problem,
};

type Answer = Result<Response, Problem>;

const DEGRADED: HeaderName = HeaderName::from_static("x-portico-degraded");
const LINES: &str = "application/x-ndjson";

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/v1/models", get(list))
        .route("/api/v1/models/{id}", get(one))
        .route("/api/v1/user/models", get(usable))
}

/// What the contract says of a model.
#[derive(Serialize)]
struct ModelAnswer<'a> {
    id: &'a ModelId,
    provider: &'a ProviderName,
    name: &'a str,
    context_window: u32,
    input_cents_per_mtok: u32,
    output_cents_per_mtok: u32,
    capabilities: &'a [Capability],
    enabled: bool,
    hosted: bool,
}

impl<'a> From<&'a Model> for ModelAnswer<'a> {
    fn from(model: &'a Model) -> Self {
        Self {
            id: &model.id,
            provider: &model.provider,
            name: &model.name,
            context_window: model.context_window,
            input_cents_per_mtok: model.input_cents_per_mtok,
            output_cents_per_mtok: model.output_cents_per_mtok,
            capabilities: &model.capabilities,
            enabled: model.enabled,
            hosted: model.hosted,
        }
    }
}

async fn list(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let caller = principal(&shared, &parts, Some(Scope::ModelsRead)).await?.id();
    let query = Query::parse(parts.uri.query());
    let (filter, faults) = filter(&query);
    // Before HTTP/1.1 a stream that breaks off looks like one that ends.
    let mut response =
        if parts.version >= Version::HTTP_11 && prefers(&parts.headers, LINES, "application/json") {
            stream(&shared, &query, filter, faults).await?
        } else {
            page(&shared, &parts, &query, (caller, filter), faults).await?
        };
    response.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
    Ok(response)
}

async fn page(
    shared: &Shared,
    parts: &Parts,
    query: &Query,
    (caller, filter): (String, ModelFilter),
    faults: Vec<FieldFault>,
) -> Answer {
    let models = &shared.api.door.models;
    let owner = format!("{caller} {filter}");
    let request = page_request_beside(faults, query, &models.cursors, &owner).await?;
    let Found { value: page, degraded } = models.list.page(filter, request).await;
    let rows: Vec<_> = page.items.iter().map(ModelAnswer::from).collect();
    let answer = ListAnswer::of(rows, page.next, &models.cursors, request.order, &owner).await?;
    let response = json_validated(&parts.headers, Keep::Private, &answer)?;
    Ok(marked(response, degraded))
}

/// The whole list, a model a line. A stream has no pages, so asking for one is a mistake that is told.
async fn stream(shared: &Shared, query: &Query, filter: ModelFilter, mut faults: Vec<FieldFault>) -> Answer {
    let of_pages = ["limit", "cursor"].into_iter().filter(|name| query.get(name).is_some());
    faults.extend(of_pages.map(|name| FieldFault::new(name, "is for pages; a stream is the whole list")));
    let faults_of_pages = std::mem::take(&mut faults);
    let (_, order, _) = query.without(&["limit", "cursor"]).list(faults_of_pages)?;
    let Found { value: pages, degraded } = shared.api.door.models.list.all(filter, order).await;
    // What has gone out can't be taken back: a failure breaks the connection off, so that nobody takes a part for the whole.
    let lines = pages.map(|page| page.and_then(|models| lines(&models)));
    let mut response = Response::new(Body::from_stream(lines.inspect(|page| {
        if let Err(error) = page {
            tracing::warn!(%error, "a stream of models breaks off");
        }
    })));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(LINES));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    Ok(marked(response, degraded))
}

fn lines(models: &[Model]) -> Result<Bytes, Unavailable> {
    let mut lines = Vec::with_capacity(models.len() * 256);
    for model in models {
        serde_json::to_writer(&mut lines, &ModelAnswer::from(model))
            .map_err(|error| Unavailable::new("storage", error))?;
        lines.push(b'\n');
    }
    Ok(Bytes::from(lines))
}

async fn one(State(shared): State<Arc<Shared>>, Path(id): Path<String>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    principal(&shared, &parts, Some(Scope::ModelsRead)).await?;
    let id = ModelId::parse(&id).ok_or_else(|| Problem::new(Code::NotFound, "There is no such model."))?;
    let Found { value: model, degraded } = shared.api.door.models.show.run(&id).await?;
    let response = json_validated(&parts.headers, Keep::Private, &ModelAnswer::from(&*model))?;
    Ok(marked(response, degraded))
}

async fn usable(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let caller = bearer(&shared, &parts).await?;
    let models = &shared.api.door.models;
    let query = Query::parse(parts.uri.query());
    let request = page_request(&query, &models.usable_cursors, caller.user_id).await?;
    let Found { value: page, degraded } = models.usable.run(caller.user_id, request).await;
    let rows: Vec<_> = page.items.iter().map(ModelAnswer::from).collect();
    let answer =
        ListAnswer::of(rows, page.next, &models.usable_cursors, request.order, caller.user_id).await?;
    let response = json_validated(&parts.headers, Keep::Private, &answer)?;
    Ok(marked(response, degraded))
}

fn marked(mut response: Response, degraded: bool) -> Response {
    if degraded {
        response.headers_mut().insert(DEGRADED, HeaderValue::from_static("models"));
    }
    response
}

/// The filter, and what is wrong with it. A word that nothing is called is no mistake: nothing has it.
fn filter(query: &Query) -> (ModelFilter, Vec<FieldFault>) {
    let mut faults = Vec::new();
    let provider = query.get("provider").map(|text| {
        let read = ProviderName::parse(text);
        read.or_else(|| fault(&mut faults, "provider", "must be the name of a provider, such as openai"))
    });
    let capability = query.get("capability").map(|text| {
        let read = Capability::parse(text);
        read.or_else(|| {
            fault(&mut faults, "capability", "must be a word for what models can do, such as vision")
        })
    });
    (ModelFilter { provider: provider.flatten(), capability: capability.flatten() }, faults)
}

fn fault<T>(faults: &mut Vec<FieldFault>, field: &str, message: &str) -> Option<T> {
    faults.push(FieldFault::new(field, message));
    None
}
