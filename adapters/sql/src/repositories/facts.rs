use async_trait::async_trait;
use portico_domain::{
    models::Fact,
    ports::{FactStore, Unavailable},
};

use super::SqlRepositories;
use crate::{
    driver::Call,
    statements::{PASSWORD_REHASH, SESSION_OPEN, SIGN_IN_RECORD},
};

#[async_trait]
impl FactStore for SqlRepositories {
    async fn record(&self, facts: &[Fact]) -> Result<(), Unavailable> {
        if facts.is_empty() {
            return Ok(());
        }
        let mut facts: Vec<&Fact> = facts.iter().collect();
        // Two writers take the rows of several people in the same order, and each person's row before it is merely shared for a
        // session of theirs: neither can wait for the other.
        facts.sort_by_key(|fact| (fact.user_id(), matches!(fact, Fact::SessionOpened { .. })));
        let mut calls: Vec<Call> = facts.into_iter().map(call).collect();
        if calls.len() == 1 {
            self.driver.run(calls.remove(0)).await?;
        } else {
            self.driver.transact(calls).await?;
        }
        Ok(())
    }
}

fn call(fact: &Fact) -> Call {
    match fact {
        Fact::SessionOpened { session_id, user_id, started_at, expires_at, refresh_digest, device } => {
            SESSION_OPEN.with(vec![
                session_id.uuid().into(),
                user_id.uuid().into(),
                (*started_at).into(),
                (*expires_at).into(),
                refresh_digest.0.into(),
                device.user_agent.as_deref().into(),
                device.ip.as_deref().into(),
            ])
        }
        Fact::SignedIn { user_id, at } => SIGN_IN_RECORD.with(vec![user_id.uuid().into(), (*at).into()]),
        Fact::PasswordRehashed { user_id, from, to } => {
            PASSWORD_REHASH.with(vec![user_id.uuid().into(), from.expose().into(), to.expose().into()])
        }
    }
}
