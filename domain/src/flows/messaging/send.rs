use std::{sync::Arc, time::Duration};

use serde_json::json;
use uuid::Uuid;

use crate::{
    models::{ChatId, Digest, EventId, IdempotencyKey, InstanceId, Message, MessageId, MessageText, Reach},
    ports::{Clock, Conversations, Entropy, OnceOnly, Recipient, SendOutcome, Sending, Unavailable},
};

/// Whoever sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// What they may write to.
    pub reach: Reach,
    /// The person or the API key.
    pub id: Uuid,
}

/// The message that somebody wants sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendMessageRequest {
    /// The instance it is sent from.
    pub instance: InstanceId,
    /// Where it goes.
    pub recipient: Recipient,
    /// What it says.
    pub text: MessageText,
    /// What a repeat of it is known by.
    pub key: Option<IdempotencyKey>,
}

impl SendMessageRequest {
    /// Tells requests apart that were made under one key.
    fn digest(&self) -> Digest {
        let recipient = match &self.recipient {
            Recipient::Chat(chat) => json!({ "chat": chat }),
            Recipient::Address(address) => json!({ "to": address.as_str() }),
        };
        Digest::of(json!([self.instance, recipient, self.text.as_str()]).to_string().as_bytes())
    }
}

/// A message that is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentMessage {
    /// The message.
    pub message: Message,
    /// Whether it was sent before, and this was a repeat.
    pub was_repeat: bool,
}

/// Why a message was not sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendMessageError {
    /// The key is for other instances.
    #[error("the key is not for this instance")]
    WrongInstance,
    /// The instance is another organization's.
    #[error("there is no such instance of yours")]
    UnknownInstance,
    /// The organization has no such chat in this instance.
    #[error("there is no such chat of yours in this instance")]
    UnknownChat,
    /// The words complete "Idempotency-Key …".
    #[error("was used for another message in the last 24 hours")]
    KeyReused,
    /// Something could not be asked.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Sends a message, once.
///
/// 1. An instance that the sender may not write to is refused, before anything is asked.
/// 2. Everything that may have to be written gets its name, and storage decides in one step what is.
pub struct SendMessage {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes identifiers.
    pub entropy: Arc<dyn Entropy>,
    /// Keeps messages.
    pub conversations: Arc<dyn Conversations>,
}

impl SendMessage {
    /// How long a repeat is known as one.
    pub const KEY_KEPT: Duration = Duration::from_secs(86_400);

    /// Sends the message, or says what was sent under its key before.
    pub async fn run(
        &self,
        author: &Author,
        request: SendMessageRequest,
    ) -> Result<SentMessage, SendMessageError> {
        if !author.reach.covers(request.instance) {
            return Err(SendMessageError::WrongInstance);
        }
        let outcome = self.conversations.send(self.sending(author, request)?).await?;
        match outcome {
            SendOutcome::Sent(message) => Ok(SentMessage { message, was_repeat: false }),
            SendOutcome::Repeated(message) => Ok(SentMessage { message, was_repeat: true }),
            SendOutcome::KeyReused => Err(SendMessageError::KeyReused),
            SendOutcome::UnknownInstance => Err(SendMessageError::UnknownInstance),
            SendOutcome::UnknownChat => Err(SendMessageError::UnknownChat),
        }
    }

    fn sending(&self, author: &Author, request: SendMessageRequest) -> Result<Sending, Unavailable> {
        let now = self.clock.now();
        let request_digest = request.digest();
        let (first, second) = (self.entropy.bytes()?, self.entropy.bytes()?);
        let part = |from: &[u8; 32], at: usize| -> [u8; 10] { std::array::from_fn(|n| from[at + n]) };
        let message_id = MessageId::generate(now, part(&first, 0));
        let events = [part(&second, 0), part(&second, 10)].map(|random| EventId::generate(now, random));
        let chat_payload = match &request.recipient {
            Recipient::Chat(_) => json!({}),
            Recipient::Address(address) => {
                json!({ "instance_id": request.instance, "address": address.as_str() })
            }
        };
        Ok(Sending {
            organization: author.reach.organization(),
            sender: author.id,
            instance: request.instance,
            recipient: request.recipient,
            text: request.text,
            once: request.key.map(|key| OnceOnly {
                key,
                request: request_digest,
                free_since: now.before(Self::KEY_KEPT),
            }),
            message_id,
            new_chat_id: ChatId::generate(now, part(&first, 10)),
            // A list tells of a chat's beginning before it tells of what was said in it.
            event_ids: (events[0].min(events[1]), events[0].max(events[1])),
            payloads: (
                chat_payload.to_string(),
                json!({ "message_id": message_id, "direction": "out" }).to_string(),
            ),
            now,
        })
    }
}
