use super::say;
use crate::{
    Failure,
    configuration::{Configuration, print},
};

/// Prints the effective configuration, and what of it has no effect.
pub(crate) fn check_config(configuration: &Configuration) -> Result<(), Failure> {
    say(|out| {
        for warning in &configuration.warnings {
            writeln!(out, "# {warning}")?;
        }
        print(configuration, out)
    })?;
    Ok(())
}
