//! The wiring: ports and settings in, flows out.
//!
//! A runtime fills [`Ports`] and gets a [`Door`]. A new port is a new field, so that both runtimes fail to compile until they give one.

use std::{sync::Arc, time::Duration};

use crate::{
    flows::{
        Authenticate, ChangePassword, CreateUser, EndSession, Health, ListSessions, Login, Logout, LogoutAll,
        Maintenance, Me, OAuthBegin, OAuthCallback, Refresh, Register,
        api_keys::{
            ChangeApiKey, CheckApiKey, CreateApiKey, ListApiKeys, RevokeApiKey, RotateApiKey, VerifyApiKey,
        },
        shared::{Cursors, Gate, Issuance, Kept, LazyPasswords, MakePasswords, Signers, WriteThrough},
    },
    ports::{
        Accounts, ApiKeys, Clock, Credentials, DeferredWrites, Entropy, FactStore, Identities,
        IdentityProvider, KeyLookup, RateLimiter, Sessions, Storage, TokenKeys,
    },
    settings::{Settings, Switch},
};

/// Where the provider sends browsers back to, below the public address.
pub const GITHUB_CALLBACK_PATH: &str = "/api/v1/auth/github/callback";

/// What the flows ask of the world; each runtime fills it with its adapters.
pub struct Ports {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Gives randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Keeps accounts.
    pub accounts: Arc<dyn Accounts>,
    /// Finds accounts by address, over a connection made ready beforehand.
    pub credentials: Arc<dyn Credentials>,
    /// Keeps sessions.
    pub sessions: Arc<dyn Sessions>,
    /// Keeps identities at providers.
    pub identities: Arc<dyn Identities>,
    /// Keeps API keys.
    pub api_keys: Arc<dyn ApiKeys>,
    /// Finds API keys by what is shown of them.
    pub key_lookup: Arc<dyn KeyLookup>,
    /// The storage as a whole.
    pub storage: Arc<dyn Storage>,
    /// Writes facts.
    pub facts: Arc<dyn FactStore>,
    /// Takes facts to be written after the answer.
    pub deferred: Arc<dyn DeferredWrites>,
    /// Counts attempts.
    pub limiter: Arc<dyn RateLimiter>,
    /// Makes the password hasher.
    pub passwords: MakePasswords,
    /// Resolves signing keys.
    pub token_keys: Arc<dyn TokenKeys>,
    /// Signs people in through GitHub, where that is set up.
    pub github: Option<Arc<dyn IdentityProvider>>,
}

/// Sign-in through one provider.
pub struct OAuthFlows {
    /// Sends a browser there.
    pub begin: OAuthBegin,
    /// Takes it back.
    pub callback: OAuthCallback,
}

/// What is done with API keys.
pub struct ApiKeyFlows {
    /// Makes one.
    pub create: CreateApiKey,
    /// Shows them.
    pub list: ListApiKeys,
    /// Reads and writes that list's cursors.
    pub cursors: Cursors,
    /// Changes one.
    pub change: ChangeApiKey,
    /// Gives one a new text.
    pub rotate: RotateApiKey,
    /// Revokes one.
    pub revoke: RevokeApiKey,
    /// Lets a program in.
    pub check: Arc<CheckApiKey>,
    /// Checks one for another service.
    pub verify: VerifyApiKey,
}

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
    /// API keys.
    pub api_keys: ApiKeyFlows,
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
        let deferred: Arc<dyn DeferredWrites> = if on(Switch::DeferredWrites) {
            Arc::clone(&ports.deferred)
        } else {
            Arc::new(WriteThrough::new(Arc::clone(&ports.facts)))
        };
        let gate = Gate::new(Arc::clone(&ports.limiter));
        let limits = settings.limits;
        let issuance = Issuance::new(
            Arc::clone(&signers),
            Arc::clone(&ports.entropy),
            Arc::clone(&deferred),
            settings.access_lifetime,
            settings.refresh_lifetime,
        );
        let api_keys = api_key_flows(ports, &gate, &signers, &deferred);
        let github = oauth_flows(ports, &settings, &gate, &signers, &issuance);
        let passwords = Arc::new(LazyPasswords::new(Arc::clone(&ports.passwords), on(Switch::LazyPasswords)));
        let keep_health = Duration::from_secs(if on(Switch::ResponseCache) { 5 } else { 0 });
        Self {
            authenticate: Authenticate { clock: Arc::clone(&ports.clock), signers: Arc::clone(&signers) },
            register: Register {
                open: settings.signup_open,
                clock: Arc::clone(&ports.clock),
                entropy: Arc::clone(&ports.entropy),
                gate: gate.clone(),
                credentials: Arc::clone(&ports.credentials),
                passwords: Arc::clone(&passwords),
                accounts: Arc::clone(&ports.accounts),
                issuance: issuance.clone(),
                quota: limits.register,
            },
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
            api_keys,
            github,
            maintenance: Maintenance {
                clock: Arc::clone(&ports.clock),
                storage: Arc::clone(&ports.storage),
                prewarm: on(Switch::Prewarm),
            },
            health: Health {
                clock: Arc::clone(&ports.clock),
                storage: Arc::clone(&ports.storage),
                kept: Kept::new(keep_health),
            },
            signers,
            clock: Arc::clone(&ports.clock),
            entropy: Arc::clone(&ports.entropy),
            settings,
        }
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

fn api_key_flows(
    ports: &Ports,
    gate: &Gate,
    signers: &Arc<Signers>,
    deferred: &Arc<dyn DeferredWrites>,
) -> ApiKeyFlows {
    let check = Arc::new(CheckApiKey {
        clock: Arc::clone(&ports.clock),
        lookup: Arc::clone(&ports.key_lookup),
        gate: gate.clone(),
        deferred: Arc::clone(deferred),
    });
    ApiKeyFlows {
        create: CreateApiKey {
            clock: Arc::clone(&ports.clock),
            entropy: Arc::clone(&ports.entropy),
            keys: Arc::clone(&ports.api_keys),
        },
        list: ListApiKeys { keys: Arc::clone(&ports.api_keys) },
        cursors: Cursors::new("api-keys", Arc::clone(signers)),
        change: ChangeApiKey { clock: Arc::clone(&ports.clock), keys: Arc::clone(&ports.api_keys) },
        rotate: RotateApiKey {
            clock: Arc::clone(&ports.clock),
            entropy: Arc::clone(&ports.entropy),
            keys: Arc::clone(&ports.api_keys),
        },
        revoke: RevokeApiKey { clock: Arc::clone(&ports.clock), keys: Arc::clone(&ports.api_keys) },
        verify: VerifyApiKey { check: Arc::clone(&check) },
        check,
    }
}

fn oauth_flows(
    ports: &Ports,
    settings: &Settings,
    gate: &Gate,
    signers: &Arc<Signers>,
    issuance: &Issuance,
) -> Option<OAuthFlows> {
    let provider = ports.github.as_ref()?;
    let redirect_uri = format!("{}{GITHUB_CALLBACK_PATH}", settings.public_url);
    Some(OAuthFlows {
        begin: OAuthBegin {
            clock: Arc::clone(&ports.clock),
            entropy: Arc::clone(&ports.entropy),
            gate: gate.clone(),
            signers: Arc::clone(signers),
            provider: Arc::clone(provider),
            redirect_uri: redirect_uri.clone(),
            quota: settings.limits.oauth,
        },
        callback: OAuthCallback {
            clock: Arc::clone(&ports.clock),
            entropy: Arc::clone(&ports.entropy),
            gate: gate.clone(),
            signers: Arc::clone(signers),
            provider: Arc::clone(provider),
            identities: Arc::clone(&ports.identities),
            accounts: Arc::clone(&ports.accounts),
            issuance: issuance.clone(),
            signup_open: settings.signup_open,
            redirect_uri,
            quota: settings.limits.oauth,
        },
    })
}
