//! The routes of books.

use axum::body::Body;
use http::{Method, Request};
use insta::assert_snapshot;
use portico_domain::{
    models::{ApiKeyText, Book, BookDetails, BookId, Cursor, Isbn, KeyHolder, Role, Scope, Scopes, User},
    ports::{BookAdded, BookChanged, Unavailable},
};

use crate::{
    api_keys::key,
    support::{Mocks, NOW, answer, ask, post, user},
};

pub(crate) fn book() -> BookDetails {
    let book = Book {
        id: BookId::generate(NOW, [8; 10]),
        isbn: Isbn::parse("0-306-40615-2").unwrap(),
        title: "Notes on the Engine".to_owned(),
        author: "Ada".to_owned(),
        price_cents: 1_299,
        created_at: NOW,
    };
    BookDetails { book, description: "With a table.".to_owned() }
}

pub(crate) fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

fn with(mut request: Request<Body>, name: &'static str, value: &str) -> Request<Body> {
    request.headers_mut().insert(name, value.parse().unwrap());
    request
}

fn by_admin(request: Request<Body>) -> Request<Body> {
    with(request, "authorization", "Bearer fake-admin-token")
}

pub(crate) fn by_member(request: Request<Body>) -> Request<Body> {
    with(request, "authorization", "Bearer fake-access-token")
}

fn patch(body: &'static str) -> Request<Body> {
    let mut request = post(&format!("/api/v1/books/{}", book().book.id), body);
    *request.method_mut() = Method::PATCH;
    request
}

const NEW: &str = r#"{"isbn":"0-306-40615-2","title":" Notes on the Engine ","author":"Ada","description":"With a table.","price_cents":1299}"#;

#[tokio::test]
async fn a_list_of_books_is_for_everybody_and_has_no_descriptions() {
    let mut mocks = Mocks::new();
    mocks.books.expect_list().times(1).returning(|listing| {
        assert_eq!((listing.author.as_deref(), &listing.search), (Some("Ada"), &None));
        let place = Cursor::at(NOW, book().book.id.uuid());
        Ok(vec![(book().book, place), (book().book, place)])
    });
    let listed = answer(mocks.router(), get("/api/v1/books?author=+Ada+&limit=1&order=asc")).await;
    assert_snapshot!(listed, @r#"
    200 OK
    cache-control: public, max-age=0, must-revalidate
    content-length: 273
    content-type: application/json
    cross-origin-resource-policy: same-origin
    etag: "49056d93e2c2665595938f9923450633"
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="miss"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "data": [
        {
          "author": "Ada",
          "created_at": "2026-09-21T14:13:20.123456Z",
          "id": "01a0c450-6c7b-7808-8808-080808080808",
          "isbn": "9780306406157",
          "price_cents": 1299,
          "title": "Notes on the Engine"
        }
      ],
      "has_more": true,
      "next_cursor": "AAZb_tonwkABoMRQbHt4CIgICAgICAgIM45Cs2ncDsyo-RTYivZk5A"
    }
    "#);
}

#[tokio::test]
async fn a_book_is_shown_with_its_description_and_validated_afterwards() {
    let mocks = || {
        let mut mocks = Mocks::new();
        mocks.books.expect_by_id().returning(|_| Ok(Some(book())));
        mocks
    };
    let path = format!("/api/v1/books/{}", book().book.id);
    let shown = answer(mocks().router(), get(&path)).await;
    assert_snapshot!(shown, @r#"
    200 OK
    cache-control: public, max-age=0, must-revalidate
    content-length: 205
    content-type: application/json
    cross-origin-resource-policy: same-origin
    etag: "5ad7bfdc6687739952fb2d76bbd8d2af"
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="miss"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "author": "Ada",
      "created_at": "2026-09-21T14:13:20.123456Z",
      "description": "With a table.",
      "id": "01a0c450-6c7b-7808-8808-080808080808",
      "isbn": "9780306406157",
      "price_cents": 1299,
      "title": "Notes on the Engine"
    }
    "#);
    let first = ask(mocks().router(), get(&path)).await;
    let known = with(get(&path), "if-none-match", first.headers()["etag"].to_str().unwrap());
    let again = ask(mocks().router(), known).await;
    assert_eq!(again.status(), 304);
    assert_eq!(again.headers()["cache-control"], "public, max-age=0, must-revalidate");
}

#[tokio::test]
async fn credentials_are_not_looked_at_where_everybody_may_read() {
    for (name, value) in [
        ("authorization", "Bearer fake-expired-token"),
        ("authorization", "Basic x"),
        ("x-api-key", "pk_made-up"),
        ("x-api-key", ""),
    ] {
        let mut mocks = Mocks::new();
        mocks.books.expect_by_id().times(1).returning(|_| Ok(Some(book())));
        let request = with(get(&format!("/api/v1/books/{}", book().book.id)), name, value);
        assert_eq!(ask(mocks.router(), request).await.status(), 200, "{name}: {value}");
    }
}

#[tokio::test]
async fn what_names_no_book_is_not_found_without_asking_storage() {
    for id in ["1", "not-an-id", "01890a5d-ac96-774b-bcce-b302099a805", "%00"] {
        let shown = ask(Mocks::new().router(), get(&format!("/api/v1/books/{id}"))).await;
        assert_eq!(shown.status(), 404, "{id}");
    }
}

#[tokio::test]
async fn all_faulty_parameters_are_told_at_once_and_nobody_is_asked() {
    let long = "x".repeat(10_000);
    for (query, fields) in [
        ("limit=0&order=up&author=&q=".to_owned(), &["author", "q", "limit", "order"][..]),
        (format!("q={long}&author={long}"), &["author", "q"]),
        ("author=a%00b".to_owned(), &["author"]),
        ("q=-tea".to_owned(), &["q"]),
        ("q=tea&order=asc".to_owned(), &["order"]),
        (format!("q={}", "a+".repeat(33)), &["q"]),
    ] {
        let told = answer(Mocks::new().router(), get(&format!("/api/v1/books?{query}"))).await;
        assert!(told.starts_with("422 "), "{query}: {told}");
        for field in fields {
            assert!(told.contains(&format!("\"field\": \"{field}\"")), "{query}: {field} in {told}");
        }
        assert_eq!(told.matches("\"field\"").count(), fields.len(), "{told}");
    }
}

#[tokio::test]
async fn a_cursor_goes_with_its_words_and_author() {
    let mocks = || {
        let mut mocks = Mocks::new();
        mocks.books.expect_list().returning(|_| {
            let place = Cursor { key: 5, id: book().book.id.uuid() };
            Ok(vec![(book().book, place), (book().book, place)])
        });
        mocks
    };
    let first = answer(mocks().router(), get("/api/v1/books?q=tea+cups&limit=1")).await;
    let cursor = first.split("\"next_cursor\": \"").nth(1).unwrap().split('"').next().unwrap();
    for (query, status) in [
        ("q=tea+cups", 200),
        ("q=%20tea%20%20cups!&limit=1&order=desc", 200),
        ("q=cups+tea", 400),
        ("q=%22tea+cups%22", 400),
        ("q=tea+cups&author=Ada", 400),
        ("author=tea+cups", 400),
        ("order=desc", 400),
    ] {
        let path = format!("/api/v1/books?{query}&cursor={cursor}");
        assert_eq!(ask(mocks().router(), get(&path)).await.status(), status, "{query}");
    }
}

#[tokio::test]
async fn a_book_is_added_by_an_admin_and_its_number_normalised() {
    let mut mocks = Mocks::new();
    mocks.books.expect_add().times(1).returning(|_| Ok(BookAdded::Added));
    let added = answer(mocks.router(), by_admin(post("/api/v1/books", NEW))).await;
    assert_snapshot!(added, @r#"
    201 Created
    cache-control: private, no-cache
    content-length: 205
    content-type: application/json
    cross-origin-resource-policy: same-origin
    location: /api/v1/books/01a0c450-6c7b-7707-8707-070707070707
    ratelimit-policy: "account";q=600;w=60
    ratelimit: "account";r=599;t=1
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "author": "Ada",
      "created_at": "2026-09-21T14:13:20.123456Z",
      "description": "With a table.",
      "id": "01a0c450-6c7b-7707-8707-070707070707",
      "isbn": "9780306406157",
      "price_cents": 1299,
      "title": "Notes on the Engine"
    }
    "#);
}

#[tokio::test]
async fn the_catalogue_is_written_by_admins_and_programs_of_admins_alone() {
    let id = book().book.id;
    let requests = || {
        let delete = Request::delete(format!("/api/v1/books/{id}")).body(Body::empty()).unwrap();
        // What is sent is not looked at before it is known who calls.
        [post("/api/v1/books", "{"), patch("{"), delete]
    };
    for request in requests() {
        assert_eq!(ask(Mocks::new().router(), request).await.status(), 401);
    }
    for request in requests() {
        assert_eq!(ask(Mocks::new().router(), by_member(request)).await.status(), 403);
    }
    let holder = |scope, role| KeyHolder {
        key: portico_domain::models::ApiKey { scopes: Scopes::from_iter([scope]), ..key() },
        maker: User { role, ..user() },
        superseded_until: None,
    };
    let text = ApiKeyText::generate(&[3; 64]).unwrap();
    for (scope, role, status) in [
        (Scope::CatalogWrite, Role::Admin, 204),
        (Scope::Everything, Role::Admin, 204),
        (Scope::CatalogRead, Role::Admin, 403),
        (Scope::CatalogWrite, Role::Member, 403),
        (Scope::Everything, Role::Member, 403),
    ] {
        let mut mocks = Mocks::new();
        mocks.key_lookup.expect_by_digest().returning(move |_| Ok(Some(holder(scope, role))));
        mocks.books.expect_remove().times(usize::from(status == 204)).returning(|_| Ok(true));
        let delete = Request::delete(format!("/api/v1/books/{id}")).body(Body::empty()).unwrap();
        let answered = ask(mocks.router(), with(delete, "x-api-key", text.expose())).await;
        assert_eq!(answered.status(), status, "{scope:?} of {role:?}");
    }
}

#[tokio::test]
async fn all_faulty_members_of_a_book_are_told_at_once() {
    let long = format!(
        r#"{{"isbn":"9780306406158","title":"{}","author":"{}","description":"{}","price_cents":100000001}}"#,
        "t".repeat(301),
        "a".repeat(201),
        "d".repeat(10_001)
    );
    let wrong =
        r#"{"isbn":1,"title":"\u0000","author":" ","description":"\u0007","price_cents":-1,"pages":3}"#;
    for (body, count) in [("{}", 4), (wrong, 6), (long.as_str(), 5)] {
        let told = answer(Mocks::new().router(), by_admin(post("/api/v1/books", body.to_owned()))).await;
        assert!(told.starts_with("422 "), "{told}");
        assert_eq!(told.matches("\"field\"").count(), count, "{told}");
    }
    let nulls = r#"{"isbn":null,"title":null,"author":null,"description":null,"price_cents":null}"#;
    let told = answer(Mocks::new().router(), by_admin(patch(nulls))).await;
    assert_eq!(told.matches("can be changed, not taken away").count(), 5, "{told}");
}

#[tokio::test]
async fn what_storage_says_of_a_book_is_told() {
    let mut mocks = Mocks::new();
    mocks.books.expect_add().returning(|_| Ok(BookAdded::IsbnTaken));
    let taken = answer(mocks.router(), by_admin(post("/api/v1/books", NEW))).await;
    assert_snapshot!(taken, @r#"
    409 Conflict
    cache-control: no-store
    content-length: 180
    content-type: application/problem+json
    cross-origin-resource-policy: same-origin
    ratelimit-policy: "account";q=600;w=60
    ratelimit: "account";r=599;t=1
    server-timing: total;dur=0.000, db;dur=0.000;desc="0", cache;desc="bypass"
    x-content-type-options: nosniff
    x-request-id: 01a0c450-6c7b-7707-8707-070707070707

    {
      "code": "conflict",
      "detail": "Another book has this ISBN.",
      "request_id": "01a0c450-6c7b-7707-8707-070707070707",
      "status": 409,
      "title": "Conflict",
      "type": "urn:portico:problem:conflict"
    }
    "#);
    for (changed, status) in [
        (BookChanged::Done(Box::new(book())), 200),
        (BookChanged::IsbnTaken, 409),
        (BookChanged::NotFound, 404),
    ] {
        let mut mocks = Mocks::new();
        mocks.books.expect_change().times(1).return_const(Ok(changed));
        assert_eq!(ask(mocks.router(), by_admin(patch("{}"))).await.status(), status);
    }
    let mut mocks = Mocks::new();
    mocks.books.expect_list().returning(|_| Err(Unavailable::new("storage", "away for the test")));
    assert_eq!(ask(mocks.router(), get("/api/v1/books")).await.status(), 503);
}
