//! The people the provider knows, and how it treats each of them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long a code may be exchanged; GitHub's ten minutes.
const CODE_LIFETIME: Duration = Duration::from_mins(10);

/// Holds one account with its addresses and the faults it is to meet.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// GitHub's numeric account id.
    pub id: u64,
    /// The account's name in `/user`, or none.
    pub name: Option<String>,
    /// `/user/emails` as it is answered.
    pub emails: Value,
    /// `deny` makes the person decline at `/login/oauth/authorize`.
    pub deny: bool,
    /// Faults by stage: `token`, `user`, `emails`.
    pub faults: HashMap<String, Fault>,
    /// Requests seen by stage.
    pub seen: HashMap<&'static str, u64>,
}

/// Describes how a stage fails.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Answers with this status and GitHub's error shape.
    Status(u16),
    /// Answers 200 with bytes that are neither JSON nor a form.
    Garbage,
    /// Answers rightly, this much later.
    Slow(Duration),
    /// Answers 200 with a JSON document of another shape.
    OtherShape,
}

/// Holds what a code was given for; it is good for one exchange.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The account that consented.
    pub login: String,
    /// The address the code was sent to.
    pub redirect_uri: String,
    /// The `code_challenge` (S256), when one was sent.
    pub challenge: Option<String>,
    /// The scopes asked for.
    pub scope: String,
    issued: Instant,
}

impl Grant {
    /// Records a consent given now.
    #[must_use]
    pub fn new(login: String, redirect_uri: String, challenge: Option<String>, scope: String) -> Self {
        Self { login, redirect_uri, challenge, scope, issued: Instant::now() }
    }
}

/// Remembers accounts, codes and tokens while the process lives.
#[derive(Default)]
pub struct Identities {
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    accounts: HashMap<String, Identity>,
    codes: HashMap<String, Grant>,
    /// Token to account and scope.
    tokens: HashMap<String, (String, String)>,
}

impl Identities {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an account, or replaces it.
    pub fn put(&self, login: String, identity: Identity) {
        self.memory().accounts.insert(login, identity);
    }

    /// Finds an account.
    #[must_use]
    pub fn get(&self, login: &str) -> Option<Identity> {
        self.memory().accounts.get(login).cloned()
    }

    /// Counts a request at a stage, and tells how that stage is to fail for this account.
    pub fn meet(&self, login: &str, stage: &'static str) -> Option<Fault> {
        let mut memory = self.memory();
        let account = memory.accounts.get_mut(login)?;
        *account.seen.entry(stage).or_default() += 1;
        account.faults.get(stage).cloned()
    }

    /// Keeps a code until it is exchanged.
    pub fn keep_code(&self, code: String, grant: Grant) {
        self.memory().codes.insert(code, grant);
    }

    /// Takes a code out: the second taker gets nothing, nor does one who comes too late.
    #[must_use]
    pub fn take_code(&self, code: &str) -> Option<Grant> {
        self.memory().codes.remove(code).filter(|grant| grant.issued.elapsed() < CODE_LIFETIME)
    }

    /// Keeps an access token.
    pub fn keep_token(&self, token: String, login: String, scope: String) {
        self.memory().tokens.insert(token, (login, scope));
    }

    /// Tells whose token this is, and its scopes.
    #[must_use]
    pub fn owner(&self, token: &str) -> Option<(String, String)> {
        self.memory().tokens.get(token).cloned()
    }
}

impl Identity {
    /// Reads an account from a control request: `{id, name?, emails, deny?, faults: {stage: fault}}`, a fault being
    /// `{"status": n}`, `"garbage"`, `"other_shape"` or `{"slow_ms": n}`.
    pub fn parse(value: &Value) -> Result<Self, String> {
        let mut faults = HashMap::new();
        for (stage, fault) in value["faults"].as_object().into_iter().flatten() {
            let fault = if let Some(status) = fault["status"].as_u64() {
                Fault::Status(u16::try_from(status).map_err(|_| "a status has three digits")?)
            } else if let Some(delay) = fault["slow_ms"].as_u64() {
                Fault::Slow(Duration::from_millis(delay))
            } else {
                match fault.as_str() {
                    Some("garbage") => Fault::Garbage,
                    Some("other_shape") => Fault::OtherShape,
                    _ => return Err(format!("unknown fault {fault}")),
                }
            };
            faults.insert(stage.clone(), fault);
        }
        Ok(Self {
            id: value["id"].as_u64().ok_or("`id` must be a number")?,
            name: value["name"].as_str().map(str::to_owned),
            emails: value.get("emails").cloned().unwrap_or_else(|| json!([])),
            deny: value["deny"] == json!(true),
            faults,
            seen: HashMap::new(),
        })
    }
}
