use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{
    models::PoolState,
    ports::{DatabaseState, Notice, Notices},
};

/// So many looks in a row must find a pool at ease before it is said to be.
const CALM_LOOKS: u8 = 5;

/// Looks whether the pools of connections are nearly used up, and tells operators when that changes.
///
/// A pool is said to be strained at the first look that finds it so ([`PoolState::is_strained`]), and at ease after five looks in a row that find at most
/// 80 % of it in use: one that swings around the mark is told of once. That nobody waits for a small pool at some moment, while all of it is in use, is no
/// ease.
pub struct WatchPools {
    state: Arc<dyn DatabaseState>,
    notices: Arc<dyn Notices>,
    seen: Mutex<[Seen; 2]>,
}

/// What was told of a pool, and what was seen of it since.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    is_strained: bool,
    calm_looks: u8,
}

impl WatchPools {
    /// How often a runtime that keeps connections looks.
    pub const EVERY: Duration = Duration::from_secs(1);

    /// Watches the pools of `state`.
    #[must_use]
    pub fn new(state: Arc<dyn DatabaseState>, notices: Arc<dyn Notices>) -> Self {
        Self { state, notices, seen: Mutex::default() }
    }

    /// One look. Says whether there is anything to look at.
    pub fn run(&self) -> bool {
        let pools = self.state.pools();
        let pools = [("connections", pools.pool), ("writer", pools.writer)];
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for ((name, pool), seen) in pools.into_iter().zip(seen.iter_mut()) {
            if let Some(notice) = pool.and_then(|pool| seen.look(name, pool)) {
                self.notices.tell(notice);
            }
        }
        pools.iter().any(|(_, pool)| pool.is_some())
    }
}

impl Seen {
    fn look(&mut self, name: &'static str, state: PoolState) -> Option<Notice> {
        if state.is_strained() || (self.is_strained && state.is_nearly_used_up()) {
            self.calm_looks = 0;
            let is_news = !std::mem::replace(&mut self.is_strained, true);
            return is_news.then_some(Notice::PoolStrained { pool: name, state });
        }
        if !self.is_strained {
            return None;
        }
        self.calm_looks += 1;
        if self.calm_looks < CALM_LOOKS {
            return None;
        }
        *self = Self::default();
        Some(Notice::PoolAtEase { pool: name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        models::Pools,
        ports::{MockDatabaseState, MockNotices},
    };

    const CALM: PoolState = PoolState { max: 10, size: 10, idle: 5, waiting: 0 };
    const FULL: PoolState = PoolState { max: 10, size: 10, idle: 0, waiting: 4 };

    /// A small pool: in use, with and without somebody who waits; and not all of it in use.
    const SMALL_FULL: PoolState = PoolState { max: 2, size: 2, idle: 0, waiting: 3 };
    const SMALL_USED: PoolState = PoolState { waiting: 0, ..SMALL_FULL };
    const SMALL_CALM: PoolState = PoolState { idle: 1, ..SMALL_USED };

    /// Looks at these states of the pool one after the other, and gives what was told.
    fn told(states: Vec<PoolState>) -> Vec<Notice> {
        let looks = states.len();
        let mut state = MockDatabaseState::new();
        let mut states = states.into_iter();
        state.expect_pools().returning(move || Pools { pool: states.next(), writer: None, wal_bytes: None });
        let told = Arc::new(Mutex::new(Vec::new()));
        let mut notices = MockNotices::new();
        let heard = Arc::clone(&told);
        notices.expect_tell().returning(move |notice| heard.lock().unwrap().push(notice));
        let watch = WatchPools::new(Arc::new(state), Arc::new(notices));
        for _ in 0..looks {
            assert!(watch.run());
        }
        let told = told.lock().unwrap();
        told.clone()
    }

    fn strained() -> Notice {
        Notice::PoolStrained { pool: "connections", state: FULL }
    }

    #[test]
    fn strain_is_told_once_and_its_end_once() {
        let mut states = vec![CALM, FULL, FULL, FULL];
        states.extend([CALM; 12]);
        states.push(FULL);
        let eased = Notice::PoolAtEase { pool: "connections" };
        assert_eq!(told(states), [strained(), eased, strained()]);
    }

    #[test]
    fn a_pool_that_swings_around_the_mark_is_told_of_once() {
        let swings = [FULL, CALM, CALM, CALM, CALM].repeat(20);
        assert_eq!(told(swings), [strained()]);
    }

    #[test]
    fn a_small_pool_is_not_at_ease_while_all_of_it_is_in_use() {
        let strained = || Notice::PoolStrained { pool: "connections", state: SMALL_FULL };
        let mut states = vec![SMALL_USED; 9];
        assert_eq!(told(states.clone()), [], "in use, and nobody ever waited");
        states.push(SMALL_FULL);
        states.extend([SMALL_USED; 9]);
        assert_eq!(told(states.clone()), [strained()], "nobody waits at the moment of a look");
        states.extend([SMALL_CALM; 4]);
        states.push(SMALL_USED);
        states.extend([SMALL_CALM; 4]);
        assert_eq!(told(states.clone()), [strained()], "not five in a row");
        states.push(SMALL_CALM);
        assert_eq!(told(states), [strained(), Notice::PoolAtEase { pool: "connections" }]);
    }

    #[test]
    fn a_writer_is_watched_by_itself_and_where_there_is_no_pool_there_is_nothing_to_watch() {
        let mut state = MockDatabaseState::new();
        let writer = PoolState { max: 1, size: 1, idle: 0, waiting: 2 };
        state.expect_pools().return_const(Pools { writer: Some(writer), ..Pools::default() });
        let mut notices = MockNotices::new();
        notices
            .expect_tell()
            .withf(move |notice| *notice == Notice::PoolStrained { pool: "writer", state: writer })
            .once()
            .return_const(());
        assert!(WatchPools::new(Arc::new(state), Arc::new(notices)).run());

        let mut none = MockDatabaseState::new();
        none.expect_pools().return_const(Pools::default());
        assert!(!WatchPools::new(Arc::new(none), Arc::new(MockNotices::new())).run());
    }
}
