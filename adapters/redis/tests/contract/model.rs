//! Whatever the order of loads, fills and drops on two servers: never a value older than a drop that returned.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
    time::{Duration, Instant},
};

use portico_domain::ports::{SharedCache, SharedMark};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use tokio::runtime::Runtime;

use crate::server::{Portico, Server, entry, key};

const KEEP: Duration = Duration::from_secs(60);
const KEYS: usize = 3;

#[derive(Debug, Clone)]
enum Step {
    /// A server reads a key; where nothing is found, it begins a load.
    Read { server: usize, key: usize },
    /// The oldest or the newest load under way is filled in.
    Fill { newest: bool },
    /// The source changes, and a server drops the key.
    Drop { server: usize, key: usize },
    /// The same, but whoever drops doesn't wait for it.
    DropAndLeave { server: usize, key: usize },
    /// Redis forgets everything, or its fence.
    Forget { fence_only: bool },
}

fn step() -> impl Strategy<Value = Step> {
    let place = || (0..2usize, 0..KEYS);
    prop_oneof![
        6 => place().prop_map(|(server, key)| Step::Read { server, key }),
        6 => any::<bool>().prop_map(|newest| Step::Fill { newest }),
        3 => place().prop_map(|(server, key)| Step::Drop { server, key }),
        1 => place().prop_map(|(server, key)| Step::DropAndLeave { server, key }),
        1 => any::<bool>().prop_map(|fence_only| Step::Forget { fence_only }),
    ]
}

struct World {
    server: Server,
    porticos: [Portico; 2],
}

async fn play(world: &World, steps: Vec<Step>, case: u64) {
    let name = |key_of: usize| key(&format!("{case} {key_of}"));
    // What the source has, and the least that each server may answer with.
    let mut source = [0u64; KEYS];
    let mut least = [[0u64; KEYS]; 2];
    let mut loads: Vec<(usize, usize, SharedMark, u64)> = Vec::new();
    for step in steps {
        match step {
            Step::Read { server, key } => {
                let answer = world.porticos[server].cache().get(&name(key)).await.unwrap();
                match answer.entry {
                    Some(found) => {
                        let version: u64 = String::from_utf8(found.value.unwrap()).unwrap().parse().unwrap();
                        assert!(version >= least[server][key], "{version} of {key} on {server}: {least:?}");
                    }
                    None => loads.push((server, key, answer.mark, source[key])),
                }
            }
            Step::Fill { newest } => {
                let at = if newest { loads.len().wrapping_sub(1) } else { 0 };
                if at < loads.len() {
                    let (server, key, mark, version) = loads.remove(at);
                    let cache = world.porticos[server].cache();
                    let _ = cache.set(&name(key), &entry(&version.to_string()), mark, KEEP).await.unwrap();
                }
            }
            Step::Drop { server, key } => {
                source[key] += 1;
                world.porticos[server].cache().delete(&[name(key)], &[]).await.unwrap();
                least[0][key] = source[key];
                least[1][key] = source[key];
            }
            Step::DropAndLeave { server, key } => {
                source[key] += 1;
                let keys = [name(key)];
                let mut delete = pin!(world.porticos[server].cache().delete(&keys, &[]));
                poll_fn(|context| {
                    let _ = delete.as_mut().poll(context);
                    Poll::Ready(())
                })
                .await;
                // Reads of that server come after it on the same connection, or find it undelivered.
                least[server][key] = source[key];
            }
            Step::Forget { fence_only: true } => world.server.command(&["DEL", "{portico}:fence"]).await,
            Step::Forget { fence_only: false } => world.server.command(&["FLUSHALL"]).await,
        }
    }
}

#[test]
fn no_interleaving_gives_a_value_older_than_a_drop_that_returned() {
    let runtime = Runtime::new().unwrap();
    let server = Server::start();
    let porticos = runtime.block_on(async { [server.connected().await, server.connected().await] });
    let world = World { server, porticos };
    let config = Config { cases: 150, max_shrink_iters: 200, failure_persistence: None, ..Config::default() };
    let case = AtomicU64::new(0);
    let told = TestRunner::new(config).run(&prop::collection::vec(step(), 1..60), |steps| {
        runtime.block_on(play(&world, steps, case.fetch_add(1, Ordering::SeqCst)));
        Ok(())
    });
    if let Err(found) = told {
        panic!("{found}");
    }
}

/// The same with true concurrency, and with a Redis that hangs and is killed now and then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_at_full_speed_over_outages_never_give_what_was_dropped() {
    let mut server = Server::start();
    let porticos = [server.connected().await, server.connected().await];
    let source: Arc<Vec<AtomicU64>> = Arc::new((0..KEYS).map(|_| AtomicU64::new(0)).collect());
    let confirmed: Arc<Vec<AtomicU64>> = Arc::new((0..KEYS).map(|_| AtomicU64::new(0)).collect());
    let reads = Arc::new(AtomicU64::new(0));
    let end = Instant::now() + Duration::from_secs(6);
    let mut tasks = Vec::new();
    for task in 0..8usize {
        let cache = Arc::clone(&porticos[task % 2].redis.cache);
        let (source, confirmed, reads) = (Arc::clone(&source), Arc::clone(&confirmed), Arc::clone(&reads));
        tasks.push(tokio::spawn(async move {
            let mut turn = task;
            while Instant::now() < end {
                turn += 1;
                let at = turn % KEYS;
                let name = key(&format!("fast {at}"));
                if turn % 11 == 0 {
                    let version = source[at].fetch_add(1, Ordering::SeqCst) + 1;
                    if cache.delete(&[name], &[]).await.is_ok() {
                        confirmed[at].fetch_max(version, Ordering::SeqCst);
                    }
                    continue;
                }
                let least = confirmed[at].load(Ordering::SeqCst);
                let Ok(answer) = cache.get(&name).await else {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                    continue;
                };
                if let Some(found) = answer.entry {
                    let version: u64 = String::from_utf8(found.value.unwrap()).unwrap().parse().unwrap();
                    assert!(version >= least, "{version} < {least}");
                    reads.fetch_add(1, Ordering::Relaxed);
                } else {
                    let version = source[at].load(Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_micros((turn % 7) as u64 * 300)).await;
                    let _ = cache.set(&name, &entry(&version.to_string()), answer.mark, KEEP).await;
                }
            }
        }));
    }
    tokio::time::sleep(Duration::from_millis(700)).await;
    server.hang();
    tokio::time::sleep(Duration::from_millis(1_300)).await;
    server.wake();
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    server.kill();
    tokio::time::sleep(Duration::from_millis(100)).await;
    server.run();
    for task in tasks {
        task.await.unwrap();
    }
    for portico in &porticos {
        portico.until_hearing().await;
        assert_eq!(portico.undelivered().await, 0);
    }
    assert!(reads.load(Ordering::Relaxed) > 1_000, "{}", reads.load(Ordering::Relaxed));
}
