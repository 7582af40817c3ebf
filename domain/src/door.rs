//! The wiring: ports and settings in, flows out.
//!
//! A runtime fills [`Ports`] and gets a [`Door`]. A new port is a new field, so that both runtimes fail to compile until they give one.

mod api_keys;
mod cache;
mod cache_operations;
mod catalogue;
mod database;
mod guards;
mod messaging;
mod models;
mod oauth;
mod ports;
mod stored_settings;

use std::{sync::Arc, time::Duration};

pub use self::{
    api_keys::ApiKeyFlows,
    cache_operations::CacheOperations,
    catalogue::CatalogueFlows,
    database::DatabaseFlows,
    messaging::MessagingFlows,
    models::ModelFlows,
    oauth::{GITHUB_CALLBACK_PATH, OAuthFlows},
    ports::Ports,
    stored_settings::StoredSettings,
};
use self::{
    api_keys::{api_key_flows, uses},
    cache::cache,
    catalogue::catalogue_flows,
    guards::{gate, limit_requests, sort_bots},
    messaging::messaging_flows,
    models::model_flows,
    oauth::oauth_flows,
    stored_settings::stored_settings,
};
use crate::{
    cache::Cache,
    flows::{
        Authenticate, ChangePassword, CreateUser, EndSession, Health, LimitRequests, ListSessions, Login,
        Logout, LogoutAll, Maintenance, Me, Refresh, Register, SortBots,
        shared::{Cursors, Gate, Issuance, Kept, LazyPasswords, Signers, WriteThrough},
    },
    ports::{Clock, DeferredWrites, Entropy},
    settings::{Settings, Switch},
};

/// Everything that Portico does, ready to be asked.
pub struct Door {
    /// What was set.
    pub settings: Settings,
    /// Tells the time, also to the boundary.
    pub clock: Arc<dyn Clock>,
    /// Gives randomness, also to the boundary.
    pub entropy: Arc<dyn Entropy>,
    /// The signing keys, resolved once.
    pub signers: Arc<Signers>,
    /// Asks the rate limits, and knows how often they couldn't be.
    pub gate: Gate,
    /// Counts requests whatever they are about.
    pub limit_requests: LimitRequests,
    /// Tells who is calling.
    pub authenticate: Authenticate,
    /// Makes an account and signs its owner in.
    pub register: Register,
    /// Makes an account on an operator's word.
    pub create_user: CreateUser,
    /// Signs somebody in by password.
    pub login: Login,
    /// Renews a pair of tokens.
    pub refresh: Refresh,
    /// Signs one session out.
    pub logout: Logout,
    /// Signs a person out everywhere.
    pub logout_all: LogoutAll,
    /// Describes the caller.
    pub me: Me,
    /// Lists the caller's sessions.
    pub list_sessions: ListSessions,
    /// Reads and writes that list's cursors.
    pub session_cursors: Cursors,
    /// Ends one of the caller's sessions.
    pub end_session: EndSession,
    /// Changes the caller's password.
    pub change_password: ChangePassword,
    /// Chats, messages and events.
    pub messaging: MessagingFlows,
    /// API keys.
    pub api_keys: ApiKeyFlows,
    /// Books and orders.
    pub catalogue: CatalogueFlows,
    /// Settings that are stored.
    pub stored_settings: StoredSettings,
    /// Sorts programs.
    pub sort_bots: SortBots,
    /// What is kept of what was read.
    pub cache: Arc<Cache>,
    /// The cache as operators see and steer it.
    pub cache_operations: CacheOperations,
    /// The database as operators see it.
    pub database: DatabaseFlows,
    /// Models.
    pub models: ModelFlows,
    /// Sign-in through GitHub, where that is set up.
    pub github: Option<OAuthFlows>,
    /// Hourly upkeep.
    pub maintenance: Maintenance,
    /// What monitors ask.
    pub health: Health,
}

impl Door {
    /// Wires the flows.
    #[must_use]
    pub fn new(ports: &Ports, settings: Settings) -> Self {
        let on = |switch| settings.switches.is_on(switch);
        let signers = Arc::new(Signers::new(Arc::clone(&ports.token_keys), on(Switch::SecretCache)));
        let deferred = deferred_writes(ports, on(Switch::DeferredWrites));
        let limits = settings.limits;
        let gate = gate(ports, limits);
        let issuance = Issuance::new(
            Arc::clone(&signers),
            Arc::clone(&ports.entropy),
            Arc::clone(&deferred),
            settings.access_lifetime,
            settings.refresh_lifetime,
        );
        let cache = cache(ports, &settings);
        let gate_of_bots = gate.clone();
        let uses = uses(ports, on(Switch::DeferredWrites));
        let api_keys = api_key_flows(ports, &gate, &signers, uses, &cache, limits.key);
        let holders = &api_keys.check.holders;
        let cache_operations = CacheOperations::new(ports, &settings, (&gate, &signers), &cache, holders);
        let warm = on(Switch::CacheWarming).then(|| Arc::clone(&cache_operations.warm));
        let models = model_flows(ports, &signers, &cache);
        let github = oauth_flows(ports, &settings, &gate, &signers, &issuance);
        let passwords = Arc::new(LazyPasswords::new(Arc::clone(&ports.passwords), on(Switch::LazyPasswords)));
        Self {
            limit_requests: limit_requests(&gate, limits),
            gate: gate.clone(),
            authenticate: Authenticate { clock: Arc::clone(&ports.clock), signers: Arc::clone(&signers) },
            register: register(ports, &settings, &gate, &passwords, &issuance),
            create_user: CreateUser {
                clock: Arc::clone(&ports.clock),
                entropy: Arc::clone(&ports.entropy),
                passwords: Arc::clone(&passwords),
                accounts: Arc::clone(&ports.accounts),
            },
            login: Login {
                clock: Arc::clone(&ports.clock),
                gate: gate.clone(),
                credentials: Arc::clone(&ports.credentials),
                passwords: Arc::clone(&passwords),
                issuance: issuance.clone(),
                quota: limits.login,
                connect_early: on(Switch::ParallelLogin),
            },
            refresh: Refresh {
                clock: Arc::clone(&ports.clock),
                signers: Arc::clone(&signers),
                gate: gate.clone(),
                sessions: Arc::clone(&ports.sessions),
                issuance,
                quota: limits.refresh,
                grace: settings.refresh_grace,
            },
            logout: Logout {
                clock: Arc::clone(&ports.clock),
                signers: Arc::clone(&signers),
                sessions: Arc::clone(&ports.sessions),
            },
            logout_all: LogoutAll { clock: Arc::clone(&ports.clock), sessions: Arc::clone(&ports.sessions) },
            me: Me { accounts: Arc::clone(&ports.accounts), deferred: Arc::clone(&deferred) },
            list_sessions: ListSessions {
                clock: Arc::clone(&ports.clock),
                sessions: Arc::clone(&ports.sessions),
                deferred: Arc::clone(&deferred),
                facts: Arc::clone(&ports.facts),
            },
            session_cursors: Cursors::new("sessions", Arc::clone(&signers)),
            end_session: EndSession {
                clock: Arc::clone(&ports.clock),
                sessions: Arc::clone(&ports.sessions),
                deferred: Arc::clone(&deferred),
                facts: Arc::clone(&ports.facts),
                refresh_lifetime: settings.refresh_lifetime,
            },
            change_password: change_password(ports, &settings, gate, passwords, deferred),
            stored_settings: stored_settings(ports, &signers, &cache),
            sort_bots: sort_bots(ports, &settings, &gate_of_bots, &cache),
            api_keys,
            catalogue: catalogue_flows(ports, &signers, &cache),
            cache,
            cache_operations,
            database: DatabaseFlows::new(ports),
            models,
            github,
            maintenance: Maintenance {
                clock: Arc::clone(&ports.clock),
                storage: Arc::clone(&ports.storage),
                prewarm: on(Switch::Prewarm),
                warm,
            },
            health: health(ports, on(Switch::ResponseCache)),
            messaging: messaging_flows(ports, &signers),
            signers,
            clock: Arc::clone(&ports.clock),
            entropy: Arc::clone(&ports.entropy),
            settings,
        }
    }
}

fn deferred_writes(ports: &Ports, is_on: bool) -> Arc<dyn DeferredWrites> {
    if is_on { Arc::clone(&ports.deferred) } else { Arc::new(WriteThrough::new(Arc::clone(&ports.facts))) }
}

fn health(ports: &Ports, is_kept: bool) -> Health {
    Health {
        clock: Arc::clone(&ports.clock),
        storage: Arc::clone(&ports.storage),
        kept: Kept::new(Duration::from_secs(if is_kept { 5 } else { 0 })),
    }
}

fn register(
    ports: &Ports,
    settings: &Settings,
    gate: &Gate,
    passwords: &Arc<LazyPasswords>,
    issuance: &Issuance,
) -> Register {
    Register {
        open: settings.signup_open,
        clock: Arc::clone(&ports.clock),
        entropy: Arc::clone(&ports.entropy),
        gate: gate.clone(),
        credentials: Arc::clone(&ports.credentials),
        passwords: Arc::clone(passwords),
        accounts: Arc::clone(&ports.accounts),
        issuance: issuance.clone(),
        quota: settings.limits.register,
    }
}

fn change_password(
    ports: &Ports,
    settings: &Settings,
    gate: Gate,
    passwords: Arc<LazyPasswords>,
    deferred: Arc<dyn DeferredWrites>,
) -> ChangePassword {
    ChangePassword {
        clock: Arc::clone(&ports.clock),
        gate,
        accounts: Arc::clone(&ports.accounts),
        passwords,
        deferred,
        facts: Arc::clone(&ports.facts),
        quota: settings.limits.password,
        refresh_lifetime: settings.refresh_lifetime,
    }
}
