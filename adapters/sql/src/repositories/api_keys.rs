use async_trait::async_trait;
use portico_domain::{
    models::{
        ApiKey, ApiKeyId, Day, Digest, InstanceId, KeyHolder, KeyStatus, NewApiKey, Order, OrganizationId,
        PageRequest, Quota, Scopes, Timestamp, key_quota,
    },
    ports::{ApiKeys, KeyChange, KeyChanged, KeyLookup, KeyRotation, Unavailable},
};

use super::{SqlRepositories, people, places};
use crate::{
    driver::{Call, Row, SERVICE, Value},
    statements::{
        API_KEY_BY_DIGEST, API_KEY_BY_ID, API_KEY_CHANGE, API_KEY_INSERT, API_KEY_REVOKE, API_KEY_ROTATE,
        API_KEYS_LIST_ASC, API_KEYS_LIST_DESC, API_KEYS_MOST_USED,
    },
};

#[async_trait]
impl ApiKeys for SqlRepositories {
    async fn create(&self, new: NewApiKey) -> Result<(), Unavailable> {
        let NewApiKey { key, made_by, digest } = new;
        let (limit, window) = quota_values(key.rate_limit);
        let parameters = vec![
            key.id.uuid().into(),
            key.organization_id.uuid().into(),
            made_by.uuid().into(),
            key.name.into(),
            key.prefix.into(),
            digest.0.into(),
            key.scopes.to_words().into(),
            key.instance_ids.as_deref().map(instances_to_text).into(),
            key.expires_at.into(),
            limit,
            window,
            key.created_at.into(),
        ];
        self.driver.run(API_KEY_INSERT.with(parameters)).await?;
        Ok(())
    }

    async fn by_id(&self, organization: OrganizationId, id: ApiKeyId) -> Result<Option<ApiKey>, Unavailable> {
        let parameters = vec![id.uuid().into(), organization.uuid().into()];
        let rows = self.driver.run(API_KEY_BY_ID.with(parameters)).await?;
        rows.into_iter().next().map(|mut row| key(&mut row)).transpose()
    }

    async fn list(
        &self,
        organization: OrganizationId,
        page: PageRequest,
    ) -> Result<Vec<ApiKey>, Unavailable> {
        let statement = match page.order {
            Order::Ascending => &API_KEYS_LIST_ASC,
            Order::Descending => &API_KEYS_LIST_DESC,
        };
        let after = places::start(page);
        let parameters = vec![
            organization.uuid().into(),
            after.time().into(),
            after.id.into(),
            (i64::from(page.limit) + 1).into(),
        ];
        let rows = self.driver.run(statement.with(parameters)).await?;
        rows.into_iter().map(|mut row| key(&mut row)).collect()
    }

    async fn change(
        &self,
        organization: OrganizationId,
        id: ApiKeyId,
        change: KeyChange,
    ) -> Result<KeyChanged, Unavailable> {
        let (limit, window) = quota_values(change.rate_limit.flatten());
        let parameters = vec![
            id.uuid().into(),
            organization.uuid().into(),
            change.name.into(),
            change.scopes.map(Scopes::to_words).into(),
            change.instance_ids.is_some().into(),
            change.instance_ids.flatten().as_deref().map(instances_to_text).into(),
            change.expires_at.is_some().into(),
            change.expires_at.flatten().into(),
            change.rate_limit.is_some().into(),
            limit,
            window,
        ];
        self.changed(organization, id, API_KEY_CHANGE.with(parameters)).await
    }

    async fn rotate(
        &self,
        organization: OrganizationId,
        id: ApiKeyId,
        rotation: KeyRotation,
    ) -> Result<KeyChanged, Unavailable> {
        let parameters = vec![
            id.uuid().into(),
            organization.uuid().into(),
            rotation.digest.0.into(),
            rotation.prefix.into(),
            rotation.old_until.into(),
        ];
        self.changed(organization, id, API_KEY_ROTATE.with(parameters)).await
    }

    async fn revoke(
        &self,
        organization: OrganizationId,
        id: ApiKeyId,
        at: Timestamp,
    ) -> Result<Option<Vec<Digest>>, Unavailable> {
        let parameters = vec![id.uuid().into(), organization.uuid().into(), at.into()];
        let rows = self.driver.run(API_KEY_REVOKE.with(parameters)).await?;
        rows.into_iter().next().map(|mut row| digests(&mut row)).transpose()
    }
}

impl SqlRepositories {
    /// Runs what changes a key. Only where nothing was changed is it asked why: a revoked key stays one, so the second look can't contradict
    /// the first.
    async fn changed(
        &self,
        organization: OrganizationId,
        id: ApiKeyId,
        call: Call,
    ) -> Result<KeyChanged, Unavailable> {
        if let Some(mut row) = self.driver.run(call).await?.into_iter().next() {
            let key = Box::new(key(&mut row)?);
            return Ok(KeyChanged::Done { key, digests: digests(&mut row)? });
        }
        let known = self.by_id(organization, id).await?.is_some();
        Ok(if known { KeyChanged::Revoked } else { KeyChanged::NotFound })
    }
}

#[async_trait]
impl KeyLookup for SqlRepositories {
    async fn by_digest(&self, digest: Digest) -> Result<Option<KeyHolder>, Unavailable> {
        let rows = self.driver.run(API_KEY_BY_DIGEST.with(vec![digest.0.into()])).await?;
        let holder = |mut row: Row| {
            Ok(KeyHolder {
                key: key(&mut row)?,
                superseded_until: row.take()?,
                maker: people::user(&mut row)?,
            })
        };
        rows.into_iter().next().map(holder).transpose()
    }

    async fn most_used(
        &self,
        first: Day,
        last: Day,
        at_most: u32,
    ) -> Result<Vec<(Digest, KeyHolder)>, Unavailable> {
        let parameters = vec![i64::from(first.0).into(), i64::from(last.0).into(), at_most.into()];
        let rows = self.driver.run(API_KEYS_MOST_USED.with(parameters)).await?;
        let holder = |mut row: Row| {
            let (key, maker) = (key(&mut row)?, people::user(&mut row)?);
            // By its present text a key is not superseded.
            Ok((Digest(row.take()?), KeyHolder { key, superseded_until: None, maker }))
        };
        rows.into_iter().map(holder).collect()
    }
}

/// The digests of a key's texts: the present one's, then the superseded one's.
fn digests(row: &mut Row) -> Result<Vec<Digest>, Unavailable> {
    let mut digests = vec![Digest(row.take()?)];
    digests.extend(row.take::<Option<[u8; 32]>>()?.map(Digest));
    Ok(digests)
}

fn key(row: &mut Row) -> Result<ApiKey, Unavailable> {
    Ok(ApiKey {
        id: ApiKeyId::from_uuid(row.take()?),
        name: row.take()?,
        prefix: row.take()?,
        organization_id: OrganizationId::from_uuid(row.take()?),
        scopes: Scopes::from_words(&row.take::<String>()?),
        instance_ids: row.take::<Option<String>>()?.as_deref().map(instances_from_text),
        status: if row.take()? { KeyStatus::Revoked } else { KeyStatus::Active },
        expires_at: row.take()?,
        rate_limit: quota(row.take()?, row.take()?)?,
        created_at: row.take()?,
        last_used_at: row.take()?,
    })
}

/// A limit that can't be read is a fault: to go on without it would be to open the door wider than its owner said.
fn quota(limit: Option<i64>, window: Option<i64>) -> Result<Option<Quota>, Unavailable> {
    let (Some(limit), Some(window)) = (limit, window) else { return Ok(None) };
    let bounds = u64::try_from(limit).ok().zip(u64::try_from(window).ok());
    bounds
        .and_then(|(limit, window)| key_quota(limit, window))
        .map(Some)
        .ok_or_else(|| Unavailable::new(SERVICE, "a key's stored rate limit is out of bounds"))
}

fn quota_values(quota: Option<Quota>) -> (Value, Value) {
    let window = |quota: Quota| i64::try_from(quota.window.as_secs()).unwrap_or(i64::MAX);
    (quota.map(|quota| quota.limit).into(), quota.map(window).into())
}

fn instances_to_text(instances: &[InstanceId]) -> String {
    instances.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// What isn't an identifier is dropped: an unknown instance is no instance.
fn instances_from_text(text: &str) -> Vec<InstanceId> {
    text.split(',').filter_map(InstanceId::parse).collect()
}
