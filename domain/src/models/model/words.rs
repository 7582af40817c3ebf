//! The words that models are described by: short, and fit for addresses as they are.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::models::Digest;

macro_rules! word {
    ($(#[$doc:meta])* $name:ident: $most:literal, $others:literal, $rule:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// What one has to look like, as the end of a sentence.
            pub const RULE: &str = $rule;

            /// Reads one.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
                let first = text.bytes().next().is_some_and(is_plain);
                let rest = text.bytes().all(|byte| is_plain(byte) || $others.contains(&byte));
                (first && rest && text.len() <= $most).then(|| Self(text.to_owned()))
            }

            /// Its text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| serde::de::Error::custom($rule))
            }
        }
    };
}

word! {
    /// Names a model, in addresses as well.
    ModelId: 100, b"._:-",
    "must be 1–100 of a–z, 0–9, point, hyphen, underscore and colon, beginning with a letter or digit"
}

word! {
    /// Names something that models can do.
    Capability: 50, b"._-",
    "must be 1–50 of a–z, 0–9, point, hyphen and underscore, beginning with a letter or digit"
}

impl ModelId {
    /// Tells models of the same moment apart in a list: half of the id's SHA-256, in the form of a UUID.
    #[must_use]
    pub fn place(&self) -> Uuid {
        let Digest(digest) = Digest::of(self.0.as_bytes());
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        uuid::Builder::from_custom_bytes(half).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stands_in_a_path_as_it_is() {
        for good in ["a", "gpt-4o", "amazon.nova-pro-v1:0", "llama_3", "0", &"a".repeat(100)] {
            assert_eq!(ModelId::parse(good).map(|id| id.to_string()), Some(good.to_owned()));
        }
        for bad in ["", "-a", ".", "..", "A", "a/b", "a b", "a%2fb", "ä", "a\n", "a?b", &"a".repeat(101)] {
            assert_eq!(ModelId::parse(bad), None, "{bad:?}");
        }
        assert!(Capability::parse("x:y").is_none() && Capability::parse("tool_use").is_some());
    }

    #[test]
    fn a_place_is_the_same_everywhere_and_differs_by_id() {
        let place = |id: &str| ModelId::parse(id).unwrap().place();
        assert_eq!(place("gpt-4o").to_string(), place("gpt-4o").to_string());
        assert_ne!(place("gpt-4o"), place("gpt-4o-mini"));
        assert_eq!(place("gpt-4o").get_version_num(), 8);
    }
}
