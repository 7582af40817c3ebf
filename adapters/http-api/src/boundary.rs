//! What holds for every request, whatever its route.
//!
//! In order: the request is given an id and a meter; a body that says it is too large is refused unread; the route runs under the time limit;
//! a problem becomes its document; the headers that every answer carries are set; one line is logged.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{body::Body, response::Response};
use futures_util::future::{BoxFuture, Either, select};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use portico_domain::{
    meter::{self, Meter},
    models::{Admission, uuid_v7},
    settings::Switch,
};
use tower::{Layer, Service};

use crate::{code::Code, compression, fields::too_large, problem::Problem, routes::Shared};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Puts the boundary around every route.
#[derive(Clone)]
pub(crate) struct BoundaryLayer(Arc<Shared>);

impl BoundaryLayer {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }
}

impl<S> Layer<S> for BoundaryLayer {
    type Service = Boundary<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Boundary { inner, shared: Arc::clone(&self.0) }
    }
}

/// The boundary around one route.
#[derive(Clone)]
pub(crate) struct Boundary<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> Service<Request<Body>> for Boundary<S>
where
    S: Service<Request<Body>, Response = Response, Error = std::convert::Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = std::convert::Infallible;
    type Future = BoxFuture<'static, Result<Response, Self::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        // The clone is the one that takes the next request: the present one is ready.
        let next = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, next);
        Box::pin(serve(shared, inner, request))
    }
}

async fn serve<S>(
    shared: Arc<Shared>,
    mut inner: S,
    request: Request<Body>,
) -> Result<Response, std::convert::Infallible>
where
    S: Service<Request<Body>, Response = Response, Error = std::convert::Infallible>,
{
    let door = &shared.api.door;
    let began = door.clock.now();
    let id = request_id(&shared, request.headers());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let accepted: Vec<HeaderValue> =
        request.headers().get_all(header::ACCEPT_ENCODING).iter().cloned().collect();
    let meter = Arc::new(Meter::default());

    let limit = door.settings.body_limit;
    let mut response = if declared_length(request.headers()).is_some_and(|length| length > limit as u64) {
        problem_response(too_large(limit))
    } else {
        let route = pin!(meter::metered(Arc::clone(&meter), inner.call(request)));
        let time_limit = door.clock.sleep(door.settings.request_time_limit);
        match select(route, time_limit).await {
            Either::Left((response, _)) => response?,
            Either::Right(((), _)) => problem_response(Problem::new(
                Code::Timeout,
                format!("It took longer than {} s.", door.settings.request_time_limit.as_secs()),
            )),
        }
    };

    let problem = response.extensions_mut().remove::<Problem>();
    let mut response = match (&problem, response.status()) {
        (Some(problem), _) => with_headers_of(&response, problem.render(&id)),
        (None, StatusCode::METHOD_NOT_ALLOWED) => method_not_allowed(&response, &method, &id),
        (None, _) => response,
    };
    if door.settings.switches.is_on(Switch::Compression)
        && compression::is_worth(&response, door.settings.compression_least_bytes)
    {
        // Boxed, so that the answers that stay as they are don't carry its state along.
        response = Box::pin(compression::apply(response, &accepted)).await;
    }
    let spent = door.clock.now().since(began);
    finish(response.headers_mut(), &id, &meter, spent);
    log(&id, &method, &path, response.status(), spent, &meter, problem.as_ref());
    Ok(response)
}

fn problem_response(problem: Problem) -> Response {
    axum::response::IntoResponse::into_response(problem)
}

/// The rendered problem, with what the route had set besides (`Allow`, `Set-Cookie`).
fn with_headers_of(route: &Response, mut rendered: Response) -> Response {
    for (name, value) in route.headers() {
        if *name == header::ALLOW || *name == header::SET_COOKIE {
            rendered.headers_mut().append(name, value.clone());
        }
    }
    rendered
}

/// OPTIONS is answered with what the path allows; any other method that it doesn't is a problem.
fn method_not_allowed(response: &Response, method: &Method, id: &str) -> Response {
    let allow =
        response.headers().get(header::ALLOW).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let allow = HeaderValue::from_str(&format!("{allow},OPTIONS")).ok();
    let mut answer = if *method == Method::OPTIONS {
        axum::response::IntoResponse::into_response(StatusCode::NO_CONTENT)
    } else {
        Problem::new(Code::MethodNotAllowed, "Allow lists the methods of this path.").render(id)
    };
    if let Some(allow) = allow {
        answer.headers_mut().insert(header::ALLOW, allow);
    }
    answer
}

/// The client's id if it is 1–128 visible ASCII characters, else one of ours.
fn request_id(shared: &Shared, headers: &HeaderMap) -> String {
    let sent = headers.get(&REQUEST_ID).and_then(|value| value.to_str().ok());
    let usable = |id: &&str| (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
    if let Some(id) = sent.filter(usable) {
        return id.to_owned();
    }
    let random = shared.api.door.entropy.bytes().unwrap_or_default();
    let mut bytes = [0; 10];
    bytes.copy_from_slice(&random[..10]);
    uuid_v7(shared.api.door.clock.now(), bytes).to_string()
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn finish(headers: &mut HeaderMap, id: &str, meter: &Meter, spent: Duration) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let mut set = |name: HeaderName, text: String| {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(name, value);
        }
    };
    set(REQUEST_ID, id.to_owned());
    set(
        SERVER_TIMING,
        format!(
            "total;dur={}, db;dur={};desc=\"{}\", cache;desc=\"{}\"",
            millis(spent),
            millis(meter.storage_time()),
            meter.statements(),
            meter.cache().as_str()
        ),
    );
    let admissions = meter.admissions();
    if !admissions.is_empty() {
        set(
            RATE_LIMIT_POLICY,
            list(&admissions, |a| {
                format!("\"{}\";q={};w={}", a.policy, a.quota.limit, a.quota.window.as_secs())
            }),
        );
        set(
            RATE_LIMIT,
            list(&admissions, |a| {
                let reset = a.reset_after.as_secs() + u64::from(a.reset_after.subsec_nanos() > 0);
                format!("\"{}\";r={};t={reset}", a.policy, a.remaining)
            }),
        );
    }
}

/// Milliseconds with three places, as `Server-Timing` counts.
fn millis(span: Duration) -> String {
    let micros = span.as_micros();
    format!("{}.{:03}", micros / 1_000, micros % 1_000)
}

fn list(admissions: &[Admission], item: impl Fn(&Admission) -> String) -> String {
    admissions.iter().map(item).collect::<Vec<_>>().join(", ")
}

fn log(
    id: &str,
    method: &Method,
    path: &str,
    status: StatusCode,
    spent: Duration,
    meter: &Meter,
    problem: Option<&Problem>,
) {
    // Whole microseconds, so that the number prints with three places at most.
    let ms = f64::from(u32::try_from(spent.as_micros()).unwrap_or(u32::MAX)) / 1_000.0;
    let code = problem.map(|problem| problem.code().as_str());
    if status == StatusCode::OK && matches!(path, "/health" | "/ready") {
        // Monitors ask all day long: that all is well is no news, and a line costs a Worker more than the answer does.
        tracing::debug!(target: "portico::request", request_id = id, %method, path, ms, "probe");
    } else {
        tracing::info!(
            target: "portico::request",
            request_id = id, %method, path, status = status.as_u16(), ms, statements = meter.statements(), code,
            "request"
        );
    }
    if let Some(detail) = problem.and_then(Problem::for_operator) {
        tracing::warn!(target: "portico::problem", request_id = id, code, detail, "problem");
    }
}
