use std::{collections::BTreeSet, sync::Arc};

use super::UserWrites;
use crate::{
    models::{AccessClaims, FieldFault, ProviderName, ProviderSetting},
    ports::{Clock, ProviderKeys, ProvidersSwitched, Unavailable},
};

/// Shows the caller's providers; never a key.
pub struct ListProviders {
    /// Keeps them.
    pub keys: Arc<dyn ProviderKeys>,
}

impl ListProviders {
    /// Reads them, by name.
    pub async fn run(&self, caller: &AccessClaims) -> Result<Vec<ProviderSetting>, Unavailable> {
        self.keys.list(caller.user_id).await
    }
}

/// The switches that somebody wants turned, in the order in which they were named.
pub type SwitchRequest = Vec<(ProviderName, bool)>;

/// Why no switch was turned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SwitchRefused {
    /// Providers are named twice, or unknown.
    #[error("{} of the providers are not valid", .0.len())]
    Invalid(Vec<FieldFault>),
    /// The account is gone; the token outlived it.
    #[error("the account no longer exists")]
    Gone,
    /// Something could not be asked.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Turns the caller's switches, all or none, and gives all their providers.
///
/// A provider that isn't named stays as it is: a client that knows half of them takes nothing away.
pub struct SwitchProviders {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Keeps them.
    pub keys: Arc<dyn ProviderKeys>,
    /// Drops what is cached of them.
    pub writes: UserWrites,
}

impl SwitchProviders {
    /// The most that one request can name.
    pub const MAX_PROVIDERS: usize = 100;

    /// Turns the switches in one atomic step.
    pub async fn run(
        &self,
        caller: &AccessClaims,
        wanted: SwitchRequest,
    ) -> Result<Vec<ProviderSetting>, SwitchRefused> {
        let mut seen = BTreeSet::new();
        let twice = faults(&wanted, "is named twice", |provider| !seen.insert(provider.clone()));
        if !twice.is_empty() {
            return Err(SwitchRefused::Invalid(twice));
        }
        let (keys, user, now) = (Arc::clone(&self.keys), caller.user_id, self.clock.now());
        let switches = wanted.clone();
        let switch = async move { keys.switch(user, switches, now).await };
        match self.writes.write(user, switch).await? {
            ProvidersSwitched::Done(list) => Ok(list),
            ProvidersSwitched::Unknown(unknown) => {
                let is_unknown = |provider: &ProviderName| unknown.contains(provider);
                let faults = faults(&wanted, "is not a provider of the catalogue", is_unknown);
                Err(SwitchRefused::Invalid(faults))
            }
            ProvidersSwitched::Gone => Err(SwitchRefused::Gone),
        }
    }
}

/// The same fault of each provider that has it, by its place.
fn faults(
    wanted: &SwitchRequest,
    message: &str,
    mut is_faulty: impl FnMut(&ProviderName) -> bool,
) -> Vec<FieldFault> {
    let places = wanted.iter().enumerate().filter(|(_, (provider, _))| is_faulty(provider));
    places.map(|(place, _)| FieldFault::new(format!("providers[{place}].provider"), message)).collect()
}
