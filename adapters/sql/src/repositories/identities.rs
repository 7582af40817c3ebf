use async_trait::async_trait;
use portico_domain::{
    models::{Digest, Email, EmailHolder, ExternalIdentity, NewAccount, Timestamp, UserId},
    ports::{AccountCreation, Identities, IdentityStanding, LinkOutcome, Unavailable},
};
use uuid::Uuid;

use super::{
    SqlRepositories,
    accounts::{EMAIL_KEY, created, creation},
    people,
};
use crate::{
    driver::{DriverError, Row, SERVICE},
    statements::{IDENTITY_INSERT, IDENTITY_LINK, IDENTITY_STANDING, STATE_USE},
};

/// Broken by an identity that is linked already.
const IDENTITY_KEY: &str = "identities_provider_subject_key";
/// Broken by an account's second identity at one provider.
const ACCOUNT_KEY: &str = "identities_user_id_provider_key";

#[async_trait]
impl Identities for SqlRepositories {
    async fn use_state(&self, state: Digest, expires_at: Timestamp) -> Result<bool, Unavailable> {
        let rows = self.driver.run(STATE_USE.with(vec![state.0.into(), expires_at.into()])).await?;
        Ok(!rows.is_empty())
    }

    async fn standing(
        &self,
        identity: &ExternalIdentity,
        email: &Email,
    ) -> Result<IdentityStanding, Unavailable> {
        let parameters =
            vec![identity.provider.as_str().into(), identity.subject.as_str().into(), email.as_str().into()];
        let rows = self.driver.run(IDENTITY_STANDING.with(parameters)).await?;
        let mut row =
            rows.into_iter().next().ok_or_else(|| Unavailable::new(SERVICE, "a question got no answer"))?;
        Ok(IdentityStanding {
            linked: people::optional_user(&mut row)?,
            email_holder: email_holder(&mut row)?,
        })
    }

    async fn create_account(
        &self,
        account: NewAccount,
        identity: &ExternalIdentity,
    ) -> Result<AccountCreation, Unavailable> {
        let mut calls = creation(&account);
        calls.push(IDENTITY_INSERT.with(vec![
            identity.provider.as_str().into(),
            identity.subject.as_str().into(),
            account.id.uuid().into(),
            account.created_at.into(),
        ]));
        created(self.driver.transact(calls).await.map(drop), &[EMAIL_KEY, IDENTITY_KEY])
    }

    async fn link(
        &self,
        user: UserId,
        identity: &ExternalIdentity,
        at: Timestamp,
    ) -> Result<LinkOutcome, Unavailable> {
        let parameters = vec![
            identity.provider.as_str().into(),
            identity.subject.as_str().into(),
            user.uuid().into(),
            at.into(),
        ];
        let rows = match self.driver.run(IDENTITY_LINK.with(parameters)).await {
            Err(DriverError::UniqueViolation { constraint }) if constraint == ACCOUNT_KEY => Vec::new(),
            outcome => outcome?,
        };
        let owner = rows.into_iter().next().map(|mut row| row.take::<Uuid>()).transpose()?;
        Ok(if owner == Some(user.uuid()) { LinkOutcome::Linked } else { LinkOutcome::Taken })
    }
}

fn email_holder(row: &mut Row) -> Result<Option<EmailHolder>, Unavailable> {
    let Some(id) = row.take()? else { return Ok(None) };
    Ok(Some(EmailHolder {
        user_id: UserId::from_uuid(id),
        has_password: row.take()?,
        email_verified: row.take()?,
        has_identity: row.take()?,
    }))
}
