use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use super::*;
use crate::{
    flows::testing::NOW,
    models::{ProviderName, Sealed, Secret, StoredProviderKey, UserId},
    ports::{MockSealedKeys, MockSealer, OpenRefused},
};

/// A key under `old` whose ciphertext is `text`; what begins with `bad` doesn't open.
fn old(n: u8, text: &str) -> StoredProviderKey {
    StoredProviderKey {
        user_id: UserId::generate(NOW, [n; 10]),
        provider: ProviderName::parse("openai").unwrap(),
        enabled: true,
        sealed: Sealed { key_id: "old".to_owned(), bytes: text.as_bytes().to_vec() },
    }
}

fn sealer() -> Arc<MockSealer> {
    let mut sealer = MockSealer::new();
    sealer.expect_present_key().returning(|| Ok("new".to_owned()));
    sealer.expect_open().returning(|sealed, _| match String::from_utf8_lossy(&sealed.bytes) {
        text if text.starts_with("bad") => Err(OpenRefused::Tampered),
        text => Ok(Secret::new(text)),
    });
    sealer.expect_seal().returning(|secret, _| {
        Ok(Sealed { key_id: "new".to_owned(), bytes: secret.expose().as_bytes().to_vec() })
    });
    Arc::new(sealer)
}

/// Keys under `old` alone, told in these rounds.
fn keys(rounds: Vec<Vec<StoredProviderKey>>) -> MockSealedKeys {
    let mut keys = MockSealedKeys::new();
    keys.expect_next_key_id().returning(|after| {
        Ok(match after {
            "" => Some("new".to_owned()),
            "new" => Some("old".to_owned()),
            _ => None,
        })
    });
    let first: Vec<_> = rounds[0].iter().map(|key| (key.user_id, key.provider.clone())).collect();
    keys.expect_places().withf(|id, _, _| id == "old").returning(move |_, _, _| Ok(first.clone()));
    let round = AtomicU32::new(0);
    keys.expect_under().withf(|id, _, _| id == "old").returning(move |_, _, _| {
        let round = round.fetch_add(1, Ordering::Relaxed) as usize;
        Ok(rounds.get(round).cloned().unwrap_or_default())
    });
    keys
}

#[tokio::test]
async fn every_key_is_put_under_the_present_one_and_progress_is_told() {
    let mut keys = keys(vec![vec![old(1, "a"), old(2, "b")], vec![old(3, "c")]]);
    keys.expect_reseal().times(3).returning(|old, new| {
        assert_eq!((new.key_id.as_str(), &new.bytes), ("new", &old.sealed.bytes));
        Ok(true)
    });
    let mut told = Vec::new();
    let rekey = RekeyProviderKeys { keys: Arc::new(keys), sealer: sealer() };
    let report = rekey.run(|progress| told.push((progress.done, progress.total))).await.unwrap();
    assert_eq!((report.resealed, report.overtaken, report.refused), (3, 0, 0));
    assert_eq!(report.present, "new");
    // The third was stored while the first two were put over.
    assert_eq!(told, [(0, 2), (2, 2), (3, 3), (3, 3)]);
}

#[tokio::test]
async fn a_key_that_its_owner_replaced_meanwhile_is_left_and_looked_at_again() {
    let mut keys = keys(vec![vec![old(1, "a")]]);
    keys.expect_reseal().times(1).returning(|_, _| Ok(false));
    let rekey = RekeyProviderKeys { keys: Arc::new(keys), sealer: sealer() };
    let report = rekey.run(|_| ()).await.unwrap();
    assert_eq!((report.resealed, report.overtaken), (0, 1));
}

#[tokio::test]
async fn a_key_that_does_not_open_is_passed_over_told_and_counted_once() {
    let mut keys = keys(vec![vec![old(1, "bad"), old(2, "b")], vec![old(1, "bad")], vec![old(1, "bad")]]);
    keys.expect_reseal().times(1).returning(|_, _| Ok(true));
    let mut last = RekeyProgress::default();
    let rekey = RekeyProviderKeys { keys: Arc::new(keys), sealer: sealer() };
    let report = rekey.run(|progress| last = progress).await.unwrap();
    assert_eq!((report.resealed, report.refused), (1, 1));
    assert_eq!(report.named[0].user_id, old(1, "").user_id);
    assert_eq!(report.in_use, ["new", "old"]);
    assert_eq!(last, RekeyProgress { done: 2, total: 2 });
}

#[tokio::test]
async fn who_stores_without_an_end_is_not_run_after() {
    let mut keys = keys(vec![vec![old(1, "a")]; 100]);
    keys.expect_reseal().times(5).returning(|_, _| Ok(true));
    let rekey = RekeyProviderKeys { keys: Arc::new(keys), sealer: sealer() };
    assert_eq!(rekey.run(|_| ()).await.unwrap().resealed, 5);
}
