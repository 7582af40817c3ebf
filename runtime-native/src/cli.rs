//! What can be typed: commands, options and their help.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

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
    /// Wakes a database that sleeps when idle, by asking it the smallest question.
    Prewarm,
}

#[derive(Debug, Default, Args)]
pub(crate) struct Serve {
    /// Brings a Postgres database up to the present schema before serving, as `portico migrate` does.
    #[arg(long)]
    pub(crate) migrate: bool,
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
