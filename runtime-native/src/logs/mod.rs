//! Logs: for a person on a terminal, JSON lines otherwise; on the standard error, so that the standard output of commands stays theirs.

mod json;
mod writer;

use std::{fmt, io::IsTerminal};

use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

use self::json::JsonLines;
pub(crate) use self::writer::Flush;

/// What is logged when nothing is set. Of what sqlx tells, notices of the database are left out.
const DEFAULT_FILTER: &str = "info,sqlx=warn";

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For a person's eyes.
    Human,
    /// A JSON object a line.
    Json,
}

impl LogFormat {
    /// Reads the word.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        match text.trim() {
            "human" => Ok(Self::Human),
            "json" => Ok(Self::Json),
            _ => Err("must be human or json"),
        }
    }

    /// The word.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Json => "json",
        }
    }
}

/// Which events are logged: a level, or a list such as `info,portico=debug`.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    text: String,
    targets: Targets,
}

impl Default for Filter {
    fn default() -> Self {
        LogSettings::parse_filter(DEFAULT_FILTER).expect("the default filter is one")
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// How to log.
#[derive(Debug, Clone, Default)]
pub(crate) struct LogSettings {
    pub(crate) filter: Filter,
    /// `None` looks whether a terminal is there.
    pub(crate) format: Option<LogFormat>,
}

impl LogSettings {
    /// Reads a filter.
    pub(crate) fn parse_filter(text: &str) -> Result<Filter, &'static str> {
        const NEITHER: &str = "must be a level (error, warn, info, debug, trace, off) or a list such as info,portico::request=warn";
        let text = text.trim();
        // A word that is no level would pass for a target of which everything is logged.
        let levels = ["error", "warn", "info", "debug", "trace", "off"];
        let understood = text.split(',').all(|part| match part.split_once('=') {
            Some((target, level)) => {
                !target.trim().is_empty() && levels.contains(&level.trim().to_ascii_lowercase().as_str())
            }
            None => levels.contains(&part.trim().to_ascii_lowercase().as_str()),
        });
        let targets = text.parse().map_err(|_| NEITHER)?;
        if understood { Ok(Filter { text: text.to_owned(), targets }) } else { Err(NEITHER) }
    }

    /// Starts to log. What was logged is written out when the result is dropped.
    pub(crate) fn start(&self) -> Flush {
        let terminal = std::io::stderr().is_terminal();
        let format = self.format.unwrap_or(if terminal { LogFormat::Human } else { LogFormat::Json });
        let notice: fn(u64) -> String = match format {
            LogFormat::Human => |lines| format!("{lines} log lines were dropped\n"),
            LogFormat::Json => |lines| {
                format!("{{\"level\":\"WARN\",\"message\":\"log lines were dropped\",\"lines\":{lines}}}\n")
            },
        };
        let (writer, flush) = writer::start(std::io::stderr(), notice);
        let registry = tracing_subscriber::registry().with(self.filter.targets.clone());
        // Fails when something logs already, as in tests; then that goes on.
        let _ = match format {
            LogFormat::Human => {
                let lines = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(terminal);
                registry.with(lines).try_init()
            }
            LogFormat::Json => registry.with(JsonLines(writer)).try_init(),
        };
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            tracing::error!(place, message_of_panic = panic.payload_as_str().unwrap_or_default(), "panicked");
        }));
        flush
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_level_is_a_fault() {
        for text in ["info", "WARN", "off", "info,portico::request=debug", "warn, sqlx=off"] {
            assert!(LogSettings::parse_filter(text).is_ok(), "{text}");
        }
        for text in ["infos", "verbose", "info,portico", "portico=loud", "=info", ""] {
            assert!(LogSettings::parse_filter(text).is_err(), "{text}");
        }
    }
}
