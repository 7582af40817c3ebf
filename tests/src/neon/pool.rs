//! Idle Postgres connections, so that a request doesn't pay for a sign-in each time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::wire::{Connection, Fault, Login};

/// How many idle connections are kept for one login; more are closed when they come back.
const IDLE_PER_LOGIN: usize = 16;

/// Hands out connections to one Postgres server, fresh or reset, never shared.
pub struct Pool {
    address: String,
    idle: Mutex<HashMap<Login, Vec<Connection>>>,
}

impl Pool {
    /// Makes an empty pool for the server at `address` (`host:port`).
    #[must_use]
    pub fn new(address: String) -> Self {
        Self { address, idle: Mutex::default() }
    }

    /// Takes an idle connection, or opens one.
    pub async fn take(&self, login: &Login) -> Result<Connection, Fault> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).get_mut(login).and_then(Vec::pop);
        match idle {
            Some(connection) => Ok(connection),
            None => Connection::open(&self.address, login).await,
        }
    }

    /// Takes a connection back after a reset; one that can't be reset is closed.
    pub async fn give_back(&self, login: &Login, mut connection: Connection) {
        if connection.reset().await.is_err() {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let connections = idle.entry(login.clone()).or_default();
        if connections.len() < IDLE_PER_LOGIN {
            connections.push(connection);
        }
    }
}
