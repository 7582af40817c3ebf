//! The options of `portico compare`.

use std::{ffi::OsStr, path::PathBuf, time::Duration};

use clap::{Args, builder::TypedValueParser, error::ErrorKind};
use portico_domain::settings::Switch;
use portico_measuring::database;
use url::Url;

/// Which Portico is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum CompareTarget {
    /// The native server.
    Native,
    /// The Worker in workerd, from a checkout in which it was built.
    Worker,
}

#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// What is turned off and on: `API_KEY_CACHE` or `api_key_cache` for `PORTICO_FLOW_API_KEY_CACHE`; all of them if none is named.
    #[arg(value_name = "SWITCH", value_parser = parse_switch)]
    pub(crate) switches: Vec<Switch>,
    /// How much longer a round trip to the database takes, such as 20ms. Needs a Postgres.
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) db_latency: Option<Duration>,
    /// Which Portico is measured.
    #[arg(long, value_enum, default_value = "native")]
    pub(crate) target: CompareTarget,
    /// A Postgres on which databases may be made; they are dropped at the end. Without it one is made for the run where --db-latency or the Worker
    /// needs it, from the programs that are installed; else each server has an `SQLite` file, which is never far away.
    #[arg(long, value_name = "URL", value_parser = Unrepeated(database::parse))]
    pub(crate) database: Option<Url>,
    /// How often each way is measured. More rounds make the intervals narrower.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(2..=1_000))]
    pub(crate) rounds: u32,
    /// How many seconds a turn takes; each round is six turns: off, on, off again, and back.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=600))]
    pub(crate) seconds: u32,
    /// Writes what was measured as JSON, which `portico report` reads.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Writes the report as Markdown.
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
    /// Writes the report as HTML with charts; it opens without the internet.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Where the Worker was built, for --target worker: a checkout of Portico. Without it, the one that this program or the working directory is in.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) checkout: Option<PathBuf>,
}

fn parse_switch(text: &str) -> Result<Switch, String> {
    let named = text.trim().to_ascii_uppercase().replace('-', "_");
    let named = named.strip_prefix("PORTICO_FLOW_").unwrap_or(&named);
    let found = Switch::ALL.into_iter().find(|switch| switch.name() == named);
    found.ok_or_else(|| {
        format!("there is no such switch; there are {}", Switch::ALL.map(Switch::name).join(", "))
    })
}

fn parse_time(text: &str) -> Result<Duration, &'static str> {
    const WRONG: &str = "must be a time such as 20ms, at most 10s";
    let (number, unit) = text.split_at(text.find(|c: char| c.is_ascii_alphabetic()).ok_or(WRONG)?);
    let number: f64 = number.parse().map_err(|_| WRONG)?;
    let seconds = match unit {
        "ms" => number / 1_000.0,
        "s" => number,
        _ => return Err(WRONG),
    };
    if (0.0..=10.0).contains(&seconds) { Ok(Duration::from_secs_f64(seconds)) } else { Err(WRONG) }
}

/// Parses what may hold a password: clap by itself repeats what it refuses.
#[derive(Clone)]
pub(super) struct Unrepeated<T>(pub(super) fn(&str) -> Result<T, &'static str>);

impl<T: Clone + Send + Sync + 'static> TypedValueParser for Unrepeated<T> {
    type Value = T;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<T, clap::Error> {
        let parsed = value.to_str().ok_or("must be UTF-8").and_then(self.0);
        parsed.map_err(|why| {
            let option = argument.map(ToString::to_string).unwrap_or_default();
            let told = format!("the value of '{option}' {why}");
            command.clone().error(ErrorKind::ValueValidation, told)
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::CommandLine;

    #[test]
    fn a_switch_is_known_by_its_name_in_any_form_and_an_unknown_one_is_told_all() {
        for form in ["API_KEY_CACHE", "api_key_cache", "api-key-cache", "PORTICO_FLOW_API_KEY_CACHE"] {
            assert_eq!(parse_switch(form), Ok(Switch::ApiKeyCache), "{form}");
        }
        let told = parse_switch("warp_drive").unwrap_err();
        assert!(Switch::ALL.iter().all(|switch| told.contains(switch.name())), "{told}");
    }

    #[test]
    fn times_have_units_and_bounds() {
        assert_eq!(parse_time("20ms"), Ok(Duration::from_millis(20)));
        assert_eq!(parse_time("0.5s"), Ok(Duration::from_millis(500)));
        for wrong in ["20", "ms", "-1ms", "11s", "20m", "1e9s", "NaNms", "infs"] {
            assert!(parse_time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_database_that_is_refused_is_not_repeated() {
        for command in [&["compare"][..], &["baseline"], &["loadtest", "keys"]] {
            for wrong in [
                "postgres://ada:s3cret@h/p?dbname=s3cret",
                "postgres://ada:s3cret@h/p?host=s3cret&sslmode=require",
                "postgres://ada:s3cret@h:port/p",
                "postgres:///s3cret",
                "mysql://ada:s3cret@h/p",
                "s3cret",
            ] {
                for option in [&["--database", wrong][..], &[&format!("--database={wrong}")]] {
                    let line = ["portico"].iter().chain(command).chain(option);
                    let told = CommandLine::try_parse_from(line).unwrap_err();
                    assert_eq!((told.exit_code(), told.kind()), (2, ErrorKind::ValueValidation), "{wrong}");
                    let told = told.to_string();
                    assert!(told.contains("--database") && !told.contains("s3cret"), "{told}");
                }
            }
            let right = ["--database", "postgres://ada:s3cret@h/p?sslmode=require"];
            CommandLine::try_parse_from(["portico"].iter().chain(command).chain(&right)).unwrap();
        }
    }
}
