//! Messages, chats and events.

use http::Method;
use portico_domain::models::{Direction, Scope};
use serde_json::json;

use super::{
    Tag,
    answer::Answer,
    books::search,
    document::{BEST_FIRST, Document, NEWEST_FIRST},
    examples,
    operation::{Operation, Who},
    schema::{
        LINE, NO_NUL, answer, count, map, named, named_as, one_of, or_null, request, such_as, text, time,
        uuid, words,
    },
};
use crate::code::Code;

const TAG: Tag = Tag::Messaging;
const READER: Who = Who::PersonOrKey(Some(Scope::MessagesRead));

pub(super) fn describe(document: &mut Document) {
    schemas(document);
    let message = examples::shown(&examples::message());
    let visible = Some(r"^[!-~]+$");
    document.operation(
        Operation::new(Method::POST, "/api/v2/messages/send", "sendMessage", TAG, "Sends a message")
            .about(
                "To an address or into a chat, one of the two. Sending again to the same address of the same instance goes on in the same chat. An instance belongs to the \
                 organization that first sends from it; to others it is 404. A key that is not for the instance is 403.",
            )
            .by(Who::PersonOrKey(Some(Scope::MessagesWrite)))
            .header(
                "Idempotency-Key",
                text("Names this sending for 24 hours: a repeat is given the first answer and sends nothing; another body under it is 422.", (1, 255), visible),
            )
            .body("SendMessageRequest", examples::message_request())
            .answer(Answer::json(201, "The message.", named("Message"), message.clone()).with("Idempotent-Replayed"))
            .problem(Code::NotFound),
    );
    document.operation(
        Operation::new(Method::GET, "/api/v2/messages/search", "searchMessages", TAG, "Searches messages")
            .about("Best first, among the newest ten thousand that have the words.")
            .by(READER)
            .required_query("q", search("Messages with these words."))
            .pages(&BEST_FIRST, "Best first.")
            .answer(
                Answer::json(
                    200,
                    "Messages.",
                    named("MessageList"),
                    json!({"data": [message.clone()], "next_cursor": null, "has_more": false}),
                )
                .validated(),
            ),
    );
    document.operation(
        Operation::new(Method::GET, "/api/v2/chats", "listChats", TAG, "Lists chats")
            .about("By when they began. A key for some instances sees theirs alone.")
            .by(READER)
            .query("instance_id", uuid("Chats of this instance."))
            .pages(&NEWEST_FIRST, "Newest first, or oldest.")
            .answer(
                Answer::json(200, "Chats.", named("ChatList"), examples::page(&examples::chat())).validated(),
            ),
    );
    document.operation(
        Operation::new(Method::GET, "/api/v2/chats/{id}", "getChat", TAG, "Shows a chat").by(READER).answer(
            Answer::json(200, "The chat.", named("Chat"), examples::shown(&examples::chat())).validated(),
        ),
    );
    document.operation(
        Operation::new(
            Method::GET,
            "/api/v2/chats/{id}/messages",
            "listMessages",
            TAG,
            "Lists the messages of a chat",
        )
        .by(READER)
        .pages(&NEWEST_FIRST, "Newest first, or oldest.")
        .answer(
            Answer::json(200, "Messages.", named("MessageList"), examples::page(&examples::message()))
                .validated(),
        ),
    );
    document.operation(
        Operation::new(Method::GET, "/api/v2/events", "listEvents", TAG, "Lists what happened")
            .about("`message.sent` has the payload `message_id` and `direction`; `chat.created` has `instance_id` and `address`.")
            .by(READER)
            .query("type", such_as(text("Events of this type.", (1, 100), visible), "message.sent"))
            .query("chat_id", uuid("Events in this chat."))
            .query("since", time("At this moment or later."))
            .query("until", time("Before this moment."))
            .pages(&NEWEST_FIRST, "Newest first, or oldest.")
            .answer(Answer::json(200, "Events.", named("EventList"), examples::page(&examples::event())).validated()),
    );
}

fn schemas(document: &mut Document) {
    let send = request(
        "A message, with either `to` or `chat_id`.",
        vec![
            ("instance_id", uuid("From which instance.")),
            ("text", text("What it says, kept as it is.", (1, 10_000), Some(NO_NUL))),
        ],
        vec![
            (
                "to",
                or_null(text("Whom it is for, as the instance names them; trimmed.", (1, 255), Some(LINE))),
            ),
            ("chat_id", or_null(uuid("The chat that it goes into."))),
        ],
    );
    document.schema("SendMessageRequest", send);
    let message = answer(
        "A message.",
        vec![
            ("id", uuid("Names it.")),
            ("chat_id", uuid("The chat that it is in.")),
            (
                "direction",
                one_of(
                    "Which way it went, seen from the organization.",
                    [Direction::In, Direction::Out].map(Direction::as_str),
                ),
            ),
            (
                "sender",
                words(
                    "Of one that went out: the id of the person or key that sent it. Of one that came in: the address.",
                ),
            ),
            ("text", words("What it says.")),
            ("status", such_as(words("What became of it."), "sent")),
            ("created_at", time("When it was written.")),
        ],
    );
    document.schema("Message", message);
    document.list("MessageList", "Message");
    let last = answer(
        "A chat's latest message.",
        vec![
            ("id", uuid("Names it.")),
            ("text", words("What it says.")),
            ("created_at", time("When it was written.")),
        ],
    );
    document.schema("LastMessage", last);
    let chat = answer(
        "A chat.",
        vec![
            ("id", uuid("Names it.")),
            ("instance_id", uuid("The instance whose it is.")),
            ("title", words("What it is called: the address that it is with, unless it has a name.")),
            ("last_message", or_null(named_as("LastMessage", "The latest message."))),
            ("message_count", count("How many messages are in it.")),
            ("created_at", time("When it began.")),
            ("updated_at", time("When something last happened in it.")),
        ],
    );
    document.schema("Chat", chat);
    document.list("ChatList", "Chat");
    let event = answer(
        "Something that happened in a chat.",
        vec![
            ("id", uuid("Names it.")),
            ("type", such_as(words("What happened."), "message.sent")),
            ("chat_id", uuid("Where.")),
            ("payload", map("What there is to know of it.", None)),
            ("created_at", time("When.")),
        ],
    );
    document.schema("Event", event);
    document.list("EventList", "Event");
}
