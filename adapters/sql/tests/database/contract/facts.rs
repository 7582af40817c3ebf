use futures_util::future::join_all;
use portico_domain::{
    models::{Device, Fact, Order, PageRequest, UserId},
    ports::Rotation,
};

use crate::{
    Case, cases,
    world::{Opened, World, at, hash, unique},
};

pub(crate) const CASES: &[Case<World>] = cases![
    facts_written_twice_change_nothing,
    a_late_session_revives_nothing,
    the_latest_sign_in_wins,
    a_new_hash_is_stored_only_over_the_old_one,
    facts_about_nobody_are_dropped,
    a_kept_sessions_row_is_completed,
    concurrent_writers_of_the_same_people_do_not_block_each_other,
    no_facts_are_no_work,
];

fn signed_in(user_id: UserId, seconds: i64) -> Fact {
    Fact::SignedIn { user_id, at: at(seconds) }
}

async fn facts_written_twice_change_nothing(world: World) {
    let user = world.person().await;
    let session = Opened::new(user.id, at(10));
    let facts = [session.fact(), signed_in(user.id, 10)];
    for _ in 0..3 {
        world.repositories.facts.record(&facts).await.unwrap();
    }
    assert_eq!(world.live(&user, at(11)).await, [session.id()]);
    let renewed = world.renew(&session, at(12)).await;
    world.repositories.facts.record(&facts).await.unwrap();
    world.renew(&renewed, at(13)).await;
}

async fn a_late_session_revives_nothing(world: World) {
    let user = world.person().await;
    let (ended, all_ended) = (Opened::new(user.id, at(30)), Opened::new(user.id, at(10)));
    world.repositories.sessions.revoke(ended.0.session, at(31)).await.unwrap();
    world.repositories.sessions.end_all(user.id, at(20)).await.unwrap();
    world.repositories.facts.record(&[ended.fact(), all_ended.fact()]).await.unwrap();
    assert!(world.live(&user, at(32)).await.is_empty());
    assert_eq!(world.rotate(&ended, at(33)).await, Rotation::Unknown);
    assert_eq!(world.rotate(&all_ended, at(33)).await, Rotation::Unknown);
}

async fn the_latest_sign_in_wins(world: World) {
    let user = world.person().await;
    for (written, latest) in [(20, 20), (10, 20), (30, 30), (29, 30)] {
        world.repositories.facts.record(&[signed_in(user.id, written)]).await.unwrap();
        let found = world.repositories.accounts.by_id(user.id).await.unwrap().unwrap();
        assert_eq!(found.last_login_at, Some(at(latest)));
    }
}

async fn a_new_hash_is_stored_only_over_the_old_one(world: World) {
    let user = world.person().await;
    let rehashed = |from, to| Fact::PasswordRehashed { user_id: user.id, from: hash(from), to: hash(to) };
    for (fact, stored) in [
        (rehashed("other", "wrong"), "first"),
        (rehashed("first", "costly"), "costly"),
        (rehashed("first", "again"), "costly"),
    ] {
        world.repositories.facts.record(&[fact]).await.unwrap();
        let credential = world.repositories.accounts.credential(user.id).await.unwrap().unwrap();
        assert_eq!(credential.password_hash, Some(hash(stored)));
    }
}

async fn facts_about_nobody_are_dropped(world: World) {
    let user = world.person().await;
    let nobody = UserId::generate(at(0), unique());
    let ghost = Opened::new(nobody, at(10));
    let session = Opened::new(user.id, at(10));
    let rehashed = Fact::PasswordRehashed { user_id: nobody, from: hash("a"), to: hash("b") };
    let facts = [ghost.fact(), signed_in(nobody, 10), rehashed, session.fact(), signed_in(user.id, 10)];
    world.repositories.facts.record(&facts).await.unwrap();
    assert_eq!(world.live(&user, at(11)).await, [session.id()]);
    assert_eq!(world.rotate(&ghost, at(11)).await, Rotation::Unknown);
}

async fn a_kept_sessions_row_is_completed(world: World) {
    let user = world.person().await;
    let kept = Opened::new(user.id, at(10));
    let change = portico_domain::ports::PasswordChange {
        user_id: user.id,
        from: hash("first"),
        to: hash("second"),
        keep: Some(kept.0.session),
        at: at(20),
    };
    world.repositories.accounts.change_password(change).await.unwrap();
    world.repositories.facts.record(&[kept.fact()]).await.unwrap();
    let page = PageRequest { limit: 1, after: None, order: Order::Ascending };
    let listed = world.repositories.sessions.list(user.id, page, at(21)).await.unwrap();
    assert_eq!(listed[0].device, Device::new(Some("tests/1.0"), Some("203.0.113.7".to_owned())));
}

async fn concurrent_writers_of_the_same_people_do_not_block_each_other(world: World) {
    let people = join_all((0..6).map(|_| world.person())).await;
    let writers = (0..12_usize).map(|writer| {
        let mut facts: Vec<Fact> = people
            .iter()
            .flat_map(|user| {
                [Opened::new(user.id, at(10)).fact(), signed_in(user.id, 10 + i64::try_from(writer).unwrap())]
            })
            .collect();
        // Each in an order of its own.
        facts.rotate_left(writer);
        if writer % 2 == 0 {
            facts.reverse();
        }
        let facts_of = world.repositories.facts.clone();
        async move { facts_of.record(&facts).await }
    });
    for outcome in join_all(writers).await {
        assert_eq!(outcome, Ok(()));
    }
    for user in &people {
        assert_eq!(world.live(user, at(30)).await.len(), 12);
        let found = world.repositories.accounts.by_id(user.id).await.unwrap().unwrap();
        assert_eq!(found.last_login_at, Some(at(21)));
    }
}

async fn no_facts_are_no_work(world: World) {
    assert_eq!(world.repositories.facts.record(&[]).await, Ok(()));
}
