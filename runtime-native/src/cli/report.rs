//! The options of `portico report`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "tests/load/measure measures everything that the card tells.\n\n\
    Exit codes: 0 written (parts that weren't measured are said to be missing), 1 the folder can't be read, a file in it is broken, or the card can't be written.")]
pub(crate) struct Report {
    /// The folder that holds what was measured: the JSON files of compare, loadtest, baseline and the Worker's benches.
    #[arg(long, value_name = "FOLDER", default_value = "target/measured")]
    pub(crate) from: PathBuf,
    /// Writes the card into this file, between `<!-- card: … -->` and `<!-- /card -->`, or below all that is there; what else it holds stays. Without it the card
    /// is printed.
    #[arg(long, value_name = "FILE")]
    pub(crate) card: Option<PathBuf>,
}
