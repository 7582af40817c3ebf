use std::sync::Arc;

use super::*;
use crate::{
    flows::testing::{NOW, clock, user},
    models::{
        Address, ApiKey, ApiKeyId, Chat, ChatId, Direction, EventFilter, FoundMessage, IdempotencyKey,
        InstanceId, KeyStatus, Message, MessageId, MessageText, Order, PageRequest, Reach, Scopes,
        SearchQuery,
    },
    ports::{MockConversations, MockEntropy, Recipient, SendOutcome, Sending, Unavailable},
};

const PAGE: PageRequest = PageRequest { limit: 2, after: None, order: Order::Descending };

fn instance(number: u8) -> InstanceId {
    InstanceId::generate(NOW, [number; 10])
}

fn whole() -> Reach {
    Reach::of_organization(user().organization_id)
}

fn part(instances: Vec<InstanceId>) -> Reach {
    Reach::of_key(&ApiKey {
        id: ApiKeyId::generate(NOW, [8; 10]),
        name: "deploy".to_owned(),
        prefix: "pk_fake1".to_owned(),
        organization_id: user().organization_id,
        scopes: Scopes::default(),
        instance_ids: Some(instances),
        status: KeyStatus::Active,
        expires_at: None,
        rate_limit: None,
        created_at: NOW,
        last_used_at: None,
    })
}

fn author(reach: Reach) -> Author {
    Author { reach, id: user().id.uuid() }
}

fn request(text: &str, key: Option<&str>) -> SendMessageRequest {
    SendMessageRequest {
        instance: instance(1),
        recipient: Recipient::Address(Address::parse("ada").unwrap()),
        text: MessageText::parse(text).unwrap(),
        key: key.map(|key| IdempotencyKey::parse(key.as_bytes()).unwrap()),
    }
}

fn message() -> Message {
    Message {
        id: MessageId::generate(NOW, [1; 10]),
        chat_id: ChatId::generate(NOW, [2; 10]),
        direction: Direction::Out,
        sender: user().id.to_string(),
        text: "hello".to_owned(),
        status: "sent".to_owned(),
        created_at: NOW,
    }
}

fn sender(conversations: MockConversations) -> SendMessage {
    let mut entropy = MockEntropy::new();
    let mut next = 0;
    entropy.expect_bytes().returning(move || {
        next += 1;
        Ok(std::array::from_fn(|at| next * 100 - u8::try_from(at).unwrap()))
    });
    SendMessage { clock: clock(), entropy: Arc::new(entropy), conversations: Arc::new(conversations) }
}

/// Tells what storage was asked for.
async fn asked(request: SendMessageRequest) -> Sending {
    let (tell, told) = std::sync::mpsc::channel();
    let mut conversations = MockConversations::new();
    conversations.expect_send().once().returning(move |sending| {
        tell.send(sending).unwrap();
        Ok(SendOutcome::Sent(message()))
    });
    sender(conversations).run(&author(whole()), request).await.unwrap();
    told.recv().unwrap()
}

#[tokio::test]
async fn an_instance_out_of_reach_is_refused_before_anything_is_asked() {
    for reach in [part(vec![instance(2)]), part(Vec::new())] {
        let refused = sender(MockConversations::new()).run(&author(reach), request("x", None)).await;
        assert_eq!(refused, Err(SendMessageError::WrongInstance));
    }
}

#[tokio::test]
async fn everything_that_may_be_written_is_named_beforehand() {
    let sending = asked(request("hello", None)).await;
    assert_eq!((sending.organization, sending.sender), (user().organization_id, user().id.uuid()));
    assert_eq!((sending.now, sending.once), (NOW, None));
    let (began, sent) = sending.event_ids;
    assert!(began < sent, "a chat begins before anything is said in it");
    let mut ids = [sending.message_id.uuid(), sending.new_chat_id.uuid(), began.uuid(), sent.uuid()].to_vec();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 4);
    let of_message: serde_json::Value = serde_json::from_str(&sending.payloads.1).unwrap();
    assert_eq!(of_message["message_id"], sending.message_id.to_string());
    let of_chat: serde_json::Value = serde_json::from_str(&sending.payloads.0).unwrap();
    assert_eq!(of_chat["address"], "ada");
}

#[tokio::test]
async fn requests_under_a_key_are_told_apart_by_all_that_they_ask() {
    let first = asked(request("hello", Some("k"))).await.once.unwrap();
    assert_eq!(first.free_since, NOW.before(SendMessage::KEY_KEPT));
    assert_eq!(asked(request("hello", Some("k"))).await.once.unwrap().request, first.request);
    // A chat whose id is what the address was is another recipient.
    let chat = ChatId::generate(NOW, [9; 10]);
    let to_chat = Recipient::Chat(chat);
    let to_its_name = Recipient::Address(Address::parse(&chat.to_string()).unwrap());
    let mut digests = vec![first.request];
    for other in [
        request("hello!", Some("k")),
        SendMessageRequest { instance: instance(2), ..request("hello", Some("k")) },
        SendMessageRequest { recipient: to_chat, ..request("hello", Some("k")) },
        SendMessageRequest { recipient: to_its_name, ..request("hello", Some("k")) },
    ] {
        digests.push(asked(other).await.once.unwrap().request);
    }
    let unlike = |one: usize, other: usize| one == other || digests[one] != digests[other];
    assert!((0..5).all(|one| (0..5).all(|other| unlike(one, other))));
}

#[tokio::test]
async fn what_became_of_it_is_told() {
    let away = Unavailable::new("storage", "away");
    for (outcome, told) in [
        (Ok(SendOutcome::Sent(message())), Ok(SentMessage { message: message(), was_repeat: false })),
        (Ok(SendOutcome::Repeated(message())), Ok(SentMessage { message: message(), was_repeat: true })),
        (Ok(SendOutcome::KeyReused), Err(SendMessageError::KeyReused)),
        (Ok(SendOutcome::UnknownChat), Err(SendMessageError::UnknownChat)),
        (Ok(SendOutcome::UnknownInstance), Err(SendMessageError::UnknownInstance)),
        (Err(away.clone()), Err(SendMessageError::Unavailable(away))),
    ] {
        let mut conversations = MockConversations::new();
        conversations.expect_send().return_once(|_| outcome);
        let sent = sender(conversations).run(&author(whole()), request("x", Some("k"))).await;
        assert_eq!(sent, told);
    }
}

#[tokio::test]
async fn whoever_reaches_nothing_is_told_so_without_a_question() {
    let nothing = part(Vec::new());
    let conversations = Arc::new(MockConversations::new());
    let chats = ReadChats { conversations: conversations.clone() };
    let id = ChatId::generate(NOW, [2; 10]);
    assert!(chats.run(&nothing, PAGE).await.unwrap().items.is_empty());
    assert_eq!(chats.one(&nothing, id).await, Err(NoSuchChat::NotFound));
    assert_eq!(chats.messages(&nothing, id, PAGE).await, Err(NoSuchChat::NotFound));
    let search = SearchMessages { conversations: conversations.clone() };
    let words = SearchQuery::parse("tea").unwrap();
    assert!(search.run(&nothing, &words, PAGE).await.unwrap().items.is_empty());
    let events = ListEvents { conversations };
    assert!(events.run(&nothing, &EventFilter::default(), PAGE).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn neither_a_search_without_a_word_nor_a_time_without_a_moment_asks_anything() {
    let conversations = Arc::new(MockConversations::new());
    let search = SearchMessages { conversations: conversations.clone() };
    let words = SearchQuery::parse("***").unwrap();
    assert!(search.run(&whole(), &words, PAGE).await.unwrap().items.is_empty());
    let events = ListEvents { conversations };
    let filter = EventFilter { since: Some(NOW), until: Some(NOW), ..EventFilter::default() };
    assert!(events.run(&whole(), &filter, PAGE).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn a_search_goes_on_after_rank_and_id() {
    let found = |rank| FoundMessage { message: message(), rank };
    let mut conversations = MockConversations::new();
    conversations.expect_search().returning(move |_, _, _| Ok(vec![found(9), found(5), found(4)]));
    let search = SearchMessages { conversations: Arc::new(conversations) };
    let page = search.run(&whole(), &SearchQuery::parse("tea").unwrap(), PAGE).await.unwrap();
    let next = page.next.unwrap();
    assert_eq!((page.items.len(), next.key, next.id), (2, 5, message().id.uuid()));
}

#[tokio::test]
async fn a_chat_that_is_not_there_is_told_from_an_empty_one() {
    let id = ChatId::generate(NOW, [2; 10]);
    for (rows, told) in
        [(Some(Vec::new()), Ok(0)), (Some(vec![message()]), Ok(1)), (None, Err(NoSuchChat::NotFound))]
    {
        let mut conversations = MockConversations::new();
        conversations.expect_messages().return_once(|_, _, _| Ok(rows));
        let chats = ReadChats { conversations: Arc::new(conversations) };
        assert_eq!(chats.messages(&whole(), id, PAGE).await.map(|page| page.items.len()), told);
    }
    let mut conversations = MockConversations::new();
    conversations.expect_chat().returning(|_, _| Ok(None::<Chat>));
    let chats = ReadChats { conversations: Arc::new(conversations) };
    assert_eq!(chats.one(&whole(), id).await, Err(NoSuchChat::NotFound));
}
