use async_trait::async_trait;

use super::Unavailable;
use crate::models::{
    Address, Chat, ChatId, Digest, Event, EventFilter, EventId, FoundMessage, IdempotencyKey, InstanceId,
    Message, MessageId, MessageText, OrganizationId, PageRequest, Reach, SearchQuery, Timestamp,
};
use uuid::Uuid;

/// Where a message is to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// Into this chat.
    Chat(ChatId),
    /// Into the instance's chat with this address, which begins with it where there is none.
    Address(Address),
}

/// The key under which a message is sent once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnceOnly {
    /// The key.
    pub key: IdempotencyKey,
    /// Digest of what was asked under it.
    pub request: Digest,
    /// A key that was used at this moment or before is free again.
    pub free_since: Timestamp,
}

/// A message about to be sent, with the names of all that may have to be written for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// Whose it is.
    pub organization: OrganizationId,
    /// The person or the API key that sends it.
    pub sender: Uuid,
    /// The instance it is sent from.
    pub instance: InstanceId,
    /// Where it goes.
    pub recipient: Recipient,
    /// What it says.
    pub text: MessageText,
    /// What makes a repeat of it one.
    pub once: Option<OnceOnly>,
    /// Names the message.
    pub message_id: MessageId,
    /// Names the chat, should one begin.
    pub new_chat_id: ChatId,
    /// Name the events of a chat that began, and of the message.
    pub event_ids: (EventId, EventId),
    /// What there is to know of them: JSON objects.
    pub payloads: (String, String),
    /// When.
    pub now: Timestamp,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// It is sent.
    Sent(Message),
    /// The same was asked under the same key before: what was sent then. Nothing was written.
    Repeated(Message),
    /// Something else was asked under the same key before. Nothing was written.
    KeyReused,
    /// The instance is another organization's. Nothing was written.
    UnknownInstance,
    /// The organization has no such chat in this instance. Nothing was written.
    UnknownChat,
}

/// Chats with their messages, and what happened in them. Everything is asked within a [`Reach`]: what lies outside it is as good as not there.
///
/// Lists are sorted by time and id, one row more than the limit if there are more, and cost one statement. None of them is read further than the page,
/// however many rows others have, or the same organization has outside the reach.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Conversations: Send + Sync {
    /// Sends a message: writes it, its event, its chat's latest message and count, and, where they are new, the chat with its event, the instance, and the key. All of it
    /// or nothing. An instance belongs to the organization that first sends from it. Of any number of the same at once under one key, one is sent and all are
    /// told of it.
    async fn send(&self, sending: Sending) -> Result<SendOutcome, Unavailable>;

    /// Lists chats by when they began.
    async fn chats(&self, reach: &Reach, page: PageRequest) -> Result<Vec<Chat>, Unavailable>;

    /// Finds a chat.
    async fn chat(&self, reach: &Reach, id: ChatId) -> Result<Option<Chat>, Unavailable>;

    /// Lists a chat's messages; `None` when there is no such chat.
    async fn messages(
        &self,
        reach: &Reach,
        chat: ChatId,
        page: PageRequest,
    ) -> Result<Option<Vec<Message>>, Unavailable>;

    /// Lists the messages with the words that are looked for, of the newest ten thousand, best first whatever order is asked. A page goes on after the row that the cursor names, wherever that now stands, so that rows of the
    /// same rank are each visited once also where ranks depend on other rows.
    async fn search(
        &self,
        reach: &Reach,
        query: &SearchQuery,
        page: PageRequest,
    ) -> Result<Vec<FoundMessage>, Unavailable>;

    /// Lists events.
    async fn events(
        &self,
        reach: &Reach,
        filter: &EventFilter,
        page: PageRequest,
    ) -> Result<Vec<Event>, Unavailable>;
}
