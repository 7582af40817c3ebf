//! What pages of other origins are told: nothing where none is named, everybody's on the server with the default limits, two origins' on the narrow one.

use anyhow::ensure;
use http::Method;

use super::super::answer::Answer;
use super::super::api::{Api, Call};
use super::super::{Case, Outcome, same};
use super::books::{BOOKS, NOWHERE};
use super::{LOGIN, ME, SESSIONS};

const PAGE: &str = "https://app.example.com";
const STRANGERS: [&str; 4] =
    ["https://evil.example", "null", "https://app.example.com.evil.example", "http://app.example.com"];

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("cors: where no origin is named, no answer tells browsers anything", none),
        Case::new("cors: a preflight is told what its own path allows", preflight),
        Case::new(
            "cors: a preflight asks nothing of the database, also by a program that is refused",
            before_all,
        ),
        Case::new(
            "cors: a preflight of nothing is a 404 problem that the page may read",
            preflight_of_nothing,
        ),
        Case::new("cors: a stranger's page is granted nothing, and caches are told why", stranger),
        Case::new("cors: refusals and validators are for the page to read as well", problems),
        Case::new("cors: where everybody may read, nothing varies by origin", everybody),
        Case::new("cors: an answer that is packed varies by both", packed),
        Case::new("cors: a page of another origin isn't let in by cookies", cookies),
    ]
}

fn ask_first(api: &Api, origin: &str, method: &str, path: &str) -> Call {
    api.call(Method::OPTIONS, path)
        .header("origin", origin)
        .header("access-control-request-method", method)
        .header("access-control-request-headers", "authorization,content-type")
}

fn words(answer: &Answer, name: &str) -> Vec<String> {
    let values = answer.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|word| word.trim().to_ascii_lowercase()).collect()
}

fn tells_nothing(answer: &Answer) -> Outcome {
    let told = answer.headers.keys().find(|name| name.as_str().starts_with("access-control-"));
    ensure!(told.is_none(), "{}: {told:?}", answer.told);
    Ok(())
}

async fn none(api: Api) -> Outcome {
    for path in ["/health", ME, "/nothing"] {
        let answer = api.get(path).header("origin", PAGE).send().await?;
        tells_nothing(&answer)?;
        ensure!(!words(&answer, "vary").contains(&"origin".to_owned()), "it varies by origin");
    }
    let answer = ask_first(&api, PAGE, "GET", "/health").send().await?.is(204)?;
    tells_nothing(&answer)?;
    ensure!(words(&answer, "allow").contains(&"get".to_owned()), "it is an OPTIONS like any other");
    Ok(())
}

async fn preflight(api: Api) -> Outcome {
    for (path, methods) in [
        (BOOKS, &["get", "head", "post", "options"][..]),
        (NOWHERE, &["get", "head", "patch", "delete", "options"]),
        (LOGIN, &["post", "options"]),
        (SESSIONS, &["get", "head", "options"]),
    ] {
        let answer = ask_first(&api, PAGE, "POST", path).strict().send().await?.is(204)?;
        same("the origin", answer.must_have("access-control-allow-origin")?, PAGE)?;
        same("credentials", answer.must_have("access-control-allow-credentials")?, "true")?;
        same("the lifetime", answer.must_have("access-control-max-age")?, "600")?;
        let (mut told, mut wanted) = (words(&answer, "access-control-allow-methods"), methods.to_vec());
        told.sort();
        wanted.sort_unstable();
        same(path, told, wanted)?;
        let headers = words(&answer, "access-control-allow-headers");
        for name in
            ["authorization", "content-type", "x-api-key", "idempotency-key", "if-none-match", "x-request-id"]
        {
            ensure!(headers.contains(&name.to_owned()), "{name} is not among {headers:?}");
        }
        ensure!(words(&answer, "vary").contains(&"origin".to_owned()), "it varies by origin");
    }
    Ok(())
}

async fn before_all(api: Api) -> Outcome {
    // This program is refused to sign in on the narrow server.
    let bot = "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)";
    for _ in 0..5 {
        let answer =
            ask_first(&api, PAGE, "POST", LOGIN).header("user-agent", bot).strict().send().await?.is(204)?;
        same("statements", answer.timing()?.statements, 0)?;
        ensure!(answer.header("ratelimit").is_none(), "it was counted");
        answer.must_have("access-control-allow-methods")?;
    }
    Ok(())
}

async fn preflight_of_nothing(api: Api) -> Outcome {
    let answer = ask_first(&api, PAGE, "GET", "/api/v1/nothing").strict().send().await?;
    let answer = answer.is_problem(404, "not_found")?;
    same("the origin", answer.must_have("access-control-allow-origin")?, PAGE)?;
    ensure!(answer.header("access-control-allow-methods").is_none(), "nothing is allowed there");
    Ok(())
}

async fn stranger(api: Api) -> Outcome {
    for origin in STRANGERS {
        for call in [api.get("/health").header("origin", origin), ask_first(&api, origin, "GET", ME)] {
            let answer = call.strict().send().await?;
            ensure!(answer.status < 300, "{}: the server serves it all the same", answer.status);
            tells_nothing(&answer)?;
            ensure!(words(&answer, "vary").contains(&"origin".to_owned()), "it varies by origin");
        }
    }
    Ok(())
}

async fn problems(api: Api) -> Outcome {
    let info = api.get("/.well-known/jwks.json").strict().send().await?.is(200)?;
    let tag = info.must_have("etag")?.to_owned();
    for (call, status) in [
        (api.get(ME), 401),
        (api.get("/nothing"), 404),
        (api.post("/health"), 405),
        (api.get(format!("{BOOKS}?limit=0")), 422),
        (api.get("/.well-known/jwks.json").header("if-none-match", &tag), 304),
        (api.call(Method::HEAD, "/health"), 200),
    ] {
        let answer = call.header("origin", "http://localhost:5173").strict().send().await?.is(status)?;
        same("the origin", answer.must_have("access-control-allow-origin")?, "http://localhost:5173")?;
        ensure!(words(&answer, "vary").contains(&"origin".to_owned()), "{status}: it varies by origin");
        let shown = words(&answer, "access-control-expose-headers");
        for name in ["etag", "x-request-id", "server-timing", "ratelimit", "retry-after", "location"] {
            ensure!(shown.contains(&name.to_owned()), "{name} is not among {shown:?}");
        }
    }
    Ok(())
}

async fn everybody(api: Api) -> Outcome {
    for origin in [Some(PAGE), Some("null"), None] {
        for path in ["/health", "/nothing"] {
            let mut call = api.get(path);
            if let Some(origin) = origin {
                call = call.header("origin", origin);
            }
            let answer = call.limited().send().await?;
            same("the origin", answer.must_have("access-control-allow-origin")?, "*")?;
            ensure!(answer.header("access-control-allow-credentials").is_none(), "without credentials");
            ensure!(!words(&answer, "vary").contains(&"origin".to_owned()), "it doesn't vary by origin");
        }
    }
    let answer = ask_first(&api, PAGE, "POST", LOGIN).limited().send().await?.is(204)?;
    same("the origin", answer.must_have("access-control-allow-origin")?, "*")?;
    answer.must_have("access-control-allow-methods").map(drop)
}

async fn packed(api: Api) -> Outcome {
    // The longest answer of the narrow server that everybody is given.
    let call = || api.get("/openapi.json").header("origin", PAGE).header("accept-encoding", "gzip").strict();
    let answer = call().send().await?.is(200)?;
    same("content-encoding", answer.must_have("content-encoding")?, "gzip")?;
    let known = call().header("if-none-match", answer.must_have("etag")?).send().await?.is(304)?;
    for answer in [&answer, &known] {
        let varies = words(answer, "vary");
        let both = ["accept-encoding", "origin"].iter().all(|name| varies.contains(&(*name).to_owned()));
        ensure!(both, "{}: Vary: {varies:?}", answer.status);
    }
    Ok(())
}

async fn cookies(api: Api) -> Outcome {
    let token = &api.bystander().await?.tokens.access;
    let read = |headers: &[(&str, &str)]| {
        let call = api.get(ME).header("cookie", format!("portico_access={token}"));
        headers.iter().fold(call, |call, (name, value)| call.header(name, value)).send()
    };
    read(&[]).await?.is(200)?;
    read(&[("sec-fetch-site", "same-origin")]).await?.is(200)?;
    for site in ["same-site", "cross-site"] {
        read(&[("sec-fetch-site", site), ("origin", PAGE)]).await?.is_problem(401, "unauthenticated")?;
    }
    read(&[("origin", PAGE)]).await?.is_problem(401, "unauthenticated").map(drop)
}
