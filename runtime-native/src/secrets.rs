//! Secrets that Portico makes for itself at its first start, and keeps beside the data.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use portico_crypto::SealingKeys;
use portico_domain::{
    models::Secret,
    ports::{Entropy, Unavailable},
};

/// A file of this length was never written by us.
const MOST_BYTES: u64 = 4_096;

/// What tokens are signed with.
pub(crate) const JWT_SECRET: OwnSecret = OwnSecret {
    file: "jwt-secret",
    variable: "JWT_SECRET",
    loss: "which ends every session",
    make: |entropy| Ok(Secret::new(URL_SAFE_NO_PAD.encode(entropy.bytes()?))),
};

/// What keys at providers are encrypted under.
pub(crate) const ENCRYPTION_KEYS: OwnSecret = OwnSecret {
    file: "encryption-keys",
    variable: "PORTICO_ENCRYPTION_KEYS",
    loss: "after which no provider key that was stored before can be opened",
    make: |entropy| SealingKeys::generate(entropy),
};

/// A secret that is made where none is set.
pub(crate) struct OwnSecret {
    file: &'static str,
    variable: &'static str,
    /// What its loss means.
    loss: &'static str,
    make: fn(&dyn Entropy) -> Result<Secret, Unavailable>,
}

/// A secret, and whether this call made it.
pub(crate) struct Kept {
    pub(crate) secret: Secret,
    pub(crate) is_new: bool,
}

/// Makes a directory, and those above it, for the owner alone; one that is there is left as it is.
pub(crate) fn make_private_directory(path: &Path) -> anyhow::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("{} can't be made; PORTICO_DATA_DIR names another place", path.display()))
}

impl OwnSecret {
    /// Where it is kept.
    pub(crate) fn file(&self, data_dir: &Path) -> PathBuf {
        data_dir.join(self.file)
    }

    /// Reads it from its file, or makes one there if there is none.
    ///
    /// The file appears whole or not at all: it is written under another name, put on the disk, and linked to its own name, which fails when that
    /// is taken. Of processes that start together one makes the secret and all read the same.
    pub(crate) fn read_or_make(&self, data_dir: &Path, entropy: &dyn Entropy) -> anyhow::Result<Kept> {
        if let Some(secret) = self.read(data_dir)? {
            return Ok(Kept { secret, is_new: false });
        }
        let path = self.file(data_dir);
        let secret = (self.make)(entropy).context("making a secret")?;
        let name = entropy.bytes().context("making a secret")?;
        let draft = path.with_file_name(format!(".secret-{}", URL_SAFE_NO_PAD.encode(&name[..9])));
        let made = publish(&draft, &path, secret.expose());
        // It has its own name now, or is of no use.
        let _ = fs::remove_file(&draft);
        let is_new = made.with_context(|| {
            format!("{} can't be made; {} can be set instead", path.display(), self.variable)
        })?;
        let secret = self
            .read(data_dir)?
            .with_context(|| format!("{} was removed while it was being made", path.display()))?;
        Ok(Kept { secret, is_new })
    }

    /// Reads it from its file, if there is one.
    pub(crate) fn read(&self, data_dir: &Path) -> anyhow::Result<Option<Secret>> {
        let path = self.file(data_dir);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => bail!("{} can't be read: {error}", path.display()),
        };
        let about = file.metadata()?;
        ensure!(about.is_file(), "{} is not a file", path.display());
        let mode = about.permissions().mode() & 0o777;
        let others_may = mode & 0o077;
        ensure!(
            others_may == 0,
            "{path} can be read or written by others (mode {mode:03o}), so the secret in it is none any more: \
             remove the file to have a new one made, {loss}, or `chmod 600 {path}` if nobody has looked",
            path = path.display(),
            loss = self.loss,
        );
        let owner = rustix::process::geteuid();
        ensure!(
            owner.is_root() || about.uid() == owner.as_raw(),
            "{} belongs to somebody else",
            path.display()
        );
        let mut text = String::new();
        file.take(MOST_BYTES)
            .read_to_string(&mut text)
            .with_context(|| format!("reading {}", path.display()))?;
        let text = text.trim();
        ensure!(
            text.len() >= portico_crypto::MIN_SECRET_BYTES,
            "{} holds {} bytes and needs {} at least; remove it to have a new one made, {}",
            path.display(),
            text.len(),
            portico_crypto::MIN_SECRET_BYTES,
            self.loss,
        );
        Ok(Some(Secret::new(text)))
    }
}

/// Says whether the secret got its name; `false` when another process came first.
fn publish(draft: &Path, path: &Path, text: &str) -> io::Result<bool> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    let is_new = match fs::hard_link(draft, path) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
        Err(error) => return Err(error),
    };
    if let Some(directory) = path.parent() {
        File::open(directory)?.sync_all()?;
    }
    Ok(is_new)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use portico_crypto::SystemEntropy;
    use tempfile::tempdir;

    use super::*;

    #[test]
    fn processes_that_start_together_agree_on_one_secret() {
        let directory = tempdir().unwrap();
        let path = JWT_SECRET.file(directory.path());
        let kept: Vec<Kept> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16)
                .map(|_| scope.spawn(|| JWT_SECRET.read_or_make(directory.path(), &SystemEntropy).unwrap()))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let secrets: HashSet<_> = kept.iter().map(|kept| kept.secret.expose()).collect();
        assert_eq!(secrets.len(), 1);
        assert_eq!(kept.iter().filter(|kept| kept.is_new).count(), 1);
        assert_eq!(kept[0].secret.expose().len(), 43);
        let names: Vec<_> =
            fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["jwt-secret"], "no draft is left");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_secret_that_others_can_read_is_refused() {
        let directory = tempdir().unwrap();
        let path = JWT_SECRET.file(directory.path());
        JWT_SECRET.read_or_make(directory.path(), &SystemEntropy).unwrap();
        for mode in [0o640, 0o604, 0o620] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let refused =
                JWT_SECRET.read_or_make(directory.path(), &SystemEntropy).err().unwrap().to_string();
            assert!(refused.contains(&format!("mode {mode:03o}")), "{refused}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        assert!(!JWT_SECRET.read_or_make(directory.path(), &SystemEntropy).unwrap().is_new);
    }

    #[test]
    fn a_cut_file_is_refused_and_not_replaced() {
        let directory = tempdir().unwrap();
        let path = JWT_SECRET.file(directory.path());
        JWT_SECRET.read_or_make(directory.path(), &SystemEntropy).unwrap();
        fs::write(&path, "short").unwrap();
        assert!(JWT_SECRET.read_or_make(directory.path(), &SystemEntropy).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "short");
    }

    #[test]
    fn a_made_encryption_key_can_be_read_as_what_is_set() {
        let directory = tempdir().unwrap();
        assert!(ENCRYPTION_KEYS.read(directory.path()).unwrap().is_none());
        let kept = ENCRYPTION_KEYS.read_or_make(directory.path(), &SystemEntropy).unwrap();
        assert!(kept.is_new);
        let keys = SealingKeys::parse(kept.secret.expose()).unwrap();
        assert_eq!(keys.ids().count(), 1);
        let mode = fs::metadata(ENCRYPTION_KEYS.file(directory.path())).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
