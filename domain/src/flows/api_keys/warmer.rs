use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::{StreamExt, stream};

use super::{HolderSource, Holders};
use crate::{
    cache::{Prefix, Source},
    flows::cache_operations::Warmer,
    models::{Day, Digest, KeyHolder},
    ports::{Clock, KeyLookup, SharedMark, Unavailable},
};

/// So many calls of the shared tier at once: as many as an isolate may have under way.
const AT_ONCE: usize = 6;
/// So many entries are filled before others are let go on.
const BATCH: usize = 500;

/// Warms the keys that were used most today and yesterday.
///
/// They are loaded in bulk, by one statement, after the fence's mark is taken: one that is revoked meanwhile isn't filled.
pub struct HotKeys {
    /// Tells which days.
    pub clock: Arc<dyn Clock>,
    /// Finds keys.
    pub lookup: Arc<dyn KeyLookup>,
    /// What is filled.
    pub holders: Holders,
    /// Whether the shared tier is filled as well. A mark of its is taken for each key before they are loaded, so which keys they are is asked by a statement before.
    pub share: bool,
}

impl HotKeys {
    async fn hot(&self, limit: u32) -> Result<Vec<(Digest, KeyHolder)>, Unavailable> {
        let Day(today) = Day::of(self.clock.now());
        self.lookup.most_used(Day(today.saturating_sub(1)), Day(today), limit).await
    }

    async fn begin_share(&self, limit: u32) -> Result<Vec<(Digest, SharedMark)>, Unavailable> {
        let mut marking = Vec::new();
        for (digest, _) in self.hot(limit).await? {
            marking.push(async move { Some((digest, self.holders.begin_share(&digest).await?)) });
        }
        let marks: Vec<_> = stream::iter(marking).buffer_unordered(AT_ONCE).collect().await;
        Ok(marks.into_iter().flatten().collect())
    }
}

#[async_trait]
impl Warmer for HotKeys {
    fn prefix(&self) -> Prefix {
        HolderSource::PREFIX
    }

    async fn warm(&self, limit: u32) -> Result<usize, Unavailable> {
        let marks = if self.share { self.begin_share(limit).await? } else { Vec::new() };
        let begun = self.holders.begin_fill();
        let hot = self.hot(limit).await?;
        let mut sharing = Vec::new();
        for (digest, holder) in &hot {
            if let Some((_, mark)) = marks.iter().find(|(marked, _)| marked == digest) {
                sharing.push(self.holders.share(*mark, begun, digest, holder));
            }
        }
        let kept: Vec<bool> = stream::iter(sharing).buffer_unordered(AT_ONCE).collect().await;
        let shared = kept.into_iter().filter(|kept| *kept).count();
        let mut filled = 0;
        for (at, (digest, holder)) in hot.into_iter().enumerate() {
            if at > 0 && at % BATCH == 0 {
                self.clock.sleep(Duration::ZERO).await;
            }
            if !self.holders.has(&digest, self.clock.now()) && self.holders.fill(begun, &digest, holder) {
                filled += 1;
            }
        }
        Ok(filled.max(shared))
    }
}
