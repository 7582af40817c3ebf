use std::time::Duration;

use async_trait::async_trait;
use portico_domain::{
    models::{ConnectionCounts, DatabaseActivity, FileSize, LongRunning, Pools},
    ports::{DatabaseState, Unavailable},
};

use super::SqlRepositories;
use crate::{
    driver::{Row, SERVICE, Value},
    statements::{DATABASE_ACTIVITY, DATABASE_LONG_RUNNING, all},
};

/// Postgres shows at least so many bytes of a statement's text, less one; by default exactly so many.
const SHOWN_BYTES: usize = 1_023;

#[async_trait]
impl DatabaseState for SqlRepositories {
    fn pools(&self) -> Pools {
        self.driver.pools()
    }

    async fn activity(&self, long: Duration, at_most: u32) -> Result<DatabaseActivity, Unavailable> {
        let told = self.driver.run(DATABASE_ACTIVITY.with(Vec::new())).await?.pop();
        let mut told =
            told.ok_or_else(|| Unavailable::new(SERVICE, "the database says nothing of itself"))?;
        let kind = told.take()?;
        let connections = connections(&mut told)?;
        let file = file(&mut told)?;
        let mut long_running = Vec::new();
        if connections.is_some() {
            let millis = i64::try_from(long.as_millis()).unwrap_or(i64::MAX);
            let parameters = vec![Value::Integer(millis), Value::from(at_most)];
            for mut row in self.driver.run(DATABASE_LONG_RUNNING.with(parameters)).await? {
                long_running.push(running(&mut row)?);
            }
        }
        Ok(DatabaseActivity { kind, connections, long_running, file })
    }
}

fn connections(row: &mut Row) -> Result<Option<ConnectionCounts>, Unavailable> {
    let mut counts = [0_u32; 7];
    let mut are_known = true;
    for count in &mut counts {
        match row.take::<Option<u32>>()? {
            Some(counted) => *count = counted,
            None => are_known = false,
        }
    }
    let [active, waiting, waiting_for_lock, idle, idle_in_transaction, hidden, max] = counts;
    Ok(are_known.then_some(ConnectionCounts {
        active,
        waiting,
        waiting_for_lock,
        idle,
        idle_in_transaction,
        hidden,
        max,
    }))
}

fn file(row: &mut Row) -> Result<Option<FileSize>, Unavailable> {
    let (pages, free, page) =
        (row.take::<Option<i64>>()?, row.take::<Option<i64>>()?, row.take::<Option<i64>>()?);
    let bytes = |pages: Option<i64>| u64::try_from(pages?.checked_mul(page?)?).ok();
    Ok(bytes(pages).zip(bytes(free)).map(|(bytes, free_bytes)| FileSize { bytes, free_bytes }))
}

fn running(row: &mut Row) -> Result<LongRunning, Unavailable> {
    Ok(LongRunning {
        pid: row.take()?,
        state: row.take()?,
        age: Duration::from_millis(u64::try_from(row.take::<i64>()?).unwrap_or(0)),
        waits_for: row.take::<Option<String>>()?.zip(row.take()?),
        application_name: row.take()?,
        statement: row.take::<Option<String>>()?.and_then(|text| name_of(&text)),
    })
}

/// The name of the registered statement that this is the text of, or the beginning of the text as far as Postgres keeps it.
fn name_of(text: &str) -> Option<String> {
    let is_cut = text.len() >= SHOWN_BYTES;
    let mut named = all()
        .filter(|statement| statement.postgres == text || (is_cut && statement.postgres.starts_with(text)));
    Some(named.next()?.name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statements::{PING, SESSION_ROTATE_FIRST};

    #[test]
    fn statements_are_named_by_their_text_and_no_others() {
        assert_eq!(name_of(PING.postgres).as_deref(), Some("ping"));
        assert_eq!(name_of("SELECT 'obviously-fake-secret'"), None);
        assert_eq!(name_of(""), None);
        assert_eq!(name_of("-- "), None, "the beginning of many");
        let long = SESSION_ROTATE_FIRST.postgres;
        assert!(long.len() > SHOWN_BYTES);
        assert_eq!(name_of(&long[..SHOWN_BYTES]).as_deref(), Some("session_rotate_first"));
    }

    #[test]
    fn long_statements_differ_in_what_is_shown_of_them() {
        let beginnings: Vec<&str> =
            all().filter_map(|statement| statement.postgres.get(..SHOWN_BYTES)).collect();
        let mut distinct = beginnings.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), beginnings.len());
    }
}
