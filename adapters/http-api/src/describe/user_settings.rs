//! What people set for themselves, and their keys at providers.

use http::Method;
use portico_domain::{
    flows::user_settings::SwitchProviders,
    models::{ProviderApiKey, UserSettings},
};
use serde_json::json;

use super::{
    Tag,
    answer::Answer,
    document::Document,
    examples, models,
    operation::{Operation, Who},
    schema::{answer, flag, list, list_of, map, named, or_null, request, text, time},
};

const TAG: Tag = Tag::UserSettings;
const SETTINGS: &str = "/api/v1/user/settings";

pub(super) fn describe(document: &mut Document) {
    schemas(document);
    let settings = examples::shown(&examples::user_settings());
    document.operation(
        Operation::new(Method::GET, SETTINGS, "getUserSettings", TAG, "Shows the caller's settings")
            .by(Who::Person)
            .answer(
                Answer::json(
                    200,
                    "The settings; who never set any has none.",
                    named("UserSettings"),
                    settings.clone(),
                )
                .validated(),
            ),
    );
    document.operation(
        Operation::new(Method::PUT, SETTINGS, "replaceUserSettings", TAG, "Replaces the caller's settings")
            .about("As a whole: what is left out is as if it had never been set.")
            .by(Who::Person)
            .body("UserSettingsRequest", settings.clone())
            .answer(Answer::json(200, "What is set now.", named("UserSettings"), settings)),
    );
    document.operation(
        Operation::new(Method::POST, "/api/v1/user/store-provider-api-key", "storeProviderApiKey", TAG, "Stores the caller's key at a provider")
            .about("Encrypted at rest, in the place of any other of that provider, and never shown. 503 where no encryption key is set up.")
            .by(Who::Person)
            .body("StoreProviderApiKeyRequest", json!({"provider": "openai", "api_key": "an-obviously-fake-key"}))
            .answer(Answer::empty(204, "It is stored.")),
    );
    document.operation(
        Operation::new(
            Method::GET,
            "/api/v1/user/providers",
            "listProviders",
            TAG,
            "Lists the providers that the caller has set up",
        )
        .by(Who::Person)
        .answer(
            Answer::json(200, "All of them, by name.", named("ProviderList"), examples::providers())
                .validated(),
        ),
    );
    document.operation(
        Operation::new(Method::POST, "/api/v1/user/sync-providers", "switchProviders", TAG, "Switches providers on and off")
            .about("In one step: one that is unknown or named twice is 422 and switches none. What isn't named stays.")
            .by(Who::Person)
            .body("SwitchProvidersRequest", json!({"providers": [{"provider": "openai", "enabled": true}]}))
            .answer(Answer::json(200, "All of them as they are now, by name.", named("ProviderList"), examples::providers())),
    );
}

fn schemas(document: &mut Document) {
    let models = |least_most: Option<(usize, usize)>| {
        let what = "The models that may be used, by id; null is all, an empty list none.";
        or_null(match least_most {
            Some(bounds) => list_of(what, models::id("A model."), bounds),
            None => list(what, models::id("A model.")),
        })
    };
    let preferences = "Whatever the client keeps here. Up to 64 KiB as JSON, 64 deep.";
    let settings = vec![("preferences", map(preferences, None)), ("enabled_models", models(None))];
    document.schema("UserSettings", answer("What somebody has set.", settings));
    let wanted = vec![
        ("preferences", map(preferences, None)),
        ("enabled_models", models(Some((0, UserSettings::MAX_MODELS)))),
    ];
    document.schema("UserSettingsRequest", request("What is to be set, all of it.", Vec::new(), wanted));
    let setting = answer(
        "A provider as somebody has set it up.",
        vec![
            ("provider", models::provider("The provider.")),
            ("enabled", flag("Whether its models may be used with the key.")),
            (
                "last4",
                or_null(text(
                    "The last characters of the key, to know it by; null where none is stored.",
                    (0, 4),
                    None,
                )),
            ),
            ("updated_at", time("When the key was stored or the switch turned.")),
        ],
    );
    document.schema("ProviderSetting", setting);
    let all = vec![("data", list("All of them.", named("ProviderSetting")))];
    document.schema("ProviderList", answer("Somebody's providers.", all));
    let key = text(
        "The key; spaces around it are dropped. 1–4,096 bytes.",
        (1, ProviderApiKey::MAX_BYTES),
        Some(super::schema::LINE),
    );
    let store = vec![("provider", models::provider("A provider of the catalogue.")), ("api_key", key)];
    document.schema("StoreProviderApiKeyRequest", request("A key that a provider gave.", store, Vec::new()));
    let switch = vec![
        ("provider", models::provider("A provider of the catalogue.")),
        ("enabled", flag("Whether its models may be used with the key.")),
    ];
    document.schema("ProviderSwitch", request("A switch.", switch, Vec::new()));
    let switches =
        list_of("Each provider once.", named("ProviderSwitch"), (0, SwitchProviders::MAX_PROVIDERS));
    document
        .schema("SwitchProvidersRequest", request("Switches.", vec![("providers", switches)], Vec::new()));
}
