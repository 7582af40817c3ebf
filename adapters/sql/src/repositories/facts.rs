use std::collections::BTreeMap;

use async_trait::async_trait;
use portico_domain::{
    models::{Fact, SessionId},
    ports::{FactStore, Unavailable},
};
use serde_json::{Value as Json, json};

use super::SqlRepositories;
use crate::{
    driver::Call,
    statements::{PASSWORD_REHASH, SESSIONS_OPEN, SIGN_IN_RECORD},
};

#[async_trait]
impl FactStore for SqlRepositories {
    /// All sessions are opened by one statement, however many there are.
    async fn record(&self, facts: &[Fact]) -> Result<(), Unavailable> {
        let mut calls = calls(facts);
        match calls.len() {
            0 => {}
            1 => drop(self.driver.run(calls.remove(0)).await?),
            _ => drop(self.driver.transact(calls).await?),
        }
        Ok(())
    }
}

/// The statements that write facts, in an order in which two writers can't wait for each other: the rows of people are changed one after the
/// other by their ids, and merely shared, for their sessions, only then.
fn calls(facts: &[Fact]) -> Vec<Call> {
    let mut ordered: Vec<&Fact> = facts.iter().collect();
    ordered.sort_by_key(|fact| fact.user_id());
    let mut calls = Vec::with_capacity(ordered.len());
    // One statement can't touch a row twice.
    let mut opened: BTreeMap<SessionId, Json> = BTreeMap::new();
    for fact in ordered {
        match fact {
            Fact::SessionOpened { session_id, user_id, started_at, expires_at, refresh_digest, device } => {
                // Moments in the form of either database.
                let row = json!({
                    "id": session_id,
                    "user_id": user_id,
                    "started_at": started_at,
                    "expires_at": expires_at,
                    "started_micros": started_at.micros(),
                    "expires_micros": expires_at.micros(),
                    "refresh_digest": refresh_digest,
                    "user_agent": device.user_agent,
                    "ip": device.ip,
                });
                opened.insert(*session_id, row);
            }
            Fact::SignedIn { user_id, at } => {
                calls.push(SIGN_IN_RECORD.with(vec![user_id.uuid().into(), (*at).into()]));
            }
            Fact::PasswordRehashed { user_id, from, to } => {
                let parameters = vec![user_id.uuid().into(), from.expose().into(), to.expose().into()];
                calls.push(PASSWORD_REHASH.with(parameters));
            }
        }
    }
    if !opened.is_empty() {
        let rows = Json::Array(opened.into_values().collect());
        calls.push(SESSIONS_OPEN.with(vec![rows.to_string().into()]));
    }
    calls
}
