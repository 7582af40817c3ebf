use std::sync::Arc;

use super::Ports;
use crate::flows::database::{ShowDatabase, WatchPools};

/// The database as operators see it.
pub struct DatabaseFlows {
    /// Shows how it is doing.
    pub show: ShowDatabase,
    /// Tells when its connections are nearly used up.
    pub watch: WatchPools,
}

impl DatabaseFlows {
    pub(super) fn new(ports: &Ports) -> Self {
        let state = || Arc::clone(&ports.database_state);
        Self {
            show: ShowDatabase { clock: Arc::clone(&ports.clock), state: state() },
            watch: WatchPools::new(state(), Arc::clone(&ports.notices)),
        }
    }
}
