//! The two REST routes that a sign-in reads.

use http::HeaderMap;
use serde_json::{Value, json};

use super::identities::{Fault, Identities};

/// Holds an answer of the API.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The JSON body.
    pub body: Value,
    /// The fault that the account is to meet at this stage.
    pub fault: Option<Fault>,
}

fn refused(status: u16, message: &str) -> Answer {
    let body = json!({ "message": message, "documentation_url": "https://docs.github.com/rest", "status": status.to_string() });
    Answer { status, body, fault: None }
}

fn caller(identities: &Identities, headers: &HeaderMap) -> Result<(String, String), Answer> {
    if !headers.contains_key("user-agent") {
        return Err(refused(
            403,
            "Request forbidden by administrative rules. A User-Agent header is required.",
        ));
    }
    let authorization = headers.get("authorization").and_then(|value| value.to_str().ok());
    let (scheme, token) = authorization
        .and_then(|text| text.split_once(' '))
        .ok_or_else(|| refused(401, "Requires authentication"))?;
    if !scheme.eq_ignore_ascii_case("bearer") && !scheme.eq_ignore_ascii_case("token") {
        return Err(refused(401, "Requires authentication"));
    }
    identities.owner(token).ok_or_else(|| refused(401, "Bad credentials"))
}

/// Answers `GET /user`. `email` is the public address, which need not be verified and here never is told.
pub fn user(identities: &Identities, headers: &HeaderMap) -> Answer {
    let (login, _) = match caller(identities, headers) {
        Ok(caller) => caller,
        Err(answer) => return answer,
    };
    let fault = identities.meet(&login, "user");
    let Some(identity) = identities.get(&login) else {
        return refused(401, "Bad credentials");
    };
    let body = json!({
        "login": login,
        "id": identity.id,
        "node_id": format!("U_{}", identity.id),
        "avatar_url": format!("https://avatars.example/u/{}", identity.id),
        "type": "User",
        "site_admin": false,
        "name": identity.name,
        "company": null,
        "email": null,
        "created_at": "2011-01-25T18:44:36Z",
        "updated_at": "2026-01-01T00:00:00Z",
    });
    Answer { status: 200, body, fault }
}

/// Answers `GET /user/emails`, which needs the scope `user:email` (or `user`).
pub fn emails(identities: &Identities, headers: &HeaderMap) -> Answer {
    let (login, scope) = match caller(identities, headers) {
        Ok(caller) => caller,
        Err(answer) => return answer,
    };
    if !scope.split([' ', ',']).any(|scope| matches!(scope, "user" | "user:email")) {
        return refused(404, "Not Found");
    }
    let fault = identities.meet(&login, "emails");
    match identities.get(&login) {
        Some(identity) => Answer { status: 200, body: identity.emails, fault },
        None => refused(401, "Bad credentials"),
    }
}
