//! Methods and addresses, common and odd: what each is told.

use anyhow::ensure;
use http::Method;

use super::super::answer::Answer;
use super::super::api::Api;
use super::super::{Case, Outcome, raw, same};
use super::books::{BOOKS, NOWHERE};
use super::{LOGIN, ME, REGISTER, SESSIONS};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("methods: OPTIONS of nothing is a 404 problem", options_of_nothing),
        Case::new("methods: HEAD has the headers of its GET, plain and packed", head_is_get),
        Case::new("methods: HEAD of nothing, and of what takes no GET, has no body", head_refused),
        Case::new("headers: every answer says what browsers may do with it", security),
        Case::new("headers: browsers are held to https where the public address is that", transport),
        Case::new("headers: answers with tokens or keys are kept by nobody and never packed", secrets),
    ];
    for (path, methods) in [
        ("/health", "GET,HEAD"),
        ("/.well-known/jwks.json", "GET,HEAD"),
        (ME, "GET,HEAD"),
        (SESSIONS, "GET,HEAD"),
        (LOGIN, "POST"),
        (BOOKS, "GET,HEAD,POST"),
        (NOWHERE, "GET,HEAD,PATCH,DELETE"),
        ("/api/v2/settings/any", "PUT,DELETE"),
    ] {
        cases.push(Case::new(format!("methods: OPTIONS {path} is 204 and tells {methods}"), move |api| {
            options(api, path, methods)
        }));
    }
    for method in ["PUT", "PATCH", "DELETE", "PROPFIND", "QUERY"] {
        cases.push(Case::new(format!("methods: {method} of what has it not is 405"), move |api| {
            odd_method(api, method)
        }));
    }
    for (what, path) in [
        ("bytes that are no text", "/api/v1/books/%ff"),
        ("bytes that are no text in a model's name", "/api/v1/models/%C3%28"),
        ("a percent sign alone", "/api/v1/books/%"),
        ("a percent sign before letters", "/api/v1/books/%zz"),
        ("a zero byte", "/api/v1/books/%00"),
        ("a slash that is encoded", "/api/v1/books/%2F"),
        ("a slash at the end", "/api/v1/books/"),
        ("two slashes", "/api//v1/books"),
        ("two slashes at the beginning", "//api/v1/books"),
        ("semicolons", "/api/v1/books;a=b"),
        ("another case", "/API/v1/books"),
    ] {
        cases.push(Case::new(format!("paths: {what} name nothing: a problem, never a fault"), move |api| {
            names_nothing(api, path)
        }));
    }
    for length in [2_000, 8_000, 30_000] {
        cases.push(Case::new(format!("paths: one of {length} letters is a 404 problem"), move |api| {
            long_path(api, length)
        }));
        cases.push(Case::new(format!("paths: a query of {length} letters does no harm"), move |api| {
            long_query(api, length)
        }));
    }
    cases.push(Case::new("paths: an absolute address counts by its path", absolute));
    cases.push(Case::new(
        "paths: an address of 200,000 letters gets no answer of ours, and does no harm",
        endless,
    ));
    cases
}

fn told(answer: &Answer, name: &str) -> anyhow::Result<Vec<String>> {
    let mut words: Vec<String> =
        answer.must_have(name)?.split(',').map(|word| word.trim().to_owned()).collect();
    words.sort();
    Ok(words)
}

async fn options(api: Api, path: &str, methods: &str) -> Outcome {
    let answer = api.call(Method::OPTIONS, path).send().await?.is(204)?;
    let mut wanted: Vec<&str> = methods.split(',').chain(["OPTIONS"]).collect();
    wanted.sort_unstable();
    same("Allow", told(&answer, "allow")?, wanted)?;
    same("statements", answer.timing()?.statements, 0)
}

async fn options_of_nothing(api: Api) -> Outcome {
    for path in ["/nothing", "/api/v1", "/api/v1/books/1/2"] {
        api.call(Method::OPTIONS, path).send().await?.is_problem(404, "not_found")?;
    }
    Ok(())
}

async fn odd_method(api: Api, method: &str) -> Outcome {
    for path in ["/health", ME] {
        let method = Method::from_bytes(method.as_bytes())?;
        let answer = api.call(method, path).send().await?.is_problem(405, "method_not_allowed")?;
        same("Allow", told(&answer, "allow")?, ["GET", "HEAD", "OPTIONS"])?;
    }
    Ok(())
}

async fn head_is_get(api: Api) -> Outcome {
    // What hangs on the moment, or on the connection.
    const OF_THE_MOMENT: [&str; 6] =
        ["date", "x-request-id", "server-timing", "ratelimit", "content-length", "transfer-encoding"];
    for path in ["/health", "/openapi.json", "/.well-known/jwks.json", NOWHERE] {
        for accepted in ["identity", "gzip", "zstd", "br"] {
            let call = |method| api.call(method, path).header("accept-encoding", accepted);
            let get = call(Method::GET).send().await?;
            let head = call(Method::HEAD).send().await?.is(get.status)?;
            for name in get.headers.keys().filter(|name| !OF_THE_MOMENT.contains(&name.as_str())) {
                let what = format!("{path}, {accepted}: {name}");
                same(&what, head.headers.get(name), get.headers.get(name))?;
            }
            if let Some(length) = head.header("content-length") {
                same("content-length", length, get.body.len().to_string().as_str())?;
            }
        }
    }
    Ok(())
}

async fn head_refused(api: Api) -> Outcome {
    api.call(Method::HEAD, "/nothing").send().await?.is(404)?;
    let answer = api.call(Method::HEAD, REGISTER).send().await?.is(405)?;
    same("Allow", told(&answer, "allow")?, ["OPTIONS", "POST"])
}

async fn security(api: Api) -> Outcome {
    for path in ["/health", ME, "/nothing"] {
        let answer = api.get(path).send().await?;
        same("nosniff", answer.must_have("x-content-type-options")?, "nosniff")?;
        same("whose it is", answer.must_have("cross-origin-resource-policy")?, "same-origin")?;
        ensure!(answer.header("strict-transport-security").is_none(), "the public address is http");
    }
    Ok(())
}

async fn transport(api: Api) -> Outcome {
    for path in ["/health", "/nothing"] {
        let answer = api.get(path).strict().send().await?;
        same("HSTS", answer.must_have("strict-transport-security")?, "max-age=3600")?;
    }
    Ok(())
}

async fn secrets(api: Api) -> Outcome {
    let person = super::super::people::Person::register(&api).await?;
    let accepted = "gzip, br, zstd";
    let token = &person.tokens.access;
    // Long names, so that the length is no reason.
    let name = "x".repeat(100);
    let body = serde_json::json!({ "name": name, "scopes": ["messages:read"], "instance_ids": ids() });
    let key = api.post("/api/v1/api-keys").bearer(token).json(&body).header("accept-encoding", accepted);
    let key = key.send().await?.is(201)?;
    ensure!(key.body.len() > 1_024, "{} bytes are too few to tell", key.body.len());
    let login = serde_json::json!({ "email": person.email, "password": person.password });
    let login = api.post(LOGIN).json(&login).header("accept-encoding", accepted).send().await?.is(200)?;
    let refresh = serde_json::json!({ "refresh_token": login.json()?["refresh_token"] });
    let refresh = api.post("/api/v1/auth/refresh").json(&refresh).header("accept-encoding", accepted);
    let refresh = refresh.send().await?.is(200)?;
    for answer in [key, login, refresh] {
        same("cache-control", answer.must_have("cache-control")?, "no-store")?;
        same("content-encoding", answer.header("content-encoding"), None)?;
        same("a validator", answer.header("etag"), None)?;
    }
    Ok(())
}

/// Enough of them that an answer is longer than what is packed from.
fn ids() -> Vec<String> {
    (0..40).map(|_| super::messaging::fresh_id()).collect()
}

async fn names_nothing(api: Api, path: &str) -> Outcome {
    let answer = api.get(path).send().await?;
    ensure!(matches!(answer.status, 400 | 401 | 404), "{}: {}", answer.status, answer.text());
    Ok(())
}

async fn long_path(api: Api, length: usize) -> Outcome {
    api.get(format!("/{}", "a".repeat(length))).send().await?.is_problem(404, "not_found").map(drop)
}

async fn long_query(api: Api, length: usize) -> Outcome {
    api.get(format!("/health?{}", "a".repeat(length))).send().await?.is(200).map(drop)
}

fn head(api: &Api, line: &str) -> String {
    let host = api.addresses().base.trim_start_matches("http://");
    format!("{line} HTTP/1.1\r\nHost: {host}\r\n\r\n")
}

async fn absolute(api: Api) -> Outcome {
    let base = &api.addresses().base;
    let head = head(&api, &format!("GET {base}/health"));
    let answer = raw::exchange(base, "an absolute address", &head, Vec::new()).await?.is(200)?;
    answer.keeps_the_conventions()
}

/// What reads requests from the socket refuses it, or hangs up; whoever comes next is served.
async fn endless(api: Api) -> Outcome {
    let line = format!("GET /{}", "a".repeat(200_000));
    let answer =
        raw::exchange(&api.addresses().base, "an endless address", &head(&api, &line), Vec::new()).await;
    if let Ok(answer) = answer {
        ensure!(matches!(answer.status, 400 | 404 | 414 | 431), "{}", answer.status);
    }
    api.get("/health").send().await?.is(200).map(drop)
}
