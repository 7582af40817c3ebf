use std::sync::Arc;

use crate::{
    models::{ProviderName, StoredProviderKey, UserId},
    ports::{OpenRefused, SealedKeys, Sealer, Unavailable},
};

/// How many rows are read at a time.
const PAGE: u32 = 200;
/// How many places are looked at a time: they are small.
const PLACES: u32 = 1_000;
/// How often the keys are gone through, at most. A second time finds what servers that still seal under an old key have stored meanwhile; who stores without an end is not
/// run after.
const ROUNDS: u32 = 5;
/// How many keys that don't open are named.
const NAMED: usize = 20;

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RekeyProgress {
    /// How many keys were looked at.
    pub done: u64,
    /// How many there were to look at when it began.
    pub total: u64,
}

/// A key that doesn't open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedKey {
    /// Whose it is.
    pub user_id: UserId,
    /// At which provider.
    pub provider: ProviderName,
    /// Why not.
    pub why: OpenRefused,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RekeyReport {
    /// The key that all are to be under.
    pub present: String,
    /// How many were put under it.
    pub resealed: u64,
    /// How many their owners replaced in the same moment; those were left as their owners wanted.
    pub overtaken: u64,
    /// How many don't open.
    pub refused: u64,
    /// The first of these.
    pub named: Vec<RefusedKey>,
    /// The ids that anything is still encrypted under.
    pub in_use: Vec<String>,
}

/// Puts every provider key under the present encryption key, while servers serve.
///
/// 1. For each other id that is in use, the rows under it are read page by page, along the index.
/// 2. Each is opened, sealed anew, and put back if nothing else was stored there meanwhile.
/// 3. That is repeated while there was anything to do: servers that were started before seal under the old key still.
///
/// A row is done once it is under the present key, so whoever is killed goes on where they were. A row that doesn't open is passed over and told.
pub struct RekeyProviderKeys {
    /// Keeps keys.
    pub keys: Arc<dyn SealedKeys>,
    /// Opens and seals them.
    pub sealer: Arc<dyn Sealer>,
}

impl RekeyProviderKeys {
    /// Tells the story above, and how far it has come after every page.
    pub async fn run(&self, mut tell: impl FnMut(RekeyProgress) + Send) -> Result<RekeyReport, Unavailable> {
        let mut report = RekeyReport { present: self.sealer.present_key()?, ..RekeyReport::default() };
        let mut progress = RekeyProgress { done: 0, total: self.count(&report.present).await? };
        tell(progress);
        for _ in 0..ROUNDS {
            let before = report.resealed + report.overtaken;
            (report.refused, report.named) = (0, Vec::new());
            let mut ids = Ids::default();
            while let Some(id) = ids.next(self.keys.as_ref(), &report.present).await? {
                let mut after = None;
                loop {
                    let page = self.keys.under(&id, after.clone(), PAGE).await?;
                    for old in &page {
                        self.one(old, &mut report).await?;
                    }
                    progress.done += page.len() as u64;
                    progress.total = progress.total.max(progress.done);
                    tell(progress);
                    let Some(last) = page.last().filter(|_| page.len() == PAGE as usize) else { break };
                    after = Some((last.user_id, last.provider.clone()));
                }
            }
            if report.resealed + report.overtaken == before {
                break;
            }
            // What was refused is looked at again, and not counted twice.
            progress.done -= report.refused.min(progress.done);
        }
        report.in_use = self.in_use().await?;
        Ok(report)
    }

    async fn one(&self, old: &StoredProviderKey, report: &mut RekeyReport) -> Result<(), Unavailable> {
        let binding = StoredProviderKey::binding(old.user_id, &old.provider);
        match self.sealer.open(&old.sealed, &binding) {
            Ok(secret) => {
                let new = self.sealer.seal(&secret, &binding)?;
                let replaced = self.keys.reseal(old, new).await?;
                *(if replaced { &mut report.resealed } else { &mut report.overtaken }) += 1;
            }
            Err(why) => {
                report.refused += 1;
                if report.named.len() < NAMED {
                    let (user_id, provider) = (old.user_id, old.provider.clone());
                    report.named.push(RefusedKey { user_id, provider, why });
                }
            }
        }
        Ok(())
    }

    /// How many keys are under others than the present one.
    async fn count(&self, present: &str) -> Result<u64, Unavailable> {
        let (mut total, mut ids) = (0, Ids::default());
        while let Some(id) = ids.next(self.keys.as_ref(), present).await? {
            let mut after = None;
            loop {
                let mut places = self.keys.places(&id, after, PLACES).await?;
                total += places.len() as u64;
                let is_full = places.len() == PLACES as usize;
                after = places.pop().filter(|_| is_full);
                if after.is_none() {
                    break;
                }
            }
        }
        Ok(total)
    }

    async fn in_use(&self) -> Result<Vec<String>, Unavailable> {
        let (mut in_use, mut after) = (Vec::new(), String::new());
        while let Some(id) = self.keys.next_key_id(&after).await? {
            after.clone_from(&id);
            in_use.push(id);
        }
        Ok(in_use)
    }
}

/// Walks the ids that are in use. Their order is storage's own.
#[derive(Default)]
struct Ids(String);

impl Ids {
    /// The next that isn't the present one.
    async fn next(&mut self, keys: &dyn SealedKeys, present: &str) -> Result<Option<String>, Unavailable> {
        while let Some(id) = keys.next_key_id(&self.0).await? {
            self.0.clone_from(&id);
            if id != present {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }
}
