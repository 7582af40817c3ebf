//! What goes wrong, as clients are told of it.

use futures_util::FutureExt;
use http_body_util::BodyExt;
use portico_domain::models::FieldFault;
use serde_json::Value;
use utoipa::openapi::{
    AllOfBuilder, Content, ContentBuilder, Ref, RefOr, Response, ResponseBuilder,
    example::ExampleBuilder,
    schema::{ObjectBuilder, Type},
};

use super::{
    answer::{self, sorted},
    schema::{Shape, answer as object, answer_with, list_of, named, one_of, whole, words},
};
use crate::{code::Code, problem::Problem};

/// The media type of problems.
pub(super) const PROBLEM: &str = "application/problem+json";
/// The name of their schema.
pub(super) const SCHEMA: &str = "Problem";
const FAULT: &str = "FieldFault";

/// The place of a code among all: what codes are sorted by.
pub(super) fn place(code: Code) -> usize {
    Code::ALL.iter().position(|known| *known == code).unwrap_or(Code::ALL.len())
}

/// The name of the answer that tells one of these codes, all of one status.
pub(super) fn name_of(codes: &[Code]) -> String {
    let words: Vec<_> = codes.iter().map(|code| code.as_str()).collect();
    words.join(".")
}

/// The shapes of problems.
pub(super) fn schemas() -> Vec<(&'static str, Shape)> {
    let codes = Code::ALL.iter().map(|code| code.as_str());
    let kind = super::schema::formatted("The code as a URI: `urn:portico:problem:` and the code.", "uri");
    let problem = answer_with(
        "What went wrong (RFC 9457). Programs rely on `code`; people read `detail`.",
        vec![
            ("type", kind),
            ("title", words("What the code means, for people.")),
            ("status", whole("The status of the answer.", (400, 599))),
            ("detail", words("What is wrong here, for people.")),
            ("code", one_of("The stable word for what went wrong.", codes)),
            ("request_id", words("The request's `x-request-id`, by which its log line is found.")),
        ],
        vec![(
            "errors",
            list_of(
                "Each faulty member or parameter, of `validation_failed`.",
                named(FAULT),
                (1, Problem::MOST_FAULTS),
            ),
        )],
    );
    let fault = object(
        "A faulty member or parameter.",
        vec![
            ("field", words("Where: `items[0].quantity`. Empty when it is the body as a whole.")),
            ("message", words("What is wrong with it, as the end of a sentence that begins with its name.")),
        ],
    );
    vec![(SCHEMA, problem), (FAULT, fault)]
}

/// The answer that tells one of these codes, all of one status.
pub(super) fn response(codes: &[Code]) -> Response {
    let titles: Vec<_> =
        codes.iter().map(|code| format!("{} (`{}`).", code.title(), code.as_str())).collect();
    let words = codes.iter().map(|code| Value::from(code.as_str()));
    let status = codes.first().map_or(500, |code| code.status().as_u16());
    let narrowed = ObjectBuilder::new()
        .property("code", ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)))
        .property("status", ObjectBuilder::new().schema_type(Type::Integer).enum_values(Some([status])));
    let schema = AllOfBuilder::new().item(named(SCHEMA)).item(narrowed);
    let examples = codes.iter().map(|code| {
        let name = code.as_str();
        (name, RefOr::Ref(Ref::new(format!("#/components/examples/{name}"))))
    });
    let content: Content = ContentBuilder::new().schema(Some(schema)).examples_from_iter(examples).build();
    let mut response = ResponseBuilder::new().description(titles.join(" ")).content(PROBLEM, content).build();
    answer::common_headers(&mut response.headers);
    answer::limit_headers(&mut response.headers);
    if codes.iter().any(|code| matches!(code, Code::RateLimited | Code::Overloaded)) {
        answer::header(&mut response.headers, "Retry-After");
    }
    if codes.iter().any(|code| code.status() == http::StatusCode::UNAUTHORIZED) {
        answer::header(&mut response.headers, "WWW-Authenticate");
    }
    if codes.contains(&Code::MethodNotAllowed) {
        answer::header(&mut response.headers, "Allow");
    }
    response
}

/// Each code as it is really answered.
pub(super) fn examples() -> impl Iterator<Item = (&'static str, utoipa::openapi::example::Example)> {
    Code::ALL.iter().map(|code| {
        let example = ExampleBuilder::new().summary(code.title()).value(Some(rendered(*code)));
        (code.as_str(), example.build())
    })
}

fn rendered(code: Code) -> Value {
    let problem = match code {
        Code::ValidationFailed => {
            Problem::validation(vec![FieldFault::new("name", "must be at most 100 characters long")])
        }
        other => Problem::new(other, detail(other)),
    };
    let answer = problem.render("0197d0a4-7a4b-7c3e-9d2a-5f1c2b3a4d5e");
    let body = answer.into_body().collect().now_or_never().and_then(Result::ok);
    let body = body.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    sorted(serde_json::from_slice(&body).unwrap_or_default())
}

/// A sentence that goes with a code.
const fn detail(code: Code) -> &'static str {
    match code {
        Code::MalformedJson => "The body stops being JSON at line 1, column 15.",
        Code::InvalidCursor => "The cursor is not one that this list gave out.",
        Code::AmbiguousCredentials => "Send Authorization or x-api-key, not both.",
        Code::InvalidState => "The sign-in was not begun in this browser, or too long ago.",
        Code::ProviderRefused => "The provider did not confirm the sign-in.",
        Code::Unauthenticated => "Send Authorization: Bearer and an access token.",
        Code::InvalidCredentials => "The e-mail address or the password is wrong.",
        Code::RefreshInvalid => "The refresh token is not valid.",
        Code::RefreshReused => "The refresh token was used before; its session is revoked.",
        Code::Forbidden => "Only an admin may do this.",
        Code::BotDenied => "This program is not served here.",
        Code::NotFound => "There is nothing at this path.",
        Code::MethodNotAllowed => "Allow lists the methods of this path.",
        Code::RequestTimeout => "Nothing of the body came for too long.",
        Code::Conflict => "Somebody has it already.",
        Code::BodyTooLarge => "The body may have 10485760 bytes at most.",
        Code::UnsupportedMediaType => "Send the body as Content-Type: application/json.",
        Code::ValidationFailed => "",
        Code::RateLimited => "Too many attempts. Retry-After says when to try again.",
        Code::Internal => "Something went wrong here. The request id helps to find out what.",
        Code::Unavailable => "The storage can't be reached just now.",
        Code::Overloaded => "Too many sign-ins at once. Retry-After says when to try again.",
        Code::Timeout => "It took longer than 30 s.",
    }
}
