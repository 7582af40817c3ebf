//! The requests of a scenario.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::json;
use tokio::time::sleep;
use url::Url;

use super::{
    Scenario, Setup, Targets,
    cast::{CHATS, Cast, KEYS, Needs, PASSWORD, Person},
    words,
};
use crate::{
    client::Client,
    load::{Request, Source, scattered},
};

/// One kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask {
    Health,
    Login,
    Me,
    Send,
    Chats,
    Messages,
    Chat,
    Books,
    Book,
    Author,
    Search,
    Orders,
    PlaceOrder,
    UserModels,
    Models,
}

impl Ask {
    /// As `tests/load/thresholds.json` calls it.
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "health" => Self::Health,
            "login" => Self::Login,
            "me" => Self::Me,
            "send" => Self::Send,
            "chats" => Self::Chats,
            "messages" => Self::Messages,
            "chat" => Self::Chat,
            "books" => Self::Books,
            "book" => Self::Book,
            "author" => Self::Author,
            "search" => Self::Search,
            "orders" => Self::Orders,
            "place_order" => Self::PlaceOrder,
            "user_models" => Self::UserModels,
            "models" => Self::Models,
            _ => return None,
        })
    }
}

/// The requests of a scenario, each with how many of a thousand it is.
fn parts(scenario: Scenario) -> Vec<(Ask, u64)> {
    let asks = Targets::of(scenario).asks;
    asks.iter().filter_map(|(name, weight)| Some((Ask::parse(name)?, *weight))).collect()
}

/// What people must have for that to be asked.
fn needs(parts: &[(Ask, u64)]) -> Needs {
    let asks = |wanted: &[Ask]| parts.iter().any(|(ask, _)| wanted.contains(ask));
    let chats = asks(&[Ask::Chats, Ask::Messages, Ask::Chat]);
    let keys = chats || asks(&[Ask::Me, Ask::Send]);
    let bearers = asks(&[Ask::Login, Ask::Orders, Ask::PlaceOrder, Ask::UserModels, Ask::Models]);
    let books = asks(&[Ask::Books, Ask::Book, Ask::Author, Ask::Search, Ask::PlaceOrder]);
    let or_none = |needed, count| if needed { count } else { 0 };
    Needs { people: keys || bearers, keys: or_none(keys, KEYS), chats: or_none(chats, CHATS), books }
}

/// A scenario with everybody it needs.
pub(super) struct Play {
    parts: Vec<(Ask, u64)>,
    cast: Cast,
}

impl Play {
    pub(super) async fn prepare(scenario: Scenario, url: &Url, setup: &Setup) -> anyhow::Result<Arc<Self>> {
        let parts = parts(scenario);
        let cast = Cast::assemble(url, setup, needs(&parts)).await?;
        let play = Arc::new(Self { parts, cast });
        let lifetimes = play.cast.people.iter().map(Person::lifetime);
        if let Some(shortest) = lifetimes.min() {
            tokio::spawn(renew(Arc::downgrade(&play), url.clone(), shortest / 2));
        }
        Ok(play)
    }

    fn ask(&self, chance: u64) -> Ask {
        let mut place = chance % 1_000;
        for (ask, weight) in &self.parts {
            match place.checked_sub(*weight) {
                Some(rest) => place = rest,
                None => return *ask,
            }
        }
        Ask::Health
    }
}

/// Keeps access tokens good for as long as somebody asks with them.
async fn renew(play: Weak<Play>, url: Url, every: Duration) {
    let Ok(mut client) = Client::new(&url) else { return };
    loop {
        sleep(every).await;
        let Some(play) = play.upgrade() else { return };
        for person in &play.cast.people {
            // What fails here shows as `status 401` in what is measured.
            let _ = person.renew(&mut client).await;
        }
    }
}

impl Source for Play {
    fn next(&self, number: u64) -> Request {
        let chance = scattered(number);
        let ask = self.ask(chance);
        // Each part of the number chooses one thing; what it is divided by is small beside it.
        let (who, which, what) = (chance >> 10, chance >> 26, chance >> 42);
        let Some(person) = pick(&self.cast.people, who) else {
            return self.anonymous(ask, which, number);
        };
        let key = || pick(&person.keys, which).map_or("", String::as_str);
        let chat = || pick(&person.chats, what).map_or("", String::as_str);
        match ask {
            Ask::Login => {
                let body = json!({ "email": person.email, "password": PASSWORD });
                with_body("POST /api/v1/auth/login", "/api/v1/auth/login", &body)
            }
            Ask::Me => by_key(Request::get("GET /api/v1/auth/me", "/api/v1/auth/me"), key()),
            Ask::Send => {
                let to = words::address(usize::try_from(what).unwrap_or_default() % CHATS);
                let body = json!({ "instance_id": person.instance, "to": to, "text": words::text(number) });
                by_key(with_body("POST /api/v2/messages/send", "/api/v2/messages/send", &body), key())
            }
            Ask::Chats => by_key(Request::get("GET /api/v2/chats", "/api/v2/chats"), key()),
            Ask::Messages => {
                let path = format!("/api/v2/chats/{}/messages", chat());
                by_key(Request::get("GET /api/v2/chats/{id}/messages", path), key())
            }
            Ask::Chat => {
                by_key(Request::get("GET /api/v2/chats/{id}", format!("/api/v2/chats/{}", chat())), key())
            }
            Ask::Orders => by_bearer(Request::get("GET /api/v1/orders", "/api/v1/orders"), person),
            Ask::PlaceOrder => by_bearer(self.order(which, what), person),
            Ask::UserModels => {
                by_bearer(Request::get("GET /api/v1/user/models", "/api/v1/user/models"), person)
            }
            Ask::Models => by_bearer(Request::get("GET /api/v1/models", "/api/v1/models"), person),
            Ask::Health | Ask::Books | Ask::Book | Ask::Author | Ask::Search => {
                self.anonymous(ask, which, number)
            }
        }
    }
}

impl Play {
    fn anonymous(&self, ask: Ask, which: u64, number: u64) -> Request {
        let book = pick(&self.cast.books, which);
        match (ask, book) {
            (Ask::Books, _) => {
                let limit = [20, 10, 50][usize::try_from(which % 3).unwrap_or_default()];
                Request::get("GET /api/v1/books", format!("/api/v1/books?limit={limit}"))
            }
            (Ask::Book, Some(book)) => {
                Request::get("GET /api/v1/books/{id}", format!("/api/v1/books/{}", book.id))
            }
            (Ask::Author, Some(book)) => {
                let query = encoded("author", &book.author);
                Request::get("GET /api/v1/books?author=", format!("/api/v1/books?{query}"))
            }
            (Ask::Search, _) => {
                let word = pick(&words::SEARCHED, number).copied().unwrap_or_default();
                Request::get("GET /api/v1/books?q=", format!("/api/v1/books?{}", encoded("q", word)))
            }
            _ => Request::get("GET /health", "/health"),
        }
    }

    fn order(&self, which: u64, what: u64) -> Request {
        let id = |place| pick(&self.cast.books, place).map(|book| book.id.as_str());
        let mut items = vec![json!({ "book_id": id(which), "quantity": 1 + what % 3 })];
        if id(which) != id(which + 1) {
            items.push(json!({ "book_id": id(which + 1), "quantity": 1 }));
        }
        with_body("POST /api/v1/orders", "/api/v1/orders", &json!({ "items": items }))
    }
}

fn pick<T>(from: &[T], number: u64) -> Option<&T> {
    from.get(usize::try_from(number.checked_rem(from.len() as u64)?).ok()?)
}

fn encoded(name: &str, value: &str) -> String {
    url::form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish()
}

fn with_body(name: &'static str, path: &str, body: &serde_json::Value) -> Request {
    let headers =
        HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
    let body = Bytes::from(body.to_string());
    Request { name, method: Method::POST, path: path.to_owned(), headers, body }
}

fn by_key(mut request: Request, key: &str) -> Request {
    if let Ok(value) = HeaderValue::from_str(key) {
        request.headers.insert("x-api-key", value);
    }
    request
}

fn by_bearer(mut request: Request, person: &Person) -> Request {
    if let Ok(value) = HeaderValue::from_str(&person.bearer()) {
        request.headers.insert(header::AUTHORIZATION, value);
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_each_scenario_are_a_thousand() {
        for scenario in Scenario::ALL {
            let sum: u64 = parts(scenario).iter().map(|(_, weight)| weight).sum();
            assert_eq!(sum, 1_000, "{}", scenario.name());
            assert_eq!(Scenario::parse(scenario.name()), Some(scenario));
        }
    }

    #[test]
    fn each_part_gets_about_its_share() {
        let play = Play { parts: parts(Scenario::Chats), cast: Cast::default() };
        let of = |wanted| (0..10_000).filter(|number| play.ask(scattered(*number)) == wanted).count();
        for (ask, weight) in &play.parts {
            let expected = usize::try_from(*weight * 10).unwrap();
            assert!(of(*ask).abs_diff(expected) < 200, "{ask:?}: {}", of(*ask));
        }
    }
}
