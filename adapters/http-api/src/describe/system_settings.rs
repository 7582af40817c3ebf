//! Settings of the whole system.

use http::Method;
use portico_domain::models::Scope;
use serde_json::json;

use super::{
    Tag,
    answer::Answer,
    document::{Document, NEWEST_FIRST},
    examples,
    operation::{Operation, Who},
    schema::{Shape, answer, anything, named, request, text, time},
};
use crate::code::Code;

const TAG: Tag = Tag::SystemSettings;
const SETTING: &str = "/api/v2/settings/{key}";

pub(super) fn describe(document: &mut Document) {
    let setting = answer(
        "A setting.",
        vec![
            ("key", key("Its name.")),
            ("value", anything("Any JSON, null too.")),
            ("updated_at", time("When it was last set.")),
        ],
    );
    document.schema("SystemSetting", setting);
    document.list("SystemSettingList", "SystemSetting");
    let value = vec![("value", anything("Any JSON, null too. Up to 64 KiB, 64 deep."))];
    document.schema("SystemSettingRequest", request("What a setting is to be.", value, Vec::new()));
    let page = json!({"data": [examples::system_setting()], "next_cursor": null, "has_more": false});
    document.operation(
        Operation::new(Method::GET, "/api/v2/settings", "listSystemSettings", TAG, "Lists the settings")
            .about("By when each was first set.")
            .by(Who::AdminOrKey(Scope::SettingsRead))
            .pages(&NEWEST_FIRST, "Newest first, or oldest.")
            .answer(Answer::json(200, "Settings.", named("SystemSettingList"), page).validated()),
    );
    document.operation(
        Operation::new(Method::PUT, SETTING, "setSystemSetting", TAG, "Sets a setting, new or not")
            .by(Who::AdminOrKey(Scope::SettingsWrite))
            .place("key", key("Its name."))
            .body("SystemSettingRequest", json!({"value": "Portico"}))
            .answer(Answer::json(200, "The setting.", named("SystemSetting"), examples::system_setting())),
    );
    document.operation(
        Operation::new(Method::DELETE, SETTING, "removeSystemSetting", TAG, "Removes a setting")
            .by(Who::AdminOrKey(Scope::SettingsWrite))
            .place("key", key("Its name. What can't be one names nothing: 404."))
            .answer(Answer::empty(204, "It is gone."))
            .problem(Code::NotFound),
    );
}

fn key(what: &str) -> Shape {
    text(what, (1, 100), Some(r"^[a-z0-9][a-z0-9._-]*$"))
}
