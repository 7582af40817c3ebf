//! Messages sent, and chats, messages and events shown.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Path, Request, State},
    response::Response,
    routing::{get, post},
};
use http::{HeaderMap, HeaderValue, StatusCode, request::Parts};
use portico_domain::{
    flows::messaging::{Author, NoSuchChat, SendMessageError, SendMessageRequest},
    models::{
        Address, Chat, ChatId, Event, EventFilter, FieldFault, IdempotencyKey, InstanceId, Message,
        MessageText, Reach, Scope, SearchQuery, Timestamp,
    },
    ports::Recipient,
};

use super::{ListAnswer, Shared, page_request, page_request_beside};
use crate::{
    answers::{Keep, json, json_versioned},
    code::Code,
    credentials::{Principal, principal},
    fields::{Fields, Query},
    problem::Problem,
};

type Answer = Result<Response, Problem>;

/// The header of a request that may be repeated, and of the answer to one that was.
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
const REPLAYED: &str = "idempotent-replayed";

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new()
        .route("/api/v2/messages/send", post(send))
        .route("/api/v2/messages/search", get(search))
        .route("/api/v2/chats", get(chats))
        .route("/api/v2/chats/{id}", get(chat))
        .route("/api/v2/chats/{id}/messages", get(messages))
        .route("/api/v2/events", get(events))
}

impl From<SendMessageError> for Problem {
    fn from(error: SendMessageError) -> Self {
        match error {
            SendMessageError::WrongInstance => {
                Self::new(Code::Forbidden, "The key is not for this instance.")
            }
            SendMessageError::UnknownInstance => {
                Self::new(Code::NotFound, "There is no such instance of yours.")
            }
            SendMessageError::UnknownChat => {
                Self::new(Code::NotFound, "There is no such chat of yours in this instance.")
            }
            SendMessageError::KeyReused => {
                Self::validation(vec![FieldFault::new("Idempotency-Key", error.to_string())])
            }
            SendMessageError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<NoSuchChat> for Problem {
    fn from(error: NoSuchChat) -> Self {
        match error {
            NoSuchChat::NotFound => no_such_chat(),
            NoSuchChat::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

/// Who is calling, and what they see and write.
async fn author(shared: &Shared, parts: &Parts, scope: Scope) -> Result<Author, Problem> {
    Ok(match principal(shared, parts, Some(scope)).await? {
        Principal::Person(claims) => {
            Author { reach: Reach::of_organization(claims.organization_id), id: claims.user_id.uuid() }
        }
        Principal::Program(holder) => Author { reach: Reach::of_key(&holder.key), id: holder.key.id.uuid() },
    })
}

async fn send(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let (parts, body) = request.into_parts();
    let author = author(&shared, &parts, Scope::MessagesWrite).await?;
    let key = idempotency_key(&parts.headers);
    let mut fields = shared.fields(Request::from_parts(parts, body)).await?;
    let instance = fields.required("instance_id", parse_instance);
    let recipient = recipient(&mut fields);
    let text = fields.required("text", MessageText::parse);
    if let Err(message) = &key {
        fields.fault(IDEMPOTENCY_KEY, message);
    }
    let request = fields.finish(|| {
        Some(SendMessageRequest { instance: instance?, recipient: recipient?, text: text?, key: key.ok()? })
    })?;
    let sent = shared.api.door.messaging.send.run(&author, request).await?;
    let mut answer = json(StatusCode::CREATED, Keep::Private, &sent.message)?;
    if sent.was_repeat {
        answer.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(answer)
}

/// Two keys are none: which of them was meant can't be known.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<IdempotencyKey>, &'static str> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => IdempotencyKey::parse(value.as_bytes()).map(Some),
        (Some(_), Some(_)) => Err("must be sent once"),
    }
}

fn recipient(fields: &mut Fields) -> Option<Recipient> {
    let chat = fields.optional("chat_id", |id| ChatId::parse(id).ok_or("must be a UUID"));
    let address = fields.optional("to", Address::parse);
    match (chat?, address?) {
        (Some(chat), None) => Some(Recipient::Chat(chat)),
        (None, Some(address)) => Some(Recipient::Address(address)),
        (None, None) => {
            fields.fault("to", "is required, unless chat_id is given");
            None
        }
        (Some(_), Some(_)) => {
            fields.fault("to", "must not be given together with chat_id");
            None
        }
    }
}

async fn chats(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let caller = author(&shared, &parts, Scope::MessagesRead).await?;
    let query = Query::parse(parts.uri.query());
    let mut faults = Vec::new();
    let instance = parameter(&query, "instance_id", &mut faults, parse_instance);
    let messaging = &shared.api.door.messaging;
    let cursors = &messaging.chat_cursors;
    let list = format!("{}|{}", caller.id, instance.map_or_else(|| "all".to_owned(), |id| id.to_string()));
    let request = page_request_beside(faults, &query, cursors, &list).await?;
    let reach = instance.map_or_else(|| caller.reach.clone(), |instance| caller.reach.narrowed(instance));
    let page = messaging.chats.run(&reach, request).await?;
    let answer = ListAnswer::<Chat>::of(page.items, page.next, cursors, request.order, &list).await?;
    json_versioned(&shared, &parts.headers, Keep::Private, &answer)
}

async fn chat(State(shared): State<Arc<Shared>>, Path(id): Path<String>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let caller = author(&shared, &parts, Scope::MessagesRead).await?;
    let chat = shared.api.door.messaging.chats.one(&caller.reach, parse_chat(&id)?).await?;
    json_versioned(&shared, &parts.headers, Keep::Private, &chat)
}

async fn messages(State(shared): State<Arc<Shared>>, Path(id): Path<String>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let caller = author(&shared, &parts, Scope::MessagesRead).await?;
    let chat = parse_chat(&id)?;
    let messaging = &shared.api.door.messaging;
    let cursors = &messaging.message_cursors;
    let list = format!("{}|{chat}", caller.id);
    let request = page_request(&Query::parse(parts.uri.query()), cursors, &list).await?;
    let page = messaging.chats.messages(&caller.reach, chat, request).await?;
    let answer = ListAnswer::<Message>::of(page.items, page.next, cursors, request.order, &list).await?;
    json_versioned(&shared, &parts.headers, Keep::Private, &answer)
}

async fn search(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let caller = author(&shared, &parts, Scope::MessagesRead).await?;
    let query = Query::parse(parts.uri.query());
    let mut faults = Vec::new();
    let words = match query.get("q").map(SearchQuery::parse) {
        Some(Ok(words)) => Some(words),
        Some(Err(fault)) => {
            faults.push(FieldFault::new("q", fault.to_string()));
            None
        }
        None => {
            faults.push(FieldFault::new("q", "is required"));
            None
        }
    };
    if query.get("order") == Some("asc") {
        let message = "must be desc, or left out, in a search: it is best first";
        faults.push(FieldFault::new("order", message));
    }
    let messaging = &shared.api.door.messaging;
    let cursors = &messaging.search_cursors;
    let list = format!("{}|{}", caller.id, words.as_ref().map(SearchQuery::to_websearch).unwrap_or_default());
    let request = page_request_beside(faults, &query, cursors, &list).await?;
    let words = words.ok_or_else(|| Problem::internal("q was faulty without a fault"))?;
    let page = messaging.search.run(&caller.reach, &words, request).await?;
    let answer = ListAnswer::<Message>::of(page.items, page.next, cursors, request.order, &list).await?;
    json_versioned(&shared, &parts.headers, Keep::Private, &answer)
}

async fn events(State(shared): State<Arc<Shared>>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let caller = author(&shared, &parts, Scope::MessagesRead).await?;
    let query = Query::parse(parts.uri.query());
    let mut faults = Vec::new();
    let filter = EventFilter {
        r#type: parameter(&query, "type", &mut faults, parse_type),
        chat: parameter(&query, "chat_id", &mut faults, |id| ChatId::parse(id).ok_or("must be a UUID")),
        since: parameter(&query, "since", &mut faults, parse_time),
        until: parameter(&query, "until", &mut faults, parse_time),
    };
    let messaging = &shared.api.door.messaging;
    let cursors = &messaging.event_cursors;
    let list = format!("{}|{filter:?}", caller.id);
    let request = page_request_beside(faults, &query, cursors, &list).await?;
    let page = messaging.events.run(&caller.reach, &filter, request).await?;
    let answer = ListAnswer::<Event>::of(page.items, page.next, cursors, request.order, &list).await?;
    json_versioned(&shared, &parts.headers, Keep::Private, &answer)
}

/// Takes a parameter that may be missing; what is wrong with it goes to the faults.
fn parameter<T>(
    query: &Query,
    name: &str,
    faults: &mut Vec<FieldFault>,
    parse: impl FnOnce(&str) -> Result<T, &'static str>,
) -> Option<T> {
    let parsed = query.get(name).map(parse)?;
    parsed.map_err(|message| faults.push(FieldFault::new(name, message))).ok()
}

fn parse_instance(text: &str) -> Result<InstanceId, &'static str> {
    InstanceId::parse(text).ok_or("must be a UUID")
}

/// What is no identifier names no chat.
fn parse_chat(text: &str) -> Result<ChatId, Problem> {
    ChatId::parse(text).ok_or_else(no_such_chat)
}

fn no_such_chat() -> Problem {
    Problem::new(Code::NotFound, "There is no such chat of yours.")
}

fn parse_type(text: &str) -> Result<String, &'static str> {
    let is_type = (1..=100).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_type.then(|| text.to_owned()).ok_or("must be a type of 1 to 100 visible ASCII characters")
}

fn parse_time(text: &str) -> Result<Timestamp, &'static str> {
    Timestamp::parse(text).ok_or("must be an RFC 3339 time, such as 2030-01-31T12:00:00Z")
}
