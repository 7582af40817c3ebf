use std::collections::BTreeSet;

use portico_domain::{
    models::{Cursor, Device, Order, PageRequest, Session, SessionId, UserId},
    ports::Rotation,
};

use crate::{
    Case, cases,
    world::{LIFE, Opened, World, at, unique},
};

pub(crate) const CASES: &[Case<World>] = cases![
    live_sessions_are_listed_as_they_are,
    walking_a_list_visits_each_session_once,
    a_revoked_session_is_over_with_or_without_its_row,
    revoking_leaves_other_peoples_sessions_alone,
    ending_tells_whether_there_was_one_to_end,
    ending_all_spares_what_begins_later,
    ending_all_twice_never_takes_back,
];

async fn live_sessions_are_listed_as_they_are(world: World) {
    let (user, other) = (world.person().await, world.person().await);
    let first = world.opened(&user, at(10)).await;
    let second = world.opened(&user, at(20)).await;
    let ended = world.opened(&user, at(30)).await;
    world.opened(&other, at(15)).await;
    world.repositories.sessions.revoke(ended.0.session, at(31)).await.unwrap();
    world.renew(&first, at(40)).await;

    let page = PageRequest { limit: 10, after: None, order: Order::Descending };
    let listed = world.repositories.sessions.list(user.id, page, at(50)).await.unwrap();
    let device = Device { user_agent: Some("tests/1.0".to_owned()), ip: Some("203.0.113.7".to_owned()) };
    let session =
        |id, created_at, last_used_at| Session { id, created_at, last_used_at, device: device.clone() };
    assert_eq!(listed, [session(second.id(), at(20), at(20)), session(first.id(), at(10), at(40))]);
    // The renewed one outlives the other.
    assert_eq!(world.live(&user, at(20).after(LIFE)).await, [first.id()]);
    assert!(world.live(&user, at(40).after(LIFE)).await.is_empty());
}

async fn walking_a_list_visits_each_session_once(world: World) {
    let user = world.person().await;
    let mut expected = BTreeSet::new();
    // Several that started at the same moment.
    for started_at in [5, 5, 5, 7, 7, 9, 9, 9, 9, 11, 13] {
        expected.insert(world.opened(&user, at(started_at)).await.id());
    }
    for order in [Order::Ascending, Order::Descending] {
        for limit in [1, 2, 3, 10, 11, 100] {
            let (mut seen, mut after) = (Vec::new(), None);
            for _ in 0..=expected.len() {
                let page = PageRequest { limit, after, order };
                let rows = world.repositories.sessions.list(user.id, page, at(100)).await.unwrap();
                let more = rows.len() > limit as usize;
                assert!(rows.len() <= limit as usize + 1);
                for row in rows.into_iter().take(limit as usize) {
                    let place = Cursor::at(row.created_at, row.id.uuid());
                    assert!(page.includes(place));
                    after = Some(place);
                    seen.push(row.id);
                }
                if !more {
                    break;
                }
            }
            assert_eq!(seen.len(), expected.len(), "{order:?} by {limit}");
            assert_eq!(seen.iter().copied().collect::<BTreeSet<SessionId>>(), expected);
        }
    }
}

async fn a_revoked_session_is_over_with_or_without_its_row(world: World) {
    let user = world.person().await;
    let written = world.opened(&user, at(10)).await;
    let unwritten = Opened::new(user.id, at(11));
    for session in [written, unwritten] {
        // Idempotent.
        for second in [20, 21] {
            world.repositories.sessions.revoke(session.0.session, at(second)).await.unwrap();
        }
        assert_eq!(world.rotate(&session, at(30)).await, Rotation::Unknown);
        // The deferred write comes late, and revives nothing.
        world.repositories.facts.record(&[session.fact()]).await.unwrap();
        assert_eq!(world.rotate(&session, at(31)).await, Rotation::Unknown);
    }
    assert!(world.live(&user, at(32)).await.is_empty());
    // Somebody without an account has no sessions to end.
    let nobody = Opened::new(UserId::generate(at(0), unique()), at(10));
    world.repositories.sessions.revoke(nobody.0.session, at(20)).await.unwrap();
    assert_eq!(world.rotate(&nobody, at(21)).await, Rotation::Unknown);
}

async fn revoking_leaves_other_peoples_sessions_alone(world: World) {
    let (user, other) = (world.person().await, world.person().await);
    let session = world.opened(&user, at(10)).await;
    let mut forged = session.0.session;
    forged.user_id = other.id;
    world.repositories.sessions.revoke(forged, at(20)).await.unwrap();
    assert_eq!(world.live(&user, at(21)).await, [session.id()]);
    assert!(world.live(&other, at(21)).await.is_empty());
}

async fn ending_tells_whether_there_was_one_to_end(world: World) {
    let (user, other) = (world.person().await, world.person().await);
    let sessions = &world.repositories.sessions;
    let session = world.opened(&user, at(10)).await;
    let expired = world.opened(&user, at(-2_000)).await;
    assert_eq!(sessions.end(other.id, session.id(), at(20)).await, Ok(false));
    assert_eq!(sessions.end(user.id, Opened::new(user.id, at(1)).id(), at(20)).await, Ok(false));
    assert_eq!(sessions.end(user.id, expired.id(), at(20)).await, Ok(false));
    assert_eq!(sessions.end(user.id, session.id(), at(20)).await, Ok(true));
    assert_eq!(sessions.end(user.id, session.id(), at(21)).await, Ok(false));
    assert_eq!(world.rotate(&session, at(22)).await, Rotation::Unknown);
}

async fn ending_all_spares_what_begins_later(world: World) {
    let (user, other) = (world.person().await, world.person().await);
    let written = world.opened(&user, at(10)).await;
    let at_that_moment = world.opened(&user, at(20)).await;
    let unwritten = Opened::new(user.id, at(11));
    let unwritten_at_that_moment = Opened::new(user.id, at(20));
    let later = world.opened(&user, at(21)).await;
    let later_unwritten = Opened::new(user.id, at(22));
    let theirs = world.opened(&other, at(10)).await;

    world.repositories.sessions.end_all(user.id, at(20)).await.unwrap();

    assert_eq!(world.live(&user, at(30)).await, [later.id()]);
    for ended in [written, at_that_moment, unwritten, unwritten_at_that_moment] {
        assert_eq!(world.rotate(&ended, at(31)).await, Rotation::Unknown);
        world.repositories.facts.record(&[ended.fact()]).await.unwrap();
        assert_eq!(world.rotate(&ended, at(32)).await, Rotation::Unknown);
    }
    world.repositories.facts.record(&[later_unwritten.fact()]).await.unwrap();
    assert_eq!(world.live(&user, at(33)).await, [later_unwritten.id(), later.id()]);
    assert_eq!(world.live(&other, at(33)).await, [theirs.id()]);
}

async fn ending_all_twice_never_takes_back(world: World) {
    let user = world.person().await;
    let unwritten = Opened::new(user.id, at(15));
    world.repositories.sessions.end_all(user.id, at(20)).await.unwrap();
    // An earlier one that comes late.
    world.repositories.sessions.end_all(user.id, at(10)).await.unwrap();
    assert_eq!(world.rotate(&unwritten, at(30)).await, Rotation::Unknown);
}
