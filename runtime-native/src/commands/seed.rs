use std::{
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, anyhow};
use portico_in_process::SystemClock;
use portico_sql::{
    driver::Driver,
    seed::{self as rows, Counts, Family, Plan, Written},
};

use super::{progress::Progress, say};
use crate::{
    Failure, cli,
    configuration::{Configuration, Database},
    storage,
};

/// How long the database may take to gather its statistics, or for a batch over a slow line.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// Writes what is missing of the data that was asked for.
pub(crate) async fn seed(mut configuration: Configuration, options: &cli::Seed) -> Result<(), Failure> {
    let plan = plan(options);
    let limit = match &mut configuration.database {
        Database::Postgres(config) => &mut config.statement_timeout,
        Database::Sqlite(config) => &mut config.statement_time_limit,
    };
    *limit = PATIENCE.max(*limit);
    let shown = configuration.database.shown();
    let store = storage::open_ready(&configuration, Arc::new(SystemClock)).await?;
    let written = write(&*store.driver(), &plan, options.force, &shown).await;
    store.close().await;
    report(&written?)?;
    Ok(())
}

fn plan(options: &cli::Seed) -> Plan {
    let scaled = options.scale;
    let counts = Counts {
        users: options.users.unwrap_or(scaled.users),
        books: options.books.unwrap_or(scaled.books),
        orders: options.orders.unwrap_or(scaled.orders),
        messages: options.messages.unwrap_or(scaled.messages),
    };
    let families = if options.only.is_empty() { Family::ALL.to_vec() } else { options.only.clone() };
    Plan { counts: counts.whole(), families }
}

async fn write(driver: &dyn Driver, plan: &Plan, force: bool, shown: &str) -> anyhow::Result<Vec<Written>> {
    if !force && rows::has_other_users(driver).await.with_context(|| shown.to_owned())? {
        return Err(anyhow!(
            "{shown} holds accounts that were not seeded, and may be in use; seeded accounts have a password that everybody knows. \
             Nothing was written; --force writes beside them"
        ));
    }
    let asked =
        plan.steps().into_iter().map(|family| format!("{} {}", family.count(&plan.counts), family.as_str()));
    let asked = asked.collect::<Vec<_>>().join(", ");
    let _ = writeln!(io::stderr(), "{shown} gets what it lacks of {asked}");
    let mut progress = Progress::new();
    let written =
        rows::seed(driver, plan, &mut |step| progress.show(step.family.as_str(), step.done, step.of))
            .await
            .with_context(|| {
            format!("{shown}: seeding ended early; what was written stays, and running it again goes on")
        })?;
    if written.iter().any(|written| written.with_others > 0) {
        rows::analyze(driver)
            .await
            .with_context(|| format!("{shown}: everything is written, but not analysed"))?;
    }
    Ok(written)
}

fn report(written: &[Written]) -> io::Result<()> {
    say(|out| {
        for Written { family, asked, rows, with_others } in written {
            let others = with_others - rows;
            writeln!(
                out,
                "{}: {rows} written, {} there before or passed over; {others} rows beside them",
                family.as_str(),
                asked - rows
            )?;
        }
        writeln!(
            out,
            "sign in as {} with {}, or use the key {}",
            rows::email(0),
            rows::PASSWORD,
            rows::api_key(0).expose()
        )
    })
}
