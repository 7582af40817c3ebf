//! The provider's routes, and the controls that tests steer it by.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderMap, Method};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::api;
use super::identities::{Fault, Identities, Identity};
use super::oauth::{self, App, Consent, Parameters};

/// No request here is longer.
const BODY_LIMIT: usize = 256 * 1024;

struct Provider {
    app: App,
    identities: Identities,
}

/// Serves until the process ends.
pub async fn serve(listener: TcpListener, app: App) -> anyhow::Result<()> {
    let provider = Arc::new(Provider { app, identities: Identities::default() });
    axum::serve(listener, Router::new().fallback(handle).with_state(provider)).await?;
    Ok(())
}

async fn handle(State(provider): State<Arc<Provider>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_LIMIT).await else {
        return json_answer(413, &json!({ "message": "Payload too large" }));
    };
    let path = parts.uri.path();
    // Enterprise servers have the API below `/api/v3`, github.com on a host of its own.
    let path = path.strip_prefix("/api/v3").unwrap_or(path);
    let query = Parameters::of_form(parts.uri.query().unwrap_or_default().as_bytes());
    match (&parts.method, path) {
        (&Method::GET, "/login/oauth/authorize") => {
            match oauth::authorize(&provider.app, &provider.identities, &query) {
                Consent::Redirect(to) => plain(302)
                    .header("location", to)
                    .body(Body::empty())
                    .expect("a serialised URL is a header value"),
                Consent::Page(status, text) => json_answer(status, &json!({ "message": text })),
            }
        }
        (&Method::POST, "/login/oauth/access_token") => provider.token(&parts.headers, &body).await,
        (&Method::GET, "/user") => {
            let answer = api::user(&provider.identities, &parts.headers);
            faulty(answer.fault, json_answer(answer.status, &answer.body)).await
        }
        (&Method::GET, "/user/emails") => {
            let answer = api::emails(&provider.identities, &parts.headers);
            faulty(answer.fault, json_answer(answer.status, &answer.body)).await
        }
        (method, path) => match path.strip_prefix("/control/identities/") {
            Some(login) => provider.control(method, login, &body),
            None => json_answer(404, &json!({ "message": "Not Found" })),
        },
    }
}

impl Provider {
    async fn token(&self, headers: &HeaderMap, body: &[u8]) -> Response {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let form = if text("content-type").starts_with("application/json") {
            match serde_json::from_slice::<Value>(body) {
                Ok(value) => Parameters::of_json(&value),
                Err(_) => return json_answer(400, &json!({ "message": "Problems parsing JSON" })),
            }
        } else {
            Parameters::of_form(body)
        };
        let exchange = oauth::exchange(&self.app, &self.identities, &form);
        let answer = if text("accept").contains("application/json") {
            json_answer(200, &exchange.answer)
        } else {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            for (name, value) in exchange.answer.as_object().into_iter().flatten() {
                form.append_pair(name, value.as_str().unwrap_or_default());
            }
            plain(200)
                .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
                .body(Body::from(form.finish()))
                .expect("a constant header is valid")
        };
        faulty(exchange.fault, answer).await
    }

    /// `PUT` adds an account with its faults, `GET` tells how often each stage was asked about it.
    fn control(&self, method: &Method, login: &str, body: &[u8]) -> Response {
        match *method {
            Method::PUT => {
                let identity = serde_json::from_slice(body)
                    .map_err(|error| error.to_string())
                    .and_then(|value: Value| Identity::parse(&value));
                match identity {
                    Ok(identity) => {
                        self.identities.put(login.to_owned(), identity);
                        json_answer(200, &json!({}))
                    }
                    Err(message) => json_answer(400, &json!({ "message": message })),
                }
            }
            _ => match self.identities.get(login) {
                Some(identity) => json_answer(200, &json!({ "seen": identity.seen })),
                None => json_answer(404, &json!({ "message": "Not Found" })),
            },
        }
    }
}

async fn faulty(fault: Option<Fault>, answer: Response) -> Response {
    match fault {
        None => answer,
        Some(Fault::Status(status)) => {
            let body = json!({ "message": "A fault asked for by a test", "status": status.to_string() });
            let mut response = json_answer(status, &body);
            if status == 429 {
                response.headers_mut().insert("retry-after", http::HeaderValue::from_static("60"));
            }
            response
        }
        Some(Fault::Garbage) => plain(200)
            .header("content-type", "text/html")
            .body(Body::from(&b"<html>\xff\xfe unicorn"[..]))
            .expect("a constant header is valid"),
        Some(Fault::OtherShape) => json_answer(200, &json!({ "surprise": [1, 2, 3] })),
        Some(Fault::Slow(delay)) => {
            tokio::time::sleep(delay).await;
            answer
        }
    }
}

fn plain(status: u16) -> http::response::Builder {
    Response::builder().status(status)
}

fn json_answer(status: u16, body: &Value) -> Response {
    plain(status)
        .header("content-type", "application/json; charset=utf-8")
        .body(Body::from(body.to_string()))
        .expect("statuses come from this file or a test, in range")
}
