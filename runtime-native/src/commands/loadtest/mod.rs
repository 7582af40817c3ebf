//! `portico loadtest`: loads a server and tells how it answered.
//!
//! - `ground`: the server that is loaded, with a database of its own, or the one that was named.
//! - `pool`: how much of the database pool is in use meanwhile.
//! - `sending`: how the load is sent, by the driver that is built in or by k6.
//! - `found`: what came of it; the JSON.
//! - `told`: the same for people.

pub(crate) mod found;
mod ground;
mod pool;
mod sending;
mod told;

use std::{
    io::{self, Write as _},
    path::Path,
};

use anyhow::Context as _;
use portico_measuring::{
    load::k6,
    page,
    server::{Program, until_interrupted},
};
use tokio::runtime::Builder;

use self::{found::Found, ground::Ground};
use super::say;
use crate::{
    Failure,
    cli::{CompareTarget, Loadtest},
};

/// Runs it.
pub(crate) fn loadtest(options: &Loadtest) -> Result<(), Failure> {
    refuse_strangers(options)?;
    // What would make the measurement worthless at its end is found before it begins.
    for path in [&options.json, &options.markdown, &options.report].into_iter().flatten() {
        page::check_writable(path)?;
    }
    let portico = std::env::current_exe().context("finding the running program")?;
    let program = match options.target {
        CompareTarget::Native => Program::Native(portico.clone()),
        CompareTarget::Worker => {
            Program::Worker(super::compare::checkout(options.checkout.as_deref(), &portico)?)
        }
    };
    // One thread, because the server needs the others.
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let found = runtime.block_on(until_interrupted(run(options, &portico, program)))?;
    say(|out| write!(out, "{}", told::text(&found)))?;
    if let Some(path) = &options.json {
        page::write_json(path, &found)?;
    }
    if let Some(path) = &options.markdown {
        told::page(&found).write_markdown(path)?;
    }
    if let Some(path) = &options.report {
        told::page(&found).write_html(path)?;
    }
    if found.passed { Ok(()) } else { Err(Failure::Logged) }
}

/// A load is an attack on whoever didn't ask for it.
fn refuse_strangers(options: &Loadtest) -> Result<(), Failure> {
    let Some(url) = options.url.as_ref().filter(|_| !options.i_may_load_this_host) else { return Ok(()) };
    let is_here = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    if is_here {
        return Ok(());
    }
    let told = format!(
        "{url} is another machine, and a load test is an attack on whoever did not agree to it: give --i-may-load-this-host if its owner did"
    );
    Err(Failure::Usage(vec![told]))
}

async fn run(options: &Loadtest, portico: &Path, program: Program) -> anyhow::Result<Found> {
    let tell = |line: &str| {
        // Who can't be told goes on all the same.
        let _ = writeln!(io::stderr(), "{line}");
    };
    let k6 = match &options.k6 {
        Some(program) => Some(k6::version(program).await?),
        None => None,
    };
    let ground = Ground::prepare(options, portico, program, &tell).await?;
    let sent = sending::send(options, &ground, k6, &tell).await;
    let found = sent.map_err(|error| anyhow::anyhow!("{error:#}{}", ground.last_words()));
    let ended = ground.end().await;
    // Why nothing could be measured says more than how the server then ended.
    let found = found?;
    ended?;
    Ok(found)
}
