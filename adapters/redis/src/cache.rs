use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use portico_domain::{
    cache::{CacheKey, Prefix, Subject},
    ports::{Hearing, SharedAnswer, SharedCache, SharedEntry, SharedMark, SharedStatistics, Unavailable},
};
use redis::{InfoDict, aio::MultiplexedConnection};

use crate::{
    entry::{decode, encode, places, subjects},
    keeper::Keeper,
    scripts::{DELETE, GET, SET, fenced},
};

const SERVICE: &str = "shared cache";

/// The tier of the cache that servers share. See the crate's documentation for what must hold.
pub struct RedisCache {
    keeper: Arc<Keeper>,
}

impl RedisCache {
    pub(crate) const fn new(keeper: Arc<Keeper>) -> Self {
        Self { keeper }
    }
}

fn name(key: &CacheKey) -> String {
    format!("{{portico}}:{key}")
}

#[async_trait]
impl SharedCache for RedisCache {
    fn name(&self) -> &'static str {
        "redis"
    }

    async fn get(&self, key: &CacheKey) -> Result<SharedAnswer, Unavailable> {
        let link = self.keeper.link(SERVICE)?;
        let mut script = fenced(&GET, &link);
        script.key(name(key)).arg(link.since);
        let (bytes, life, number) = link.run::<(Option<Vec<u8>>, u64, u64)>(SERVICE, script).await?;
        // What this process has yet to invalidate is not there for it.
        let entry = bytes
            .and_then(|bytes| decode(&bytes))
            .filter(|entry| !self.keeper.undelivered.concerns(&entry.subjects));
        Ok(SharedAnswer { entry, mark: SharedMark { life, number } })
    }

    async fn set(
        &self,
        key: &CacheKey,
        entry: &SharedEntry,
        mark: SharedMark,
        keep_for: Duration,
    ) -> Result<bool, Unavailable> {
        let Some(subjects) = subjects(key, &entry.subjects) else { return Ok(false) };
        let link = self.keeper.link(SERVICE)?;
        let places = places(&subjects);
        let millis = keep_for.as_millis().max(1);
        let mut script = fenced(&SET, &link);
        script.key(name(key)).arg(mark.life).arg(mark.number).arg(&places);
        script.arg(millis.to_string()).arg(encode(entry, &places, mark));
        Ok(link.run::<u8>(SERVICE, script).await? == 1)
    }

    async fn delete(&self, keys: &[CacheKey], subjects: &[Subject]) -> Result<(), Unavailable> {
        let mut all: Vec<Subject> =
            keys.iter().map(CacheKey::subject).chain(subjects.iter().copied()).collect();
        all.sort_unstable();
        all.dedup();
        if all.is_empty() {
            return Ok(());
        }
        // Remembered before anything is awaited: from here on it will be delivered, whatever becomes of this future.
        let delivery = self.keeper.undelivered.begin(all);
        let link = self.keeper.link(SERVICE)?;
        let mut script = fenced(&DELETE, &link);
        for key in keys {
            script.key(name(key));
        }
        script.arg(places(delivery.subjects())).arg(&self.keeper.channel);
        link.run_then(SERVICE, script, |_: &u8| delivery.confirm()).await.map(drop)
    }

    async fn clear(&self, prefix: Prefix) -> Result<(), Unavailable> {
        self.delete(&[], &[Subject::all_of(prefix)]).await
    }

    fn hearing(&self) -> Hearing {
        self.keeper.hearing()
    }

    /// `bytes` is what the whole of Redis takes up, others' keys included.
    async fn statistics(&self) -> Result<SharedStatistics, Unavailable> {
        let link = self.keeper.link(SERVICE)?;
        let ask = |mut connection: MultiplexedConnection| async move {
            redis::cmd("INFO").arg("memory").query_async(&mut connection).await
        };
        let info: InfoDict = link.start(SERVICE, ask, |_: &InfoDict| ()).await?;
        let undelivered = u64::try_from(self.keeper.undelivered.count()).unwrap_or(u64::MAX);
        Ok(SharedStatistics { entries: None, bytes: info.get("used_memory"), undelivered })
    }
}

#[cfg(test)]
mod tests {
    use std::{
        net::{Ipv4Addr, TcpListener},
        process::{Child, Command, Stdio},
    };

    use portico_domain::{models::Timestamp, settings::LimitClasses};
    use portico_in_process::SystemClock;

    use super::*;
    use crate::{RedisAddress, RedisSettings, connect};

    /// Ends with the test, also with one that fails.
    struct Server(Child);

    impl Drop for Server {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[tokio::test]
    async fn what_this_process_has_yet_to_invalidate_is_not_there_for_it() {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let mut command = Command::new("redis-server");
        command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
        let _server = Server(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let settings = RedisSettings {
            address: RedisAddress::parse(&format!("redis://127.0.0.1:{port}")).unwrap(),
            authorities: None,
            open_when_away: LimitClasses::default(),
        };
        let redis = connect(settings, Arc::new(SystemClock), Arc::new(drop)).unwrap();
        for _ in 0..2_000 {
            if redis.cache.hearing() != Hearing::Deaf {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let key = CacheKey::of(Prefix::ApiKey, b"ada");
        let entry = SharedEntry {
            value: Some(b"1".to_vec()),
            subjects: Vec::new(),
            loaded_at: Timestamp::from_seconds(1),
            load_time: Duration::ZERO,
        };
        let mark = redis.cache.get(&key).await.unwrap().mark;
        assert!(redis.cache.set(&key, &entry, mark, Duration::from_secs(60)).await.unwrap());
        assert!(redis.cache.has(&key).await.unwrap());
        let delivery = redis.cache.keeper.undelivered.begin(vec![key.subject()]);
        assert!(!redis.cache.has(&key).await.unwrap(), "it is on its way");
        drop(delivery);
        for _ in 0..2_000 {
            if redis.cache.keeper.undelivered.count() == 0 {
                break;
            }
            assert!(!redis.cache.has(&key).await.unwrap(), "the keeper delivers it");
        }
        assert_eq!(redis.cache.keeper.undelivered.count(), 0);
        assert!(!redis.cache.has(&key).await.unwrap(), "delivered");
    }
}
