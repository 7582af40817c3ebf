//! Asks `SQLite` for plans, and runs statements that are rolled back.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use portico_domain::models::Timestamp;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Row as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteRow},
};
use uuid::Uuid;

use super::{judge::judge, plan::parse};
use crate::{
    driver::{Dialect, Effect, Statement, Type, Value},
    profile::{
        Planned, ProfileError, ProfileOptions, Profiled, away,
        conditions::{Schema, Table},
        postgres::too_slow,
        samples::{self, Entry, Given, Sampled},
    },
    sqlite::{BUSY_TIMEOUT, bind},
};

/// How long a write may run: it keeps the only place to write from a server that serves meanwhile, whose own writes wait five seconds.
const LONGEST_WRITE: Duration = Duration::from_secs(2);
/// After so many steps of its machine `SQLite` asks whether to go on.
const STEPS: i32 = 10_000;

/// A connection that only looks.
pub struct SqliteProfiler {
    connection: SqliteConnection,
    schema: Schema,
    options: ProfileOptions,
}

impl SqliteProfiler {
    /// Opens the file, which must be there, and reads how large tables are and which columns they have.
    ///
    /// # Errors
    /// [`ProfileError::Away`].
    pub async fn open(path: &Path, options: ProfileOptions) -> Result<Self, ProfileError> {
        if !path.is_file() {
            return Err(ProfileError::Away(format!("there is no file {}", path.display())));
        }
        let connecting = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .disable_statement_logging();
        let mut connection = SqliteConnection::connect_with(&connecting).await.map_err(away)?;
        let schema = schema(&mut connection).await.map_err(away)?;
        Ok(Self { connection, schema, options })
    }

    /// What is known of the tables.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Looks at a statement of the registry with sampled parameters.
    ///
    /// # Errors
    /// [`ProfileError::Away`]; a statement that can't be run is noted in what is given.
    pub async fn profile(
        &mut self,
        statement: &'static Statement,
        entry: &Entry,
        now: Timestamp,
    ) -> Result<Vec<Profiled>, ProfileError> {
        let mut profiled: Vec<Profiled> = Vec::new();
        let places: Vec<f64> = self.options.places().collect();
        for given in [Some(entry.given), entry.otherwise].into_iter().flatten() {
            for place in &places {
                let values = self.values(statement, given, *place, now).await?;
                profiled.push(self.statement(statement, &values).await?);
                if given.is_empty() {
                    break;
                }
            }
        }
        entry.spare(&mut profiled);
        Ok(profiled)
    }

    async fn values(
        &mut self,
        statement: &Statement,
        given: &[Given],
        place: f64,
        now: Timestamp,
    ) -> Result<Vec<Value>, ProfileError> {
        let mut sampled = Sampled::new();
        for (table, columns) in samples::wanted(statement, given, Dialect::Sqlite) {
            sampled.insert(table, self.sample(table, &columns, place).await.map_err(away)?);
        }
        Ok(samples::values(statement, given, Dialect::Sqlite, &sampled, now))
    }

    async fn sample(
        &mut self,
        table: &str,
        columns: &[(&'static str, Type)],
        place: f64,
    ) -> Result<Option<Vec<Value>>, sqlx::Error> {
        let list: Vec<String> = columns
            .iter()
            .map(|(name, kind)| match kind {
                Type::Text => format!("CAST({name} AS TEXT)"),
                _ => (*name).to_owned(),
            })
            .collect();
        #[expect(clippy::cast_possible_truncation, reason = "about there is enough")]
        let from = (self.schema.rows(table) * place) as i64;
        let numbered = self.schema.tables.get(table).is_none_or(|table| table.numbered);
        let order = if numbered { "WHERE rowid >= $1 ORDER BY rowid" } else { "WHERE $1 IS NOT NULL" };
        let text = format!("SELECT {} FROM {table} {order} LIMIT 1", list.join(", "));
        let row = sqlx::query(AssertSqlSafe(text)).bind(from).fetch_optional(&mut self.connection).await?;
        let Some(row) = row else { return Ok(None) };
        let read = |(place, (_, kind)): (usize, &(&str, Type))| value(&row, place, *kind);
        columns.iter().enumerate().map(read).collect::<Result<_, _>>().map(Some)
    }

    async fn statement(
        &mut self,
        statement: &'static Statement,
        values: &[Value],
    ) -> Result<Profiled, ProfileError> {
        let explain = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", statement.sqlite)));
        let explain = values.iter().fold(explain, bind);
        let mut profiled = Profiled {
            statement: statement.name.to_owned(),
            planned: Planned::Once,
            ms: None,
            rows: None,
            shape: String::new(),
            findings: Vec::new(),
            note: None,
        };
        let rows = match explain.fetch_all(&mut self.connection).await {
            Err(sqlx::Error::Database(told)) => {
                profiled.note = Some(format!("not planned: {}", told.message()));
                return Ok(profiled);
            }
            rows => rows.map_err(away)?,
        };
        let read = |row: &SqliteRow| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(3)?));
        let rows: Vec<(i64, i64, String)> =
            rows.iter().map(read).collect::<Result<_, sqlx::Error>>().map_err(away)?;
        let plan = parse(&rows);
        profiled.shape = plan.iter().map(super::Node::shape).collect::<Vec<_>>().join("; ");
        if self.options.execute {
            self.run(statement, values, &mut profiled).await?;
        }
        let thresholds = &self.options.thresholds;
        let told = judge(statement.sqlite, &plan, &self.schema, profiled.ms, thresholds);
        profiled.findings.extend(told);
        Ok(profiled)
    }

    /// Runs a statement in a transaction that is rolled back, whatever comes of it.
    async fn run(
        &mut self,
        statement: &'static Statement,
        values: &[Value],
        profiled: &mut Profiled,
    ) -> Result<(), ProfileError> {
        let writes = statement.effect == Effect::Write;
        let begin = if writes { "BEGIN IMMEDIATE" } else { "BEGIN" };
        match sqlx::query(begin).execute(&mut self.connection).await {
            Ok(_) => {}
            // Somebody else has been writing for as long as this connection waits: no reason to give up the other statements.
            Err(sqlx::Error::Database(told)) => {
                let code = told.code().unwrap_or_default();
                profiled.note = Some(format!("planned only: beginning was refused with code {code}"));
                return Ok(());
            }
            Err(error) => return Err(away(error)),
        }
        let started = Instant::now();
        let limit = if writes { self.options.time_limit.min(LONGEST_WRITE) } else { self.options.time_limit };
        let mut handle = self.connection.lock_handle().await.map_err(away)?;
        handle.set_progress_handler(STEPS, move || started.elapsed() < limit);
        drop(handle);
        let query = values.iter().fold(sqlx::query(statement.sqlite), bind);
        let rows = query.fetch_all(&mut self.connection).await;
        let spent = started.elapsed();
        let mut handle = self.connection.lock_handle().await.map_err(away)?;
        handle.remove_progress_handler();
        drop(handle);
        // An interrupted write has rolled back by itself: then there is nothing to roll back, and that is told as an error.
        let _ = sqlx::query("ROLLBACK").execute(&mut self.connection).await;
        match rows {
            Ok(rows) => {
                profiled.ms = Some(spent.as_secs_f64() * 1_000.0);
                profiled.rows = u32::try_from(rows.len()).ok().map(f64::from);
            }
            Err(sqlx::Error::Database(told)) => {
                if spent >= limit {
                    profiled.findings.push(too_slow(&self.options));
                }
                let code = told.code().unwrap_or_default();
                profiled.note = Some(format!("planned only: running it was refused with code {code}"));
            }
            Err(error) => return Err(away(error)),
        }
        Ok(())
    }

    /// Ends the connection.
    pub async fn close(self) {
        // What was asked has been answered: how the connection ends is nobody's concern.
        let _ = self.connection.close().await;
    }
}

async fn schema(connection: &mut SqliteConnection) -> Result<Schema, sqlx::Error> {
    let text = "SELECT m.name, group_concat(c.name, ','), m.sql LIKE 'CREATE VIRTUAL%' OR m.sql LIKE '%WITHOUT ROWID%' \
                FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c \
                WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' GROUP BY m.name";
    let mut schema = Schema::default();
    for row in sqlx::query(text).fetch_all(&mut *connection).await? {
        let (name, columns): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let columns = columns.split(',').map(str::to_owned).collect();
        let numbered = !row.try_get::<bool, _>(2)?;
        let mut table = Table { columns, numbered, ..Table::default() };
        // The greatest row id is about the number of rows, and costs one look.
        if numbered {
            let greatest = AssertSqlSafe(format!("SELECT coalesce(max(rowid), 0) FROM \"{name}\""));
            let greatest: i64 = sqlx::query_scalar(greatest).fetch_one(&mut *connection).await?;
            #[expect(clippy::cast_precision_loss, reason = "about so many is enough")]
            let rows = greatest as f64;
            table.rows = rows;
        }
        schema.tables.insert(name, table);
    }
    // Tables without row ids know their size from the last ANALYZE, if there was one.
    let analysed = "SELECT name FROM sqlite_master WHERE name = 'sqlite_stat1'";
    if sqlx::query(analysed).fetch_optional(&mut *connection).await?.is_some() {
        for row in sqlx::query("SELECT tbl, stat FROM sqlite_stat1").fetch_all(&mut *connection).await? {
            let (name, stat): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let rows = stat.split(' ').next().and_then(|rows| rows.parse().ok());
            if let Some((table, rows)) = schema.tables.get_mut(&name).zip(rows) {
                table.rows = table.rows.max(rows);
            }
        }
    }
    let text = "SELECT m.name, i.name, (SELECT max(c.seqno) + 1 FROM pragma_index_info(i.name) AS c) \
                FROM sqlite_master AS m JOIN pragma_index_list(m.name) AS i \
                WHERE m.type = 'table' AND i.\"unique\" AND NOT i.partial";
    for row in sqlx::query(text).fetch_all(connection).await? {
        let (name, index, columns): (String, String, i64) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        if let Some(table) = schema.tables.get_mut(&name) {
            table.unique.insert(index, usize::try_from(columns).unwrap_or_default());
        }
    }
    Ok(schema)
}

fn value(row: &SqliteRow, place: usize, kind: Type) -> Result<Value, sqlx::Error> {
    Ok(match kind {
        Type::Bool => row.try_get::<Option<bool>, _>(place)?.into(),
        Type::Integer => row.try_get::<Option<i64>, _>(place)?.into(),
        Type::Text => row.try_get::<Option<String>, _>(place)?.into(),
        Type::Bytes => row.try_get::<Option<Vec<u8>>, _>(place)?.into(),
        // A sample's identifier may be any text: it is bound as what it is.
        Type::Uuid => match row.try_get::<Option<String>, _>(place)? {
            Some(text) => Uuid::try_parse(&text).map_or(Value::Text(text), Value::Uuid),
            None => Value::Null,
        },
        Type::Time => row.try_get::<Option<i64>, _>(place)?.map(Timestamp::from_micros).into(),
    })
}
