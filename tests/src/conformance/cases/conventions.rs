//! Request ids, methods, unknown paths, compression. What every answer must have is checked by `Answer::keeps_the_conventions`.

use std::io::Read as _;

use anyhow::ensure;
use flate2::read::GzDecoder;
use http::Method;

use super::super::api::Api;
use super::super::people::{Person, Visitor};
use super::super::{Case, Outcome, same};
use super::{LINK, LOGIN, LOGOUT, LOGOUT_ALL, ME, PASSWORD_ROUTE, REFRESH, REGISTER, SESSIONS};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("request id: one that is made differs from answer to answer", made_ids_differ),
        Case::new("request id: a problem names it in header and body", problem_names_it),
        Case::new("methods: HEAD of a list answers like its GET", head_of_a_list),
        Case::new("compression: a long JSON list is gzipped when asked for", gzip),
        Case::new("compression: br and zstd are served when asked for", other_encodings),
        Case::new("compression: a packed body's validator saves the body as well", packed_validator),
        Case::new("compression: without Accept-Encoding the body is plain", plain),
        Case::new("compression: an answer that carries tokens never is", tokens_are_not_compressed),
        Case::new("caching: what belongs to one caller is private", private),
    ];
    let longest = "x".repeat(128);
    for (what, id) in [
        ("short", "a"),
        ("of every kind of letter", "!~#$%^&*()[]{}|;:<>?/-_=+,."),
        ("of 128 letters", &longest),
    ] {
        let id = id.to_owned();
        cases.push(Case::new(format!("request id: one that is {what} is echoed"), move |api| {
            echoed(api, id.clone())
        }));
    }
    for (what, id) in [
        ("of 129 letters", "x".repeat(129).into_bytes()),
        ("empty", Vec::new()),
        ("with a space", b"a b".to_vec()),
        ("with a tab", b"a\tb".to_vec()),
        ("not ASCII", "ü".as_bytes().to_vec()),
        ("not UTF-8", vec![0xff, 0xfe]),
    ] {
        cases.push(Case::new(format!("request id: one that is {what} is replaced"), move |api| {
            replaced(api, id.clone())
        }));
    }
    for path in ["/health", "/ready", "/api/v2/health", "/api/v2/info", "/.well-known/jwks.json"] {
        cases.push(Case::new(format!("methods: HEAD {path}"), move |api| head(api, path)));
    }
    for (method, path, allowed) in [
        (Method::POST, "/health", "GET"),
        (Method::DELETE, "/ready", "GET"),
        (Method::POST, "/api/v2/info", "GET"),
        (Method::GET, REGISTER, "POST"),
        (Method::PUT, LOGIN, "POST"),
        (Method::GET, REFRESH, "POST"),
        (Method::DELETE, LOGOUT, "POST"),
        (Method::GET, LOGOUT_ALL, "POST"),
        (Method::POST, ME, "GET"),
        (Method::DELETE, SESSIONS, "GET"),
        (Method::PATCH, PASSWORD_ROUTE, "POST"),
        (Method::GET, LINK, "POST"),
        (Method::GET, "/api/v1/auth/sessions/01890a5d-ac96-774b-bcce-b302099a8057", "DELETE"),
    ] {
        let name = format!("methods: {method} {path} is 405 and tells {allowed}");
        cases.push(Case::new(name, move |api| not_allowed(api, method.clone(), path, allowed)));
    }
    for path in [
        "/",
        "/nothing",
        "/api",
        "/api/v1/auth",
        "/api/v1/auth/nothing",
        "/health/",
        "//health",
        "/api/v1/auth/me/x",
    ] {
        cases.push(Case::new(format!("paths: {path} is a 404 problem"), move |api| not_found(api, path)));
    }
    for path in ["/%00", "/%ff%fe", "/api/v1/auth/%2e%2e/me", "/a?%ff", "/é"] {
        cases.push(Case::new(format!("paths: {path} does no harm"), move |api| harmless(api, path)));
    }
    cases
}

async fn echoed(api: Api, id: String) -> Outcome {
    let answer = api.get("/health").header("x-request-id", &id).send().await?.is(200)?;
    same("x-request-id", answer.must_have("x-request-id")?, id.as_str())
}

async fn replaced(api: Api, id: Vec<u8>) -> Outcome {
    let answer = api.get("/health").header("x-request-id", &id).send().await?.is(200)?;
    ensure!(answer.must_have("x-request-id")?.as_bytes() != id.as_slice(), "it was echoed");
    Ok(())
}

async fn made_ids_differ(api: Api) -> Outcome {
    let one = api.get("/health").send().await?;
    let two = api.get("/health").send().await?;
    ensure!(
        one.header("x-request-id") != two.header("x-request-id"),
        "both are {:?}",
        one.header("x-request-id")
    );
    Ok(())
}

async fn problem_names_it(api: Api) -> Outcome {
    let answer = api.get(ME).header("x-request-id", "told-by-the-client").send().await?.is(401)?;
    same("header", answer.must_have("x-request-id")?, "told-by-the-client")?;
    same("body", &answer.json()?["request_id"], "told-by-the-client")
}

async fn head(api: Api, path: &str) -> Outcome {
    let get = api.get(path).send().await?.is(200)?;
    let head = api.call(Method::HEAD, path).send().await?.is(200)?;
    same("content-type", head.header("content-type"), get.header("content-type"))
}

async fn head_of_a_list(api: Api) -> Outcome {
    let token = &api.bystander().await?.tokens.access;
    api.call(Method::HEAD, SESSIONS).bearer(token).send().await?.is(200)?;
    api.call(Method::HEAD, ME).bearer(token).send().await?.is(200)?;
    api.call(Method::HEAD, ME).send().await?.is(401)?;
    api.call(Method::HEAD, "/nothing").send().await?.is(404)?;
    Ok(())
}

async fn not_allowed(api: Api, method: Method, path: &str, allowed: &str) -> Outcome {
    let answer = api.call(method, path).send().await?.is_problem(405, "method_not_allowed")?;
    let told = answer.must_have("allow")?;
    let methods: Vec<&str> = told.split(',').map(str::trim).collect();
    ensure!(methods.contains(&allowed), "Allow: {told}");
    ensure!((allowed == "GET") == methods.contains(&"HEAD"), "HEAD goes with GET: Allow: {told}");
    Ok(())
}

async fn not_found(api: Api, path: &str) -> Outcome {
    api.get(path).send().await?.is_problem(404, "not_found")?;
    Ok(())
}

async fn harmless(api: Api, path: &str) -> Outcome {
    let answer = api.get(path).send().await?;
    ensure!(matches!(answer.status, 400 | 401 | 404), "{}: {}", answer.status, answer.text());
    Ok(())
}

/// Somebody with so many sessions that their list is longer than 1 KiB.
async fn with_a_long_list(api: &Api) -> anyhow::Result<Visitor> {
    let person = Visitor::arrive(api).await?;
    for _ in 0..5 {
        person.again(api).await?;
    }
    Ok(person)
}

async fn gzip(api: Api) -> Outcome {
    let person = with_a_long_list(&api).await?;
    let call = || api.get(SESSIONS).bearer(&person.tokens.access);
    let plain = call().send().await?.is(200)?;
    ensure!(plain.body.len() >= 1024, "the list is too short to tell: {} bytes", plain.body.len());
    let packed = call().header("accept-encoding", "gzip").send().await?.is(200)?;
    same("content-encoding", packed.must_have("content-encoding")?, "gzip")?;
    let varies = packed.must_have("vary")?.to_ascii_lowercase();
    ensure!(varies.contains("accept-encoding"), "Vary: {varies}");
    ensure!(packed.body.len() < plain.body.len(), "it did not get shorter");
    let mut unpacked = Vec::new();
    GzDecoder::new(packed.body.as_ref()).read_to_end(&mut unpacked)?;
    same("the rows", serde_json::from_slice::<serde_json::Value>(&unpacked)?, plain.json()?)?;
    // A strong validator names bytes, and these are others.
    if let (Some(one), Some(other)) = (plain.header("etag"), packed.header("etag")) {
        ensure!(one != other || one.starts_with("W/"), "both bodies have the ETag {one}");
    }
    Ok(())
}

async fn other_encodings(api: Api) -> Outcome {
    let person = with_a_long_list(&api).await?;
    for encoding in ["br", "zstd"] {
        let call = api.get(SESSIONS).bearer(&person.tokens.access).header("accept-encoding", encoding);
        let packed = call.send().await?.is(200)?;
        same("content-encoding", packed.must_have("content-encoding")?, encoding)?;
        ensure!(!packed.body.starts_with(b"{"), "{encoding}: the body is plain");
    }
    Ok(())
}

async fn packed_validator(api: Api) -> Outcome {
    let person = with_a_long_list(&api).await?;
    let call = || api.get(SESSIONS).bearer(&person.tokens.access).header("accept-encoding", "gzip");
    let packed = call().send().await?.is(200)?;
    let tag = packed.must_have("etag")?.to_owned();
    let again = call().header("if-none-match", &tag).send().await?.is(304)?;
    ensure!(again.body.is_empty(), "304 has a body");
    same("etag", again.must_have("etag")?, tag.as_str())
}

async fn plain(api: Api) -> Outcome {
    let person = with_a_long_list(&api).await?;
    for refused in [None, Some("identity"), Some("gzip;q=0, br;q=0, zstd;q=0")] {
        let mut call = api.get(SESSIONS).bearer(&person.tokens.access);
        if let Some(refused) = refused {
            call = call.header("accept-encoding", refused);
        }
        let answer = call.send().await?.is(200)?;
        same("content-encoding", answer.header("content-encoding"), None)?;
        answer.json()?;
    }
    Ok(())
}

async fn tokens_are_not_compressed(api: Api) -> Outcome {
    let person = Person::register(&api).await?;
    let body = serde_json::json!({ "email": person.email, "password": person.password });
    let answer =
        api.post(LOGIN).json(&body).header("accept-encoding", "gzip, br, zstd").send().await?.is(200)?;
    same("content-encoding", answer.header("content-encoding"), None)
}

async fn private(api: Api) -> Outcome {
    let token = &api.bystander().await?.tokens.access;
    for path in [ME, SESSIONS] {
        let answer = api.get(path).bearer(token).send().await?.is(200)?;
        let told = answer.must_have("cache-control")?;
        ensure!(told.contains("private") || told.contains("no-store"), "{path}: Cache-Control: {told}");
    }
    Ok(())
}
