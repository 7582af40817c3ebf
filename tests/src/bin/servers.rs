//! Proves what must hold across several servers: changes of keys, limits, counts, and life without Redis or Postgres.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use portico_measuring::server::until_interrupted;
use portico_tests::harness::postgres::Postgres;
use portico_tests::servers::{Options, Proof};

/// Proves what must hold across several servers, on servers, Postgres and Redis that it starts itself. Exit code 0 when every proof
/// held, 1 when one failed, 2 when they could not run.
#[derive(Parser)]
struct Arguments {
    /// `all`, or proofs by name: revocation, limiter, kill, away, outage, partition, zipf.
    #[arg(required = true)]
    proofs: Vec<String>,
    /// How long the Zipf load lasts.
    #[arg(long, default_value_t = 15)]
    seconds: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Dropping what was started ends it, also when the proofs are interrupted.
    let outcome = until_interrupted(perform(&arguments)).await;
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "servers: {error:#}");
            ExitCode::from(2)
        }
    }
}

async fn perform(arguments: &Arguments) -> anyhow::Result<bool> {
    let proofs = if arguments.proofs.iter().any(|name| name == "all") {
        Proof::ALL.to_vec()
    } else {
        let parsed: Result<_, _> = arguments.proofs.iter().map(|name| Proof::parse(name)).collect();
        parsed.map_err(anyhow::Error::msg)?
    };
    let options = Options { zipf: Duration::from_secs(arguments.seconds) };
    let postgres = Postgres::start().await?;
    let (mut out, mut passed, mut failed) = (std::io::stdout(), 0, 0);
    for proof in proofs {
        let start = Instant::now();
        let outcome = proof.run(&postgres, options).await;
        let took = start.elapsed().as_secs_f64();
        match outcome {
            Ok(figures) => {
                passed += 1;
                writeln!(out, "{:12} ok    {took:5.1} s", proof.name())?;
                for line in figures.lines() {
                    writeln!(out, "    {line}")?;
                }
            }
            Err(error) => {
                failed += 1;
                writeln!(out, "{:12} FAIL  {took:5.1} s\n    {error:#}", proof.name())?;
            }
        }
    }
    postgres.stop();
    writeln!(out, "{passed} passed, {failed} failed")?;
    Ok(failed == 0 && passed > 0)
}
