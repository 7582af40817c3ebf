use std::sync::Arc;

use async_trait::async_trait;
use portico_domain::{
    models::{Credential, DisplayName, Email, NewAccount, PasswordHash, User, UserId},
    ports::{
        AccountCreation, Accounts, CredentialLookup, Credentials, PasswordChange, PasswordChanged,
        Unavailable,
    },
};

use super::{SqlRepositories, people};
use crate::{
    driver::{Call, Driver, DriverError, Reserved},
    statements::{
        CREDENTIAL_BY_EMAIL, CREDENTIAL_BY_ID, ORGANIZATION_INSERT, PASSWORD_CHANGE,
        PASSWORD_CHANGE_END_OTHERS, PASSWORD_CHANGE_KEEP, USER_BY_ID, USER_INSERT,
    },
};

/// Names the constraint that a taken address breaks.
pub(super) const EMAIL_KEY: &str = "users_email_key";

#[async_trait]
impl Accounts for SqlRepositories {
    async fn create(&self, account: NewAccount) -> Result<AccountCreation, Unavailable> {
        created(self.driver.transact(creation(&account)).await.map(drop), &[EMAIL_KEY])
    }

    async fn by_id(&self, id: UserId) -> Result<Option<User>, Unavailable> {
        let rows = self.driver.run(USER_BY_ID.with(vec![id.uuid().into()])).await?;
        rows.into_iter().next().map(|mut row| people::user(&mut row)).transpose()
    }

    async fn credential(&self, id: UserId) -> Result<Option<Credential>, Unavailable> {
        let rows = self.driver.run(CREDENTIAL_BY_ID.with(vec![id.uuid().into()])).await?;
        rows.into_iter().next().map(|mut row| people::credential(&mut row)).transpose()
    }

    async fn change_password(&self, change: PasswordChange) -> Result<PasswordChanged, Unavailable> {
        let PasswordChange { user_id, from, to, keep, at } = change;
        let user = user_id.uuid();
        let mut calls = Vec::with_capacity(3);
        // Somebody else's session is none that could go on.
        let keep = keep.filter(|session| session.user_id == user_id);
        if let Some(session) = keep {
            calls.push(PASSWORD_CHANGE_KEEP.with(vec![
                session.id.uuid().into(),
                user.into(),
                from.expose().into(),
                session.started_at.into(),
                session.expires_at.into(),
            ]));
        }
        let decisive = calls.len();
        calls.push(PASSWORD_CHANGE.with(vec![
            user.into(),
            from.expose().into(),
            to.expose().into(),
            at.into(),
        ]));
        let kept = keep.map(|session| session.id.uuid()).into();
        calls.push(PASSWORD_CHANGE_END_OTHERS.with(vec![user.into(), at.into(), kept, to.expose().into()]));
        let rows = self.driver.transact(calls).await?;
        let changed = rows.get(decisive).is_some_and(|rows| !rows.is_empty());
        Ok(if changed { PasswordChanged::Done } else { PasswordChanged::Superseded })
    }
}

/// The statements that make an account and its organization.
pub(super) fn creation(account: &NewAccount) -> Vec<Call> {
    let at = account.created_at;
    vec![
        ORGANIZATION_INSERT.with(vec![account.organization_id.uuid().into(), at.into()]),
        USER_INSERT.with(vec![
            account.id.uuid().into(),
            account.organization_id.uuid().into(),
            account.email.as_str().into(),
            account.email_verified.then_some(at).into(),
            account.name.as_ref().map(DisplayName::as_str).into(),
            account.role.as_str().into(),
            account.password_hash.as_ref().map(PasswordHash::expose).into(),
            at.into(),
        ]),
    ]
}

/// Reads the outcome of making an account, of which breaking one of `expected` is one.
pub(super) fn created(
    outcome: Result<(), DriverError>,
    expected: &[&str],
) -> Result<AccountCreation, Unavailable> {
    match outcome {
        Ok(()) => Ok(AccountCreation::Created),
        Err(DriverError::UniqueViolation { constraint }) if expected.contains(&constraint.as_str()) => {
            Ok(AccountCreation::EmailTaken)
        }
        Err(error) => Err(error.into()),
    }
}

#[async_trait]
impl Credentials for SqlRepositories {
    async fn connect(&self) -> Result<Box<dyn CredentialLookup>, Unavailable> {
        let reserved = self.driver.reserve(&CREDENTIAL_BY_EMAIL).await?;
        Ok(Box::new(Lookup { reserved: Some(reserved), driver: Arc::clone(&self.driver) }))
    }
}

struct Lookup {
    reserved: Option<Box<dyn Reserved>>,
    /// For a second look-up, whose connection was given back by the first.
    driver: Arc<dyn Driver>,
}

#[async_trait]
impl CredentialLookup for Lookup {
    async fn by_email(&mut self, email: &Email) -> Result<Option<Credential>, Unavailable> {
        let call = CREDENTIAL_BY_EMAIL.with(vec![email.as_str().into()]);
        let rows = match self.reserved.take() {
            Some(reserved) => reserved.run(call).await?,
            None => self.driver.run(call).await?,
        };
        rows.into_iter().next().map(|mut row| people::credential(&mut row)).transpose()
    }
}
