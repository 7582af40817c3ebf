use std::sync::Arc;

use super::Ports;
use crate::{
    cache::{Cache, ReadThrough},
    flows::{Attempts, ClaimSource, LimitRequests, SortBots, SortCounts, shared::Gate},
    settings::{Limits, Settings, Switch},
};

pub(super) fn gate(ports: &Ports, limits: Limits) -> Gate {
    Gate::with_rules(Arc::clone(&ports.limiter), limits.open_when_away, Some(Arc::clone(&ports.notices)))
}

pub(super) fn limit_requests(gate: &Gate, limits: Limits) -> LimitRequests {
    LimitRequests { gate: gate.clone(), address: limits.address, account: limits.account }
}

pub(super) fn sort_bots(ports: &Ports, settings: &Settings, gate: &Gate, cache: &Arc<Cache>) -> SortBots {
    // A verdict that is not kept is of no use to anybody: with the switch off nobody is verified.
    let resolver = ports.resolver.as_ref().filter(|_| settings.switches.is_on(Switch::BotCache));
    let verified =
        |resolver| ReadThrough::new(Arc::clone(cache), ClaimSource { resolver: Arc::clone(resolver) });
    SortBots {
        clock: Arc::clone(&ports.clock),
        gate: gate.clone(),
        verdicts: resolver.map(verified),
        attempts: Attempts::default(),
        settings: settings.bots.clone(),
        quota: settings.limits.bot,
        counts: SortCounts::default(),
    }
}
