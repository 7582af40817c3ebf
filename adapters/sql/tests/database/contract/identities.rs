use futures_util::future::join_all;
use portico_domain::{
    models::{Digest, Email, EmailHolder, ExternalIdentity, NewAccount, Provider, UserId},
    ports::{AccountCreation, IdentityStanding, LinkOutcome},
};

use crate::{
    Case, cases,
    world::{World, account, at, email, unique},
};

pub(crate) const CASES: &[Case<World>] = cases![
    a_state_is_used_once,
    standing_tells_all_that_linking_needs,
    an_account_comes_with_its_identity,
    an_account_for_a_taken_address_or_identity_writes_nothing,
    linking_tells_whose_the_identity_is,
    of_concurrent_links_one_wins,
];

fn identity() -> ExternalIdentity {
    let number = u64::from_be_bytes(unique()[..8].try_into().unwrap());
    ExternalIdentity { provider: Provider::GitHub, subject: format!("{}-{number}", std::process::id()) }
}

async fn a_state_is_used_once(world: World) {
    let state = Digest::of(&unique());
    let uses = (0..24).map(|_| world.repositories.identities.use_state(state, at(600)));
    let firsts = join_all(uses).await.into_iter().filter(|first| first.clone().unwrap()).count();
    assert_eq!(firsts, 1);
    assert_eq!(world.repositories.identities.use_state(state, at(600)).await, Ok(false));
    assert_eq!(world.repositories.identities.use_state(Digest::of(&unique()), at(600)).await, Ok(true));
}

async fn standing_tells_all_that_linking_needs(world: World) {
    let identities = &world.repositories.identities;
    let (stranger, theirs) = (identity(), identity());
    let nothing = IdentityStanding { linked: None, email_holder: None };
    assert_eq!(identities.standing(&stranger, &email()).await, Ok(nothing));

    let holder = world.person().await;
    let address = Email::parse(&holder.email).unwrap();
    let held = |email_verified, has_password, has_identity| {
        Some(EmailHolder { user_id: holder.id, has_password, email_verified, has_identity })
    };
    let standing = identities.standing(&stranger, &address).await.unwrap();
    assert_eq!(standing, IdentityStanding { linked: None, email_holder: held(false, true, false) });

    assert_eq!(identities.link(holder.id, &theirs, at(1)).await, Ok(LinkOutcome::Linked));
    let standing = identities.standing(&stranger, &address).await.unwrap();
    assert_eq!(standing, IdentityStanding { linked: None, email_holder: held(false, true, true) });
    let standing = identities.standing(&theirs, &email()).await.unwrap();
    assert_eq!(standing, IdentityStanding { linked: Some(holder.clone()), email_holder: None });
    let standing = identities.standing(&theirs, &address).await.unwrap();
    assert_eq!(standing.linked.map(|user| user.id), Some(holder.id));

    let verified = NewAccount { email_verified: true, password_hash: None, ..account() };
    let address = verified.email.clone();
    let id = world.made(verified).await.id;
    let standing = identities.standing(&theirs, &address).await.unwrap();
    let expected =
        EmailHolder { user_id: id, has_password: false, email_verified: true, has_identity: false };
    assert_eq!(standing, IdentityStanding { linked: Some(holder), email_holder: Some(expected) });
}

async fn an_account_comes_with_its_identity(world: World) {
    let (made, theirs) = (account(), identity());
    let outcome = world.repositories.identities.create_account(made.clone(), &theirs).await;
    assert_eq!(outcome, Ok(AccountCreation::Created));
    let standing = world.repositories.identities.standing(&theirs, &made.email).await.unwrap();
    assert_eq!(standing.linked.map(|user| user.id), Some(made.id));
    assert!(standing.email_holder.unwrap().has_identity);
}

async fn an_account_for_a_taken_address_or_identity_writes_nothing(world: World) {
    let (first, theirs) = (account(), identity());
    let identities = &world.repositories.identities;
    assert_eq!(identities.create_account(first.clone(), &theirs).await, Ok(AccountCreation::Created));

    let (same_address, free) = (NewAccount { email: first.email.clone(), ..account() }, identity());
    let outcome = identities.create_account(same_address.clone(), &free).await;
    assert_eq!(outcome, Ok(AccountCreation::EmailTaken));
    assert_eq!(identities.standing(&free, &email()).await.unwrap().linked, None);

    let same_identity = account();
    let outcome = identities.create_account(same_identity.clone(), &theirs).await;
    assert_eq!(outcome, Ok(AccountCreation::EmailTaken));
    for absent in [same_address.id, same_identity.id] {
        assert_eq!(world.repositories.accounts.by_id(absent).await, Ok(None));
    }
}

async fn linking_tells_whose_the_identity_is(world: World) {
    let (user, other) = (world.person().await, world.person().await);
    let (first, second) = (identity(), identity());
    let identities = &world.repositories.identities;
    assert_eq!(identities.link(user.id, &first, at(1)).await, Ok(LinkOutcome::Linked));
    assert_eq!(identities.link(user.id, &first, at(2)).await, Ok(LinkOutcome::Linked));
    assert_eq!(identities.link(other.id, &first, at(3)).await, Ok(LinkOutcome::Taken));
    assert_eq!(identities.link(user.id, &second, at(4)).await, Ok(LinkOutcome::Taken));
    let nobody = UserId::generate(at(0), unique());
    assert_eq!(identities.link(nobody, &second, at(5)).await, Ok(LinkOutcome::Taken));
    // Nothing of the refused ones stays.
    assert_eq!(identities.link(other.id, &second, at(6)).await, Ok(LinkOutcome::Linked));
}

async fn of_concurrent_links_one_wins(world: World) {
    let people = join_all((0..8).map(|_| world.person())).await;
    let theirs = identity();
    let links = people.iter().map(|user| world.repositories.identities.link(user.id, &theirs, at(1)));
    let outcomes: Vec<LinkOutcome> = join_all(links).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == LinkOutcome::Linked).count(), 1, "{outcomes:?}");
}
