use std::sync::Arc;

use super::Ports;
use crate::{
    cache::{Cache, ReadThrough},
    flows::{
        models::UserModels,
        shared::{Cursors, Signers},
        system_settings::{
            ListSystemSettings, RemoveSystemSetting, SetSystemSetting, SettingWrites, SettingsSource,
        },
        user_settings::{
            ListProviders, OpenProviderKey, ReplaceUserSettings, ShowUserSettings, StoreProviderKey,
            SwitchProviders, UserWrites,
        },
    },
};

/// What is done with settings that are stored: people's own, their keys at providers, and the system's.
pub struct StoredSettings {
    /// Shows somebody's own.
    pub show_own: ShowUserSettings,
    /// Replaces them.
    pub replace_own: ReplaceUserSettings,
    /// Stores a key at a provider.
    pub store_key: StoreProviderKey,
    /// Shows providers.
    pub list_providers: ListProviders,
    /// Turns their switches.
    pub switch_providers: SwitchProviders,
    /// Reads a key back, for what asks its provider.
    pub open_key: OpenProviderKey,
    /// Lists the system's.
    pub list_system: ListSystemSettings,
    /// Reads and writes that list's cursors.
    pub system_cursors: Cursors,
    /// Sets one of the system's.
    pub set_system: SetSystemSetting,
    /// Removes one.
    pub remove_system: RemoveSystemSetting,
}

pub(super) fn stored_settings(ports: &Ports, signers: &Arc<Signers>, cache: &Arc<Cache>) -> StoredSettings {
    let own = || Arc::clone(&ports.user_settings);
    let keys = || Arc::clone(&ports.provider_keys);
    let clock = || Arc::clone(&ports.clock);
    let writes = UserWrites {
        user_models: UserModels { cache: Arc::clone(cache) },
        background: Arc::clone(&ports.background),
    };
    let source = SettingsSource { settings: Arc::clone(&ports.system_settings) };
    let setting_writes = SettingWrites {
        settings: Arc::clone(&ports.system_settings),
        cache: Arc::clone(cache),
        background: Arc::clone(&ports.background),
    };
    StoredSettings {
        show_own: ShowUserSettings { settings: own() },
        replace_own: ReplaceUserSettings { clock: clock(), settings: own(), writes: writes.clone() },
        store_key: StoreProviderKey {
            clock: clock(),
            sealer: Arc::clone(&ports.sealer),
            keys: keys(),
            writes: writes.clone(),
        },
        list_providers: ListProviders { keys: keys() },
        switch_providers: SwitchProviders { clock: clock(), keys: keys(), writes },
        open_key: OpenProviderKey { keys: keys(), sealer: Arc::clone(&ports.sealer) },
        list_system: ListSystemSettings { pages: ReadThrough::new(Arc::clone(cache), source) },
        system_cursors: Cursors::new("system-settings", Arc::clone(signers)),
        set_system: SetSystemSetting {
            clock: clock(),
            entropy: Arc::clone(&ports.entropy),
            writes: setting_writes.clone(),
        },
        remove_system: RemoveSystemSetting { writes: setting_writes },
    }
}
