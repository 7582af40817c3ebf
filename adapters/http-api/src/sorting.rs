//! Whose programs are served where: the policy about bots, before any route is asked.
//!
//! | kind of route | what |
//! | --- | --- |
//! | `SIGN_IN` | registering, signing in by password or provider, renewing, changing the password |
//! | `READ` | other GET, HEAD and OPTIONS below `/api` |
//! | `WRITE` | anything else below `/api` |
//!
//! What monitors and documentation need is open to every program.
//!
//! A request with `x-api-key` is a program's own and isn't sorted, where the route takes keys. That is no way around a refusal: such a route serves nobody
//! without a good key, and a bad one is refused as cheaply as a bot is (a malformed one without a look-up, an unknown one with one, whose answer is
//! kept). Routes that take no credentials, or no keys, sort everybody, whatever headers they send.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use futures_util::future::{BoxFuture, Either};
use http::{Method, Request, header};
use portico_domain::{
    flows::BotRefused,
    settings::{BotRoute, BotTreatment},
};
use tower::Service;

use crate::{credentials::caller, problem::Problem, routes::Shared};

/// Reads that need no credentials, with all below them: there a key, good or bad, is no reason to let somebody pass.
const PUBLIC_READS: [&str; 2] = ["/api/v2/info", "/api/v1/books"];
/// The same of writes: who ends a session names it by its refresh token, and no key is looked at.
const KEYLESS_WRITES: [&str; 1] = ["/api/v1/auth/logout"];
/// What monitors ask all day.
const HEALTH: &str = "/api/v2/health";

/// The kind of a route, and whether it takes keys; `None` where nobody is sorted.
fn kind_of(method: &Method, path: &str) -> Option<(BotRoute, bool)> {
    if !path.starts_with("/api/") || path == HEALTH {
        return None;
    }
    if let Some(route) = path.strip_prefix("/api/v1/auth/")
        && (matches!(route, "register" | "login" | "refresh" | "password") || route.starts_with("github"))
    {
        return Some((BotRoute::SignIn, false));
    }
    let reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    let (route, keyless) =
        if reads { (BotRoute::Read, &PUBLIC_READS[..]) } else { (BotRoute::Write, &KEYLESS_WRITES[..]) };
    Some((route, !stands_in(keyless, path)))
}

/// Whether a path is one of these, or below one.
fn stands_in(paths: &[&str], path: &str) -> bool {
    let is_below = |rest: &str| rest.is_empty() || rest.starts_with('/');
    paths.iter().any(|known| path.strip_prefix(known).is_some_and(is_below))
}

/// The routes, behind the policy.
///
/// Nothing is allocated, and nothing waited for, unless a limit has to be asked.
#[derive(Clone)]
pub(crate) struct Sorted<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> Sorted<S> {
    pub(crate) const fn new(inner: S, shared: Arc<Shared>) -> Self {
        Self { inner, shared }
    }
}

impl<S> Service<Request<Body>> for Sorted<S>
where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Either<S::Future, BoxFuture<'static, Result<Response, Infallible>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let flow = &self.shared.api.door.sort_bots;
        let Some((route, takes_keys)) = kind_of(request.method(), request.uri().path()) else {
            return Either::Left(self.inner.call(request));
        };
        let has_key = takes_keys && request.headers().contains_key("x-api-key");
        if has_key || flow.settings.policy(route).allows_all() {
            return Either::Left(self.inner.call(request));
        }
        let (parts, body) = request.into_parts();
        let agent = parts.headers.get(header::USER_AGENT).map_or(&b""[..], |value| value.as_bytes());
        let (verdict, treatment) = flow.run(route, agent, || caller(&self.shared, &parts).address);
        match treatment {
            BotTreatment::Allow => Either::Left(self.inner.call(Request::from_parts(parts, body))),
            BotTreatment::Deny => {
                let refused = Problem::from(BotRefused::Denied(verdict)).into_response();
                Either::Right(Box::pin(std::future::ready(Ok(refused))))
            }
            BotTreatment::Limit => {
                let (mut inner, shared) = (self.inner.clone(), Arc::clone(&self.shared));
                // The clone stays for the next request: the present service is the one that is ready.
                std::mem::swap(&mut inner, &mut self.inner);
                Either::Right(Box::pin(async move {
                    let caller = caller(&shared, &parts);
                    match shared.api.door.sort_bots.admit(&caller).await {
                        Ok(()) => inner.call(Request::from_parts(parts, body)).await,
                        Err(refused) => Ok(Problem::from(refused).into_response()),
                    }
                }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_of_the_kind_that_their_harm_is() {
        let kind = |method: Method, path: &str| kind_of(&method, path);
        for path in
            ["/health", "/ready", "/metrics", "/docs", "/openapi.json", "/.well-known/jwks.json", HEALTH]
        {
            assert_eq!(kind(Method::GET, path), None, "{path}");
        }
        for path in ["register", "login", "refresh", "password", "github", "github/callback", "github/link"] {
            let path = format!("/api/v1/auth/{path}");
            assert_eq!(kind(Method::POST, &path), Some((BotRoute::SignIn, false)), "{path}");
        }
        assert_eq!(kind(Method::GET, "/api/v1/auth/me"), Some((BotRoute::Read, true)));
        assert_eq!(kind(Method::HEAD, "/api/v1/api-keys"), Some((BotRoute::Read, true)));
        assert_eq!(kind(Method::GET, "/api/v2/info"), Some((BotRoute::Read, false)));
        for path in ["/api/v1/books", "/api/v1/books/01890a5d-ac96-774b-bcce-b302099a8057", "/api/v1/books/"]
        {
            assert_eq!(kind(Method::GET, path), Some((BotRoute::Read, false)), "{path}");
            assert_eq!(kind(Method::HEAD, path), Some((BotRoute::Read, false)), "{path}");
            assert_eq!(kind(Method::POST, path), Some((BotRoute::Write, true)), "{path}");
        }
        assert_eq!(kind(Method::GET, "/api/v1/bookshops"), Some((BotRoute::Read, true)));
        assert_eq!(kind(Method::GET, "/api/v1/orders"), Some((BotRoute::Read, true)));
        assert_eq!(kind(Method::POST, "/api/v1/auth/logout"), Some((BotRoute::Write, false)));
        assert_eq!(kind(Method::POST, "/api/v1/auth/logout-all"), Some((BotRoute::Write, true)));
        assert_eq!(kind(Method::POST, "/api/v2/info"), Some((BotRoute::Write, true)));
        assert_eq!(kind(Method::DELETE, "/api/v1/api-keys/1"), Some((BotRoute::Write, true)));
        assert_eq!(kind(Method::GET, "/api/nothing/here"), Some((BotRoute::Read, true)));
    }
}
