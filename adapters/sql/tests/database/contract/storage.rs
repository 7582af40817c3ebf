use std::time::Duration;

use portico_domain::{
    models::{Day, Digest, KeyUses, UsageBatch},
    ports::Rotation,
};

use crate::{
    Case, cases,
    contract::api_keys,
    world::{LIFE, Opened, World, at, now, unique},
};

pub(crate) const CASES: &[Case<World>] = cases![
    it_answers_a_ping,
    what_has_run_out_goes_in_pages,
    what_lives_stays,
    names_of_batches_go_after_a_week
];

async fn it_answers_a_ping(world: World) {
    assert_eq!(world.repositories.storage.ping().await, Ok(()));
}

async fn what_has_run_out_goes_in_pages(world: World) {
    let world = world.fresh().await;
    let user = world.person().await;
    let storage = &world.repositories.storage;
    let state = Digest::of(&unique());
    for second in 0..5 {
        world.opened(&user, at(second)).await;
        let state = if second == 0 { state } else { Digest::of(&unique()) };
        world.repositories.identities.use_state(state, at(second)).await.unwrap();
    }
    let end = at(100).after(LIFE);
    // Ended ones go too.
    world.repositories.sessions.end_all(user.id, at(2)).await.unwrap();
    let mut gone = Vec::new();
    for _ in 0..5 {
        gone.push(storage.purge_expired(end, 3).await.unwrap());
    }
    assert_eq!(gone, [3, 3, 3, 1, 0]);
    assert_eq!(storage.purge_expired(end, 0).await, Ok(0));
    // A state's place is free again.
    assert_eq!(world.repositories.identities.use_state(state, at(10)).await, Ok(true));
}

async fn what_lives_stays(world: World) {
    let world = world.fresh().await;
    let user = world.person().await;
    let first = world.opened(&user, at(10)).await;
    let ended = Opened::new(user.id, at(11));
    world.repositories.sessions.revoke(ended.0.session, at(12)).await.unwrap();
    let state = Digest::of(&unique());
    world.repositories.identities.use_state(state, at(600)).await.unwrap();
    let second = world.renew(&first, at(100)).await;
    // Past the first token's end, before the second's, and before the states' time.
    world.repositories.storage.purge_expired(at(9).after(LIFE), 10_000).await.unwrap();
    assert_eq!(world.rotate(&ended, at(200)).await, Rotation::Unknown);
    world.renew(&second, at(201)).await;
}

async fn names_of_batches_go_after_a_week(world: World) {
    let world = world.fresh().await;
    let (user, new) = api_keys::made(&world).await;
    let uses = vec![KeyUses { key_id: new.key.id, day: Day(20_000), uses: 1, last_at: at(1) }];
    for n in 0..3 {
        let batch = UsageBatch { id: uuid::Uuid::from_u128(n), uses: uses.clone() };
        world.repositories.key_usage.add(&batch).await.unwrap();
    }
    let storage = &world.repositories.storage;
    let day = Duration::from_secs(86_400);
    assert_eq!(storage.purge_expired(now().after(day * 6), 10).await, Ok(0));
    let week_later = now().after(day * 7);
    assert_eq!(storage.purge_expired(week_later, 2).await, Ok(2));
    assert_eq!(storage.purge_expired(week_later, 2).await, Ok(1));
    let days = world.repositories.key_usage.of(user.organization_id, new.key.id, Day(0)).await;
    assert_eq!(days, Ok(Some(vec![(Day(20_000), 3)])), "the uses themselves stay");
}
