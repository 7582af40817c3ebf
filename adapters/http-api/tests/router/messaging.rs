//! The messaging routes.

use std::sync::{Arc, Mutex};

use crate::support::{Mocks, NOW, answer, ask, get_signed_in, post, text_of, user};
use axum::body::Body;
use http::Request;
use insta::assert_snapshot;
use portico_domain::{
    models::{
        Chat, ChatId, Direction, Event, EventFilter, EventId, InstanceId, LastMessage, Message, MessageId,
        Timestamp,
    },
    ports::{SendOutcome, Unavailable},
};

const INSTANCE: &str = "01a0c450-6c7b-7505-8505-050505050505";

fn message() -> Message {
    Message {
        id: MessageId::generate(NOW, [8; 10]),
        chat_id: ChatId::generate(NOW, [9; 10]),
        direction: Direction::Out,
        sender: user().id.to_string(),
        text: "hello".to_owned(),
        status: "sent".to_owned(),
        created_at: NOW,
    }
}

fn chat() -> Chat {
    let Message { id, text, created_at, chat_id, .. } = message();
    Chat {
        id: chat_id,
        instance_id: InstanceId::parse(INSTANCE).unwrap(),
        title: "+999 17".to_owned(),
        last_message: Some(LastMessage { id, text, created_at }),
        message_count: 17,
        created_at: NOW,
        updated_at: NOW,
    }
}

fn sending(body: &str) -> Request<Body> {
    let mut request = post("/api/v2/messages/send", body.to_owned());
    let headers = request.headers_mut();
    headers.insert("authorization", "Bearer fake-access-token".parse().unwrap());
    headers.insert("idempotency-key", "k".parse().unwrap());
    request
}

async fn sent(outcome: Result<SendOutcome, Unavailable>) -> String {
    let mut mocks = Mocks::new();
    mocks.conversations.expect_send().return_once(|_| outcome);
    let body = format!(r#"{{"instance_id":"{INSTANCE}","to":"+999 17","text":"hello"}}"#);
    answer(mocks.router(), sending(&body)).await
}

#[tokio::test]
async fn a_message_is_answered_as_it_was_sent() {
    assert_snapshot!(sent(Ok(SendOutcome::Sent(message()))).await, @r#"
    201 Created
    cache-control: private, no-cache
    content-length: 234
    content-type: application/json
    cross-origin-resource-policy: same-origin
    ratelimit-policy: "account";q=600;w=60
    ratelimit: "account";r=599;t=1
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "chat_id": "01a0c450-6c7b-7909-8909-090909090909",
      "created_at": "2026-09-21T14:13:20.123456Z",
      "direction": "out",
      "id": "01a0c450-6c7b-7808-8808-080808080808",
      "sender": "01a0c450-6c7b-7101-8101-010101010101",
      "status": "sent",
      "text": "hello"
    }
    "#);
}

#[tokio::test]
async fn a_repeat_says_that_it_is_one() {
    let repeat = sent(Ok(SendOutcome::Repeated(message()))).await;
    assert!(repeat.contains("\nidempotent-replayed: true\n"), "{repeat}");
}

#[tokio::test]
async fn what_was_not_sent_is_a_problem() {
    let problem = |text: String| {
        let body = text.split_once("\n\n").unwrap().1;
        let problem: serde_json::Value = serde_json::from_str(body).unwrap();
        format!("{} {} {}", problem["status"], problem["code"], problem["detail"])
    };
    let mut told = Vec::new();
    for outcome in [
        Ok(SendOutcome::KeyReused),
        Ok(SendOutcome::UnknownInstance),
        Ok(SendOutcome::UnknownChat),
        Err(Unavailable::new("storage", "away")),
    ] {
        told.push(problem(sent(outcome).await));
    }
    assert_snapshot!(told.join("\n"), @r#"
    422 "validation_failed" "Idempotency-Key was used for another message in the last 24 hours."
    404 "not_found" "There is no such instance of yours."
    404 "not_found" "There is no such chat of yours in this instance."
    503 "unavailable" "The storage can't be reached just now."
    "#);
}

#[tokio::test]
async fn every_fault_of_a_message_is_told_at_once() {
    let body = r#"{"instance_id":"here","chat_id":"there","to":"","text":"","x":1}"#;
    let mut request = sending(body);
    request.headers_mut().insert("idempotency-key", "a b".parse().unwrap());
    assert_snapshot!(answer(Mocks::new().router(), request).await, @r#"
    422 Unprocessable Entity
    cache-control: no-store
    content-length: 565
    content-type: application/problem+json
    cross-origin-resource-policy: same-origin
    ratelimit-policy: "account";q=600;w=60
    ratelimit: "account";r=599;t=1
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "code": "validation_failed",
      "detail": "6 members are not valid.",
      "errors": [
        {
          "field": "instance_id",
          "message": "must be a UUID"
        },
        {
          "field": "chat_id",
          "message": "must be a UUID"
        },
        {
          "field": "to",
          "message": "must not be empty"
        },
        {
          "field": "text",
          "message": "must not be empty"
        },
        {
          "field": "Idempotency-Key",
          "message": "must be one value of 1 to 255 visible ASCII characters"
        },
        {
          "field": "x",
          "message": "is not a member of this request"
        }
      ],
      "request_id": "01a0c450-6c7b-7707-8707-070707070707",
      "status": 422,
      "title": "The request is not valid",
      "type": "urn:portico:problem:validation_failed"
    }
    "#);
}

#[tokio::test]
async fn a_chat_has_its_latest_message() {
    let mut mocks = Mocks::new();
    mocks.conversations.expect_chats().returning(|_, _| Ok(vec![chat()]));
    assert_snapshot!(answer(mocks.router(), get_signed_in("/api/v2/chats")).await, @r#"
    200 OK
    cache-control: private, no-cache
    content-length: 387
    content-type: application/json
    cross-origin-resource-policy: same-origin
    etag: "5b50fd4167c5fba81cb512892d92ba08"
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "data": [
        {
          "created_at": "2026-09-21T14:13:20.123456Z",
          "id": "01a0c450-6c7b-7909-8909-090909090909",
          "instance_id": "01a0c450-6c7b-7505-8505-050505050505",
          "last_message": {
            "created_at": "2026-09-21T14:13:20.123456Z",
            "id": "01a0c450-6c7b-7808-8808-080808080808",
            "text": "hello"
          },
          "message_count": 17,
          "title": "+999 17",
          "updated_at": "2026-09-21T14:13:20.123456Z"
        }
      ],
      "has_more": false,
      "next_cursor": null
    }
    "#);
}

#[tokio::test]
async fn what_happened_between_two_moments_is_asked_for_as_such() {
    let seen = Arc::new(Mutex::new(EventFilter::default()));
    let mut mocks = Mocks::new();
    let told = Arc::clone(&seen);
    mocks.conversations.expect_events().returning(move |_, filter, _| {
        *told.lock().unwrap() = filter.clone();
        Ok(vec![Event {
            id: EventId::generate(NOW, [4; 10]),
            r#type: "message.sent".to_owned(),
            chat_id: message().chat_id,
            payload: serde_json::from_str(r#"{"direction":"out"}"#).unwrap(),
            created_at: NOW,
        }])
    });
    let path =
        "/api/v2/events?type=message.sent&since=2026-01-31T12:00:00%2B01:00&until=2027-01-01T00:00:00Z";
    let listed = text_of(ask(mocks.router(), get_signed_in(path)).await).await;
    assert_snapshot!(listed.split_once("\n\n").unwrap().1, @r#"
    {
      "data": [
        {
          "chat_id": "01a0c450-6c7b-7909-8909-090909090909",
          "created_at": "2026-09-21T14:13:20.123456Z",
          "id": "01a0c450-6c7b-7404-8404-040404040404",
          "payload": {
            "direction": "out"
          },
          "type": "message.sent"
        }
      ],
      "has_more": false,
      "next_cursor": null
    }
    "#);
    let filter = seen.lock().unwrap().clone();
    assert_eq!(filter.since, Timestamp::parse("2026-01-31T11:00:00Z"));
    assert_eq!(filter.until, Timestamp::parse("2027-01-01T00:00:00Z"));
    assert_eq!((filter.r#type.as_deref(), filter.chat), (Some("message.sent"), None));
}
