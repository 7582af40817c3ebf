//! The whole document.

use std::collections::BTreeMap;

use http::Method;
use utoipa::openapi::{
    ComponentsBuilder, HttpMethod, InfoBuilder, LicenseBuilder, OpenApiBuilder, PathItem, PathsBuilder,
    ServerBuilder,
    security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    tag::TagBuilder,
};

use super::{
    Tag, answer,
    operation::{self, Operation},
    problems,
    schema::{self, Shape},
};
use crate::code::Code;

const ABOUT: &str = "\
The front door of an API: sign-in, API keys, and what is behind them.

- **Bodies** are JSON in UTF-8 with `snake_case` members. A member that a request doesn't know is refused, and all faulty members are told at once.
- **Times** are RFC 3339 in UTC, ending in `Z`, to the microsecond at most. **Ids** are UUIDs of version 7. **Money** is whole cents.
- **Errors** are `application/problem+json` (RFC 9457) with a stable `code`. Any path that there is not is 404 `not_found`; any method that a path doesn't know \
is 405 `method_not_allowed` with `Allow`. HEAD is served wherever GET is, and OPTIONS tells `Allow`.
- **Credentials**: `Authorization: Bearer` with an access token for people, `x-api-key` for programs; both at once is 400 `ambiguous_credentials`. Who calls is \
asked before what was sent is looked at. Browsers that signed in through GitHub carry the tokens in cookies.
- **Lists** are walked by `next_cursor`. A walk visits each row once, also while rows are added.
- **Validators**: an answer with an `ETag` is 304 without a body when `If-None-Match` names it.
- **Compression**: br, zstd or gzip by `Accept-Encoding`, never of answers that are `no-store`.
- **Limits**: what is refused for asking too often is 429 with `Retry-After`.
- **Browsers**: pages of other origins may read answers where an operator has named their origin (CORS).";

/// The orders of a list by time.
pub(super) const NEWEST_FIRST: [&str; 2] = ["desc", "asc"];
/// The order of a search.
pub(super) const BEST_FIRST: [&str; 1] = ["desc"];

/// Gathers what is described.
#[derive(Default)]
pub(super) struct Document {
    paths: Vec<(String, PathItem)>,
    schemas: BTreeMap<String, Shape>,
    refusals: BTreeMap<String, Vec<Code>>,
}

impl Document {
    /// Adds a schema that has a name.
    pub(super) fn schema(&mut self, name: &str, shape: impl Into<Shape>) {
        let before = self.schemas.insert(name.to_owned(), shape.into());
        assert!(before.is_none(), "two schemas are called {name}");
    }

    /// Adds the pages of a list.
    pub(super) fn list(&mut self, name: &str, row: &str) {
        let page = schema::answer(
            "A page of a list.",
            vec![
                ("data", schema::list("The rows.", schema::named(row))),
                (
                    "next_cursor",
                    schema::or_null(schema::words(
                        "Where the list goes on; null when this was the last page.",
                    )),
                ),
                ("has_more", schema::flag("Whether it goes on.")),
            ],
        );
        self.schema(name, page);
    }

    /// Adds an operation.
    pub(super) fn operation(&mut self, operation: Operation) {
        let (method, path, built, shared) = operation.build();
        for codes in shared {
            self.refusals.insert(problems::name_of(&codes), codes);
        }
        let method = match method {
            Method::GET => HttpMethod::Get,
            Method::POST => HttpMethod::Post,
            Method::PUT => HttpMethod::Put,
            Method::PATCH => HttpMethod::Patch,
            Method::DELETE => HttpMethod::Delete,
            other => unreachable!("no route has the method {other}"),
        };
        let item = PathItem::new(method, built);
        match self.paths.iter_mut().find(|(known, _)| *known == path) {
            Some((_, known)) => known.merge_operations(item),
            None => self.paths.push((path, item)),
        }
    }

    /// Writes it down.
    pub(super) fn render(mut self) -> String {
        for (name, shape) in problems::schemas() {
            self.schema(name, shape);
        }
        // No operation's own: what is answered where there is none.
        self.refusals.insert(Code::MethodNotAllowed.as_str().to_owned(), vec![Code::MethodNotAllowed]);
        let mut components = ComponentsBuilder::new()
            .schemas_from_iter(self.schemas)
            .responses_from_iter(
                self.refusals.iter().map(|(name, codes)| (name.as_str(), problems::response(codes))),
            )
            .security_scheme("bearer", bearer())
            .security_scheme("api_key", api_key());
        for (name, parameter) in operation::shared_parameters() {
            components = components.parameter(name, parameter);
        }
        for (name, response) in operation::shared_answers() {
            components = components.response(name, response);
        }
        for (name, header) in answer::headers() {
            components = components.header(name, header);
        }
        for (name, example) in problems::examples() {
            components = components.example(name, example);
        }
        let paths =
            self.paths.into_iter().fold(PathsBuilder::new(), |paths, (path, item)| paths.path(path, item));
        let license = LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0"));
        let info = InfoBuilder::new()
            .title("Portico")
            .version(env!("CARGO_PKG_VERSION"))
            .description(Some(ABOUT))
            .license(Some(license.build()));
        let tags =
            Tag::ALL.map(|tag| TagBuilder::new().name(tag.name()).description(Some(tag.about())).build());
        let document = OpenApiBuilder::new()
            .info(info.build())
            .servers(Some([ServerBuilder::new().url("/").build()]))
            .tags(Some(tags))
            .paths(paths.build())
            .components(Some(components.build()))
            .build();
        let mut text = document.to_pretty_json().expect("a document is JSON");
        text.push('\n');
        text
    }
}

fn bearer() -> SecurityScheme {
    let about = "An access token, from signing in. It lives 15 minutes; a refresh token renews it.";
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
    SecurityScheme::Http(scheme.description(Some(about)).build())
}

fn api_key() -> SecurityScheme {
    let about = "An API key, from `POST /api/v1/api-keys`. It does what its scopes name, and no more than the person who made it may.";
    SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description("x-api-key", about)))
}
