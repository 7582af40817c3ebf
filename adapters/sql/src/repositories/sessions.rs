use async_trait::async_trait;
use portico_domain::{
    models::{Device, Order, PageRequest, Session, SessionId, SessionOrigin, Timestamp, User, UserId},
    ports::{Rotate, Rotation, Sessions, Unavailable},
};

use super::{SqlRepositories, people, places};
use crate::{
    driver::Row,
    statements::{
        SESSION_END, SESSION_REVOKE, SESSION_ROTATE, SESSION_ROTATE_FIRST, SESSIONS_END_ALL,
        SESSIONS_END_UNWRITTEN, SESSIONS_LIST_ASC, SESSIONS_LIST_DESC,
    },
};

#[async_trait]
impl Sessions for SqlRepositories {
    async fn rotate(&self, rotate: Rotate) -> Result<Rotation, Unavailable> {
        let session = rotate.presented.session;
        let mut parameters = vec![
            session.id.uuid().into(),
            session.user_id.uuid().into(),
            rotate.presented.generation.into(),
            rotate.presented_digest.0.into(),
            rotate.successor_digest.0.into(),
            rotate.successor_expires_at.into(),
            rotate.now.into(),
            rotate.now.before(rotate.grace).into(),
        ];
        // Later tokens exist because the row does.
        let call = if rotate.presented.generation == 0 {
            parameters.extend([
                session.started_at.into(),
                session.expires_at.into(),
                rotate.device.user_agent.as_deref().into(),
                rotate.device.ip.as_deref().into(),
            ]);
            SESSION_ROTATE_FIRST.with(parameters)
        } else {
            SESSION_ROTATE.with(parameters)
        };
        match self.driver.run(call).await?.into_iter().next() {
            Some(mut row) => Ok(Renewed::read(&mut row)?.verdict(&rotate)),
            None => Ok(Rotation::Unknown),
        }
    }

    async fn revoke(&self, session: SessionOrigin, at: Timestamp) -> Result<(), Unavailable> {
        let parameters = vec![
            session.id.uuid().into(),
            session.user_id.uuid().into(),
            session.started_at.into(),
            session.expires_at.into(),
            at.into(),
        ];
        self.driver.run(SESSION_REVOKE.with(parameters)).await?;
        Ok(())
    }

    async fn end(&self, user: UserId, session: SessionId, at: Timestamp) -> Result<bool, Unavailable> {
        let parameters = vec![session.uuid().into(), user.uuid().into(), at.into()];
        Ok(!self.driver.run(SESSION_END.with(parameters)).await?.is_empty())
    }

    async fn end_all(&self, user: UserId, at: Timestamp) -> Result<(), Unavailable> {
        let parameters = || vec![user.uuid().into(), at.into()];
        let calls = vec![SESSIONS_END_UNWRITTEN.with(parameters()), SESSIONS_END_ALL.with(parameters())];
        self.driver.transact(calls).await?;
        Ok(())
    }

    async fn list(
        &self,
        user: UserId,
        page: PageRequest,
        now: Timestamp,
    ) -> Result<Vec<Session>, Unavailable> {
        let statement = match page.order {
            Order::Ascending => &SESSIONS_LIST_ASC,
            Order::Descending => &SESSIONS_LIST_DESC,
        };
        let after = places::start(page);
        let parameters = vec![
            user.uuid().into(),
            now.into(),
            after.time().into(),
            after.id.into(),
            (i64::from(page.limit) + 1).into(),
        ];
        let rows = self.driver.run(statement.with(parameters)).await?;
        rows.into_iter().map(|mut row| session(&mut row)).collect()
    }
}

fn session(row: &mut Row) -> Result<Session, Unavailable> {
    Ok(Session {
        id: SessionId::from_uuid(row.take()?),
        created_at: row.take()?,
        last_used_at: row.take()?,
        device: Device { user_agent: row.take()?, ip: row.take()? },
    })
}

/// A session's row as the renewing statement left it.
struct Renewed {
    generation: u32,
    refresh_digest: Option<[u8; 32]>,
    previous_digest: Option<[u8; 32]>,
    rotated_at: Option<Timestamp>,
    expires_at: Timestamp,
    revoked_reason: Option<String>,
    user: User,
}

impl Renewed {
    fn read(row: &mut Row) -> Result<Self, Unavailable> {
        Ok(Self {
            generation: row.take()?,
            refresh_digest: row.take()?,
            previous_digest: row.take()?,
            rotated_at: row.take()?,
            expires_at: row.take()?,
            revoked_reason: row.take()?,
            user: people::user(row)?,
        })
    }

    /// Reads what became of the token. The statement left one of few states, and none of them means two things:
    ///
    /// - ended for reuse, and the token is an older one: reused, now or before;
    /// - ended otherwise or past its end: unknown;
    /// - the token is the one before: renewed, by this call if moment and successor are this call's, else by an earlier one within the
    ///   grace (outside it the statement would have ended the session);
    /// - anything else contradicts the token.
    ///
    /// Two callers in the same microsecond may both be told that they renewed it. They were given the same successor.
    fn verdict(self, rotate: &Rotate) -> Rotation {
        let presented = rotate.presented.generation;
        let is_previous = self.generation.checked_sub(1) == Some(presented);
        let contradicted = is_previous && self.previous_digest != Some(rotate.presented_digest.0);
        if contradicted {
            return Rotation::Unknown;
        }
        if let Some(reason) = self.revoked_reason {
            let reused = reason == "reuse" && self.generation > presented;
            return if reused { Rotation::Reused } else { Rotation::Unknown };
        }
        match self.rotated_at {
            Some(rotated_at) if is_previous && self.expires_at > rotate.now => {
                let ours = rotated_at == rotate.now && self.refresh_digest == Some(rotate.successor_digest.0);
                if ours {
                    Rotation::Rotated { user: self.user }
                } else {
                    Rotation::Replayed { user: self.user, rotated_at }
                }
            }
            _ => Rotation::Unknown,
        }
    }
}
