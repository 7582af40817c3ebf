use async_trait::async_trait;
use portico_domain::{
    models::{
        Chat, ChatId, Cursor, Direction, Event, EventFilter, EventId, FoundMessage, InstanceId, LastMessage,
        Message, MessageId, Order, PageRequest, Reach, SearchQuery, Timestamp,
    },
    ports::{Conversations, Recipient, SendOutcome, Sending, Unavailable},
};
use serde_json::json;
use uuid::Uuid;

use super::{SqlRepositories, places};
use crate::{
    driver::{DriverError, Row, SERVICE, Statement, Value},
    statements::{
        CHAT_BY_ID, CHATS_LIST_ASC, CHATS_LIST_DESC, CHATS_OF_INSTANCES_LIST_ASC,
        CHATS_OF_INSTANCES_LIST_DESC, EVENTS_LIST_ASC, EVENTS_LIST_DESC, EVENTS_LIST_OF_TYPE_ASC,
        EVENTS_LIST_OF_TYPE_DESC, EVENTS_OF_CHAT_LIST_ASC, EVENTS_OF_CHAT_LIST_DESC,
        EVENTS_OF_CHAT_LIST_OF_TYPE_ASC, EVENTS_OF_CHAT_LIST_OF_TYPE_DESC, EVENTS_OF_INSTANCES_LIST_ASC,
        EVENTS_OF_INSTANCES_LIST_DESC, EVENTS_OF_INSTANCES_LIST_OF_TYPE_ASC,
        EVENTS_OF_INSTANCES_LIST_OF_TYPE_DESC, MESSAGE_SEND, MESSAGES_LIST_ASC, MESSAGES_LIST_DESC,
        MESSAGES_SEARCH,
    },
};

/// How often a message is sent anew that met another on its way. Whoever was first is through by then, so the second time tells what became of it.
const ATTEMPTS: usize = 3;

#[async_trait]
impl Conversations for SqlRepositories {
    async fn send(&self, sending: Sending) -> Result<SendOutcome, Unavailable> {
        for _ in 0..ATTEMPTS {
            let parameters = send_parameters(&sending);
            let rows = match self.driver.run(MESSAGE_SEND.with(parameters)).await {
                Ok(rows) => rows,
                // Somebody else named the same new instance at this moment.
                Err(DriverError::UniqueViolation { .. }) => continue,
                Err(DriverError::Unavailable(error)) => return Err(error),
            };
            if let Some(outcome) =
                rows.into_iter().next().map(|row| outcome(row, &sending)).transpose()?.flatten()
            {
                return Ok(outcome);
            }
        }
        Err(Unavailable::new(SERVICE, "a message met others on its way each time that it was sent"))
    }

    async fn chats(&self, reach: &Reach, page: PageRequest) -> Result<Vec<Chat>, Unavailable> {
        let (everywhere, of_instances) = match page.order {
            Order::Ascending => (&CHATS_LIST_ASC, &CHATS_OF_INSTANCES_LIST_ASC),
            Order::Descending => (&CHATS_LIST_DESC, &CHATS_OF_INSTANCES_LIST_DESC),
        };
        let mut parameters = vec![reach.organization().uuid().into()];
        let statement = match reach.instances() {
            None => everywhere,
            Some(instances) => {
                parameters.push(json_list(instances).into());
                of_instances
            }
        };
        let after = places::start(page);
        parameters.extend([after.time().into(), after.id.into(), limit(page)]);
        self.driver.run(statement.with(parameters)).await?.into_iter().map(chat).collect()
    }

    async fn chat(&self, reach: &Reach, id: ChatId) -> Result<Option<Chat>, Unavailable> {
        let parameters = vec![id.uuid().into(), reach.organization().uuid().into()];
        let found =
            self.driver.run(CHAT_BY_ID.with(parameters)).await?.into_iter().next().map(chat).transpose()?;
        Ok(found.filter(|chat| reach.covers(chat.instance_id)))
    }

    async fn messages(
        &self,
        reach: &Reach,
        chat: ChatId,
        page: PageRequest,
    ) -> Result<Option<Vec<Message>>, Unavailable> {
        let statement = match page.order {
            Order::Ascending => &MESSAGES_LIST_ASC,
            Order::Descending => &MESSAGES_LIST_DESC,
        };
        let after = places::start(page);
        let parameters = vec![
            reach.organization().uuid().into(),
            chat.uuid().into(),
            after.time().into(),
            after.id.into(),
            limit(page),
        ];
        let rows = self.driver.run(statement.with(parameters)).await?;
        if rows.is_empty() {
            return Ok(None);
        }
        let mut messages = Vec::with_capacity(rows.len());
        for mut row in rows {
            if !reach.covers(InstanceId::from_uuid(row.take()?)) {
                return Ok(None);
            }
            if let Some(id) = row.take()? {
                messages.push(message(id, &mut row)?);
            }
        }
        Ok(Some(messages))
    }

    async fn search(
        &self,
        reach: &Reach,
        query: &SearchQuery,
        page: PageRequest,
    ) -> Result<Vec<FoundMessage>, Unavailable> {
        // Better than any message, where a search begins.
        let after = page.after.unwrap_or(Cursor { key: i64::MAX, id: Uuid::max() });
        let parameters = vec![
            reach.organization().uuid().into(),
            // In the language of either database.
            json!({ "websearch": query.to_websearch(), "fts5": query.to_fts5() }).to_string().into(),
            json!({ "tsquery": owner_tsquery(reach), "fts5": owner_fts5(reach) }).to_string().into(),
            reach.instances().map(json_list).into(),
            after.key.into(),
            after.id.into(),
            limit(page),
        ];
        let found = |mut row: Row| {
            let id = row.take()?;
            Ok(FoundMessage { message: message(id, &mut row)?, rank: row.take()? })
        };
        self.driver.run(MESSAGES_SEARCH.with(parameters)).await?.into_iter().map(found).collect()
    }

    async fn events(
        &self,
        reach: &Reach,
        filter: &EventFilter,
        page: PageRequest,
    ) -> Result<Vec<Event>, Unavailable> {
        let mut parameters = vec![reach.organization().uuid().into()];
        let scope = match (filter.chat, reach.instances()) {
            (Some(chat), _) => {
                parameters.push(chat.uuid().into());
                Scope::Chat
            }
            (None, Some(instances)) => {
                parameters.push(json_list(instances).into());
                Scope::Instances
            }
            (None, None) => Scope::Organization,
        };
        parameters.extend(filter.r#type.as_deref().map(Value::from));
        let (after, other_end) = window(filter, page);
        parameters.extend([after.time().into(), after.id.into(), other_end.into(), limit(page)]);
        let statement = events_statement(scope, filter.r#type.is_some(), page.order);
        let mut events = Vec::new();
        for row in self.driver.run(statement.with(parameters)).await? {
            let (event, instance) = event(row)?;
            // A chat is one instance's: all of its events are within the reach, or none.
            if reach.covers(instance) {
                events.push(event);
            }
        }
        Ok(events)
    }
}

fn limit(page: PageRequest) -> Value {
    (i64::from(page.limit) + 1).into()
}

fn json_list(instances: &[InstanceId]) -> String {
    let quoted: Vec<String> = instances.iter().map(|id| format!("\"{id}\"")).collect();
    format!("[{}]", quoted.join(","))
}

/// The words by which Postgres' index knows whose a message is (migration 0007). They hold a colon, which no word of a text does.
fn owner_tsquery(reach: &Reach) -> String {
    let organization = format!("'o:{}'", reach.organization());
    match reach.instances() {
        None => organization,
        Some(instances) => {
            let words: Vec<String> = instances.iter().map(|id| format!("'i:{id}'")).collect();
            format!("{organization} & ({})", words.join(" | "))
        }
    }
}

/// The words by which `SQLite`'s index knows the same, in a column of their own.
fn owner_fts5(reach: &Reach) -> String {
    let organization = format!("\"o{}\"", reach.organization().uuid().simple());
    match reach.instances() {
        None => organization,
        Some(instances) => {
            let words: Vec<String> =
                instances.iter().map(|id| format!("\"i{}\"", id.uuid().simple())).collect();
            format!("({organization} AND ({}))", words.join(" OR "))
        }
    }
}

fn send_parameters(sending: &Sending) -> Vec<Value> {
    let (chat, address) = match &sending.recipient {
        Recipient::Chat(chat) => (Some(chat.uuid()), None),
        Recipient::Address(address) => (None, Some(address.as_str())),
    };
    let once = sending.once.as_ref();
    vec![
        sending.organization.uuid().into(),
        sending.sender.into(),
        once.map(|once| once.key.as_str()).into(),
        once.map(|once| once.request.0).into(),
        // Without a key nothing is compared with it.
        once.map_or(sending.now, |once| once.free_since).into(),
        sending.instance.uuid().into(),
        chat.into(),
        address.into(),
        sending.text.as_str().into(),
        sending.message_id.uuid().into(),
        sending.new_chat_id.uuid().into(),
        sending.event_ids.0.uuid().into(),
        sending.payloads.0.as_str().into(),
        sending.event_ids.1.uuid().into(),
        sending.now.into(),
        sending.payloads.1.as_str().into(),
    ]
}

/// Reads what became of a message; `None` when it has to be asked again. What was sent under a key is what is asked under it now, so that only names and
/// moment have to be read.
fn outcome(mut row: Row, sending: &Sending) -> Result<Option<SendOutcome>, Unavailable> {
    let word: String = row.take()?;
    let mut shown = || {
        Ok::<_, Unavailable>(Message {
            id: MessageId::from_uuid(row.take()?),
            chat_id: ChatId::from_uuid(row.take()?),
            direction: Direction::Out,
            sender: sending.sender.to_string(),
            text: sending.text.as_str().to_owned(),
            status: "sent".to_owned(),
            created_at: row.take()?,
        })
    };
    Ok(Some(match word.as_str() {
        "sent" => SendOutcome::Sent(shown()?),
        "repeated" => SendOutcome::Repeated(shown()?),
        "key_reused" => SendOutcome::KeyReused,
        "unknown_instance" => SendOutcome::UnknownInstance,
        "unknown_chat" => SendOutcome::UnknownChat,
        _ => return Ok(None),
    }))
}

fn chat(mut row: Row) -> Result<Chat, Unavailable> {
    let (id, instance, title) = (row.take()?, row.take()?, row.take()?);
    let last: (Option<Uuid>, Option<String>, Option<Timestamp>) = (row.take()?, row.take()?, row.take()?);
    let last_message = match last {
        (Some(id), Some(text), Some(created_at)) => {
            Some(LastMessage { id: MessageId::from_uuid(id), text, created_at })
        }
        _ => None,
    };
    Ok(Chat {
        id: ChatId::from_uuid(id),
        instance_id: InstanceId::from_uuid(instance),
        title,
        last_message,
        message_count: row.take()?,
        created_at: row.take()?,
        updated_at: row.take()?,
    })
}

fn message(id: Uuid, row: &mut Row) -> Result<Message, Unavailable> {
    let unreadable = || Unavailable::new(SERVICE, "a stored message goes neither in nor out");
    Ok(Message {
        id: MessageId::from_uuid(id),
        chat_id: ChatId::from_uuid(row.take()?),
        direction: Direction::parse(&row.take::<String>()?).ok_or_else(unreadable)?,
        sender: row.take()?,
        text: row.take()?,
        status: row.take()?,
        created_at: row.take()?,
    })
}

fn event(mut row: Row) -> Result<(Event, InstanceId), Unavailable> {
    let unreadable = |_| Unavailable::new(SERVICE, "a stored event's payload is no JSON object");
    let event = Event {
        id: EventId::from_uuid(row.take()?),
        r#type: row.take()?,
        chat_id: ChatId::from_uuid(row.take()?),
        payload: serde_json::from_str(&row.take::<String>()?).map_err(unreadable)?,
        created_at: row.take()?,
    };
    Ok((event, InstanceId::from_uuid(row.take()?)))
}

/// Which index lists events.
#[derive(Clone, Copy)]
enum Scope {
    Organization,
    Instances,
    Chat,
}

fn events_statement(scope: Scope, is_of_type: bool, order: Order) -> &'static Statement {
    use Order::{Ascending, Descending};
    match (scope, is_of_type, order) {
        (Scope::Organization, false, Ascending) => &EVENTS_LIST_ASC,
        (Scope::Organization, false, Descending) => &EVENTS_LIST_DESC,
        (Scope::Organization, true, Ascending) => &EVENTS_LIST_OF_TYPE_ASC,
        (Scope::Organization, true, Descending) => &EVENTS_LIST_OF_TYPE_DESC,
        (Scope::Instances, false, Ascending) => &EVENTS_OF_INSTANCES_LIST_ASC,
        (Scope::Instances, false, Descending) => &EVENTS_OF_INSTANCES_LIST_DESC,
        (Scope::Instances, true, Ascending) => &EVENTS_OF_INSTANCES_LIST_OF_TYPE_ASC,
        (Scope::Instances, true, Descending) => &EVENTS_OF_INSTANCES_LIST_OF_TYPE_DESC,
        (Scope::Chat, false, Ascending) => &EVENTS_OF_CHAT_LIST_ASC,
        (Scope::Chat, false, Descending) => &EVENTS_OF_CHAT_LIST_DESC,
        (Scope::Chat, true, Ascending) => &EVENTS_OF_CHAT_LIST_OF_TYPE_ASC,
        (Scope::Chat, true, Descending) => &EVENTS_OF_CHAT_LIST_OF_TYPE_DESC,
    }
}

/// Folds the asked time into the walk: the place after which the page begins, which is the later (or, newest first, the earlier) of the cursor's and the window's end,
/// and the moment that bounds the window's other end.
fn window(filter: &EventFilter, page: PageRequest) -> (Cursor, Timestamp) {
    let start = places::start(page);
    let first = places::start(PageRequest { after: None, order: Order::Ascending, ..page });
    let last = places::start(PageRequest { after: None, order: Order::Descending, ..page });
    // Postgres has no year 0, and nothing happened in it.
    let within = |time: Timestamp| time.clamp(first.time(), last.time());
    match page.order {
        Order::Ascending => {
            // After every row of the microsecond before.
            let since = filter.since.map(|since| Cursor { key: within(since).micros() - 1, id: Uuid::max() });
            (start.max(since.unwrap_or(first)), within(filter.until.unwrap_or(last.time())))
        }
        Order::Descending => {
            // Before every row of this moment.
            let until = filter.until.map(|until| Cursor { key: within(until).micros(), id: Uuid::nil() });
            (start.min(until.unwrap_or(last)), within(filter.since.unwrap_or(first.time())))
        }
    }
}
