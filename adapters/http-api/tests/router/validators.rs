//! Validators, and what a client that has one is told.

use axum::body::Body;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use portico_domain::models::{
    Chat, ChatId, Direction, InstanceId, LastMessage, Message, MessageId, OrderId, PlacedOrder,
};

use crate::{
    books::{book, get},
    support::{Mocks, NOW, ask, get_signed_in},
};

fn tag(response: &Response<Body>) -> String {
    response.headers()["etag"].to_str().unwrap().to_owned()
}

fn with(mut request: Request<Body>, name: &'static str, values: &[&str]) -> Request<Body> {
    for value in values {
        request.headers_mut().append(name, value.parse().unwrap());
    }
    request
}

fn knowing(request: Request<Body>, tags: &[&str]) -> Request<Body> {
    with(request, "if-none-match", tags)
}

fn chat(count: i64) -> Chat {
    let id = MessageId::generate(NOW, [u8::try_from(count).unwrap(); 10]);
    Chat {
        id: ChatId::generate(NOW, [1; 10]),
        instance_id: InstanceId::generate(NOW, [2; 10]),
        title: "ada".to_owned(),
        last_message: Some(LastMessage { id, text: "same".to_owned(), created_at: NOW }),
        message_count: count,
        created_at: NOW,
        updated_at: NOW,
    }
}

fn message(place: u8, status: &str) -> Message {
    Message {
        id: MessageId::generate(NOW, [place; 10]),
        chat_id: ChatId::generate(NOW, [1; 10]),
        direction: Direction::Out,
        sender: "somebody".to_owned(),
        text: "same".to_owned(),
        status: status.to_owned(),
        created_at: NOW,
    }
}

#[tokio::test]
async fn a_client_that_has_it_is_told_so_in_every_way_of_asking() {
    let mut mocks = Mocks::new();
    mocks.books.expect_by_id().returning(|_| Ok(Some(book())));
    let (router, path) = (mocks.router(), format!("/api/v1/books/{}", book().book.id));
    let tag = tag(&ask(router.clone(), get(&path)).await);
    let weak = format!("W/{tag}");
    let among = format!("\"other\", {tag},\"more\"");
    for tags in [&[tag.as_str()][..], &[&weak], &[&among], &["\"other\"", &tag], &["*"], &["\"x\" , *"]] {
        let known = ask(router.clone(), knowing(get(&path), tags)).await;
        assert_eq!(known.status(), StatusCode::NOT_MODIFIED, "{tags:?}");
        assert_eq!(known.headers()["etag"], tag.as_str());
        assert_eq!(known.headers()["cache-control"], "public, max-age=0, must-revalidate");
        assert!(known.into_body().collect().await.unwrap().to_bytes().is_empty());
    }
    let (cut, bare) = (&tag[..tag.len() - 2], tag.trim_matches('"'));
    for tags in [&["\"other\""][..], &[""], &["W/"], &[cut], &[bare], &["\"*\""]] {
        let other = ask(router.clone(), knowing(get(&path), tags)).await;
        assert_eq!(other.status(), StatusCode::OK, "{tags:?}");
    }
}

#[tokio::test]
async fn a_chats_validator_changes_with_each_message_of_the_same_moment() {
    let tag_at = async |count: i64, path: &str| {
        let mut mocks = Mocks::new();
        mocks.conversations.expect_chat().returning(move |_, _| Ok(Some(chat(count))));
        mocks.conversations.expect_chats().returning(move |_, _| Ok(vec![chat(count)]));
        let response = ask(mocks.router(), get_signed_in(path)).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        tag(&response)
    };
    for path in [format!("/api/v2/chats/{}", chat(1).id), "/api/v2/chats".to_owned()] {
        let (one, two, again) = (tag_at(1, &path).await, tag_at(2, &path).await, tag_at(1, &path).await);
        assert!(one == again && one != two, "{path}");
    }
}

#[tokio::test]
async fn a_list_of_messages_is_known_by_what_is_in_it_and_by_what_became_of_that() {
    let tag_of = async |messages: Vec<Message>, limit: u32| {
        let mut mocks = Mocks::new();
        mocks.conversations.expect_messages().returning(move |_, _, _| Ok(Some(messages.clone())));
        let path = format!("/api/v2/chats/{}/messages?limit={limit}", chat(1).id);
        let response = ask(mocks.router(), get_signed_in(&path)).await;
        assert_eq!(response.status(), StatusCode::OK);
        tag(&response)
    };
    let (one, two) = (message(1, "sent"), message(2, "sent"));
    let tags = [
        tag_of(vec![], 2).await,
        tag_of(vec![one.clone()], 2).await,
        tag_of(vec![message(1, "read")], 2).await,
        tag_of(vec![one.clone(), two.clone()], 2).await,
        tag_of(vec![two.clone(), one.clone()], 2).await,
        // The same rows, and more to come.
        tag_of(vec![one.clone(), two.clone(), message(3, "sent")], 2).await,
    ];
    let distinct: std::collections::HashSet<_> = tags.iter().collect();
    assert_eq!(distinct.len(), tags.len(), "{tags:?}");
    assert_eq!(tags[3], tag_of(vec![one, two], 2).await);
}

#[tokio::test]
async fn an_order_is_known_by_its_id() {
    let order = |place| PlacedOrder {
        id: OrderId::generate(NOW, [place; 10]),
        created_at: NOW,
        item_count: 0,
        total_quantity: 0,
        total_cents: 0,
        items: Vec::new(),
    };
    let mut mocks = Mocks::new();
    mocks.orders.expect_by_id().returning(move |_, id| Ok((id == order(1).id).then(|| order(1))));
    mocks.orders.expect_list().returning(move |_, _| Ok(vec![order(1), order(2)]));
    let router = mocks.router();
    let path = format!("/api/v1/orders/{}", order(1).id);
    let one = tag(&ask(router.clone(), get_signed_in(&path)).await);
    let list = tag(&ask(router.clone(), get_signed_in("/api/v1/orders")).await);
    assert_ne!(one, list);
    let known = ask(router.clone(), knowing(get_signed_in(&path), &[&one])).await;
    assert_eq!((known.status(), tag(&known)), (StatusCode::NOT_MODIFIED, one.clone()));
    // A validator opens nothing: neither what isn't the caller's, nor anything to nobody.
    let other = format!("/api/v1/orders/{}", order(2).id);
    assert_eq!(ask(router.clone(), knowing(get_signed_in(&other), &["*"])).await.status(), 404);
    assert_eq!(ask(router, knowing(get(&path), &[&one])).await.status(), 401);
}

#[tokio::test]
async fn a_head_has_the_headers_of_its_get_packed_or_plain() {
    let mut mocks = Mocks::new();
    mocks.variables.push(("PORTICO_COMPRESSION_FROM", "64"));
    mocks.books.expect_by_id().returning(|_| Ok(Some(book())));
    let (router, path) = (mocks.router(), format!("/api/v1/books/{}", book().book.id));
    let paths =
        [path.as_str(), "/health", "/api/v2/info", "/nowhere", "/api/v1/auth/me", "/api/v1/auth/login"];
    for path in paths {
        for accepted in [None, Some("gzip"), Some("br"), Some("zstd")] {
            let asked = |method: Method| {
                let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
                let request = with(request, "x-request-id", &["the-same"]);
                ask(router.clone(), with(request, "accept-encoding", accepted.as_slice()))
            };
            // What is kept is there from the second time on.
            asked(Method::GET).await;
            let (get, head) = (asked(Method::GET).await, asked(Method::HEAD).await);
            assert_eq!(get.status(), head.status());
            assert_eq!(get.headers(), head.headers(), "{path}, {accepted:?}");
            let length = get.into_body().collect().await.unwrap().to_bytes().len();
            // What is only named, for a runtime that encodes it, has no length yet.
            let told = head.headers().get("content-length").map(|told| told.to_str().unwrap().to_owned());
            assert!(told == Some(length.to_string()) || told.is_none() && accepted == Some("br"), "{told:?}");
            assert!(head.into_body().collect().await.unwrap().to_bytes().is_empty());
        }
    }
}
