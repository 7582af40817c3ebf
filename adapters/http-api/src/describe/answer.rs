//! Answers that are no problems, and the headers of all.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use utoipa::openapi::{
    Content, ContentBuilder, Header, HeaderBuilder, Ref, RefOr, Response, ResponseBuilder,
};

use super::schema::{Shape, count, formatted, one_of, such_as, text, words};

type Headers = BTreeMap<String, RefOr<Header>>;

const EVERYWHERE: [&str; 5] = [
    "x-request-id",
    "Server-Timing",
    "X-Content-Type-Options",
    "Cross-Origin-Resource-Policy",
    "Cache-Control",
];
const LIMITED: [&str; 2] = ["RateLimit-Policy", "RateLimit"];

/// One answer of an operation.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) response: Response,
    pub(super) is_validated: bool,
}

impl Answer {
    /// An answer without a body.
    pub(super) fn empty(status: u16, what: &str) -> Self {
        let mut response = ResponseBuilder::new().description(what).build();
        common_headers(&mut response.headers);
        Self { status, response, is_validated: false }
    }

    /// A JSON answer, with an example.
    pub(super) fn json(status: u16, what: &str, shape: impl Into<Shape>, example: Value) -> Self {
        Self::empty(status, what).or_as("application/json", shape, Some(example))
    }

    /// Text that is no JSON.
    pub(super) fn text(what: &str, media: &str, body: &str) -> Self {
        Self::empty(200, what).or_as(media, words(body), None)
    }

    /// Bytes to be kept as a file.
    pub(super) fn download(what: &str) -> Self {
        let mut answer = Self::empty(200, what).with("Content-Disposition");
        // In 3.1 a body of bytes has no schema.
        answer.response.content.insert("application/octet-stream".to_owned(), Content::default().into());
        answer
    }

    /// A page, which says what it may do.
    pub(super) fn page(self) -> Self {
        ["Content-Security-Policy", "X-Frame-Options", "Referrer-Policy"].into_iter().fold(self, Self::with)
    }

    /// The same in another form.
    pub(super) fn or_as(mut self, media: &str, shape: impl Into<Shape>, example: Option<Value>) -> Self {
        let content: Content =
            ContentBuilder::new().schema(Some(shape.into())).example(example.map(sorted)).build();
        self.response.content.insert(media.to_owned(), content.into());
        self
    }

    /// With a strong validator, so that it may also be 304.
    pub(super) fn validated(mut self) -> Self {
        self.is_validated = true;
        self.with("ETag").with("Vary")
    }

    /// With one of the headers below.
    pub(super) fn with(mut self, name: &str) -> Self {
        header(&mut self.response.headers, name);
        self
    }

    /// Where the limits that are asked may be told.
    pub(super) fn limited(mut self) -> Self {
        limit_headers(&mut self.response.headers);
        self
    }
}

/// Notes a header that stands among the components.
pub(super) fn header(headers: &mut Headers, name: &str) {
    headers.insert(name.to_owned(), RefOr::Ref(Ref::new(format!("#/components/headers/{name}"))));
}

/// Notes those that every answer has.
pub(super) fn common_headers(headers: &mut Headers) {
    for name in EVERYWHERE {
        header(headers, name);
    }
}

/// Notes those that tell of limits.
pub(super) fn limit_headers(headers: &mut Headers) {
    for name in LIMITED {
        header(headers, name);
    }
}

/// Every header that answers have.
pub(super) fn headers() -> Vec<(&'static str, Header)> {
    let all = [
        (
            "x-request-id",
            text(
                "The request's own `x-request-id` if that is 1–128 visible ASCII characters, else one that was made. It is in the log line too.",
                (1, 128),
                None,
            ),
            "0197d0a4-7a4b-7c3e-9d2a-5f1c2b3a4d5e",
        ),
        (
            "Server-Timing",
            words(
                "What the request took in milliseconds: `total`; `db`, described by the number of statements; `cache`, described by `hit`, `stale`, `miss` or `bypass`.",
            ),
            "total;dur=1.204, db;dur=0.611;desc=\"1\", cache;desc=\"miss\"",
        ),
        (
            "X-Content-Type-Options",
            one_of("The body is of the type that is declared.", ["nosniff"]),
            "nosniff",
        ),
        (
            "Cross-Origin-Resource-Policy",
            one_of(
                "Pages of other origins can't embed the answer; requests by CORS are not touched by it.",
                ["same-origin"],
            ),
            "same-origin",
        ),
        ("Cache-Control", words("Who may keep the answer, and for how long."), "private, no-cache"),
        (
            "ETag",
            words(
                "Names these very bytes (a strong validator): sent back as `If-None-Match` it spares the body.",
            ),
            "\"4f0c2d7a9b3e4c5d8e9f0a1b2c3d4e5f\"",
        ),
        ("Vary", words("The request headers that the form of the answer hangs on."), "accept-encoding"),
        (
            "RateLimit-Policy",
            words(
                "The limits that were asked, by name: `q` requests in `w` seconds (draft-ietf-httpapi-ratelimit-headers).",
            ),
            "\"login-address\";q=10;w=60",
        ),
        (
            "RateLimit",
            words("Of each limit: `r` requests are left, and all of them again in `t` seconds."),
            "\"login-address\";r=9;t=6",
        ),
        (
            "Location",
            formatted("The address of what was made.", "uri-reference"),
            "/api/v1/books/0197d0a4-7a4b-7c3e-9d2a-5f1c2b3a4d5e",
        ),
        (
            "Set-Cookie",
            words("Cookies of a browser that signs in through GitHub, or signed in so."),
            "portico_oauth=value; Path=/api/v1/auth/github; Max-Age=600; HttpOnly; Secure; SameSite=Lax",
        ),
        ("WWW-Authenticate", words("Which credential is wanted (RFC 6750)."), "Bearer realm=\"portico\""),
        ("Allow", words("The methods of the path."), "GET,HEAD,OPTIONS"),
        (
            "Idempotent-Replayed",
            one_of("This answer was given before, and nothing was done again.", ["true"]),
            "true",
        ),
        ("Content-Disposition", words("What to call the file."), "attachment; filename=\"cpu.pb.gz\""),
        (
            "Content-Security-Policy",
            words("What the page may load and run."),
            "default-src 'none'; script-src 'self'",
        ),
        ("X-Frame-Options", one_of("The page is shown in no other.", ["DENY"]), "DENY"),
        (
            "Referrer-Policy",
            one_of("The page tells nobody where somebody was.", ["no-referrer"]),
            "no-referrer",
        ),
        (
            "x-portico-degraded",
            one_of("The database is away: this is from the built-in catalogue.", ["models"]),
            "models",
        ),
    ];
    let described = all.into_iter().map(|(name, shape, example)| (name, of(such_as(shape, example))));
    let wait = ("Retry-After", of(such_as(count("In how many seconds it is worth trying again."), 6)));
    described.chain([wait]).collect()
}

fn of(shape: Shape) -> Header {
    HeaderBuilder::new().schema(Some(shape)).build()
}

/// The same value, its members in the order of their names: so that the document doesn't hang on how maps are built.
pub(super) fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let ordered: BTreeMap<String, Value> = members.into_iter().collect();
            Value::Object(
                ordered.into_iter().map(|(name, value)| (name, sorted(value))).collect::<Map<_, _>>(),
            )
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}
