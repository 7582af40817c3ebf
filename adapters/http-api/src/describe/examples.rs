//! Things to show, written by the code that writes answers.

use std::time::Duration;

use portico_domain::{
    cache::Prefix,
    models::{
        ApiKey, ApiKeyId, ApiKeyText, Book, BookDetails, BookId, Chat, ChatId, Direction, Event, EventId,
        InstanceId, Isbn, KeyStatus, LastMessage, Message, MessageId, ModelId, OrderId, OrderItem,
        OrderedBook, OrganizationId, PlacedOrder, ProviderName, ProviderSetting, Quota, Role, Scope, Scopes,
        SessionId, Timestamp, User, UserId, UserSettings,
    },
};
use serde::Serialize;
use serde_json::{Map, Value, json};

const MADE: Timestamp = Timestamp::from_micros(1_790_000_000_123_456);
const LATER: Timestamp = Timestamp::from_micros(1_790_000_360_500_000);

/// A place in a list, as far as anybody can read it.
pub(super) const CURSOR: &str = "AAZcNrrHoEABl9CkekuMPp0qXxwrOk1eT2Fha1pXSGtYc0tQdz09";

/// What an answer would be.
pub(super) fn shown(answer: &impl Serialize) -> Value {
    serde_json::to_value(answer).expect("answers are JSON")
}

/// A page with this row.
pub(super) fn page(row: &impl Serialize) -> Value {
    json!({"data": [shown(row)], "next_cursor": CURSOR, "has_more": true})
}

pub(super) fn user() -> User {
    User {
        id: UserId::generate(MADE, [1; 10]),
        email: "ada@example.com".to_owned(),
        name: Some("Ada".to_owned()),
        role: Role::Member,
        organization_id: organization(),
        created_at: MADE,
        last_login_at: Some(LATER),
    }
}

fn organization() -> OrganizationId {
    OrganizationId::generate(MADE, [2; 10])
}

fn instance() -> InstanceId {
    InstanceId::generate(MADE, [3; 10])
}

fn chat_id() -> ChatId {
    ChatId::generate(MADE, [4; 10])
}

pub(super) fn tokens() -> Value {
    json!({
        "access_token": "an.access.token",
        "token_type": "Bearer",
        "expires_in": 900,
        "refresh_token": "a-refresh-token",
        "refresh_expires_in": 2_592_000,
        "user": shown(&user()),
    })
}

pub(super) fn session() -> Value {
    json!({
        "id": shown(&SessionId::generate(MADE, [5; 10])),
        "created_at": shown(&MADE),
        "last_used_at": shown(&LATER),
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
        "ip": "192.0.2.7",
        "current": true,
    })
}

/// A key that nobody has, with the checksum of one that somebody could have.
pub(super) fn key_text() -> String {
    let random: Vec<u8> = (0..64).collect();
    let key = ApiKeyText::generate(&random).expect("enough of these bytes are fair");
    key.expose().to_owned()
}

pub(super) fn api_key() -> ApiKey {
    ApiKey {
        id: ApiKeyId::generate(MADE, [6; 10]),
        name: "Reports".to_owned(),
        prefix: key_text()[..ApiKeyText::SHOWN].to_owned(),
        organization_id: organization(),
        scopes: Scopes::from_iter([Scope::MessagesRead, Scope::ModelsRead]),
        instance_ids: Some(vec![instance()]),
        status: KeyStatus::Active,
        expires_at: None,
        rate_limit: Some(Quota { limit: 600, window: Duration::from_secs(60) }),
        created_at: MADE,
        last_used_at: Some(LATER),
    }
}

pub(super) fn made_key() -> Value {
    let mut key = shown(&api_key());
    key["key"] = key_text().into();
    key["last_used_at"] = Value::Null;
    key
}

pub(super) fn model() -> Value {
    json!({
        "id": "gpt-5",
        "provider": "openai",
        "name": "GPT-5",
        "context_window": 400_000,
        "input_cents_per_mtok": 125,
        "output_cents_per_mtok": 1_000,
        "capabilities": ["chat", "vision"],
        "enabled": true,
        "hosted": false,
    })
}

pub(super) fn user_settings() -> UserSettings {
    let preferences = Map::from_iter([("theme".to_owned(), "dark".into())]);
    UserSettings { preferences, enabled_models: ModelId::parse("gpt-5").map(|model| vec![model]) }
}

pub(super) fn providers() -> Value {
    let setting = ProviderSetting {
        provider: ProviderName::stored("openai".to_owned()),
        enabled: true,
        last4: Some("7Qzk".to_owned()),
        updated_at: LATER,
    };
    json!({"data": [shown(&setting)]})
}

pub(super) fn system_setting() -> Value {
    json!({"key": "mail.from-name", "value": "Portico", "updated_at": shown(&LATER)})
}

pub(super) fn message() -> Message {
    Message {
        id: MessageId::generate(LATER, [7; 10]),
        chat_id: chat_id(),
        direction: Direction::Out,
        sender: user().id.to_string(),
        text: "Your tea is ready.".to_owned(),
        status: "sent".to_owned(),
        created_at: LATER,
    }
}

pub(super) fn message_request() -> Value {
    json!({"instance_id": shown(&instance()), "to": "+999 1 555 0100", "text": "Your tea is ready."})
}

pub(super) fn chat() -> Chat {
    let Message { id, text, created_at, .. } = message();
    Chat {
        id: chat_id(),
        instance_id: instance(),
        title: "+999 1 555 0100".to_owned(),
        last_message: Some(LastMessage { id, text, created_at }),
        message_count: 1,
        created_at: MADE,
        updated_at: LATER,
    }
}

pub(super) fn event() -> Event {
    let payload = Map::from_iter([
        ("message_id".to_owned(), shown(&message().id)),
        ("direction".to_owned(), shown(&Direction::Out)),
    ]);
    Event {
        id: EventId::generate(LATER, [8; 10]),
        r#type: "message.sent".to_owned(),
        chat_id: chat_id(),
        payload,
        created_at: LATER,
    }
}

pub(super) fn book() -> BookDetails {
    BookDetails {
        book: Book {
            id: BookId::generate(MADE, [9; 10]),
            isbn: Isbn::parse("978-0-306-40615-7").expect("its check digit is right"),
            title: "The Front Door".to_owned(),
            author: "Ada Example".to_owned(),
            price_cents: 1_999,
            created_at: MADE,
        },
        description: "On letting people in.".to_owned(),
    }
}

pub(super) fn book_request() -> Value {
    json!({
        "isbn": "978-0-306-40615-7",
        "title": "The Front Door",
        "author": "Ada Example",
        "description": "On letting people in.",
        "price_cents": 1_999,
    })
}

pub(super) fn order() -> PlacedOrder {
    let Book { id, title, author, price_cents, .. } = book().book;
    PlacedOrder {
        id: OrderId::generate(LATER, [10; 10]),
        created_at: LATER,
        item_count: 1,
        total_quantity: 2,
        total_cents: 2 * i64::from(price_cents),
        items: vec![OrderItem {
            quantity: 2,
            unit_price_cents: price_cents,
            book: OrderedBook { id, title, author },
        }],
    }
}

pub(super) fn order_request() -> Value {
    json!({"items": [{"book_id": shown(&book().book.id), "quantity": 2}]})
}

/// The words for prefixes, as they stand in answers.
pub(super) fn prefixes() -> impl Iterator<Item = &'static str> {
    Prefix::ALL.into_iter().map(|prefix| prefix.as_str().trim_end_matches(':'))
}
