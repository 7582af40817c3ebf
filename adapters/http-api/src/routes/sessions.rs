//! The caller's sessions.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, Request, State},
    response::Response,
    routing::{delete, get},
};
use portico_domain::{
    flows::ListedSession,
    models::{SessionId, Timestamp},
};
use serde::Serialize;

use super::{ListAnswer, Shared, page_request};
use crate::{
    answers::{Keep, json_validated, no_content},
    code::Code,
    credentials::bearer,
    fields::Query,
    problem::Problem,
};

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new().route("/api/v1/auth/sessions", get(list)).route("/api/v1/auth/sessions/{id}", delete(end))
}

#[derive(Serialize)]
struct SessionAnswer<'a> {
    id: SessionId,
    created_at: Timestamp,
    last_used_at: Timestamp,
    user_agent: Option<&'a str>,
    ip: Option<&'a str>,
    current: bool,
}

impl<'a> SessionAnswer<'a> {
    fn of(listed: &'a ListedSession) -> Self {
        Self {
            id: listed.session.id,
            created_at: listed.session.created_at,
            last_used_at: listed.session.last_used_at,
            user_agent: listed.session.device.user_agent.as_deref(),
            ip: listed.session.device.ip.as_deref(),
            current: listed.current,
        }
    }
}

async fn list(State(shared): State<Arc<Shared>>, request: Request) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let caller = bearer(&shared, &parts).await?;
    let door = &shared.api.door;
    let query = Query::parse(parts.uri.query());
    let request = page_request(&query, &door.session_cursors, caller.user_id).await?;
    let page = door.list_sessions.run(&caller, request).await?;
    let data: Vec<_> = page.items.iter().map(SessionAnswer::of).collect();
    let answer =
        ListAnswer::of(data, page.next, &door.session_cursors, request.order, caller.user_id).await?;
    json_validated(&parts.headers, Keep::Private, &answer)
}

async fn end(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let caller = bearer(&shared, &parts).await?;
    let id = SessionId::parse(&id)
        .ok_or_else(|| Problem::new(Code::NotFound, "There is no such session of yours."))?;
    shared.api.door.end_session.run(&caller, id).await?;
    Ok(no_content())
}
