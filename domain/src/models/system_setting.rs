//! Settings of the whole system, kept for the programs around it.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::Timestamp;

/// How deep JSON that is kept may be nested. Well below what parsers refuse, so that what was taken can be read wherever it is wrapped.
pub const MAX_JSON_DEPTH: usize = 64;

/// What is wrong with JSON that is to be kept: too much of it, or too deep.
#[must_use]
pub fn json_fault(value: &Value, max_bytes: usize) -> Option<String> {
    if !is_at_most(value, MAX_JSON_DEPTH) {
        return Some(format!("must be nested at most {MAX_JSON_DEPTH} deep"));
    }
    let fits = serde_json::to_vec(value).is_ok_and(|json| json.len() <= max_bytes);
    (!fits).then(|| format!("must be at most {} KiB of JSON", max_bytes >> 10))
}

fn is_at_most(value: &Value, depth: usize) -> bool {
    let Some(inner) = depth.checked_sub(1) else { return !value.is_array() && !value.is_object() };
    match value {
        Value::Array(items) => items.iter().all(|item| is_at_most(item, inner)),
        Value::Object(members) => members.values().all(|member| is_at_most(member, inner)),
        _ => true,
    }
}

/// Names a setting.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SettingKey(String);

impl SettingKey {
    /// Reads a key: a letter or digit, then at most 99 of letters, digits, `.`, `_` and `-`, all in lower case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let allowed = |byte: u8| is_word(byte) || matches!(byte, b'.' | b'_' | b'-');
        let fits = (1..=100).contains(&text.len());
        let is_key = fits && is_word(text.as_bytes()[0]) && text.bytes().all(allowed);
        is_key.then(|| Self(text.to_owned()))
    }

    /// Gives a stored key its meaning.
    #[must_use]
    pub const fn stored(text: String) -> Self {
        Self(text)
    }

    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SettingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A setting of the system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SystemSetting {
    /// Its name.
    pub key: SettingKey,
    /// Tells settings of the same moment apart.
    pub id: Uuid,
    /// Any JSON.
    pub value: Value,
    /// When it was first set.
    pub created_at: Timestamp,
    /// When it was last set.
    pub updated_at: Timestamp,
}

impl SystemSetting {
    /// The most that a value may take up as JSON.
    pub const MAX_VALUE_BYTES: usize = 64 << 10;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_words_in_lower_case() {
        for key in ["a", "0", "mail.from-name", "x_1", &"k".repeat(100)] {
            assert_eq!(SettingKey::parse(key).unwrap().as_str(), key);
        }
        for wrong in ["", ".a", "-a", "A", "a b", "a/b", "ключ", "a\0", &"k".repeat(101)] {
            assert_eq!(SettingKey::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn json_is_bounded_in_size_and_depth() {
        let nested = |depth: usize| (0..depth).fold(json!(1), |value, _| json!([value]));
        assert_eq!(json_fault(&nested(MAX_JSON_DEPTH), 1_000), None);
        assert!(json_fault(&nested(MAX_JSON_DEPTH + 1), 1_000).unwrap().contains("64 deep"));
        assert_eq!(json_fault(&json!("x".repeat(1_022)), 1_024), None);
        assert!(json_fault(&json!("x".repeat(1_023)), 1_024).unwrap().contains("1 KiB"));
    }
}
