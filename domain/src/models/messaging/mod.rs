//! Chats, the messages in them, and what happened to both.

mod reach;
mod words;

use serde::Serialize;
use serde_json::{Map, Value};

pub use self::{
    reach::Reach,
    words::{Address, IdempotencyKey, MessageText},
};
use super::{ChatId, EventId, InstanceId, MessageId, Timestamp};

/// Which way a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// To the organization.
    In,
    /// From it.
    Out,
}

impl Direction {
    /// The word of the contract.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }

    /// Reads the word of the contract.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::In, Self::Out].into_iter().find(|direction| direction.as_str() == word)
    }
}

/// A message; its JSON form is the contract's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// Names it.
    pub id: MessageId,
    /// The chat it is in.
    pub chat_id: ChatId,
    /// Which way it went.
    pub direction: Direction,
    /// Of one that went out: the id of the person or API key that sent it. Of one that came in: the address it came from.
    pub sender: String,
    /// What it says.
    pub text: String,
    /// What became of it, such as `sent`.
    pub status: String,
    /// When it was written.
    pub created_at: Timestamp,
}

/// A chat's latest message, as the chat keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastMessage {
    /// Names the message.
    pub id: MessageId,
    /// What it says.
    pub text: String,
    /// When it was written.
    pub created_at: Timestamp,
}

/// A chat; its JSON form is the contract's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chat {
    /// Names it.
    pub id: ChatId,
    /// The instance whose it is.
    pub instance_id: InstanceId,
    /// What it is called: the address that it is with, unless it has a name.
    pub title: String,
    /// The latest message.
    pub last_message: Option<LastMessage>,
    /// How many messages are in it.
    pub message_count: i64,
    /// When it began.
    pub created_at: Timestamp,
    /// When something last happened in it.
    pub updated_at: Timestamp,
}

/// Something that happened in a chat; its JSON form is the contract's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Names it.
    pub id: EventId,
    /// What happened: `message.sent`, `chat.created` and others.
    pub r#type: String,
    /// Where.
    pub chat_id: ChatId,
    /// What there is to know of it.
    pub payload: Map<String, Value>,
    /// When.
    pub created_at: Timestamp,
}

/// Which events are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// Of this type alone.
    pub r#type: Option<String>,
    /// Of this chat alone.
    pub chat: Option<ChatId>,
    /// At this moment or later.
    pub since: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
}

/// A message that a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundMessage {
    /// The message.
    pub message: Message,
    /// How well it fits; more is better. Of the same search alone, and on one database alone, two ranks can be compared.
    pub rank: i64,
}
