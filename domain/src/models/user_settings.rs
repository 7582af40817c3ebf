//! What people set for themselves.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{FieldFault, ModelId, json_fault};

/// What somebody has set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct UserSettings {
    /// Whatever the client keeps here; Portico reads nothing in it.
    pub preferences: Map<String, Value>,
    /// The models that may be used; `None` for all, none when empty.
    pub enabled_models: Option<Vec<ModelId>>,
}

impl UserSettings {
    /// The most that preferences may take up as JSON.
    pub const MAX_PREFERENCES_BYTES: usize = 64 << 10;
    /// The most models that can be named.
    pub const MAX_MODELS: usize = 1_000;

    /// What is wrong with preferences.
    #[must_use]
    pub fn preferences_fault(preferences: &Value) -> Option<String> {
        if !preferences.is_object() {
            return Some("must be a JSON object".to_owned());
        }
        json_fault(preferences, Self::MAX_PREFERENCES_BYTES)
    }

    /// Reads the ids of models. Whether there are such models is not asked: one that comes back is enabled again.
    ///
    /// # Errors
    /// Every fault, each with the place in the list.
    pub fn parse_models(field: &str, value: &Value) -> Result<Vec<ModelId>, Vec<FieldFault>> {
        let whole = |message: &str| vec![FieldFault::new(field, message)];
        let ids = value.as_array().ok_or_else(|| whole("must be a list of models' ids, or null for all"))?;
        if ids.len() > Self::MAX_MODELS {
            return Err(whole("must name at most 1000 models"));
        }
        let mut models = Vec::with_capacity(ids.len());
        let mut faults = Vec::new();
        for (place, id) in ids.iter().enumerate() {
            match id.as_str().and_then(ModelId::parse) {
                Some(id) => models.push(id),
                None => faults.push(FieldFault::new(format!("{field}[{place}]"), ModelId::RULE)),
            }
        }
        if faults.is_empty() { Ok(models) } else { Err(faults) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn preferences_are_an_object_of_bounded_size() {
        assert_eq!(UserSettings::preferences_fault(&json!({"theme": "dark"})), None);
        assert!(UserSettings::preferences_fault(&json!([])).unwrap().contains("object"));
        let large = json!({"x": "y".repeat(UserSettings::MAX_PREFERENCES_BYTES)});
        assert!(UserSettings::preferences_fault(&large).unwrap().contains("64 KiB"));
    }

    #[test]
    fn every_model_that_cannot_be_one_is_named_by_its_place() {
        let parse = |value| UserSettings::parse_models("enabled_models", &value);
        assert_eq!(parse(json!([])), Ok(Vec::new()));
        let id = |text| ModelId::parse(text).unwrap();
        assert_eq!(parse(json!(["gpt-5", "a:b"])), Ok(vec![id("gpt-5"), id("a:b")]));
        let faults = parse(json!(["gpt-5", 7, "", "a b"])).unwrap_err();
        let fields: Vec<_> = faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["enabled_models[1]", "enabled_models[2]", "enabled_models[3]"]);
        assert_eq!(parse(json!("all")).unwrap_err()[0].field, "enabled_models");
        assert!(parse(json!(vec!["m"; 1_001])).unwrap_err()[0].message.contains("1000"));
        assert!(parse(json!(vec!["m"; 1_000])).is_ok());
    }
}
