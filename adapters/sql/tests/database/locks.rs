//! What waits for whom on Postgres, with the transaction that is waited for held open by hand.

use std::{future::Future, sync::Arc, time::Duration};

use portico_domain::{
    models::{Day, KeyUses, UsageBatch, User},
    ports::{PasswordChange, PasswordChanged, Rotation},
};
use sqlx::{Connection as _, PgConnection};

use crate::{
    Case, cases,
    contract::api_keys,
    world::{Opened, Server, World, at, hash},
};

pub(crate) const CASES: &[Case<Server>] = cases![
    a_late_session_waits_for_the_end_of_all,
    a_first_renewal_waits_for_the_end_of_all,
    a_password_change_waits_for_the_one_before,
    a_batch_waits_for_its_other_delivery_and_counts_once,
    a_batch_whose_other_delivery_was_undone_counts,
];

/// A person, and a transaction of somebody else that has changed their row and isn't committed yet.
struct Held {
    world: World,
    user: User,
    other: PgConnection,
}

async fn held(server: Server, change: &'static str) -> Held {
    let database = server.database().await;
    let world = World::over(server, database.pooled());
    let user = world.person().await;
    let mut other = PgConnection::connect(&database.url).await.unwrap();
    sqlx::query("BEGIN").execute(&mut other).await.unwrap();
    sqlx::query(change).bind(user.id.uuid()).execute(&mut other).await.unwrap();
    Held { world, user, other }
}

impl Held {
    /// Starts `step`, insists that it waits, commits, and gives what it told.
    async fn waits<T: Send + 'static>(mut self, step: impl Future<Output = T> + Send + 'static) -> T {
        let mut running = tokio::spawn(step);
        let early = tokio::time::timeout(Duration::from_millis(200), &mut running).await;
        assert!(early.is_err(), "it must wait for the transaction that is open");
        sqlx::query("COMMIT").execute(&mut self.other).await.unwrap();
        running.await.unwrap()
    }
}

/// Second 20 of the tests' time.
const ALL_ENDED: &str = "UPDATE users SET sessions_valid_from = to_timestamp(1790000020) WHERE id = $1";

async fn a_late_session_waits_for_the_end_of_all(server: Server) {
    let held = held(server, ALL_ENDED).await;
    let (world, user) = (held.world.clone(), held.user.clone());
    let session = Opened::new(user.id, at(10));
    let facts = Arc::clone(&world.repositories.facts);
    held.waits(async move { facts.record(&[session.fact()]).await }).await.unwrap();
    assert!(world.live(&user, at(30)).await.is_empty());
    assert_eq!(world.rotate(&session, at(31)).await, Rotation::Unknown);
}

async fn a_first_renewal_waits_for_the_end_of_all(server: Server) {
    let held = held(server, ALL_ENDED).await;
    let (world, user) = (held.world.clone(), held.user.clone());
    let session = Opened::new(user.id, at(10));
    let sessions = Arc::clone(&world.repositories.sessions);
    let told = held.waits(async move { sessions.rotate(session.presented(at(21))).await }).await;
    assert_eq!(told, Ok(Rotation::Unknown));
    assert!(world.live(&user, at(30)).await.is_empty());
}

async fn a_password_change_waits_for_the_one_before(server: Server) {
    let before = "UPDATE users SET password_hash = '$2b$04$not-a-real-hash-second', updated_at = to_timestamp(1790000020), \
                  sessions_valid_from = to_timestamp(1790000020) WHERE id = $1";
    let held = held(server, before).await;
    let (world, user) = (held.world.clone(), held.user.clone());
    let kept = Opened::new(user.id, at(25));
    let change = PasswordChange {
        user_id: user.id,
        from: hash("second"),
        to: hash("third"),
        keep: Some(kept.0.session),
        at: at(30),
    };
    let accounts = Arc::clone(&world.repositories.accounts);
    let told = held.waits(async move { accounts.change_password(change).await }).await;
    assert_eq!(told, Ok(PasswordChanged::Done));
    assert_eq!(world.live(&user, at(31)).await, [kept.id()]);
}

/// Delivers a batch of five uses while somebody else has delivered it and hasn't ended the transaction, which then ends by `end`. Gives what is counted.
async fn delivered_twice(server: Server, end: &'static str) -> u64 {
    let database = server.database().await;
    let world = World::over(server, database.pooled());
    let (user, new) = api_keys::made(&world).await;
    let uses = vec![KeyUses { key_id: new.key.id, day: Day(20_717), uses: 5, last_at: at(1) }];
    let batch = UsageBatch { id: uuid::Uuid::from_u128(7), uses };
    let mut other = PgConnection::connect(&database.url).await.unwrap();
    sqlx::query("BEGIN").execute(&mut other).await.unwrap();
    for statement in [
        "INSERT INTO usage_batches (id, added_at) SELECT '00000000-0000-0000-0000-000000000007', now() WHERE $1 = $1",
        "INSERT INTO api_key_usage (key_id, day, uses, last_at) VALUES ($1, 20717, 5, now())",
    ] {
        sqlx::query(statement).bind(new.key.id.uuid()).execute(&mut other).await.unwrap();
    }
    let usage = Arc::clone(&world.repositories.key_usage);
    let mut adding = tokio::spawn(async move { usage.add(&batch).await });
    let early = tokio::time::timeout(Duration::from_millis(200), &mut adding).await;
    assert!(early.is_err(), "it must wait for the delivery that is under way");
    sqlx::query(end).execute(&mut other).await.unwrap();
    assert_eq!(adding.await.unwrap(), Ok(()));
    let days = world.repositories.key_usage.of(user.organization_id, new.key.id, Day(0)).await;
    days.unwrap().unwrap().into_iter().map(|(_, uses)| uses).sum()
}

async fn a_batch_waits_for_its_other_delivery_and_counts_once(server: Server) {
    assert_eq!(delivered_twice(server, "COMMIT").await, 5);
}

async fn a_batch_whose_other_delivery_was_undone_counts(server: Server) {
    assert_eq!(delivered_twice(server, "ROLLBACK").await, 5);
}
