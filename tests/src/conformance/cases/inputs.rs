//! Members of bodies: each one missing, null, of each wrong type, unknown, and several faulty at once, for every route that has a body.

use serde_json::{Value, json};

use super::super::api::{Api, Call};
use super::super::people::{PASSWORD, fresh_email};
use super::super::{Case, Outcome};
use super::{LINK, LOGIN, LOGOUT, PASSWORD_ROUTE, REFRESH, REGISTER};

/// A route with a body: its path, whether it needs somebody signed in, and a body that it takes, made anew for each case.
pub(super) struct Route {
    pub(super) path: &'static str,
    pub(super) signed_in: bool,
    pub(super) body: fn() -> Value,
    required: &'static [&'static str],
    optional: &'static [&'static str],
}

/// Every route of the contract's Identity section that has a body.
pub(super) const ROUTES: [Route; 6] = [
    Route {
        path: REGISTER,
        signed_in: false,
        body: || json!({ "email": fresh_email(), "password": PASSWORD, "name": "Ada" }),
        required: &["email", "password"],
        optional: &["name"],
    },
    Route {
        path: LOGIN,
        signed_in: false,
        body: || json!({ "email": fresh_email(), "password": PASSWORD }),
        required: &["email", "password"],
        optional: &[],
    },
    Route {
        path: REFRESH,
        signed_in: false,
        body: || json!({ "refresh_token": "rt_nonsense" }),
        required: &["refresh_token"],
        optional: &[],
    },
    Route {
        path: LOGOUT,
        signed_in: false,
        body: || json!({ "refresh_token": "rt_nonsense" }),
        required: &["refresh_token"],
        optional: &[],
    },
    Route {
        path: PASSWORD_ROUTE,
        signed_in: true,
        body: || json!({ "current_password": "not the password", "new_password": PASSWORD }),
        required: &["current_password", "new_password"],
        optional: &[],
    },
    Route {
        path: LINK,
        signed_in: true,
        body: || json!({ "return_to": "/" }),
        required: &[],
        optional: &["return_to"],
    },
];

impl Route {
    /// Begins a request to the route, signed when it has to be.
    pub(super) async fn call(&self, api: &Api) -> anyhow::Result<Call> {
        let call = api.post(self.path);
        Ok(if self.signed_in { call.bearer(&api.bystander().await?.tokens.access) } else { call })
    }

    /// Sends a body.
    async fn send(&self, api: &Api, body: &Value) -> anyhow::Result<super::super::answer::Answer> {
        self.call(api).await?.json(body).send().await
    }
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for route in &ROUTES {
        let path = route.path;
        for &member in route.required {
            let name = format!("input {path}: {member} missing, null or blank");
            cases.push(Case::new(name, move |api| missing(api, route, member)));
        }
        for &member in route.required.iter().chain(route.optional) {
            let name = format!("input {path}: {member} of each wrong type");
            cases.push(Case::new(name, move |api| wrong_type(api, route, member)));
        }
        cases.push(Case::new(format!("input {path}: an unknown member is named"), move |api| {
            unknown(api, route)
        }));
        cases.push(Case::new(format!("input {path}: all faulty members are told at once"), move |api| {
            several(api, route)
        }));
        cases.push(Case::new(format!("input {path}: a body that is no object"), move |api| {
            no_object(api, route)
        }));
    }
    cases
}

async fn missing(api: Api, route: &Route, member: &str) -> Outcome {
    let mut without = (route.body)();
    if let Some(members) = without.as_object_mut() {
        members.remove(member);
    }
    route.send(&api, &without).await?.names_fields(&[member])?;
    let mut null = (route.body)();
    null[member] = Value::Null;
    route.send(&api, &null).await?.names_fields(&[member])?;
    let mut blank = (route.body)();
    blank[member] = "".into();
    let answer = route.send(&api, &blank).await?;
    if member == "refresh_token" && answer.status == 401 {
        // No text is a good token; that an empty one isn't may be found out like that of any other.
        answer.is_problem(401, "refresh_invalid")?;
        return Ok(());
    }
    answer.names_fields(&[member])
}

async fn wrong_type(api: Api, route: &Route, member: &str) -> Outcome {
    for value in
        [json!(1), json!(1.5), json!(true), json!([]), json!(["text"]), json!({}), json!({ "a": "b" })]
    {
        let mut body = (route.body)();
        body[member] = value;
        route.send(&api, &body).await?.names_fields(&[member])?;
    }
    Ok(())
}

async fn unknown(api: Api, route: &Route) -> Outcome {
    for name in ["role", "Email", "__proto__", "a b", "é"] {
        let mut body = (route.body)();
        body[name] = "admin".into();
        route.send(&api, &body).await?.names_fields(&[name])?;
    }
    Ok(())
}

async fn several(api: Api, route: &Route) -> Outcome {
    let mut body = (route.body)();
    let mut wrong: Vec<&str> = route.required.iter().chain(route.optional).copied().collect();
    for member in &wrong {
        body[*member] = 7.into();
    }
    wrong.extend(["one_more", "and_another"]);
    body["one_more"] = 1.into();
    body["and_another"] = Value::Null;
    route.send(&api, &body).await?.names_fields(&wrong)
}

async fn no_object(api: Api, route: &Route) -> Outcome {
    for body in [json!([]), json!("text"), json!(1), json!(null), json!(true), json!([{}])] {
        route.send(&api, &body).await?.is_problem(422, "validation_failed")?;
    }
    Ok(())
}
