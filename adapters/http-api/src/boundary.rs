//! What holds for every request, whatever its route.
//!
//! In order: the request is given an id and a meter; a browser that asks what it may ask is told; a body that says it is too large is refused unread; the route runs
//! under the time limit; a problem becomes its document; the headers that every answer carries are set; one line is logged.
//!
//! HEAD is asked as GET, and its answer's body is left out at the very end: so it has the same headers, also where those of a GET hang on its body.

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    net::IpAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, body::Body, response::Response};
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header, uri::PathAndQuery};
use http_body::Body as _;
use portico_domain::{
    meter::{self, Meter, Trace},
    ports::Clock,
    settings::Switch,
};
use tower::Service;

#[cfg(feature = "record")]
use crate::recording::{RecordedRequest, Recorder};
use crate::{
    Api, PeerAddress,
    code::Code,
    compression::{self, Accepted},
    cors::{Asking, Cors},
    fields::too_large,
    log_line::LogLine,
    observe::{Observer, Watch, Watched},
    problem::Problem,
    report::report,
    request_id::{RequestId, RequestIds},
    routes::{self, Route, Shared},
    security::Security,
    sorting::Sorted,
    trace_context::TraceContext,
};

/// The whole HTTP surface: the boundary around every route.
///
/// A runtime asks [`Surface::answer`] itself, which allocates nothing of its own; where a tower service is wanted, it is one.
#[derive(Clone)]
pub struct Surface(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    ids: RequestIds,
    // Around the router as a whole, not each route: `Allow` is set between the two.
    routes: Sorted<Router>,
    security: Security,
    cors: Option<Cors>,
    observer: Option<Arc<dyn Observer>>,
    #[cfg(feature = "record")]
    recorder: Option<Recorder>,
}

impl Inner {
    fn around(routes: Router, shared: Arc<Shared>, observer: Option<Arc<dyn Observer>>) -> Self {
        let settings = &shared.api.door.settings;
        let (security, cors) = (Security::of(settings), Cors::of(&settings.browsers, &routes));
        let routes = Sorted::new(routes::counted(routes, &shared), Arc::clone(&shared));
        Self {
            shared,
            ids: RequestIds::default(),
            routes,
            security,
            cors,
            observer,
            #[cfg(feature = "record")]
            recorder: None,
        }
    }
}

impl Surface {
    /// Puts the boundary around the routes over `api`.
    #[must_use]
    pub fn new(api: Api) -> Self {
        Self::watched(api, Watch::default())
    }

    /// The same, under the eyes of `watch`.
    #[must_use]
    pub fn watched(api: Api, watch: Watch) -> Self {
        let shared = Arc::new(Shared::new(api, &watch));
        let routes = routes::all(&shared);
        let inner = Inner::around(routes, shared, watch.observer);
        #[cfg(feature = "record")]
        let inner = Inner { recorder: watch.recorder, ..inner };
        Self(Arc::new(inner))
    }

    #[cfg_attr(
        not(feature = "record"),
        expect(clippy::unused_self, reason = "the other build asks who records")
    )]
    fn meter(&self, trace: Option<Trace>) -> Meter {
        if let Some(trace) = trace.filter(|trace| trace.sampled) {
            return Meter::traced(trace);
        }
        #[cfg(feature = "record")]
        if self.0.recorder.is_some() {
            return Meter::recording();
        }
        Meter::default()
    }

    #[cfg(feature = "record")]
    fn record(&self, id: &str, method: &Method, path: &str, response: &Response, meter: &Meter) {
        let Some(recorder) = &self.0.recorder else { return };
        recorder(&RecordedRequest {
            request_id: id,
            method: method.as_str(),
            route: Route::of(path).map(Route::template),
            path,
            status: response.status().as_u16(),
            statements: &meter.sent(),
        });
    }

    /// Answers one request, whose connection was opened from `peer`, where that is known.
    pub async fn answer(&self, mut request: Request<Body>, peer: Option<IpAddr>) -> Response {
        let Inner { shared, ids, routes, security, cors, observer, .. } = &*self.0;
        let door = &*shared.api.door;
        let began = door.clock.now();
        let id = RequestId::of(request.headers(), ids, &*door.entropy, began);
        let (method, path) = (request.method().clone(), request.uri().path_and_query().cloned());
        let accepted = Accepted::of(request.headers());
        let watched = Watched::begin(observer.as_deref(), TraceContext::of(request.headers()));
        let meter = Arc::new(self.meter(watched.trace));
        let cors = cors.as_ref().map(|cors| (cors, Asking::of(&request)));
        let is_head = method == Method::HEAD;
        if is_head {
            *request.method_mut() = Method::GET;
        }
        if let Some(peer) = peer {
            request.extensions_mut().insert(PeerAddress(peer));
        }

        let preflight = match &cors {
            // Boxed, as it is for few.
            Some((cors, asking)) if asking.is_preflight() => Box::pin(cors.preflight(asking)).await,
            _ => None,
        };
        let limit = door.settings.body_limit;
        let mut response = if let Some(preflight) = preflight {
            preflight
        } else if is_about_the_server(&request) {
            about_the_server()
        } else if declared_length(request.headers()).is_some_and(|length| length > limit as u64) {
            problem_response(too_large(limit))
        } else {
            let time_limit = door.settings.request_time_limit;
            let route = meter::metered(Arc::clone(&meter), routes.clone().call(request));
            match within(&*door.clock, time_limit, route).await {
                Some(Ok(response)) => response,
                None => problem_response(Problem::new(
                    Code::Timeout,
                    format!("It took longer than {} s.", time_limit.as_secs()),
                )),
            }
        };

        let path = path.as_ref().map_or("", PathAndQuery::path);
        #[cfg(feature = "record")]
        self.record(id.as_str(), &method, path, &response, &meter);
        let problem =
            response.extensions_mut().remove::<Problem>().or_else(|| of_the_router(response.status()));
        let mut response = match (&problem, response.status()) {
            (Some(problem), _) => with_headers_of(&response, problem.render(id.as_str())),
            (None, StatusCode::METHOD_NOT_ALLOWED) => method_not_allowed(&response, &method, id.as_str()),
            (None, _) => response,
        };
        if door.settings.switches.is_on(Switch::Compression) {
            if compression::is_worth(&response, door.settings.compression_least_bytes) {
                // Boxed, so that the answers that stay as they are don't carry its state along.
                response = Box::pin(compression::apply(response, &accepted)).await;
            } else if response.status() == StatusCode::NOT_MODIFIED {
                // As the answer says that it stands for, whose size isn't known any more.
                response.headers_mut().append(header::VARY, HeaderValue::from_static("accept-encoding"));
            }
        }
        if is_head {
            response = without_body(response);
        }
        let spent = door.clock.now().since(began);
        report(response.headers_mut(), &id, &meter, spent);
        security.mark(response.headers_mut());
        if let Some((cors, asking)) = &cors {
            cors.mark(asking, response.headers_mut());
        }
        let (route, trace_id, problem) = (Route::of(path), watched.trace_id(), problem.as_ref());
        let (id, method, meter, status) = (id.as_str(), &method, &*meter, response.status());
        LogLine { id, method, path, route, status, spent, meter, problem, trace_id }.write();
        let refused = (status == StatusCode::METHOD_NOT_ALLOWED).then_some(Code::MethodNotAllowed);
        let code = problem.map(Problem::code).or(refused);
        watched.answered(route, method, &response, code, began, spent, meter);
        response
    }
}

impl Service<Request<Body>> for Surface {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let surface = self.clone();
        Box::pin(async move { Ok(surface.answer(request, None).await) })
    }
}

/// Runs `work` for so long at most. The timer is made when the work first waits for something: most don't.
async fn within<F: Future>(clock: &dyn Clock, limit: Duration, work: F) -> Option<F::Output> {
    let mut work = pin!(work);
    let mut timer: Option<Pin<Box<dyn Future<Output = ()> + Send + '_>>> = None;
    poll_fn(|context| {
        if let Poll::Ready(outcome) = work.as_mut().poll(context) {
            return Poll::Ready(Some(outcome));
        }
        timer.get_or_insert_with(|| clock.sleep(limit)).as_mut().poll(context).map(|()| None)
    })
    .await
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

/// What the router says without a problem of ours: a path whose percent-encoded bytes are no text names nothing.
fn of_the_router(status: StatusCode) -> Option<Problem> {
    (status == StatusCode::BAD_REQUEST).then(routes::not_found)
}

/// `OPTIONS *` asks about the server as a whole (RFC 9110, 9.3.7).
fn is_about_the_server(request: &Request<Body>) -> bool {
    *request.method() == Method::OPTIONS && request.uri().path() == "*"
}

fn about_the_server() -> Response {
    let mut answer = axum::response::IntoResponse::into_response(StatusCode::NO_CONTENT);
    let all = HeaderValue::from_static("GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS");
    answer.headers_mut().insert(header::ALLOW, all);
    answer
}

/// The answer to a HEAD: as long as that to a GET would be, as far as that is known.
fn without_body(response: Response) -> Response {
    let (mut head, body) = response.into_parts();
    let has_body = !matches!(head.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    // What the runtime would still encode is of another length then.
    let is_whole = !head.headers.contains_key(header::CONTENT_ENCODING);
    if has_body
        && is_whole
        && !head.headers.contains_key(header::CONTENT_LENGTH)
        && let Some(length) = body.size_hint().exact()
    {
        head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    Response::from_parts(head, Body::empty())
}

fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
