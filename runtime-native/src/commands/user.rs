use std::{
    io::{self, BufRead, IsTerminal, Read, Write},
    sync::Arc,
};

use anyhow::Context;
use portico_crypto::SystemEntropy;
use portico_domain::{
    flows::{CreateUser as Flow, CreateUserRequest, shared::LazyPasswords},
    models::{DisplayName, Email, Password, Role},
};
use portico_in_process::SystemClock;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::say;
use crate::{Failure, cli::CreateUser, configuration::Configuration, storage, wiring};

/// More than any password; what is longer is refused by its length.
const MOST_BYTES: u64 = 4_096;

/// Makes an account and prints its id.
pub(crate) async fn create_user(configuration: &Configuration, options: CreateUser) -> Result<(), Failure> {
    let password = read_password().context("reading the password")?;
    let request = parse(&options, &password).map_err(Failure::Usage)?;
    let email = request.email.clone();
    let store = storage::open_ready(configuration, Arc::new(SystemClock)).await?;
    let flow = Flow {
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        passwords: Arc::new(LazyPasswords::new(wiring::make_passwords(&configuration.settings), true)),
        accounts: Arc::clone(&store.repositories.accounts),
    };
    let made = flow.run(request).await;
    store.close().await;
    let id = made.with_context(|| format!("no account was made for {email}"))?;
    say(|out| writeln!(out, "{id}"))?;
    Ok(())
}

/// Tells every fault at once.
fn parse(options: &CreateUser, password: &str) -> Result<CreateUserRequest, Vec<String>> {
    let mut faults = Vec::new();
    let email = Email::parse(&options.email).map_err(|fault| faults.push(format!("--email {fault}"))).ok();
    let password =
        Password::to_set(password).map_err(|fault| faults.push(format!("the password {fault}"))).ok();
    let name = options.name.as_deref().and_then(|name| {
        DisplayName::parse(name).map_err(|fault| faults.push(format!("--name {fault}"))).ok()
    });
    let role = if options.admin { Role::Admin } else { Role::Member };
    match (email, password) {
        (Some(email), Some(password)) if faults.is_empty() => {
            Ok(CreateUserRequest { email, password, name, role })
        }
        _ => Err(faults),
    }
}

/// Reads the first line. A person who types it is asked for it and doesn't see it.
fn read_password() -> io::Result<String> {
    let _hidden = if io::stdin().is_terminal() { Some(Hidden::new()?) } else { None };
    let mut line = String::new();
    io::stdin().lock().take(MOST_BYTES).read_line(&mut line)?;
    let line = line.strip_suffix('\n').unwrap_or(&line);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

/// Keeps the terminal from showing what is typed, until dropped.
struct Hidden(Termios);

impl Hidden {
    fn new() -> io::Result<Self> {
        write!(io::stderr(), "Password: ")?;
        let before = tcgetattr(io::stdin())?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
        let _ = writeln!(io::stderr());
    }
}
