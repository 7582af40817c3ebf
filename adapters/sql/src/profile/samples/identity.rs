//! Accounts, sessions, keys, and what is counted of them.

use super::{
    Given::{Bool, Fresh, Future, Integer, LastId, Now, Null, Of, Past, Rows, Text},
    entries,
};

const USER: super::Given = Of("users", "id");
const SESSION: super::Given = Of("sessions", "id");
const KEY: super::Given = Of("api_keys", "id");
const KEYS_OWNER: super::Given = Of("api_keys", "organization_id");
const EXPERIMENT: super::Given = Of("cache_experiments", "id");

entries! {
    "ping": [];
    "organization_insert": [Fresh, Now];
    "user_insert": [Fresh, Of("users", "organization_id"), Fresh, Null, Null, Text("member"), Fresh, Now];
    "user_by_id": [USER];
    "credential_by_id": [USER];
    "credential_by_email": [Of("users", "email")];
    "password_change_keep": [Fresh, USER, Of("users", "password_hash"), Now, Future];
    "password_change": [USER, Of("users", "password_hash"), Fresh, Now];
    "password_change_end_others": [USER, Now, Fresh, Of("users", "password_hash")];
    "password_rehash": [USER, Of("users", "password_hash"), Fresh];
    "sign_in_record": [USER, Now];
    "sessions_open": [Rows(&[
        ("id", Fresh), ("user_id", USER), ("refresh_digest", Text("00ff")), ("started_at", Text("2026-01-01T00:00:00Z")),
        ("expires_at", Text("2036-01-01T00:00:00Z")), ("started_micros", Now), ("expires_micros", Future), ("user_agent", Text("profile")),
        ("ip", Null),
    ])];
    "session_rotate_first": [
        SESSION, Of("sessions", "user_id"), Integer(0), Of("sessions", "refresh_digest"), Fresh, Future, Now, Now, Of("sessions", "started_at"),
        Of("sessions", "expires_at"), Null, Null,
    ];
    "session_rotate": [
        SESSION, Of("sessions", "user_id"), Of("sessions", "generation"), Of("sessions", "refresh_digest"), Fresh, Future, Now, Now,
    ];
    "session_revoke": [SESSION, Of("sessions", "user_id"), Of("sessions", "started_at"), Of("sessions", "expires_at"), Now];
    "session_end": [SESSION, Of("sessions", "user_id"), Now];
    "sessions_end_unwritten": [USER, Now];
    "sessions_end_all": [Of("sessions", "user_id"), Now];
    "sessions_list_desc": [Of("sessions", "user_id"), Past, Future, LastId, Integer(21)]
        or [Of("sessions", "user_id"), Past, Of("sessions", "started_at"), SESSION, Integer(21)];
    "sessions_list_asc": [Of("sessions", "user_id"), Past, Of("sessions", "started_at"), SESSION, Integer(21)];
    "sessions_purge": [Of("sessions", "expires_at"), Integer(100)];
    "state_use": [Fresh, Future];
    "used_states_purge": [Of("used_states", "expires_at"), Integer(100)];
    "identity_standing": [Text("github"), Of("identities", "subject"), Of("users", "email")];
    "identity_insert": [Fresh, Fresh, USER, Now];
    "identity_link": [Text("github"), Of("identities", "subject"), Of("identities", "user_id"), Now];

    "api_key_insert": [
        Fresh, Of("users", "organization_id"), USER, Text("profiled"), Text("pk_fake"), Fresh, Text("models:read"), Null, Null, Null, Null, Now,
    ];
    "api_key_by_id": [KEY, KEYS_OWNER];
    "api_keys_list_desc": [KEYS_OWNER, Of("api_keys", "created_at"), KEY, Integer(21)] or [KEYS_OWNER, Future, LastId, Integer(21)];
    "api_keys_list_asc": [KEYS_OWNER, Of("api_keys", "created_at"), KEY, Integer(21)];
    "api_key_change": [KEY, KEYS_OWNER, Text("profiled"), Null, Bool(false), Null, Bool(false), Null, Bool(false), Null, Null];
    "api_key_rotate": [KEY, KEYS_OWNER, Fresh, Text("pk_fake"), Future];
    "api_key_revoke": [KEY, KEYS_OWNER, Now];
    "api_key_by_digest": [Of("api_keys", "digest")] or [Fresh];
    "usage_batch_insert": [Fresh, Now];
    "key_usage_add": [Rows(&[
        ("key_id", KEY), ("day", Integer(20_000)), ("uses", Integer(1)), ("last_at", Text("2026-01-01T00:00:00Z")), ("last_micros", Now),
    ])];
    "key_usage_of": [KEY, KEYS_OWNER, Integer(0)];
    "usage_batches_purge": [Of("usage_batches", "added_at"), Integer(100)];
    "api_keys_most_used": [Of("api_key_usage", "day"), Of("api_key_usage", "day"), Integer(100)];

    "cache_experiment_start": [Fresh, Fresh, Text("profiled"), Text("[]"), Now];
    "cache_experiment_by_id": [EXPERIMENT];
    "cache_experiments_list_desc": [Of("cache_experiments", "started_at"), EXPERIMENT, Integer(21)];
    "cache_experiments_list_asc": [Of("cache_experiments", "started_at"), EXPERIMENT, Integer(21)];
    "cache_experiments_in_force": [];
    "cache_adoption_end": [EXPERIMENT];
    "cache_experiment_stop": [EXPERIMENT, Now];
    "cache_adoption_set": [EXPERIMENT, Text("a"), Now];
    "cache_experiment_end_adopted": [EXPERIMENT, Text("a"), Now];
    "cache_experiment_results_put": [Rows(&[
        ("experiment_id", EXPERIMENT), ("arm", Text("a")), ("server", Fresh), ("reads", Integer(1)), ("hits", Integer(1)), ("loads", Integer(0)),
        ("errors", Integer(0)), ("load_ms", Integer(1)), ("load_ms_squared", Integer(1)), ("age_ms", Integer(1)), ("age_ms_squared", Integer(1)),
        ("updated_at", Text("2026-01-01T00:00:00Z")), ("updated_micros", Now),
    ])];
    "cache_experiment_results_of": [EXPERIMENT];
}
