//! The models' catalogue.

use super::{
    Given::{self, Bool, Fresh, Future, Integer, LastId, Of, Past, Rows, Text},
    entries,
};

const AT: Given = Of("models", "released_at");
const PLACE: Given = Of("models", "place");
const PROVIDER: Given = Of("models", "provider");
const CAPABILITY: Given = Of("model_capabilities", "capability");
const ABLE_AT: Given = Of("model_capabilities", "released_at");
const ABLE_PLACE: Given = Of("model_capabilities", "place");
const ABLE_PROVIDER: Given = Of("model_capabilities", "provider");
const PERSON: Given = Of("provider_keys", "user_id");

entries! {
    "model_by_id": [Of("models", "id")];
    "models_list_desc": [AT, PLACE, Integer(21)] or [Future, LastId, Integer(21)];
    "models_list_asc": [AT, PLACE, Integer(21)];
    "models_of_provider_desc": [PROVIDER, AT, PLACE, Integer(21)] or [PROVIDER, Future, LastId, Integer(21)];
    "models_of_provider_asc": [PROVIDER, AT, PLACE, Integer(21)];
    "models_able_desc": [CAPABILITY, ABLE_AT, ABLE_PLACE, Integer(21)] or [CAPABILITY, Future, LastId, Integer(21)];
    "models_able_asc": [CAPABILITY, ABLE_AT, ABLE_PLACE, Integer(21)];
    "models_of_provider_able_desc": [ABLE_PROVIDER, CAPABILITY, ABLE_AT, ABLE_PLACE, Integer(21)]
        or [ABLE_PROVIDER, CAPABILITY, Future, LastId, Integer(21)];
    "models_of_provider_able_asc": [ABLE_PROVIDER, CAPABILITY, ABLE_AT, ABLE_PLACE, Integer(21)];
    "models_usable_desc": [PERSON, Future, LastId, Integer(21)] or [Of("user_settings", "user_id"), AT, PLACE, Integer(21)];
    "models_usable_asc": [PERSON, AT, PLACE, Integer(21)];
    "model_catalogue_stored": [];
    "model_catalogue_put": [Text("imported"), Text("profiled"), Past, Bool(true)];
    // Of no catalogue that is there: what it would take away stays untouched, and nobody waits for it.
    "model_capabilities_delete": [Text("imported"), Text("profiled"), Past], reads_all "it takes all of a catalogue away";
    "models_delete": [Text("imported"), Text("profiled"), Past], reads_all "it takes all of a catalogue away";
    "models_insert": [
        Rows(&[
            ("id", Fresh), ("place", Fresh), ("provider", Text("profiled")), ("name", Text("P")), ("context_window", Integer(1)),
            ("input_cents_per_mtok", Integer(1)), ("output_cents_per_mtok", Integer(1)), ("words", Text("chat")), ("enabled", Bool(true)),
            ("hosted", Bool(true)), ("released_at", Text("2026-01-01T00:00:00Z")), ("released_micros", Past),
        ]),
        Of("model_catalogue", "source"), Of("model_catalogue", "digest"), Of("model_catalogue", "stored_at"),
    ];
    "model_capabilities_insert": [
        Rows(&[
            ("id", Of("models", "id")), ("place", PLACE), ("provider", PROVIDER), ("capabilities", Given::Words(&["profiled"])),
            ("released_at", Text("2026-01-01T00:00:00Z")), ("released_micros", Past),
        ]),
        Of("model_catalogue", "source"), Of("model_catalogue", "digest"), Of("model_catalogue", "stored_at"),
    ];
}
