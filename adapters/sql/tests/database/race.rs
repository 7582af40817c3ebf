use std::{sync::Arc, time::Duration};

use portico_domain::{models::Timestamp, ports::Rotation};
use tokio::sync::Barrier;

use crate::{
    Case, cases,
    world::{DriverKind, Opened, World, at},
};

pub(crate) const CASES: &[Case<World>] = cases![of_64_callers_with_one_token_one_renews_it];

const CALLERS: usize = 64;

async fn of_64_callers_with_one_token_one_renews_it(world: World) {
    // Each database sees the whole number through its own pooled driver; the others show that their way there changes nothing.
    let rounds = match world.kind {
        DriverKind::Sqlite | DriverKind::Postgres => 1_000,
        DriverKind::Hyperdrive | DriverKind::NeonHttp => 20,
    };
    let world = world.fresh().await;
    let user = world.person().await;
    for round in 0..rounds {
        // By turns: a first token without a row, one with a row, and a later one.
        let mut token = Opened::new(user.id, at(0));
        if round % 3 > 0 {
            world.repositories.facts.record(&[token.fact()]).await.unwrap();
        }
        if round % 3 > 1 {
            token = world.renew(&token, at(1)).await;
        }
        let start = Arc::new(Barrier::new(CALLERS));
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let (world, start) = (world.clone(), Arc::clone(&start));
                // Each has its own moment, as callers do; in no particular order.
                let now = at(2).after(Duration::from_micros((caller as u64 * 37 + round) % CALLERS as u64));
                tokio::spawn(async move {
                    start.wait().await;
                    (now, world.rotate(&token, now).await)
                })
            })
            .collect();
        let mut renewed_at: Vec<Timestamp> = Vec::new();
        let mut replayed_at: Vec<Timestamp> = Vec::new();
        for caller in callers {
            match caller.await.unwrap() {
                (now, Rotation::Rotated { user: told }) => {
                    assert_eq!(told, user);
                    renewed_at.push(now);
                }
                (_, Rotation::Replayed { user: told, rotated_at }) => {
                    assert_eq!(told, user);
                    replayed_at.push(rotated_at);
                }
                (_, outcome) => panic!("round {round}: {outcome:?}"),
            }
        }
        assert_eq!(renewed_at.len(), 1, "round {round}");
        assert_eq!(replayed_at, vec![renewed_at[0]; CALLERS - 1], "round {round}");
        // The successor that all of them derive is the present token.
        world.renew(&token.renewed(renewed_at[0]), at(3)).await;
    }
}
