//! Access tokens: what they say, and which are refused.

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::super::answer::Answer;
use super::super::api::Api;
use super::super::forge::Parts;
use super::super::people::Person;
use super::super::{Case, Outcome, same};
use super::{LOGOUT_ALL, ME, SESSIONS};

/// Makes a token out of a good one and the servers' secret.
type Forgery = fn(Parts, &str) -> String;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("bearer: the token has the contract's claims", claims),
        Case::new(
            "bearer: a token signed anew with the same claims is taken (control of the forgeries)",
            control,
        ),
        Case::new("bearer: cut tokens are refused", cut),
        Case::new("bearer: a refresh token is no access token", refresh_token),
        Case::new("bearer: the scheme's case doesn't count", scheme_case),
        Case::new("bearer: no credential is 401 with WWW-Authenticate: Bearer", no_credential),
        Case::new("credentials: bearer and key at once are 400", both),
        Case::new("credentials: an unknown key is 401", unknown_key),
        Case::new("credentials: two Authorization headers are refused", two_headers),
        Case::new("bearer: a token outlives its ended session, but for its own 15 minutes only", outlives),
    ];
    let forgeries: [(&str, Forgery); 19] = [
        ("is signed with another secret", |token, _| {
            token.hs256("another secret of a good length, 32 bytes or more")
        }),
        ("is signed with an empty secret", |token, _| token.hs256("")),
        ("says alg none and has no signature", |token, _| token.claiming("none").unsigned()),
        ("says alg None and has no signature", |token, _| token.claiming("None").unsigned()),
        ("says alg none and is signed", |token, secret| token.claiming("none").hs256(secret)),
        ("has no signature", |token, _| token.unsigned()),
        ("is signed with HS512", |token, secret| token.claiming("HS512").hs512(secret)),
        ("says HS512 and is signed with HS256", |token, secret| token.claiming("HS512").hs256(secret)),
        ("says EdDSA and is signed with HS256", |token, secret| token.claiming("EdDSA").hs256(secret)),
        ("says RS256 and is signed with HS256", |token, secret| token.claiming("RS256").hs256(secret)),
        ("expired two minutes ago", |token, secret| {
            let issued = token.claims["iat"].as_i64().unwrap_or_default() - 15 * 60 - 120;
            token.with("iat", issued).with("exp", issued + 15 * 60).hs256(secret)
        }),
        ("has no end", |token, secret| token.without("exp").hs256(secret)),
        ("has an end that is text", |token, secret| token.with("exp", "tomorrow").hs256(secret)),
        ("is of another issuer", |token, secret| {
            token.with("iss", "https://elsewhere.example").hs256(secret)
        }),
        ("is for another audience", |token, secret| token.with("aud", "elsewhere").hs256(secret)),
        ("has no subject", |token, secret| token.without("sub").hs256(secret)),
        ("has a subject that is no id", |token, secret| token.with("sub", "admin").hs256(secret)),
        ("has no session", |token, secret| token.without("sid").hs256(secret)),
        ("has an unknown role", |token, secret| token.with("role", "emperor").hs256(secret)),
    ];
    for (what, forgery) in forgeries {
        cases.push(Case::new(format!("bearer: a token that {what} is refused"), move |api| {
            forged(api, forgery)
        }));
    }
    for (what, value) in [
        ("nothing after the scheme", "Bearer"),
        ("a blank after the scheme", "Bearer "),
        ("text that is no token", "Bearer nonsense"),
        ("dots alone", "Bearer .."),
        ("another scheme", "Basic YWRhOnNlY3JldA=="),
        ("no scheme", "eyJhbGciOiJub25lIn0.e30."),
    ] {
        cases.push(Case::new(format!("bearer: {what} is refused"), move |api| {
            header_is_refused(api, value.into())
        }));
    }
    cases.push(Case::new("bearer: 100,000 bytes are refused or not read", |api| {
        too_long(api, format!("Bearer {}", "a".repeat(100_000)))
    }));
    cases
}

async fn with(api: &Api, token: &str) -> anyhow::Result<Answer> {
    api.get(ME).bearer(token).send().await
}

fn is_refused(answer: Answer) -> Outcome {
    let answer = answer.is_problem(401, "unauthenticated")?;
    let told = answer.must_have("www-authenticate")?;
    ensure!(told.starts_with("Bearer"), "WWW-Authenticate: {told}");
    same("statements", answer.timing()?.statements, 0)
}

async fn good(api: &Api) -> anyhow::Result<Parts> {
    Parts::of(&api.bystander().await?.tokens.access)
}

async fn claims(api: Api) -> Outcome {
    let person = Person::register(&api).await?;
    let Parts { header, claims } = Parts::of(&person.tokens.access)?;
    same("alg", &header["alg"], "HS256")?;
    let mut names: Vec<&str> =
        claims.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    same("claims", names, ["aud", "exp", "iat", "iss", "jti", "org", "role", "sid", "sub"])?;
    let user = &person.tokens.user;
    same("sub", &claims["sub"], &user["id"])?;
    same("org", &claims["org"], &user["organization_id"])?;
    same("role", &claims["role"], &user["role"])?;
    same("iss", &claims["iss"], api.addresses().base.as_str())?;
    let seconds = |name: &str| claims[name].as_i64().with_context(|| format!("{name} is a number"));
    same("lifetime", seconds("exp")? - seconds("iat")?, 15 * 60)?;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
    ensure!(seconds("iat")?.abs_diff(i64::try_from(now)?) < 60, "iat {} at {now}", claims["iat"]);
    Ok(())
}

async fn control(api: Api) -> Outcome {
    let token = good(&api).await?.hs256(&api.addresses().jwt_secret);
    with(&api, &token).await?.is(200)?;
    Ok(())
}

async fn forged(api: Api, forgery: Forgery) -> Outcome {
    let token = forgery(good(&api).await?, &api.addresses().jwt_secret);
    is_refused(with(&api, &token).await?)
}

async fn cut(api: Api) -> Outcome {
    let token = api.bystander().await?.tokens.access.clone();
    let sections: Vec<&str> = token.split('.').collect();
    let mut bad: Vec<String> =
        (1..token.len()).step_by(token.len() / 12).map(|length| token[..length].to_owned()).collect();
    bad.extend([
        token[..token.len() - 1].to_owned(),
        token[1..].to_owned(),
        format!("{token}A"),
        format!("{token}."),
        format!("{token}.{}", sections[2]),
        sections[..2].join("."),
        format!("{}..{}", sections[0], sections[2]),
        format!("{}.{}.{}", sections[1], sections[0], sections[2]),
    ]);
    for token in bad {
        is_refused(with(&api, &token).await?)?;
    }
    Ok(())
}

async fn refresh_token(api: Api) -> Outcome {
    is_refused(with(&api, &api.bystander().await?.tokens.refresh).await?)
}

async fn scheme_case(api: Api) -> Outcome {
    let token = &api.bystander().await?.tokens.access;
    for scheme in ["bearer", "BEARER"] {
        api.get(ME).header("authorization", format!("{scheme} {token}")).send().await?.is(200)?;
    }
    Ok(())
}

async fn no_credential(api: Api) -> Outcome {
    for path in [ME, SESSIONS] {
        is_refused(api.get(path).send().await?)?;
    }
    is_refused(api.post(LOGOUT_ALL).send().await?)
}

async fn header_is_refused(api: Api, value: String) -> Outcome {
    is_refused(api.get(ME).header("authorization", value).send().await?)
}

/// The HTTP layer in front may refuse such a header before Portico sees it; then the answer is not Portico's.
async fn too_long(api: Api, value: String) -> Outcome {
    let url = format!("{}{ME}", api.addresses().base);
    match api.http().get(url).header("authorization", value).send().await {
        Ok(response) => {
            let status = response.status().as_u16();
            ensure!(matches!(status, 400 | 401 | 413 | 431), "{status}");
        }
        Err(error) => ensure!(!error.is_timeout(), "no answer"),
    }
    api.get("/health").send().await?.is(200)?;
    Ok(())
}

async fn both(api: Api) -> Outcome {
    let token = &api.bystander().await?.tokens.access;
    for token in [token.as_str(), "nonsense"] {
        let answer = api.get(ME).bearer(token).header("x-api-key", "pk_nonsense").send().await?;
        let answer = answer.is_problem(400, "ambiguous_credentials")?;
        same("statements", answer.timing()?.statements, 0)?;
    }
    let answer = api.post(LOGOUT_ALL).bearer(token).header("x-api-key", "pk_nonsense").send().await?;
    answer.is_problem(400, "ambiguous_credentials")?;
    Ok(())
}

async fn unknown_key(api: Api) -> Outcome {
    for key in ["pk_nonsense", "", "pk_00000000000000000000000000000000000000"] {
        let answer = api.get(ME).header("x-api-key", key).send().await?.is_problem(401, "unauthenticated")?;
        same("statements", answer.timing()?.statements, 0)?;
    }
    Ok(())
}

async fn two_headers(api: Api) -> Outcome {
    let token = &api.bystander().await?.tokens.access;
    let answer = api.get(ME).bearer("nonsense").bearer(token).send().await?;
    ensure!(matches!(answer.status, 400 | 401), "{}: {}", answer.status, answer.text());
    Ok(())
}

async fn outlives(api: Api) -> Outcome {
    let person = Person::register(&api).await?;
    super::super::people::logout(&api, &person.tokens.refresh).await?.is(204)?;
    let answer = with(&api, &person.tokens.access).await?;
    ensure!(matches!(answer.status, 200 | 401), "{}", answer.status);
    let late: Value = json!(Parts::of(&person.tokens.access)?.claims["iat"].as_i64().context("iat")? - 3600);
    let token = Parts::of(&person.tokens.access)?.with("exp", late).hs256(&api.addresses().jwt_secret);
    is_refused(with(&api, &token).await?)
}
