//! What each proof begins with: servers on a database of their own, an admin, and keys.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use portico_domain::models::{ApiKeyId, ApiKeyText, Digest, Timestamp};
use serde_json::{Value, json};

use super::ledger::{Key, Ledger};
use super::line::{Line, Reply};
use crate::harness::native::{ADMIN_EMAIL, ADMIN_PASSWORD, make_admin, migrate};
use crate::harness::paths;
use crate::harness::postgres::{Database, Postgres};
use crate::harness::redis::{Persistence, Redis};
use crate::harness::servers::{Deployment, Servers};
use crate::harness::way::Way;
use crate::random;

/// Where keys are managed.
pub const KEYS: &str = "/api/v1/api-keys";

/// What a scene is made of.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Its name, in logs.
    pub name: &'static str,
    /// How many servers.
    pub servers: usize,
    /// The Redis that they share, if any.
    pub redis: Option<Persistence>,
    /// Whether the database is reached by a way that can be cut.
    pub way: bool,
    /// Whether each server reaches Redis by a way of its own that can be cut.
    pub redis_ways: bool,
    /// Further settings of the servers.
    pub settings: Vec<(&'static str, &'static str)>,
}

/// Owns what a proof needs.
pub struct Scene {
    /// The servers.
    pub servers: Servers,
    /// Their Redis.
    pub redis: Option<Redis>,
    /// The way to their database.
    pub way: Option<Way>,
    /// The way of each server to Redis.
    pub redis_ways: Vec<Way>,
    /// What is known of keys.
    pub ledger: Ledger,
    /// Their database.
    pub database: Database,
    admin: Admin,
}

#[derive(Clone, Debug)]
struct Admin {
    token: String,
    id: String,
    organization: String,
}

impl Scene {
    /// Sets it up.
    pub async fn set(postgres: &Postgres, plan: Plan) -> anyhow::Result<Self> {
        let database = postgres.create_database("servers").await?;
        migrate(&database).await?;
        let scratch = paths::target().join("test-data").join(random::hex(6));
        std::fs::create_dir_all(&scratch)?;
        let made = make_admin(Some(&database.url), &scratch).await;
        // Scratch lies below the build folder; what can't be removed hurts nobody.
        let _ = std::fs::remove_dir_all(&scratch);
        made?;
        let redis = match plan.redis {
            Some(persistence) => Some(Redis::own(persistence).await?),
            None => None,
        };
        let way = if plan.way { Some(Way::to(&database.url, 5432).await?) } else { None };
        let mut redis_ways = Vec::new();
        let mut redis_urls: Vec<_> = redis.iter().map(|redis| redis.url().clone()).collect();
        if plan.redis_ways {
            let url = redis_urls.pop().context("ways to Redis need a Redis")?;
            for _ in 0..plan.servers {
                let way = Way::to(&url, 6379).await?;
                redis_urls.push(way.along(&url)?);
                redis_ways.push(way);
            }
        }
        let deployment = Deployment {
            name: format!("servers-{}", plan.name),
            database: way.as_ref().map_or(Ok(database.url.clone()), |way| way.along(&database.url))?,
            redis: redis_urls,
            settings: plan.settings.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        };
        let servers = Servers::start(deployment, plan.servers).await?;
        let admin = sign_in(&mut Line::to(servers.address(0)?).await?).await?;
        Ok(Self { servers, redis, way, redis_ways, ledger: Ledger::default(), database, admin })
    }

    /// Gives the Redis that its plan asked for.
    pub fn redis(&mut self) -> anyhow::Result<&mut Redis> {
        self.redis.as_mut().context("this scene has a Redis")
    }

    /// Connects to one of the servers.
    pub async fn line(&self, server: usize) -> anyhow::Result<Line> {
        Line::to(self.servers.address(server)?).await
    }

    /// Connects to each of the servers.
    pub async fn lines(&self) -> anyhow::Result<Vec<Line>> {
        let mut lines = Vec::new();
        for server in 0..self.servers.count() {
            lines.push(self.line(server).await?);
        }
        Ok(lines)
    }

    /// Gives what somebody who manages keys needs, to be taken along into tasks.
    #[must_use]
    pub fn manager(&self) -> Manager {
        Manager { token: self.admin.token.clone(), ledger: self.ledger }
    }

    /// Puts keys straight into the database, as if the admin had made them: thousands in a moment.
    pub async fn insert_keys(&self, count: usize) -> anyhow::Result<Vec<Arc<Key>>> {
        let mut connection = self.database.connect().await?;
        let mut keys = Vec::with_capacity(count);
        let now = Timestamp::parse("2026-01-01T00:00:00Z").context("a moment")?;
        while keys.len() < count {
            let (mut ids, mut prefixes, mut digests) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..(count - keys.len()).min(5_000) {
                let mut noise = [0; 74];
                getrandom::fill(&mut noise)?;
                let (id, text) = noise.split_at(10);
                let text = ApiKeyText::generate(text).context("enough random bytes")?;
                let id = ApiKeyId::generate(now, id.try_into()?).to_string();
                prefixes.push(text.shown().to_owned());
                digests.push(hexadecimal(text.digest()));
                keys.push(Key::new(text.expose().to_owned(), id.clone()));
                ids.push(id);
            }
            let array = |items: Vec<String>| Some(format!("{{{}}}", items.join(",")));
            let parameters = [
                array(ids),
                Some(self.admin.organization.clone()),
                Some(self.admin.id.clone()),
                array(prefixes),
                array(digests),
            ];
            connection
                .run(
                    "INSERT INTO api_keys (id, organization_id, made_by, name, prefix, digest, scopes, created_at) \
                     SELECT id, $2::uuid, $3::uuid, 'made in bulk', prefix, decode(digest, 'hex'), 'messages:read', now() \
                     FROM unnest($1::uuid[], $4::text[], $5::text[]) AS made (id, prefix, digest)",
                    &parameters,
                )
                .await
                .map_err(|fault| anyhow::anyhow!("inserting keys: {fault:?}"))?;
        }
        Ok(keys)
    }

    /// Ends everything and drops the database.
    pub async fn end(mut self, postgres: &Postgres) -> anyhow::Result<()> {
        ensure!(self.servers.run(), "a server has ended by itself");
        drop(self.servers);
        postgres.drop_database(&self.database).await
    }
}

fn hexadecimal(digest: Digest) -> String {
    use std::fmt::Write as _;

    digest.0.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

async fn sign_in(line: &mut Line) -> anyhow::Result<Admin> {
    let body = json!({ "email": ADMIN_EMAIL, "password": ADMIN_PASSWORD });
    let answer = line.ask("POST", "/api/v1/auth/login", &[], Some(&body)).await?.is(200)?.json()?;
    let text = |value: &Value| value.as_str().map(str::to_owned).context("a token answer");
    Ok(Admin {
        token: text(&answer["access_token"])?,
        id: text(&answer["user"]["id"])?,
        organization: text(&answer["user"]["organization_id"])?,
    })
}

/// Manages keys as the admin.
#[derive(Clone, Debug)]
pub struct Manager {
    token: String,
    ledger: Ledger,
}

impl Manager {
    /// Asks as the admin.
    pub async fn ask(
        &self,
        line: &mut Line,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Reply> {
        line.ask_as(&self.token, method, path, body).await
    }

    /// Makes a key.
    pub async fn make(&self, line: &mut Line, body: &Value) -> anyhow::Result<Arc<Key>> {
        let made = self.ask(line, "POST", KEYS, Some(body)).await?.is(201)?.json()?;
        let text = |name: &str| made[name].as_str().map(str::to_owned).context("a made key");
        Ok(Key::new(text("key")?, text("id")?))
    }

    /// Revokes a key on the server at the other end of the line, and says how long the answer took.
    pub async fn revoke(&self, line: &mut Line, server: usize, key: &Key) -> anyhow::Result<Duration> {
        let start = std::time::Instant::now();
        self.ledger.begin(key, server);
        self.ask(line, "DELETE", &format!("{KEYS}/{}", key.id), None).await?.is(204)?;
        self.ledger.answered(key);
        Ok(start.elapsed())
    }
}

/// Asks with a key until it is answered from the memory of the server at the other end: for no statement, and as a hit.
pub async fn warm(line: &mut Line, key: &Key) -> anyhow::Result<()> {
    let mut told = String::new();
    for _ in 0..20 {
        let reply = line.me(&key.text).await?.is(200)?;
        let timing = reply.timing()?;
        if timing.cache == "hit" && timing.statements == 0 {
            return Ok(());
        }
        told = format!("{timing:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    anyhow::bail!("a key that was asked twenty times is not answered from memory: {told}")
}
