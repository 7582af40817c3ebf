//! Chats, messages and events.

use super::{
    Given::{self, Fresh, Future, Integer, Joined, LastId, Now, Null, Of, Past, Plain, Text, Word},
    entries,
};

const CHAT: Given = Of("chats", "id");
const CHATS_OWNER: Given = Of("chats", "organization_id");
const CHAT_AT: Given = Of("chats", "created_at");
const CHATS_INSTANCES: Given = Joined(&[Text("[\""), Of("chats", "instance_id"), Text("\"]")]);
const MESSAGE: Given = Of("messages", "id");
const MESSAGES_OWNER: Given = Of("messages", "organization_id");
const MESSAGES_CHAT: Given = Of("messages", "chat_id");
const MESSAGE_AT: Given = Of("messages", "created_at");
const EVENT: Given = Of("events", "id");
const EVENTS_OWNER: Given = Of("events", "organization_id");
const EVENTS_CHAT: Given = Of("events", "chat_id");
const EVENT_AT: Given = Of("events", "created_at");
const EVENTS_INSTANCES: Given = Joined(&[Text("[\""), Of("events", "instance_id"), Text("\"]")]);
const TYPE: Given = Of("events", "type");
const WORDS: Given = Joined(&[
    Text(r#"{"websearch":"\""#),
    Word("messages", "text"),
    Text(r#"\"","fts5":"\""#),
    Word("messages", "text"),
    Text(r#"\""}"#),
]);
const OWNER: Given = Joined(&[
    Text(r#"{"tsquery":"'o:"#),
    Of("messages", "organization_id"),
    Text(r#"'","fts5":"o"#),
    Plain("messages", "organization_id"),
    Text(r#""}"#),
]);
const BEST: Given = Integer(i64::MAX);
const MANY: Given = Integer(21);

entries! {
    "message_send": [
        CHATS_OWNER, Fresh, Text("profiled"), Fresh, Past, Of("chats", "instance_id"), CHAT, Null, Text("Some words"), Fresh, Fresh, Fresh, Text("{}"),
        Fresh, Now, Text("{}"),
    ] or [
        CHATS_OWNER, Fresh, Null, Fresh, Past, Of("chats", "instance_id"), Null, Text("profiled"), Text("Some words"), Fresh, Fresh, Fresh, Text("{}"),
        Fresh, Now, Text("{}"),
    ];
    "idempotency_keys_purge": [Of("idempotency_keys", "created_at"), Integer(100)];
    "chat_by_id": [CHAT, CHATS_OWNER];
    "chats_list_desc": [CHATS_OWNER, CHAT_AT, CHAT, MANY] or [CHATS_OWNER, Future, LastId, MANY];
    "chats_list_asc": [CHATS_OWNER, CHAT_AT, CHAT, MANY];
    "chats_of_instances_list_desc": [CHATS_OWNER, CHATS_INSTANCES, CHAT_AT, CHAT, MANY] or [CHATS_OWNER, CHATS_INSTANCES, Future, LastId, MANY];
    "chats_of_instances_list_asc": [CHATS_OWNER, CHATS_INSTANCES, CHAT_AT, CHAT, MANY];
    "messages_list_desc": [MESSAGES_OWNER, MESSAGES_CHAT, MESSAGE_AT, MESSAGE, MANY] or [MESSAGES_OWNER, MESSAGES_CHAT, Future, LastId, MANY];
    "messages_list_asc": [MESSAGES_OWNER, MESSAGES_CHAT, MESSAGE_AT, MESSAGE, MANY];
    "messages_search": [MESSAGES_OWNER, WORDS, OWNER, Null, BEST, LastId, MANY] or [MESSAGES_OWNER, WORDS, OWNER, Null, Integer(1), MESSAGE, MANY];
    "events_list_desc": [EVENTS_OWNER, EVENT_AT, EVENT, Past, MANY] or [EVENTS_OWNER, Future, LastId, Past, MANY];
    "events_of_chat_list_desc": [EVENTS_OWNER, EVENTS_CHAT, EVENT_AT, EVENT, Past, MANY] or [EVENTS_OWNER, EVENTS_CHAT, Future, LastId, Past, MANY];
    "events_of_instances_list_desc": [EVENTS_OWNER, EVENTS_INSTANCES, EVENT_AT, EVENT, Past, MANY];
    "events_list_asc": [EVENTS_OWNER, EVENT_AT, EVENT, Future, MANY];
    "events_of_chat_list_asc": [EVENTS_OWNER, EVENTS_CHAT, EVENT_AT, EVENT, Future, MANY];
    "events_of_instances_list_asc": [EVENTS_OWNER, EVENTS_INSTANCES, EVENT_AT, EVENT, Future, MANY];
    "events_list_of_type_desc": [EVENTS_OWNER, TYPE, EVENT_AT, EVENT, Past, MANY] or [EVENTS_OWNER, TYPE, Future, LastId, Past, MANY];
    "events_of_chat_list_of_type_desc": [EVENTS_OWNER, EVENTS_CHAT, TYPE, EVENT_AT, EVENT, Past, MANY];
    "events_of_instances_list_of_type_desc": [EVENTS_OWNER, EVENTS_INSTANCES, TYPE, EVENT_AT, EVENT, Past, MANY];
    "events_list_of_type_asc": [EVENTS_OWNER, TYPE, EVENT_AT, EVENT, Future, MANY];
    "events_of_chat_list_of_type_asc": [EVENTS_OWNER, EVENTS_CHAT, TYPE, EVENT_AT, EVENT, Future, MANY];
    "events_of_instances_list_of_type_asc": [EVENTS_OWNER, EVENTS_INSTANCES, TYPE, EVENT_AT, EVENT, Future, MANY];
}
