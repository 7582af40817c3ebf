//! What the ports promise of sessions, said once more without SQL: the oracle of the interleaving test.

use std::collections::{BTreeMap, BTreeSet};

use portico_domain::{
    models::{Digest, PasswordHash, SessionId, SessionOrigin, Timestamp},
    ports::{PasswordChange, PasswordChanged, Rotate, Rotation},
};

use crate::world::{Opened, World, digest, hash};

/// One call of a port.
#[derive(Clone)]
pub(crate) enum Step {
    Record(Opened),
    Rotate(Rotate),
    Revoke(SessionOrigin, Timestamp),
    End(SessionOrigin, Timestamp),
    EndAll(Timestamp),
    Change(PasswordChange),
}

impl std::fmt::Debug for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Record(opened) => write!(f, "record {}", opened.id()),
            Self::Rotate(rotate) => {
                let (session, generation) = (rotate.presented.session.id, rotate.presented.generation);
                write!(f, "rotate {session}/{generation} at {}", rotate.now)
            }
            Self::Revoke(session, at) => write!(f, "revoke {} at {at}", session.id),
            Self::End(session, at) => write!(f, "end {} at {at}", session.id),
            Self::EndAll(at) => write!(f, "end all at {at}"),
            Self::Change(change) => {
                write!(f, "change keeping {:?} at {}", change.keep.map(|session| session.id), change.at)
            }
        }
    }
}

/// What a step told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    Nothing,
    Rotated,
    Replayed(Timestamp),
    Reused,
    Unknown,
    Ended(bool),
    Changed(PasswordChanged),
}

/// What can be seen afterwards.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) live: BTreeSet<SessionId>,
    pub(crate) hash: PasswordHash,
}

#[derive(Debug, Clone)]
struct Row {
    origin: SessionOrigin,
    generation: u32,
    present: Option<Digest>,
    previous: Option<Digest>,
    rotated_at: Timestamp,
    expires_at: Timestamp,
    over: Option<Over>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    Ended,
    Reused,
}

/// One person's sessions.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    hash: PasswordHash,
    ended_until: Option<Timestamp>,
    rows: BTreeMap<SessionId, Row>,
}

impl Model {
    pub(crate) fn new() -> Self {
        Self { hash: hash("first"), ended_until: None, rows: BTreeMap::new() }
    }

    fn open(&mut self, origin: SessionOrigin) -> &mut Row {
        let dead = self.ended_until.is_some_and(|until| until >= origin.started_at);
        self.rows.entry(origin.id).or_insert(Row {
            origin,
            generation: 0,
            present: None,
            previous: None,
            rotated_at: origin.started_at,
            expires_at: origin.expires_at,
            over: dead.then_some(Over::Ended),
        })
    }

    fn end_started_until(&mut self, at: Timestamp, keep: Option<SessionId>) {
        self.ended_until = self.ended_until.max(Some(at));
        for row in self.rows.values_mut() {
            if row.over.is_none() && row.origin.started_at <= at && Some(row.origin.id) != keep {
                row.over = Some(Over::Ended);
            }
        }
    }

    pub(crate) fn take(&mut self, step: &Step) -> Told {
        match step {
            Step::Record(opened) => {
                let row = self.open(opened.0.session);
                if row.generation == 0 && row.present.is_none() {
                    row.present = Some(digest(&opened.0));
                }
                Told::Nothing
            }
            Step::Rotate(rotate) => self.rotate(rotate),
            Step::Revoke(origin, _) => {
                let row = self.open(*origin);
                row.over = row.over.or(Some(Over::Ended));
                Told::Nothing
            }
            Step::End(origin, at) => {
                let row =
                    self.rows.get_mut(&origin.id).filter(|row| row.over.is_none() && row.expires_at > *at);
                Told::Ended(row.map(|row| row.over = Some(Over::Ended)).is_some())
            }
            Step::EndAll(at) => {
                self.end_started_until(*at, None);
                Told::Nothing
            }
            Step::Change(change) => {
                if self.hash != change.from {
                    return Told::Changed(PasswordChanged::Superseded);
                }
                let alive =
                    |origin: &SessionOrigin| self.ended_until.is_none_or(|until| until < origin.started_at);
                if let Some(origin) = change.keep.filter(alive) {
                    self.open(origin);
                }
                self.hash = change.to.clone();
                self.end_started_until(change.at, change.keep.map(|origin| origin.id));
                Told::Changed(PasswordChanged::Done)
            }
        }
    }

    fn rotate(&mut self, rotate: &Rotate) -> Told {
        let token = rotate.presented;
        if token.generation > 0 && !self.rows.contains_key(&token.session.id) {
            return Told::Unknown;
        }
        let row = self.open(token.session);
        let previous_matches = row.previous == Some(rotate.presented_digest);
        let follows = row.generation == token.generation + 1;
        if follows && !previous_matches {
            return Told::Unknown;
        }
        match row.over {
            Some(Over::Reused) if row.generation > token.generation => return Told::Reused,
            Some(_) => return Told::Unknown,
            None if row.expires_at <= rotate.now => return Told::Unknown,
            None => {}
        }
        if row.generation == token.generation {
            if row.present.is_some_and(|present| present != rotate.presented_digest) {
                return Told::Unknown;
            }
            row.generation += 1;
            row.previous = Some(rotate.presented_digest);
            row.present = Some(rotate.successor_digest);
            row.rotated_at = rotate.now;
            row.expires_at = row.expires_at.max(rotate.successor_expires_at);
            return Told::Rotated;
        }
        if row.generation < token.generation {
            return Told::Unknown;
        }
        if follows && rotate.now < row.rotated_at.after(rotate.grace) {
            return Told::Replayed(row.rotated_at);
        }
        row.over = Some(Over::Reused);
        Told::Reused
    }

    pub(crate) fn seen(&self, now: Timestamp) -> Seen {
        let live = self.rows.values().filter(|row| row.over.is_none() && row.expires_at > now);
        Seen { live: live.map(|row| row.origin.id).collect(), hash: self.hash.clone() }
    }
}

/// Takes the step in the database.
pub(crate) async fn take(world: &World, step: Step, user: portico_domain::models::UserId) -> Told {
    let sessions = &world.repositories.sessions;
    match step {
        Step::Record(opened) => {
            world.repositories.facts.record(&[opened.fact()]).await.unwrap();
            Told::Nothing
        }
        Step::Rotate(rotate) => match sessions.rotate(rotate).await.unwrap() {
            Rotation::Rotated { .. } => Told::Rotated,
            Rotation::Replayed { rotated_at, .. } => Told::Replayed(rotated_at),
            Rotation::Reused => Told::Reused,
            Rotation::Unknown => Told::Unknown,
        },
        Step::Revoke(origin, at) => {
            sessions.revoke(origin, at).await.unwrap();
            Told::Nothing
        }
        Step::End(origin, at) => Told::Ended(sessions.end(user, origin.id, at).await.unwrap()),
        Step::EndAll(at) => {
            sessions.end_all(user, at).await.unwrap();
            Told::Nothing
        }
        Step::Change(change) => {
            Told::Changed(world.repositories.accounts.change_password(change).await.unwrap())
        }
    }
}
