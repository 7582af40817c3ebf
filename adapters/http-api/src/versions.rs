//! Validators made of what tells one state of a thing from any other, instead of the bytes that it is shown in.
//!
//! What never changes is known by its id. What changes in one way, such as a chat by each message, is known by what that way leaves behind: a count, and the id of the latest.
//! A time alone is no version: two changes can have the same, and on Workers the clock stands still between two waits. Things that can be set to anything (settings,
//! keys, people) have no such sign, and are known by their bytes, as is what is cached, once for as long as it is ([`crate::rendered`]).
//!
//! A client that comes back is so told without anything being written. Portico's own version goes into each: another release may show the same thing otherwise.

use http::HeaderValue;
use portico_domain::models::{Chat, Event, LastMessage, Message, PlacedOrder};

use crate::answers::tag_of;

/// Gathers what a validator is made of. Everything is of a fixed length, or says how long it is, so that no two states are gathered alike.
pub(crate) struct Version(Vec<u8>);

impl Version {
    /// Of one thing, or of a list, as this release of Portico shows it.
    pub(crate) fn of(release: &str, thing: &impl Versioned) -> Self {
        let mut version = Self(Vec::with_capacity(512));
        version.text(release);
        thing.add_to(&mut version);
        version
    }

    /// The validator.
    pub(crate) fn tag(&self) -> HeaderValue {
        tag_of(&self.0)
    }

    pub(crate) fn id(&mut self, id: &[u8; 16]) {
        self.0.extend_from_slice(id);
    }

    pub(crate) fn number(&mut self, number: i64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.number(i64::try_from(text.len()).unwrap_or(i64::MAX));
        self.0.extend_from_slice(text.as_bytes());
    }
}

/// What is told apart by less than all of it. Members are named one by one: whoever adds one decides whether it can change.
pub(crate) trait Versioned {
    /// Adds what tells this state from any other.
    fn add_to(&self, version: &mut Version);
}

impl Versioned for Chat {
    /// Each message that is sent adds to the count.
    fn add_to(&self, version: &mut Version) {
        let Self { id, instance_id: _, title, last_message, message_count, created_at: _, updated_at } = self;
        version.id(id.uuid().as_bytes());
        version.text(title);
        version.number(*message_count);
        version.number(updated_at.micros());
        if let Some(LastMessage { id, text: _, created_at: _ }) = last_message {
            version.id(id.uuid().as_bytes());
        }
    }
}

impl Versioned for Message {
    /// What was sent stays as it is; what becomes of it may not.
    fn add_to(&self, version: &mut Version) {
        let Self { id, chat_id: _, direction: _, sender: _, text: _, status, created_at: _ } = self;
        version.id(id.uuid().as_bytes());
        version.text(status);
    }
}

impl Versioned for Event {
    /// What happened has happened.
    fn add_to(&self, version: &mut Version) {
        let Self { id, r#type: _, chat_id: _, payload: _, created_at: _ } = self;
        version.id(id.uuid().as_bytes());
    }
}

impl Versioned for PlacedOrder {
    /// An order stays what it was, whatever becomes of its books.
    fn add_to(&self, version: &mut Version) {
        let Self { id, created_at: _, item_count: _, total_quantity: _, total_cents: _, items: _ } = self;
        version.id(id.uuid().as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use portico_domain::models::{ChatId, InstanceId, MessageId, Timestamp};

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_790_000_000_123_456);

    fn chat() -> Chat {
        Chat {
            id: ChatId::generate(NOW, [1; 10]),
            instance_id: InstanceId::generate(NOW, [2; 10]),
            title: "ada".to_owned(),
            last_message: None,
            message_count: 0,
            created_at: NOW,
            updated_at: NOW,
        }
    }

    #[test]
    fn a_chats_tag_changes_with_each_message_also_within_one_microsecond() {
        let empty = chat();
        let message = |place: u8| {
            let id = MessageId::generate(NOW, [place; 10]);
            Some(LastMessage { id, text: "same".to_owned(), created_at: NOW })
        };
        let one = Chat { last_message: message(1), message_count: 1, ..chat() };
        let two = Chat { last_message: message(2), message_count: 2, ..chat() };
        let renamed = Chat { title: "ada2".to_owned(), ..chat() };
        let tags: std::collections::HashSet<_> = [&empty, &one, &two, &renamed]
            .map(|chat| Version::of("1", chat).tag().to_str().unwrap().to_owned())
            .into();
        assert_eq!(tags.len(), 4);
        assert_eq!(Version::of("1", &empty).tag(), Version::of("1", &chat()).tag());
        assert_ne!(Version::of("1", &empty).tag(), Version::of("2", &empty).tag());
    }
}
