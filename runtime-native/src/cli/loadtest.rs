//! The options of `portico loadtest`.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use portico_measuring::{database, load::Stage, scenarios::Scenario};
use url::Url;

use super::compare::{CompareTarget, Unrepeated};

/// What the server that is started keeps its data in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LoadDatabase {
    /// A file of its own.
    Sqlite,
    /// A Postgres made for the run.
    OwnPostgres,
    /// A database made on this Postgres.
    Postgres(Url),
}

#[derive(Debug, Args)]
pub(crate) struct Loadtest {
    /// What is asked: health, login, keys, messages, chats, catalogue, mixed or soak.
    #[arg(value_name = "SCENARIO", value_parser = parse_scenario)]
    pub(crate) scenario: Scenario,
    /// Loads the server there, instead of one started for the run.
    #[arg(long, value_name = "URL", value_parser = Unrepeated(parse_url), conflicts_with_all = ["database", "target"])]
    pub(crate) url: Option<Url>,
    /// Says that the host of --url, which is another machine, may be loaded.
    #[arg(long, requires = "url")]
    pub(crate) i_may_load_this_host: bool,
    /// So many requests a second, whether or not they are answered.
    #[arg(long, value_name = "N", value_parser = parse_rate, conflicts_with_all = ["users", "stages"])]
    pub(crate) rate: Option<f64>,
    /// So many users, each of whom asks again when it was answered.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000), conflicts_with = "stages")]
    pub(crate) users: Option<u32>,
    /// How long each user pauses between an answer and the next request, on average.
    #[arg(long, value_name = "TIME", value_parser = parse_time, requires = "users")]
    pub(crate) pause: Option<Duration>,
    /// A rate that changes, such as 100:30s,500:1m,0:10s: up to 100 a second within 30 s, up to 500 within another minute, and down again.
    #[arg(long, value_name = "STAGES", value_parser = parse_stages, conflicts_with = "duration")]
    pub(crate) stages: Option<Stages>,
    /// How long is measured, after a second or two of the same load: 30s, 5m. By default 30 s, for soak 30 min.
    #[arg(long, value_name = "TIME", value_parser = parse_span)]
    pub(crate) duration: Option<Duration>,
    /// What the server that is started keeps its data in: sqlite, postgres (one made for the run from the programs that are installed), or the URL of a Postgres on which
    /// a database may be made; it is dropped at the end. By default sqlite, and postgres for a Worker.
    #[arg(long, value_name = "WHICH", value_parser = Unrepeated(parse_database))]
    pub(crate) database: Option<LoadDatabase>,
    /// Which Portico is started.
    #[arg(long, value_enum, default_value = "native")]
    pub(crate) target: CompareTarget,
    /// Where the Worker was built and where the scripts of k6 are: a checkout of Portico. Without it, the one that the working directory or this program is in.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) checkout: Option<PathBuf>,
    /// How many people take part.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) people: u32,
    /// How many requests may be under way at once; of a given rate, those that would be more count as errors.
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub(crate) most_in_flight: u32,
    /// After which a request is given up and counts as an error.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_time)]
    pub(crate) time_limit: Duration,
    /// Lets this k6 send the load, by the scripts in tests/load/k6, instead of the driver that is built in.
    #[arg(long, value_name = "FILE", conflicts_with = "stages")]
    pub(crate) k6: Option<PathBuf>,
    /// Judges nothing.
    #[arg(long, conflicts_with = "no_time_thresholds")]
    pub(crate) no_thresholds: bool,
    /// Judges errors, statements and memory alone: for machines that do other things beside.
    #[arg(long)]
    pub(crate) no_time_thresholds: bool,
    /// Writes what was measured as JSON, which `portico report` reads.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Writes the report as Markdown.
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
    /// Writes the report as HTML with charts; it opens without the internet.
    #[arg(long, value_name = "FILE", visible_alias = "html")]
    pub(crate) report: Option<PathBuf>,
}

/// A rate that changes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stages(pub(crate) Vec<Stage>);

fn parse_scenario(text: &str) -> Result<Scenario, String> {
    let known = || Scenario::ALL.map(Scenario::name).join(", ");
    Scenario::parse(text).ok_or_else(|| format!("there is no such scenario; there are {}", known()))
}

/// Reads where a server listens.
pub(super) fn parse_url(text: &str) -> Result<Url, &'static str> {
    const WRONG: &str = "must be where a server listens, such as http://127.0.0.1:8080";
    let url = Url::parse(text).map_err(|_| WRONG)?;
    let is_server = url.scheme() == "http" && url.host_str().is_some() && url.query().is_none();
    // What follows would be left out of every request.
    if is_server && matches!(url.path(), "" | "/") && url.username().is_empty() {
        Ok(url)
    } else {
        Err(WRONG)
    }
}

fn parse_rate(text: &str) -> Result<f64, &'static str> {
    let rate = text.parse::<f64>().ok().filter(|rate| (0.01..=1_000_000.0).contains(rate));
    rate.ok_or("must be a number of requests a second, from 0.01 to 1000000")
}

fn parse_stages(text: &str) -> Result<Stages, String> {
    let stage = |text: &str| {
        let wrong = || format!("{text} is no stage: write rate:time, such as 100:30s");
        let (rate, over) = text.trim().split_once(':').ok_or_else(wrong)?;
        let per_second = if rate == "0" { 0.0 } else { parse_rate(rate).map_err(|_| wrong())? };
        Ok(Stage { per_second, over: parse_span(over).map_err(|_| wrong())? })
    };
    text.split(',').map(stage).collect::<Result<_, String>>().map(Stages)
}

/// A time that something may be waited for.
fn parse_time(text: &str) -> Result<Duration, &'static str> {
    const WRONG: &str = "must be a time such as 500ms or 10s, up to 10m";
    time(text).filter(|time| (0.001..=600.0).contains(time)).map(Duration::from_secs_f64).ok_or(WRONG)
}

/// A time that something takes.
fn parse_span(text: &str) -> Result<Duration, &'static str> {
    const WRONG: &str = "must be a time such as 30s, 5m or 1h, from 1s to 24h";
    time(text).filter(|time| (1.0..=86_400.0).contains(time)).map(Duration::from_secs_f64).ok_or(WRONG)
}

fn time(text: &str) -> Option<f64> {
    let (number, unit) = text.split_at(text.find(|letter: char| letter.is_ascii_alphabetic())?);
    let factor = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        _ => return None,
    };
    number.parse::<f64>().ok().map(|number| number * factor)
}

fn parse_database(text: &str) -> Result<LoadDatabase, &'static str> {
    match text {
        "sqlite" => return Ok(LoadDatabase::Sqlite),
        "postgres" => return Ok(LoadDatabase::OwnPostgres),
        // What is no URL at all was meant to be one of the words.
        _ if Url::parse(text).is_err() => {
            return Err(
                "must be sqlite, postgres, or a URL such as postgres://user:password@host:5432/postgres",
            );
        }
        _ => {}
    }
    database::parse(text).map(LoadDatabase::Postgres)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_scenario_is_told_all_that_there_are() {
        assert_eq!(parse_scenario("soak"), Ok(Scenario::Soak));
        let told = parse_scenario("stampede").unwrap_err();
        assert!(Scenario::ALL.iter().all(|scenario| told.contains(scenario.name())), "{told}");
    }

    #[test]
    fn stages_are_rates_and_times() {
        let stage = |per_second, over| Stage { per_second, over: Duration::from_secs(over) };
        assert_eq!(
            parse_stages("100:30s, 500:1m,0:10s"),
            Ok(Stages(vec![stage(100.0, 30), stage(500.0, 60), stage(0.0, 10)]))
        );
        for wrong in ["", "100", "100:", "x:30s", "100:30", "-1:30s", "100:30s,,"] {
            assert!(parse_stages(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_rates_servers_and_databases_have_bounds() {
        assert_eq!(parse_span("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_time("250ms"), Ok(Duration::from_millis(250)));
        for wrong in ["", "30", "0s", "25h", "-5s", "NaNs", "infs", "5x"] {
            assert!(parse_span(wrong).is_err(), "{wrong}");
        }
        assert!(parse_rate("0").is_err() && parse_rate("NaN").is_err() && parse_rate("0.5").is_ok());
        for wrong in
            ["127.0.0.1:8080", "https://127.0.0.1", "http://127.0.0.1/path", "http://a:b@127.0.0.1", "/tmp"]
        {
            assert!(parse_url(wrong).is_err(), "{wrong}");
        }
        assert_eq!(parse_database("sqlite"), Ok(LoadDatabase::Sqlite));
        assert!(parse_database("postgres://a:b@localhost/postgres").is_ok());
        assert!(parse_database("mysql://localhost/x").is_err() && parse_database("postgres:").is_err());
    }
}
