use std::time::Duration;

use futures_util::future::join_all;
use portico_domain::{
    models::{ChatId, Digest, Direction, EventFilter, IdempotencyKey, LastMessage, Timestamp},
    ports::{OnceOnly, Recipient, SendOutcome, Sending},
};

use super::{ALL, Scene, address, new_instance};
use crate::{
    Case, cases,
    world::{World, at, now, unique},
};

pub(crate) const CASES: &[Case<World>] = cases![
    the_first_message_begins_its_instance_its_chat_and_its_events,
    the_same_address_goes_on_in_the_same_chat,
    a_chat_is_written_to_by_its_id,
    another_instances_chat_is_refused,
    the_latest_message_is_the_latest_written,
    a_repeat_is_told_what_was_sent_and_writes_nothing,
    a_key_is_its_senders_own,
    a_refused_message_uses_no_key_up,
    a_key_is_free_again_when_its_time_is_over,
    of_twenty_at_once_one_is_sent,
    of_twenty_at_once_under_a_freed_key_one_is_sent,
    many_at_once_begin_one_chat,
    many_organizations_at_once_name_one_instance,
    keys_that_are_free_again_are_purged_in_pages,
];

/// The same sending under a key.
fn under(key: &str, sending: Sending) -> Sending {
    let request = Digest::of(format!("{:?}{:?}", sending.recipient, sending.text).as_bytes());
    let key = IdempotencyKey::parse(key.as_bytes()).unwrap();
    let free_since = sending.now.before(Duration::from_secs(86_400));
    Sending { once: Some(OnceOnly { key, request, free_since }), ..sending }
}

async fn the_first_message_begins_its_instance_its_chat_and_its_events(world: World) {
    let scene = Scene::new(&world).await;
    let sending = scene.sending(address("+999 1"), "hello \u{1f389} 'O''Hara'\n\"%s\"", at(1));
    let message = scene.sent(sending.clone()).await;
    assert_eq!((message.id, message.chat_id), (sending.message_id, sending.new_chat_id));
    assert_eq!(message.direction, Direction::Out);
    assert_eq!(message.sender, scene.sender.to_string());
    assert_eq!(message.text, sending.text.as_str());
    assert_eq!((message.status.as_str(), message.created_at), ("sent", at(1)));
    let chats = scene.chats().await;
    let [chat] = &chats[..] else { panic!("{chats:?}") };
    assert_eq!((chat.id, chat.instance_id), (message.chat_id, scene.instance));
    assert_eq!((chat.title.as_str(), chat.message_count), ("+999 1", 1));
    assert_eq!((chat.created_at, chat.updated_at), (at(1), at(1)));
    let last = LastMessage { id: message.id, text: message.text.clone(), created_at: at(1) };
    assert_eq!(chat.last_message, Some(last));
    assert_eq!(scene.conversations().chat(&scene.reach(), chat.id).await, Ok(Some(chat.clone())));
    let kept = scene.conversations().messages(&scene.reach(), chat.id, ALL).await;
    assert_eq!(kept, Ok(Some(vec![message.clone()])));
    let events = scene.events(EventFilter::default()).await;
    let mut told: Vec<_> = events.iter().map(|event| (event.r#type.as_str(), event.id)).collect();
    told.sort_unstable();
    let expected = [("chat.created", sending.event_ids.0), ("message.sent", sending.event_ids.1)];
    assert_eq!(told, expected);
    for event in &events {
        assert_eq!((event.chat_id, event.created_at), (chat.id, at(1)));
    }
    let of_message = events.iter().find(|event| event.r#type == "message.sent").unwrap();
    assert_eq!(of_message.payload["message_id"], message.id.to_string());
}

async fn the_same_address_goes_on_in_the_same_chat(world: World) {
    let scene = Scene::new(&world).await;
    let first = scene.send("ada", "one", at(1)).await;
    let second = scene.send("ada", "two", at(2)).await;
    let other = scene.send("bob", "three", at(3)).await;
    assert_eq!(first.chat_id, second.chat_id);
    assert_ne!(first.chat_id, other.chat_id);
    let chat = scene.conversations().chat(&scene.reach(), first.chat_id).await.unwrap().unwrap();
    assert_eq!((chat.message_count, chat.created_at, chat.updated_at), (2, at(1), at(2)));
    assert_eq!(chat.last_message.unwrap().text, "two");
    assert_eq!(scene.counts().await, (2, 3, 5));
}

async fn a_chat_is_written_to_by_its_id(world: World) {
    let scene = Scene::new(&world).await;
    let first = scene.send("ada", "one", at(1)).await;
    let second = scene.sent(scene.sending(Recipient::Chat(first.chat_id), "two", at(2))).await;
    assert_eq!(second.chat_id, first.chat_id);
    let chats = scene.chats().await;
    assert_eq!((chats[0].message_count, chats[0].updated_at), (2, at(2)));
    assert_eq!(chats[0].last_message.as_ref().unwrap().id, second.id);
    assert_eq!(scene.counts().await, (1, 2, 3));
    let unknown = Recipient::Chat(ChatId::generate(at(0), unique()));
    let outcome = scene.conversations().send(scene.sending(unknown, "three", at(3))).await;
    assert_eq!(outcome, Ok(SendOutcome::UnknownChat));
    assert_eq!(scene.counts().await, (1, 2, 3));
}

async fn another_instances_chat_is_refused(world: World) {
    let scene = Scene::new(&world).await;
    let first = scene.send("ada", "one", at(1)).await;
    let mut sending = scene.sending(Recipient::Chat(first.chat_id), "two", at(2));
    sending.instance = new_instance();
    assert_eq!(scene.conversations().send(sending.clone()).await, Ok(SendOutcome::UnknownChat));
    // Nor does the refusal claim the instance.
    let other = Scene { instance: sending.instance, ..Scene::new(&world).await };
    other.send("ada", "mine", at(3)).await;
    assert_eq!(scene.counts().await, (1, 1, 2));
}

async fn the_latest_message_is_the_latest_written(world: World) {
    let scene = Scene::new(&world).await;
    let later = scene.send("ada", "later", at(10)).await;
    // A clock behind, by either way into the chat.
    scene.send("ada", "earlier", at(5)).await;
    scene.sent(scene.sending(Recipient::Chat(later.chat_id), "earliest", at(4))).await;
    let chat = scene.chats().await.remove(0);
    assert_eq!((chat.message_count, chat.updated_at), (3, at(10)));
    assert_eq!(chat.last_message.unwrap().id, later.id);
    // What is made in the same moment comes later.
    let same = scene.send("ada", "same moment", at(10)).await;
    assert_eq!(scene.chats().await.remove(0).last_message.unwrap().id, same.id);
}

async fn a_repeat_is_told_what_was_sent_and_writes_nothing(world: World) {
    let scene = Scene::new(&world).await;
    let first = scene.sent(under("k", scene.sending(address("ada"), "one", at(1)))).await;
    for second in [2, 86_400] {
        let repeat = under("k", scene.sending(address("ada"), "one", at(second)));
        assert_eq!(scene.conversations().send(repeat).await, Ok(SendOutcome::Repeated(first.clone())));
    }
    let other = under("k", scene.sending(address("ada"), "two", at(3)));
    assert_eq!(scene.conversations().send(other).await, Ok(SendOutcome::KeyReused));
    assert_eq!(scene.counts().await, (1, 1, 2));
    // The same by a chat's id.
    let in_chat = |now| under("c", scene.sending(Recipient::Chat(first.chat_id), "three", now));
    let third = scene.sent(in_chat(at(4))).await;
    assert_eq!(scene.conversations().send(in_chat(at(5))).await, Ok(SendOutcome::Repeated(third)));
    assert_eq!(scene.counts().await, (1, 2, 3));
}

async fn a_key_is_its_senders_own(world: World) {
    let (scene, other) = (Scene::new(&world).await, Scene::new(&world).await);
    let first = scene.sent(under("k", scene.sending(address("ada"), "one", at(1)))).await;
    let elsewhere = other.sent(under("k", other.sending(address("ada"), "one", at(1)))).await;
    assert_ne!(first.id, elsewhere.id);
    let colleague = Scene { sender: other.sender, world: world.clone(), ..scene };
    let theirs = colleague.sent(under("k", colleague.sending(address("ada"), "one", at(2)))).await;
    assert_ne!(first.id, theirs.id);
    // Keys differ by case.
    colleague.sent(under("K", colleague.sending(address("ada"), "one", at(3)))).await;
}

async fn a_refused_message_uses_no_key_up(world: World) {
    let (scene, owner) = (Scene::new(&world).await, Scene::new(&world).await);
    owner.send("ada", "mine", at(1)).await;
    let mut intruding = under("k", scene.sending(address("ada"), "one", at(2)));
    intruding.instance = owner.instance;
    assert_eq!(scene.conversations().send(intruding).await, Ok(SendOutcome::UnknownInstance));
    let nowhere = Recipient::Chat(ChatId::generate(at(0), unique()));
    let lost = under("k", scene.sending(nowhere, "one", at(3)));
    assert_eq!(scene.conversations().send(lost).await, Ok(SendOutcome::UnknownChat));
    scene.sent(under("k", scene.sending(address("ada"), "two", at(4)))).await;
    assert_eq!(scene.counts().await, (1, 1, 2));
}

async fn a_key_is_free_again_when_its_time_is_over(world: World) {
    let scene = Scene::new(&world).await;
    let first = scene.sent(under("k", scene.sending(address("ada"), "one", at(1)))).await;
    let second = scene.sent(under("k", scene.sending(address("ada"), "two", at(86_401)))).await;
    assert_ne!(first.id, second.id);
    let repeat = under("k", scene.sending(address("ada"), "two", at(86_402)));
    assert_eq!(scene.conversations().send(repeat).await, Ok(SendOutcome::Repeated(second)));
    assert_eq!(scene.counts().await, (1, 2, 3));
    // A refused one frees nothing either.
    let nowhere = Recipient::Chat(ChatId::generate(at(0), unique()));
    let lost = under("k", scene.sending(nowhere, "one", at(200_000)));
    assert_eq!(scene.conversations().send(lost).await, Ok(SendOutcome::UnknownChat));
}

/// Sends the same twenty times at once, and insists that one is sent and that all are told of it.
async fn sends_one_of_twenty(scene: &Scene, now: Timestamp) {
    let before = scene.counts().await;
    let sends = (0..20).map(|_| {
        let sending = under("k", scene.sending(address("ada"), "once", now));
        let conversations = scene.conversations().clone();
        tokio::spawn(async move { conversations.send(sending).await.unwrap() })
    });
    let (mut sent, mut repeated) = (Vec::new(), Vec::new());
    for outcome in join_all(sends).await {
        match outcome.unwrap() {
            SendOutcome::Sent(message) => sent.push(message),
            SendOutcome::Repeated(message) => repeated.push(message),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((sent.len(), repeated.len()), (1, 19));
    assert!(repeated.iter().all(|message| *message == sent[0]));
    let after = scene.counts().await;
    assert_eq!((after.0, after.1 - before.1), (1, 1));
}

async fn of_twenty_at_once_one_is_sent(world: World) {
    let scene = Scene::new(&world).await;
    sends_one_of_twenty(&scene, at(1)).await;
    assert_eq!(scene.counts().await, (1, 1, 2));
}

async fn of_twenty_at_once_under_a_freed_key_one_is_sent(world: World) {
    let scene = Scene::new(&world).await;
    scene.sent(under("k", scene.sending(address("ada"), "before", at(1)))).await;
    sends_one_of_twenty(&scene, at(86_401)).await;
    assert_eq!(scene.counts().await, (1, 2, 3));
}

async fn many_at_once_begin_one_chat(world: World) {
    let scene = Scene::new(&world).await;
    let sends = (0..12).map(|n| {
        let sending = scene.sending(address("ada"), &format!("number {n}"), at(n));
        let conversations = scene.conversations().clone();
        tokio::spawn(async move { conversations.send(sending).await.unwrap() })
    });
    for outcome in join_all(sends).await {
        assert!(matches!(outcome.unwrap(), SendOutcome::Sent(_)));
    }
    assert_eq!(scene.counts().await, (1, 12, 13));
    let chat = scene.chats().await.remove(0);
    assert_eq!((chat.last_message.unwrap().text.as_str(), chat.updated_at), ("number 11", at(11)));
}

async fn many_organizations_at_once_name_one_instance(world: World) {
    let instance = new_instance();
    let mut scenes = Vec::new();
    for _ in 0..6 {
        scenes.push(Scene { instance, ..Scene::new(&world).await });
    }
    let sends = scenes.iter().map(|scene| {
        let sending = under("k", scene.sending(address("ada"), "mine", at(1)));
        let conversations = scene.conversations().clone();
        tokio::spawn(async move { conversations.send(sending).await.unwrap() })
    });
    let (mut sent, mut refused) = (0, 0);
    for outcome in join_all(sends).await {
        match outcome.unwrap() {
            SendOutcome::Sent(_) => sent += 1,
            SendOutcome::UnknownInstance => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((sent, refused), (1, 5));
    let mut owners = 0;
    for scene in &mut scenes {
        let counts = scene.counts().await;
        assert!(counts == (1, 1, 2) || counts == (0, 0, 0), "{counts:?}");
        owners += counts.0;
        // Whoever was refused used no key up.
        if counts.0 == 0 {
            scene.instance = new_instance();
            scene.sent(under("k", scene.sending(address("ada"), "mine after all", at(2)))).await;
        }
    }
    assert_eq!(owners, 1);
}

async fn keys_that_are_free_again_are_purged_in_pages(world: World) {
    let scene = Scene::new(&world.fresh().await).await;
    for n in 0..5 {
        scene.sent(under(&format!("k{n}"), scene.sending(address("ada"), "one", at(n)))).await;
    }
    let storage = &scene.world.repositories.storage;
    let day_later = |second: i64| at(second + 86_400);
    assert_eq!(storage.purge_expired(day_later(2), 2).await, Ok(2));
    assert_eq!(storage.purge_expired(day_later(2), 2).await, Ok(1));
    assert_eq!(storage.purge_expired(day_later(2), 2).await, Ok(0));
    let repeat = under("k3", scene.sending(address("ada"), "one", at(100)));
    assert!(matches!(scene.conversations().send(repeat).await, Ok(SendOutcome::Repeated(_))));
    assert_eq!(storage.purge_expired(now().after(Duration::from_secs(2 * 86_400)), 100).await, Ok(2));
    assert_eq!(scene.counts().await, (1, 5, 6), "messages stay");
}
