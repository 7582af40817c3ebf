use std::{collections::BTreeSet, sync::Arc};

use futures_util::future::join_all;
use portico_domain::{
    models::{
        Book, BookDetails, BookId, BookListing, Cursor, Isbn, Order, PageRequest, SearchQuery, Timestamp,
    },
    ports::{BookAdded, BookChange, BookChanged},
};
use portico_tests::random;
use tokio::sync::Barrier;

use crate::{
    Case, cases,
    world::{World, at, unique},
};

pub(crate) const CASES: &[Case<World>] = cases![
    a_book_is_found_as_it_was_added,
    a_number_is_for_one_book_however_many_are_added_at_once,
    a_change_touches_what_it_names_alone,
    a_change_to_a_taken_number_changes_nothing,
    what_is_removed_is_gone_and_its_number_free,
    what_is_unknown_is_told,
    a_list_walks_each_once_in_both_orders,
    a_list_of_an_author_has_theirs_alone,
    a_walk_meets_each_once_while_books_are_added_at_the_same_moment,
    a_search_looks_into_title_author_and_description_and_the_title_counts_most,
    a_search_follows_what_is_changed_and_removed,
    a_search_and_an_author_go_together,
    a_search_of_equals_walks_each_once,
    a_search_walks_each_once_while_equals_are_added,
    a_search_goes_on_where_its_place_is_gone,
    no_typed_text_makes_a_search_fail,
    a_search_without_a_word_finds_nothing,
];

/// A number that no other book of the run has.
fn isbn() -> Isbn {
    let digits = u64::from_str_radix(&random::hex(6), 16).unwrap() % 1_000_000_000;
    (0..10).find_map(|check| Isbn::parse(&format!("979{digits:09}{check}")).ok()).unwrap()
}

/// A word that no other book of the run has.
fn word() -> String {
    format!("w{}", random::hex(8))
}

pub(super) fn book(title: &str, author: &str, created_at: Timestamp) -> BookDetails {
    let book = Book {
        id: BookId::generate(created_at, unique()),
        isbn: isbn(),
        title: title.to_owned(),
        author: author.to_owned(),
        price_cents: 1_299,
        created_at,
    };
    BookDetails { book, description: "Of \"quotes\", 100 % signs;\n\tand O'Hara \u{fc}berall.".to_owned() }
}

pub(super) async fn added(world: &World, book: BookDetails) -> BookDetails {
    assert_eq!(world.repositories.books.add(&book).await, Ok(BookAdded::Added));
    book
}

async fn a_book_is_found_as_it_was_added(world: World) {
    let books = &world.repositories.books;
    let full = added(&world, book("A \u{1f4d6} \\ of %s", "O'Hara", at(1))).await;
    assert_eq!(books.by_id(full.book.id).await, Ok(Some(full)));
    let mut bare = book("t", "a", at(2));
    bare.description = String::new();
    bare.book.price_cents = 0;
    let bare = added(&world, bare).await;
    assert_eq!(books.by_id(bare.book.id).await, Ok(Some(bare)));
    let mut dear = book("t", "a", at(2));
    dear.book.price_cents = Book::MAX_PRICE_CENTS;
    let dear = added(&world, dear).await;
    assert_eq!(books.by_id(dear.book.id).await, Ok(Some(dear)));
}

async fn a_number_is_for_one_book_however_many_are_added_at_once(world: World) {
    let barrier = Arc::new(Barrier::new(20));
    let isbn = isbn();
    let adding = (0..20).map(|_| {
        let (books, barrier) = (Arc::clone(&world.repositories.books), Arc::clone(&barrier));
        let mut book = book("racing", "Many", at(1));
        book.book.isbn = isbn.clone();
        tokio::spawn(async move {
            barrier.wait().await;
            books.add(&book).await.unwrap()
        })
    });
    let outcomes: Vec<_> = join_all(adding).await.into_iter().map(Result::unwrap).collect();
    let added = outcomes.iter().filter(|outcome| **outcome == BookAdded::Added).count();
    assert_eq!((added, outcomes.len()), (1, 20));
}

async fn a_change_touches_what_it_names_alone(world: World) {
    let books = &world.repositories.books;
    let first = added(&world, book("first", "Ada", at(1))).await;
    let unchanged = books.change(first.book.id, BookChange::default(), at(2)).await;
    assert_eq!(unchanged, Ok(BookChanged::Done(Box::new(first.clone()))));
    let change =
        BookChange { title: Some("second".to_owned()), price_cents: Some(0), ..BookChange::default() };
    let mut expected = first.clone();
    "second".clone_into(&mut expected.book.title);
    expected.book.price_cents = 0;
    let changed = books.change(first.book.id, change, at(3)).await;
    assert_eq!(changed, Ok(BookChanged::Done(Box::new(expected.clone()))));
    let change = BookChange {
        isbn: Some(isbn()),
        author: Some("Bob".to_owned()),
        description: Some(String::new()),
        ..BookChange::default()
    };
    expected.book.isbn = change.isbn.clone().unwrap();
    "Bob".clone_into(&mut expected.book.author);
    expected.description = String::new();
    let changed = books.change(first.book.id, change, at(4)).await;
    assert_eq!(changed, Ok(BookChanged::Done(Box::new(expected.clone()))));
    assert_eq!(books.by_id(first.book.id).await, Ok(Some(expected)));
}

async fn a_change_to_a_taken_number_changes_nothing(world: World) {
    let books = &world.repositories.books;
    let (first, second) =
        (added(&world, book("first", "Ada", at(1))).await, added(&world, book("second", "Ada", at(1))).await);
    let change = BookChange {
        isbn: Some(first.book.isbn.clone()),
        title: Some("taken".to_owned()),
        ..BookChange::default()
    };
    assert_eq!(books.change(second.book.id, change.clone(), at(2)).await, Ok(BookChanged::IsbnTaken));
    assert_eq!(books.by_id(second.book.id).await, Ok(Some(second)));
    let own = BookChange { title: None, ..change };
    let same = books.change(first.book.id, own, at(2)).await;
    assert_eq!(same, Ok(BookChanged::Done(Box::new(first))), "its own number is no other book's");
}

async fn what_is_removed_is_gone_and_its_number_free(world: World) {
    let books = &world.repositories.books;
    let gone = added(&world, book("gone", "Ada", at(1))).await;
    assert_eq!(books.remove(gone.book.id).await, Ok(true));
    assert_eq!(books.remove(gone.book.id).await, Ok(false));
    assert_eq!(books.by_id(gone.book.id).await, Ok(None));
    let mut again = book("again", "Ada", at(2));
    again.book.isbn = gone.book.isbn;
    added(&world, again).await;
}

async fn what_is_unknown_is_told(world: World) {
    let books = &world.repositories.books;
    let nobody = BookId::generate(at(0), unique());
    assert_eq!(books.by_id(nobody).await, Ok(None));
    assert_eq!(books.change(nobody, BookChange::default(), at(1)).await, Ok(BookChanged::NotFound));
    assert_eq!(books.remove(nobody).await, Ok(false));
}

fn listing(author: Option<&str>, search: Option<&str>, order: Order, limit: u32) -> BookListing {
    BookListing {
        author: author.map(str::to_owned),
        search: search.map(|text| SearchQuery::parse(text).unwrap()),
        page: PageRequest { limit, after: None, order },
    }
}

/// One page, and where the next begins.
async fn page(world: &World, listing: &BookListing) -> (Vec<Book>, Option<Cursor>) {
    let mut rows = world.repositories.books.list(listing).await.unwrap();
    let limit = listing.page.limit as usize;
    assert!(rows.len() <= limit + 1);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| more).map(|(_, place)| *place);
    (rows.into_iter().map(|(book, _)| book).collect(), next)
}

/// All pages.
async fn walked(world: &World, mut listing: BookListing) -> Vec<Book> {
    let mut walked = Vec::new();
    loop {
        let (books, next) = page(world, &listing).await;
        walked.extend(books);
        let Some(next) = next else { return walked };
        listing.page.after = Some(next);
    }
}

fn ids(books: &[Book]) -> Vec<BookId> {
    books.iter().map(|book| book.id).collect()
}

/// Books of one author at two moments, in rising order of moment and id.
async fn shelf(world: &World, author: &str, title: &str) -> Vec<Book> {
    let mut shelf = Vec::new();
    for n in 0..7 {
        shelf.push(added(world, book(title, author, at(1 + n / 4))).await.book);
    }
    shelf.sort_by_key(|book| (book.created_at, book.id));
    shelf
}

async fn a_list_walks_each_once_in_both_orders(world: World) {
    let world = world.fresh().await;
    let mut shelf = shelf(&world, "Ada", "of many").await;
    for limit in [1, 2, 3, 7, 8] {
        assert_eq!(walked(&world, listing(None, None, Order::Ascending, limit)).await, shelf);
        shelf.reverse();
        assert_eq!(walked(&world, listing(None, None, Order::Descending, limit)).await, shelf);
        shelf.reverse();
    }
}

async fn a_list_of_an_author_has_theirs_alone(world: World) {
    let (ada, other) = (word(), word());
    let mut expected = shelf(&world, &ada, "of Ada").await;
    shelf(&world, &other, "of another").await;
    shelf(&world, &format!("{ada} "), "of a namesake").await;
    for limit in [2, 100] {
        assert_eq!(walked(&world, listing(Some(&ada), None, Order::Ascending, limit)).await, expected);
        expected.reverse();
        assert_eq!(walked(&world, listing(Some(&ada), None, Order::Descending, limit)).await, expected);
        expected.reverse();
    }
    assert!(walked(&world, listing(Some(&ada.to_uppercase()), None, Order::Ascending, 9)).await.is_empty());
}

async fn a_walk_meets_each_once_while_books_are_added_at_the_same_moment(world: World) {
    let author = word();
    let before = shelf(&world, &author, "there before").await;
    for order in [Order::Ascending, Order::Descending] {
        let mut listing = listing(Some(&author), None, order, 2);
        let mut seen = Vec::new();
        loop {
            let (books, next) = page(&world, &listing).await;
            seen.extend(ids(&books));
            let Some(next) = next else { break };
            listing.page.after = Some(next);
            if seen.len() < 7 {
                added(&world, book("added meanwhile", &author, at(1))).await;
                added(&world, book("added meanwhile", &author, at(2))).await;
            }
        }
        let once: BTreeSet<BookId> = seen.iter().copied().collect();
        assert_eq!(once.len(), seen.len(), "seen twice");
        assert!(before.iter().all(|book| once.contains(&book.id)), "missed");
    }
}

async fn a_search_looks_into_title_author_and_description_and_the_title_counts_most(world: World) {
    let (w, v) = (word(), word());
    let mut in_description = book("Title", "Ada", at(1));
    in_description.description = format!("About {}, and more of the {v}.", w.to_uppercase());
    let in_description = added(&world, in_description).await;
    let in_author = added(&world, book("Title", &format!("Ada {w}-{v}"), at(2))).await;
    let in_title = added(&world, book(&format!("The {w}: a {v}"), "Ada", at(3))).await;
    let best_first = [in_title.book.id, in_author.book.id, in_description.book.id];
    for text in [w.clone(), w.to_uppercase(), format!("{w} {v}"), format!("\"{w}\"")] {
        let found = walked(&world, listing(None, Some(&text), Order::Descending, 2)).await;
        assert_eq!(ids(&found), best_first, "{text}");
    }
    let found =
        async |text: String| ids(&walked(&world, listing(None, Some(&text), Order::Descending, 9)).await);
    assert_eq!(
        found(format!("\"{w} {v}\"")).await,
        [in_author.book.id],
        "beside each other, a hyphen between"
    );
    assert_eq!(found(format!("{w} -more")).await, best_first[..2]);
    assert_eq!(found(format!("nothing{w} or {w} the")).await.len(), 2);
    assert!(found(w[..8].to_owned()).await.is_empty(), "words, not parts of words");
}

async fn a_search_follows_what_is_changed_and_removed(world: World) {
    let books = &world.repositories.books;
    let (old, new) = (word(), word());
    let first = added(&world, book(&old, "Ada", at(1))).await;
    let found =
        async |text: &str| ids(&walked(&world, listing(None, Some(text), Order::Descending, 9)).await);
    assert_eq!(found(&old).await, [first.book.id]);
    let change = BookChange { title: Some(new.clone()), ..BookChange::default() };
    books.change(first.book.id, change, at(2)).await.unwrap();
    assert!(found(&old).await.is_empty());
    assert_eq!(found(&new).await, [first.book.id]);
    let change = BookChange { description: Some(old.clone()), ..BookChange::default() };
    books.change(first.book.id, change, at(3)).await.unwrap();
    assert_eq!(found(&format!("{old} {new}")).await, [first.book.id]);
    books.remove(first.book.id).await.unwrap();
    assert!(found(&new).await.is_empty());
}

async fn a_search_and_an_author_go_together(world: World) {
    let (w, ada, bob) = (word(), word(), word());
    let mut expected = shelf(&world, &ada, &w).await;
    shelf(&world, &bob, &w).await;
    shelf(&world, &ada, "of other words").await;
    expected.sort_by_key(|book| std::cmp::Reverse(book.id));
    let found = walked(&world, listing(Some(&ada), Some(&w), Order::Descending, 3)).await;
    assert_eq!(ids(&found), ids(&expected), "as good as each other: the newest first");
}

async fn a_search_of_equals_walks_each_once(world: World) {
    let w = word();
    let mut expected = shelf(&world, "Ada", &format!("{w} of seven")).await;
    expected.sort_by_key(|book| std::cmp::Reverse(book.id));
    for limit in [1, 2, 3, 6, 7, 8] {
        let found = walked(&world, listing(None, Some(&w), Order::Descending, limit)).await;
        assert_eq!(found, expected, "{limit}");
    }
}

/// Each book that is added makes all of its words more common, which on `SQLite` changes how good every book is.
async fn a_search_walks_each_once_while_equals_are_added(world: World) {
    let w = word();
    let mut before = shelf(&world, "Ada", &format!("{w} of many")).await;
    before.extend(shelf(&world, &format!("Ada {w}"), "in the author").await);
    let mut listing = listing(None, Some(&w), Order::Descending, 2);
    let mut seen = Vec::new();
    for _ in 0..50 {
        let (books, next) = page(&world, &listing).await;
        seen.extend(ids(&books));
        let Some(next) = next else { break };
        listing.page.after = Some(next);
        if seen.len() < 14 {
            added(&world, book(&format!("{w} of many"), "Ada", at(1))).await;
            added(&world, book("of others", "Bob", at(1))).await;
        }
    }
    let once: BTreeSet<BookId> = seen.iter().copied().collect();
    assert_eq!(once.len(), seen.len(), "seen twice");
    assert!(before.iter().all(|book| once.contains(&book.id)), "missed");
}

async fn a_search_goes_on_where_its_place_is_gone(world: World) {
    let w = word();
    shelf(&world, "Ada", &w).await;
    let mut listing = listing(None, Some(&w), Order::Descending, 2);
    let whole = ids(&walked(&world, listing.clone()).await);
    let (_, next) = page(&world, &listing).await;
    listing.page.after = next;
    assert_eq!(world.repositories.books.remove(whole[1]).await, Ok(true));
    let rest = ids(&walked(&world, listing.clone()).await);
    if world.name() == "sqlite" {
        // How good a book is hangs on all books there: where the place was when it was seen is the best that is known of it.
        assert!(rest.iter().all(|id| whole.contains(id)), "{rest:?} of {whole:?}");
    } else {
        assert_eq!(rest, whole[2..]);
    }
    let change = BookChange { title: Some("of other words".to_owned()), ..BookChange::default() };
    world.repositories.books.change(whole[6], change, at(9)).await.unwrap();
    assert!(!ids(&walked(&world, listing).await).contains(&whole[6]));
}

async fn no_typed_text_makes_a_search_fail(world: World) {
    let long = "word ".repeat(32);
    for text in [
        "\"",
        "'",
        "a'b",
        "*",
        "a*",
        "^a",
        "a:b",
        "title:a",
        "a AND",
        "AND OR NOT",
        "NEAR(a b, 1)",
        "(",
        ")",
        "()",
        "{a}",
        "a-b",
        "--",
        "a or",
        "!a",
        "a & b",
        "a | b",
        "<->",
        "a:*",
        "\\",
        "\\\\'",
        "%",
        "\u{0}",
        "a\u{0}b",
        "\u{1f4d6}",
        "\u{202e}a",
        "ﷺ",
        "a\"b\"c",
        "$1",
        "?1",
        "; DROP TABLE books",
        "+a -b",
        &long,
    ] {
        let Ok(search) = SearchQuery::parse(text) else { continue };
        if search.finds_nothing() {
            continue;
        }
        for author in [None, Some("Ada".to_owned())] {
            let page = PageRequest { limit: 5, after: None, order: Order::Descending };
            let listing = BookListing { author, search: Some(search.clone()), page };
            let found = world.repositories.books.list(&listing).await;
            assert!(found.is_ok(), "{text:?}: {found:?}");
        }
    }
}

/// What a database takes for no word at all must not be a search for all that lacks another word.
async fn a_search_without_a_word_finds_nothing(world: World) {
    let author = format!("Author {}", word());
    shelf(&world, &author, "Tea").await;
    for text in ["² -coffee", "ⓐ -coffee", "\u{345} -coffee"] {
        let Ok(search) = SearchQuery::parse(text) else { continue };
        for author in [None, Some(author.clone())] {
            let page = PageRequest { limit: 5, after: None, order: Order::Descending };
            let listing = BookListing { author, search: Some(search.clone()), page };
            assert_eq!(world.repositories.books.list(&listing).await.unwrap(), [], "{text:?}");
        }
    }
}
