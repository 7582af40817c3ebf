//! Sign-in through GitHub.

use http::Method;
use portico_domain::{door::GITHUB_CALLBACK_PATH, models::ReturnPath};
use serde_json::json;

use super::{
    Tag,
    answer::Answer,
    document::Document,
    examples,
    operation::{Operation, Who},
    schema::{Shape, answer, by_default, formatted, named, or_null, request, text},
};
use crate::code::Code;

const TAG: Tag = Tag::SignIn;
const OPTIONAL: &str = "Where GitHub isn't set up this path doesn't exist: 404.";

pub(super) fn describe(document: &mut Document) {
    let address = vec![("authorize_url", formatted("Where to send the browser.", "uri"))];
    document.schema("LinkAnswer", answer("Where consent is asked for.", address));
    let link = vec![("return_to", or_null(return_to()))];
    document.schema("LinkRequest", request("Where the browser goes afterwards.", Vec::new(), link));
    document.operation(
        Operation::new(
            Method::GET,
            "/api/v1/auth/github",
            "beginGitHub",
            TAG,
            "Sends a browser to GitHub to sign in",
        )
        .about(OPTIONAL)
        .query("return_to", by_default(return_to(), "/"))
        .answer(
            Answer::empty(302, "To GitHub, with a cookie that binds the sign-in to this browser.")
                .with("Location")
                .with("Set-Cookie"),
        )
        .problem(Code::NotFound),
    );
    document.operation(
        Operation::new(Method::GET, GITHUB_CALLBACK_PATH, "finishGitHub", TAG, "Takes a browser back from GitHub")
            .about(&format!(
                "Signs in whoever GitHub says it is, or links the account as was asked. 403 without a verified address, or where sign-up is closed; 409 where the \
                 address belongs to an account that isn't linked. {OPTIONAL}"
            ))
            .lenient_query("code", text("What GitHub gave.", (1, 512), None))
            .lenient_query("state", text("What was sent along.", (1, 1_024), None))
            .answer(
                Answer::json(200, "Signed in, where the client accepts `application/json`.", named("Tokens"), examples::tokens())
                    .with("Set-Cookie"),
            )
            .answer(
                Answer::empty(302, "To `return_to`, with the tokens in cookies.").with("Location").with("Set-Cookie"),
            )
            .refusing_with_cookie()
            .problem(Code::InvalidState)
            .problem(Code::ProviderRefused)
            .problem(Code::Forbidden)
            .problem(Code::NotFound)
            .problem(Code::Conflict),
    );
    let example =
        json!({"authorize_url": "https://github.com/login/oauth/authorize?client_id=example&state=example"});
    document.operation(
        Operation::new(
            Method::POST,
            "/api/v1/auth/github/link",
            "linkGitHub",
            TAG,
            "Begins to link a GitHub account to the caller's",
        )
        .about(&format!(
            "Sent to `authorize_url`, the browser comes back with the account linked. {OPTIONAL}"
        ))
        .by(Who::Person)
        .optional_body("LinkRequest", json!({"return_to": "/settings"}))
        .answer(Answer::json(200, "Where to go.", named("LinkAnswer"), example).with("Set-Cookie"))
        .problem(Code::NotFound),
    );
}

fn return_to() -> Shape {
    let what = "A path of this site to which the browser goes afterwards.";
    text(what, (1, ReturnPath::MAX_BYTES), Some(r"^/(?!/)[!-\[\]-~]*$"))
}
