//! API keys.

use http::Method;
use portico_domain::{
    flows::api_keys::{RotateApiKey, ShowKeyUsage},
    models::{ApiKeyText, Scope},
};
use serde_json::{Value, json};

use super::{
    Tag,
    answer::Answer,
    document::{Document, NEWEST_FIRST},
    examples,
    operation::{Operation, Who},
    schema::{
        LINE, Member, Shape, answer, by_default, count, flag, formatted, list, list_of, named, named_as,
        one_of, or_null, request, text, time, uuid, whole,
    },
};
use crate::code::Code;

const TAG: Tag = Tag::ApiKeys;
const KEYS: &str = "/api/v1/api-keys";
const KEY: &str = "/api/v1/api-keys/{id}";

pub(super) fn describe(document: &mut Document) {
    schemas(document);
    let example = examples::shown(&examples::api_key());
    document.operation(
        Operation::new(Method::POST, KEYS, "createApiKey", TAG, "Makes a key")
            .about("Its text is shown in this answer alone. A scope that is for admins is 403 for others.")
            .by(Who::Person)
            .body("CreateApiKeyRequest", json!({"name": "Reports", "scopes": ["messages:read"], "rate_limit": {"limit": 600, "window_seconds": 60}}))
            .answer(Answer::json(201, "The key with its text.", named("MadeApiKey"), examples::made_key()))
            .problem(Code::Forbidden),
    );
    document.operation(
        Operation::new(Method::GET, KEYS, "listApiKeys", TAG, "Lists the organization's keys")
            .by(Who::Person)
            .pages(&NEWEST_FIRST, "Newest first, or oldest.")
            .answer(
                Answer::json(
                    200,
                    "Keys, without their text.",
                    named("ApiKeyList"),
                    examples::page(&examples::api_key()),
                )
                .validated(),
            ),
    );
    document.operation(
        Operation::new(Method::GET, KEY, "getApiKey", TAG, "Shows a key").by(Who::Person).answer(
            Answer::json(200, "The key, without its text.", named("ApiKey"), example.clone()).validated(),
        ),
    );
    document.operation(
        Operation::new(Method::PATCH, KEY, "changeApiKey", TAG, "Changes a key")
            .about("What isn't named stays. Null takes away `instance_ids`, `expires_at` and `rate_limit`. 409 for a revoked key.")
            .by(Who::Person)
            .body("ChangeApiKeyRequest", json!({"name": "Monthly reports", "expires_at": "2030-01-31T12:00:00Z"}))
            .answer(Answer::json(200, "The key as it is now.", named("ApiKey"), example))
            .problem(Code::Forbidden)
            .problem(Code::Conflict),
    );
    document.operation(
        Operation::new(Method::DELETE, KEY, "revokeApiKey", TAG, "Revokes a key")
            .about("It is refused at once on the server that answers, within a second on servers that share Redis, and within the cache lifetime on Workers.")
            .by(Who::Person)
            .answer(Answer::empty(204, "It is revoked.")),
    );
    document.operation(
        Operation::new(
            Method::POST,
            "/api/v1/api-keys/{id}/rotate",
            "rotateApiKey",
            TAG,
            "Gives a key a new text",
        )
        .about("The old text works until the grace ends. 409 for a revoked key.")
        .by(Who::Person)
        .optional_body("RotateApiKeyRequest", json!({"grace_seconds": 3_600}))
        .answer(Answer::json(201, "The key with its new text.", named("MadeApiKey"), examples::made_key()))
        .problem(Code::Conflict),
    );
    let days = whole("How many days, with today (UTC).", (1, ShowKeyUsage::MAX_DAYS.into()));
    document.operation(
        Operation::new(
            Method::GET,
            "/api/v1/api-keys/{id}/usage",
            "getApiKeyUsage",
            TAG,
            "Counts how often a key was used",
        )
        .about("About a second behind.")
        .by(Who::Person)
        .query("days", by_default(days, ShowKeyUsage::DAYS))
        .answer(
            Answer::json(
                200,
                "Uses a day, newest first; days without use are left out.",
                named("ApiKeyUsage"),
                usage_example(),
            )
            .validated(),
        ),
    );
    document.operation(
        Operation::new(Method::POST, "/api/v1/api-keys/verify", "verifyApiKey", TAG, "Checks a key for another service")
            .about("Of the caller's organization; any other's is `not_found`. The key's own rate limit counts, and a key that is found valid was used.")
            .by(Who::AdminOrKey(Scope::KeysVerify))
            .body("VerifyApiKeyRequest", json!({"key": examples::key_text(), "scope": "messages:read"}))
            .answer(Answer::json(200, "What the key opens.", named("ApiKeyVerdict"), verdict_example())),
    );
}

fn usage_example() -> Value {
    json!({"key_id": examples::shown(&examples::api_key().id), "total": 42, "data": [{"day": "2026-11-20", "uses": 42}]})
}

fn verdict_example() -> Value {
    let key = examples::shown(&examples::api_key());
    let mut verdict = json!({"valid": true, "code": "valid", "key_id": key["id"]});
    for member in ["organization_id", "scopes", "instance_ids", "expires_at", "rate_limit"] {
        verdict[member] = key[member].clone();
    }
    verdict
}

fn scope(what: &str) -> Shape {
    one_of(what, Scope::ALL.iter().map(|scope| scope.as_str()))
}

fn scopes(what: &str) -> Shape {
    list(what, scope("One thing that the key may do; `*` is everything that its maker may."))
}

fn record() -> Vec<Member> {
    vec![
        ("id", uuid("Names the key.")),
        ("name", text("What its maker calls it.", (1, 100), None)),
        (
            "prefix",
            text(
                "The first characters of its text, to know it by.",
                (ApiKeyText::SHOWN, ApiKeyText::SHOWN),
                None,
            ),
        ),
        ("organization_id", uuid("Whose rows it opens.")),
        ("scopes", scopes("What it may do; nothing when empty.")),
        (
            "instance_ids",
            or_null(list("The instances it is for; null is all, an empty list none.", uuid("An instance."))),
        ),
        ("status", one_of("Whether it still opens anything.", ["active", "revoked"])),
        ("expires_at", or_null(time("When it ends by itself."))),
        ("rate_limit", or_null(named_as("Quota", "How often it may be used."))),
        ("created_at", time("When it was made.")),
        ("last_used_at", or_null(time("When it was last used, as far as that has been written."))),
    ]
}

fn schemas(document: &mut Document) {
    let quota = |what: &str| {
        vec![
            ("limit", whole(what, (1, 1_000_000))),
            ("window_seconds", whole("In so many seconds.", (1, 86_400))),
        ]
    };
    document.schema("Quota", answer("How often something may be done.", quota("How often.")));
    document.schema("QuotaRequest", request("How often a key may be used.", quota("How often."), Vec::new()));
    document.schema("ApiKey", answer("A key, without its text.", record()));
    let text_of = (
        "key",
        text(
            "The key itself, shown once: `pk_`, 32 base62 characters, and 6 of checksum.",
            (ApiKeyText::LENGTH, ApiKeyText::LENGTH),
            Some("^pk_[0-9A-Za-z]{38}$"),
        ),
    );
    document.schema(
        "MadeApiKey",
        answer("A key with its text. `no-store`.", record().into_iter().chain([text_of]).collect()),
    );
    document.list("ApiKeyList", "ApiKey");
    let instances = || {
        or_null(list_of(
            "The instances it is for; null is all, an empty list none.",
            uuid("An instance."),
            (0, 100),
        ))
    };
    let name = || text("What to call it; trimmed.", (1, 100), Some(LINE));
    let what_may_change = || {
        vec![
            ("instance_ids", instances()),
            ("expires_at", or_null(time("When it ends by itself; not in the past."))),
            ("rate_limit", or_null(named_as("QuotaRequest", "How often it may be used."))),
        ]
    };
    let required = vec![("name", name()), ("scopes", scopes("What it may do; an empty list is nothing."))];
    document.schema("CreateApiKeyRequest", request("A new key.", required.clone(), what_may_change()));
    let changes = required.into_iter().chain(what_may_change()).collect();
    document.schema("ChangeApiKeyRequest", request("What is to be different.", Vec::new(), changes));
    let grace = whole("How long the old text goes on working.", (0, RotateApiKey::MAX_GRACE.as_secs()));
    document.schema(
        "RotateApiKeyRequest",
        request("How to go over.", Vec::new(), vec![("grace_seconds", or_null(by_default(grace, 0)))]),
    );
    let day = answer(
        "Uses on one day.",
        vec![("day", formatted("In UTC.", "date")), ("uses", count("How often."))],
    );
    document.schema("ApiKeyDay", day);
    let usage = answer(
        "How often a key was used.",
        vec![
            ("key_id", uuid("Which key.")),
            ("total", count("In all these days.")),
            ("data", list("A row a day.", named("ApiKeyDay"))),
        ],
    );
    document.schema("ApiKeyUsage", usage);
    let verify = request(
        "A key that another service was shown.",
        vec![("key", text("The text; 1–200 bytes.", (1, 200), None))],
        vec![
            ("scope", or_null(scope("What it is to do there."))),
            ("instance_id", or_null(uuid("In which instance."))),
        ],
    );
    document.schema("VerifyApiKeyRequest", verify);
    let codes =
        ["valid", "not_found", "revoked", "expired", "insufficient_scope", "wrong_instance", "rate_limited"];
    let verdict = answer(
        "What a key opens. `no-store`.",
        vec![
            ("valid", flag("Whether it opens what was asked.")),
            ("code", one_of("`valid`, or why not.", codes)),
            (
                "key_id",
                or_null(uuid(
                    "Which key; null where it is unknown to the caller's organization, as are the others.",
                )),
            ),
            ("organization_id", or_null(uuid("Whose rows it opens."))),
            ("scopes", or_null(scopes("What it may do."))),
            ("instance_ids", or_null(list("The instances it is for; null is all.", uuid("An instance.")))),
            ("expires_at", or_null(time("When it ends by itself."))),
            ("rate_limit", or_null(named_as("Quota", "How often it may be used."))),
        ],
    );
    document.schema("ApiKeyVerdict", verdict);
}
