use std::sync::Arc;

use super::Ports;
use crate::{
    cache::{Cache, CacheParts, Strategies},
    settings::{Settings, Target},
};

pub(super) fn cache(ports: &Ports, settings: &Settings) -> Arc<Cache> {
    Cache::new(CacheParts {
        clock: Arc::clone(&ports.clock),
        background: Arc::clone(&ports.background),
        notices: Arc::clone(&ports.notices),
        local: Arc::clone(&ports.local_cache),
        shared: ports.shared_cache.clone(),
        fence: Arc::clone(&ports.fence),
        strategies: Strategies::new(settings.cache.0),
        // A request of an isolate may not wait for another's I/O.
        single_flight: settings.target == Target::Native,
    })
}
