//! The small thing that every database access goes through: a statement with parameters in, rows out.

use std::fmt;

use async_trait::async_trait;
use portico_domain::{
    models::{Pools, Timestamp},
    ports::Unavailable,
};
use uuid::Uuid;

/// The service that errors of this crate name.
pub(crate) const SERVICE: &str = "storage";

/// Which SQL a driver's database speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `PostgreSQL` 14 or newer.
    Postgres,
    /// `SQLite` 3.35 or newer.
    Sqlite,
}

/// The type of a parameter or a column: the few that every driver carries without asking the database for a description.
///
/// | here | Postgres | `SQLite` |
/// | --- | --- | --- |
/// | `Bool` | `boolean` | `INTEGER` 0 or 1 |
/// | `Integer` | `bigint` | `INTEGER` |
/// | `Text` | `text` | `TEXT` |
/// | `Bytes` | `bytea` | `BLOB` |
/// | `Uuid` | `uuid` | `TEXT`, hyphenated, lower case |
/// | `Time` | `timestamptz` | `INTEGER`, microseconds since 1970 |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// True or false.
    Bool,
    /// A whole number of 64 bits.
    Integer,
    /// Text.
    Text,
    /// Bytes.
    Bytes,
    /// An identifier.
    Uuid,
    /// A moment, to the microsecond.
    Time,
}

/// What a statement does to the data, which decides who may run it and whether it may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Changes nothing: it may run on a reading connection, and again when a connection was lost.
    Read,
    /// Changes something: it is never repeated unasked, because a lost answer doesn't tell whether it went through.
    Write,
}

/// One SQL statement of the registry, with all that a driver must know to run it without asking the database first.
#[derive(Debug)]
pub struct Statement {
    /// Its file in `queries/`, without the ending; names it in errors.
    pub name: &'static str,
    /// Whether it changes data.
    pub effect: Effect,
    /// The types of `$1`, `$2`, ….
    pub parameters: &'static [Type],
    /// The types of the columns it gives back.
    pub columns: &'static [Type],
    /// The text for Postgres.
    pub postgres: &'static str,
    /// The text for `SQLite`; the same unless the statement isn't portable.
    pub sqlite: &'static str,
}

impl Statement {
    /// The text for a dialect.
    #[must_use]
    pub const fn text(&self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Postgres => self.postgres,
            Dialect::Sqlite => self.sqlite,
        }
    }

    /// The statement with its parameters, to be run.
    #[must_use]
    pub const fn with(&'static self, parameters: Vec<Value>) -> Call {
        Call { statement: self, parameters }
    }
}

/// A statement with its parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// What to run.
    pub statement: &'static Statement,
    /// One value for each of [`Statement::parameters`].
    pub parameters: Vec<Value>,
}

impl PartialEq for Statement {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// A value on its way to or from the database. Printing one shows its type alone, because values are e-mail addresses, hashes and
/// digests.
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// No value, of whatever type is declared.
    Null,
    /// See [`Type::Bool`].
    Bool(bool),
    /// See [`Type::Integer`].
    Integer(i64),
    /// See [`Type::Text`].
    Text(String),
    /// See [`Type::Bytes`].
    Bytes(Vec<u8>),
    /// See [`Type::Uuid`].
    Uuid(Uuid),
    /// See [`Type::Time`].
    Time(Timestamp),
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "null",
            Self::Bool(_) => "[bool]",
            Self::Integer(_) => "[integer]",
            Self::Text(_) => "[text]",
            Self::Bytes(_) => "[bytes]",
            Self::Uuid(_) => "[uuid]",
            Self::Time(_) => "[time]",
        })
    }
}

macro_rules! value_from {
    ($($from:ty => $variant:ident),* $(,)?) => {
        $(impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        })*
    };
}

value_from! {
    bool => Bool,
    i64 => Integer,
    u32 => Integer,
    String => Text,
    &str => Text,
    Vec<u8> => Bytes,
    [u8; 32] => Bytes,
    Uuid => Uuid,
    Timestamp => Time,
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// One row, read column by column from the left.
#[derive(Debug, Clone)]
pub struct Row(std::vec::IntoIter<Value>);

impl Row {
    /// Wraps the values of one row in the order of [`Statement::columns`].
    #[must_use]
    pub fn new(values: Vec<Value>) -> Self {
        Self(values.into_iter())
    }

    /// Takes the next column.
    ///
    /// # Errors
    /// [`Unavailable`] when there is none, or its value is of another type: the database isn't the one that this program was made for.
    pub fn take<T: FromValue>(&mut self) -> Result<T, Unavailable> {
        self.0
            .next()
            .and_then(T::from_value)
            .ok_or_else(|| Unavailable::new(SERVICE, "a row is not of the form that its statement declares"))
    }
}

/// What a column can be read as.
pub trait FromValue: Sized {
    /// Reads the value; `None` when it is of another type.
    fn from_value(value: Value) -> Option<Self>;
}

macro_rules! from_value {
    ($($variant:ident => $to:ty),* $(,)?) => {
        $(impl FromValue for $to {
            fn from_value(value: Value) -> Option<Self> {
                if let Value::$variant(value) = value { value.try_into().ok() } else { None }
            }
        })*
    };
}

from_value! {
    Bool => bool,
    Integer => i64,
    Integer => u32,
    Text => String,
    Bytes => [u8; 32],
    Bytes => Vec<u8>,
    Uuid => Uuid,
    Time => Timestamp,
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Option<Self> {
        if value == Value::Null { Some(None) } else { T::from_value(value).map(Some) }
    }
}

/// Why a statement gave no rows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DriverError {
    /// A row with the same key is there already. Nothing of the call, or of its transaction, was written.
    #[error("a row with the same {constraint} is there already")]
    UniqueViolation {
        /// The constraint as Postgres names it by itself (`table_column_key`), on every driver.
        constraint: String,
    },
    /// Could not find out. After a write this doesn't say whether it was made.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<DriverError> for Unavailable {
    /// For callers that expect no violation.
    fn from(error: DriverError) -> Self {
        match error {
            DriverError::Unavailable(error) => error,
            DriverError::UniqueViolation { .. } => Self::new(SERVICE, error),
        }
    }
}

/// Calls that are made when they are asked for.
pub type Calls<'a> = Box<dyn Iterator<Item = Call> + Send + 'a>;

/// A database that runs statements.
///
/// Isolation is that of Postgres' `READ COMMITTED`: each statement sees what was committed before it began, and an update sees the row's
/// last version. `SQLite` gives more.
#[async_trait]
pub trait Driver: Send + Sync {
    /// The connections that are kept between requests, at this moment; none, unless a driver says otherwise.
    fn pools(&self) -> Pools {
        Pools::default()
    }

    /// Runs one statement, which is a transaction of its own.
    async fn run(&self, call: Call) -> Result<Vec<Row>, DriverError>;

    /// Runs the statements in their order as one transaction: all or none. Gives the rows of each.
    async fn transact(&self, calls: Vec<Call>) -> Result<Vec<Vec<Row>>, DriverError>;

    /// The same for writes that are too much to have in memory at once: each call is made when the one before it has been run, where the driver can do that, and `told`
    /// hears how many were. Gives no rows.
    async fn transact_each(
        &self,
        calls: Calls<'_>,
        told: &(dyn Fn(usize) + Sync),
    ) -> Result<(), DriverError> {
        let calls: Vec<Call> = calls.collect();
        let sent = calls.len();
        self.transact(calls).await?;
        told(sent);
        Ok(())
    }

    /// Makes a connection ready and holds it, so that one run of `statement` costs one round trip. Runs nothing. Drivers that keep no
    /// connection have nothing to make ready.
    async fn reserve(&self, statement: &'static Statement) -> Result<Box<dyn Reserved>, Unavailable>;
}

/// A connection held for one statement. Dropping it gives the connection back.
#[async_trait]
pub trait Reserved: Send {
    /// Runs the statement; the connection is free again when this returns.
    async fn run(self: Box<Self>, call: Call) -> Result<Vec<Row>, DriverError>;
}

/// Says what a database's own error means to a caller, without repeating values that it may hold.
///
/// `message` is passed on for the classes of SQLSTATE whose messages name identifiers, accounts and conditions; messages of the others
/// quote data.
#[cfg(any(feature = "sqlx-postgres", feature = "hyperdrive", feature = "neon-http"))]
pub(crate) fn postgres_error(
    statement: &str,
    code: &str,
    constraint: Option<&str>,
    message: &str,
) -> DriverError {
    const TELLING: [&str; 8] = ["08", "28", "3D", "42", "53", "57", "58", "25"];
    if code == "23505" {
        return DriverError::UniqueViolation { constraint: constraint.unwrap_or_default().to_owned() };
    }
    let telling = TELLING.iter().any(|class| code.starts_with(class));
    let detail = if telling {
        format!("{statement}: SQLSTATE {code}: {message}")
    } else {
        format!("{statement}: SQLSTATE {code}")
    };
    Unavailable::new(SERVICE, detail).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printing_a_value_shows_nothing_of_it() {
        let values = vec![Value::from("ada@example.com"), Value::from(vec![1_u8, 2]), Value::Null];
        assert_eq!(format!("{values:?}"), "[[text], [bytes], null]");
    }

    #[test]
    fn a_column_of_another_type_is_an_error_and_no_panic() {
        let mut row = Row::new(vec![Value::Integer(-1), Value::Null, Value::Null]);
        assert!(row.take::<u32>().is_err());
        assert_eq!(row.take::<Option<String>>(), Ok(None));
        assert!(row.take::<String>().is_err());
        assert!(row.take::<Option<String>>().is_err());
    }

    #[cfg(feature = "neon-http")]
    #[test]
    fn messages_that_quote_data_are_kept_back() {
        let told = postgres_error("x", "22P02", None, "invalid input syntax: \"secret\"").to_string();
        assert_eq!(told, "storage is unavailable: x: SQLSTATE 22P02");
        assert!(
            postgres_error("x", "42P01", None, "relation \"users\" does not exist")
                .to_string()
                .contains("users")
        );
    }
}
