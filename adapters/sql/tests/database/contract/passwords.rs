use futures_util::future::join_all;
use portico_domain::{
    models::{SessionOrigin, User},
    ports::{PasswordChange, PasswordChanged, Rotation},
};

use crate::{
    Case, cases,
    world::{Opened, World, at, hash},
};

pub(crate) const CASES: &[Case<World>] = cases![
    a_changed_password_is_stored_and_ends_the_other_sessions,
    a_superseded_change_writes_nothing,
    of_concurrent_changes_one_is_made,
    a_change_without_a_kept_session_ends_all,
    a_kept_session_without_a_row_goes_on,
    a_change_revives_no_ended_session,
    a_change_keeps_nobody_elses_session,
];

fn change(user: &User, keep: Option<SessionOrigin>, seconds: i64) -> PasswordChange {
    PasswordChange { user_id: user.id, from: hash("first"), to: hash("second"), keep, at: at(seconds) }
}

async fn changed(world: &World, change: PasswordChange) -> PasswordChanged {
    world.repositories.accounts.change_password(change).await.unwrap()
}

async fn a_changed_password_is_stored_and_ends_the_other_sessions(world: World) {
    let user = world.person().await;
    let kept = world.opened(&user, at(10)).await;
    let kept = world.renew(&kept, at(20)).await;
    let other = world.opened(&user, at(11)).await;
    let unwritten = Opened::new(user.id, at(12));

    assert_eq!(changed(&world, change(&user, Some(kept.0.session), 30)).await, PasswordChanged::Done);

    let credential = world.repositories.accounts.credential(user.id).await.unwrap().unwrap();
    assert_eq!(credential.password_hash, Some(hash("second")));
    assert_eq!(world.live(&user, at(31)).await, [kept.id()]);
    assert_eq!(world.rotate(&other, at(32)).await, Rotation::Unknown);
    assert_eq!(world.rotate(&unwritten, at(33)).await, Rotation::Unknown);
    world.renew(&kept, at(34)).await;
    // One that begins afterwards has nothing to do with it.
    let later = Opened::new(user.id, at(40));
    world.renew(&later, at(41)).await;
}

async fn a_superseded_change_writes_nothing(world: World) {
    let user = world.person().await;
    let other = world.opened(&user, at(10)).await;
    let unwritten = Opened::new(user.id, at(11));
    let keep = Opened::new(user.id, at(12));
    let superseded = PasswordChange { from: hash("another"), ..change(&user, Some(keep.0.session), 30) };
    assert_eq!(changed(&world, superseded).await, PasswordChanged::Superseded);
    let credential = world.repositories.accounts.credential(user.id).await.unwrap().unwrap();
    assert_eq!(credential.password_hash, Some(hash("first")));
    assert_eq!(world.live(&user, at(31)).await, [other.id()]);
    world.renew(&unwritten, at(32)).await;

    // Superseded by a change to the very same hash, after which another session began.
    assert_eq!(changed(&world, change(&user, None, 40)).await, PasswordChanged::Done);
    let fresh = world.opened(&user, at(45)).await;
    assert_eq!(changed(&world, change(&user, None, 50)).await, PasswordChanged::Superseded);
    assert_eq!(world.live(&user, at(51)).await, [fresh.id()]);
}

async fn of_concurrent_changes_one_is_made(world: World) {
    let user = world.person().await;
    let kept: Vec<Opened> = (0..8).map(|second| Opened::new(user.id, at(second))).collect();
    let changes = (0..).zip(&kept).map(|(number, session)| {
        let to = hash(&format!("number {number}"));
        let change = PasswordChange { to, ..change(&user, Some(session.0.session), 30 + number) };
        world.repositories.accounts.change_password(change)
    });
    let outcomes: Vec<_> = join_all(changes).await.into_iter().map(Result::unwrap).collect();
    let winners: Vec<usize> = (0..8).filter(|&number| outcomes[number] == PasswordChanged::Done).collect();
    let [winner] = winners[..] else { panic!("{outcomes:?}") };
    let credential = world.repositories.accounts.credential(user.id).await.unwrap().unwrap();
    assert_eq!(credential.password_hash, Some(hash(&format!("number {winner}"))));
    assert_eq!(world.live(&user, at(60)).await, [kept[winner].id()]);
}

async fn a_change_without_a_kept_session_ends_all(world: World) {
    let user = world.person().await;
    let one = world.opened(&user, at(10)).await;
    let two = Opened::new(user.id, at(30));
    assert_eq!(changed(&world, change(&user, None, 30)).await, PasswordChanged::Done);
    assert!(world.live(&user, at(31)).await.is_empty());
    assert_eq!(world.rotate(&one, at(32)).await, Rotation::Unknown);
    assert_eq!(world.rotate(&two, at(33)).await, Rotation::Unknown);
}

async fn a_kept_session_without_a_row_goes_on(world: World) {
    for fact_first in [true, false] {
        let user = world.person().await;
        let kept = Opened::new(user.id, at(10));
        assert_eq!(changed(&world, change(&user, Some(kept.0.session), 30)).await, PasswordChanged::Done);
        assert_eq!(world.live(&user, at(31)).await, [kept.id()]);
        if fact_first {
            world.repositories.facts.record(&[kept.fact()]).await.unwrap();
        }
        let renewed = world.renew(&kept, at(32)).await;
        world.repositories.facts.record(&[kept.fact()]).await.unwrap();
        assert_eq!(world.live(&user, at(33)).await, [kept.id()]);
        world.renew(&renewed, at(34)).await;
        // What was used stays used.
        assert_eq!(world.rotate(&kept, at(35)).await, Rotation::Reused);
    }
}

async fn a_change_revives_no_ended_session(world: World) {
    let user = world.person().await;
    let with_row = world.opened(&user, at(10)).await;
    let without_row = Opened::new(user.id, at(11));
    let revoked_unwritten = Opened::new(user.id, at(30));
    world.repositories.sessions.end_all(user.id, at(20)).await.unwrap();
    world.repositories.sessions.revoke(revoked_unwritten.0.session, at(31)).await.unwrap();
    let mut from = hash("first");
    for (number, ended) in (0..).zip([with_row, without_row, revoked_unwritten]) {
        let to = hash(&format!("after {number}"));
        let change =
            PasswordChange { from, to: to.clone(), ..change(&user, Some(ended.0.session), 40 + number) };
        assert_eq!(changed(&world, change).await, PasswordChanged::Done);
        assert!(world.live(&user, at(50)).await.is_empty());
        assert_eq!(world.rotate(&ended, at(50)).await, Rotation::Unknown);
        from = to;
    }
}

async fn a_change_keeps_nobody_elses_session(world: World) {
    let (user, other) = (world.person().await, world.person().await);
    let theirs = world.opened(&other, at(10)).await;
    assert_eq!(changed(&world, change(&user, Some(theirs.0.session), 30)).await, PasswordChanged::Done);
    assert_eq!(world.live(&other, at(31)).await, [theirs.id()]);
    assert!(world.live(&user, at(31)).await.is_empty());
}
