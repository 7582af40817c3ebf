use portico_domain::models::{
    ApiKey, ChatId, Cursor, EventFilter, EventId, InstanceId, MessageId, Order, PageRequest, Reach, Timestamp,
};

use super::{ALL, Scene, new_instance};
use crate::{
    Case, cases,
    contract::api_keys,
    world::{World, at, unique},
};

pub(crate) const CASES: &[Case<World>] = cases![
    chats_are_walked_once_each_in_both_orders,
    messages_are_walked_once_each_in_both_orders,
    events_are_walked_once_each_in_both_orders,
    a_walk_goes_on_while_rows_are_added,
    an_empty_page_of_a_chat_is_no_missing_chat,
    events_are_filtered_by_type_chat_and_time,
];

/// Reads pages of two to the end.
macro_rules! walk {
    ($order:expr, |$page:ident| $read:expr, |$row:ident| $place:expr) => {{
        let (mut after, mut walked) = (None, Vec::new());
        loop {
            let $page = PageRequest { limit: 2, after, order: $order };
            let rows = $read;
            assert!(rows.len() <= 3 && walked.len() < 100);
            let more = rows.len() > 2;
            for $row in rows.iter().take(2) {
                let place: Cursor = $place;
                walked.push($row.id);
                after = Some(place);
            }
            if !more {
                break walked;
            }
        }
    }};
}

fn in_order<T: Ord>(mut rows: Vec<(Timestamp, T)>, order: Order) -> Vec<T> {
    rows.sort();
    if order == Order::Descending {
        rows.reverse();
    }
    rows.into_iter().map(|(_, id)| id).collect()
}

async fn chats_are_walked_once_each_in_both_orders(world: World) {
    let mut scene = Scene::new(&world).await;
    let mut made: Vec<(Timestamp, ChatId)> = Vec::new();
    let mut instances = Vec::new();
    for n in 0..9 {
        // Three of a kind have the same moment; each is another instance's.
        scene.instance = if n < 3 { new_instance() } else { instances[n % 3] };
        instances.push(scene.instance);
        let moment = at(i64::try_from(n).unwrap() / 3);
        made.push((moment, scene.send(&format!("n{n}"), "x", moment).await.chat_id));
    }
    // A stranger's rows stand between.
    Scene::new(&world).await.send("x", "x", at(1)).await;
    for order in [Order::Ascending, Order::Descending] {
        let parts: [(Option<&[usize]>, usize); 3] = [(None, 9), (Some(&[0, 1]), 6), (Some(&[2]), 3)];
        for (part, count) in parts {
            let reach = match part {
                None => scene.reach(),
                Some(part) => reach_of(&scene, part.iter().map(|n| instances[*n]).collect()),
            };
            let expected: Vec<_> = made
                .iter()
                .enumerate()
                .filter(|(n, _)| part.is_none_or(|part| part.contains(&(n % 3))))
                .map(|(_, made)| *made)
                .collect();
            let walked =
                walk!(order, |page| scene.conversations().chats(&reach, page).await.unwrap(), |chat| {
                    Cursor::at(chat.created_at, chat.id.uuid())
                });
            assert_eq!(walked.len(), count);
            assert_eq!(walked, in_order(expected, order), "{order:?} {part:?}");
        }
    }
}

/// What a key for these instances, and for one that isn't there, opens.
fn reach_of(scene: &Scene, mut instances: Vec<InstanceId>) -> Reach {
    instances.push(new_instance());
    // Named twice, as nobody is kept from doing.
    instances.push(instances[0]);
    let key = ApiKey { instance_ids: Some(instances), ..api_keys::new_key(&scene.user, at(0)).key };
    Reach::of_key(&key)
}

async fn messages_are_walked_once_each_in_both_orders(world: World) {
    let scene = Scene::new(&world).await;
    let mut made: Vec<(Timestamp, MessageId)> = Vec::new();
    let mut chat = None;
    for n in 0..7 {
        let message = scene.send("ada", &format!("number {n}"), at(n / 3)).await;
        chat = Some(message.chat_id);
        made.push((message.created_at, message.id));
        scene.send("bob", "beside", at(n / 3)).await;
    }
    for order in [Order::Ascending, Order::Descending] {
        let walked = walk!(
            order,
            |page| scene
                .conversations()
                .messages(&scene.reach(), chat.unwrap(), page)
                .await
                .unwrap()
                .unwrap(),
            |message| Cursor::at(message.created_at, message.id.uuid())
        );
        assert_eq!(walked, in_order(made.clone(), order), "{order:?}");
    }
}

async fn events_are_walked_once_each_in_both_orders(world: World) {
    let mut scene = Scene::new(&world).await;
    let (mut chat, mut instances) = (None, Vec::new());
    for n in 0..8 {
        if n % 4 == 0 {
            scene.instance = new_instance();
            instances.push(scene.instance);
        }
        chat = Some(scene.send("ada", "x", at(n / 3)).await.chat_id);
    }
    let everything = scene.events(EventFilter::default()).await;
    assert_eq!(everything.len(), 10);
    let all_instances = reach_of(&scene, instances.clone());
    let one_instance = reach_of(&scene, vec![instances[1]]);
    let last = chat.unwrap();
    for (reach, filter) in [
        (scene.reach(), EventFilter::default()),
        (scene.reach(), of_type("message.sent")),
        (all_instances.clone(), EventFilter::default()),
        (all_instances, of_type("message.sent")),
        (one_instance.clone(), EventFilter { chat: Some(last), ..EventFilter::default() }),
        (one_instance, EventFilter { chat: Some(last), ..of_type("message.sent") }),
    ] {
        let expected: Vec<(Timestamp, EventId)> = everything
            .iter()
            .filter(|event| filter.r#type.as_ref().is_none_or(|kind| *kind == event.r#type))
            .filter(|event| filter.chat.is_none_or(|chat| chat == event.chat_id))
            .map(|event| (event.created_at, event.id))
            .collect();
        assert!(expected.len() >= 4);
        for order in [Order::Ascending, Order::Descending] {
            let walked = walk!(
                order,
                |page| scene.conversations().events(&reach, &filter, page).await.unwrap(),
                |event| Cursor::at(event.created_at, event.id.uuid())
            );
            assert_eq!(walked, in_order(expected.clone(), order), "{order:?} {filter:?}");
        }
    }
}

fn of_type(kind: &str) -> EventFilter {
    EventFilter { r#type: Some(kind.to_owned()), ..EventFilter::default() }
}

async fn a_walk_goes_on_while_rows_are_added(world: World) {
    let scene = Scene::new(&world).await;
    let mut chat = None;
    let mut before = Vec::new();
    for n in 0..5 {
        let message = scene.send("ada", "x", at(n)).await;
        chat = Some(message.chat_id);
        before.push(message.id);
    }
    let mut added = 0;
    let walked = walk!(
        Order::Descending,
        |page| {
            added += 1;
            // Newer ones, and one that was long on its way.
            scene.send("ada", "new", at(100 + added)).await;
            scene.send("ada", "late", at(-added)).await;
            scene.conversations().messages(&scene.reach(), chat.unwrap(), page).await.unwrap().unwrap()
        },
        |message| Cursor::at(message.created_at, message.id.uuid())
    );
    let mut once = walked.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), walked.len());
    assert!(before.iter().all(|id| walked.contains(id)));
}

async fn an_empty_page_of_a_chat_is_no_missing_chat(world: World) {
    let scene = Scene::new(&world).await;
    let sent = scene.send("ada", "x", at(1)).await;
    let after = Some(Cursor::at(sent.created_at, sent.id.uuid()));
    for order in [Order::Ascending, Order::Descending] {
        let page = PageRequest { limit: 2, after, order };
        let rows = scene.conversations().messages(&scene.reach(), sent.chat_id, page).await;
        assert_eq!(rows, Ok(Some(Vec::new())));
        let unknown = ChatId::generate(at(0), unique());
        let rows = scene.conversations().messages(&scene.reach(), unknown, page).await;
        assert_eq!(rows, Ok(None));
    }
}

async fn events_are_filtered_by_type_chat_and_time(world: World) {
    let scene = Scene::new(&world).await;
    for n in 0..4 {
        scene.send("ada", "x", at(10 * n)).await;
    }
    let chat = scene.chats().await[0].id;
    let times = async |filter: EventFilter, order| {
        let page = PageRequest { order, ..ALL };
        let events = scene.conversations().events(&scene.reach(), &filter, page).await.unwrap();
        let mut seconds: Vec<i64> =
            events.iter().map(|event| event.created_at.seconds() - at(0).seconds()).collect();
        if order == Order::Descending {
            seconds.reverse();
        }
        seconds
    };
    let sent = of_type("message.sent");
    for order in [Order::Ascending, Order::Descending] {
        for filter in [sent.clone(), EventFilter { chat: Some(chat), ..sent.clone() }] {
            let since = |since: Timestamp| EventFilter { since: Some(since), ..filter.clone() };
            let until = |until: Timestamp| EventFilter { until: Some(until), ..filter.clone() };
            assert_eq!(times(filter.clone(), order).await, [0, 10, 20, 30]);
            assert_eq!(times(since(at(10)), order).await, [10, 20, 30], "since is inclusive");
            let just_after = Timestamp::from_micros(at(10).micros() + 1);
            assert_eq!(times(since(just_after), order).await, [20, 30]);
            assert_eq!(times(until(at(20)), order).await, [0, 10], "until is exclusive");
            let just_after = Timestamp::from_micros(at(20).micros() + 1);
            assert_eq!(times(until(just_after), order).await, [0, 10, 20]);
            let between = EventFilter { until: Some(at(30)), ..since(at(10)) };
            assert_eq!(times(between, order).await, [10, 20]);
        }
        assert_eq!(times(of_type("chat.created"), order).await, [0]);
        assert_eq!(times(of_type("chat.ended"), order).await, Vec::<i64>::new());
        let extremes = EventFilter {
            since: Timestamp::parse("0000-01-01T00:00:00Z"),
            until: Timestamp::parse("9999-12-31T23:59:59.999999Z"),
            ..sent.clone()
        };
        assert_eq!(times(extremes, order).await, [0, 10, 20, 30]);
    }
    // A window goes with a cursor inside it.
    let page = PageRequest { limit: 1, ..ALL };
    let filter = EventFilter { since: Some(at(10)), until: Some(at(30)), ..sent };
    let first = scene.conversations().events(&scene.reach(), &filter, page).await.unwrap();
    let after = Some(Cursor::at(first[0].created_at, first[0].id.uuid()));
    let page = PageRequest { after, ..page };
    let rest = scene.conversations().events(&scene.reach(), &filter, page).await.unwrap();
    assert_eq!((first[0].created_at, rest.len(), rest[0].created_at), (at(20), 1, at(10)));
}
