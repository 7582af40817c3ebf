use async_trait::async_trait;
use portico_domain::{
    models::{ProviderName, ProviderSetting, Sealed, StoredProviderKey, Timestamp, UserId},
    ports::{Accounts, KeyStored, ProviderKeys, ProvidersSwitched, SealedKeys, Unavailable},
};
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::SqlRepositories;
use crate::{
    driver::{Row, SERVICE, Value},
    statements::{
        PROVIDER_KEY_FIND, PROVIDER_KEY_RESEAL, PROVIDER_KEY_STORE, PROVIDER_KEYS_LIST, PROVIDER_KEYS_PLACES,
        PROVIDER_KEYS_UNDER, PROVIDERS_SWITCH, PROVIDERS_UNKNOWN, SEALING_KEYS_NEXT,
    },
};

#[async_trait]
impl ProviderKeys for SqlRepositories {
    /// Where nothing was written it is asked why; people don't come back, so the second look can't contradict the first.
    async fn store(
        &self,
        user: UserId,
        provider: ProviderName,
        sealed: Sealed,
        last4: String,
        at: Timestamp,
    ) -> Result<KeyStored, Unavailable> {
        let parameters = vec![
            user.uuid().into(),
            provider.as_str().into(),
            sealed.bytes.into(),
            sealed.key_id.into(),
            last4.into(),
            at.into(),
        ];
        if !self.driver.run(PROVIDER_KEY_STORE.with(parameters)).await?.is_empty() {
            return Ok(KeyStored::Stored);
        }
        let known = Accounts::by_id(self, user).await?.is_some();
        Ok(if known { KeyStored::UnknownProvider } else { KeyStored::Gone })
    }

    async fn list(&self, user: UserId) -> Result<Vec<ProviderSetting>, Unavailable> {
        let rows = self.driver.run(PROVIDER_KEYS_LIST.with(vec![user.uuid().into()])).await?;
        rows.into_iter().map(setting).collect()
    }

    /// The writing statement decides whether every provider is known; the two after it tell what came of that.
    async fn switch(
        &self,
        user: UserId,
        switches: Vec<(ProviderName, bool)>,
        at: Timestamp,
    ) -> Result<ProvidersSwitched, Unavailable> {
        let turned = |(provider, enabled): &(ProviderName, bool)| json!({"provider": provider.as_str(), "enabled": enabled});
        let wanted = Json::Array(switches.iter().map(turned).collect()).to_string();
        let calls = vec![
            PROVIDERS_SWITCH.with(vec![user.uuid().into(), wanted.clone().into(), at.into()]),
            PROVIDERS_UNKNOWN.with(vec![wanted.into()]),
            PROVIDER_KEYS_LIST.with(vec![user.uuid().into()]),
        ];
        let mut results = self.driver.transact(calls).await?.into_iter();
        let (Some(written), Some(unknown), Some(list)) = (results.next(), results.next(), results.next())
        else {
            return Err(Unavailable::new(SERVICE, "a transaction gave too few results"));
        };
        if written.len() == switches.len() {
            return list.into_iter().map(setting).collect::<Result<_, _>>().map(ProvidersSwitched::Done);
        }
        if unknown.is_empty() {
            let known = Accounts::by_id(self, user).await?.is_some();
            // The catalogue was being replaced: whoever asks again is told how it is now.
            let replaced =
                || Unavailable::new(SERVICE, "the catalogue changed while providers were switched");
            return if known { Err(replaced()) } else { Ok(ProvidersSwitched::Gone) };
        }
        let name = |mut row: Row| Ok(ProviderName::stored(row.take()?));
        unknown.into_iter().map(name).collect::<Result<_, _>>().map(ProvidersSwitched::Unknown)
    }

    async fn find(
        &self,
        user: UserId,
        provider: &ProviderName,
    ) -> Result<Option<StoredProviderKey>, Unavailable> {
        let parameters = vec![user.uuid().into(), provider.as_str().into()];
        let rows = self.driver.run(PROVIDER_KEY_FIND.with(parameters)).await?;
        rows.into_iter().next().map(stored).transpose()
    }
}

#[async_trait]
impl SealedKeys for SqlRepositories {
    async fn next_key_id(&self, after: &str) -> Result<Option<String>, Unavailable> {
        let rows = self.driver.run(SEALING_KEYS_NEXT.with(vec![after.into()])).await?;
        rows.into_iter().next().map(|mut row| row.take()).transpose()
    }

    async fn places(
        &self,
        key_id: &str,
        after: Option<(UserId, ProviderName)>,
        limit: u32,
    ) -> Result<Vec<(UserId, ProviderName)>, Unavailable> {
        let rows = self.driver.run(PROVIDER_KEYS_PLACES.with(page(key_id, after, limit))).await?;
        let place = |mut row: Row| Ok((UserId::from_uuid(row.take()?), ProviderName::stored(row.take()?)));
        rows.into_iter().map(place).collect()
    }

    async fn under(
        &self,
        key_id: &str,
        after: Option<(UserId, ProviderName)>,
        limit: u32,
    ) -> Result<Vec<StoredProviderKey>, Unavailable> {
        let rows = self.driver.run(PROVIDER_KEYS_UNDER.with(page(key_id, after, limit))).await?;
        rows.into_iter().map(stored).collect()
    }

    async fn reseal(&self, old: &StoredProviderKey, new: Sealed) -> Result<bool, Unavailable> {
        let parameters = vec![
            old.user_id.uuid().into(),
            old.provider.as_str().into(),
            old.sealed.key_id.as_str().into(),
            old.sealed.bytes.clone().into(),
            new.key_id.into(),
            new.bytes.into(),
        ];
        Ok(!self.driver.run(PROVIDER_KEY_RESEAL.with(parameters)).await?.is_empty())
    }
}

/// No person's id is nil, so a page without a place begins before everybody.
fn page(key_id: &str, after: Option<(UserId, ProviderName)>, limit: u32) -> Vec<Value> {
    let (user, provider) = after
        .map_or((Uuid::nil(), String::new()), |(user, provider)| (user.uuid(), provider.as_str().to_owned()));
    vec![key_id.into(), user.into(), provider.into(), limit.into()]
}

fn setting(mut row: Row) -> Result<ProviderSetting, Unavailable> {
    Ok(ProviderSetting {
        provider: ProviderName::stored(row.take()?),
        enabled: row.take()?,
        last4: row.take()?,
        updated_at: row.take()?,
    })
}

fn stored(mut row: Row) -> Result<StoredProviderKey, Unavailable> {
    Ok(StoredProviderKey {
        user_id: UserId::from_uuid(row.take()?),
        provider: ProviderName::stored(row.take()?),
        enabled: row.take()?,
        sealed: Sealed { key_id: row.take()?, bytes: row.take()? },
    })
}
