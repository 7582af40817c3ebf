use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    Router,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
    routing::future::RouteFuture,
};
use futures_util::future::{BoxFuture, Either};
use http::{HeaderValue, Method, Request, header};
use http_body::Body as _;
use tower::Service;

use super::{Shared, auth};

/// The routes, of which the one that programs prove their keys by is reached without the router: matching a path and boxing a handler three times cost about
/// as much as the check.
///
/// What is layered around the router must hold there as well, so with a layer in place all go through it.
#[derive(Clone)]
pub(crate) struct Routes {
    router: Router,
    shared: Arc<Shared>,
    layered: bool,
}

impl Routes {
    pub(super) const fn new(router: Router, shared: Arc<Shared>, layered: bool) -> Self {
        Self { router, shared, layered }
    }
}

impl Service<Request<Body>> for Routes {
    type Response = Response;
    type Error = Infallible;
    type Future = Either<BoxFuture<'static, Result<Response, Infallible>>, RouteFuture<Infallible>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if !self.layered && *request.method() == Method::GET && request.uri().path() == auth::ME {
            let shared = Arc::clone(&self.shared);
            return Either::Left(Box::pin(async move {
                let mut response = auth::me(State(shared), request).await.into_response();
                state_length(&mut response);
                Ok(response)
            }));
        }
        Either::Right(self.router.call(request))
    }
}

/// Says how long the body is, as the router does.
fn state_length(response: &mut Response) {
    if !response.headers().contains_key(header::CONTENT_LENGTH)
        && let Some(length) = response.size_hint().exact()
    {
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
}
