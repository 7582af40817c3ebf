use async_trait::async_trait;
use portico_domain::{
    cache::{ArmPlan, ArmResult, ArmTally, Experiment, ExperimentState, Prefix},
    models::{ExperimentId, Order, PageRequest, Timestamp},
    ports::{ArmAdoption, ArmRecord, ExperimentResults, ExperimentStart, Experiments, Unavailable},
};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::{SqlRepositories, places};
use crate::{
    driver::{DriverError, FromValue, Row, SERVICE, Value},
    statements::{
        CACHE_ADOPTION_END, CACHE_ADOPTION_SET, CACHE_EXPERIMENT_BY_ID, CACHE_EXPERIMENT_END_ADOPTED,
        CACHE_EXPERIMENT_RESULTS_OF, CACHE_EXPERIMENT_RESULTS_PUT, CACHE_EXPERIMENT_START,
        CACHE_EXPERIMENT_STOP, CACHE_EXPERIMENTS_IN_FORCE, CACHE_EXPERIMENTS_LIST_ASC,
        CACHE_EXPERIMENTS_LIST_DESC,
    },
};

#[async_trait]
impl Experiments for SqlRepositories {
    async fn start(&self, experiment: &Experiment) -> Result<ExperimentStart, Unavailable> {
        let arms =
            serde_json::to_string(&experiment.arms).map_err(|error| Unavailable::new(SERVICE, error))?;
        let parameters = vec![
            experiment.id.uuid().into(),
            name_of(experiment.prefix).into(),
            experiment.name.clone().into(),
            arms.into(),
            experiment.started_at.into(),
        ];
        match self.driver.run(CACHE_EXPERIMENT_START.with(parameters)).await {
            Ok(_) => Ok(ExperimentStart::Started),
            Err(DriverError::UniqueViolation { constraint })
                if constraint == "cache_experiments_prefix_key" =>
            {
                Ok(ExperimentStart::AnotherRuns)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn by_id(&self, id: ExperimentId) -> Result<Option<Experiment>, Unavailable> {
        let rows = self.driver.run(CACHE_EXPERIMENT_BY_ID.with(vec![id.uuid().into()])).await?;
        rows.into_iter().next().map(adoptable).transpose()
    }

    async fn list(&self, page: PageRequest) -> Result<Vec<Experiment>, Unavailable> {
        let statement = match page.order {
            Order::Ascending => &CACHE_EXPERIMENTS_LIST_ASC,
            Order::Descending => &CACHE_EXPERIMENTS_LIST_DESC,
        };
        let after = places::start(page);
        let parameters = vec![after.time().into(), after.id.into(), (i64::from(page.limit) + 1).into()];
        self.driver.run(statement.with(parameters)).await?.into_iter().map(adoptable).collect()
    }

    async fn in_force(&self) -> Result<Vec<Experiment>, Unavailable> {
        let rows = self.driver.run(CACHE_EXPERIMENTS_IN_FORCE.with(Vec::new())).await?;
        rows.into_iter().map(adoptable).collect()
    }

    async fn stop(&self, id: ExperimentId, at: Timestamp) -> Result<Option<Experiment>, Unavailable> {
        let calls = vec![
            CACHE_ADOPTION_END.with(vec![id.uuid().into()]),
            CACHE_EXPERIMENT_STOP.with(vec![id.uuid().into(), at.into()]),
        ];
        let stopped = self.driver.transact(calls).await?.pop().unwrap_or_default();
        stopped.into_iter().next().map(|row| experiment(row).map(|(experiment, _)| experiment)).transpose()
    }

    async fn adopt(&self, id: ExperimentId, arm: &str, at: Timestamp) -> Result<ArmAdoption, Unavailable> {
        let parameters = || vec![id.uuid().into(), arm.into(), at.into()];
        let calls =
            vec![CACHE_ADOPTION_SET.with(parameters()), CACHE_EXPERIMENT_END_ADOPTED.with(parameters())];
        let adopted = self.driver.transact(calls).await?.pop().unwrap_or_default();
        if let Some(row) = adopted.into_iter().next() {
            let (experiment, _) = experiment(row)?;
            let state = ExperimentState::Adopted(arm.to_owned());
            return Ok(ArmAdoption::Adopted(Box::new(Experiment { state, ..experiment })));
        }
        // Only where nothing was written is it asked why.
        let known = self.by_id(id).await?.is_some();
        Ok(if known { ArmAdoption::AnotherRuns } else { ArmAdoption::NotFound })
    }
}

#[async_trait]
impl ExperimentResults for SqlRepositories {
    async fn record(&self, server: Uuid, records: &[ArmRecord], at: Timestamp) -> Result<(), Unavailable> {
        if records.is_empty() {
            return Ok(());
        }
        let rows = records.iter().map(|record| row_of(server, record, at)).collect();
        let parameters = vec![Json::Array(rows).to_string().into()];
        self.driver.run(CACHE_EXPERIMENT_RESULTS_PUT.with(parameters)).await?;
        Ok(())
    }

    async fn of(&self, id: ExperimentId) -> Result<Vec<ArmResult>, Unavailable> {
        let rows = self.driver.run(CACHE_EXPERIMENT_RESULTS_OF.with(vec![id.uuid().into()])).await?;
        rows.into_iter().map(result).collect()
    }
}

/// A prefix as it is stored: without its colon.
fn name_of(prefix: Prefix) -> &'static str {
    prefix.as_str().trim_end_matches(':')
}

fn unreadable() -> Unavailable {
    Unavailable::new(SERVICE, "a stored experiment is not one of this program's")
}

/// Reads the six columns of an experiment, and gives it as if no arm of it were in force.
fn experiment(mut row: Row) -> Result<(Experiment, Row), Unavailable> {
    let id = ExperimentId::from_uuid(row.take()?);
    let prefix = Prefix::parse(&row.take::<String>()?).ok_or_else(unreadable)?;
    let name = row.take()?;
    let arms: Vec<ArmPlan> = serde_json::from_str(&row.take::<String>()?).map_err(|_| unreadable())?;
    let (started_at, ended_at): (_, Option<Timestamp>) = (row.take()?, row.take()?);
    let state = if ended_at.is_none() { ExperimentState::Running } else { ExperimentState::Stopped };
    Ok((Experiment { id, prefix, name, arms, state, started_at, ended_at }, row))
}

/// The same with a seventh column, the arm of it that is in force.
fn adoptable(row: Row) -> Result<Experiment, Unavailable> {
    let (experiment, mut row) = experiment(row)?;
    match row.take::<Option<String>>()? {
        None => Ok(experiment),
        Some(arm) => Ok(Experiment { state: ExperimentState::Adopted(arm), ..experiment }),
    }
}

/// A row with its moment in the form of either database.
fn row_of(server: Uuid, record: &ArmRecord, at: Timestamp) -> Json {
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let tally = &record.tally;
    json!({
        "experiment_id": record.experiment,
        "arm": record.arm,
        "server": server,
        "reads": count(tally.reads),
        "hits": count(tally.hits),
        "loads": count(tally.loads),
        "errors": count(tally.errors),
        "load_ms": tally.load_ms,
        "load_ms_squared": tally.load_ms_squared,
        "age_ms": tally.age_ms,
        "age_ms_squared": tally.age_ms_squared,
        "updated_at": at,
        "updated_micros": at.micros(),
    })
}

fn result(mut row: Row) -> Result<ArmResult, Unavailable> {
    let arm = row.take()?;
    let servers = row.take::<Count>()?.0;
    let [reads, hits, loads, errors] = [row.take()?, row.take()?, row.take()?, row.take()?].map(|Count(n)| n);
    let [load_ms, load_ms_squared, age_ms, age_ms_squared] =
        [row.take()?, row.take()?, row.take()?, row.take()?].map(|Fraction(value)| value);
    let tally = ArmTally { reads, hits, loads, load_ms, load_ms_squared, age_ms, age_ms_squared, errors };
    Ok(ArmResult { arm, tally, servers })
}

struct Count(u64);

impl FromValue for Count {
    fn from_value(value: Value) -> Option<Self> {
        i64::from_value(value).and_then(|count| u64::try_from(count).ok()).map(Self)
    }
}

/// A number with a fraction, which drivers carry as text.
struct Fraction(f64);

impl FromValue for Fraction {
    fn from_value(value: Value) -> Option<Self> {
        String::from_value(value).and_then(|text| text.parse().ok()).map(Self)
    }
}
