//! Asks Postgres for plans.

use std::str::FromStr;

use portico_domain::models::Timestamp;
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, PgConnection, Row as _, ValueRef as _,
    postgres::{PgConnectOptions, PgRow},
};

use super::{
    judge::judge,
    plan::Plan,
    values::{as_text, literal, type_name, value},
};
use crate::{
    driver::{Dialect, Effect, Statement, Type, Value},
    profile::{
        Planned, ProfileError, ProfileOptions, Profiled, away,
        conditions::{Schema, Table},
        finding::{Finding, Remedy, Trouble},
        samples::{self, Entry, Given, Sampled},
    },
};

/// How long a statement waits for rows that somebody else is writing.
const LOCK_LIMIT_MS: u32 = 1_000;

/// A connection that only looks.
pub struct PostgresProfiler {
    pub(super) connection: PgConnection,
    pub(super) schema: Schema,
    pub(super) version: i64,
    pub(super) options: ProfileOptions,
}

impl PostgresProfiler {
    /// Connects, and reads how large tables are and which columns they have.
    ///
    /// # Errors
    /// [`ProfileError::Away`].
    pub async fn connect(url: &str, options: ProfileOptions) -> Result<Self, ProfileError> {
        let parsed = PgConnectOptions::from_str(url)
            .map_err(|_| ProfileError::Away("the database URL is not a valid one".to_owned()))?;
        // What was prepared is taken back after each plan, so none may be kept.
        let connecting = parsed
            .application_name("portico-profile")
            .statement_cache_capacity(0)
            .disable_statement_logging();
        let connecting = PgConnection::connect_with(&connecting).await;
        let mut connection = connecting.map_err(away)?;
        let version = "SELECT current_setting('server_version_num')::bigint";
        let version = sqlx::query_scalar(version).fetch_one(&mut connection).await.map_err(away)?;
        let schema = schema(&mut connection).await.map_err(away)?;
        Ok(Self { connection, schema, version, options })
    }

    /// What is known of the tables.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Looks at a statement of the registry with sampled parameters, planned for them and for any.
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
                for planned in [Planned::Custom, Planned::Generic] {
                    let one = self.statement(statement, &values, planned).await?;
                    profiled.push(one);
                }
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
        for (table, columns) in samples::wanted(statement, given, Dialect::Postgres) {
            let row = self.sample(table, &columns, place).await.map_err(away)?;
            sampled.insert(table, row);
        }
        Ok(samples::values(statement, given, Dialect::Postgres, &sampled, now))
    }

    /// A row at some place of a table: the first on the page there, or the first of all where that page has none.
    async fn sample(
        &mut self,
        table: &str,
        columns: &[(&'static str, Type)],
        place: f64,
    ) -> Result<Option<Vec<Value>>, sqlx::Error> {
        let size = format!("SELECT (pg_relation_size('{table}') / 8192)::bigint");
        let pages: i64 = sqlx::query_scalar(AssertSqlSafe(size)).fetch_one(&mut self.connection).await?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "about there is enough"
        )]
        let page = (pages as f64 * place) as i64;
        let list: Vec<String> = columns.iter().map(|(name, kind)| as_text(name, *kind)).collect();
        for condition in [format!("WHERE ctid >= '({page},0)'::tid"), String::new()] {
            let text = format!("SELECT {} FROM {table} {condition} LIMIT 1", list.join(", "));
            if let Some(row) = sqlx::query(AssertSqlSafe(text))
                .persistent(false)
                .fetch_optional(&mut self.connection)
                .await?
            {
                let read = |(place, (_, kind)): (usize, &(&str, Type))| value(&row, place, *kind);
                return columns.iter().enumerate().map(read).collect::<Result<_, _>>().map(Some);
            }
        }
        Ok(None)
    }

    async fn statement(
        &mut self,
        statement: &Statement,
        values: &[Value],
        planned: Planned,
    ) -> Result<Profiled, ProfileError> {
        let types: Vec<&str> = statement.parameters.iter().map(|kind| type_name(*kind)).collect();
        let literals: Vec<String> =
            values.iter().zip(statement.parameters).map(|(value, kind)| literal(value, *kind)).collect();
        let bracketed = |parts: &[String]| {
            if parts.is_empty() { String::new() } else { format!("({})", parts.join(", ")) }
        };
        let types = bracketed(&types.into_iter().map(str::to_owned).collect::<Vec<_>>());
        let mode = if planned == Planned::Generic { "force_generic_plan" } else { "force_custom_plan" };
        let prepare = format!(
            "SET LOCAL plan_cache_mode = {mode}; PREPARE portico_profiled{types} AS {}",
            statement.postgres
        );
        let execute = format!("EXECUTE portico_profiled{}", bracketed(&literals));
        let mut profiled = Profiled {
            statement: statement.name.to_owned(),
            planned,
            ms: None,
            rows: None,
            shape: String::new(),
            findings: Vec::new(),
            note: None,
        };
        if self.options.execute {
            let analyze = format!("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {execute}");
            match self.explain(statement.effect, &prepare, &analyze).await {
                Ok(plan) => {
                    self.take(&mut profiled, &plan);
                    return Ok(profiled);
                }
                Err(sqlx::Error::Database(told)) => {
                    let code = told.code().unwrap_or_default();
                    // query_canceled: the time limit.
                    if code == "57014" {
                        profiled.findings.push(too_slow(&self.options));
                    }
                    profiled.note =
                        Some(format!("planned only: running it was refused with SQLSTATE {code}"));
                }
                Err(error) => return Err(away(error)),
            }
        }
        match self.explain(Effect::Read, &prepare, &format!("EXPLAIN (FORMAT JSON) {execute}")).await {
            Ok(plan) => self.take(&mut profiled, &plan),
            Err(sqlx::Error::Database(told)) => {
                profiled.note = Some(format!("not planned: {}", told.message()));
            }
            Err(error) => return Err(away(error)),
        }
        Ok(profiled)
    }

    fn take(&self, profiled: &mut Profiled, plan: &Plan) {
        profiled.ms = plan.execution_ms;
        profiled.rows = plan.root.measured.map(|measured| measured.rows);
        profiled.shape = plan.root.shape();
        profiled.findings.extend(judge(plan, &self.schema, &self.options.thresholds));
    }

    /// Asks for one plan in a transaction that is rolled back, whatever comes of it. Prepared statements outlive transactions and are taken
    /// back besides.
    async fn explain(&mut self, effect: Effect, prepare: &str, explain: &str) -> Result<Plan, sqlx::Error> {
        let access = if effect == Effect::Read { "READ ONLY" } else { "READ WRITE" };
        let limit = self.options.time_limit.as_millis();
        let begin = format!(
            "BEGIN {access}; SET LOCAL statement_timeout = {limit}; SET LOCAL lock_timeout = {LOCK_LIMIT_MS}; {prepare}"
        );
        let asked = async {
            sqlx::raw_sql(AssertSqlSafe(begin)).execute(&mut self.connection).await?;
            let row =
                sqlx::raw_sql(AssertSqlSafe(explain.to_owned())).fetch_one(&mut self.connection).await?;
            plan_of(&row)
        };
        let plan = asked.await;
        sqlx::raw_sql("ROLLBACK; DEALLOCATE ALL").execute(&mut self.connection).await?;
        plan
    }

    /// Ends the connection.
    pub async fn close(self) {
        // What was asked has been answered: how the connection ends is nobody's concern.
        let _ = self.connection.close().await;
    }
}

pub(super) fn plan_of(row: &PgRow) -> Result<Plan, sqlx::Error> {
    let raw = row.try_get_raw(0)?;
    if raw.is_null() {
        return Err(sqlx::Error::RowNotFound);
    }
    let text = raw.as_str().map_err(sqlx::Error::Decode)?;
    Plan::parse(text).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

pub(crate) fn too_slow(options: &ProfileOptions) -> Finding {
    Finding {
        trouble: Trouble::Slow,
        table: None,
        columns: Vec::new(),
        figures: vec![("ms at least", options.time_limit.as_secs_f64() * 1_000.0)],
        remedy: Remedy::Words("It was given up at the time limit; the plan's other findings say why"),
    }
}

async fn schema(connection: &mut PgConnection) -> Result<Schema, sqlx::Error> {
    // A table that was never analysed doesn't know its rows; its size tells about how many there are.
    let text = "SELECT c.relname::text, \
                CASE WHEN c.reltuples < 0 THEN pg_relation_size(c.oid) / 128.0 ELSE c.reltuples END::double precision, \
                string_agg(a.attname, ',')::text \
                FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid \
                WHERE c.relkind IN ('r', 'p', 'm') AND a.attnum > 0 AND NOT a.attisdropped AND pg_table_is_visible(c.oid) \
                  AND c.relnamespace <> 'pg_catalog'::regnamespace \
                GROUP BY c.oid, c.relname, c.reltuples";
    let mut schema = Schema::default();
    for row in sqlx::query(text).fetch_all(connection).await? {
        let columns: String = row.try_get(2)?;
        let columns = columns.split(',').map(str::to_owned).collect();
        schema.tables.insert(row.try_get(0)?, Table { rows: row.try_get(1)?, columns, ..Table::default() });
    }
    Ok(schema)
}
