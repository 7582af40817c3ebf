//! What is missing is found, made and written, batch by batch.

use portico_domain::ports::Unavailable;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{
    catalogue::{book_id, book_row, order_id, order_rows},
    conversations::{BLOCK, block, chat_ids},
    counts::Counts,
    people::{is_seeded, person, user_id},
};
use crate::{
    driver::{Call, Driver, Effect, Statement},
    statements::{
        SEED_API_KEYS, SEED_BOOKS, SEED_BOOKS_MISSING, SEED_CHATS, SEED_CHATS_MISSING, SEED_EVENTS,
        SEED_INSTANCES, SEED_MESSAGES, SEED_ORDER_ITEMS, SEED_ORDERS, SEED_ORDERS_MISSING,
        SEED_ORGANIZATIONS, SEED_USERS, SEED_USERS_MISSING, USERS_FIRST_AND_LAST,
    },
};

/// Takes what a bulk load leaves for later out of the way of the first readers: statistics, and on Postgres what an index has not sorted in yet. Not in
/// the registry: it is no query, and has no plan.
static ANALYZE: Statement = Statement {
    name: "analyze",
    effect: Effect::Write,
    parameters: &[],
    columns: &[],
    postgres: "VACUUM (ANALYZE) organizations, users, api_keys, instances, books, orders, order_items, chats, messages, events",
    sqlite: "ANALYZE",
};

/// What is written together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Accounts, organizations, instances and API keys.
    Users,
    /// Books.
    Books,
    /// Orders and their items.
    Orders,
    /// Messages, their chats and events.
    Messages,
}

impl Family {
    /// All of them, each after those that it needs.
    pub const ALL: [Self; 4] = [Self::Users, Self::Books, Self::Orders, Self::Messages];

    /// What is counted of it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Books => "books",
            Self::Orders => "orders",
            Self::Messages => "messages",
        }
    }

    /// How many there are to be.
    #[must_use]
    pub const fn count(self, counts: &Counts) -> u64 {
        match self {
            Self::Users => counts.users,
            Self::Books => counts.books,
            Self::Orders => counts.orders,
            Self::Messages => counts.messages,
        }
    }

    /// How many are written at once: some thousand rows, half a megabyte, and less than a second.
    const fn batch(self) -> u64 {
        match self {
            Self::Users => 200,
            Self::Books | Self::Orders => 1_000,
            Self::Messages => 10 * BLOCK,
        }
    }
}

/// What is to be there in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// How many rows.
    pub counts: Counts,
    /// Of which kinds; those that they need come with them.
    pub families: Vec<Family>,
}

impl Plan {
    /// What is written, in this order.
    #[must_use]
    pub fn steps(&self) -> Vec<Family> {
        let asked = |family| self.families.contains(&family);
        let needed = |family| match family {
            Family::Users => true,
            Family::Books => asked(Family::Books) || asked(Family::Orders),
            Family::Orders | Family::Messages => asked(family),
        };
        Family::ALL.into_iter().filter(|family| needed(*family)).collect()
    }
}

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// With what.
    pub family: Family,
    /// How many have been looked at or written.
    pub done: u64,
    /// Of how many.
    pub of: u64,
}

/// How many rows of a kind were missing and are now there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Of what.
    pub family: Family,
    /// How many there were to be.
    pub asked: u64,
    /// How many of them were written now, in the table that is counted.
    pub rows: u64,
    /// The rows of all tables that were written now.
    pub with_others: u64,
}

/// Writes what is missing, and tells how far it is. It may be given up at any moment, and begun again.
///
/// # Errors
/// [`Unavailable`] when the database doesn't answer or refuses; what was written stays, whole batch by whole batch.
pub async fn seed(
    driver: &dyn Driver,
    plan: &Plan,
    told: &mut (dyn FnMut(Step) + Send),
) -> Result<Vec<Written>, Unavailable> {
    let mut all = Vec::new();
    for family in plan.steps() {
        let of = family.count(&plan.counts);
        let mut written = Written { family, asked: of, rows: 0, with_others: 0 };
        let mut done = 0;
        told(Step { family, done, of });
        while done < of {
            let until = of.min(done + family.batch());
            let (statement, ids) = marks(family, done, until);
            if !driver.run(statement.with(vec![ids.into()])).await?.is_empty() {
                let (counted, calls) = batch(family, done, until, &plan.counts);
                let rows = driver.transact(calls).await?;
                written.rows += length(rows.get(counted).map_or(0, Vec::len));
                written.with_others += rows.iter().map(|rows| length(rows.len())).sum::<u64>();
            }
            done = until;
            told(Step { family, done, of });
        }
        all.push(written);
    }
    Ok(all)
}

/// Brings the statistics up to date that plans are made by.
///
/// # Errors
/// [`Unavailable`], as [`seed`].
pub async fn analyze(driver: &dyn Driver) -> Result<(), Unavailable> {
    driver.run(ANALYZE.with(Vec::new())).await?;
    Ok(())
}

/// Whether the database has accounts that were not made here: then it may be one that people use.
///
/// # Errors
/// [`Unavailable`], as [`seed`].
pub async fn has_other_users(driver: &dyn Driver) -> Result<bool, Unavailable> {
    let mut rows = driver.run(USERS_FIRST_AND_LAST.with(Vec::new())).await?;
    let Some(mut row) = rows.pop() else { return Ok(false) };
    let ends = [row.take::<Option<Uuid>>()?, row.take::<Option<Uuid>>()?];
    Ok(ends.into_iter().flatten().any(|user| !is_seeded(user)))
}

fn length(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// The rows that show whether a batch was written, and how to ask for those that are missing.
fn marks(family: Family, from: u64, until: u64) -> (&'static Statement, String) {
    let (statement, ids): (_, Vec<Uuid>) = match family {
        Family::Users => (&SEED_USERS_MISSING, (from..until).map(user_id).collect()),
        Family::Books => (&SEED_BOOKS_MISSING, (from..until).map(book_id).collect()),
        Family::Orders => (&SEED_ORDERS_MISSING, (from..until).map(order_id).collect()),
        Family::Messages => (&SEED_CHATS_MISSING, (from / BLOCK..until / BLOCK).flat_map(chat_ids).collect()),
    };
    let ids: Vec<Json> = ids.into_iter().map(|id| json!({ "id": id })).collect();
    (statement, Json::from(ids).to_string())
}

/// A batch's statements, and which of them writes what is counted.
fn batch(family: Family, from: u64, until: u64, counts: &Counts) -> (usize, Vec<Call>) {
    let call = |statement: &'static Statement, rows: Vec<Json>| {
        statement.with(vec![Json::from(rows).to_string().into()])
    };
    match family {
        Family::Users => {
            let mut rows: [Vec<Json>; 4] = Default::default();
            for person in (from..until).map(person) {
                rows[0].push(person.organization);
                rows[1].push(person.user);
                rows[2].extend(person.instances);
                rows[3].push(person.api_key);
            }
            let statements = [&SEED_ORGANIZATIONS, &SEED_USERS, &SEED_INSTANCES, &SEED_API_KEYS];
            (1, statements.into_iter().zip(rows).map(|(statement, rows)| call(statement, rows)).collect())
        }
        Family::Books => (0, vec![call(&SEED_BOOKS, (from..until).map(book_row).collect())]),
        Family::Orders => {
            let (mut orders, mut all_items) = (Vec::new(), Vec::new());
            for (order, items) in (from..until).map(|order| order_rows(order, counts)) {
                orders.push(order);
                all_items.extend(items);
            }
            (0, vec![call(&SEED_ORDERS, orders), call(&SEED_ORDER_ITEMS, all_items)])
        }
        Family::Messages => {
            let (mut chats, mut messages, mut events) = (Vec::new(), Vec::new(), Vec::new());
            for block in (from / BLOCK..until / BLOCK).map(|number| block(number, counts)) {
                chats.extend(block.chats);
                messages.extend(block.messages);
                events.extend(block.events);
            }
            (1, vec![call(&SEED_CHATS, chats), call(&SEED_MESSAGES, messages), call(&SEED_EVENTS, events)])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_brings_what_it_needs() {
        let steps = |families: &[Family]| Plan { counts: Counts::ONE, families: families.to_vec() }.steps();
        assert_eq!(steps(&[Family::Messages]), [Family::Users, Family::Messages]);
        assert_eq!(steps(&[Family::Orders]), [Family::Users, Family::Books, Family::Orders]);
        assert_eq!(steps(&Family::ALL), Family::ALL);
    }

    #[test]
    fn a_batch_is_the_same_each_time() {
        for family in Family::ALL {
            let made = || batch(family, 0, family.batch(), &Counts::ONE);
            assert_eq!(made(), made(), "{family:?}");
        }
    }
}
