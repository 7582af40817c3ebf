use std::time::Duration;

use portico_domain::{
    models::{Email, SessionOrigin, Timestamp, User, UserId},
    ports::{Rotate, Rotation},
};

use crate::{
    Case, cases,
    world::{GRACE, LIFE, Opened, World, at, unique},
};

pub(crate) const CASES: &[Case<World>] = cases![
    a_first_token_works_before_its_row_is_written,
    each_renewal_makes_the_next_token_the_present_one,
    inside_the_grace_the_same_successor_is_given_again,
    at_the_end_of_the_grace_the_token_is_reused,
    a_token_whose_successor_was_used_is_reused,
    reuse_ends_the_session_for_everybody,
    a_contradicting_digest_ends_nothing,
    a_token_from_the_future_is_unknown,
    a_session_past_its_end_is_unknown,
    a_session_of_somebody_else_is_unknown,
    the_person_is_told_as_they_are_now,
    a_shortened_life_forgets_no_used_token,
];

fn replayed(user: &User, rotated_at: Timestamp) -> Rotation {
    Rotation::Replayed { user: user.clone(), rotated_at }
}

async fn a_first_token_works_before_its_row_is_written(world: World) {
    let user = world.person().await;
    let first = Opened::new(user.id, at(10));
    assert_eq!(world.rotate(&first, at(11)).await, Rotation::Rotated { user: user.clone() });
    assert_eq!(world.rotate(&first, at(12)).await, replayed(&user, at(11)));
    // The deferred write comes after it all.
    world.repositories.facts.record(&[first.fact()]).await.unwrap();
    assert_eq!(world.rotate(&first, at(13)).await, replayed(&user, at(11)));
    world.renew(&first.renewed(at(11)), at(14)).await;
    assert_eq!(world.live(&user, at(15)).await, [first.id()]);
}

async fn each_renewal_makes_the_next_token_the_present_one(world: World) {
    let user = world.person().await;
    for written in [true, false] {
        let mut token = Opened::new(user.id, at(10));
        if written {
            world.repositories.facts.record(&[token.fact()]).await.unwrap();
        }
        for second in 11..17 {
            token = world.renew(&token, at(second)).await;
        }
        assert_eq!(token.0.generation, 6);
    }
}

async fn inside_the_grace_the_same_successor_is_given_again(world: World) {
    let user = world.person().await;
    let first = world.opened(&user, at(10)).await;
    let second = world.renew(&first, at(20)).await;
    for micros in [1, 5_000_000, 9_999_999] {
        let now = at(20).after(Duration::from_micros(micros));
        assert_eq!(world.rotate(&first, now).await, replayed(&user, at(20)));
    }
    // A clock that lags behind the one that renewed it.
    assert_eq!(world.rotate(&first, at(19)).await, replayed(&user, at(20)));
    let third = world.renew(&second, at(29)).await;
    assert_eq!(world.rotate(&second, at(38)).await, replayed(&user, at(29)));
    world.renew(&third, at(39)).await;
}

async fn at_the_end_of_the_grace_the_token_is_reused(world: World) {
    let user = world.person().await;
    let first = Opened::new(user.id, at(10));
    world.renew(&first, at(20)).await;
    assert_eq!(world.rotate(&first, at(20).after(GRACE)).await, Rotation::Reused);
    assert!(world.live(&user, at(31)).await.is_empty());
}

async fn a_token_whose_successor_was_used_is_reused(world: World) {
    let user = world.person().await;
    let first = world.opened(&user, at(10)).await;
    let second = world.renew(&first, at(20)).await;
    world.renew(&second, at(21)).await;
    // Still inside the grace of the first.
    assert_eq!(world.rotate(&first, at(22)).await, Rotation::Reused);
    assert!(world.live(&user, at(23)).await.is_empty());
}

async fn reuse_ends_the_session_for_everybody(world: World) {
    let user = world.person().await;
    let first = world.opened(&user, at(10)).await;
    let second = world.renew(&first, at(20)).await;
    let third = world.renew(&second, at(21)).await;
    assert_eq!(world.rotate(&first, at(22)).await, Rotation::Reused);
    // Older tokens are told why, the present one only that it is over.
    assert_eq!(world.rotate(&first, at(23)).await, Rotation::Reused);
    assert_eq!(world.rotate(&second, at(23)).await, Rotation::Reused);
    assert_eq!(world.rotate(&third, at(23)).await, Rotation::Unknown);
    // A session that was ended otherwise was not reused.
    let first = world.opened(&user, at(30)).await;
    let second = world.renew(&first, at(31)).await;
    world.repositories.sessions.revoke(second.0.session, at(32)).await.unwrap();
    assert_eq!(world.rotate(&first, at(33)).await, Rotation::Unknown);
    assert_eq!(world.rotate(&second, at(33)).await, Rotation::Unknown);
}

async fn a_contradicting_digest_ends_nothing(world: World) {
    let user = world.person().await;
    let first = world.opened(&user, at(10)).await;
    let other_nonce = |token: &Opened| {
        let mut changed = *token;
        changed.0.nonce = [9; 16];
        changed
    };
    assert_eq!(world.rotate(&other_nonce(&first), at(11)).await, Rotation::Unknown);
    let second = world.renew(&first, at(12)).await;
    assert_eq!(world.rotate(&other_nonce(&first), at(13)).await, Rotation::Unknown);
    assert_eq!(world.rotate(&other_nonce(&first), at(100)).await, Rotation::Unknown);
    assert_eq!(world.rotate(&other_nonce(&second), at(101)).await, Rotation::Unknown);
    world.renew(&second, at(102)).await;
}

async fn a_token_from_the_future_is_unknown(world: World) {
    let user = world.person().await;
    let first = world.opened(&user, at(10)).await;
    let never_given = first.renewed(at(11)).renewed(at(12));
    assert_eq!(world.rotate(&never_given, at(13)).await, Rotation::Unknown);
    assert_eq!(world.rotate(&Opened::new(user.id, at(1)).renewed(at(2)), at(3)).await, Rotation::Unknown);
    world.renew(&first, at(14)).await;
}

async fn a_session_past_its_end_is_unknown(world: World) {
    let user = world.person().await;
    let first = world.opened(&user, at(10)).await;
    let end = at(10).after(LIFE);
    assert_eq!(world.rotate(&first, end).await, Rotation::Unknown);
    let second = world.renew(&first, end.before(Duration::from_secs(1))).await;
    world.renew(&second, end).await;
}

async fn a_session_of_somebody_else_is_unknown(world: World) {
    let (user, other) = (world.person().await, world.person().await);
    let session = world.opened(&user, at(10)).await;
    let second = world.renew(&session, at(11)).await;
    for token in [session, second] {
        for user_id in [other.id, UserId::generate(at(0), unique())] {
            let mut forged = token;
            forged.0.session = SessionOrigin { user_id, ..token.0.session };
            assert_eq!(world.rotate(&forged, at(50)).await, Rotation::Unknown);
        }
    }
    world.renew(&second, at(51)).await;
}

async fn the_person_is_told_as_they_are_now(world: World) {
    let user = world.person().await;
    let token = world.opened(&user, at(10)).await;
    let signed_in = portico_domain::models::Fact::SignedIn { user_id: user.id, at: at(9) };
    world.repositories.facts.record(&[signed_in]).await.unwrap();
    let Rotation::Rotated { user: told } = world.rotate(&token, at(11)).await else { panic!("not renewed") };
    assert_eq!(told.last_login_at, Some(at(9)));
    assert_eq!(Email::parse(&told.email).unwrap().as_str(), user.email);
}

async fn a_shortened_life_forgets_no_used_token(world: World) {
    let world = world.fresh().await;
    let user = world.person().await;
    let first = Opened::new(user.id, at(10));
    // The life of sessions was configured shorter since the first token was given.
    let short = at(30);
    let rotate = Rotate { successor_expires_at: short, ..first.presented(at(20)) };
    let outcome = world.repositories.sessions.rotate(rotate).await.unwrap();
    assert!(matches!(outcome, Rotation::Rotated { .. }), "{outcome:?}");
    // The row must outlive every token that it has to refuse.
    world.repositories.storage.purge_expired(at(100), 10_000).await.unwrap();
    assert_eq!(world.rotate(&first, at(101)).await, Rotation::Reused);
}
