//! Identifiers: UUID version 7, so that rows sort by the time they were made.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Timestamp;

/// Makes a UUID version 7 (RFC 9562) from a moment and ten random bytes, both asked of their ports.
#[must_use]
pub fn uuid_v7(now: Timestamp, random: [u8; 10]) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(now.millis(), &random).into_uuid()
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Gives an existing identifier its meaning.
            #[must_use]
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            /// Makes a new identifier at `now`.
            #[must_use]
            pub fn generate(now: Timestamp, random: [u8; 10]) -> Self {
                Self(uuid_v7(now, random))
            }

            /// The bare identifier, for storage.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }

            /// Reads the hyphenated or simple form.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Uuid::try_parse(text).ok().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// Names a person's account.
    UserId
}
id! {
    /// Names an organization, to which rows belong.
    OrganizationId
}
id! {
    /// Names one sign-in on one device, from login to logout.
    SessionId
}
id! {
    /// Names one access token (`jti`).
    TokenId
}
id! {
    /// Names an API key.
    ApiKeyId
}
id! {
    /// Names an instance: one of the things that an organization's rows belong to.
    InstanceId
}
id! {
    /// Names a book of the catalogue.
    BookId
}
id! {
    /// Names an order.
    OrderId
}
id! {
    /// Names a chat.
    ChatId
}
id! {
    /// Names a message.
    MessageId
}
id! {
    /// Names an event.
    EventId
}
id! {
    /// Names an experiment with how a prefix of the cache is kept.
    ExperimentId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_ids_sort_after_earlier_ones() {
        let earlier = UserId::generate(Timestamp::from_seconds(1_000), [255; 10]);
        let later = UserId::generate(Timestamp::from_seconds(1_001), [0; 10]);
        assert!(earlier < later);
        assert_eq!(later.uuid().get_version_num(), 7);
    }
}
