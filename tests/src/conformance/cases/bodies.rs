//! Bodies as bytes: malformed, of another type, too large.

use anyhow::ensure;

use super::super::api::Api;
use super::super::people::{PASSWORD, fresh_email};
use super::super::{Case, Outcome, raw, same};
use super::inputs::{ROUTES, Route};
use super::{LOGIN, REGISTER};

/// The contract's bound on a body.
const LIMIT: usize = 10 * 1024 * 1024;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new(
            "body: JSON is recognised by its media type, whatever its case and parameters",
            media_types,
        ),
        Case::new("body: white space around JSON is fine", white_space),
        Case::new("body: escapes and every plane of Unicode arrive as they are", unicode),
        Case::new("body: a lone surrogate is malformed JSON", |api| {
            malformed_text(api, r#"{"email":"\ud800","password":"x"}"#)
        }),
        Case::new("body: JSON nested 100,000 deep is refused and does no harm", |api| async move {
            let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
            malformed_text(api, &deep).await
        }),
        Case::new("body: more than 10 MiB by Content-Length is 413", too_large_by_length),
        Case::new("body: more than 10 MiB without Content-Length is 413", too_large_in_chunks),
        Case::new("body: 10 MiB are read", largest),
        Case::new("body: a member of 1 MiB is told like any other that is too long", long_member),
    ];
    for route in &ROUTES {
        let path = route.path;
        cases
            .push(Case::new(format!("body {path}: malformed JSON is 400"), move |api| malformed(api, route)));
        cases.push(Case::new(format!("body {path}: another media type is 415"), move |api| {
            other_types(api, route)
        }));
    }
    cases
}

async fn malformed_text(api: Api, text: &str) -> Outcome {
    let call = api.post(REGISTER).header("content-type", "application/json").bytes(text.to_owned());
    call.send().await?.is_problem(400, "malformed_json")?;
    api.get("/health").send().await?.is(200)?;
    Ok(())
}

async fn malformed(api: Api, route: &Route) -> Outcome {
    let good = (route.body)().to_string();
    let bodies: [Vec<u8>; 12] = [
        Vec::new(),
        b"   ".to_vec(),
        b"{".to_vec(),
        good[..good.len() - 1].into(),
        format!("{good}x").into(),
        format!("{good}{good}").into(),
        b"{'email':'a'}".to_vec(),
        b"{\"a\":NaN}".to_vec(),
        b"{\"a\":1,}".to_vec(),
        b"email=a&password=b".to_vec(),
        b"{\"email\":\"\xff\xfe\"}".to_vec(),
        b"\xef\xbb\xbf{".to_vec(),
    ];
    for body in bodies {
        let call = route.call(&api).await?.header("content-type", "application/json").bytes(body);
        call.send().await?.is_problem(400, "malformed_json")?;
    }
    Ok(())
}

async fn other_types(api: Api, route: &Route) -> Outcome {
    let good = (route.body)().to_string();
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "text/json",
        "json",
        "application/json, text/plain",
    ] {
        let call = route.call(&api).await?.header("content-type", kind).bytes(good.clone());
        call.send().await?.is_problem(415, "unsupported_media_type")?;
    }
    route.call(&api).await?.bytes(good).send().await?.is_problem(415, "unsupported_media_type")?;
    Ok(())
}

async fn media_types(api: Api) -> Outcome {
    for kind in [
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "Application/JSON",
        "application/json ; x=y",
    ] {
        let body = format!("{{\"email\":\"{}\",\"password\":\"{PASSWORD}\"}}", fresh_email());
        api.post(LOGIN)
            .header("content-type", kind)
            .bytes(body)
            .send()
            .await?
            .is_problem(401, "invalid_credentials")?;
    }
    Ok(())
}

async fn white_space(api: Api) -> Outcome {
    let body = format!("\r\n\t {{ \"email\" : \"{}\",\n\"password\":\"{PASSWORD}\" }} \n", fresh_email());
    let call = api.post(LOGIN).header("content-type", "application/json").bytes(body);
    call.send().await?.is_problem(401, "invalid_credentials")?;
    Ok(())
}

async fn unicode(api: Api) -> Outcome {
    let body = format!(
        "{{\"email\":\"{}\",\"password\":\"\\u0070assw\\u00f6rd \\ud83d\\ude00\",\"name\":\"\\u00dcn\\u00efc\\u00f6d\\u00e9 \\ud83d\\ude00 漢字\"}}",
        fresh_email()
    );
    let call = api.post(REGISTER).header("content-type", "application/json").bytes(body.clone());
    let answer = call.send().await?.is(201)?.json()?;
    same("name", &answer["user"]["name"], "Ünïcödé 😀 漢字")?;
    let email = answer["user"]["email"].as_str().unwrap_or_default();
    super::super::people::attempt(&api, email, "passwörd 😀").await?.is(200)?;
    Ok(())
}

/// The head of a request to register, for bodies that are written by hand.
fn head(api: &Api, framing: &str) -> String {
    let host = api.addresses().base.trim_start_matches("http://");
    format!("POST {REGISTER} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n{framing}\r\n\r\n")
}

async fn is_too_large(api: &Api, told: &str, head: &str, body: Vec<u8>) -> Outcome {
    let answer = raw::exchange(&api.addresses().base, told, head, body).await?;
    let answer = answer.is_problem(413, "body_too_large")?;
    answer.keeps_the_conventions()?;
    same("statements", answer.timing()?.statements, 0)?;
    api.get("/health").send().await?.is(200)?;
    Ok(())
}

async fn too_large_by_length(api: Api) -> Outcome {
    let length = LIMIT + 1;
    let head = head(&api, &format!("Content-Length: {length}"));
    is_too_large(&api, "POST of 10 MiB + 1 byte", &head, vec![b' '; length]).await
}

async fn too_large_in_chunks(api: Api) -> Outcome {
    let head = head(&api, "Transfer-Encoding: chunked");
    let mut body = Vec::with_capacity(LIMIT + LIMIT / 100);
    for _ in 0..=LIMIT / 65_536 {
        body.extend_from_slice(b"10000\r\n");
        body.resize(body.len() + 65_536, b' ');
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"0\r\n\r\n");
    is_too_large(&api, "POST of more than 10 MiB in chunks", &head, body).await
}

async fn largest(api: Api) -> Outcome {
    let mut body = format!("{{\"email\":\"{}\",\"password\":\"{PASSWORD}\"}}", fresh_email()).into_bytes();
    body.resize(LIMIT, b' ');
    let call = api.post(LOGIN).header("content-type", "application/json").bytes(body);
    call.send().await?.is_problem(401, "invalid_credentials")?;
    Ok(())
}

async fn long_member(api: Api) -> Outcome {
    let long = "a".repeat(1024 * 1024);
    let body = serde_json::json!({ "email": long, "password": long, "name": long });
    let answer = api.post(REGISTER).json(&body).send().await?;
    ensure!(answer.body.len() < 4096, "the answer repeats what was sent: {} bytes", answer.body.len());
    answer.names_fields(&["email", "password", "name"])
}
