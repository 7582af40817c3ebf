//! What people set for themselves and about providers, and the settings of the system.

use crate::driver::{Effect, Statement, Type};

statements! {
    /// Reads what somebody has set: who.
    USER_SETTINGS_OF: Read "user_settings_of" (Uuid) -> (Text, Text);
    /// Replaces what somebody has set: who, preferences, enabled models, moment.
    USER_SETTINGS_REPLACE: Write "user_settings_replace" (Uuid, Text, Text, Time) -> (Uuid);

    /// Stores a key at a known provider: who, provider, ciphertext, its key's id, what is shown of the key, moment.
    PROVIDER_KEY_STORE: Write "provider_key_store" (Uuid, Text, Bytes, Text, Text, Time) -> (Uuid);
    /// Shows somebody's providers: who.
    PROVIDER_KEYS_LIST: Read "provider_keys_list" (Uuid) -> (Text, Bool, Text, Time);
    /// Finds a key: who, provider.
    PROVIDER_KEY_FIND: Read "provider_key_find" (Uuid, Text) -> (Uuid, Text, Bool, Text, Bytes);
    /// Turns switches: who, a JSON list of objects with `provider` and `enabled`, moment.
    PROVIDERS_SWITCH: Write "providers_switch" (Uuid, Text, Time) -> (Text), sqlite "providers_switch.sqlite";
    /// Tells which providers the catalogue lacks: a JSON list of objects with `provider`.
    PROVIDERS_UNKNOWN: Read "providers_unknown" (Text) -> (Text), sqlite "providers_unknown.sqlite";

    /// Finds the next key that something is encrypted under: its predecessor.
    SEALING_KEYS_NEXT: Read "sealing_keys_next" (Text) -> (Text);
    /// Tells whose keys are encrypted under a key: its id, place's person, place's provider, how many.
    PROVIDER_KEYS_PLACES: Read "provider_keys_places" (Text, Uuid, Text, Integer) -> (Uuid, Text);
    /// Reads those keys: the same parameters.
    PROVIDER_KEYS_UNDER: Read "provider_keys_under" (Text, Uuid, Text, Integer) -> (Uuid, Text, Bool, Text, Bytes);
    /// Replaces a ciphertext: who, provider, old key's id, old ciphertext, new key's id, new ciphertext.
    PROVIDER_KEY_RESEAL: Write "provider_key_reseal" (Uuid, Text, Text, Bytes, Text, Bytes) -> (Uuid);

    /// Lists system settings, newest first: place's time, place's id, how many.
    SETTINGS_LIST_DESC: Read "settings_list_desc" (Time, Uuid, Integer) -> (Text, Uuid, Text, Time, Time);
    /// The same, oldest first.
    SETTINGS_LIST_ASC: Read "settings_list_asc" (Time, Uuid, Integer) -> (Text, Uuid, Text, Time, Time);
    /// Sets one: key, id where it is new, value, moment.
    SETTING_SET: Write "setting_set" (Text, Uuid, Text, Time) -> (Text, Uuid, Text, Time, Time);
    /// Removes one: key.
    SETTING_REMOVE: Write "setting_remove" (Text) -> (Text);
}
