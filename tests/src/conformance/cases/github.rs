//! Sign-in through GitHub: the flow when the provider behaves, and who is let in.

use anyhow::{Context, ensure};
use serde_json::json;

use super::super::answer::Answer;
use super::super::api::Api;
use super::super::browser::{Begun, GithubAccount, begin, github_account, github_account_with};
use super::super::people::{self, PASSWORD, Person, Tokens, fresh_email};
use super::super::{Case, Outcome, same};
use super::{GITHUB, LINK, ME, SESSIONS};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::new("github: begin sends the browser to the provider with state and PKCE", begins),
        Case::new("github: the cookie is HttpOnly, SameSite=Lax and short-lived", cookie),
        Case::new("github: each begin has a state, a challenge and a cookie of its own", each_its_own),
        Case::new("github: begin costs no statement", begin_is_cheap),
        Case::new("github: a stranger is given an account and tokens", stranger),
        Case::new("github: the second sign-in is the same person, in another session", same_person),
        Case::new("github: a renamed address is still the same person", renamed),
        Case::new("github: the refresh token works the moment the answer arrives", refresh_at_once),
        Case::new("github: the session is listed at once", listed),
        Case::new("github: a browser is sent to return_to with its tokens in cookies", browser_mode),
        Case::new("github: a browser without return_to is sent to /", browser_default),
        Case::new("github: the primary address counts, wherever it stands in the list", primary),
        Case::new("github: a password can't sign in to an account that has none", no_password),
        Case::new("github: an address of a password account is 409, and nothing is linked", held_by_password),
        Case::new("github: an address of another GitHub account's person is 409", held_by_github),
        Case::new("github: linking from inside, then both ways are one person", link),
        Case::new("github: linking needs somebody signed in", link_needs_somebody),
        Case::new("github: linking an identity of somebody else is 409", link_taken),
        Case::new("github: linking twice is once", link_twice),
        Case::new("github: who begins a link in one browser can't end it in another", link_other_browser),
    ];
    for path in ["/", "/welcome", "/a/b?c=d&e=//f", "/deep/path#part", "/%2F%2Fevil.example"] {
        cases.push(Case::new(format!("github: return_to={path} is taken"), move |api| returns(api, path)));
    }
    cases
}

async fn begins(api: Api) -> Outcome {
    let begun = begin(&api, "").await?;
    let wanted = format!("{}/login/oauth/authorize", api.addresses().github);
    ensure!(begun.authorize.as_str().starts_with(&wanted), "sent to {}", begun.authorize);
    same("client_id", begun.parameter("client_id")?.as_str(), "conformance-client")?;
    same("method", begun.parameter("code_challenge_method")?.as_str(), "S256")?;
    same("challenge", begun.parameter("code_challenge")?.len(), 43)?;
    ensure!(begun.parameter("state")?.len() >= 22, "a state of {} letters", begun.parameter("state")?.len());
    let redirect = format!("{}{}", api.addresses().base, super::CALLBACK);
    same("redirect_uri", begun.parameter("redirect_uri")?, redirect)?;
    ensure!(begun.parameter("scope")?.contains("user:email"), "scope {}", begun.parameter("scope")?);
    Ok(())
}

async fn cookie(api: Api) -> Outcome {
    let begun = begin(&api, "?return_to=/welcome").await?;
    for cookie in &begun.set_cookie {
        let attributes: Vec<String> =
            cookie.split(';').skip(1).map(|part| part.trim().to_ascii_lowercase()).collect();
        ensure!(attributes.iter().any(|part| part == "httponly"), "{cookie}");
        ensure!(attributes.iter().any(|part| part == "samesite=lax"), "{cookie}");
        let age = attributes.iter().find_map(|part| part.strip_prefix("max-age=")?.parse::<u32>().ok());
        ensure!(age.is_some_and(|age| (60..=900).contains(&age)), "short-lived: {cookie}");
    }
    Ok(())
}

async fn each_its_own(api: Api) -> Outcome {
    let (one, two) = (begin(&api, "").await?, begin(&api, "").await?);
    ensure!(one.parameter("state")? != two.parameter("state")?, "one state for both");
    ensure!(one.parameter("code_challenge")? != two.parameter("code_challenge")?, "one challenge for both");
    ensure!(one.cookie != two.cookie, "one cookie for both");
    Ok(())
}

async fn begin_is_cheap(api: Api) -> Outcome {
    let answer = api.get(GITHUB).send().await?.is(302)?;
    same("statements", answer.timing()?.statements, 0)
}

async fn signed_in(api: &Api, account: &GithubAccount) -> anyhow::Result<Tokens> {
    Tokens::read(&account.sign_in(api).await?.is(200)?)
}

async fn stranger(api: Api) -> Outcome {
    let account = github_account(&api).await?;
    let tokens = signed_in(&api, &account).await?;
    same("email", &tokens.user["email"], account.email.as_str())?;
    same("name", &tokens.user["name"], "Mona Lisa")?;
    same("role", &tokens.user["role"], "member")?;
    let me = api.get(ME).bearer(&tokens.access).send().await?.is(200)?.json()?;
    same("/auth/me", &me["id"], &tokens.user["id"])
}

async fn same_person(api: Api) -> Outcome {
    let account = github_account(&api).await?;
    let (first, second) = (signed_in(&api, &account).await?, signed_in(&api, &account).await?);
    same("the person", &second.user["id"], &first.user["id"])?;
    ensure!(first.refresh != second.refresh, "one session for both");
    Ok(())
}

async fn renamed(api: Api) -> Outcome {
    let account = github_account(&api).await?;
    let first = signed_in(&api, &account).await?;
    let other = fresh_email();
    account.put(&api, json!([{ "email": other, "primary": true, "verified": true }]), json!({})).await?;
    let second = signed_in(&api, &account).await?;
    same("the person", &second.user["id"], &first.user["id"])?;
    same("the address they signed up with", &second.user["email"], account.email.as_str())
}

async fn refresh_at_once(api: Api) -> Outcome {
    let account = github_account(&api).await?;
    let tokens = signed_in(&api, &account).await?;
    people::refresh(&api, &tokens.refresh).await?.is(200)?;
    Ok(())
}

async fn listed(api: Api) -> Outcome {
    let tokens = signed_in(&api, &github_account(&api).await?).await?;
    let list = api.get(SESSIONS).bearer(&tokens.access).send().await?.is(200)?.json()?;
    same("current", &list["data"][0]["current"], true)
}

/// Goes through the flow as a browser does, and gives the callback's answer.
async fn browse(api: &Api, query: &str) -> anyhow::Result<Answer> {
    let account = github_account(api).await?;
    let begun = begin(api, query).await?;
    let back = begun.consent(api, &account.login).await?;
    let accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    back.callback(api).header("accept", accept).header("cookie", &begun.cookie).send().await?.is(302)
}

async fn browser_mode(api: Api) -> Outcome {
    let answer = browse(&api, "?return_to=/welcome").await?;
    same("location", answer.must_have("location")?, "/welcome")?;
    ensure!(answer.must_have("cache-control")?.contains("no-store"), "Cache-Control");
    let cookies = answer.cookies();
    // A cookie that is cleared has no value, or ends at once.
    let set: Vec<&String> =
        cookies.iter().filter(|cookie| !cookie.to_ascii_lowercase().contains("max-age=0")).collect();
    let carries = |prefix: &str| {
        set.iter().any(|cookie| {
            cookie
                .split(';')
                .next()
                .and_then(|pair| pair.split_once('='))
                .is_some_and(|(_, value)| value.starts_with(prefix))
        })
    };
    ensure!(carries("ey") && carries("rt_"), "an access and a refresh token in {cookies:?}");
    for cookie in set {
        let lower = cookie.to_ascii_lowercase();
        for attribute in ["httponly", "secure", "samesite=lax"] {
            ensure!(lower.split(';').any(|part| part.trim() == attribute), "{attribute} in {cookie}");
        }
    }
    ensure!(!answer.text().contains("rt_"), "the tokens are in the body as well");
    Ok(())
}

async fn browser_default(api: Api) -> Outcome {
    same("location", browse(&api, "").await?.must_have("location")?, "/")
}

async fn returns(api: Api, path: &str) -> Outcome {
    let query: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
    same("location", browse(&api, &format!("?return_to={query}")).await?.must_have("location")?, path)
}

async fn primary(api: Api) -> Outcome {
    let email = fresh_email();
    let emails = json!([
        { "email": fresh_email(), "primary": false, "verified": true },
        { "email": fresh_email(), "primary": false, "verified": false },
        { "email": email.to_uppercase(), "primary": true, "verified": true },
    ]);
    let account = github_account_with(&api, &email, emails, json!({})).await?;
    same("email", &signed_in(&api, &account).await?.user["email"], email.as_str())
}

async fn no_password(api: Api) -> Outcome {
    let account = github_account(&api).await?;
    signed_in(&api, &account).await?;
    people::attempt(&api, &account.email, PASSWORD).await?.is_problem(401, "invalid_credentials")?;
    Ok(())
}

async fn account_with_address(api: &Api, email: &str) -> anyhow::Result<GithubAccount> {
    let emails = json!([{ "email": email, "primary": true, "verified": true }]);
    github_account_with(api, email, emails, json!({})).await
}

async fn held_by_password(api: Api) -> Outcome {
    let person = Person::register(&api).await?;
    let account = account_with_address(&api, &person.email).await?;
    for _ in 0..2 {
        account.sign_in(&api).await?.is_problem(409, "conflict")?;
    }
    person.login(&api).await?;
    Ok(())
}

async fn held_by_github(api: Api) -> Outcome {
    let first = github_account(&api).await?;
    let tokens = signed_in(&api, &first).await?;
    let second = account_with_address(&api, &first.email).await?;
    second.sign_in(&api).await?.is_problem(409, "conflict")?;
    same("the person", &signed_in(&api, &first).await?.user["id"], &tokens.user["id"])
}

/// Begins linking as somebody signed in.
async fn begin_link(api: &Api, token: &str, body: &serde_json::Value) -> anyhow::Result<Begun> {
    let answer = api.post(LINK).bearer(token).json(body).send().await?.is(200)?;
    let body = answer.json()?;
    let location = body["authorize_url"].as_str().context("`authorize_url` is text")?;
    Begun::read(&answer, location)
}

async fn link_as(api: &Api, token: &str, account: &GithubAccount) -> anyhow::Result<Answer> {
    let begun = begin_link(api, token, &json!({})).await?;
    begun.consent(api, &account.login).await?.for_json(api, &begun.cookie).await
}

async fn link(api: Api) -> Outcome {
    let person = Person::register(&api).await?;
    let account = account_with_address(&api, &person.email).await?;
    let linked = Tokens::read(&link_as(&api, &person.tokens.access, &account).await?.is(200)?)?;
    same("the person", &linked.user["id"], &person.tokens.user["id"])?;
    let through_github = signed_in(&api, &account).await?;
    same("the person", &through_github.user["id"], &person.tokens.user["id"])?;
    person.login(&api).await?;
    Ok(())
}

async fn link_needs_somebody(api: Api) -> Outcome {
    api.post(LINK).json(&json!({})).send().await?.is_problem(401, "unauthenticated")?;
    Ok(())
}

async fn link_taken(api: Api) -> Outcome {
    let account = github_account(&api).await?;
    let owner = signed_in(&api, &account).await?;
    let person = Person::register(&api).await?;
    link_as(&api, &person.tokens.access, &account).await?.is_problem(409, "conflict")?;
    same("the owner", &signed_in(&api, &account).await?.user["id"], &owner.user["id"])
}

async fn link_twice(api: Api) -> Outcome {
    let person = Person::register(&api).await?;
    let account = github_account(&api).await?;
    for _ in 0..2 {
        let linked = Tokens::read(&link_as(&api, &person.tokens.access, &account).await?.is(200)?)?;
        same("the person", &linked.user["id"], &person.tokens.user["id"])?;
    }
    Ok(())
}

/// The victim's browser must not finish what another browser began, or it would link the victim's identity to the attacker's account.
async fn link_other_browser(api: Api) -> Outcome {
    let attacker = Person::register(&api).await?;
    let victim = github_account(&api).await?;
    let begun = begin_link(&api, &attacker.tokens.access, &json!({ "return_to": "/" })).await?;
    let back = begun.consent(&api, &victim.login).await?;
    let others = begin(&api, "").await?;
    back.for_json(&api, &others.cookie).await?.is_problem(400, "invalid_state")?;
    let tokens = signed_in(&api, &victim).await?;
    ensure!(tokens.user["id"] != attacker.tokens.user["id"], "the victim is in the attacker's account");
    Ok(())
}
