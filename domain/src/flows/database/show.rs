use std::{sync::Arc, time::Duration};

use crate::{
    models::{DatabaseActivity, Pools},
    ports::{Clock, DatabaseState, Unavailable, within},
};

/// How long the database may take to say what it does. An operator asks when all connections are taken, and must be told just that.
const PATIENCE: Duration = Duration::from_secs(2);
/// The most long-running statements that are told.
const MOST_TOLD: u32 = 50;

/// How the database is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseReport {
    /// The connections that this process keeps.
    pub pools: Pools,
    /// What the database says of itself, or why it could not be asked.
    pub activity: Result<DatabaseActivity, Unavailable>,
}

/// Shows how the database is doing.
///
/// 1. Look at the pools first: asking takes a connection from them.
/// 2. Ask the database, and give up after two seconds.
///
/// Answers always: that the database can't be asked is a part of the report.
pub struct ShowDatabase {
    /// Bounds the wait.
    pub clock: Arc<dyn Clock>,
    /// What is shown.
    pub state: Arc<dyn DatabaseState>,
}

impl ShowDatabase {
    /// The report; `long` is from when on a statement is long-running.
    pub async fn run(&self, long: Duration) -> DatabaseReport {
        let pools = self.state.pools();
        let activity = within(&*self.clock, PATIENCE, self.state.activity(long, MOST_TOLD)).await;
        let activity =
            activity.unwrap_or_else(|| Err(Unavailable::new("storage", "no answer within two seconds")));
        DatabaseReport { pools, activity }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        models::{PoolState, Timestamp},
        ports::MockDatabaseState,
    };

    /// Stands still, unless waiting is to end at once.
    struct TestClock {
        time_passes: bool,
    }

    #[async_trait::async_trait]
    impl Clock for TestClock {
        fn now(&self) -> Timestamp {
            Timestamp::from_seconds(100)
        }

        async fn sleep(&self, _: Duration) {
            if !self.time_passes {
                std::future::pending::<()>().await;
            }
        }
    }

    fn flow(state: MockDatabaseState, time_passes: bool) -> ShowDatabase {
        ShowDatabase { clock: Arc::new(TestClock { time_passes }), state: Arc::new(state) }
    }

    fn full() -> Pools {
        Pools { pool: Some(PoolState { max: 5, size: 5, idle: 0, waiting: 3 }), ..Pools::default() }
    }

    #[tokio::test]
    async fn the_pools_are_told_when_the_database_cannot_be_asked() {
        let away = Unavailable::new("storage", "gone");
        let mut state = MockDatabaseState::new();
        state.expect_pools().return_const(full());
        let told = away.clone();
        state.expect_activity().returning(move |_, _| Err(told.clone()));
        let report = flow(state, false).run(Duration::from_secs(5)).await;
        assert_eq!(report, DatabaseReport { pools: full(), activity: Err(away) });
    }

    struct Silent;

    #[async_trait::async_trait]
    impl DatabaseState for Silent {
        fn pools(&self) -> Pools {
            full()
        }

        async fn activity(&self, _: Duration, _: u32) -> Result<DatabaseActivity, Unavailable> {
            std::future::pending().await
        }
    }

    #[tokio::test]
    async fn a_database_that_does_not_answer_is_not_waited_for() {
        let flow = ShowDatabase { state: Arc::new(Silent), ..flow(MockDatabaseState::new(), true) };
        let report = flow.run(Duration::from_secs(5)).await;
        assert_eq!(report.pools, full());
        assert!(report.activity.is_err());
    }

    #[tokio::test]
    async fn what_is_long_is_the_callers_to_say() {
        let mut state = MockDatabaseState::new();
        state.expect_pools().return_const(Pools::default());
        let activity = DatabaseActivity {
            kind: "postgres".to_owned(),
            connections: None,
            long_running: Vec::new(),
            file: None,
        };
        let told = activity.clone();
        state
            .expect_activity()
            .withf(|long, at_most| *long == Duration::from_secs(60) && *at_most == 50)
            .once()
            .returning(move |_, _| Ok(told.clone()));
        assert_eq!(flow(state, false).run(Duration::from_secs(60)).await.activity, Ok(activity));
    }
}
