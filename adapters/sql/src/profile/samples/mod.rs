//! What statements are profiled with: for each of them, where its parameters come from.
//!
//! Values are taken from rows that are there, so that what is measured is what happens: parameters that name columns of one table come from one row
//! of it. Every statement of the registry has an entry in the file of its family; a test compares the two.

mod catalogue;
mod identity;
mod messaging;
mod models;
mod operations;
mod seed;
mod settings;

use std::{
    collections::{BTreeMap, hash_map::RandomState},
    hash::BuildHasher,
};

use portico_domain::models::Timestamp;
use serde_json::{Map, Value as Json, json};
use uuid::Uuid;

use super::{Profiled, finding::Trouble};
use crate::{
    driver::{Dialect, Statement, Type, Value},
    statements::all,
};

/// Where a parameter's value comes from.
#[derive(Debug, Clone, Copy)]
pub enum Given {
    /// A column of a sampled row: table, column.
    Of(&'static str, &'static str),
    /// A word of a sampled text, as somebody would search for it: table, column.
    Word(&'static str, &'static str),
    /// Pieces of text and of what else is here, joined.
    Joined(&'static [Self]),
    /// A sampled identifier without its hyphens: table, column.
    Plain(&'static str, &'static str),
    /// One for each dialect: Postgres, `SQLite`.
    Either(&'static Self, &'static Self),
    /// This number.
    Integer(i64),
    /// This text.
    Text(&'static str),
    /// True or false.
    Bool(bool),
    /// No value.
    Null,
    /// A value that no row has: an identifier, 32 bytes, or a text of them in hexadecimal.
    Fresh,
    /// The greatest identifier, from which lists begin that go down.
    LastId,
    /// A moment before all rows' moments.
    Past,
    /// The present.
    Now,
    /// A moment after all rows' moments.
    Future,
    /// A JSON list of one object: names and values, moments in microseconds.
    Rows(&'static [(&'static str, Self)]),
    /// Within [`Given::Rows`]: a list of texts.
    Words(&'static [&'static str]),
}

/// A statement and what it is profiled with.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Which, by name.
    pub statement: &'static str,
    /// One for each of its parameters.
    pub given: &'static [Given],
    /// Another way to ask it that is planned otherwise, such as without an optional condition.
    pub otherwise: Option<&'static [Given]>,
    /// Why it reads all of a table, where that is what it is for; then no scan of one is told.
    pub reads_all: Option<&'static str>,
}

impl Entry {
    /// Takes out of what was found what the statement is for.
    pub(super) fn spare(&self, profiled: &mut [Profiled]) {
        if self.reads_all.is_some() {
            for one in profiled {
                one.findings.retain(|finding| finding.trouble != Trouble::SequentialScan);
            }
        }
    }
}

macro_rules! entries {
    ($($statement:literal: [$($given:expr),* $(,)?] $(or [$($otherwise:expr),* $(,)?])? $(, reads_all $why:literal)?;)*) => {
        pub(super) static ENTRIES: &[super::Entry] = &[$(super::Entry {
            statement: $statement,
            given: &[$($given),*],
            otherwise: entries!(@otherwise $([$($otherwise),*])?),
            reads_all: entries!(@why $($why)?),
        }),*];
    };
    (@why) => { None };
    (@why $why:literal) => { Some($why) };
    (@otherwise) => { None };
    (@otherwise [$($otherwise:expr),*]) => { Some(&[$($otherwise),*]) };
}
use entries;

static FAMILIES: &[&[Entry]] = &[
    catalogue::ENTRIES,
    identity::ENTRIES,
    messaging::ENTRIES,
    models::ENTRIES,
    operations::ENTRIES,
    seed::ENTRIES,
    settings::ENTRIES,
];

/// Every statement of the registry with its entry.
pub fn statements() -> impl Iterator<Item = (&'static Statement, &'static Entry)> {
    all().filter_map(|statement| {
        let mut entries = FAMILIES.iter().copied().flatten();
        entries.find(|entry| entry.statement == statement.name).map(|entry| (statement, entry))
    })
}

/// The columns of one row of each table that parameters are taken from.
pub(crate) type Wanted = BTreeMap<&'static str, Vec<(&'static str, Type)>>;
/// The values of those columns, in the same order; `None` for a table without rows.
pub(crate) type Sampled = BTreeMap<&'static str, Option<Vec<Value>>>;

/// Which columns these parameters are taken from.
pub(crate) fn wanted(statement: &Statement, given: &[Given], dialect: Dialect) -> Wanted {
    let mut wanted = Wanted::new();
    for (given, kind) in given.iter().zip(statement.parameters) {
        want(given, *kind, dialect, &mut wanted);
    }
    wanted
}

fn want(given: &Given, kind: Type, dialect: Dialect, wanted: &mut Wanted) {
    let mut add = |table, column, kind| {
        let columns = wanted.entry(table).or_default();
        if !columns.contains(&(column, kind)) {
            columns.push((column, kind));
        }
    };
    match given {
        Given::Of(table, column) => add(table, column, kind),
        Given::Word(table, column) | Given::Plain(table, column) => add(table, column, Type::Text),
        Given::Joined(pieces) => {
            pieces.iter().for_each(|piece| want(piece, Type::Text, dialect, wanted));
        }
        Given::Rows(members) => {
            members.iter().for_each(|(_, member)| want(member, Type::Text, dialect, wanted));
        }
        Given::Either(..) => want(given.of(dialect), kind, dialect, wanted),
        _ => {}
    }
}

/// The parameters' values.
pub(crate) fn values(
    statement: &Statement,
    given: &[Given],
    dialect: Dialect,
    sampled: &Sampled,
    now: Timestamp,
) -> Vec<Value> {
    let samples = Samples { dialect, wanted: wanted(statement, given, dialect), sampled, now };
    given.iter().zip(statement.parameters).map(|(given, kind)| samples.value(given, *kind)).collect()
}

impl Given {
    /// What is given on one of the databases.
    fn of(&self, dialect: Dialect) -> &Self {
        match (self, dialect) {
            (Self::Either(postgres, _), Dialect::Postgres) => postgres.of(dialect),
            (Self::Either(_, sqlite), Dialect::Sqlite) => sqlite.of(dialect),
            _ => self,
        }
    }
}

struct Samples<'a> {
    dialect: Dialect,
    wanted: Wanted,
    sampled: &'a Sampled,
    now: Timestamp,
}

impl Samples<'_> {
    fn value(&self, given: &Given, kind: Type) -> Value {
        const DECADES: i64 = 20 * 365 * 86_400;
        match given.of(self.dialect) {
            Given::Of(table, column) => self.column(table, column, kind),
            Given::Integer(number) => Value::Integer(*number),
            Given::Bool(bool) => Value::Bool(*bool),
            Given::Null => Value::Null,
            Given::LastId => Value::Uuid(Uuid::max()),
            Given::Fresh => fresh(kind),
            Given::Past => Value::Time(Timestamp::from_seconds(0)),
            Given::Now => Value::Time(self.now),
            Given::Future => Value::Time(Timestamp::from_micros(self.now.micros() + DECADES * 1_000_000)),
            other => Value::Text(self.text(other)),
        }
    }

    fn column(&self, table: &'static str, column: &'static str, kind: Type) -> Value {
        let place = self
            .wanted
            .get(table)
            .and_then(|columns| columns.iter().position(|(name, of)| *name == column && *of == kind));
        let row = self.sampled.get(table).and_then(Option::as_ref);
        row.zip(place).and_then(|(row, place)| row.get(place).cloned()).unwrap_or_else(|| made_up(kind))
    }

    fn text(&self, given: &Given) -> String {
        let column = |table, column| match self.column(table, column, Type::Text) {
            Value::Text(text) => text,
            _ => String::new(),
        };
        match given.of(self.dialect) {
            Given::Text(text) => (*text).to_owned(),
            Given::Of(table, name) => column(table, name),
            Given::Plain(table, name) => column(table, name).replace('-', ""),
            Given::Word(table, name) => word(&column(table, name)),
            Given::Joined(pieces) => pieces.iter().map(|piece| self.text(piece)).collect(),
            // Of hexadecimal digits alone.
            Given::Fresh => format!("{}{}", fresh_id().simple(), fresh_id().simple()),
            Given::Rows(members) => {
                let row: Map<String, Json> =
                    members.iter().map(|(name, member)| ((*name).to_owned(), self.member(member))).collect();
                json!([row]).to_string()
            }
            _ => String::new(),
        }
    }

    fn member(&self, given: &Given) -> Json {
        match given.of(self.dialect) {
            Given::Integer(number) => json!(number),
            Given::Bool(bool) => json!(bool),
            Given::Null => Json::Null,
            Given::Words(words) => json!(words),
            Given::Fresh => json!(fresh_id().to_string()),
            given @ (Given::Past | Given::Now | Given::Future) => match self.value(given, Type::Time) {
                Value::Time(moment) => json!(moment.micros()),
                _ => Json::Null,
            },
            other => json!(self.text(other)),
        }
    }
}

/// What stands for a sampled value where a table has no rows.
fn made_up(kind: Type) -> Value {
    match kind {
        Type::Bool => Value::Bool(true),
        Type::Integer => Value::Integer(1),
        Type::Time => Value::Time(Timestamp::from_seconds(1_700_000_000)),
        Type::Text | Type::Bytes | Type::Uuid => fresh(kind),
    }
}

fn fresh(kind: Type) -> Value {
    let id = fresh_id();
    match kind {
        Type::Uuid => Value::Uuid(id),
        Type::Bytes => Value::Bytes([id.into_bytes(), fresh_id().into_bytes()].concat()),
        Type::Text => Value::Text(format!("{}{}", id.simple(), fresh_id().simple())),
        other => made_up(other),
    }
}

/// An identifier that no row has, as good as certainly.
fn fresh_id() -> Uuid {
    let random = || RandomState::new().hash_one(0_u8);
    Uuid::from_u64_pair(random(), random())
}

/// The longest word, which tells most.
fn word(text: &str) -> String {
    let words = text.split(|letter: char| !letter.is_alphanumeric());
    words.max_by_key(|word| word.chars().count()).unwrap_or_default().to_lowercase()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::driver::Effect;

    #[test]
    fn every_statement_has_one_entry_with_all_its_parameters() {
        let mut known = BTreeSet::new();
        for entry in FAMILIES.iter().copied().flatten() {
            assert!(known.insert(entry.statement), "{} has two entries", entry.statement);
            let statement = all().find(|statement| statement.name == entry.statement);
            let statement = statement.unwrap_or_else(|| panic!("there is no statement {}", entry.statement));
            for given in [Some(entry.given), entry.otherwise].into_iter().flatten() {
                assert_eq!(given.len(), statement.parameters.len(), "parameters of {}", statement.name);
            }
        }
        let missing: Vec<_> =
            all().map(|statement| statement.name).filter(|name| !known.contains(name)).collect();
        assert!(
            missing.is_empty(),
            "statements without an entry in adapters/sql/src/profile/samples: {missing:?}"
        );
    }

    static STATEMENT: Statement = Statement {
        name: "sample",
        effect: Effect::Read,
        parameters: &[Type::Uuid, Type::Text, Type::Text, Type::Bytes],
        columns: &[],
        postgres: "",
        sqlite: "",
    };

    #[test]
    fn parameters_of_one_table_come_from_one_row() {
        let given = [
            Given::Of("chats", "id"),
            Given::Rows(&[("chat", Given::Of("chats", "id")), ("at", Given::Past), ("n", Given::Integer(2))]),
            Given::Either(
                &Given::Null,
                &Given::Joined(&[Given::Text("o"), Given::Plain("chats", "organization_id")]),
            ),
            Given::Fresh,
        ];
        let wanted = wanted(&STATEMENT, &given, Dialect::Sqlite);
        assert_eq!(
            wanted["chats"],
            [("id", Type::Uuid), ("id", Type::Text), ("organization_id", Type::Text)]
        );
        let row = vec![Value::Uuid(Uuid::nil()), Value::from("7"), Value::from("a-b")];
        let sampled = Sampled::from([("chats", Some(row))]);
        let now = Timestamp::from_seconds(5);
        let values = values(&STATEMENT, &given, Dialect::Sqlite, &sampled, now);
        assert_eq!(values[0], Value::Uuid(Uuid::nil()));
        assert_eq!(values[1], Value::from(r#"[{"at":0,"chat":"7","n":2}]"#));
        assert_eq!(values[2], Value::from("oab"));
        let other = super::values(&STATEMENT, &given, Dialect::Postgres, &Sampled::new(), now);
        assert_eq!(other[2], Value::Null);
        assert_ne!(values[3], other[3]);
    }
}
