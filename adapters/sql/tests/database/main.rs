//! The repositories and drivers against real databases.
//!
//! | file | what it tests |
//! | --- | --- |
//! | `contract/` | each port's contract, by every driver |
//! | `race.rs` | many callers renewing with one token |
//! | `interleavings.rs` | what ends and what opens sessions, in any order and at once |
//! | `locks.rs` | what waits for whom on Postgres |
//! | `statements/` | every statement: registered, prepared, planned with an index |
//! | `migrations.rs` | repeated, concurrent, changed and failed migrations |
//! | `connections.rs` | statements that run for long, pools that are used up, servers that refuse |
//! | `time_limits.rs` | statements that take too long, or that nobody waits for any more |
//! | `abandoned.rs` | how soon the latter are gone, and what becomes of their connections |
//! | `resilience.rs` | lost connections, requests' connections, what is counted |
//! | `streams.rs` | what is streamed over a request's connection, by other tasks |
//! | `world.rs` | the databases and drivers themselves |
//!
//! Postgres is the one of `TEST_DATABASE_URL`, or a cluster made for the run.

// Helpers of tests are outside `#[test]` functions, where clippy's exception for tests doesn't reach.
#![allow(clippy::unwrap_used)]

mod abandoned;
mod connections;
mod contract;
mod interleavings;
mod locks;
mod migrations;
mod race;
mod resilience;
mod statements;
mod streams;
mod time_limits;
mod world;

use std::{future::Future, pin::Pin, process::ExitCode};

use libtest_mimic::{Arguments, Trial};

use crate::world::Databases;

/// One test case, before it is given its world.
type Case<W> = (&'static str, fn(W) -> Pin<Box<dyn Future<Output = ()> + Send>>);

/// Lists async functions as cases by their names.
macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        &[$((stringify!($name), |world| Box::pin($name(world)))),*]
    };
}
pub(crate) use cases;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime starts");
    let databases = runtime.block_on(Databases::start()).expect("the databases start");
    let mut trials = Vec::new();
    let mut add = |name: String, future: Pin<Box<dyn Future<Output = ()> + Send>>| {
        let handle = runtime.handle().clone();
        trials.push(Trial::test(name, move || {
            handle.block_on(future);
            Ok(())
        }));
    };
    for world in &databases.worlds {
        for (port, cases) in contract::SUITES {
            for (name, case) in *cases {
                add(format!("{}::{port}::{name}", world.name()), case(world.clone()));
            }
        }
        for (name, case) in race::CASES.iter().chain(interleavings::CASES) {
            add(format!("{}::{name}", world.name()), case(world.clone()));
        }
    }
    for (name, case) in statements::CASES
        .iter()
        .chain(migrations::CASES)
        .chain(resilience::CASES)
        .chain(streams::CASES)
        .chain(locks::CASES)
        .chain(connections::CASES)
        .chain(time_limits::CASES)
        .chain(abandoned::CASES)
    {
        add((*name).to_owned(), case(databases.server.clone()));
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    // The cluster made for the run ends with it.
    let _entered = runtime.enter();
    databases.stop();
    conclusion.exit_code()
}
