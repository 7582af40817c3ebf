//! By what each switch is measured.

use portico_domain::settings::Switch;
use portico_sql::seed::{PASSWORD, api_key, email};
use serde_json::{Value, json};

use crate::cli::CompareTarget;

/// How many people ask at once where answers are cheap.
const CROWD: usize = 8;
/// How many keys are known.
pub(super) const KEYS: u64 = 8;
/// What a slow line carries: 4 Mbit/s.
pub(super) const SLOW_LINE: u32 = 500_000;
/// The crawler's claim, and an address that the stand-in for DNS says is its vendor's.
const CRAWLER: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

/// One request.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) path: &'static str,
    pub(super) headers: Vec<(&'static str, String)>,
    /// Posted as JSON, if there is one.
    pub(super) body: Option<Value>,
}

/// What is asked of each server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    /// A sign-in by password.
    SignIn,
    /// A person's own models, which are cached: all that is left is the check of the access token.
    OwnModels,
    /// Who am I, by key.
    Key,
    /// A list of books, by one that says it is a crawler.
    Crawler,
    /// The models, and a person's own.
    Models,
    /// A list of books, and what the server is.
    Books,
    /// A page of a hundred books, compressed if the server does that.
    LargeList,
}

/// How it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// By so many people, one request after the other each, for as long as a turn takes.
    Serving(usize),
    /// By one person along a line of [`SLOW_LINE`].
    SlowLine,
    /// Each thing once, of a server that has just been started.
    Starting,
}

/// The trial of a switch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trial {
    pub(super) switch: Switch,
    pub(super) asks: Asks,
    pub(super) how: How,
    pub(super) measured: &'static str,
    pub(super) off_means: &'static str,
    /// A switch that is off on all sides, because it does the same by the way.
    pub(super) also_off: Option<Switch>,
}

impl Trial {
    /// That of a switch.
    pub(super) fn of(switch: Switch) -> Self {
        use Asks::{Books, Crawler, Key, LargeList, Models, OwnModels, SignIn};
        use How::{Serving, SlowLine, Starting};
        let (asks, how, measured, off_means) = match switch {
            Switch::SecretCache => (
                OwnModels,
                Serving(CROWD),
                "a cached list by access token",
                "signing keys are resolved for every request",
            ),
            Switch::DeferredWrites => (
                SignIn,
                Serving(1),
                "a sign-in, hash of cost 10 included",
                "session and last sign-in are written before the answer",
            ),
            Switch::ParallelLogin => (
                SignIn,
                Serving(1),
                "a sign-in, hash of cost 10 included",
                "limits first, then the connection",
            ),
            Switch::Prewarm => (
                Books,
                Starting,
                "the first list of books after a start, a second later",
                "nothing wakes the database",
            ),
            Switch::LazyPasswords => (
                SignIn,
                Starting,
                "a start, and the first sign-in after it",
                "hashing slots are made at the start",
            ),
            Switch::ResponseCache => {
                (Books, Serving(CROWD), "a list of books, and /api/v2/info", "every answer is made anew")
            }
            Switch::Compression => (
                LargeList,
                SlowLine,
                "100 books along a line of 4 Mbit/s and 20 ms",
                "answers go out as they are",
            ),
            Switch::ApiKeyCache => {
                (Key, Serving(CROWD), "/api/v1/auth/me by key", "every key is looked up for every request")
            }
            Switch::BotCache => (
                Crawler,
                Serving(CROWD),
                "a list of books by one that names itself Googlebot",
                "crawlers aren't verified at all",
            ),
            Switch::ModelCache => {
                (Models, Serving(CROWD), "the list of models, and a person's own", "every list is a query")
            }
            Switch::CacheWarming => (
                Key,
                Starting,
                "the first use of eight known keys after a start, a second later",
                "nothing is loaded before it is asked for",
            ),
        };
        let also_off = (switch == Switch::Prewarm).then_some(Switch::CacheWarming);
        Self { switch, asks, how, measured, off_means, also_off }
    }

    /// Why it can't be measured there.
    pub(super) fn skipped(self, target: CompareTarget) -> Option<&'static str> {
        match (target, self.switch) {
            (CompareTarget::Worker, Switch::Prewarm | Switch::CacheWarming) => Some(
                "on Workers it acts by the hourly event, on a database that sleeps and a cache that locations share; neither is here",
            ),
            _ => None,
        }
    }

    /// What counts, and what is told beside it.
    pub(super) fn counts_start(self) -> bool {
        self.switch == Switch::LazyPasswords
    }

    /// How many requests a server that was just started is asked.
    pub(super) fn first_asks(self) -> u64 {
        if self.asks == Asks::Key { KEYS } else { 1 }
    }
}

impl Asks {
    /// The request of a number, with the access token of a person where one is needed.
    pub(super) fn request(self, number: u64, token: &str) -> Ask {
        let get = |path, headers| Ask { path, headers, body: None };
        let bearer = || vec![("authorization", format!("Bearer {token}"))];
        match self {
            Self::SignIn => Ask {
                path: "/api/v1/auth/login",
                headers: Vec::new(),
                body: Some(json!({ "email": email(number % KEYS), "password": PASSWORD })),
            },
            Self::Key => {
                let key = api_key(number % KEYS);
                get("/api/v1/auth/me", vec![("x-api-key", key.expose().to_owned())])
            }
            Self::Crawler => get(
                "/api/v1/books?limit=20",
                vec![("user-agent", CRAWLER.to_owned()), ("x-forwarded-for", "198.51.100.7".to_owned())],
            ),
            Self::Models if number.is_multiple_of(2) => get("/api/v1/models", bearer()),
            Self::OwnModels | Self::Models => get("/api/v1/user/models", bearer()),
            Self::Books if number.is_multiple_of(2) => get("/api/v1/books?limit=20", Vec::new()),
            Self::Books => get("/api/v2/info", Vec::new()),
            Self::LargeList => {
                get("/api/v1/books?limit=100", vec![("accept-encoding", "gzip, br, zstd".to_owned())])
            }
        }
    }
}
