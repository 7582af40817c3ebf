//! Settings of people and of the system.

use super::{
    Given::{self, Bool, Fresh, Future, Integer, LastId, Now, Null, Of, Rows, Text},
    entries,
};

const USER: Given = Of("provider_keys", "user_id");
const PROVIDER: Given = Of("provider_keys", "provider");
const KEY_ID: Given = Of("provider_keys", "key_id");

entries! {
    "user_settings_of": [Of("user_settings", "user_id")];
    "user_settings_replace": [Of("users", "id"), Text("{}"), Null, Now];
    "provider_key_store": [Of("users", "id"), Of("models", "provider"), Fresh, Text("profile"), Text("fake"), Now];
    "provider_keys_list": [USER];
    "provider_key_find": [USER, PROVIDER];
    "providers_switch": [Of("users", "id"), Rows(&[("provider", Of("models", "provider")), ("enabled", Bool(true))]), Now];
    "providers_unknown": [Rows(&[("provider", Of("models", "provider"))])];
    "sealing_keys_next": [Text("")] or [KEY_ID];
    "provider_keys_places": [KEY_ID, USER, PROVIDER, Integer(100)];
    "provider_keys_under": [KEY_ID, USER, PROVIDER, Integer(100)];
    "provider_key_reseal": [USER, PROVIDER, KEY_ID, Of("provider_keys", "ciphertext"), Text("profile"), Fresh];
    "settings_list_desc": [Of("settings", "created_at"), Of("settings", "id"), Integer(21)] or [Future, LastId, Integer(21)];
    "settings_list_asc": [Of("settings", "created_at"), Of("settings", "id"), Integer(21)];
    "setting_set": [Of("settings", "key"), Fresh, Text("1"), Now];
    "setting_remove": [Of("settings", "key")];
}
