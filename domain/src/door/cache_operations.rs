use std::sync::Arc;

use super::Ports;
use crate::{
    cache::Cache,
    flows::{
        api_keys::{Holders, HotKeys},
        cache_operations::{
            ConductExperiments, ConductParts, ManageExperiments, Server, ShowCache, WarmCaches, Warmer,
        },
        shared::{Cursors, Gate, Signers},
    },
    settings::{Settings, Target},
};

/// The cache as operators see and steer it.
pub struct CacheOperations {
    /// Tells figures.
    pub figures: ShowCache,
    /// Fills caches.
    pub warm: Arc<WarmCaches>,
    /// Starts, stops, shows and adopts experiments.
    pub experiments: ManageExperiments,
    /// Does here what storage says of experiments.
    pub conduct: Arc<ConductExperiments>,
    /// Reads and writes the cursors of their list.
    pub cursors: Cursors,
}

impl CacheOperations {
    pub(super) fn new(
        ports: &Ports,
        settings: &Settings,
        (gate, signers): (&Gate, &Arc<Signers>),
        cache: &Arc<Cache>,
        holders: &Holders,
    ) -> Self {
        let server = Arc::new(Server::new(ports.clock.now(), Arc::clone(&ports.entropy)));
        let conduct = Arc::new(ConductExperiments::new(ConductParts {
            clock: Arc::clone(&ports.clock),
            cache: Arc::clone(cache),
            experiments: Arc::clone(&ports.experiments),
            results: Arc::clone(&ports.experiment_results),
            server: Arc::clone(&server),
            background: Arc::clone(&ports.background),
            notices: Arc::clone(&ports.notices),
        }));
        let hot_keys: Arc<dyn Warmer> = Arc::new(HotKeys {
            clock: Arc::clone(&ports.clock),
            lookup: Arc::clone(&ports.key_lookup),
            holders: holders.clone(),
            // Isolates come and go, and what one is warmed with the others have nothing of; each server warms its own memory.
            share: settings.target == Target::Worker,
        });
        let most = settings.target.most_warmed();
        Self {
            figures: ShowCache {
                server,
                cache: Arc::clone(cache),
                conduct: Arc::clone(&conduct),
                gate: gate.clone(),
            },
            warm: Arc::new(WarmCaches::new(vec![hot_keys], Arc::clone(cache), settings.warm_keys, most)),
            experiments: ManageExperiments {
                clock: Arc::clone(&ports.clock),
                entropy: Arc::clone(&ports.entropy),
                experiments: Arc::clone(&ports.experiments),
                results: Arc::clone(&ports.experiment_results),
                policies: settings.cache,
                conduct: Some(Arc::clone(&conduct)),
            },
            conduct,
            cursors: Cursors::new("cache-experiments", Arc::clone(signers)),
        }
    }
}
