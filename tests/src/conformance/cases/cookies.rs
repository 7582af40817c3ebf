//! A browser that signed in through GitHub and holds its tokens in cookies: they count as credentials for pages of this site, and for
//! nobody who makes the browser send a request from elsewhere.

use anyhow::{Context, ensure};

use super::super::api::{Api, Call};
use super::super::browser::{begin, github_account};
use super::super::people;
use super::super::{Case, Outcome, same};
use super::{LOGOUT, LOGOUT_ALL, ME, REFRESH};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new("cookies: a page of this site reads with them", reads),
        Case::new("cookies: a page of this site renews with them, and gets new ones", renews),
        Case::new("cookies: signing out ends the session and clears them", signs_out),
        Case::new("cookies: another site's page can change nothing with them", other_site),
        Case::new("cookies: a request that doesn't tell where it is from can change nothing", nowhere),
        Case::new("cookies: a bearer token counts before them", bearer_first),
        Case::new("cookies: a used state leaves none to use again", binding_is_cleared),
    ]
}

/// The cookies of a signed-in browser, by name.
struct Jar(Vec<(String, String)>);

impl Jar {
    async fn sign_in(api: &Api) -> anyhow::Result<Self> {
        let account = github_account(api).await?;
        let begun = begin(api, "").await?;
        let back = begun.consent(api, &account.login).await?;
        let call = back.callback(api).header("accept", "text/html").header("cookie", &begun.cookie);
        Self::read(&call.send().await?.is(302)?.cookies())
    }

    /// Reads the cookies that an answer sets; those that it clears are left out.
    fn read(set: &[String]) -> anyhow::Result<Self> {
        let pairs = set.iter().filter_map(|cookie| cookie.split(';').next()?.split_once('='));
        let kept: Vec<_> = pairs
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        ensure!(kept.len() == 2, "an access and a refresh cookie, not {}", kept.len());
        Ok(Self(kept))
    }

    fn text(&self) -> String {
        self.0.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    fn refresh_token(&self) -> anyhow::Result<&str> {
        let found = self.0.iter().find(|(_, value)| value.starts_with("rt_"));
        found.map(|(_, value)| value.as_str()).context("a refresh cookie")
    }

    /// Sends the cookies along, as from a page of this site.
    fn sent_from_here(&self, api: &Api, call: Call) -> Call {
        call.header("cookie", self.text()).header("origin", &api.addresses().base)
    }
}

async fn reads(api: Api) -> Outcome {
    let jar = Jar::sign_in(&api).await?;
    api.get(ME).header("cookie", jar.text()).send().await?.is(200)?;
    Ok(())
}

async fn renews(api: Api) -> Outcome {
    let jar = Jar::sign_in(&api).await?;
    let answer = jar.sent_from_here(&api, api.post(REFRESH)).send().await?.is(200)?;
    let renewed = Jar::read(&answer.cookies())?;
    ensure!(renewed.refresh_token()? != jar.refresh_token()?, "the refresh cookie is the old one");
    api.get(ME).header("cookie", renewed.text()).send().await?.is(200)?;
    Ok(())
}

async fn signs_out(api: Api) -> Outcome {
    let jar = Jar::sign_in(&api).await?;
    let answer = jar.sent_from_here(&api, api.post(LOGOUT)).send().await?.is(204)?;
    let cleared = answer.cookies();
    for (name, _) in &jar.0 {
        let gone = cleared.iter().any(|cookie| {
            let lower = cookie.to_ascii_lowercase();
            lower.starts_with(&format!("{name}=;")) && lower.contains("max-age=0")
        });
        ensure!(gone, "{name} is not cleared by {cleared:?}");
    }
    people::refresh(&api, jar.refresh_token()?).await?.is(401)?;
    Ok(())
}

async fn can_change_nothing(api: &Api, jar: &Jar, headers: &[(&str, &str)]) -> Outcome {
    let with = |path: &str| {
        let call = api.post(path).header("cookie", jar.text());
        headers.iter().fold(call, |call, (name, value)| call.header(name, value))
    };
    with(LOGOUT_ALL).send().await?.is_problem(401, "unauthenticated")?;
    for path in [REFRESH, LOGOUT] {
        let answer = with(path).send().await?;
        ensure!((400..500).contains(&answer.status), "{path}: {} with {headers:?}", answer.status);
    }
    Ok(())
}

async fn other_site(api: Api) -> Outcome {
    let jar = Jar::sign_in(&api).await?;
    let base = api.addresses().base.clone();
    for headers in [
        &[("origin", "https://evil.example")][..],
        &[("origin", "null")],
        &[("origin", &format!("{base}.evil.example"))],
        &[("origin", &base), ("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
    ] {
        can_change_nothing(&api, &jar, headers).await?;
    }
    people::refresh(&api, jar.refresh_token()?).await?.is(200)?;
    Ok(())
}

async fn nowhere(api: Api) -> Outcome {
    let jar = Jar::sign_in(&api).await?;
    can_change_nothing(&api, &jar, &[]).await?;
    people::refresh(&api, jar.refresh_token()?).await?.is(200)?;
    Ok(())
}

async fn bearer_first(api: Api) -> Outcome {
    let jar = Jar::sign_in(&api).await?;
    let person = api.bystander().await?;
    let me = api
        .get(ME)
        .header("cookie", jar.text())
        .bearer(&person.tokens.access)
        .send()
        .await?
        .is(200)?
        .json()?;
    same("who", &me["id"], &person.tokens.user["id"])?;
    api.get(ME)
        .header("cookie", jar.text())
        .bearer("nonsense")
        .send()
        .await?
        .is_problem(401, "unauthenticated")?;
    Ok(())
}

async fn binding_is_cleared(api: Api) -> Outcome {
    let account = github_account(&api).await?;
    let begun = begin(&api, "").await?;
    let answer = begun.consent(&api, &account.login).await?.for_json(&api, &begun.cookie).await?.is(200)?;
    let name = begun.cookie.split('=').next().unwrap_or_default();
    let cleared = answer.cookies();
    let gone = |cookie: &String| cookie.starts_with(&format!("{name}=;")) && cookie.contains("Max-Age=0");
    ensure!(cleared.iter().any(gone), "{name} stays: {cleared:?}");
    Ok(())
}
