//! `portico.toml`: the same settings as in the environment, in a file.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use portico_domain::settings::Fault;

/// What is read when no file is named, if it is there.
const DEFAULT_FILE: &str = "portico.toml";
/// Settings whose variables don't begin with `PORTICO_`.
const BARE: [&str; 4] = ["DATABASE_URL", "REDIS_URL", "JWT_SECRET", "JWT_SECRET_PREVIOUS"];
/// Settings that are secrets, or hold one.
const SECRET: [&str; 7] = [
    "DATABASE_URL",
    "REDIS_URL",
    "JWT_SECRET",
    "JWT_SECRET_PREVIOUS",
    "PORTICO_GITHUB_CLIENT_SECRET",
    "PORTICO_JWT_ED25519",
    "PORTICO_ENCRYPTION_KEYS",
];

/// Settings read from a file, by the names of their variables.
#[derive(Debug, Default)]
pub(super) struct File {
    /// Where they come from, if there is a file.
    pub(super) path: Option<PathBuf>,
    pub(super) values: BTreeMap<String, String>,
}

/// Reads the file that was named, else the one in the working directory, if there is one.
pub(super) fn read(named: Option<&Path>) -> Result<File, Vec<Fault>> {
    let path = named.unwrap_or(Path::new(DEFAULT_FILE));
    let whole = |message: String| vec![Fault { name: path.display().to_string(), message }];
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => {
            return Ok(File::default());
        }
        Err(error) => return Err(whole(format!("can't be read: {error}"))),
    };
    let table = text
        .parse::<toml::Table>()
        .map_err(|error| whole(format!("is not TOML: {}", place(&text, &error))))?;
    let mut faults = Vec::new();
    let mut values = BTreeMap::new();
    for (key, value) in table {
        match written(&value) {
            _ if !key.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '_'))
                || key.starts_with("portico_") =>
            {
                let message = "must be a setting's name in lower case and without PORTICO_".to_owned();
                faults.push(Fault { name: at(&key, path), message });
            }
            Some(text) => {
                values.insert(variable(&key), text);
            }
            None => {
                let message = "must be a text in quotes, a whole number, true or false".to_owned();
                faults.push(Fault { name: at(&key, path), message });
            }
        }
    }
    if faults.is_empty() { Ok(File { path: Some(path.to_owned()), values }) } else { Err(faults) }
}

impl File {
    /// Says so when the file holds a secret and others can read it.
    pub(super) fn warning(&self) -> Option<String> {
        let path = self.path.as_ref()?;
        let holds_secret = SECRET.iter().any(|name| self.values.contains_key(*name));
        let mode = fs::metadata(path).ok()?.permissions().mode() & 0o777;
        let is_open = mode & 0o004 != 0;
        (holds_secret && is_open).then(|| {
            format!(
                "{path} holds secrets and everybody can read it (mode {mode:03o}): `chmod 600 {path}`",
                path = path.display()
            )
        })
    }

    /// Names a fault as the file writes the setting, where it comes from the file.
    pub(super) fn rename(&self, mut fault: Fault, from_environment: impl Fn(&str) -> bool) -> Fault {
        if let Some(path) = &self.path
            && self.values.contains_key(&fault.name)
            && !from_environment(&fault.name)
        {
            let key = fault.name.strip_prefix("PORTICO_").unwrap_or(&fault.name).to_ascii_lowercase();
            fault.name = at(&key, path);
        }
        fault
    }
}

fn at(key: &str, path: &Path) -> String {
    format!("{key} in {}", path.display())
}

fn variable(key: &str) -> String {
    let upper = key.to_ascii_uppercase();
    if BARE.contains(&upper.as_str()) { upper } else { format!("PORTICO_{upper}") }
}

fn written(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(on) => Some(if *on { "on" } else { "off" }.to_owned()),
        _ => None,
    }
}

/// Says where the parser stopped, without quoting the line, which may hold a secret.
fn place(text: &str, error: &toml::de::Error) -> String {
    let at = error.span().map_or(0, |span| span.start.min(text.len()));
    let line = text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
    let message = error.message().lines().next().unwrap_or("not understood");
    format!("line {line}: {message}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_the_names_of_variables() {
        assert_eq!(variable("listen"), "PORTICO_LISTEN");
        assert_eq!(variable("jwt_secret"), "JWT_SECRET");
        assert_eq!(variable("jwt_ed25519"), "PORTICO_JWT_ED25519");
        assert_eq!(variable("database_max_connections"), "PORTICO_DATABASE_MAX_CONNECTIONS");
    }

    #[test]
    fn a_faulty_line_is_named_but_not_quoted() {
        let text = "listen = \"127.0.0.1:0\"\njwt_secret = obviously-fake\n";
        let error = text.parse::<toml::Table>().unwrap_err();
        let told = place(text, &error);
        assert!(told.starts_with("line 2: ") && !told.contains("fake"), "{told}");
    }
}
