use std::time::Duration;

use crate::{
    Case, cases,
    world::{DriverKind, World},
};

pub(crate) const CASES: &[Case<World>] = cases![
    the_database_says_what_it_is_and_what_it_has,
    connections_are_told_where_any_are_kept,
    what_has_just_begun_is_not_long_running,
];

async fn the_database_says_what_it_is_and_what_it_has(world: World) {
    let activity = world.repositories.database_state.activity(Duration::from_secs(5), 10).await.unwrap();
    if matches!(world.kind, DriverKind::Sqlite) {
        assert_eq!(activity.kind, "sqlite");
        assert_eq!((activity.connections, activity.long_running.len()), (None, 0));
        let file = activity.file.unwrap();
        assert!(file.bytes > file.free_bytes && file.bytes.is_multiple_of(512), "{file:?}");
    } else {
        assert_eq!((activity.kind.as_str(), activity.file), ("postgres", None));
        let connections = activity.connections.unwrap();
        assert!(connections.max > 0 && connections.waiting_for_lock <= connections.waiting);
        assert!(connections.waiting <= connections.active, "{connections:?}");
    }
}

async fn connections_are_told_where_any_are_kept(world: World) {
    world.repositories.storage.ping().await.unwrap();
    let pools = world.repositories.database_state.pools();
    let keeps = matches!(world.kind, DriverKind::Sqlite | DriverKind::Postgres);
    assert_eq!(pools.pool.is_some(), keeps);
    assert_eq!(pools.writer.is_some(), matches!(world.kind, DriverKind::Sqlite));
    assert_eq!(pools.wal_bytes.is_some(), matches!(world.kind, DriverKind::Sqlite));
    for pool in [pools.pool, pools.writer].into_iter().flatten() {
        assert!(pool.size <= pool.max && pool.idle <= pool.size, "{pool:?}");
    }
}

async fn what_has_just_begun_is_not_long_running(world: World) {
    let long = Duration::from_secs(3_600);
    let activity = world.repositories.database_state.activity(long, 10).await.unwrap();
    assert_eq!(activity.long_running, []);
}
