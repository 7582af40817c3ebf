//! What monitors and clients ask of the service itself, and the public keys.

use http::Method;
use portico_domain::settings::{LimitClass, Switch, Target};
use serde_json::{Map, Value, json};

use super::{
    Tag,
    answer::Answer,
    document::Document,
    operation::Operation,
    schema::{Member, Shape, answer, count, flag, list, map, named, named_as, one_of, or_null, words},
};

const TAG: Tag = Tag::Operations;
const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(super) fn describe(document: &mut Document) {
    schemas(document);
    document.operation(
        Operation::new(Method::GET, "/health", "isAlive", TAG, "Tells that the process is alive")
            .about("Asks nothing.")
            .answer(Answer::json(200, "It is.", named("Alive"), json!({"status": "ok"}))),
    );
    document.operation(
        Operation::new(Method::GET, "/ready", "isReady", TAG, "Tells whether storage answers")
            .about("503 while it doesn't.")
            .answer(Answer::json(200, "It does.", named("Ready"), json!({"status": "ready"}))),
    );
    let health = json!({"status": "ok", "version": VERSION, "target": "native", "checks": {"storage": "ok"}});
    document.operation(
        Operation::new(Method::GET, "/api/v2/health", "getHealth", TAG, "Shows how the service is doing")
            .about("Kept for 5 s.")
            .answer(
                Answer::json(200, "How it is doing; also 200 when it is degraded.", named("Health"), health)
                    .validated(),
            ),
    );
    document.operation(
        Operation::new(
            Method::GET,
            "/api/v2/info",
            "getInfo",
            TAG,
            "Shows version, limits and optimisations",
        )
        .about("Kept for 30 s.")
        .answer(Answer::json(200, "What the service is.", named("Info"), info_example()).validated()),
    );
    let key = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "kid": "example", "alg": "EdDSA", "use": "sig"}]});
    document.operation(
        Operation::new(
            Method::GET,
            "/.well-known/jwks.json",
            "getPublicKeys",
            TAG,
            "Shows the keys that access tokens are verified with",
        )
        .about("None where tokens are signed with HS256. Kept for 300 s.")
        .answer(Answer::json(200, "A JSON Web Key Set (RFC 7517).", named("JsonWebKeySet"), key).validated()),
    );
}

fn info_example() -> Value {
    let rates: Map<String, Value> = classes().map(|class| (class, Value::Null)).collect();
    let flows: Map<String, Value> = switches().map(|switch| (switch, true.into())).collect();
    let mut limits = json!({"body_bytes": 10_485_760, "request_seconds": 30, "rates": rates});
    limits["rates"]["login"] = json!({"limit": 10, "window_seconds": 60});
    json!({"name": "portico", "version": VERSION, "target": "native", "uptime_seconds": 3_600, "limits": limits, "flows": flows})
}

fn classes() -> impl Iterator<Item = String> {
    LimitClass::ALL.into_iter().map(|class| class.name().to_ascii_lowercase())
}

fn switches() -> impl Iterator<Item = String> {
    Switch::ALL.into_iter().map(|switch| switch.name().to_ascii_lowercase())
}

fn schemas(document: &mut Document) {
    let status = |word: &str| vec![("status", one_of("What was asked.", [word]))];
    document.schema("Alive", answer("The process is alive.", status("ok")));
    document.schema("Ready", answer("Storage answers.", status("ready")));
    let target = || one_of("What serves.", [Target::Native, Target::Worker].map(Target::as_str));
    let checks = vec![("storage", one_of("Whether storage answers.", ["ok", "unavailable"]))];
    document.schema("HealthChecks", answer("What was looked at.", checks));
    let health = vec![
        ("status", one_of("`degraded` while something doesn't answer.", ["ok", "degraded"])),
        ("version", words("The version that serves.")),
        ("target", target()),
        ("checks", named_as("HealthChecks", "What was looked at.")),
    ];
    document.schema("Health", answer("How the service is doing.", health));
    let quota = or_null(named_as("Quota", "The limit; null where there is none."));
    let rates = map("The limits by class, among them `login` and `register`.", Some(quota));
    let limits = vec![
        ("body_bytes", count("The largest body.")),
        ("request_seconds", count("How long a request may take.")),
        ("rates", rates),
    ];
    document.schema("InfoLimits", answer("What is limited.", limits));
    let info = vec![
        ("name", one_of("What this is.", ["portico"])),
        ("version", words("The version that serves.")),
        ("target", target()),
        ("uptime_seconds", count("For how long the process or isolate has been running.")),
        ("limits", named_as("InfoLimits", "What is limited.")),
        ("flows", map("Which optimisations are on, by name.", Some(flag("Whether it is on.")))),
    ];
    document.schema("Info", answer("What the service is.", info));
    let fixed = |what: &str, word: &str| -> Shape { one_of(what, [word]) };
    let key: Vec<Member> = vec![
        ("kty", fixed("Octet key pair.", "OKP")),
        ("crv", fixed("The curve.", "Ed25519")),
        ("x", words("The key in base64url.")),
        ("kid", words("Its name, as in the tokens' headers.")),
        ("alg", fixed("The algorithm.", "EdDSA")),
        ("use", fixed("What for.", "sig")),
    ];
    document.schema("JsonWebKey", answer("An Ed25519 public key (RFC 8037).", key));
    let keys = vec![("keys", list("The keys.", named("JsonWebKey")))];
    document.schema("JsonWebKeySet", answer("Public keys.", keys));
}
