//! The models' catalogue.

use crate::driver::{Effect, Statement, Type};

statements! {
    /// Finds a model: id.
    MODEL_BY_ID: Read "model_by_id" (Text) -> (Text, Text, Text, Integer, Integer, Integer, Text, Bool, Bool, Time);
    /// Lists models, newest first: place's time, place's id, how many.
    MODELS_LIST_DESC: Read "models_list_desc" (Time, Uuid, Integer)
        -> (Text, Text, Text, Integer, Integer, Integer, Text, Bool, Bool, Time);
    /// The same, oldest first.
    MODELS_LIST_ASC: Read "models_list_asc" (Time, Uuid, Integer)
        -> (Text, Text, Text, Integer, Integer, Integer, Text, Bool, Bool, Time);
    /// Lists a provider's models, newest first: provider, place's time, place's id, how many.
    MODELS_OF_PROVIDER_DESC: Read "models_of_provider_desc" (Text, Time, Uuid, Integer)
        -> (Text, Text, Text, Integer, Integer, Integer, Text, Bool, Bool, Time);
    /// The same, oldest first.
    MODELS_OF_PROVIDER_ASC: Read "models_of_provider_asc" (Text, Time, Uuid, Integer)
        -> (Text, Text, Text, Integer, Integer, Integer, Text, Bool, Bool, Time);
    /// Lists the models that can do something, newest first: capability, place's time, place's id, how many.
    MODELS_ABLE_DESC: Read "models_able_desc" (Text, Time, Uuid, Integer)
        -> (Text, Text, Text, Integer, Integer, Integer, Text, Bool, Bool, Time);
    /// The same, oldest first.
    MODELS_ABLE_ASC: Read "models_able_asc" (Text, Time, Uuid, Integer)
        -> (Text, Text, Text, Integer, Integer, Integer, Text, Bool, Bool, Time);
    /// Lists a provider's models that can do something, newest first: provider, capability, place's time, place's id, how many.
    MODELS_OF_PROVIDER_ABLE_DESC: Read "models_of_provider_able_desc" (Text, Text, Time, Uuid, Integer)
        -> (Text, Text, Text, Integer, Integer, Integer, Text, Bool, Bool, Time);
    /// The same, oldest first.
    MODELS_OF_PROVIDER_ABLE_ASC: Read "models_of_provider_able_asc" (Text, Text, Time, Uuid, Integer)
        -> (Text, Text, Text, Integer, Integer, Integer, Text, Bool, Bool, Time);
    /// Lists the models that a person may use, newest first: who, place's time, place's id, how many.
    MODELS_USABLE_DESC: Read "models_usable_desc" (Uuid, Time, Uuid, Integer)
        -> (Text, Text, Text, Integer, Integer, Integer, Text, Bool, Bool, Time), sqlite "models_usable_desc.sqlite";
    /// The same, oldest first.
    MODELS_USABLE_ASC: Read "models_usable_asc" (Uuid, Time, Uuid, Integer)
        -> (Text, Text, Text, Integer, Integer, Integer, Text, Bool, Bool, Time), sqlite "models_usable_asc.sqlite";

    /// Says where the stored catalogue comes from.
    MODEL_CATALOGUE_STORED: Read "model_catalogue_stored" () -> (Text, Text, Time);
    /// Makes the catalogue one's own: source, digest, moment, whether also over an import.
    MODEL_CATALOGUE_PUT: Write "model_catalogue_put" (Text, Text, Time, Bool) -> ();
    /// Takes away what models can do, where the catalogue is one's own: source, digest, moment.
    MODEL_CAPABILITIES_DELETE: Write "model_capabilities_delete" (Text, Text, Time) -> ();
    /// Takes away the models themselves: the same parameters.
    MODELS_DELETE: Write "models_delete" (Text, Text, Time) -> ();
    /// Stores models, where the catalogue is one's own: a JSON list of objects with `id`, `place`, `provider`, `name`, `context_window`, the two prices, `words` (the
    /// capabilities with spaces between), `enabled`, `hosted`, `released_at` as a text and `released_micros` as a number; source, digest, moment.
    MODELS_INSERT: Write "models_insert" (Text, Text, Text, Time) -> (), sqlite "models_insert.sqlite";
    /// Stores what they can do: a JSON list of objects with `id`, `place`, `provider`, `capabilities` as a list, `released_at` and `released_micros`; then as before.
    MODEL_CAPABILITIES_INSERT: Write "model_capabilities_insert" (Text, Text, Text, Time) -> (),
        sqlite "model_capabilities_insert.sqlite";
}
