use std::time::Duration;

use super::say;
use crate::{Failure, cli::Calibrate};

/// Measures bcrypt and suggests a cost.
pub(crate) fn calibrate(options: &Calibrate) -> Result<(), Failure> {
    let target = Duration::from_millis(options.target_ms);
    let found = portico_crypto::calibrate(target)?;
    let suggested = found.suggested;
    say(|out| {
        writeln!(out, "cost   milliseconds a hash, on one core")?;
        for at in &found.measured {
            writeln!(out, "{:>4}   {:>7.1}", at.cost, at.time.as_secs_f64() * 1e3)?;
        }
        if found.measured.iter().all(|at| at.time > target) {
            writeln!(
                out,
                "No cost stays within {} ms here; the lowest that is allowed is suggested.",
                options.target_ms
            )?;
        }
        writeln!(out, "PORTICO_BCRYPT_COST={suggested}")
    })?;
    Ok(())
}
