use futures_util::future::join_all;
use portico_domain::models::{Email, NewAccount};

use crate::{
    Case, cases,
    world::{World, account, email, hash, unique},
};

pub(crate) const CASES: &[Case<World>] = cases![
    a_person_is_found_over_the_connection_made_ready,
    addresses_are_data,
    dropped_connections_come_back,
    many_look_up_at_once,
];

async fn a_person_is_found_over_the_connection_made_ready(world: World) {
    let user = world.person().await;
    let address = Email::parse(&user.email).unwrap();
    let mut lookup = world.repositories.credentials.connect().await.unwrap();
    let credential = lookup.by_email(&address).await.unwrap().unwrap();
    assert_eq!(credential.user, user);
    assert_eq!(credential.password_hash, Some(hash("first")));
    // The first look-up gave its connection back; another one still works.
    assert_eq!(lookup.by_email(&email()).await, Ok(None));
}

async fn addresses_are_data(world: World) {
    let number = u64::from_be_bytes(unique()[..8].try_into().unwrap());
    let odd = Email::parse(&format!("o'x\"{number}\\%_$1+{}@exämple.com", std::process::id())).unwrap();
    let made = world.made(NewAccount { email: odd.clone(), ..account() }).await;
    let found = world.repositories.credentials.connect().await.unwrap().by_email(&odd).await.unwrap();
    assert_eq!(found.map(|credential| credential.user), Some(made));
}

async fn dropped_connections_come_back(world: World) {
    // Far more than any pool has.
    for _ in 0..60 {
        drop(world.repositories.credentials.connect().await.unwrap());
    }
    let mut lookup = world.repositories.credentials.connect().await.unwrap();
    assert_eq!(lookup.by_email(&email()).await, Ok(None));
}

async fn many_look_up_at_once(world: World) {
    let user = world.person().await;
    let address = Email::parse(&user.email).unwrap();
    let lookups = (0..40).map(|_| async {
        let mut lookup = world.repositories.credentials.connect().await.unwrap();
        let credential = lookup.by_email(&address).await.unwrap().unwrap();
        // The look-up is still held, as a login holds it while it hashes; its connection must not be.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        credential.user
    });
    assert!(join_all(lookups).await.into_iter().all(|found| found == user));
}
