use std::sync::Arc;

use futures_util::future::join_all;
use portico_domain::{
    models::{ApiKeyId, Day, Digest, KeyUses, NewApiKey, OrganizationId, UsageBatch, User, uuid_v7},
    ports::KeyRotation,
};
use tokio::sync::Barrier;

use super::api_keys::{made, new_key};
use crate::{
    Case, cases,
    world::{World, at, unique},
};

pub(crate) const CASES: &[Case<World>] = cases![
    uses_add_up_by_day,
    a_batch_that_is_added_twice_counts_once,
    a_batch_that_is_added_many_times_at_once_counts_once,
    batches_of_the_same_keys_in_any_order_at_once_all_count,
    the_last_use_is_the_latest_whatever_the_order,
    uses_of_keys_that_are_gone_are_passed_over,
    another_organizations_key_is_as_good_as_none,
    days_before_the_first_asked_for_are_left_out,
    a_large_batch_is_added_whole,
    no_uses_are_no_work,
    the_keys_that_were_used_most_are_found_as_a_check_finds_them,
];

const TODAY: Day = Day(20_717);

fn uses(key: &NewApiKey, day: Day, uses: u64, last: i64) -> KeyUses {
    KeyUses { key_id: key.key.id, day, uses, last_at: at(last) }
}

fn batch(uses: Vec<KeyUses>) -> UsageBatch {
    UsageBatch { id: uuid_v7(at(0), unique()), uses }
}

async fn days(world: &World, user: &User, key: &NewApiKey) -> Vec<(Day, u64)> {
    let found = world.repositories.key_usage.of(user.organization_id, key.key.id, Day(0)).await;
    found.unwrap().unwrap()
}

async fn uses_add_up_by_day(world: World) {
    let (user, key) = made(&world).await;
    assert_eq!(days(&world, &user, &key).await, []);
    let usage = &world.repositories.key_usage;
    let yesterday = Day(TODAY.0 - 1);
    usage.add(&batch(vec![uses(&key, TODAY, 5, 2), uses(&key, yesterday, 3, 1)])).await.unwrap();
    usage.add(&batch(vec![uses(&key, TODAY, 7, 3)])).await.unwrap();
    assert_eq!(days(&world, &user, &key).await, [(yesterday, 3), (TODAY, 12)]);
}

async fn a_batch_that_is_added_twice_counts_once(world: World) {
    let (user, key) = made(&world).await;
    let batch = batch(vec![uses(&key, TODAY, 5, 1)]);
    for _ in 0..3 {
        assert_eq!(world.repositories.key_usage.add(&batch).await, Ok(()));
    }
    assert_eq!(days(&world, &user, &key).await, [(TODAY, 5)]);
}

async fn a_batch_that_is_added_many_times_at_once_counts_once(world: World) {
    let (user, key) = made(&world).await;
    for round in 1..=10 {
        let batch = Arc::new(batch(vec![uses(&key, TODAY, 5, round)]));
        let start = Arc::new(Barrier::new(8));
        let senders = (0..8).map(|_| {
            let (batch, start) = (Arc::clone(&batch), Arc::clone(&start));
            let usage = Arc::clone(&world.repositories.key_usage);
            tokio::spawn(async move {
                start.wait().await;
                usage.add(&batch).await
            })
        });
        for outcome in join_all(senders).await {
            assert_eq!(outcome.unwrap(), Ok(()));
        }
        assert_eq!(days(&world, &user, &key).await, [(TODAY, 5 * round.unsigned_abs())]);
    }
}

async fn batches_of_the_same_keys_in_any_order_at_once_all_count(world: World) {
    let user = world.person().await;
    let mut keys = Vec::new();
    for n in 0..6 {
        let key = new_key(&user, at(n));
        world.repositories.api_keys.create(key.clone()).await.unwrap();
        keys.push(key);
    }
    let senders = (0..12_usize).map(|sender| {
        let last = i64::try_from(sender).unwrap();
        let mut all: Vec<_> = keys.iter().map(|key| uses(key, TODAY, 1, last)).collect();
        // Each in an order of its own.
        all.rotate_left(sender % 6);
        if sender % 2 == 0 {
            all.reverse();
        }
        let (usage, batch) = (Arc::clone(&world.repositories.key_usage), batch(all));
        tokio::spawn(async move { usage.add(&batch).await })
    });
    for outcome in join_all(senders).await {
        assert_eq!(outcome.unwrap(), Ok(()));
    }
    for key in &keys {
        assert_eq!(days(&world, &user, key).await, [(TODAY, 12)]);
    }
}

async fn the_last_use_is_the_latest_whatever_the_order(world: World) {
    let (user, key) = made(&world).await;
    let tomorrow = Day(TODAY.0 + 1);
    for (day, last, latest) in
        [(TODAY, 20, 20), (TODAY, 10, 20), (tomorrow, 90_000, 90_000), (TODAY, 30, 90_000)]
    {
        world.repositories.key_usage.add(&batch(vec![uses(&key, day, 1, last)])).await.unwrap();
        let shown = world.repositories.api_keys.by_id(user.organization_id, key.key.id).await;
        assert_eq!(shown.unwrap().unwrap().last_used_at, Some(at(latest)));
        let holder = world.repositories.key_lookup.by_digest(key.digest).await.unwrap().unwrap();
        assert_eq!(holder.key.last_used_at, Some(at(latest)));
    }
}

async fn uses_of_keys_that_are_gone_are_passed_over(world: World) {
    let (user, key) = made(&world).await;
    let mut gone = key.clone();
    gone.key.id = ApiKeyId::generate(at(0), unique());
    let usage = &world.repositories.key_usage;
    usage.add(&batch(vec![uses(&gone, TODAY, 9, 1), uses(&key, TODAY, 2, 1)])).await.unwrap();
    usage.add(&batch(vec![uses(&gone, TODAY, 9, 1)])).await.unwrap();
    assert_eq!(days(&world, &user, &key).await, [(TODAY, 2)]);
    assert_eq!(usage.of(user.organization_id, gone.key.id, Day(0)).await, Ok(None));
}

async fn another_organizations_key_is_as_good_as_none(world: World) {
    let (user, key) = made(&world).await;
    let usage = &world.repositories.key_usage;
    usage.add(&batch(vec![uses(&key, TODAY, 1, 1)])).await.unwrap();
    let other = OrganizationId::generate(at(0), unique());
    assert_eq!(usage.of(other, key.key.id, Day(0)).await, Ok(None));
    assert!(usage.of(user.organization_id, key.key.id, Day(0)).await.unwrap().is_some());
}

async fn days_before_the_first_asked_for_are_left_out(world: World) {
    let (user, key) = made(&world).await;
    let usage = &world.repositories.key_usage;
    let three = (0..3).map(|back| uses(&key, Day(TODAY.0 - back), 1, 1)).collect();
    usage.add(&batch(three)).await.unwrap();
    let since = async |day| usage.of(user.organization_id, key.key.id, day).await.unwrap().unwrap();
    assert_eq!(since(Day(TODAY.0 - 1)).await, [(Day(TODAY.0 - 1), 1), (TODAY, 1)]);
    assert_eq!(since(Day(TODAY.0 + 1)).await, []);
}

async fn a_large_batch_is_added_whole(world: World) {
    let (user, key) = made(&world).await;
    let all = (0..1_000).map(|back| uses(&key, Day(TODAY.0 - back), 1, 1)).collect();
    world.repositories.key_usage.add(&batch(all)).await.unwrap();
    assert_eq!(days(&world, &user, &key).await.len(), 1_000);
}

async fn no_uses_are_no_work(world: World) {
    assert_eq!(world.repositories.key_usage.add(&batch(Vec::new())).await, Ok(()));
}

async fn the_keys_that_were_used_most_are_found_as_a_check_finds_them(world: World) {
    // A day of their own, so that other cases' keys are not among them.
    let day = Day(TODAY.0 + 5_000);
    let user = world.person().await;
    let mut keys = Vec::new();
    for n in 0..5 {
        let key = new_key(&user, at(n));
        world.repositories.api_keys.create(key.clone()).await.unwrap();
        keys.push(key);
    }
    let [seldom, often, revoked, before, rotated] = &keys[..] else { panic!() };
    let moment = |day: Day| i64::from(day.0 - TODAY.0) * 86_400;
    let yesterday = Day(day.0 - 1);
    world
        .repositories
        .key_usage
        .add(&batch(vec![
            uses(seldom, day, 3, moment(day)),
            uses(often, day, 4, moment(day)),
            uses(often, yesterday, 5, moment(yesterday)),
            uses(revoked, day, 9, moment(day)),
            uses(before, Day(day.0 - 2), 99, moment(day)),
            uses(rotated, yesterday, 6, moment(yesterday)),
        ]))
        .await
        .unwrap();
    let keys = &world.repositories.api_keys;
    keys.revoke(user.organization_id, revoked.key.id, at(1)).await.unwrap();
    let rotation =
        KeyRotation { digest: Digest::of(&unique()), prefix: "pk_fake2".to_owned(), old_until: at(9_000) };
    keys.rotate(user.organization_id, rotated.key.id, rotation.clone()).await.unwrap();
    let lookup = &world.repositories.key_lookup;
    let found = lookup.most_used(yesterday, day, 10).await.unwrap();
    let digests: Vec<_> = found.iter().map(|(digest, _)| *digest).collect();
    assert_eq!(digests, [often.digest, rotation.digest, seldom.digest]);
    for (digest, holder) in &found {
        assert_eq!(lookup.by_digest(*digest).await.unwrap().as_ref(), Some(holder));
    }
    // The revoked one takes up a place of those that are looked at.
    let few = lookup.most_used(yesterday, day, 2).await.unwrap();
    assert_eq!(few.iter().map(|(digest, _)| *digest).collect::<Vec<_>>(), [often.digest]);
    assert_eq!(lookup.most_used(yesterday, day, 0).await.unwrap().len(), 0);
}
