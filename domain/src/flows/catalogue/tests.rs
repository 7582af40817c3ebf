use std::sync::{Arc, Mutex};

use super::*;
use crate::{
    cache::{Cache, CacheParts, Fence, Prefix, ReadThrough, Source, Strategies, Subject},
    flows::testing::{NOW, claims, clock, entropy, idle_cache},
    models::{
        Book, BookDetails, BookId, BookListing, Cursor, Isbn, NewOrder, Order, OrderId, OrderItem, OrderLine,
        OrderedBook, PageRequest, PlacedOrder, SearchQuery,
    },
    ports::{
        BookAdded, BookChange, BookChanged, MockBackground, MockBooks, MockLocalCache, MockNotices,
        MockOrders, OrderPlacing,
    },
};

fn book(n: u8) -> BookDetails {
    let book = Book {
        id: BookId::generate(NOW, [n; 10]),
        isbn: Isbn::parse("9780306406157").unwrap(),
        title: format!("Book {n}"),
        author: "Ada".to_owned(),
        price_cents: 1_299,
        created_at: NOW,
    };
    BookDetails { book, description: "About it.".to_owned() }
}

fn listing(author: Option<&str>, search: Option<&str>, after: Option<Cursor>) -> BookListing {
    BookListing {
        author: author.map(str::to_owned),
        search: search.map(|text| SearchQuery::parse(text).unwrap()),
        page: PageRequest { limit: 2, after, order: Order::Descending },
    }
}

fn reading(books: MockBooks) -> ReadBooks {
    let books: Arc<dyn crate::ports::Books> = Arc::new(books);
    ReadBooks {
        pages: ReadThrough::new(idle_cache(), PageSource { books: Arc::clone(&books) }),
        single: ReadThrough::new(idle_cache(), BookSource { books }),
    }
}

/// Tells what the fence thinks of what was read before a write.
struct Watched {
    writes: BookWrites,
    fence: Arc<Fence>,
}

impl Watched {
    fn over(books: MockBooks) -> Self {
        let fence = Arc::new(Fence::default());
        let mut local = MockLocalCache::new();
        local.expect_delete().returning(|_| ());
        let cache = Cache::new(CacheParts {
            clock: clock(),
            background: Arc::new(MockBackground::new()),
            notices: Arc::new(MockNotices::new()),
            local: Arc::new(local),
            shared: None,
            fence: Arc::clone(&fence),
            strategies: Strategies::default(),
            single_flight: false,
        });
        let writes =
            BookWrites { books: Arc::new(books), cache, background: Arc::new(MockBackground::new()) };
        Self { writes, fence }
    }

    /// Whether what was read before `write` may be used after it.
    async fn survives<T>(&self, write: impl Future<Output = T>) -> bool {
        let before = self.fence.mark();
        write.await;
        self.fence.admits(before, &[Subject::all_of(Prefix::Books)])
    }
}

#[tokio::test]
async fn a_page_is_cut_where_there_is_more_and_says_where_it_goes_on() {
    let mut books = MockBooks::new();
    books.expect_list().times(2).returning(|listing| {
        let row = |n: u8| (book(n).book, Cursor { key: i64::from(n), id: book(n).book.id.uuid() });
        Ok(if listing.page.after.is_none() { vec![row(3), row(2), row(1)] } else { vec![row(1)] })
    });
    let reading = reading(books);
    let first = reading.list(&listing(None, Some("tea"), None)).await.unwrap();
    assert_eq!(first.books, [book(3).book, book(2).book]);
    let place = Cursor { key: 2, id: book(2).book.id.uuid() };
    assert_eq!(first.next(), Some(place));
    let kept: BookPage = serde_json::from_str(&serde_json::to_string(&*first).unwrap()).unwrap();
    assert_eq!(kept, *first, "as the shared tier keeps it");
    let last = reading.list(&listing(None, Some("tea"), Some(place))).await.unwrap();
    assert_eq!((last.books.len(), last.next()), (1, None));
}

#[tokio::test]
async fn a_search_without_a_word_finds_nothing_and_asks_nobody() {
    let page = reading(MockBooks::new()).list(&listing(None, Some("***"), None)).await.unwrap();
    assert_eq!((page.books.len(), page.next()), (0, None));
}

#[tokio::test]
async fn an_unknown_book_is_not_found_and_a_known_one_is_kept_with_its_description() {
    let mut books = MockBooks::new();
    books.expect_by_id().returning(|id| Ok((id == book(1).book.id).then(|| book(1))));
    let reading = reading(books);
    assert_eq!(reading.one(book(2).book.id).await, Err(BookError::NotFound));
    let found = reading.one(book(1).book.id).await.unwrap();
    let kept: BookDetails = serde_json::from_str(&serde_json::to_string(&*found).unwrap()).unwrap();
    assert_eq!(kept, book(1), "as the shared tier keeps it");
}

#[test]
fn entries_are_named_by_all_that_varies_them_and_by_what_is_meant() {
    let pages = PageSource { books: Arc::new(MockBooks::new()) };
    let place = |key| Some(Cursor { key, id: book(1).book.id.uuid() });
    let mut many = vec![
        listing(None, None, None),
        listing(Some("Ada"), None, None),
        listing(None, Some("Ada"), None),
        listing(Some("Ada"), Some("Ada"), None),
        listing(Some("Ada\" Some(\"x"), None, None),
        listing(None, Some("tea coffee"), None),
        listing(None, Some("\"tea coffee\""), None),
        listing(None, None, place(1)),
        listing(None, None, place(2)),
    ];
    let mut other = listing(None, None, None);
    other.page.limit = 3;
    many.push(other.clone());
    other.page.order = Order::Ascending;
    many.push(other);
    let keys: std::collections::HashSet<_> = many.iter().map(|listing| pages.key(listing)).collect();
    assert_eq!(keys.len(), many.len());
    let spaced = listing(None, Some("  tea \t coffee! "), None);
    assert_eq!(pages.key(&spaced), pages.key(&listing(None, Some("tea coffee"), None)));
}

#[test]
fn what_can_be_asked_in_endless_ways_is_not_kept_where_servers_share() {
    let pages = PageSource { books: Arc::new(MockBooks::new()) };
    let place = Cursor { key: 1, id: book(1).book.id.uuid() };
    assert!(pages.is_shared(&listing(None, None, None)));
    for endless in
        [listing(Some("Ada"), None, None), listing(None, Some("tea"), None), listing(None, None, Some(place))]
    {
        assert!(!pages.is_shared(&endless), "{endless:?}");
    }
}

#[tokio::test]
async fn a_book_is_added_as_it_is_answered() {
    let mut books = MockBooks::new();
    let stored = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&stored);
    books.expect_add().times(1).returning(move |book| {
        *seen.lock().unwrap() = Some(book.clone());
        Ok(BookAdded::Added)
    });
    let watched = Watched::over(books);
    let add = AddBook { clock: clock(), entropy: entropy(), writes: watched.writes.clone() };
    let BookDetails { book, description } = book(7);
    let request = AddBookRequest {
        isbn: book.isbn.clone(),
        title: book.title.clone(),
        author: book.author.clone(),
        description: description.clone(),
        price_cents: book.price_cents,
    };
    let added = add.run(request).await.unwrap();
    assert_eq!(added, BookDetails { book, description });
    assert_eq!(stored.lock().unwrap().take(), Some(added));
}

#[tokio::test]
async fn each_write_drops_what_was_read_before_and_a_refused_one_nothing() {
    let mut books = MockBooks::new();
    books.expect_add().return_const(Ok(BookAdded::Added));
    books.expect_change().returning(|_, _, _| Ok(BookChanged::Done(Box::new(book(1)))));
    books.expect_remove().return_const(Ok(true));
    let watched = Watched::over(books);
    let (writes, id) = (&watched.writes, book(1).book.id);
    assert!(!watched.survives(writes.add(book(1))).await);
    assert!(!watched.survives(writes.change(id, BookChange::default(), NOW)).await);
    assert!(!watched.survives(writes.remove(id)).await);

    let mut books = MockBooks::new();
    books.expect_add().return_const(Ok(BookAdded::IsbnTaken));
    books.expect_change().returning(|_, _, _| Ok(BookChanged::NotFound));
    books.expect_remove().return_const(Ok(false));
    let watched = Watched::over(books);
    let writes = &watched.writes;
    assert!(watched.survives(writes.add(book(1))).await);
    assert!(watched.survives(writes.change(id, BookChange::default(), NOW)).await);
    assert!(watched.survives(writes.remove(id)).await);
}

#[tokio::test]
async fn a_write_of_which_nothing_is_known_drops_too() {
    let mut books = MockBooks::new();
    books.expect_remove().return_const(Err(Unavailable::new("storage", "away for the test")));
    let watched = Watched::over(books);
    assert!(!watched.survives(watched.writes.remove(book(1).book.id)).await);
}

#[tokio::test]
async fn what_storage_refuses_is_told() {
    let mut books = MockBooks::new();
    books.expect_add().return_const(Ok(BookAdded::IsbnTaken));
    books.expect_change().times(1).return_const(Ok(BookChanged::IsbnTaken));
    books.expect_change().return_const(Ok(BookChanged::NotFound));
    books.expect_remove().return_const(Ok(false));
    let writes = Watched::over(books).writes;
    let BookDetails { book, description } = book(1);
    let Book { id, isbn, title, author, price_cents, .. } = book;
    let request = AddBookRequest { isbn, title, author, description, price_cents };
    let add = AddBook { clock: clock(), entropy: entropy(), writes: writes.clone() };
    assert_eq!(add.run(request).await, Err(BookError::IsbnTaken));
    let change = ChangeBook { clock: clock(), writes: writes.clone() };
    assert_eq!(change.run(id, BookChange::default()).await, Err(BookError::IsbnTaken));
    assert_eq!(change.run(id, BookChange::default()).await, Err(BookError::NotFound));
    assert_eq!(RemoveBook { writes }.run(id).await, Err(BookError::NotFound));
}

fn placed(new: &NewOrder) -> PlacedOrder {
    let Book { id, title, author, .. } = book(1).book;
    let book = OrderedBook { id, title, author };
    PlacedOrder {
        id: new.id,
        created_at: new.created_at,
        item_count: 1,
        total_quantity: 2,
        total_cents: 2_598,
        items: vec![OrderItem { quantity: 2, unit_price_cents: 1_299, book }],
    }
}

fn lines() -> Vec<OrderLine> {
    vec![OrderLine { book_id: book(1).book.id, quantity: 2 }]
}

#[tokio::test]
async fn an_order_is_the_callers_and_answered_as_it_was_placed() {
    let mut orders = MockOrders::new();
    orders
        .expect_place()
        .withf(|new| new.user_id == claims().user_id && new.lines == lines() && new.created_at == NOW)
        .times(1)
        .returning(|new| Ok(OrderPlacing::Placed(placed(new))));
    let place = PlaceOrder { clock: clock(), entropy: entropy(), orders: Arc::new(orders) };
    let order = place.run(&claims(), lines()).await.unwrap();
    assert_eq!((order.id, order.total_cents), (OrderId::generate(NOW, [7; 10]), 2_598));
}

#[tokio::test]
async fn every_unknown_book_is_named_by_its_place() {
    let mut orders = MockOrders::new();
    orders.expect_place().times(1).returning(|_| Ok(OrderPlacing::UnknownBooks(vec![0, 7])));
    let place = PlaceOrder { clock: clock(), entropy: entropy(), orders: Arc::new(orders) };
    let Err(PlaceOrderError::UnknownBooks(faults)) = place.run(&claims(), lines()).await else {
        panic!("was placed");
    };
    let fields: Vec<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(fields, ["items[0].book_id", "items[7].book_id"]);
}

#[tokio::test]
async fn orders_are_asked_for_by_whose_they_are() {
    let mut orders = MockOrders::new();
    let own = claims().user_id;
    orders.expect_by_id().withf(move |user, _| *user == own).returning(|_, _| Ok(None));
    orders.expect_list().withf(move |user, _| *user == own).returning(|_, _| Ok(Vec::new()));
    let list = ListOrders { orders: Arc::new(orders) };
    let id = OrderId::generate(NOW, [1; 10]);
    assert_eq!(list.one(&claims(), id).await, Err(OrderError::NotFound));
    let page = PageRequest { limit: 2, after: None, order: Order::Ascending };
    assert!(list.run(&claims(), page).await.unwrap().items.is_empty());
}
