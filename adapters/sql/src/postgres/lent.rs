//! Connections lent to those who run statements, and what becomes of one whose statement nobody waits for any more.
//!
//! A request that is over, because its time is up or its client has gone, is simply dropped, wherever it stands. Its statement goes on in the database, for as
//! long as statements may run, and holds a connection and locks for nobody. So a connection that is dropped in the middle of something is given a moment to
//! come to its end by itself, as most do, and is then closed; the server looks after its clients while it works
//! (`client_connection_check_interval`), and ends what runs for one that has closed.

use std::{
    ops::{Deref, DerefMut},
    time::Duration,
};

use sqlx::{Connection as _, PgConnection, Postgres, pool::PoolConnection};
use tokio::time::timeout;

/// How long what nobody waits for any more may still take, so that clients that come and go don't cost a new connection each.
const GRACE: Duration = Duration::from_millis(250);

/// A connection of the pool in somebody's hands.
pub(super) struct Lent {
    connection: Option<PoolConnection<Postgres>>,
    /// Whether something was begun on it of which the end wasn't seen.
    is_busy: bool,
}

impl Lent {
    pub(super) fn new(connection: PoolConnection<Postgres>) -> Self {
        Self { connection: Some(connection), is_busy: false }
    }

    /// Says that something begins. Who drops the connection before [`Lent::end`] leaves it in the middle of that.
    pub(super) fn begin(&mut self) -> &mut PgConnection {
        self.is_busy = true;
        self
    }

    /// Says that what was begun has ended, well or not.
    pub(super) fn end(&mut self) {
        self.is_busy = false;
    }

    /// Closes a connection that is known to be broken.
    pub(super) fn discard(mut self) {
        drop(self.connection.take().map(PoolConnection::detach));
    }
}

const LENT: &str = "a connection is taken out only when it is dropped or discarded";

impl Deref for Lent {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.connection.as_ref().expect(LENT)
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.connection.as_mut().expect(LENT)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(mut connection) = self.connection.take() else { return };
        if !self.is_busy {
            return;
        }
        tokio::spawn(async move {
            // Also sends what ends a transaction, and waits for all that is under way.
            if !matches!(timeout(GRACE, connection.ping()).await, Ok(Ok(()))) {
                connection.close_on_drop();
            }
        });
    }
}
