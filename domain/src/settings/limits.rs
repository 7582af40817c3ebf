use super::Variables;
use crate::models::Quota;

/// A kind of attempt that is limited, by the name that its settings have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum LimitClass {
    /// Sign-in attempts.
    Login,
    /// Registrations.
    Register,
    /// Renewals of a session.
    Refresh,
    /// Attempts to change a password.
    Password,
    /// Steps of signing in through a provider.
    OAuth,
    /// Uses of an API key.
    Key,
    /// Requests of programs that say they are none of a person's.
    Bot,
    /// Changes that an account makes.
    Account,
    /// All requests from an address.
    Address,
}

impl LimitClass {
    /// Every class.
    pub const ALL: [Self; 9] = [
        Self::Login,
        Self::Register,
        Self::Refresh,
        Self::Password,
        Self::OAuth,
        Self::Key,
        Self::Bot,
        Self::Account,
        Self::Address,
    ];

    /// The class' name in settings.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Login => "LOGIN",
            Self::Register => "REGISTER",
            Self::Refresh => "REFRESH",
            Self::Password => "PASSWORD",
            Self::OAuth => "OAUTH",
            Self::Key => "KEY",
            Self::Bot => "BOT",
            Self::Account => "ACCOUNT",
            Self::Address => "ADDRESS",
        }
    }

    /// The class of a policy, which its name begins with: `login-address` and `login-account` are of one class.
    #[must_use]
    pub fn of_policy(policy: &str) -> Option<Self> {
        match policy.split('-').next().unwrap_or(policy) {
            "login" => Some(Self::Login),
            "register" => Some(Self::Register),
            "refresh" => Some(Self::Refresh),
            "password" => Some(Self::Password),
            "oauth" => Some(Self::OAuth),
            "api" => Some(Self::Key),
            "bot" => Some(Self::Bot),
            "account" => Some(Self::Account),
            "address" => Some(Self::Address),
            _ => None,
        }
    }
}

/// Several classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LimitClasses(u16);

impl LimitClasses {
    /// These classes.
    #[must_use]
    pub fn of(classes: &[LimitClass]) -> Self {
        Self(classes.iter().fold(0, |bits, class| bits | 1 << *class as u8))
    }

    /// Whether a class is among them.
    #[must_use]
    pub const fn contains(self, class: LimitClass) -> bool {
        self.0 & (1 << class as u8) != 0
    }

    /// Whether a policy's class is among them; one that belongs to none isn't.
    #[must_use]
    pub fn contains_policy(self, policy: &str) -> bool {
        LimitClass::of_policy(policy).is_some_and(|class| self.contains(class))
    }

    /// The classes, in the order of the table.
    pub fn iter(self) -> impl Iterator<Item = LimitClass> {
        LimitClass::ALL.into_iter().filter(move |class| self.contains(*class))
    }

    /// Their names with commas between, or `none`, as [`LimitClasses::parse`] reads them.
    #[must_use]
    pub fn names(self) -> String {
        let names: Vec<_> = self.iter().map(LimitClass::name).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(",") }
    }

    /// Reads names with commas between, or `none`.
    ///
    /// # Errors
    /// A sentence for the operator who wrote them.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("none") {
            return Ok(Self::default());
        }
        let known =
            |name: &str| LimitClass::ALL.into_iter().find(|class| class.name().eq_ignore_ascii_case(name));
        let classes: Option<Vec<_>> = text.split(',').map(|name| known(name.trim())).collect();
        classes.map(|classes| Self::of(&classes)).ok_or_else(|| {
            let all = LimitClass::ALL.map(LimitClass::name).join(", ");
            format!("must be none, or some of {all}, with commas between")
        })
    }
}

/// The quotas by route class; `None` where the limit is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Sign-in attempts, of an address and of an account.
    pub login: Option<Quota>,
    /// Registrations from an address.
    pub register: Option<Quota>,
    /// Renewals of one session.
    pub refresh: Option<Quota>,
    /// Attempts of an account to change its password.
    pub password: Option<Quota>,
    /// Steps of signing in through a provider, from an address.
    pub oauth: Option<Quota>,
    /// Uses of an API key that has no limit of its own.
    pub key: Option<Quota>,
    /// Requests of programs that a policy limits harder, from an address.
    pub bot: Option<Quota>,
    /// Requests of an account, by access token, that change something.
    pub account: Option<Quota>,
    /// All requests below `/api` from an address.
    pub address: Option<Quota>,
    /// What passes uncounted while the limiter can't be asked. Everything else is refused then: guessing passwords must not become free by
    /// bringing the limiter down.
    pub open_when_away: LimitClasses,
}

impl Limits {
    pub(super) fn take(variables: &mut Variables) -> Self {
        let mut limit = |class: LimitClass, default: &str| {
            let name = format!("PORTICO_LIMIT_{}", class.name());
            variables.take(&name, parse).unwrap_or_else(|| Quota::parse(default).ok())
        };
        let (login, register) = (limit(LimitClass::Login, "10/1m"), limit(LimitClass::Register, "10/1m"));
        Self {
            login,
            register,
            refresh: limit(LimitClass::Refresh, "120/1m"),
            password: limit(LimitClass::Password, "10/1m"),
            oauth: limit(LimitClass::OAuth, "30/1m"),
            key: limit(LimitClass::Key, OFF),
            bot: limit(LimitClass::Bot, "30/1m"),
            account: limit(LimitClass::Account, "600/1m"),
            address: limit(LimitClass::Address, OFF),
            open_when_away: variables
                .take("PORTICO_LIMIT_OPEN_WHEN_AWAY", LimitClasses::parse)
                .unwrap_or_else(|| LimitClasses::of(&OPEN_WHEN_AWAY)),
        }
    }
}

const OFF: &str = "off";
/// Reads and a program's own work go on; what could be guessed at doesn't.
const OPEN_WHEN_AWAY: [LimitClass; 4] =
    [LimitClass::Key, LimitClass::Bot, LimitClass::Account, LimitClass::Address];

fn parse(text: &str) -> Result<Option<Quota>, &'static str> {
    if text.trim() == OFF {
        return Ok(None);
    }
    Quota::parse(text).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_read_as_they_are_shown() {
        for (text, shown) in [("key, BOT", "KEY,BOT"), ("none", "none"), ("ADDRESS,LOGIN", "LOGIN,ADDRESS")] {
            let classes = LimitClasses::parse(text).unwrap();
            assert_eq!(classes.names(), shown);
            assert_eq!(LimitClasses::parse(shown), Ok(classes));
        }
        for text in ["", ",", "KEY,", "KEYS", "all"] {
            assert!(LimitClasses::parse(text).unwrap_err().contains("LOGIN, REGISTER"), "{text}");
        }
    }

    #[test]
    fn policies_belong_to_the_class_that_they_begin_with() {
        let open = LimitClasses::of(&OPEN_WHEN_AWAY);
        for policy in ["api-key", "bot-address", "account", "address"] {
            assert!(open.contains_policy(policy), "{policy}");
        }
        for policy in ["login-address", "login-account", "register-address", "refresh-session", "unheard-of"]
        {
            assert!(!open.contains_policy(policy), "{policy}");
        }
    }
}
