//! One operation, said briefly: what follows from who may call it, what it takes and what it is about is added here.

use std::collections::{BTreeMap, BTreeSet};

use http::Method;
use portico_domain::models::{PageRequest, Scope};
use serde_json::Value;
use utoipa::openapi::{
    Content, ContentBuilder, Ref, RefOr, Required, Response, ResponsesBuilder, Schema, SecurityRequirement,
    path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
    request_body::{RequestBody, RequestBodyBuilder},
};

use super::{
    Tag,
    answer::{Answer, header, sorted},
    problems,
    schema::{Shape, by_default, named, one_of, text, uuid, whole, words},
};
use crate::code::Code;

const IF_NONE_MATCH: &str = "If-None-Match";

/// Who may call.
#[derive(Clone, Copy)]
pub(super) enum Who {
    /// Anybody: credentials aren't looked at.
    Anybody,
    /// Anybody who holds what the body names.
    Holder,
    /// A person, by access token.
    Person,
    /// A person who operates Portico.
    Admin,
    /// A person, or a key: of this scope, if one is named.
    PersonOrKey(Option<Scope>),
    /// A person who operates Portico, or a key of such a person with this scope.
    AdminOrKey(Scope),
}

/// An operation that is being described.
pub(super) struct Operation {
    pub(super) method: Method,
    pub(super) path: String,
    id: &'static str,
    summary: &'static str,
    about: String,
    tag: Tag,
    who: Who,
    parameters: Vec<(String, RefOr<Parameter>)>,
    body: Option<RequestBody>,
    pub(super) answers: Vec<Answer>,
    codes: BTreeSet<usize>,
    refuses_with_cookie: bool,
}

impl Operation {
    /// Begins with what an operation is called and about.
    pub(super) fn new(method: Method, path: &str, id: &'static str, tag: Tag, summary: &'static str) -> Self {
        let places = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let parameters = places.filter(|name| *name == "id").map(shared);
        Self {
            method,
            path: path.to_owned(),
            id,
            summary,
            about: String::new(),
            tag,
            who: Who::Anybody,
            parameters: parameters.collect(),
            body: None,
            answers: Vec::new(),
            codes: BTreeSet::new(),
            refuses_with_cookie: false,
        }
    }

    /// Says more.
    pub(super) fn about(mut self, about: &str) -> Self {
        about.clone_into(&mut self.about);
        self
    }

    /// Says who may call.
    pub(super) fn by(mut self, who: Who) -> Self {
        self.who = who;
        self
    }

    /// Takes a parameter of the query that may be left out.
    pub(super) fn query(self, name: &str, shape: Shape) -> Self {
        self.parameter(parameter(name, ParameterIn::Query, false, shape)).problem(Code::ValidationFailed)
    }

    /// Takes one that is never found faulty by itself.
    pub(super) fn lenient_query(self, name: &str, shape: Shape) -> Self {
        self.parameter(parameter(name, ParameterIn::Query, false, shape))
    }

    /// Takes one that may not.
    pub(super) fn required_query(self, name: &str, shape: Shape) -> Self {
        self.parameter(parameter(name, ParameterIn::Query, true, shape)).problem(Code::ValidationFailed)
    }

    /// Takes a header.
    pub(super) fn header(self, name: &str, shape: Shape) -> Self {
        self.parameter(parameter(name, ParameterIn::Header, false, shape))
    }

    /// Takes a place of the path that is no UUID.
    pub(super) fn place(self, name: &str, shape: Shape) -> Self {
        self.parameter(parameter(name, ParameterIn::Path, true, shape))
    }

    /// Takes the same parameter in other words, or another one.
    fn parameter(mut self, parameter: Parameter) -> Self {
        let name = parameter.name.clone();
        self.parameters.retain(|(known, _)| *known != name);
        self.parameters.push((name, parameter.into()));
        self
    }

    /// Gives pages of a list, in either order or in one alone.
    pub(super) fn pages(mut self, orders: &[&str], first: &str) -> Self {
        self.parameters.push(shared("limit"));
        self = self.query("order", by_default(one_of(first, orders), "desc"));
        self.parameters.push(shared("cursor"));
        self.problem(Code::InvalidCursor)
    }

    /// Takes a body.
    pub(super) fn body(self, schema: &str, example: Value) -> Self {
        self.with_body(schema, example, true)
    }

    /// Takes a body that may be left out.
    pub(super) fn optional_body(self, schema: &str, example: Value) -> Self {
        self.with_body(schema, example, false)
    }

    fn with_body(mut self, schema: &str, example: Value, is_required: bool) -> Self {
        let content: Content =
            ContentBuilder::new().schema(Some(named(schema))).example(Some(sorted(example))).build();
        let required = if is_required { Required::True } else { Required::False };
        let body = RequestBodyBuilder::new().content("application/json", content).required(Some(required));
        self.body = Some(body.build());
        let codes = [
            Code::MalformedJson,
            Code::RequestTimeout,
            Code::BodyTooLarge,
            Code::UnsupportedMediaType,
            Code::ValidationFailed,
        ];
        codes.into_iter().fold(self, Self::problem)
    }

    /// Gives an answer.
    pub(super) fn answer(mut self, answer: Answer) -> Self {
        self.answers.push(answer);
        self
    }

    /// May refuse for this.
    pub(super) fn problem(mut self, code: Code) -> Self {
        self.codes.insert(problems::place(code));
        self
    }

    /// Sets a cookie also where it refuses.
    pub(super) fn refusing_with_cookie(mut self) -> Self {
        self.refuses_with_cookie = true;
        self
    }

    fn is_below_api(&self) -> bool {
        self.path.starts_with("/api/")
    }

    /// What follows from who may call, and from where it stands.
    fn usual_problems(mut self) -> Self {
        let mut codes = vec![Code::Internal, Code::Unavailable, Code::Timeout];
        if self.is_below_api() {
            codes.push(Code::RateLimited);
        }
        // Monitors ask all day, and are not sorted.
        if self.is_below_api() && self.path != "/api/v2/health" {
            codes.push(Code::BotDenied);
        }
        match self.who {
            Who::Anybody | Who::Holder => {}
            Who::Person | Who::PersonOrKey(None) => {
                codes.extend([Code::AmbiguousCredentials, Code::Unauthenticated]);
            }
            Who::Admin | Who::PersonOrKey(Some(_)) | Who::AdminOrKey(_) => {
                codes.extend([Code::AmbiguousCredentials, Code::Unauthenticated, Code::Forbidden]);
            }
        }
        if self.path.contains("{id}") {
            codes.push(Code::NotFound);
        }
        self.codes.extend(codes.into_iter().map(problems::place));
        self
    }

    fn security(&self) -> Vec<SecurityRequirement> {
        let bearer = |roles: &[&str]| SecurityRequirement::new("bearer", roles.iter().copied());
        let key = |scope: Option<Scope>| {
            SecurityRequirement::new("api_key", scope.iter().map(|scope| scope.as_str()))
        };
        match self.who {
            Who::Anybody | Who::Holder => Vec::new(),
            Who::Person => vec![bearer(&[])],
            Who::Admin => vec![bearer(&["admin"])],
            Who::PersonOrKey(scope) => vec![bearer(&[]), key(scope)],
            Who::AdminOrKey(scope) => vec![bearer(&["admin"]), key(Some(scope))],
        }
    }

    fn description(&self) -> String {
        let who = match self.who {
            Who::Anybody => "For anybody.".to_owned(),
            Who::Holder => "For whoever holds the refresh token.".to_owned(),
            Who::Person => "For people, by access token.".to_owned(),
            Who::Admin => "For people with the role `admin`.".to_owned(),
            Who::PersonOrKey(None) => "For people, by access token, and for keys of any scope.".to_owned(),
            Who::PersonOrKey(Some(scope)) => {
                format!("For people, by access token, and for keys with `{}`.", scope.as_str())
            }
            Who::AdminOrKey(scope) => {
                format!("For people with the role `admin`, and for keys of such with `{}`.", scope.as_str())
            }
        };
        if self.about.is_empty() { who } else { format!("{who}\n\n{}", self.about) }
    }

    /// The codes that it may refuse with, by status.
    fn refusals(&self) -> BTreeMap<u16, Vec<Code>> {
        let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
        for code in self.codes.iter().filter_map(|place| Code::ALL.get(*place)) {
            by_status.entry(code.status().as_u16()).or_default().push(*code);
        }
        by_status
    }

    /// Puts it together, and tells which shared answers it refers to.
    pub(super) fn build(self) -> (Method, String, utoipa::openapi::path::Operation, Vec<Vec<Code>>) {
        let mut operation = self.usual_problems();
        let is_limited = operation.is_below_api();
        let mut responses = ResponsesBuilder::new();
        for answer in std::mem::take(&mut operation.answers) {
            let answer = if is_limited { answer.limited() } else { answer };
            if answer.is_validated {
                operation.parameters.push(shared(IF_NONE_MATCH));
                let name = if is_limited { "unchanged.limited" } else { "unchanged" };
                let reference: RefOr<Response> = RefOr::Ref(Ref::from_response_name(name));
                responses = responses.response("304", reference);
            }
            responses = responses.response(answer.status.to_string(), answer.response);
        }
        let mut shared = Vec::new();
        for (status, codes) in operation.refusals() {
            if operation.refuses_with_cookie {
                let mut refusal = problems::response(&codes);
                header(&mut refusal.headers, "Set-Cookie");
                responses = responses.response(status.to_string(), refusal);
                continue;
            }
            let name = problems::name_of(&codes);
            let reference: RefOr<_> = RefOr::Ref(Ref::from_response_name(name));
            responses = responses.response(status.to_string(), reference);
            shared.push(codes);
        }
        let description = operation.description();
        let mut built = OperationBuilder::new()
            .tag(operation.tag.name())
            .summary(Some(operation.summary))
            .description(Some(description))
            .operation_id(Some(operation.id))
            .securities(Some(operation.security()))
            .request_body(operation.body)
            .responses(responses.build())
            .build();
        let parameters: Vec<_> = operation.parameters.into_iter().map(|(_, parameter)| parameter).collect();
        built.parameters = (!parameters.is_empty()).then_some(parameters);
        (operation.method, operation.path, built, shared)
    }
}

/// Parameters that many operations take.
pub(super) fn shared_parameters() -> Vec<(&'static str, Parameter)> {
    let limit = whole("How many rows at most.", (1, PageRequest::MAX_LIMIT.into()));
    let cursor = "Where to go on: `next_cursor` of the page before. It goes with its route, filters, order and caller.";
    let known = "The `ETag` of the answer that is there already: unchanged, the answer is 304.";
    let id = "Which one. What is no UUID names nothing: 404.";
    vec![
        ("id", parameter("id", ParameterIn::Path, true, uuid(id))),
        (
            "limit",
            parameter("limit", ParameterIn::Query, false, by_default(limit, PageRequest::DEFAULT_LIMIT)),
        ),
        ("cursor", parameter("cursor", ParameterIn::Query, false, text(cursor, (1, 100), None))),
        (IF_NONE_MATCH, parameter(IF_NONE_MATCH, ParameterIn::Header, false, words(known))),
    ]
}

/// What clients are told who have the answer already: outside of `/api` and below it.
pub(super) fn shared_answers() -> [(&'static str, Response); 2] {
    let unchanged = || Answer::empty(304, "What the client has is unchanged.").with("ETag").with("Vary");
    [("unchanged", unchanged().response), ("unchanged.limited", unchanged().limited().response)]
}

fn shared(name: &str) -> (String, RefOr<Parameter>) {
    (name.to_owned(), RefOr::Ref(Ref::new(format!("#/components/parameters/{name}"))))
}

fn parameter(name: &str, place: ParameterIn, is_required: bool, shape: Shape) -> Parameter {
    let (what, shape) = match shape {
        RefOr::T(Schema::Object(mut object)) => (object.description.take(), object.into()),
        other => (None, other),
    };
    let required = if is_required { Required::True } else { Required::False };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(required)
        .description(what)
        .schema(Some(shape))
        .build()
}
