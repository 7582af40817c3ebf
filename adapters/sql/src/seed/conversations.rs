//! Chats with their messages and events, a hundred messages in seven chats at a time.
//!
//! A chat is complete within its block, so that its count and its last message are right in every block that was written, however much is to come.

use portico_domain::models::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    chance::{Chance, Kind, id},
    counts::Counts,
    people::{INSTANCES, instance_id, organization_id, user_id},
    phrases::{name, sentences},
    words::MESSAGES,
};

/// How many messages a block has.
pub(super) const BLOCK: u64 = 100;
/// How many of them each of its chats has.
const CHATS: [u64; 7] = [40, 25, 15, 10, 6, 3, 1];

/// When the first message came: the first second of 2024, one every six seconds. Those of the largest scale end in 2025.
const FIRST: i64 = 1_704_067_200;
const BETWEEN: i64 = 6;

/// The rows of a block.
pub(super) struct Block {
    pub(super) chats: Vec<Value>,
    pub(super) messages: Vec<Value>,
    pub(super) events: Vec<Value>,
}

/// Whose a block is: every other one the first account's, who is the large customer among many small ones; else one of those that any scale with this
/// block has.
#[must_use]
pub fn owner(block: u64, counts: &Counts) -> u64 {
    if block.is_multiple_of(2) {
        return 0;
    }
    let blocks_a_user = Counts::ONE.messages / BLOCK / Counts::ONE.users;
    Chance::of(Kind::Conversation, block).below(block / blocks_a_user + 1) % counts.users.max(1)
}

fn made(message: u64) -> Timestamp {
    Timestamp::from_seconds(FIRST + i64::try_from(message).unwrap_or(0) * BETWEEN)
}

fn message_id(message: u64) -> Uuid {
    id(Kind::Message, message, made(message))
}

/// Which chat of its block the message in this place belongs to: the places are scattered, so that conversations overlap.
fn chat_at(block: u64, place: u64) -> usize {
    let mut rank = (place * 37 + block) % BLOCK;
    for (chat, size) in CHATS.into_iter().enumerate() {
        if rank < size {
            return chat;
        }
        rank -= size;
    }
    CHATS.len() - 1
}

/// Names the chats of a block.
pub(super) fn chat_ids(block: u64) -> [Uuid; CHATS.len()] {
    std::array::from_fn(|chat| {
        let first = (0..BLOCK).find(|place| chat_at(block, *place) == chat).unwrap_or(0);
        let number = block * 7 + u64::try_from(chat).unwrap_or(0);
        id(Kind::Chat, number, made(block * BLOCK + first))
    })
}

struct Talk {
    id: Uuid,
    instance_id: Uuid,
    address: String,
    title: String,
    count: u64,
    first: Option<Timestamp>,
    last: Option<(Uuid, String, Timestamp)>,
}

pub(super) fn block(block: u64, counts: &Counts) -> Block {
    let owner = owner(block, counts);
    let organization_id = organization_id(owner);
    let ids = chat_ids(block);
    let mut talks: [Talk; CHATS.len()] = std::array::from_fn(|chat| {
        let number = block * 7 + u64::try_from(chat).unwrap_or(0);
        let mut chance = Chance::of(Kind::Chat, number);
        Talk {
            id: ids[chat],
            instance_id: instance_id(owner, chance.skewed(INSTANCES)),
            // +999 is no country's.
            address: format!("+999{number:09}"),
            title: name(&mut chance),
            count: 0,
            first: None,
            last: None,
        }
    });
    let mut messages = Vec::with_capacity(100);
    let mut events = Vec::with_capacity(107);
    for place in 0..BLOCK {
        let number = block * BLOCK + place;
        let mut chance = Chance::of(Kind::Message, number);
        let talk = &mut talks[chat_at(block, place)];
        let (made, message_id) = (made(number), message_id(number));
        let incoming = chance.below(2) == 0;
        let count = 1 + chance.skewed(3);
        let text = sentences(MESSAGES, count, &mut chance);
        let (direction, sender, status) = if incoming {
            ("in", talk.address.clone(), "received")
        } else {
            ("out", user_id(owner).to_string(), "sent")
        };
        messages.push(json!({
            "id": message_id,
            "organization_id": organization_id,
            "instance_id": talk.instance_id,
            "chat_id": talk.id,
            "direction": direction,
            "sender": sender,
            "text": text,
            "status": status,
            "created_at": made.micros(),
        }));
        let mut event_id = id(Kind::Event, number, made);
        let event = |id: Uuid, kind: &str, payload: Value| {
            json!({
                "id": id,
                "organization_id": organization_id,
                "instance_id": talk.instance_id,
                "chat_id": talk.id,
                "type": kind,
                "payload": payload.to_string(),
                "created_at": made.micros(),
            })
        };
        if talk.count == 0 {
            // A list tells of a chat's beginning before it tells of what was said in it.
            let other = id(Kind::ChatEvent, number, made);
            let payload = json!({ "instance_id": talk.instance_id, "address": talk.address });
            events.push(event(event_id.min(other), "chat.created", payload));
            event_id = event_id.max(other);
        }
        let payload = json!({ "message_id": message_id, "direction": direction });
        events.push(event(event_id, &format!("message.{status}"), payload));
        talk.count += 1;
        talk.first.get_or_insert(made);
        talk.last = Some((message_id, text, made));
    }
    let chats = talks.into_iter().map(|talk| chat_row(talk, organization_id)).collect();
    Block { chats, messages, events }
}

fn chat_row(talk: Talk, organization_id: Uuid) -> Value {
    let (last_id, last_text, last_at) = talk.last.expect("every chat of a block has a message");
    json!({
        "id": talk.id,
        "organization_id": organization_id,
        "instance_id": talk.instance_id,
        "address": talk.address,
        "title": talk.title,
        "message_count": talk.count,
        "last_message_id": last_id,
        "last_message_text": last_text,
        "last_message_at": last_at.micros(),
        "created_at": talk.first.unwrap_or(last_at).micros(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chat_knows_its_messages() {
        for number in [0, 1, 17, 999] {
            let block = block(number, &Counts::ONE);
            assert_eq!((block.chats.len(), block.messages.len(), block.events.len()), (7, 100, 107));
            for (chat, id) in block.chats.iter().zip(chat_ids(number)) {
                assert_eq!(chat["id"], id.to_string());
                let of = |row: &&Value| row["chat_id"] == chat["id"];
                let messages: Vec<_> = block.messages.iter().filter(of).collect();
                let last = messages.last().unwrap();
                assert_eq!(chat["message_count"], messages.len());
                assert_eq!(chat["last_message_id"], last["id"]);
                assert_eq!(chat["last_message_text"], last["text"]);
                assert_eq!(chat["last_message_at"], last["created_at"]);
                assert_eq!(chat["created_at"], messages[0]["created_at"]);
                assert!(messages.iter().all(|message| message["instance_id"] == chat["instance_id"]));
                assert_eq!(block.events.iter().filter(of).count(), messages.len() + 1);
            }
        }
    }

    #[test]
    fn half_of_the_messages_are_the_large_customers() {
        let mut blocks = vec![0_u32; 100];
        for block in 0..1_000 {
            blocks[usize::try_from(owner(block, &Counts::ONE)).unwrap()] += 1;
        }
        assert!(blocks[0] >= 500, "{blocks:?}");
        assert!(blocks[1..].iter().filter(|blocks| **blocks > 0).count() > 70, "{blocks:?}");
    }
}
