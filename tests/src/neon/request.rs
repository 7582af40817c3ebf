//! What a caller sends to `/sql`: the connection string, the headers, the statements.

use http::HeaderMap;
use serde_json::Value;
use url::{Host, Url};

use super::values::parameter_text;
use super::wire::Login;

/// Holds one statement with its parameters as Postgres text.
#[derive(Debug, PartialEq, Eq)]
pub struct Statement {
    /// The SQL text, one statement.
    pub query: String,
    /// The parameters, `None` for NULL.
    pub parameters: Vec<Option<String>>,
    /// Whether rows are arrays; the header decides when the statement doesn't say.
    pub array_mode: Option<bool>,
}

/// Tells a single statement (committed by itself) from a batch (one transaction).
#[derive(Debug, PartialEq, Eq)]
pub enum Payload {
    /// `{query, params}`
    Single(Statement),
    /// `{queries: […]}`
    Batch(Vec<Statement>),
}

/// Holds what the headers ask for.
#[derive(Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each one is a header of its own")]
pub struct Options {
    /// Every value as text, whatever its type.
    pub raw_text: bool,
    /// Rows as arrays.
    pub array_mode: bool,
    /// Isolation level of a batch: the header's spelling and SQL's.
    pub isolation: Option<(&'static str, &'static str)>,
    /// A batch that may not write.
    pub read_only: bool,
    /// A serializable read-only batch that waits for a safe snapshot.
    pub deferrable: bool,
}

const ISOLATION_LEVELS: [(&str, &str); 4] = [
    ("ReadUncommitted", "READ UNCOMMITTED"),
    ("ReadCommitted", "READ COMMITTED"),
    ("RepeatableRead", "REPEATABLE READ"),
    ("Serializable", "SERIALIZABLE"),
];

impl Options {
    /// Reads the headers. A switch is on by the word `true` alone; an unknown isolation level is an error.
    pub fn parse(headers: &HeaderMap) -> Result<Self, String> {
        let on = |name: &str| headers.get(name).is_some_and(|value| value.as_bytes() == b"true");
        let isolation = match headers.get("neon-batch-isolation-level") {
            None => None,
            Some(value) => Some(
                ISOLATION_LEVELS
                    .into_iter()
                    .find(|(name, _)| name.as_bytes() == value.as_bytes())
                    .ok_or("invalid isolation level")?,
            ),
        };
        Ok(Self {
            raw_text: on("neon-raw-text-output"),
            array_mode: on("neon-array-mode"),
            isolation,
            read_only: on("neon-batch-read-only"),
            deferrable: on("neon-batch-deferrable"),
        })
    }

    /// Builds the statement that opens a batch's transaction.
    #[must_use]
    pub fn begin(&self) -> String {
        let mut begin = String::from("START TRANSACTION");
        let mut modes = Vec::new();
        if let Some((_, level)) = self.isolation {
            modes.push(format!("ISOLATION LEVEL {level}"));
        }
        if self.read_only {
            modes.push("READ ONLY".to_owned());
        }
        if self.deferrable {
            modes.push("DEFERRABLE".to_owned());
        }
        if !modes.is_empty() {
            begin.push(' ');
            begin.push_str(&modes.join(", "));
        }
        begin
    }
}

/// Reads who signs in from the headers, as Neon's proxy does: the host must be a name, because it names the endpoint.
pub fn login(headers: &HeaderMap) -> Result<Login, String> {
    if headers.contains_key("authorization") {
        return Err("authorization header is not accepted here".into());
    }
    let text = headers
        .get("neon-connection-string")
        .ok_or("missing header Neon-Connection-String")?
        .to_str()
        .map_err(|_| "invalid connection string")?;
    let url = Url::parse(text).map_err(|error| format!("invalid connection string: {error}"))?;
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return Err("incorrect scheme in the connection string".into());
    }
    // `url` knows hosts of special schemes only; for others a dotted quad arrives as a name.
    match url.host() {
        Some(Host::Domain(name)) if !name.is_empty() && name.parse::<std::net::IpAddr>().is_err() => {}
        _ => return Err("the connection string's host must be a name".into()),
    }
    let database = decoded(url.path().trim_start_matches('/'));
    if database.is_empty() || database.contains('/') {
        return Err("invalid database name in the connection string".into());
    }
    if url.username().is_empty() {
        return Err("missing user name in the connection string".into());
    }
    let password = url.password().ok_or("missing password in the connection string")?;
    Ok(Login { user: decoded(url.username()), password: decoded(password), database })
}

fn decoded(text: &str) -> String {
    // A `+` is a plain character in these parts of a URL, unlike in a form.
    let escaped = text.replace('+', "%2B").replace('&', "%26").replace('=', "%3D");
    url::form_urlencoded::parse(escaped.as_bytes())
        .next()
        .map(|(name, _)| name.into_owned())
        .unwrap_or_default()
}

/// Reads the body. Members that the protocol doesn't know are passed over.
pub fn payload(body: &[u8]) -> Result<Payload, String> {
    let value: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if value.get("query").is_some() {
        return statement(&value).map(Payload::Single);
    }
    let queries = value.get("queries").and_then(Value::as_array);
    queries
        .ok_or("data did not match a query or a batch")?
        .iter()
        .map(statement)
        .collect::<Result<_, _>>()
        .map(Payload::Batch)
}

fn statement(value: &Value) -> Result<Statement, String> {
    let query = value.get("query").and_then(Value::as_str).ok_or("`query` must be a string")?.to_owned();
    let parameters = match value.get("params") {
        None => Vec::new(),
        Some(Value::Array(values)) => values.iter().map(parameter_text).collect(),
        Some(_) => return Err("`params` must be an array".into()),
    };
    let array_mode = match value.get("arrayMode") {
        None | Some(Value::Null) => None,
        Some(Value::Bool(on)) => Some(*on),
        Some(_) => return Err("`arrayMode` must be a boolean".into()),
    };
    Ok(Statement { query, parameters, array_mode })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_connection_string_needs_name_user_password_and_database() {
        let of = |text| login(&headers(&[("neon-connection-string", text)]));
        assert_eq!(
            of("postgres://ann:p%40ss+1@ep-x.eu.example/shop?sslmode=require"),
            Ok(Login { user: "ann".into(), password: "p@ss+1".into(), database: "shop".into() })
        );
        for refused in [
            "postgres://ann:p@127.0.0.1/shop",
            "postgres://ann:p@[::1]/shop",
            "postgres://ann@ep/shop",
            "postgres://:p@ep/shop",
            "postgres://ann:p@ep/",
            "mysql://ann:p@ep/shop",
            "nonsense",
        ] {
            assert!(of(refused).is_err(), "{refused}");
        }
        assert!(login(&HeaderMap::new()).is_err());
    }

    #[test]
    fn only_the_word_true_switches_on() {
        let options = Options::parse(&headers(&[
            ("neon-raw-text-output", "true"),
            ("neon-array-mode", "1"),
            ("neon-batch-read-only", "True"),
        ]));
        assert_eq!(options, Ok(Options { raw_text: true, ..Options::default() }));
    }

    #[test]
    fn a_batch_begins_with_its_modes() {
        let options = Options::parse(&headers(&[
            ("neon-batch-isolation-level", "Serializable"),
            ("neon-batch-read-only", "true"),
            ("neon-batch-deferrable", "true"),
        ]));
        assert_eq!(
            options.map(|options| options.begin()).as_deref(),
            Ok("START TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE")
        );
        assert!(Options::parse(&headers(&[("neon-batch-isolation-level", "serializable")])).is_err());
    }

    #[test]
    fn bodies_of_other_shapes_are_refused() {
        for body in ["", "[]", "{}", r#"{"query":1}"#, r#"{"queries":{}}"#, r#"{"query":"x","params":1}"#] {
            assert!(payload(body.as_bytes()).is_err(), "{body}");
        }
        assert_eq!(payload(br#"{"queries":[]}"#), Ok(Payload::Batch(Vec::new())));
    }
}
