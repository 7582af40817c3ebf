//! Rate limits, tried on a server with the default limits.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;

use super::super::answer::Answer;
use super::super::api::Api;
use super::super::people::{PASSWORD, fresh_email};
use super::super::{Case, Outcome, same};
use super::{GITHUB, LOGIN, REGISTER};

/// The default of `PORTICO_LIMIT_LOGIN` and `PORTICO_LIMIT_REGISTER`: so many a minute.
const QUOTA: usize = 10;
/// The default of `PORTICO_LIMIT_OAUTH`: so many a minute.
const OAUTH_QUOTA: usize = 30;
/// One of them comes back after so long.
const OAUTH_REFILL: Duration = Duration::from_secs(2);
/// One attempt to sign in or register comes back after so long.
const REFILL: Duration = Duration::from_secs(6);

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "limits: the eleventh sign-in of an address in a minute is 429, costs no statement, and holds up no other",
            login_by_address,
        ),
        Case::new(
            "limits: the eleventh sign-in at an account in a minute is 429, from whichever address and however it is spelt",
            login_by_account,
        ),
        Case::new("limits: the eleventh registration of an address in a minute is 429", register_by_address),
        Case::new("limits: a refused right password is refused like a wrong one", right_password_as_well),
        Case::new("limits: RateLimit and RateLimit-Policy are on every answer of a limited route", headers),
        Case::new("limits: RateLimit counts down", counts_down),
        Case::new("limits: of 30 at once, ten are let in", all_at_once),
        Case::new("limits: an address can't be made up in front of the trusted proxy", spoofed),
        Case::new("limits: a malformed attempt tells nothing of accounts", malformed_attempts),
        Case::new("limits: sign-in through GitHub is limited as well", github),
    ]
}

async fn attempt(api: &Api, email: &str, password: &str) -> anyhow::Result<Answer> {
    api.post(LOGIN).json(&json!({ "email": email, "password": password })).limited().send().await
}

fn is_limited(answer: Answer) -> Outcome {
    let answer = answer.is_problem(429, "rate_limited")?;
    same("statements", answer.timing()?.statements, 0)?;
    let wait: u64 = answer.must_have("retry-after")?.parse().context("Retry-After is in seconds")?;
    ensure!((1..=60).contains(&wait), "Retry-After: {wait}");
    let parameter = parameter(answer.must_have("ratelimit")?, "r")?;
    same("remaining", parameter, 0)
}

/// Reads a parameter of the structured field's items that tells the least: of two limits the nearer one counts.
fn parameter(field: &str, name: &str) -> anyhow::Result<u64> {
    let values = field.split(',').filter_map(|item| {
        item.split(';').skip(1).find_map(|part| {
            let (key, value) = part.trim().split_once('=')?;
            (key == name).then(|| value.parse().ok())?
        })
    });
    values.min().with_context(|| format!("no parameter {name} in {field}"))
}

/// Counts attempts until one is refused: that must be neither before the quota is used up, nor after more attempts than the quota and what
/// came back of it meanwhile.
struct Count {
    start: Instant,
    attempts: usize,
}

impl Count {
    fn new() -> Self {
        Self { start: Instant::now(), attempts: 0 }
    }

    /// Judges an attempt's answer; `true` when it was the refusal.
    fn is_over(&mut self, answer: Answer, admitted_as: u16) -> anyhow::Result<bool> {
        if answer.status == 429 {
            ensure!(self.attempts >= QUOTA, "the attempt after {} was refused", self.attempts);
            is_limited(answer)?;
            return Ok(true);
        }
        answer.is(admitted_as)?;
        self.attempts += 1;
        let came_back = usize::try_from(self.start.elapsed().as_secs() / REFILL.as_secs())?;
        ensure!(
            self.attempts <= QUOTA + came_back && self.attempts < 3 * QUOTA,
            "attempt {} was let in after {:?}",
            self.attempts,
            self.start.elapsed()
        );
        Ok(false)
    }
}

async fn login_by_address(api: Api) -> Outcome {
    let mut count = Count::new();
    while !count.is_over(attempt(&api, &fresh_email(), PASSWORD).await?, 401)? {}
    // Another address at another account is not held up.
    attempt(&api.from_elsewhere()?, &fresh_email(), PASSWORD).await?.is(401)?;
    Ok(())
}

async fn login_by_account(api: Api) -> Outcome {
    let email = fresh_email();
    let spellings = [email.to_uppercase(), format!("  {email} "), email];
    let mut count = Count::new();
    for spelling in spellings.iter().cycle() {
        if count.is_over(attempt(&api.from_elsewhere()?, spelling, PASSWORD).await?, 401)? {
            break;
        }
    }
    Ok(())
}

async fn register_by_address(api: Api) -> Outcome {
    let mut count = Count::new();
    loop {
        let body = json!({ "email": fresh_email(), "password": PASSWORD });
        if count.is_over(api.post(REGISTER).json(&body).limited().send().await?, 201)? {
            return Ok(());
        }
    }
}

async fn right_password_as_well(api: Api) -> Outcome {
    let email = fresh_email();
    let body = json!({ "email": email, "password": PASSWORD });
    api.post(REGISTER).json(&body).limited().send().await?.is(201)?;
    let mut count = Count::new();
    while !count.is_over(attempt(&api, &email, PASSWORD).await?, 200)? {}
    Ok(())
}

async fn headers(api: Api) -> Outcome {
    let body = json!({ "email": fresh_email(), "password": PASSWORD });
    for answer in [
        api.post(REGISTER).json(&body).limited().send().await?.is(201)?,
        api.post(LOGIN).json(&body).limited().send().await?.is(200)?,
        attempt(&api, &fresh_email(), PASSWORD).await?.is(401)?,
    ] {
        let policy = answer.must_have("ratelimit-policy")?;
        ensure!(policy.starts_with('"'), "an item is a quoted name: {policy}");
        same("quota", parameter(policy, "q")?, 10)?;
        same("window", parameter(policy, "w")?, 60)?;
        let limit = answer.must_have("ratelimit")?;
        ensure!(limit.starts_with('"'), "an item is a quoted name: {limit}");
        ensure!(parameter(limit, "r")? < 10, "remaining: {limit}");
        parameter(limit, "t")?;
    }
    Ok(())
}

async fn counts_down(api: Api) -> Outcome {
    let start = Instant::now();
    for used in 1..=10 {
        let answer = api.get(GITHUB).limited().send().await?.is(302)?;
        let left = parameter(answer.must_have("ratelimit")?, "r")?;
        let came_back = start.elapsed().as_secs() / OAUTH_REFILL.as_secs();
        let fewest = u64::try_from(OAUTH_QUOTA)? - used;
        ensure!(
            (fewest..=fewest + came_back).contains(&left),
            "{left} left after {used} in {:?}",
            start.elapsed()
        );
    }
    Ok(())
}

async fn all_at_once(api: Api) -> Outcome {
    let emails: Vec<String> = (0..30).map(|_| fresh_email()).collect();
    let calls = emails.iter().map(|email| attempt(&api, email, PASSWORD));
    let start = Instant::now();
    let mut admitted = 0;
    for answer in futures_util::future::join_all(calls).await {
        admitted += usize::from(answer?.status != 429);
    }
    let allowed = QUOTA + usize::try_from(start.elapsed().as_secs() / REFILL.as_secs())?;
    ensure!((QUOTA..=allowed).contains(&admitted), "{admitted} were let in");
    Ok(())
}

async fn malformed_attempts(api: Api) -> Outcome {
    for _ in 0..QUOTA + 5 {
        let answer = api.post(LOGIN).json(&json!({ "email": "x" })).limited().send().await?;
        ensure!(matches!(answer.status, 422 | 429), "{}", answer.status);
        same("statements", answer.timing()?.statements, 0)?;
    }
    Ok(())
}

/// Begins twice as many sign-ins through GitHub as the quota has, all at once; these cost no hash.
async fn crowd(api: &Api, address: impl Fn(usize) -> String) -> Outcome {
    let calls = (0..2 * OAUTH_QUOTA)
        .map(|round| api.get(GITHUB).limited().header("x-forwarded-for", address(round)).send());
    let start = Instant::now();
    let mut refused = Vec::new();
    for answer in futures_util::future::join_all(calls).await {
        let answer = answer?;
        if answer.status != 302 {
            refused.push(answer);
        }
    }
    let came_back = usize::try_from(start.elapsed().as_secs() / OAUTH_REFILL.as_secs())?;
    let expected = OAUTH_QUOTA.saturating_sub(came_back)..=OAUTH_QUOTA;
    ensure!(expected.contains(&refused.len()), "{} of {} were refused", refused.len(), 2 * OAUTH_QUOTA);
    refused.into_iter().try_for_each(is_limited)
}

async fn github(api: Api) -> Outcome {
    crowd(&api, |_| api.client_address().to_owned()).await
}

/// What the client itself writes into the header stands to the left of what the trusted proxy adds.
async fn spoofed(api: Api) -> Outcome {
    crowd(&api, |round| format!("192.0.2.{round}, {}", api.client_address())).await
}
