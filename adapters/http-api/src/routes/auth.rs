//! Sign-up, sign-in, renewal, sign-out, and the caller's own account.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    response::Response,
    routing::{get, post},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use portico_domain::{
    flows::{ChangePasswordRequest, LoginRequest, RefreshRequest, RegisterRequest},
    models::{DisplayName, Email, Password, Secret},
};

use super::{Shared, TokenAnswer};
use crate::{
    answers::{Keep, json, json_validated, no_content},
    cookies,
    credentials::{Principal, bearer, caller, from_cookie, principal},
    fields::Fields,
    problem::Problem,
    rendered::Written,
};

type Answer = Result<Response, Problem>;

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/v1/auth/register", post(register))
        .route("/api/v1/auth/login", post(login))
        .route("/api/v1/auth/refresh", post(refresh))
        .route("/api/v1/auth/logout", post(logout))
        .route("/api/v1/auth/logout-all", post(logout_all))
        .route("/api/v1/auth/me", get(me))
        .route("/api/v1/auth/password", post(change_password))
}

async fn register(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    shared.api.door.register.guard()?;
    let (parts, body) = request.into_parts();
    let caller = caller(&shared, &parts);
    let mut fields = shared.fields(Request::from_parts(parts, body)).await?;
    let email = fields.required("email", Email::parse);
    let password = fields.required("password", Password::to_set);
    let name = fields.optional("name", DisplayName::parse);
    let request = fields
        .finish(|| Some(RegisterRequest { email: email?, password: password?, name: name?, caller }))?;
    let tokens = shared.api.door.register.run(request).await?;
    json(StatusCode::CREATED, Keep::Never, &TokenAnswer::of(&tokens))
}

async fn login(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let caller = caller(&shared, &parts);
    let mut fields = shared.fields(Request::from_parts(parts, body)).await?;
    let email = fields.required("email", Email::parse);
    let password = fields.required("password", Password::to_check);
    let request = fields.finish(|| Some(LoginRequest { email: email?, password: password?, caller }))?;
    let tokens = shared.api.door.login.run(request).await?;
    json(StatusCode::OK, Keep::Never, &TokenAnswer::of(&tokens))
}

/// A refresh token from the body, or from the cookie of a browser of this site when the body names none.
async fn refresh_token(shared: &Shared, request: Request) -> Result<(Secret, bool), Problem> {
    let (parts, body) = request.into_parts();
    let kept = from_cookie(shared, &parts, cookies::REFRESH).map(Secret::new);
    let limit = shared.api.door.settings.body_limit;
    let Some(kept) = kept else {
        let mut fields = Fields::read(&parts.headers, body, limit).await?;
        let token = fields.required("refresh_token", parse_token);
        return fields.finish(|| Some((token?, false)));
    };
    let mut fields = Fields::read_optional(&parts.headers, body, limit).await?;
    let token = fields.optional("refresh_token", parse_token);
    fields.finish(|| Some(token?.map_or((kept, true), |token| (token, false))))
}

fn parse_token(text: &str) -> Result<Secret, &'static str> {
    match text.len() {
        0 => Err("must not be empty"),
        1..=1_024 => Ok(Secret::new(text)),
        _ => Err("must be at most 1024 bytes long"),
    }
}

async fn refresh(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let device = caller(&shared, &parts).device();
    let (refresh_token, from_cookie) = refresh_token(&shared, Request::from_parts(parts, body)).await?;
    let tokens = shared.api.door.refresh.run(RefreshRequest { refresh_token, device }).await?;
    let mut response = json(StatusCode::OK, Keep::Never, &TokenAnswer::of(&tokens))?;
    if from_cookie {
        set_cookies(response.headers_mut(), cookies::tokens(&tokens));
    }
    Ok(response)
}

async fn logout(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let (token, from_cookie) = refresh_token(&shared, request).await?;
    shared.api.door.logout.run(&token).await?;
    let mut response = no_content();
    if from_cookie {
        set_cookies(response.headers_mut(), cookies::cleared());
    }
    Ok(response)
}

async fn logout_all(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let claims = bearer(&shared, &parts).await?;
    shared.api.door.logout_all.run(&claims).await?;
    let mut response = no_content();
    if cookies::get(&parts.headers, cookies::ACCESS).is_some() {
        set_cookies(response.headers_mut(), cookies::cleared());
    }
    Ok(response)
}

async fn me(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    match principal(&shared, &parts, None).await? {
        Principal::Person(claims) => {
            let user = shared.api.door.me.run(&claims).await?;
            json_validated(&parts.headers, Keep::Private, &user)
        }
        Principal::Program(holder) => match &shared.rendered {
            Some(rendered) => {
                let written = rendered.holders.get_or_write(&holder, || Written::of(&holder.maker))?;
                Ok(written.answer(&parts.headers, Keep::Private))
            }
            None => json_validated(&parts.headers, Keep::Private, &holder.maker),
        },
    }
}

async fn change_password(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let claims = bearer(&shared, &parts).await?;
    let mut fields = shared.fields(Request::from_parts(parts, body)).await?;
    let current = fields.required("current_password", Password::to_check);
    let new = fields.required("new_password", Password::to_set);
    let request = fields.finish(|| Some(ChangePasswordRequest { current: current?, new: new? }))?;
    shared.api.door.change_password.run(&claims, request).await?;
    Ok(no_content())
}

/// Adds cookies to an answer.
pub(super) fn set_cookies(headers: &mut HeaderMap, cookies: impl IntoIterator<Item = Option<HeaderValue>>) {
    for cookie in cookies.into_iter().flatten() {
        headers.append(header::SET_COOKIE, cookie);
    }
}
