//! Chats, messages and events.

use crate::driver::{Effect, Statement, Type};

statements! {
    /// Sends a message: organization, sender, idempotency key, digest of the request, until when a used key is free again, instance, chat or none, address or
    /// none, text, message's id, a new chat's id, its event's id and payload, the message's event's id, moment, that event's payload.
    MESSAGE_SEND: Write "message_send"
        (Uuid, Uuid, Text, Bytes, Time, Uuid, Uuid, Text, Text, Uuid, Uuid, Uuid, Text, Uuid, Time, Text)
        -> (Text, Uuid, Uuid, Time),
        sqlite "message_send.sqlite";
    /// Deletes idempotency keys that are free again: used until, how many.
    IDEMPOTENCY_KEYS_PURGE: Write "idempotency_keys_purge" (Time, Integer) -> (Integer),
        sqlite "idempotency_keys_purge.sqlite";

    /// Finds a chat: id, organization.
    CHAT_BY_ID: Read "chat_by_id" (Uuid, Uuid) -> (Uuid, Uuid, Text, Uuid, Text, Time, Integer, Time, Time);
    /// Lists chats, newest first: organization, place's time, place's id, how many.
    CHATS_LIST_DESC: Read "chats_list_desc" (Uuid, Time, Uuid, Integer) -> (Uuid, Uuid, Text, Uuid, Text, Time, Integer, Time, Time);
    /// The same, oldest first.
    CHATS_LIST_ASC: Read "chats_list_asc" (Uuid, Time, Uuid, Integer) -> (Uuid, Uuid, Text, Uuid, Text, Time, Integer, Time, Time);
    /// Lists some instances' chats, newest first: organization, a JSON list of instances, place's time, place's id, how many.
    CHATS_OF_INSTANCES_LIST_DESC: Read "chats_of_instances_list_desc" (Uuid, Text, Time, Uuid, Integer) -> (Uuid, Uuid, Text, Uuid, Text, Time, Integer, Time, Time),
        sqlite "chats_of_instances_list_desc.sqlite";
    /// The same, oldest first.
    CHATS_OF_INSTANCES_LIST_ASC: Read "chats_of_instances_list_asc" (Uuid, Text, Time, Uuid, Integer) -> (Uuid, Uuid, Text, Uuid, Text, Time, Integer, Time, Time),
        sqlite "chats_of_instances_list_asc.sqlite";
    /// Lists a chat's messages, newest first, each with the chat's instance: organization, chat, place's time, place's id, how many.
    MESSAGES_LIST_DESC: Read "messages_list_desc" (Uuid, Uuid, Time, Uuid, Integer) -> (Uuid, Uuid, Uuid, Text, Text, Text, Text, Time),
        sqlite "messages_list_desc.sqlite";
    /// The same, oldest first.
    MESSAGES_LIST_ASC: Read "messages_list_asc" (Uuid, Uuid, Time, Uuid, Integer) -> (Uuid, Uuid, Uuid, Text, Text, Text, Text, Time),
        sqlite "messages_list_asc.sqlite";
    /// Finds messages, best first: organization, words and owner in the database's search language, a JSON list of instances or none, place's rank, place's id, how many.
    MESSAGES_SEARCH: Read "messages_search" (Uuid, Text, Text, Text, Integer, Uuid, Integer) -> (Uuid, Uuid, Text, Text, Text, Text, Time, Integer),
        sqlite "messages_search.sqlite";
    /// Lists events, newest first: organization, place's time, place's id, the moment that bounds the other end, how many.
    EVENTS_LIST_DESC: Read "events_list_desc" (Uuid, Time, Uuid, Time, Integer) -> (Uuid, Text, Uuid, Text, Time, Uuid);
    /// Lists a chat's events, newest first: organization, chat, and as above.
    EVENTS_OF_CHAT_LIST_DESC: Read "events_of_chat_list_desc" (Uuid, Uuid, Time, Uuid, Time, Integer) -> (Uuid, Text, Uuid, Text, Time, Uuid);
    /// Lists some instances' events, newest first: organization, a JSON list of instances, and as above.
    EVENTS_OF_INSTANCES_LIST_DESC: Read "events_of_instances_list_desc" (Uuid, Text, Time, Uuid, Time, Integer) -> (Uuid, Text, Uuid, Text, Time, Uuid),
        sqlite "events_of_instances_list_desc.sqlite";
    /// The same, oldest first.
    EVENTS_LIST_ASC: Read "events_list_asc" (Uuid, Time, Uuid, Time, Integer) -> (Uuid, Text, Uuid, Text, Time, Uuid);
    /// The same, oldest first.
    EVENTS_OF_CHAT_LIST_ASC: Read "events_of_chat_list_asc" (Uuid, Uuid, Time, Uuid, Time, Integer) -> (Uuid, Text, Uuid, Text, Time, Uuid);
    /// The same, oldest first.
    EVENTS_OF_INSTANCES_LIST_ASC: Read "events_of_instances_list_asc" (Uuid, Text, Time, Uuid, Time, Integer) -> (Uuid, Text, Uuid, Text, Time, Uuid),
        sqlite "events_of_instances_list_asc.sqlite";
    /// Lists events, newest first: organization, type, place's time, place's id, the moment that bounds the other end, how many.
    EVENTS_LIST_OF_TYPE_DESC: Read "events_list_of_type_desc" (Uuid, Text, Time, Uuid, Time, Integer) -> (Uuid, Text, Uuid, Text, Time, Uuid);
    /// Lists a chat's events, newest first: organization, chat, type, and as above.
    EVENTS_OF_CHAT_LIST_OF_TYPE_DESC: Read "events_of_chat_list_of_type_desc" (Uuid, Uuid, Text, Time, Uuid, Time, Integer) -> (Uuid, Text, Uuid, Text, Time, Uuid);
    /// Lists some instances' events, newest first: organization, a JSON list of instances, type, and as above.
    EVENTS_OF_INSTANCES_LIST_OF_TYPE_DESC: Read "events_of_instances_list_of_type_desc" (Uuid, Text, Text, Time, Uuid, Time, Integer) -> (Uuid, Text, Uuid, Text, Time, Uuid),
        sqlite "events_of_instances_list_of_type_desc.sqlite";
    /// The same, oldest first.
    EVENTS_LIST_OF_TYPE_ASC: Read "events_list_of_type_asc" (Uuid, Text, Time, Uuid, Time, Integer) -> (Uuid, Text, Uuid, Text, Time, Uuid);
    /// The same, oldest first.
    EVENTS_OF_CHAT_LIST_OF_TYPE_ASC: Read "events_of_chat_list_of_type_asc" (Uuid, Uuid, Text, Time, Uuid, Time, Integer) -> (Uuid, Text, Uuid, Text, Time, Uuid);
    /// The same, oldest first.
    EVENTS_OF_INSTANCES_LIST_OF_TYPE_ASC: Read "events_of_instances_list_of_type_asc" (Uuid, Text, Text, Time, Uuid, Time, Integer) -> (Uuid, Text, Uuid, Text, Time, Uuid),
        sqlite "events_of_instances_list_of_type_asc.sqlite";
}
