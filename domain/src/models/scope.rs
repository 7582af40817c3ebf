//! What an API key may do.

use serde::{Deserialize, Deserializer, Serialize, Serializer, ser::SerializeSeq};

macro_rules! scopes {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $admins:literal;)*) => {
        /// One thing that a key may do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Scope { $($(#[$doc])* $name,)* }

        impl Scope {
            /// Every scope, the one that is all of them last.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The word of the contract.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// Whether only what an admin made may do it.
            #[must_use]
            pub const fn is_for_admins(self) -> bool {
                match self { $(Self::$name => $admins,)* }
            }
        }
    };
}

scopes! {
    /// Reads chats, messages and events.
    MessagesRead = "messages:read", false;
    /// Sends messages.
    MessagesWrite = "messages:write", false;
    /// Reads the catalogue.
    CatalogRead = "catalog:read", false;
    /// Changes the catalogue.
    CatalogWrite = "catalog:write", true;
    /// Reads the models.
    ModelsRead = "models:read", false;
    /// Reads system settings.
    SettingsRead = "settings:read", true;
    /// Changes system settings.
    SettingsWrite = "settings:write", true;
    /// Checks other keys of the organization.
    KeysVerify = "keys:verify", true;
    /// Everything that its maker may do.
    Everything = "*", false;
}

impl Scope {
    /// Reads the word of the contract.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|scope| scope.as_str() == word)
    }
}

/// A set of scopes; no scopes mean none, never all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u16);

impl Scopes {
    /// Whether the set allows `scope`, by itself or by being everything.
    #[must_use]
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & (1 << scope as u16) != 0 || self.0 & (1 << Scope::Everything as u16) != 0
    }

    /// The scopes that were named, in the order of the contract.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.iter().copied().filter(move |scope| self.0 & (1 << *scope as u16) != 0)
    }

    /// Reads what [`Scopes::to_words`] wrote; words that are no longer scopes are dropped, because an unknown power is no power.
    #[must_use]
    pub fn from_words(words: &str) -> Self {
        words.split(' ').filter_map(Scope::parse).collect()
    }

    /// The words, with a space between, for storage.
    #[must_use]
    pub fn to_words(self) -> String {
        self.iter().map(Scope::as_str).collect::<Vec<_>>().join(" ")
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |set, scope| set | (1 << scope as u16)))
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut words = serializer.serialize_seq(None)?;
        for scope in self.iter() {
            words.serialize_element(scope.as_str())?;
        }
        words.end()
    }
}

impl<'de> Deserialize<'de> for Scopes {
    /// Words that are no longer scopes are dropped, as from storage.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let words = Vec::<String>::deserialize(deserializer)?;
        Ok(words.iter().filter_map(|word| Scope::parse(word)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_scopes_are_none_and_the_star_is_all() {
        assert!(Scope::ALL.iter().all(|scope| !Scopes::default().contains(*scope)));
        let everything = Scopes::from_iter([Scope::Everything]);
        assert!(Scope::ALL.iter().all(|scope| everything.contains(*scope)));
    }

    #[test]
    fn words_are_read_back_and_unknown_ones_give_no_power() {
        let scopes = Scopes::from_iter([Scope::MessagesRead, Scope::KeysVerify]);
        assert_eq!(scopes.to_words(), "messages:read keys:verify");
        assert_eq!(Scopes::from_words("keys:verify messages:read root"), scopes);
        assert_eq!(Scopes::from_words(""), Scopes::default());
        assert_eq!(serde_json::to_string(&scopes).unwrap(), r#"["messages:read","keys:verify"]"#);
    }
}
