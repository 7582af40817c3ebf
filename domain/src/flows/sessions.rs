use std::{sync::Arc, time::Duration};

use crate::{
    models::{AccessClaims, Cursor, Fact, Page, PageRequest, Session, SessionId, SessionOrigin, UserId},
    ports::{Clock, DeferredWrites, FactStore, Sessions, Unavailable},
};

/// A session in its owner's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedSession {
    /// The session.
    pub session: Session,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// Lists a person's live sessions.
///
/// Sessions whose rows are still to be written are written first: facts are idempotent, so anybody may write them, and the list is then
/// one query with nothing to merge. That costs one statement, and only in the moment after a sign-in.
pub struct ListSessions {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Reads them.
    pub sessions: Arc<dyn Sessions>,
    /// Knows what is still to be written.
    pub deferred: Arc<dyn DeferredWrites>,
    /// Writes it.
    pub facts: Arc<dyn FactStore>,
}

impl ListSessions {
    /// Reads one page.
    pub async fn run(
        &self,
        caller: &AccessClaims,
        page: PageRequest,
    ) -> Result<Page<ListedSession>, Unavailable> {
        settle_sessions(self.deferred.as_ref(), self.facts.as_ref(), caller.user_id).await?;
        let rows = self.sessions.list(caller.user_id, page, self.clock.now()).await?;
        let rows = rows
            .into_iter()
            .map(|session| ListedSession { current: session.id == caller.session_id, session })
            .collect();
        Ok(Page::cut(rows, page.limit, |row| Cursor::at(row.session.created_at, row.session.id.uuid())))
    }
}

/// Why no session was ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndSessionError {
    /// The caller has no live session of that name.
    #[error("no such session")]
    NotFound,
    /// Something could not be asked.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Ends one of the caller's sessions, also one whose row is still to be written.
pub struct EndSession {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Ends it.
    pub sessions: Arc<dyn Sessions>,
    /// Knows what is still to be written.
    pub deferred: Arc<dyn DeferredWrites>,
    /// Writes it.
    pub facts: Arc<dyn FactStore>,
    /// How long a session lives at most without being renewed.
    pub refresh_lifetime: Duration,
}

impl EndSession {
    /// Ends the session.
    ///
    /// The caller's own needs no row: its access token shows that it exists, and a row that keeps it ended is left.
    pub async fn run(&self, caller: &AccessClaims, session: SessionId) -> Result<(), EndSessionError> {
        let now = self.clock.now();
        settle_sessions(self.deferred.as_ref(), self.facts.as_ref(), caller.user_id).await?;
        if self.sessions.end(caller.user_id, session, now).await? {
            return Ok(());
        }
        if session != caller.session_id {
            return Err(EndSessionError::NotFound);
        }
        let own = SessionOrigin {
            id: session,
            user_id: caller.user_id,
            started_at: caller.issued_at,
            expires_at: now.after(self.refresh_lifetime),
        };
        Ok(self.sessions.revoke(own, now).await?)
    }
}

/// Writes the sessions of somebody that are still to be written, before sessions are read or ended. What else is pending can wait.
pub(super) async fn settle_sessions(
    deferred: &dyn DeferredWrites,
    facts: &dyn FactStore,
    user: UserId,
) -> Result<(), Unavailable> {
    let mut pending = deferred.pending(user);
    pending.retain(|fact| matches!(fact, Fact::SessionOpened { .. }));
    if pending.is_empty() { Ok(()) } else { facts.record(&pending).await }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        flows::testing::{NOW, claims, clock, device, user},
        models::Order,
        ports::{MockDeferredWrites, MockFactStore, MockSessions},
    };

    fn session(n: u8) -> Session {
        let at = NOW.after(Duration::from_secs(u64::from(n)));
        Session { id: SessionId::generate(at, [n; 10]), created_at: at, last_used_at: at, device: device() }
    }

    fn deferred(pending: Vec<Fact>) -> Arc<MockDeferredWrites> {
        let mut deferred = MockDeferredWrites::new();
        deferred.expect_pending().return_const(pending);
        Arc::new(deferred)
    }

    fn end(sessions: MockSessions) -> EndSession {
        EndSession {
            clock: clock(),
            sessions: Arc::new(sessions),
            deferred: deferred(Vec::new()),
            facts: Arc::new(MockFactStore::new()),
            refresh_lifetime: Duration::from_secs(60),
        }
    }

    #[tokio::test]
    async fn what_is_still_to_be_written_is_written_before_the_list_is_read() {
        let opened = session(3);
        let fact = Fact::SessionOpened {
            session_id: opened.id,
            user_id: user().id,
            started_at: opened.created_at,
            expires_at: opened.created_at.after(Duration::from_secs(60)),
            refresh_digest: crate::models::Digest::of(b"fake"),
            device: device(),
        };
        let signed_in = Fact::SignedIn { user_id: user().id, at: NOW };
        let mut order = mockall::Sequence::new();
        let mut facts = MockFactStore::new();
        let expected = vec![fact.clone()];
        facts
            .expect_record()
            .withf(move |facts| facts == expected)
            .times(1)
            .in_sequence(&mut order)
            .returning(|_| Ok(()));
        let mut sessions = MockSessions::new();
        sessions
            .expect_list()
            .times(1)
            .in_sequence(&mut order)
            .returning(|_, _, _| Ok(vec![session(3), session(2), session(1)]));
        let flow = ListSessions {
            clock: clock(),
            sessions: Arc::new(sessions),
            deferred: deferred(vec![fact, signed_in]),
            facts: Arc::new(facts),
        };
        let caller = AccessClaims { session_id: session(2).id, ..claims() };
        let request = PageRequest { limit: 2, after: None, order: Order::Descending };
        let page = flow.run(&caller, request).await.unwrap();
        assert_eq!(page.items.iter().map(|row| row.current).collect::<Vec<_>>(), [false, true]);
        assert_eq!(page.next, Some(Cursor::at(session(2).created_at, session(2).id.uuid())));
    }

    #[tokio::test]
    async fn another_persons_session_is_not_found() {
        let mut sessions = MockSessions::new();
        sessions.expect_end().times(1).returning(|_, _, _| Ok(false));
        let outcome = end(sessions).run(&claims(), session(9).id).await;
        assert_eq!(outcome, Err(EndSessionError::NotFound));
    }

    #[tokio::test]
    async fn the_callers_own_session_can_be_ended_without_its_row() {
        let mut sessions = MockSessions::new();
        sessions.expect_end().times(1).returning(|_, _, _| Ok(false));
        let own = claims().session_id;
        sessions.expect_revoke().withf(move |s, _| s.id == own).times(1).returning(|_, _| Ok(()));
        end(sessions).run(&claims(), own).await.unwrap();
    }
}
