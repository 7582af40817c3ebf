//! Request bodies and queries: read member by member, all faults told at once.

use std::{error::Error, fmt};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use portico_domain::models::{FieldFault, Order};
use serde_json::{Map, Value};

use crate::{code::Code, problem::Problem};

/// Reads a whole body of at most `limit` bytes.
pub(crate) async fn read_body(body: Body, limit: usize) -> Result<Bytes, Problem> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large(limit)),
        Err(error) if is_overdue(&*error) => {
            Err(Problem::new(Code::RequestTimeout, "Nothing of the body came for too long."))
        }
        Err(_) => Err(Problem::new(Code::MalformedJson, "The body ended before it was whole.")),
    }
}

/// Why a body breaks off whose next piece was waited for too long: the error that a runtime ends it with.
#[derive(Debug)]
pub struct BodyOverdue;

impl fmt::Display for BodyOverdue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing of the body came for too long")
    }
}

impl Error for BodyOverdue {}

fn is_overdue(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<BodyOverdue>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The answer to a body above the limit.
pub(crate) fn too_large(limit: usize) -> Problem {
    Problem::new(Code::BodyTooLarge, format!("The body may have {limit} bytes at most."))
}

/// A member that may be missing, and whose being null means something else than that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Member<T> {
    /// Not named.
    Missing,
    /// Named, and null.
    Null,
    /// Named, with a value.
    There(T),
}

impl<T> Member<T> {
    /// The value, where missing and null mean the same.
    pub(crate) fn value(self) -> Option<T> {
        match self {
            Self::Missing | Self::Null => None,
            Self::There(value) => Some(value),
        }
    }

    /// What a change says: nothing, that it is to be taken away, or what it is to be.
    #[expect(clippy::option_option, reason = "three outcomes, in the form in which ports take them")]
    pub(crate) fn change(self) -> Option<Option<T>> {
        match self {
            Self::Missing => None,
            Self::Null => Some(None),
            Self::There(value) => Some(Some(value)),
        }
    }
}

/// The members of a JSON object, taken out one by one.
pub(crate) struct Fields {
    members: Map<String, Value>,
    faults: Vec<FieldFault>,
}

impl Fields {
    /// Reads the body as a JSON object.
    pub(crate) async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Self, Problem> {
        if !is_json(headers) {
            let detail = "Send the body as Content-Type: application/json.";
            return Err(Problem::new(Code::UnsupportedMediaType, detail));
        }
        let bytes = read_body(body, limit).await?;
        Self::parse(&bytes)
    }

    /// Reads the body as a JSON object, or, where there is none, as an empty one.
    pub(crate) async fn read_optional(
        headers: &HeaderMap,
        body: Body,
        limit: usize,
    ) -> Result<Self, Problem> {
        if headers.contains_key(header::CONTENT_TYPE) {
            return Self::read(headers, body, limit).await;
        }
        let bytes = read_body(body, limit).await?;
        if bytes.is_empty() {
            return Ok(Self { members: Map::new(), faults: Vec::new() });
        }
        let detail = "Send the body as Content-Type: application/json.";
        Err(Problem::new(Code::UnsupportedMediaType, detail))
    }

    fn parse(bytes: &[u8]) -> Result<Self, Problem> {
        let value: Value = serde_json::from_slice(bytes).map_err(|error| {
            // Place, not content: what was sent may be a password.
            let detail = if bytes.is_empty() {
                "The body is empty.".to_owned()
            } else {
                format!("The body stops being JSON at line {}, column {}.", error.line(), error.column())
            };
            Problem::new(Code::MalformedJson, detail)
        })?;
        match value {
            Value::Object(members) => Ok(Self { members, faults: Vec::new() }),
            _ => Err(Problem::validation(vec![FieldFault::new("", "must be a JSON object")])),
        }
    }

    /// Takes a member that must be there, as text that `parse` understands.
    pub(crate) fn required<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, &'static str>,
    ) -> Option<T> {
        match self.members.remove(name) {
            None | Some(Value::Null) => {
                self.fault(name, "is required");
                None
            }
            Some(value) => self.text(name, &value, parse),
        }
    }

    /// Takes a member that may be missing or null. The outer `None` says that it is faulty.
    #[expect(clippy::option_option, reason = "faulty, missing, and there are three outcomes")]
    pub(crate) fn optional<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, &'static str>,
    ) -> Option<Option<T>> {
        match self.members.remove(name) {
            None | Some(Value::Null) => Some(None),
            Some(value) => self.text(name, &value, parse).map(Some),
        }
    }

    /// Takes a member of any type that may be missing or null. `None` says that it is faulty.
    pub(crate) fn member<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&Value) -> Result<T, &'static str>,
    ) -> Option<Member<T>> {
        match self.members.remove(name) {
            None => Some(Member::Missing),
            Some(Value::Null) => Some(Member::Null),
            Some(value) => parse(&value).map_err(|message| self.fault(name, message)).ok().map(Member::There),
        }
    }

    /// Takes a member of any type as it was sent.
    pub(crate) fn taken(&mut self, name: &str) -> Member<Value> {
        match self.members.remove(name) {
            None => Member::Missing,
            Some(Value::Null) => Member::Null,
            Some(value) => Member::There(value),
        }
    }

    /// Takes a member of any type that must be there.
    pub(crate) fn there<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&Value) -> Result<T, &'static str>,
    ) -> Option<T> {
        match self.member(name, parse)? {
            Member::There(value) => Some(value),
            Member::Missing | Member::Null => {
                self.fault(name, "is required");
                None
            }
        }
    }

    fn text<T>(
        &mut self,
        name: &str,
        value: &Value,
        parse: impl FnOnce(&str) -> Result<T, &'static str>,
    ) -> Option<T> {
        let parsed = value.as_str().ok_or("must be a string").and_then(parse);
        parsed.map_err(|message| self.fault(name, message)).ok()
    }

    /// Notes a fault that only the handler can see.
    pub(crate) fn fault(&mut self, field: &str, message: &str) {
        self.faults.push(FieldFault::new(field, message));
    }

    /// Notes several.
    pub(crate) fn faults(&mut self, faults: Vec<FieldFault>) {
        self.faults.extend(faults);
    }

    /// Ends the reading: members that nobody took are faults as well. Without faults, `build` puts the request together.
    pub(crate) fn finish<T>(mut self, build: impl FnOnce() -> Option<T>) -> Result<T, Problem> {
        for name in self.members.keys().take(Problem::MOST_FAULTS) {
            // A name is cut, so that the answer can't be made as long as the request.
            let shown: String = name.chars().take(64).collect();
            self.faults.push(FieldFault::new(shown, "is not a member of this request"));
        }
        if !self.faults.is_empty() {
            return Err(Problem::validation(self.faults));
        }
        build().ok_or_else(|| Problem::internal("a member was faulty without a fault"))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let mut parts = value.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let json =
        essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"));
    let utf8 = parts.all(|parameter| match parameter.split_once('=') {
        Some((name, charset)) if name.trim().eq_ignore_ascii_case("charset") => {
            charset.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    json && utf8
}

/// The parameters of a query string, decoded; the first of a name counts.
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Splits and decodes a query.
    pub(crate) fn parse(query: Option<&str>) -> Self {
        let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| {
                    let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decode(name), decode(value))
                })
                .collect(),
        )
    }

    /// The value of a parameter.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The query without some parameters.
    pub(crate) fn without(&self, names: &[&str]) -> Self {
        Self(self.0.iter().filter(|(name, _)| !names.contains(&name.as_str())).cloned().collect())
    }

    /// The parameters that every list takes: limit, order and the text of a cursor. `faults` are those of other parameters, and are told with theirs.
    pub(crate) fn list(&self, mut faults: Vec<FieldFault>) -> Result<(u32, Order, Option<&str>), Problem> {
        let limit = match self.get("limit").map(str::parse::<u32>) {
            None => 20,
            Some(Ok(limit @ 1..=100)) => limit,
            Some(_) => {
                faults.push(FieldFault::new("limit", "must be a whole number from 1 to 100"));
                0
            }
        };
        let order = match self.get("order") {
            None | Some("desc") => Order::Descending,
            Some("asc") => Order::Ascending,
            Some(_) => {
                faults.push(FieldFault::new("order", "must be asc or desc"));
                Order::Descending
            }
        };
        if faults.is_empty() {
            Ok((limit, order, self.get("cursor")))
        } else {
            Err(Problem::validation(faults))
        }
    }
}

/// Decodes `%XX` and `+`; what is not UTF-8 becomes the replacement character.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let hex = |at: usize| bytes.get(at).and_then(|b| char::from(*b).to_digit(16));
        match (bytes[i], hex(i + 1), hex(i + 2)) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                i += 3;
                continue;
            }
            (b'+', ..) => decoded.push(b' '),
            (byte, ..) => decoded.push(byte),
        }
        i += 1;
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_does_not_grow_with_the_members_that_nobody_knows() {
        let body = (0..300).map(|n| format!(r#""member{n}": 0"#)).collect::<Vec<_>>().join(",");
        let fields = Fields::parse(format!("{{{body}}}").as_bytes()).ok().unwrap();
        let refused = fields.finish(|| Some(())).unwrap_err();
        let body = refused.render("test").into_body().collect().await.unwrap().to_bytes();
        let told: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(told["errors"].as_array().map(Vec::len), Some(100));
    }

    #[tokio::test]
    async fn a_body_that_is_overdue_is_told_from_one_that_breaks_off() {
        let breaks = |error: Box<dyn Error + Send + Sync>| {
            Body::from_stream(futures_util::stream::iter([Ok(Bytes::from_static(b"{")), Err(error)]))
        };
        let overdue = read_body(breaks(Box::new(BodyOverdue)), 100).await.unwrap_err();
        assert_eq!(overdue.code(), Code::RequestTimeout);
        let broken = read_body(breaks("gone".into()), 100).await.unwrap_err();
        assert_eq!(broken.code(), Code::MalformedJson);
    }

    #[test]
    fn queries_are_decoded_and_never_panic() {
        let query = Query::parse(Some("a=1%2B+x&b&c=%zz%e4&=d&a=2&%"));
        assert_eq!(query.get("a"), Some("1+ x"));
        assert_eq!(query.get("b"), Some(""));
        assert_eq!(query.get("c"), Some("%zz\u{fffd}"));
    }

    #[test]
    fn json_is_known_by_its_type_and_charset() {
        let is = |value: &'static str| {
            is_json(&HeaderMap::from_iter([(header::CONTENT_TYPE, http::HeaderValue::from_static(value))]))
        };
        assert!(is("application/json"));
        assert!(is("Application/JSON; charset=\"UTF-8\""));
        assert!(is("application/merge-patch+json"));
        assert!(!is("text/plain"));
        assert!(!is("application/json; charset=latin1"));
        assert!(!is_json(&HeaderMap::new()));
    }
}
