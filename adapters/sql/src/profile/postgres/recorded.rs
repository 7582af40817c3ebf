//! Statements that `pg_stat_statements` has counted: the slowest of them, and how they are planned for any values.

use sqlx::{AssertSqlSafe, Row as _, postgres::PgRow};

use super::{
    connection::{PostgresProfiler, plan_of},
    judge::judge,
    plan::Plan,
};
use crate::profile::{
    Planned, ProfileError, Profiled, away,
    finding::{Finding, Remedy, Trouble},
};

/// From this version on Postgres plans a statement for any parameters by itself.
const KNOWS_GENERIC_PLAN: i64 = 160_000;
/// How much of a recorded statement's text names it.
const SHOWN_TEXT: usize = 120;

/// A statement that `pg_stat_statements` has counted.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Its text, with `$1`, `$2`, … for what was given.
    pub text: String,
    /// How often it ran.
    pub calls: i64,
    /// How long on average.
    pub mean_ms: f64,
    /// How long together.
    pub total_ms: f64,
}

/// Which of the recorded statements are the slowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RecordedBy {
    /// Those that took most time together.
    #[default]
    Total,
    /// Those that took longest each time.
    Mean,
}

impl PostgresProfiler {
    /// The slowest statements that `pg_stat_statements` has counted in this database.
    ///
    /// # Errors
    /// [`ProfileError::NoRecord`] where it isn't set up.
    pub async fn slowest(&mut self, top: u32, by: RecordedBy) -> Result<Vec<Recorded>, ProfileError> {
        let place = "SELECT quote_ident(n.nspname) FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace \
                     WHERE e.extname = 'pg_stat_statements'";
        let place: Option<String> =
            sqlx::query_scalar(place).fetch_optional(&mut self.connection).await.map_err(away)?;
        let Some(place) = place else { return Err(ProfileError::NoRecord) };
        let order = match by {
            RecordedBy::Total => "total_exec_time",
            RecordedBy::Mean => "mean_exec_time",
        };
        // The same text stands there once for each account that sent it.
        let text = format!(
            "SELECT query, sum(calls)::bigint, sum(total_exec_time) / greatest(sum(calls), 1), sum(total_exec_time) AS total_exec_time, \
             max(mean_exec_time) AS mean_exec_time \
             FROM {place}.pg_stat_statements \
             WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) \
               AND query ~* '^\\s*(--[^\\n]*\\n\\s*|/\\*.*?\\*/\\s*)*(select|insert|update|delete|with|values|merge)\\y' \
             GROUP BY query ORDER BY {order} DESC LIMIT {top}"
        );
        let rows = sqlx::query(AssertSqlSafe(text)).persistent(false).fetch_all(&mut self.connection).await;
        let rows = match rows {
            // object_not_in_prerequisite_state: the extension is there, the library isn't loaded.
            Err(sqlx::Error::Database(told)) if told.code().as_deref() == Some("55000") => {
                return Err(ProfileError::NoRecord);
            }
            rows => rows.map_err(away)?,
        };
        let read = |row: &PgRow| {
            Ok(Recorded {
                text: row.try_get(0)?,
                calls: row.try_get(1)?,
                mean_ms: row.try_get(2)?,
                total_ms: row.try_get(3)?,
            })
        };
        rows.iter().map(read).collect::<Result<_, _>>().map_err(away)
    }

    /// Plans a recorded statement for any parameters; it isn't run.
    ///
    /// # Errors
    /// [`ProfileError::Away`]; a statement that can't be planned is noted in what is given.
    pub async fn recorded(&mut self, recorded: &Recorded) -> Result<Profiled, ProfileError> {
        let thresholds = self.options.thresholds.clone();
        let mut profiled = Profiled {
            statement: shortened(&recorded.text),
            planned: Planned::Generic,
            ms: Some(recorded.mean_ms),
            rows: None,
            shape: String::new(),
            findings: Vec::new(),
            note: None,
        };
        if recorded.mean_ms > thresholds.max_ms {
            profiled.findings.push(Finding {
                trouble: Trouble::Slow,
                table: None,
                columns: Vec::new(),
                #[expect(clippy::cast_precision_loss, reason = "a count to be read by people")]
                figures: vec![("mean ms", recorded.mean_ms), ("calls", recorded.calls as f64)],
                remedy: Remedy::Words("The other findings say why; without any, read fewer rows"),
            });
        }
        match self.generic(&recorded.text).await {
            Ok(plan) => {
                profiled.shape = plan.root.shape();
                profiled.findings.extend(judge(&plan, &self.schema, &thresholds));
                profiled.findings.sort_by_key(|finding| finding.trouble);
            }
            Err(sqlx::Error::Database(told)) => {
                profiled.note = Some(format!("not planned: {}", told.message()));
            }
            Err(error) => return Err(away(error)),
        }
        Ok(profiled)
    }

    /// The plan for any parameters of a text that somebody sent to the database: in a transaction that can't write, and never run.
    async fn generic(&mut self, text: &str) -> Result<Plan, sqlx::Error> {
        let limit = self.options.time_limit.as_millis();
        let begin = format!(
            "BEGIN READ ONLY; SET LOCAL statement_timeout = {limit}; SET LOCAL plan_cache_mode = force_generic_plan"
        );
        let asked = async {
            sqlx::raw_sql(AssertSqlSafe(begin)).execute(&mut self.connection).await?;
            // Sent by the protocol that takes one statement alone, which a text that hides a second one can't pass.
            let prepare = format!("PREPARE portico_profiled AS {text}");
            sqlx::query(AssertSqlSafe(prepare)).persistent(false).execute(&mut self.connection).await?;
            let explain = if self.version >= KNOWS_GENERIC_PLAN {
                format!("EXPLAIN (GENERIC_PLAN, FORMAT JSON) {text}")
            } else {
                let count = "SELECT coalesce(array_length(parameter_types, 1), 0)::bigint FROM pg_prepared_statements WHERE name = 'portico_profiled'";
                let count: i64 = sqlx::query_scalar(count).fetch_one(&mut self.connection).await?;
                let nulls = vec!["NULL"; usize::try_from(count).unwrap_or_default()];
                let nulls = if nulls.is_empty() { String::new() } else { format!("({})", nulls.join(", ")) };
                format!("EXPLAIN (FORMAT JSON) EXECUTE portico_profiled{nulls}")
            };
            let row = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_one(&mut self.connection).await?;
            plan_of(&row)
        };
        let plan = asked.await;
        sqlx::raw_sql("ROLLBACK; DEALLOCATE ALL").execute(&mut self.connection).await?;
        plan
    }
}

fn shortened(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("--"));
    let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
    let joined = words.join(" ");
    match joined.char_indices().nth(SHOWN_TEXT) {
        Some((end, _)) => format!("{}…", &joined[..end]),
        None => joined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recorded_text_is_named_by_its_beginning() {
        assert_eq!(shortened("-- Lists.\nSELECT id\nFROM books"), "SELECT id FROM books");
        assert_eq!(shortened(&"x".repeat(200)).chars().count(), 121);
    }
}
