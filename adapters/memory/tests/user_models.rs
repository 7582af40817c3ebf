//! A person's list of models in a real memory: one entry for every page of it, and gone when something about the person changes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use portico_domain::{
    cache::{Cache, CacheParts, Prefix, ReadThrough, Strategies},
    flows::models::{UsableModels, UserModels, UserPageSource},
    models::{BuiltInModels, Order, PageRequest, Timestamp, UserId},
    ports::{Clock, MockBackground, MockModels, MockNotices},
};
use portico_memory::MemoryCache;

const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);

struct Still;

#[async_trait]
impl Clock for Still {
    fn now(&self) -> Timestamp {
        NOW
    }

    async fn sleep(&self, _span: Duration) {
        std::future::pending::<()>().await;
    }
}

#[tokio::test]
async fn one_entry_serves_every_page_until_the_person_is_forgotten() {
    let cache = Cache::new(CacheParts {
        clock: Arc::new(Still),
        background: Arc::new(MockBackground::new()),
        notices: Arc::new(MockNotices::new()),
        local: Arc::new(MemoryCache::new(1 << 20, [7; 32])),
        shared: None,
        fence: Arc::default(),
        strategies: Strategies::new(Prefix::ALL.map(Prefix::policy)),
        single_flight: true,
    });
    let asked = Arc::new(AtomicU32::new(0));
    let (mut models, counted) = (MockModels::new(), Arc::clone(&asked));
    models.expect_usable().returning(move |_, page| {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok(BuiltInModels::own().get().list(page, |model| model.hosted))
    });
    let models: Arc<MockModels> = Arc::new(models);
    let flow = UsableModels {
        clock: Arc::new(Still),
        models: models.clone(),
        beginnings: ReadThrough::new(Arc::clone(&cache), UserPageSource { models }),
        built_in: Arc::new(BuiltInModels::own()),
    };
    let user_models = UserModels { cache };
    let [ada, bob] = [1, 2].map(|n| UserId::generate(NOW, [n; 10]));
    let walk = async |user: UserId, limit| {
        let (mut after, mut seen) = (None, 0);
        loop {
            let page = flow.run(user, PageRequest { limit, after, order: Order::Descending }).await.value;
            seen += page.items.len();
            after = page.next;
            if after.is_none() {
                return seen;
            }
        }
    };
    let whole = walk(ada, 100).await;
    for limit in [1, 3, 50] {
        assert_eq!(walk(ada, limit).await, whole);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    walk(bob, 5).await;
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    user_models.forget(ada).await;
    walk(bob, 5).await;
    assert_eq!(asked.load(Ordering::SeqCst), 2, "another person's list stays");
    walk(ada, 5).await;
    assert_eq!(asked.load(Ordering::SeqCst), 3, "what was forgotten is asked for again");
}
