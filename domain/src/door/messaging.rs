use std::sync::Arc;

use super::Ports;
use crate::flows::{
    messaging::{ListEvents, ReadChats, SearchMessages, SendMessage},
    shared::{Cursors, Signers},
};

/// What is done with messages.
pub struct MessagingFlows {
    /// Sends one.
    pub send: SendMessage,
    /// Shows chats and what is in them.
    pub chats: ReadChats,
    /// Reads and writes the cursors of the list of chats.
    pub chat_cursors: Cursors,
    /// The same of a chat's messages.
    pub message_cursors: Cursors,
    /// Finds messages.
    pub search: SearchMessages,
    /// The same of what was found.
    pub search_cursors: Cursors,
    /// Shows what happened.
    pub events: ListEvents,
    /// The same of events.
    pub event_cursors: Cursors,
}

pub(super) fn messaging_flows(ports: &Ports, signers: &Arc<Signers>) -> MessagingFlows {
    let conversations = || Arc::clone(&ports.conversations);
    let cursors = |list| Cursors::new(list, Arc::clone(signers));
    MessagingFlows {
        send: SendMessage {
            clock: Arc::clone(&ports.clock),
            entropy: Arc::clone(&ports.entropy),
            conversations: conversations(),
        },
        chats: ReadChats { conversations: conversations() },
        chat_cursors: cursors("chats"),
        message_cursors: cursors("messages"),
        search: SearchMessages { conversations: conversations() },
        search_cursors: cursors("message-search"),
        events: ListEvents { conversations: conversations() },
        event_cursors: cursors("events"),
    }
}
