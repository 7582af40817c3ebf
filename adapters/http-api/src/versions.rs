//! Validators made of what tells one state of a thing from any other, instead of the bytes that it is shown in.
//!
//! What never changes is known by its id. What changes in one way, such as a chat by each message, is known by what that way leaves behind: a count, and the id of the latest.
//! A time alone is no version: two changes can have the same, and on Workers the clock stands still between two waits. Things that can be set to anything (settings,
//! keys, people) have no such sign, and are known by their bytes, as is what is cached, once for as long as it is ([`crate::rendered`]).
//!
//! A client that comes back is so told without anything being written. What shows them goes into each as well: another release, or another build of one, may show the same thing otherwise.

use http::HeaderValue;
use portico_domain::models::{Chat, Event, LastMessage, Message, PlacedOrder};

use crate::answers::tag_of;

/// How such things are shown. Whoever changes the answer of an order, a chat, a message, an event or their lists raises it: two builds of one release that show a row
/// differently must not share its validator, or clients keep what the other one showed.
const SHAPE: i64 = 1;

/// Gathers what a validator is made of. Everything is of a fixed length, or says how long it is, so that no two states are gathered alike.
pub(crate) struct Version(Vec<u8>);

impl Version {
    /// Of one thing, or of a list, as this release of Portico shows it in this shape.
    pub(crate) fn of(release: &str, thing: &impl Versioned) -> Self {
        let mut version = Self(Vec::with_capacity(512));
        version.text(release);
        version.number(SHAPE);
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
    use portico_domain::models::{
        BookId, ChatId, Direction, EventId, InstanceId, MessageId, OrderId, OrderItem, OrderedBook, Timestamp,
    };
    use serde_json::json;

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

    #[test]
    fn a_changed_answer_goes_with_a_raised_shape() {
        let chat_id = ChatId::generate(NOW, [1; 10]);
        let last =
            LastMessage { id: MessageId::generate(NOW, [3; 10]), text: "words".to_owned(), created_at: NOW };
        let message = Message {
            id: last.id,
            chat_id,
            direction: Direction::Out,
            sender: "somebody".to_owned(),
            text: "words".to_owned(),
            status: "sent".to_owned(),
            created_at: NOW,
        };
        let event = Event {
            id: EventId::generate(NOW, [4; 10]),
            r#type: "message.sent".to_owned(),
            chat_id,
            payload: serde_json::Map::from_iter([("status".to_owned(), json!("sent"))]),
            created_at: NOW,
        };
        let book = OrderedBook {
            id: BookId::generate(NOW, [6; 10]),
            title: "Title".to_owned(),
            author: "Author".to_owned(),
        };
        let order = PlacedOrder {
            id: OrderId::generate(NOW, [5; 10]),
            created_at: NOW,
            item_count: 1,
            total_quantity: 2,
            total_cents: 3_000,
            items: vec![OrderItem { quantity: 2, unit_price_cents: 1_500, book }],
        };
        let mut shown = vec![format!("shape {SHAPE}")];
        for chat in [chat(), Chat { last_message: Some(last), message_count: 1, ..chat() }] {
            shown.push(serde_json::to_string(&chat).unwrap());
        }
        shown.push(serde_json::to_string(&message).unwrap());
        shown.push(serde_json::to_string(&event).unwrap());
        shown.push(serde_json::to_string(&order).unwrap());
        let expected = [
            "shape 1",
            r#"{"id":"01a0c450-6c7b-7101-8101-010101010101","instance_id":"01a0c450-6c7b-7202-8202-020202020202","title":"ada","last_message":null,"message_count":0,"created_at":"2026-09-21T14:13:20.123456Z","updated_at":"2026-09-21T14:13:20.123456Z"}"#,
            r#"{"id":"01a0c450-6c7b-7101-8101-010101010101","instance_id":"01a0c450-6c7b-7202-8202-020202020202","title":"ada","last_message":{"id":"01a0c450-6c7b-7303-8303-030303030303","text":"words","created_at":"2026-09-21T14:13:20.123456Z"},"message_count":1,"created_at":"2026-09-21T14:13:20.123456Z","updated_at":"2026-09-21T14:13:20.123456Z"}"#,
            r#"{"id":"01a0c450-6c7b-7303-8303-030303030303","chat_id":"01a0c450-6c7b-7101-8101-010101010101","direction":"out","sender":"somebody","text":"words","status":"sent","created_at":"2026-09-21T14:13:20.123456Z"}"#,
            r#"{"id":"01a0c450-6c7b-7404-8404-040404040404","type":"message.sent","chat_id":"01a0c450-6c7b-7101-8101-010101010101","payload":{"status":"sent"},"created_at":"2026-09-21T14:13:20.123456Z"}"#,
            r#"{"id":"01a0c450-6c7b-7505-8505-050505050505","created_at":"2026-09-21T14:13:20.123456Z","item_count":1,"total_quantity":2,"total_cents":3000,"items":[{"quantity":2,"unit_price_cents":1500,"book":{"id":"01a0c450-6c7b-7606-8606-060606060606","title":"Title","author":"Author"}}]}"#,
        ];
        assert_eq!(
            shown.join("\n"),
            expected.join("\n"),
            "an answer has changed: raise SHAPE, then what is expected here"
        );
    }
}
