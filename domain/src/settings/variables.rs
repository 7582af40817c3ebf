use std::{collections::BTreeMap, fmt};

/// One thing wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The variable.
    pub name: String,
    /// What is wrong with it; never its value, which may be a secret.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.message)
    }
}

/// Named variables on their way to becoming settings; gathers every fault.
#[derive(Debug, Default)]
pub struct Variables {
    left: BTreeMap<String, String>,
    faults: Vec<Fault>,
}

impl Variables {
    /// Takes in the variables. Empty ones count as not set.
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let left = pairs.into_iter().filter(|(_, value)| !value.trim().is_empty()).collect();
        Self { left, faults: Vec::new() }
    }

    /// Takes one variable out and parses it. `None` when it is not set or, with a fault noted, is wrong.
    pub fn take<T, E: fmt::Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.left.remove(name)?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(message) => {
                self.fault(name, message);
                None
            }
        }
    }

    /// Notes a fault, such as a variable that is missing.
    pub fn fault(&mut self, name: &str, message: impl fmt::Display) {
        self.faults.push(Fault { name: name.to_owned(), message: message.to_string() });
    }

    /// Tells every fault, by name; variables called `PORTICO_*` that nobody took are among them.
    ///
    /// # Errors
    /// The faults, if there are any.
    pub fn finish(mut self) -> Result<(), Vec<Fault>> {
        for name in self.left.keys().filter(|name| name.starts_with("PORTICO_")) {
            let message = "is not a setting that Portico knows".to_owned();
            self.faults.push(Fault { name: name.clone(), message });
        }
        self.faults.sort();
        if self.faults.is_empty() { Ok(()) } else { Err(self.faults) }
    }
}
