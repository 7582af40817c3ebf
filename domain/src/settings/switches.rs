use super::Variables;

/// An optimisation that can be turned off, so that its worth can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Switch {
    /// The signing keys are resolved once in a process or isolate.
    SecretCache,
    /// Facts are written after the answer.
    DeferredWrites,
    /// The database connection is made ready while the rate limit is asked.
    ParallelLogin,
    /// Upkeep begins with a query that wakes the database.
    Prewarm,
    /// The password hasher is made when it is first used.
    LazyPasswords,
    /// Answers that change seldom are kept for their declared time.
    ResponseCache,
    /// Large answers are compressed.
    Compression,
    /// Keys that were looked up are kept.
    ApiKeyCache,
    /// Crawlers are verified, and what was found out is kept.
    BotCache,
    /// The models' catalogue and what people may use of it are kept.
    ModelCache,
    /// Caches are filled with what will be asked, at the start and each hour.
    CacheWarming,
}

impl Switch {
    /// Every switch.
    pub const ALL: [Self; 11] = [
        Self::SecretCache,
        Self::DeferredWrites,
        Self::ParallelLogin,
        Self::Prewarm,
        Self::LazyPasswords,
        Self::ResponseCache,
        Self::Compression,
        Self::ApiKeyCache,
        Self::BotCache,
        Self::ModelCache,
        Self::CacheWarming,
    ];

    /// The name, as in `PORTICO_FLOW_<NAME>` and in lower case in `/api/v2/info`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SecretCache => "SECRET_CACHE",
            Self::DeferredWrites => "DEFERRED_WRITES",
            Self::ParallelLogin => "PARALLEL_LOGIN",
            Self::Prewarm => "PREWARM",
            Self::LazyPasswords => "LAZY_PASSWORDS",
            Self::ResponseCache => "RESPONSE_CACHE",
            Self::Compression => "COMPRESSION",
            Self::ApiKeyCache => "API_KEY_CACHE",
            Self::BotCache => "BOT_CACHE",
            Self::ModelCache => "MODEL_CACHE",
            Self::CacheWarming => "CACHE_WARMING",
        }
    }
}

/// Which optimisations are on; all are unless turned off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Switches([bool; Switch::ALL.len()]);

impl Switches {
    /// Everything on.
    pub const ALL_ON: Self = Self([true; Switch::ALL.len()]);

    /// Whether `switch` is on.
    #[must_use]
    pub const fn is_on(self, switch: Switch) -> bool {
        self.0[switch as usize]
    }

    /// The same with one switch set.
    #[must_use]
    pub const fn with(mut self, switch: Switch, on: bool) -> Self {
        self.0[switch as usize] = on;
        self
    }

    pub(super) fn take(variables: &mut Variables) -> Self {
        Switch::ALL.into_iter().fold(Self::ALL_ON, |switches, switch| {
            let name = format!("PORTICO_FLOW_{}", switch.name());
            switches.with(switch, variables.take(&name, parse).unwrap_or(true))
        })
    }
}

fn parse(text: &str) -> Result<bool, &'static str> {
    match text.trim() {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("must be on or off"),
    }
}
