//! Chats, messages and events.

use crate::driver::{Effect, Statement, Type};

statements! {}
