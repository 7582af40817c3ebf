//! Models.

use http::Method;
use portico_domain::models::{ProviderName, Scope};
use serde_json::json;

use super::{
    Tag,
    answer::Answer,
    document::{Document, NEWEST_FIRST},
    examples,
    operation::{Operation, Who},
    schema::{Shape, answer, count, flag, list, named, text, words},
};

const TAG: Tag = Tag::Models;
/// The form of a model's id.
const ID: &str = r"^[a-z0-9][a-z0-9._:-]*$";
/// The form of a provider's name, and of what models can do.
const WORD: &str = r"^[a-z0-9][a-z0-9._-]*$";

pub(super) fn id(what: &str) -> Shape {
    text(what, (1, 100), Some(ID))
}

pub(super) fn provider(what: &str) -> Shape {
    text(what, (1, ProviderName::MAX_BYTES), Some(WORD))
}

fn capability(what: &str) -> Shape {
    text(what, (1, 50), Some(WORD))
}

pub(super) fn describe(document: &mut Document) {
    let model = answer(
        "A model.",
        vec![
            ("id", id("What it is called in addresses.")),
            ("provider", provider("Who makes it, or through whom it is had.")),
            ("name", words("What people call it.")),
            ("context_window", count("How many tokens it takes in.")),
            (
                "input_cents_per_mtok",
                count("What a million tokens cost that it reads, in cents, rounded up."),
            ),
            (
                "output_cents_per_mtok",
                count("What a million tokens cost that it writes, in cents, rounded up."),
            ),
            ("capabilities", list("What it can do.", capability("A word for it."))),
            ("enabled", flag("Whether anybody may use it.")),
            ("hosted", flag("Whether it is usable without a key of one's own.")),
        ],
    );
    document.schema("Model", model);
    document.list("ModelList", "Model");
    let page = json!({"data": [examples::model()], "next_cursor": examples::CURSOR, "has_more": true});
    let away =
        "While the database is away the built-in catalogue answers, marked `x-portico-degraded: models`.";
    document.operation(
        Operation::new(Method::GET, "/api/v1/models", "listModels", TAG, "Lists the models")
            .about(&format!(
                "In the order in which they came out, disabled ones too. A word that nothing is called is an empty list. Who likes `application/x-ndjson` no less than \
                 `application/json` is sent the whole list as a stream, a model a line; `limit` and `cursor` are 422 then. {away}"
            ))
            .by(Who::PersonOrKey(Some(Scope::ModelsRead)))
            .query("provider", provider("Models of this provider."))
            .query("capability", capability("Models that can do this."))
            .pages(&NEWEST_FIRST, "Newest first, or oldest.")
            .answer(
                Answer::json(200, "Models.", named("ModelList"), page.clone())
                    .or_as("application/x-ndjson", words("A `Model` as JSON a line."), None)
                    .validated()
                    .with("x-portico-degraded"),
            ),
    );
    document.operation(
        Operation::new(Method::GET, "/api/v1/models/{id}", "getModel", TAG, "Shows a model")
            .about(&format!("{away} A model that it doesn't have is 503 then."))
            .by(Who::PersonOrKey(Some(Scope::ModelsRead)))
            .place("id", id("Which model."))
            .answer(
                Answer::json(200, "The model.", named("Model"), examples::model())
                    .validated()
                    .with("x-portico-degraded"),
            ),
    );
    document.operation(
        Operation::new(Method::GET, "/api/v1/user/models", "listUsableModels", TAG, "Lists the models that the caller may use")
            .about(&format!(
                "Enabled, and hosted or of a provider whose key the caller has stored and left switched on, and among their `enabled_models` where those are set. {away}"
            ))
            .by(Who::Person)
            .pages(&NEWEST_FIRST, "Newest first, or oldest.")
            .answer(Answer::json(200, "Models.", named("ModelList"), page).validated().with("x-portico-degraded")),
    );
}
