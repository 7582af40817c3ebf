use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt};

use super::*;
use crate::{
    cache::ReadThrough,
    flows::testing::{NOW, idle_cache, user},
    models::{
        BuiltInModels, Capability, Catalogue, CatalogueSource, Digest, Model, ModelFilter, ModelId, Order,
        Page, PageRequest, ProviderName,
    },
    ports::{MockClock, MockModels, ModelCatalogue, Replacement, StoredCatalogue, Unavailable, Written},
};

/// Models in the order of their places.
fn catalogue(models: usize) -> Catalogue {
    let line = |n: usize| {
        format!(
            r#"{{"id":"m-{n}","provider":"p-{}","name":"M","context_window":1,"input_cents_per_mtok":0,"output_cents_per_mtok":0,
            "capabilities":[],"released_at":"2024-01-01T00:00:00.{n:06}Z","hosted":{},"enabled":{}}}"#,
            n % 2,
            n.is_multiple_of(3),
            !n.is_multiple_of(5)
        )
        .replace('\n', " ")
    };
    Catalogue::parse(&(0..models).map(line).collect::<Vec<_>>().join("\n")).unwrap()
}

fn away() -> Unavailable {
    Unavailable::new("storage", "away")
}

fn clock() -> Arc<MockClock> {
    let mut clock = MockClock::new();
    clock.expect_now().return_const(NOW);
    clock.expect_sleep().returning(|_| ());
    Arc::new(clock)
}

/// Lists a stored catalogue, and counts how often it is asked.
fn listing(stored: Catalogue) -> (MockModels, Arc<AtomicU32>) {
    let (mut models, asked) = (MockModels::new(), Arc::new(AtomicU32::new(0)));
    let counted = Arc::clone(&asked);
    models.expect_list().returning(move |filter, page| {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok(stored.filtered(filter, page))
    });
    (models, asked)
}

fn list(models: MockModels, built_in: Catalogue) -> ListModels {
    let models: Arc<MockModels> = Arc::new(models);
    ListModels {
        clock: clock(),
        models: models.clone(),
        pages: ReadThrough::new(idle_cache(), PageSource { models }),
        built_in: Arc::new(BuiltInModels::of(built_in)),
    }
}

fn page(limit: u32, order: Order) -> PageRequest {
    PageRequest { limit, after: None, order }
}

fn ids(models: &[Model]) -> Vec<&str> {
    models.iter().map(|model| model.id.as_str()).collect()
}

#[tokio::test]
async fn a_page_comes_from_storage_and_says_where_the_list_goes_on() {
    let (models, _) = listing(catalogue(5));
    let flow = list(models, catalogue(1));
    let Found { value, degraded } = flow.page(ModelFilter::default(), page(2, Order::Descending)).await;
    assert_eq!((ids(&value.items), degraded), (vec!["m-4", "m-3"], false));
    let second = PageRequest { after: value.next, ..page(3, Order::Descending) };
    let Page { items, next } = flow.page(ModelFilter::default(), second).await.value;
    assert_eq!((ids(&items), next), (vec!["m-2", "m-1", "m-0"], None));
}

#[tokio::test]
async fn while_storage_is_away_the_programs_own_catalogue_answers_and_a_walk_goes_on() {
    let (models, _) = listing(catalogue(6));
    let stored = list(models, catalogue(6));
    let filter = ModelFilter { provider: ProviderName::parse("p-0"), capability: None };
    let first = stored.page(filter.clone(), page(1, Order::Ascending)).await;
    let mut models = MockModels::new();
    models.expect_list().returning(|_, _| Err(away()));
    let flow = list(models, catalogue(6));
    let rest = PageRequest { after: first.value.next, ..page(9, Order::Ascending) };
    let Found { value, degraded } = flow.page(filter, rest).await;
    assert_eq!((ids(&value.items), value.next, degraded), (vec!["m-2", "m-4"], None, true));
    let able = ModelFilter { provider: None, capability: Capability::parse("vision") };
    assert!(flow.page(able, page(9, Order::Ascending)).await.value.items.is_empty());
}

#[tokio::test]
async fn storage_that_hangs_is_waited_for_a_moment_only() {
    let answer = asked(&*clock(), std::future::pending::<Result<(), Unavailable>>()).await;
    assert_eq!(answer.unwrap_err().detail, "no answer in time");
}

#[tokio::test]
async fn a_stream_reads_one_page_when_the_client_wants_more() {
    let (models, asked) = listing(catalogue(1_200));
    let flow = list(models, catalogue(1));
    let Found { value: mut pages, degraded } = flow.all(ModelFilter::default(), Order::Ascending).await;
    assert!(!degraded);
    let mut seen = Vec::new();
    for reads in [1, 2, 3] {
        seen.extend(pages.next().await.unwrap().unwrap());
        assert_eq!(asked.load(Ordering::SeqCst), reads);
    }
    assert!(pages.next().await.is_none());
    assert_eq!((seen.as_slice(), asked.load(Ordering::SeqCst)), (catalogue(1_200).models(), 3));
}

#[tokio::test]
async fn a_stream_whose_storage_fails_midway_breaks_off() {
    let (mut models, stored, mut calls) = (MockModels::new(), catalogue(1_200), 0);
    models.expect_list().returning(move |filter, page| {
        calls += 1;
        if calls == 2 { Err(away()) } else { Ok(stored.filtered(filter, page)) }
    });
    let flow = list(models, catalogue(1_200));
    let mut pages = flow.all(ModelFilter::default(), Order::Descending).await.value;
    assert_eq!(pages.next().await.unwrap().unwrap().len(), 500);
    assert_eq!(pages.next().await, Some(Err(away())), "and no other catalogue's lines follow");
    assert_eq!(pages.next().await, None);
}

#[tokio::test]
async fn a_stream_without_storage_is_the_programs_own_catalogue() {
    let mut models = MockModels::new();
    models.expect_list().times(1).returning(|_, _| Err(away()));
    let flow = list(models, catalogue(1_001));
    let Found { value: pages, degraded } = flow.all(ModelFilter::default(), Order::Descending).await;
    let mut streamed = pages.try_concat().await.unwrap();
    streamed.reverse();
    assert_eq!((streamed.as_slice(), degraded), (catalogue(1_001).models(), true));
}

fn show(models: MockModels) -> ShowModel {
    let source = ModelSource { models: Arc::new(models) };
    let built_in = Arc::new(BuiltInModels::of(catalogue(3)));
    ShowModel { clock: clock(), kept: ReadThrough::new(idle_cache(), source), built_in }
}

#[tokio::test]
async fn a_model_that_storage_has_not_is_not_found() {
    let mut models = MockModels::new();
    models.expect_by_id().returning(|_| Ok(None));
    let outcome = show(models).run(&ModelId::parse("m-1").unwrap()).await;
    assert_eq!(outcome, Err(ShowModelError::NotFound), "also where the program's own catalogue has one");
}

#[tokio::test]
async fn while_storage_is_away_only_a_known_model_is_shown_and_none_is_denied() {
    let asked = async |id: &str| {
        let mut models = MockModels::new();
        models.expect_by_id().returning(|_| Err(away()));
        show(models).run(&ModelId::parse(id).unwrap()).await
    };
    let Found { value, degraded } = asked("m-1").await.unwrap();
    assert_eq!((value.id.as_str(), degraded), ("m-1", true));
    assert_eq!(asked("m-9").await, Err(ShowModelError::Unavailable(away())));
}

fn usable(models: MockModels) -> UsableModels {
    let models: Arc<MockModels> = Arc::new(models);
    UsableModels {
        clock: clock(),
        models: models.clone(),
        beginnings: ReadThrough::new(idle_cache(), UserPageSource { models }),
        built_in: Arc::new(BuiltInModels::of(catalogue(20))),
    }
}

#[tokio::test]
async fn a_persons_models_are_asked_of_storage_by_their_id() {
    let (mut models, stored) = (MockModels::new(), catalogue(3));
    models
        .expect_usable()
        .withf(|id, _| *id == user().id)
        .times(1)
        .returning(move |_, page| Ok(stored.list(page, |_| true)));
    let Found { value, degraded } = usable(models).run(user().id, page(2, Order::Descending)).await;
    assert_eq!((ids(&value.items), value.next.is_some(), degraded), (vec!["m-2", "m-1"], true, false));
}

#[tokio::test]
async fn while_storage_is_away_a_person_is_shown_what_everybody_may_use() {
    let mut models = MockModels::new();
    models.expect_usable().returning(|_, _| Err(away()));
    let flow = usable(models);
    let Found { value, degraded } = flow.run(user().id, page(3, Order::Ascending)).await;
    assert_eq!((ids(&value.items), degraded), (vec!["m-3", "m-6", "m-9"], true));
    let rest = PageRequest { after: value.next, ..page(3, Order::Ascending) };
    assert_eq!(ids(&flow.run(user().id, rest).await.value.items), ["m-12", "m-18"]);
}

#[test]
fn a_block_answers_for_what_it_holds_alone() {
    let whole = catalogue(101);
    let rows = whole.list(page(100, Order::Ascending), |_| true);
    let block = ModelBlock::of(rows.clone());
    let first = block.page(page(100, Order::Ascending)).unwrap();
    assert_eq!((first.items.len(), first.next), (100, Some(rows[99].place())));
    let after =
        |n: usize, limit| PageRequest { after: Some(rows[n].place()), ..page(limit, Order::Ascending) };
    assert_eq!(block.page(after(89, 10)).unwrap().items, rows[90..100]);
    assert_eq!(block.page(after(89, 11)), None, "what follows it isn't known");
    let end = ModelBlock::of(rows[..100].to_vec());
    let last = end.page(after(89, 100)).unwrap();
    assert_eq!((last.items.len(), last.next), (10, None));
}

/// Says what is stored, and takes what it is given.
struct Shelf(Option<StoredCatalogue>);

#[async_trait]
impl ModelCatalogue for Shelf {
    async fn stored(&self) -> Result<Option<StoredCatalogue>, Unavailable> {
        Ok(self.0)
    }

    async fn replace(&self, _: &Catalogue, how: Replacement, _: Written<'_>) -> Result<bool, Unavailable> {
        assert_eq!(how.at, NOW);
        Ok(how.over_import || self.0.is_none_or(|stored| stored.source == CatalogueSource::BuiltIn))
    }
}

#[tokio::test]
async fn an_import_stays_until_an_operator_says_otherwise() {
    let ours = catalogue(2);
    let shelf = |source, digest| {
        let stored = StoredCatalogue { source, digest, stored_at: NOW };
        KeepCatalogue { clock: clock(), catalogue: Arc::new(Shelf(Some(stored))) }
    };
    let (built_in, imported) = (CatalogueSource::BuiltIn, CatalogueSource::Imported);
    let old = Digest::of(b"old");
    let empty = KeepCatalogue { clock: clock(), catalogue: Arc::new(Shelf(None)) };
    assert_eq!(empty.ensure(&ours).await, Ok(CatalogueKept::Stored));
    assert_eq!(shelf(built_in, old).ensure(&ours).await, Ok(CatalogueKept::Stored));
    assert_eq!(shelf(built_in, ours.digest()).ensure(&ours).await, Ok(CatalogueKept::Unchanged));
    assert_eq!(shelf(imported, old).ensure(&ours).await, Ok(CatalogueKept::ImportStays));
    let import = async |shelf: KeepCatalogue, source| shelf.import(&ours, source, &|_, _| ()).await;
    assert_eq!(import(shelf(imported, old), built_in).await, Ok(CatalogueKept::Stored));
    assert_eq!(import(shelf(imported, ours.digest()), imported).await, Ok(CatalogueKept::Unchanged));
    let same_from_elsewhere = import(shelf(built_in, ours.digest()), imported).await;
    assert_eq!(same_from_elsewhere, Ok(CatalogueKept::Stored), "from now on it stays");
}
