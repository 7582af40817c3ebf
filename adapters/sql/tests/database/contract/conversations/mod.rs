//! Chats, messages and events: sent, shown, found, and kept apart.

pub(crate) mod lists;
pub(crate) mod searches;
pub(crate) mod sends;

use std::sync::Arc;

use portico_domain::{
    models::{
        Address, Chat, ChatId, Event, EventFilter, EventId, InstanceId, Message, MessageId, MessageText,
        Order, OrganizationId, PageRequest, Reach, SearchQuery, Timestamp, User,
    },
    ports::{Conversations, Recipient, SendOutcome, Sending},
};
use uuid::Uuid;

use crate::{
    Case, cases,
    world::{World, at, unique},
};

pub(crate) const CASES: &[Case<World>] = cases![
    another_organization_sees_nothing_and_writes_nothing,
    a_key_for_some_instances_sees_those_alone,
    a_reach_may_name_what_is_not_there,
];

/// One page of everything.
pub(super) const ALL: PageRequest = PageRequest { limit: 100, after: None, order: Order::Descending };

/// An organization that sends.
pub(super) struct Scene {
    pub(super) world: World,
    pub(super) user: User,
    pub(super) organization: OrganizationId,
    pub(super) sender: Uuid,
    pub(super) instance: InstanceId,
}

pub(super) fn new_instance() -> InstanceId {
    InstanceId::generate(at(0), unique())
}

pub(super) fn address(text: &str) -> Recipient {
    Recipient::Address(Address::parse(text).unwrap())
}

impl Scene {
    pub(super) async fn new(world: &World) -> Self {
        let user = world.person().await;
        Self {
            world: world.clone(),
            organization: user.organization_id,
            sender: user.id.uuid(),
            user,
            instance: new_instance(),
        }
    }

    pub(super) fn conversations(&self) -> &Arc<dyn Conversations> {
        &self.world.repositories.conversations
    }

    pub(super) fn reach(&self) -> Reach {
        Reach::of_organization(self.organization)
    }

    pub(super) fn sending(&self, recipient: Recipient, text: &str, now: Timestamp) -> Sending {
        let message_id = MessageId::generate(now, unique());
        Sending {
            organization: self.organization,
            sender: self.sender,
            instance: self.instance,
            recipient,
            text: MessageText::parse(text).unwrap(),
            once: None,
            message_id,
            new_chat_id: ChatId::generate(now, unique()),
            event_ids: (EventId::generate(now, unique()), EventId::generate(now, unique())),
            payloads: (r#"{"of":"chat"}"#.to_owned(), format!(r#"{{"message_id":"{message_id}"}}"#)),
            now,
        }
    }

    /// Sends, insisting that it is.
    pub(super) async fn sent(&self, sending: Sending) -> Message {
        match self.conversations().send(sending).await.unwrap() {
            SendOutcome::Sent(message) => message,
            other => panic!("{other:?}"),
        }
    }

    pub(super) async fn send(&self, to: &str, text: &str, now: Timestamp) -> Message {
        self.sent(self.sending(address(to), text, now)).await
    }

    pub(super) async fn chats(&self) -> Vec<Chat> {
        self.conversations().chats(&self.reach(), ALL).await.unwrap()
    }

    pub(super) async fn events(&self, filter: EventFilter) -> Vec<Event> {
        self.conversations().events(&self.reach(), &filter, ALL).await.unwrap()
    }

    /// Texts that a search finds, in its order.
    pub(super) async fn found(&self, reach: &Reach, query: &str) -> Vec<String> {
        let query = SearchQuery::parse(query).unwrap();
        let found = self.conversations().search(reach, &query, ALL).await.unwrap();
        found.into_iter().map(|found| found.message.text).collect()
    }

    /// How many rows of each kind there are.
    pub(super) async fn counts(&self) -> (usize, i64, usize) {
        let chats = self.chats().await;
        let messages = chats.iter().map(|chat| chat.message_count).sum();
        (chats.len(), messages, self.events(EventFilter::default()).await.len())
    }
}

async fn another_organization_sees_nothing_and_writes_nothing(world: World) {
    let (scene, other) = (Scene::new(&world).await, Scene::new(&world).await);
    let sent = scene.send("ada", "a secret plan", at(1)).await;
    let conversations = scene.conversations();
    // With the other's instances and chats in hand.
    for reach in [other.reach(), other.reach().narrowed(scene.instance)] {
        assert_eq!(conversations.chats(&reach, ALL).await, Ok(Vec::new()));
        assert_eq!(conversations.chat(&reach, sent.chat_id).await, Ok(None));
        assert_eq!(conversations.messages(&reach, sent.chat_id, ALL).await, Ok(None));
        assert_eq!(other.found(&reach, "secret plan").await, Vec::<String>::new());
        for chat in [None, Some(sent.chat_id)] {
            for kind in [None, Some("message.sent".to_owned())] {
                let filter = EventFilter { chat, r#type: kind, ..EventFilter::default() };
                assert_eq!(conversations.events(&reach, &filter, ALL).await, Ok(Vec::new()));
            }
        }
    }
    let mut intruding = other.sending(address("ada"), "x", at(2));
    intruding.instance = scene.instance;
    assert_eq!(conversations.send(intruding.clone()).await, Ok(SendOutcome::UnknownInstance));
    intruding.recipient = Recipient::Chat(sent.chat_id);
    assert_eq!(conversations.send(intruding.clone()).await, Ok(SendOutcome::UnknownChat));
    intruding.instance = other.instance;
    assert_eq!(conversations.send(intruding).await, Ok(SendOutcome::UnknownChat));
    assert_eq!(scene.counts().await, (1, 1, 2));
    assert_eq!(other.counts().await, (0, 0, 0));
    // The same address with somebody else is another chat.
    let own = other.send("ada", "hello", at(3)).await;
    assert_ne!(own.chat_id, sent.chat_id);
}

async fn a_key_for_some_instances_sees_those_alone(world: World) {
    let mut scene = Scene::new(&world).await;
    let first = scene.instance;
    let here = scene.send("ada", "tea here", at(1)).await;
    scene.instance = new_instance();
    let there = scene.send("ada", "tea there", at(2)).await;
    let (whole, conversations) = (scene.reach(), scene.conversations());
    let part = whole.narrowed(first);
    assert_eq!(conversations.chats(&whole, ALL).await.unwrap().len(), 2);
    let chats = conversations.chats(&part, ALL).await.unwrap();
    assert_eq!(chats.iter().map(|chat| chat.id).collect::<Vec<_>>(), [here.chat_id]);
    assert!(conversations.chat(&part, here.chat_id).await.unwrap().is_some());
    assert_eq!(conversations.chat(&part, there.chat_id).await, Ok(None));
    assert_eq!(conversations.messages(&part, here.chat_id, ALL).await, Ok(Some(vec![here.clone()])));
    assert_eq!(conversations.messages(&part, there.chat_id, ALL).await, Ok(None));
    assert_eq!(scene.found(&whole, "tea").await.len(), 2);
    assert_eq!(scene.found(&part, "tea").await, ["tea here"]);
    for (chat, kind, seen) in [
        (None, None, 2),
        (None, Some("message.sent"), 1),
        (Some(here.chat_id), None, 2),
        (Some(here.chat_id), Some("chat.created"), 1),
        (Some(there.chat_id), None, 0),
        (Some(there.chat_id), Some("message.sent"), 0),
    ] {
        let filter = EventFilter { chat, r#type: kind.map(str::to_owned), ..EventFilter::default() };
        let events = conversations.events(&part, &filter, ALL).await.unwrap();
        assert_eq!(events.len(), seen, "{filter:?}");
        assert!(events.iter().all(|event| event.chat_id == here.chat_id));
    }
}

async fn a_reach_may_name_what_is_not_there(world: World) {
    let scene = Scene::new(&world).await;
    let conversations = scene.conversations();
    let nowhere = scene.reach().narrowed(new_instance());
    let no_chat = ChatId::generate(at(0), unique());
    for reach in [scene.reach(), nowhere] {
        assert_eq!(conversations.chats(&reach, ALL).await, Ok(Vec::new()));
        assert_eq!(conversations.chat(&reach, no_chat).await, Ok(None));
        assert_eq!(conversations.messages(&reach, no_chat, ALL).await, Ok(None));
        assert_eq!(conversations.events(&reach, &EventFilter::default(), ALL).await, Ok(Vec::new()));
        let filter = EventFilter { chat: Some(no_chat), ..EventFilter::default() };
        assert_eq!(conversations.events(&reach, &filter, ALL).await, Ok(Vec::new()));
        assert_eq!(scene.found(&reach, "tea").await, Vec::<String>::new());
    }
}
