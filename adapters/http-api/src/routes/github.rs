//! Sign-in through GitHub.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts};
use portico_domain::{
    door::{GITHUB_CALLBACK_PATH, OAuthFlows},
    flows::{OAuthBegun, OAuthCallbackRequest, OAuthSignedIn},
    models::{FieldFault, ReturnPath, Secret},
};
use serde::Serialize;

use super::{Shared, TokenAnswer, auth::set_cookies};
use crate::{
    answers::{Keep, json},
    cookies,
    credentials::{bearer, caller},
    fields::{Fields, Query},
    problem::Problem,
};

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/v1/auth/github", get(begin))
        .route("/api/v1/auth/github/link", post(link))
        .route(GITHUB_CALLBACK_PATH, get(callback))
}

fn flows(shared: &Shared) -> Result<&OAuthFlows, Problem> {
    let github = shared.api.door.github.as_ref();
    github.ok_or_else(|| Problem::internal("a GitHub route without GitHub"))
}

async fn begin(State(shared): State<Arc<Shared>>, request: Request) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let query = Query::parse(parts.uri.query());
    let return_to = match query.get("return_to").map(ReturnPath::parse) {
        None => ReturnPath::default(),
        Some(Ok(path)) => path,
        Some(Err(message)) => {
            return Err(Problem::validation(vec![FieldFault::new("return_to", message)]));
        }
    };
    let begun = flows(&shared)?.begin.run(return_to, None, &caller(&shared, &parts)).await?;
    let mut response = redirect(&begun.authorization_url)?;
    bind(&shared, &begun, &mut response);
    Ok(response)
}

#[derive(Serialize)]
struct LinkAnswer<'a> {
    authorize_url: &'a str,
}

/// Begins the linking of the caller's account: its owner's consent. The answer carries the address instead of redirecting, because a page calls it
/// with a bearer token and then sends the browser.
async fn link(State(shared): State<Arc<Shared>>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let claims = bearer(&shared, &parts).await?;
    let limit = shared.api.door.settings.body_limit;
    let mut fields = Fields::read_optional(&parts.headers, body, limit).await?;
    let return_to = fields.optional("return_to", ReturnPath::parse);
    let return_to = fields.finish(|| Some(return_to?.unwrap_or_default()))?;
    let caller = caller(&shared, &parts);
    let begun = flows(&shared)?.begin.run(return_to, Some(claims.user_id), &caller).await?;
    let answer = LinkAnswer { authorize_url: &begun.authorization_url };
    let mut response = json(StatusCode::OK, Keep::Never, &answer)?;
    bind(&shared, &begun, &mut response);
    Ok(response)
}

async fn callback(State(shared): State<Arc<Shared>>, request: Request) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let outcome = flows(&shared)?.callback.run(callback_request(&shared, &parts)).await;
    let mut response = match outcome {
        Ok(signed_in) => signed_in_answer(&parts.headers, &signed_in)?,
        Err(error) => Problem::from(error).into_response(),
    };
    // Whatever came of it, the browser's part is over.
    let secure = is_https(&shared);
    set_cookies(response.headers_mut(), [cookies::binding("", 0, secure)]);
    Ok(response)
}

fn callback_request(shared: &Shared, parts: &Parts) -> OAuthCallbackRequest {
    let query = Query::parse(parts.uri.query());
    OAuthCallbackRequest {
        code: query.get("code").filter(|code| (1..=512).contains(&code.len())).map(Secret::new),
        state: query.get("state").map(str::to_owned),
        browser_binding: cookies::get(&parts.headers, cookies::BINDING).map(Secret::new),
        caller: caller(shared, parts),
    }
}

fn signed_in_answer(request: &HeaderMap, signed_in: &OAuthSignedIn) -> Result<Response, Problem> {
    let wants_json = request
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.split(',').any(|part| part.trim().starts_with("application/json")));
    if wants_json {
        return json(StatusCode::OK, Keep::Never, &TokenAnswer::of(&signed_in.tokens));
    }
    let mut response = redirect(signed_in.return_to.as_str())?;
    set_cookies(response.headers_mut(), cookies::tokens(&signed_in.tokens));
    Ok(response)
}

fn redirect(to: &str) -> Result<Response, Problem> {
    let location = HeaderValue::from_str(to).map_err(|error| Problem::internal(error.to_string()))?;
    let mut response = StatusCode::FOUND.into_response();
    response.headers_mut().insert(header::LOCATION, location);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn bind(shared: &Shared, begun: &OAuthBegun, response: &mut Response) {
    let value = begun.browser_binding.expose();
    let cookie = cookies::binding(value, begun.lifetime.as_secs(), is_https(shared));
    set_cookies(response.headers_mut(), [cookie]);
}

fn is_https(shared: &Shared) -> bool {
    shared.api.door.settings.public_url.starts_with("https://")
}
