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

use sqlx::{Connection as _, PgConnection, Postgres, Transaction, pool::PoolConnection};
use tokio::time::timeout;

/// How long what nobody waits for any more may still take, so that clients that come and go don't cost a new connection each.
const GRACE: Duration = Duration::from_millis(250);

/// A connection of the pool in somebody's hands.
pub(super) struct Lent {
    connection: Option<PoolConnection<Postgres>>,
    stands: Stands,
}

/// What was begun on a connection of which the end wasn't seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    AtRest,
    Busy,
    /// A transaction was asked for, and sqlx doesn't count it yet: it does so once the server has answered, and ends by itself only what it counts.
    Opening,
}

impl Lent {
    pub(super) fn new(connection: PoolConnection<Postgres>) -> Self {
        Self { connection: Some(connection), stands: Stands::AtRest }
    }

    /// Says that something begins. Who drops the connection before [`Lent::end`] leaves it in the middle of that.
    pub(super) fn begin(&mut self) -> &mut PgConnection {
        self.stands = Stands::Busy;
        self
    }

    /// Opens a transaction, wherever in the middle of that it is dropped.
    pub(super) async fn transaction(&mut self) -> Result<Transaction<'_, Postgres>, sqlx::Error> {
        self.stands = Stands::Opening;
        let transaction = self.connection.as_mut().expect(LENT).begin().await?;
        self.stands = Stands::Busy;
        Ok(transaction)
    }

    /// Says that what was begun has ended, well or not.
    pub(super) fn end(&mut self) {
        self.stands = Stands::AtRest;
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
        let stands = self.stands;
        if stands == Stands::AtRest {
            return;
        }
        tokio::spawn(async move {
            let end = async {
                if stands == Stands::Opening {
                    sqlx::raw_sql("ROLLBACK").execute(&mut *connection).await?;
                }
                // Also sends what ends a transaction that sqlx counts, and waits for all that is under way.
                connection.ping().await
            };
            if !matches!(timeout(GRACE, end).await, Ok(Ok(()))) {
                connection.close_on_drop();
            }
        });
    }
}
