//! Messaging: messages sent once, and chats, messages and events shown to whom they belong.
//!
//! What must hold:
//! - **Rows belong to an organization**, and no flow shows or changes another's: it is told the same as of rows that aren't there.
//! - **A key for some instances sees and writes those alone.**
//! - **Sending is one step**, and under an idempotency key it happens once, however often and however simultaneously it is asked. What was refused uses no
//!   key up.

mod read;
mod send;

pub use read::{ListEvents, NoSuchChat, ReadChats, SearchMessages};
pub use send::{Author, SendMessage, SendMessageError, SendMessageRequest, SentMessage};

#[cfg(test)]
mod tests;
