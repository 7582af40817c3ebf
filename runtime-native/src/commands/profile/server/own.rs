//! A server of one's own to profile, under load.

use std::{io::Write as _, sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use portico_measuring::{
    load::{self, Outcome, Plan, Source},
    pprof::Profile,
    scenarios::{Scenario, Setup},
    server::{self, DatabaseChoice, Launch, Program, Server, UNLIMITED},
};

use super::fetch;
use crate::commands::progress::note;

/// How long it is loaded before it is looked at, so that what happens once is over.
const WARM_UP: Duration = Duration::from_secs(2);
/// How long a load goes on after a CPU profile should be at its end, so that its last second is like the others.
const BEYOND: Duration = Duration::from_millis(500);

/// The server and what it is asked.
pub(super) struct Own {
    server: Server,
    source: Arc<dyn Source>,
    rate: f64,
}

impl Own {
    /// Starts it, on a file of its own that goes with it.
    pub(super) async fn start(scenario: Scenario, rate: f64) -> anyhow::Result<Self> {
        note("starting a server of its own");
        let portico = std::env::current_exe().context("finding the running program")?;
        let mut variables = vec![("PORTICO_PPROF".to_owned(), "on".to_owned())];
        variables.extend(UNLIMITED.map(|(name, value)| (name.to_owned(), value.to_owned())));
        // Hashes at a server's cost would be all that is seen.
        variables.push(("PORTICO_BCRYPT_COST".to_owned(), "10".to_owned()));
        let launch = Launch {
            program: Program::Native(portico),
            database: DatabaseChoice::Sqlite,
            variables,
            data_dir: None,
        };
        let server = Server::start(launch).await?;
        let setup = Setup { admin: Some(server::admin_token(&server).await?), ..Setup::default() };
        note(&format!("making ready what {} needs", scenario.name()));
        let source = scenario.prepare(server.url(), &setup).await?;
        Ok(Self { server, source, rate })
    }

    /// Where it spends its time under load.
    pub(super) async fn cpu(self, over: Duration) -> anyhow::Result<Profile> {
        let token = server::admin_token(&self.server).await?;
        let load = async {
            let plan = Plan { warm_up: WARM_UP, ..Plan::open(self.rate, over + BEYOND) };
            load::run(self.server.url(), Arc::clone(&self.source), &plan, None).await
        };
        let look = async {
            tokio::time::sleep(WARM_UP).await;
            note(&format!("looking for {} s", over.as_secs()));
            fetch::cpu(self.server.url(), &token, over).await
        };
        let (outcome, profile) = tokio::try_join!(load, look)?;
        told(&outcome)?;
        self.server.stop().await?;
        Ok(profile)
    }

    /// What memory is in use before and after a load.
    pub(super) async fn heap(self, over: Duration) -> anyhow::Result<(Profile, Profile)> {
        let url = self.server.url();
        let warm = Plan { warm_up: Duration::ZERO, ..Plan::open(self.rate, WARM_UP) };
        load::run(url, Arc::clone(&self.source), &warm, None).await?;
        let before = fetch::heap(url, &server::admin_token(&self.server).await?).await?;
        note(&format!("loading for {} s", over.as_secs()));
        let plan = Plan { warm_up: Duration::ZERO, ..Plan::open(self.rate, over) };
        let outcome = load::run(url, Arc::clone(&self.source), &plan, None).await?;
        told(&outcome)?;
        let after = fetch::heap(url, &server::admin_token(&self.server).await?).await?;
        self.server.stop().await?;
        Ok((before, after))
    }
}

/// Says how the load went: a profile of a server that refused is one of refusing.
fn told(outcome: &Outcome) -> anyhow::Result<()> {
    ensure!(outcome.requests > outcome.failed(), "every request failed: {:?}", outcome.errors);
    let errors = match outcome.failed() {
        0 => String::new(),
        failed => format!(", {failed} failed ({:?})", outcome.errors),
    };
    let mut err = std::io::stderr().lock();
    // That it can't be shown stops nothing.
    let _ = writeln!(
        err,
        "load: {:.0} requests/s for {:.0} s, p50 {:.2} ms, p99 {:.2} ms{errors}",
        outcome.per_second, outcome.seconds, outcome.latency.p50, outcome.latency.p99
    );
    Ok(())
}
