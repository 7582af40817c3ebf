//! Values in Postgres' binary form.

use std::error::Error as StdError;

use bytes::BytesMut;
use portico_domain::{models::Timestamp, ports::Unavailable};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type as PostgresType, to_sql_checked};

use crate::driver::{Row, SERVICE, Statement, Type, Value};

/// Microseconds from 1970 to 2000, from which Postgres counts.
const EPOCH: i64 = 946_684_800_000_000;

/// The Postgres type of a declared one. All are built in, so that no look-up of types is ever sent.
pub(super) const fn type_of(kind: Type) -> PostgresType {
    match kind {
        Type::Bool => PostgresType::BOOL,
        Type::Integer => PostgresType::INT8,
        Type::Text => PostgresType::TEXT,
        Type::Bytes => PostgresType::BYTEA,
        Type::Uuid => PostgresType::UUID,
        Type::Time => PostgresType::TIMESTAMPTZ,
    }
}

/// Writes a value as the type that its statement declares.
#[derive(Debug)]
pub(super) struct Parameter<'a>(pub(super) &'a Value);

impl ToSql for Parameter<'_> {
    fn to_sql(
        &self,
        kind: &PostgresType,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self.0 {
            Value::Null => Ok(IsNull::Yes),
            Value::Bool(value) => value.to_sql(kind, out),
            Value::Integer(value) => value.to_sql(kind, out),
            Value::Text(value) => value.to_sql(kind, out),
            Value::Bytes(value) => value.to_sql(kind, out),
            Value::Uuid(value) => value.to_sql(kind, out),
            Value::Time(value) => {
                let micros = value.micros().checked_sub(EPOCH).ok_or("a time too far away")?;
                micros.to_sql(&PostgresType::INT8, out)
            }
        }
    }

    fn accepts(_: &PostgresType) -> bool {
        true
    }

    to_sql_checked!();
}

/// Reads a `timestamptz`.
struct Moment(Timestamp);

impl<'a> FromSql<'a> for Moment {
    fn from_sql(_: &PostgresType, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        let micros = i64::from_sql(&PostgresType::INT8, raw)?;
        Ok(Self(Timestamp::from_micros(micros.checked_add(EPOCH).ok_or("a time too far away")?)))
    }

    fn accepts(kind: &PostgresType) -> bool {
        *kind == PostgresType::TIMESTAMPTZ
    }
}

/// Reads a row by the columns that its statement declares.
pub(super) fn read(row: &tokio_postgres::Row, statement: &Statement) -> Result<Row, Unavailable> {
    let value = |(index, kind): (usize, &Type)| {
        Ok(match kind {
            Type::Bool => row.try_get::<_, Option<bool>>(index)?.into(),
            Type::Integer => row.try_get::<_, Option<i64>>(index)?.into(),
            Type::Text => row.try_get::<_, Option<String>>(index)?.into(),
            Type::Bytes => row.try_get::<_, Option<Vec<u8>>>(index)?.into(),
            Type::Uuid => row.try_get::<_, Option<uuid::Uuid>>(index)?.into(),
            Type::Time => row.try_get::<_, Option<Moment>>(index)?.map(|moment| moment.0).into(),
        })
    };
    let values: Result<Vec<Value>, tokio_postgres::Error> =
        statement.columns.iter().enumerate().map(value).collect();
    values.map(Row::new).map_err(|_| {
        Unavailable::new(SERVICE, format!("{}: a column is of another type than declared", statement.name))
    })
}
