//! What can be typed: commands, options and their help.

mod baseline;
mod cache;
mod compare;
mod loadtest;
mod openapi;
mod profile;
mod report;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use portico_sql::seed::{Counts, Family, MOST_ROWS, ScaleRefused};

pub(crate) use self::{
    baseline::{Baseline, Thresholds},
    cache::{Cache, ClearCache, Experiment, StartExperiment},
    compare::{Compare, CompareTarget},
    loadtest::{LoadDatabase, Loadtest},
    openapi::OpenApi,
    profile::{Profile, ProfileServer, ProfileSource, ProfileWhat, SlowestBy, TokenFrom},
    report::Report,
};

const AFTER: &str = "\
Settings come from environment variables, and below them from a file portico.toml: the one that --config names, else the one in the working
directory if there is one. In the file a name stands without PORTICO_ and in lower case:

    listen = \"0.0.0.0:8080\"        # PORTICO_LISTEN
    database_url = \"postgres://…\"  # DATABASE_URL
    limit_login = \"20/1m\"          # PORTICO_LIMIT_LOGIN
    flow_prewarm = false           # PORTICO_FLOW_PREWARM=off

With nothing set, Portico listens on 127.0.0.1:8080 and keeps a SQLite file and its secrets in ./portico-data. `portico check-config` lists every
setting with its value.

Exit codes: 0 done, 1 failed, 2 not understood (a wrong option, a wrong setting, an e-mail address or password that is no good).";

/// The front door of an API: signs people in, on one binary and a database.
#[derive(Debug, Parser)]
#[command(name = "portico", version, after_help = AFTER)]
pub(crate) struct CommandLine {
    /// Reads settings from this file instead of ./portico.toml.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serves until it is told to stop; what happens when no command is given.
    ///
    /// SIGTERM and SIGINT (Ctrl-C) stop it gently: no new connections, requests under way are answered, writes that follow answers are
    /// finished. A second signal stops it at once; writes still to be made then wait in a journal for the next start.
    #[command(
        after_help = "The log's line `listening` names the address. An SQLite file is brought up to the present schema by itself; \
        Postgres is not, unless --migrate is given."
    )]
    Serve(Serve),
    /// Brings the database up to the schema of this version. Safe to repeat, and to run twice at once.
    Migrate,
    /// Makes and keeps accounts.
    #[command(subcommand)]
    User(User),
    /// Measures password hashing.
    #[command(subcommand)]
    Hash(Hash),
    /// Prints every setting with its value and where it comes from, secrets redacted; changes nothing.
    ///
    /// The output is itself a valid environment file once the redacted lines are filled in. Exits with 2 and names every fault when something is wrong.
    CheckConfig,
    /// Puts the stored keys of providers under the present encryption key, while servers serve.
    ///
    /// The present key is the first of `PORTICO_ENCRYPTION_KEYS` (or of the file encryption-keys in the data directory); the others only open what was encrypted before. Each key is
    /// replaced as it was read or not at all, so one that its owner stores meanwhile stays. Killed and started again, it goes on where it was.
    #[command(
        after_help = "To change the key: put a new one first, `NEW:$(openssl rand -base64 32),OLD:…`; restart the servers; run this; take the old one out when this says so.\n\n\
        Exit codes: 0 every key is under the present one, 1 some don't open or the database is away, 2 there is no encryption key."
    )]
    Rekey,
    /// Asks the database how it runs each statement, and says what is wrong and what helps. Changes nothing.
    ///
    /// Each statement of this program is run with values of rows that are there, in a transaction that is rolled back and under a time limit; on
    /// Postgres with EXPLAIN (ANALYZE, BUFFERS), planned for those values and for any, on `SQLite` with EXPLAIN QUERY PLAN. With --from `pg_stat_statements` the
    /// slowest statements that Postgres has counted are planned, and not run. With --from-log a recording of requests (`PORTICO_RECORD_STATEMENTS`) is
    /// searched for routes that run one statement many times.
    #[command(
        after_help = "Rolled-back writes still leave dead rows for autovacuum, and hold locks while they run: --plan-only runs nothing.\n\n\
        Exit codes: 0 nothing exceeds a threshold, 1 something does, 2 it could not be looked at."
    )]
    Profile(Profile),
    /// Wakes a database that sleeps when idle, by asking it the smallest question.
    Prewarm,
    /// Fills a database with plausible made-up data, to try and to measure on. Never on one that people use.
    ///
    /// Scale 1 is 100 accounts (each with an organization, three instances and an API key), 10,000 books, 20,000 orders with their items, and 100,000
    /// messages in 7,000 chats with their events. The data is the same each time, and the larger scale begins with the rows of the smaller. What is
    /// there already stays as it is: a seeding that was killed goes on where it ended, and a second one changes nothing. The embedded database
    /// is brought up to the present schema by itself; for Postgres run `portico migrate` before.
    #[command(
        after_help = "Every seeded account signs in with a password that everybody knows (obviously-fake-seed-password, user-1@seed.example and on), and its API key can be\n\
        computed by anybody. A database that holds other accounts is therefore refused, unless --force is given.\n\n\
        Examples:\n    portico seed --scale 0.1\n    portico seed --only messages --messages 1000000 --users 20\n\n\
        Exit codes: 0 everything is there, 1 the database holds other accounts, is away or behind this version's schema, 2 not understood."
    )]
    Seed(Seed),
    /// Replaces and shows the catalogue of models.
    #[command(subcommand)]
    Models(Models),
    /// Steers the cache of running servers.
    #[command(subcommand)]
    Cache(Cache),
    /// Measures a server at rest and under little load, and compares it with an earlier measurement.
    Baseline(Baseline),
    /// Measures what each optimisation is worth: off against on, in one run.
    Compare(Compare),
    /// Loads a server and tells how it answered, and whether it held what is asked of it.
    ///
    /// Without --url a server is started for the run on a database of its own with some data, its rate limits off, and ended afterwards. Load and targets of each scenario stand in
    /// tests/load/thresholds.json; --rate, --users and --stages send another load. With a rate, latency counts from the moment a request was due (an open model); with users, from when it was sent.
    #[command(
        after_help = "With --url: people, keys, chats and, with an admin's access token in ADMIN_TOKEN, books are put into that server's database and stay there. Its limits hold off such\n\
        clients; start it with PORTICO_LIMIT_REGISTER=off PORTICO_LIMIT_LOGIN=off PORTICO_LIMIT_ACCOUNT=off.\n\n\
        Examples:\n    portico loadtest health\n    portico loadtest mixed --database postgres --duration 1m --report report.html\n    \
        portico loadtest catalogue --url http://127.0.0.1:8080 --stages 100:10s,1000:30s,0:5s\n\n\
        Exit codes: 0 all targets held, 1 one did not, or nothing could be measured, 2 not understood."
    )]
    Loadtest(Loadtest),
    /// Writes the performance card from what was measured.
    Report(Report),
    /// Prints the `OpenAPI` document of this version.
    #[command(name = "openapi")]
    OpenApi(OpenApi),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Models {
    /// Puts a file's models in the place of all that are stored, in one transaction.
    ///
    /// The file is a JSON list of models, an object with such a list as `models`, or NDJSON, a model a line; - is the standard input. A model has id, provider, name,
    /// `context_window` (tokens), `input_cents_per_mtok`, `output_cents_per_mtok` (whole cents a million tokens), capabilities (a list of words), `released_at` (2025-08-07, or
    /// an RFC 3339 time), and if need be enabled (true) and hosted (false). Each fault is told with its line or model and member, and then nothing is written.
    /// What is imported stays until the next import, also when a newer Portico brings another catalogue. Importing the same again changes nothing.
    #[command(
        after_help = "Running servers show an import at once where REDIS_URL is set and they share it, else when what they have cached ends: within 6 minutes.\n\n\
        Examples:\n    portico models import models.json\n    portico models import --dry-run models.ndjson\n    portico models import --built-in\n\n\
        Exit codes: 0 stored or stored already, 1 the database is away or behind this version's schema, 2 the file can't be read or has faults."
    )]
    Import(ImportModels),
    /// Writes the stored models to the standard output, a model a line, as import reads them.
    Export,
}

#[derive(Debug, Args)]
pub(crate) struct ImportModels {
    /// The file, or - for the standard input.
    #[arg(value_name = "FILE", required_unless_present = "built_in")]
    pub(crate) file: Option<PathBuf>,
    /// Goes back to the catalogue that comes with Portico, or to that of `PORTICO_MODELS_FILE`; from then on newer ones replace it.
    #[arg(long, conflicts_with = "file")]
    pub(crate) built_in: bool,
    /// Looks for faults and writes nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Default, Args)]
pub(crate) struct Serve {
    /// Brings a Postgres database up to the present schema before serving, as `portico migrate` does.
    #[arg(long)]
    pub(crate) migrate: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Seed {
    /// How much of everything: above 0, and 100 at most.
    #[arg(long, value_name = "S", default_value = "1", allow_negative_numbers = true, value_parser = parse_scale)]
    pub(crate) scale: Counts,
    /// Writes this kind alone, with the accounts it belongs to: users, books, orders (with the books) or messages. May be given several times.
    #[arg(long, value_name = "KIND", value_parser = parse_family)]
    pub(crate) only: Vec<Family>,
    /// So many accounts, instead of what the scale says.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MOST_ROWS.users))]
    pub(crate) users: Option<u64>,
    /// So many books.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MOST_ROWS.books))]
    pub(crate) books: Option<u64>,
    /// So many orders.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MOST_ROWS.orders))]
    pub(crate) orders: Option<u64>,
    /// So many messages, rounded up to hundreds.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MOST_ROWS.messages))]
    pub(crate) messages: Option<u64>,
    /// Writes into a database that holds other accounts too.
    #[arg(long)]
    pub(crate) force: bool,
}

fn parse_scale(text: &str) -> Result<Counts, String> {
    let scale = text.parse().map_err(|_| ScaleRefused.to_string())?;
    Counts::of_scale(scale).map_err(|refused| refused.to_string())
}

fn parse_family(text: &str) -> Result<Family, &'static str> {
    let found = Family::ALL.into_iter().find(|family| family.as_str() == text);
    found.ok_or("is not one of users, books, orders and messages")
}

#[derive(Debug, Subcommand)]
pub(crate) enum User {
    /// Makes an account, whether or not sign-up is open.
    ///
    /// Reads the password from the first line of the standard input: 10 to 72 bytes. Prints the new account's id.
    #[command(
        after_help = "Example:\n    printf '%s\\n' \"$PASSWORD\" | portico user create --email ada@example.com --password-stdin --admin\n\n\
        Exit codes: 0 made, 1 the address is taken or the database is away, 2 the address or the password is no good."
    )]
    Create(CreateUser),
}

#[derive(Debug, Args)]
pub(crate) struct CreateUser {
    /// What the person signs in with.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) email: String,
    /// Says that the password comes on the standard input, where no list of processes shows it.
    #[arg(long, required = true)]
    pub(crate) password_stdin: bool,
    /// What the person wants to be called.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Lets the person operate Portico.
    #[arg(long)]
    pub(crate) admin: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Hash {
    /// Suggests a bcrypt cost for this machine.
    ///
    /// Measures hashes of rising cost on one core and suggests the highest that takes no longer than the target. Run it while the machine is
    /// otherwise idle.
    Calibrate(Calibrate),
}

#[derive(Debug, Args)]
pub(crate) struct Calibrate {
    /// How many milliseconds one hash may take.
    #[arg(long, value_name = "N", default_value_t = 250, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) target_ms: u64,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        CommandLine::command().debug_assert();
    }

    #[test]
    fn nothing_typed_is_serve() {
        let typed = CommandLine::parse_from(["portico"]);
        assert!(typed.command.is_none());
        let typed = CommandLine::parse_from(["portico", "serve", "--migrate", "--config", "x.toml"]);
        assert!(matches!(typed.command, Some(Command::Serve(Serve { migrate: true }))));
        assert_eq!(typed.config, Some(PathBuf::from("x.toml")));
    }
}
