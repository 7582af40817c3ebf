//! `portico report`: the performance card, from what was measured.
//!
//! - `measured`: the files, each read as what it says it is.
//! - `sections`: a part of the card for each kind.
//! - `card`: the parts together, and their place in a file.

mod card;
mod measured;
mod sections;

use portico_measuring::page;

use self::measured::Measured;
use super::say;
use crate::{Failure, cli::Report};

/// Runs it.
pub(crate) fn report(options: &Report) -> Result<(), Failure> {
    let measured = Measured::read(&options.from)?;
    let card = card::render(&measured);
    if let Some(path) = &options.card {
        page::check_writable(path)?;
        let before = if path.exists() { std::fs::read_to_string(path)? } else { String::new() };
        page::write(path, &card::placed(&before, &card)?)?;
        say(|out| writeln!(out, "the card is in {}", path.display()))?;
    } else {
        say(|out| write!(out, "{card}"))?;
    }
    Ok(())
}
