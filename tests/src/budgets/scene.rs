//! What is there before routes are called, and a call for each route.

mod operations;

use anyhow::Context;
use http::Method;
use serde_json::{Value, json};

use crate::conformance::api::{Api, Call};
use crate::conformance::browser::{begin, github_account};
use crate::conformance::forge::Parts;
use crate::conformance::people::{PASSWORD, Person, Tokens, Visitor, fresh_email};

const KEYS: &str = "/api/v1/api-keys";
const BOOKS: &str = "/api/v1/books";
const ORDERS: &str = "/api/v1/orders";
const SEND: &str = "/api/v2/messages/send";
const EXPERIMENTS: &str = "/api/v1/admin/cache/experiments";
const INSTANCE: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// Whether an answer is a list, whose budget is smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It is.
    List,
    /// It is not.
    One,
}

/// One call whose statements are counted.
pub struct Measure {
    /// Method and path with its places.
    pub route: String,
    /// The situation, where a route is called in several.
    pub how: String,
    /// Whether it answers a list.
    pub kind: Kind,
    /// Whether it asks the same each time; what it asks otherwise depends on what servers do beside it.
    pub is_steady: bool,
    /// The status that it must be answered with.
    pub status: u16,
    /// The request.
    pub call: Call,
}

struct Scene {
    api: Api,
    person: Person,
    admin: String,
    tokens: Tokens,
    measures: Vec<Measure>,
}

/// Makes what the calls need, and gives the calls in the order in which they are to be made.
pub async fn measures(api: &Api) -> anyhow::Result<Vec<Measure>> {
    let person = Person::register(api).await?;
    // The token that a sign-in of an admin gives, without the sign-in's hash.
    let admin = Parts::of(&person.tokens.access)?.with("role", "admin").hs256(&api.addresses().jwt_secret);
    let tokens = Visitor::arrive(api).await?.tokens;
    let mut scene = Scene { api: api.clone(), person, admin, tokens, measures: Vec::new() };
    scene.operations();
    scene.identity().await?;
    scene.github().await?;
    scene.keys().await?;
    scene.books().await?;
    scene.orders().await?;
    scene.models().await?;
    scene.settings().await?;
    scene.messaging().await?;
    scene.cache().await?;
    Ok(scene.measures)
}

impl Scene {
    fn add(&mut self, route: &str, how: &str, status: u16, call: Call) {
        let (route, how) = (route.to_owned(), how.to_owned());
        self.measures.push(Measure { route, how, kind: Kind::One, is_steady: true, status, call });
    }

    /// The last one also tells, or reads, what servers have seen meanwhile.
    fn is_unsteady(&mut self) {
        if let Some(last) = self.measures.last_mut() {
            last.is_steady = false;
        }
    }

    fn add_list(&mut self, route: &str, how: &str, call: Call) {
        self.add(route, how, 200, call);
        if let Some(last) = self.measures.last_mut() {
            last.kind = Kind::List;
        }
    }

    fn mine(&self, method: Method, path: &str) -> Call {
        self.api.call(method, path).bearer(&self.tokens.access)
    }

    fn admins(&self, method: Method, path: &str) -> Call {
        self.api.call(method, path).bearer(&self.admin)
    }

    async fn identity(&mut self) -> anyhow::Result<()> {
        const SESSIONS: &str = "/api/v1/auth/sessions";
        let api = self.api.clone();
        let body = |email: &str| json!({ "email": email, "password": PASSWORD });
        let register = api.post("/api/v1/auth/register").json(&body(&fresh_email()));
        self.add("POST /api/v1/auth/register", "", 201, register);
        let login = api.post("/api/v1/auth/login").json(&body(&self.person.email));
        self.add("POST /api/v1/auth/login", "", 200, login);
        for route in ["refresh", "logout"] {
            let tokens = Visitor::arrive(&api).await?.tokens;
            let call =
                api.post(format!("/api/v1/auth/{route}")).json(&json!({ "refresh_token": tokens.refresh }));
            let status = if route == "logout" { 204 } else { 200 };
            self.add(&format!("POST /api/v1/auth/{route}"), "", status, call);
        }
        let me = self.mine(Method::GET, "/api/v1/auth/me");
        self.add("GET /api/v1/auth/me", "by bearer token", 200, me);
        let call = self.mine(Method::GET, SESSIONS);
        self.add_list("GET /api/v1/auth/sessions", "", call);
        let leaving = Visitor::arrive(&api).await?;
        let listed = api.get(SESSIONS).bearer(&leaving.tokens.access).send().await?.is(200)?.json()?;
        let call =
            api.delete(format!("{SESSIONS}/{}", id(&listed["data"][0])?)).bearer(&leaving.tokens.access);
        self.add("DELETE /api/v1/auth/sessions/{id}", "", 204, call);
        let call = api.post("/api/v1/auth/logout-all").bearer(&Visitor::arrive(&api).await?.tokens.access);
        self.add("POST /api/v1/auth/logout-all", "", 204, call);
        let call = api
            .post("/api/v1/auth/password")
            .bearer(&self.person.tokens.access)
            .json(&json!({ "current_password": PASSWORD, "new_password": "another fake password" }));
        self.add("POST /api/v1/auth/password", "", 204, call);
        Ok(())
    }

    async fn github(&mut self) -> anyhow::Result<()> {
        const BACK: &str = "GET /api/v1/auth/github/callback";
        let api = self.api.clone();
        self.add("GET /api/v1/auth/github", "", 302, api.get("/api/v1/auth/github"));
        let link = self.mine(Method::POST, "/api/v1/auth/github/link").json(&json!({}));
        self.add("POST /api/v1/auth/github/link", "", 200, link);
        let known = github_account(&api).await?;
        known.sign_in(&api).await?.is(200)?;
        for (how, account) in [("a known account", known), ("a new account", github_account(&api).await?)] {
            let begun = begin(&api, "").await?;
            let back = begun.consent(&api, &account.login).await?;
            let call =
                back.callback(&api).header("accept", "application/json").header("cookie", &begun.cookie);
            self.add(BACK, how, 200, call);
        }
        Ok(())
    }

    async fn key(&self, scopes: &[&str]) -> anyhow::Result<Value> {
        let body = json!({ "name": "k", "scopes": scopes });
        self.mine(Method::POST, KEYS).json(&body).send().await?.is(201)?.json()
    }

    async fn keys(&mut self) -> anyhow::Result<()> {
        let api = self.api.clone();
        let mut keys = Vec::new();
        for _ in 0..7 {
            keys.push(self.key(&["*"]).await?);
        }
        let text = |key: &Value| key["key"].as_str().map(str::to_owned).context("a key's text");
        let shown = text(&keys[0])?;
        for how in ["by a key that nobody used lately", "by the same key again"] {
            self.add("GET /api/v1/auth/me", how, 200, api.get("/api/v1/auth/me").header("x-api-key", &shown));
        }
        let list = self.mine(Method::GET, &format!("{KEYS}?limit=5"));
        self.add_list("GET /api/v1/api-keys", "a page of 5", list);
        let body = json!({ "name": "k", "scopes": [] });
        let create = self.mine(Method::POST, KEYS).json(&body);
        self.add("POST /api/v1/api-keys", "", 201, create);
        let verify =
            self.admins(Method::POST, &format!("{KEYS}/verify")).json(&json!({ "key": text(&keys[1])? }));
        self.add("POST /api/v1/api-keys/verify", "", 200, verify);
        let path = |key: &Value| Ok::<_, anyhow::Error>(format!("{KEYS}/{}", id(key)?));
        let one = self.mine(Method::GET, &path(&keys[2])?);
        self.add("GET /api/v1/api-keys/{id}", "", 200, one);
        let change = self.mine(Method::PATCH, &path(&keys[3])?).json(&json!({ "name": "other" }));
        self.add("PATCH /api/v1/api-keys/{id}", "", 200, change);
        let revoke = self.mine(Method::DELETE, &path(&keys[4])?);
        self.add("DELETE /api/v1/api-keys/{id}", "", 204, revoke);
        let rotate = self.mine(Method::POST, &format!("{}/rotate", path(&keys[5])?)).json(&json!({}));
        self.add("POST /api/v1/api-keys/{id}/rotate", "", 201, rotate);
        let usage = self.mine(Method::GET, &format!("{}/usage", path(&keys[6])?));
        self.add("GET /api/v1/api-keys/{id}/usage", "", 200, usage);
        Ok(())
    }

    async fn book(&self, number: u32, author: &str) -> anyhow::Result<Value> {
        let body = json!({
            "isbn": isbn(number), "title": format!("Title {number}"), "author": author,
            "description": "Tea in many words", "price_cents": 100,
        });
        self.admins(Method::POST, BOOKS).json(&body).send().await?.is(201)?.json()
    }

    async fn books(&mut self) -> anyhow::Result<()> {
        let mut books = Vec::new();
        for number in 0..5 {
            books.push(self.book(number, "Ada").await?);
        }
        for (how, query) in [
            ("a page of 3", "limit=3"),
            ("an author's", "author=Ada&limit=3"),
            ("found by words", "q=tea&limit=3"),
            ("an author's, found by words", "q=tea&author=Ada&limit=3"),
        ] {
            let call = self.api.get(format!("{BOOKS}?{query}"));
            self.add_list("GET /api/v1/books", how, call);
        }
        let again = self.api.get(format!("{BOOKS}?limit=3"));
        self.add_list("GET /api/v1/books", "the same again", again);
        let path = |book: &Value| Ok::<_, anyhow::Error>(format!("{BOOKS}/{}", id(book)?));
        let one = self.api.get(path(&books[0])?);
        self.add("GET /api/v1/books/{id}", "", 200, one);
        let body = json!({"isbn": isbn(99), "title": "t", "author": "Bob", "price_cents": 1});
        let post = self.admins(Method::POST, BOOKS).json(&body);
        self.add("POST /api/v1/books", "", 201, post);
        let patch = self.admins(Method::PATCH, &path(&books[1])?).json(&json!({ "price_cents": 7 }));
        self.add("PATCH /api/v1/books/{id}", "", 200, patch);
        let delete = self.admins(Method::DELETE, &path(&books[2])?);
        self.add("DELETE /api/v1/books/{id}", "", 204, delete);
        Ok(())
    }

    async fn orders(&mut self) -> anyhow::Result<()> {
        let mut items = Vec::new();
        for number in 10..13 {
            items.push(json!({ "book_id": self.book(number, "Cay").await?["id"], "quantity": 2 }));
        }
        let body = json!({ "items": items });
        let mut orders = Vec::new();
        for _ in 0..4 {
            let placed = self.mine(Method::POST, ORDERS).json(&body).send().await?.is(201)?;
            orders.push(placed.json()?);
        }
        let place = self.mine(Method::POST, ORDERS).json(&body);
        self.add("POST /api/v1/orders", "three books", 201, place);
        let list = self.mine(Method::GET, &format!("{ORDERS}?limit=3"));
        self.add_list("GET /api/v1/orders", "a page of 3 with three books each", list);
        let one = self.mine(Method::GET, &format!("{ORDERS}/{}", id(&orders[0])?));
        self.add("GET /api/v1/orders/{id}", "three books", 200, one);
        Ok(())
    }

    async fn models(&mut self) -> anyhow::Result<()> {
        let listed = self.mine(Method::GET, "/api/v1/models?limit=1").send().await?.is(200)?.json()?;
        // What the scene has brought into the cache is not to answer for what is measured.
        self.admins(Method::DELETE, "/api/v1/admin/cache?prefix=model-config").send().await?.is(204)?;
        let (model, provider) = (id(&listed["data"][0])?, listed["data"][0]["provider"].clone());
        let provider = provider.as_str().context("a model's provider")?;
        let capability = listed["data"][0]["capabilities"][0].as_str().context("a capability")?.to_owned();
        for (how, query) in [
            ("a page of 5", "limit=5".to_owned()),
            ("a provider's", format!("provider={provider}&limit=2")),
            ("able to do something", format!("capability={capability}&limit=2")),
            (
                "a provider's, able to do something",
                format!("provider={provider}&capability={capability}&limit=2"),
            ),
        ] {
            let call = self.mine(Method::GET, &format!("/api/v1/models?{query}"));
            self.add_list("GET /api/v1/models", how, call);
        }
        let one = self.mine(Method::GET, &format!("/api/v1/models/{model}"));
        self.add("GET /api/v1/models/{id}", "", 200, one);
        let usable = self.mine(Method::GET, "/api/v1/user/models?limit=5");
        self.add_list("GET /api/v1/user/models", "a page of 5", usable);
        let store = self
            .mine(Method::POST, "/api/v1/user/store-provider-api-key")
            .json(&json!({ "provider": provider, "api_key": "obviously-fake-provider-key" }));
        self.add("POST /api/v1/user/store-provider-api-key", "", 204, store);
        let providers = self.mine(Method::GET, "/api/v1/user/providers");
        self.add_list("GET /api/v1/user/providers", "", providers);
        let switch = self
            .mine(Method::POST, "/api/v1/user/sync-providers")
            .json(&json!({ "providers": [{ "provider": provider, "enabled": false }] }));
        self.add("POST /api/v1/user/sync-providers", "", 200, switch);
        Ok(())
    }

    async fn settings(&mut self) -> anyhow::Result<()> {
        let show = self.mine(Method::GET, "/api/v1/user/settings");
        self.add("GET /api/v1/user/settings", "", 200, show);
        let body = json!({ "preferences": { "theme": "dark" }, "enabled_models": null });
        let put = self.mine(Method::PUT, "/api/v1/user/settings").json(&body);
        self.add("PUT /api/v1/user/settings", "", 200, put);
        for name in ["one", "two", "three"] {
            let put =
                self.admins(Method::PUT, &format!("/api/v2/settings/{name}")).json(&json!({ "value": 1 }));
            let status = put.send().await?.status;
            anyhow::ensure!(matches!(status, 200 | 201), "a setting was answered with {status}");
        }
        let list = self.admins(Method::GET, "/api/v2/settings?limit=2");
        self.add_list("GET /api/v2/settings", "a page of 2", list);
        let put = self.admins(Method::PUT, "/api/v2/settings/one").json(&json!({ "value": 2 }));
        self.add("PUT /api/v2/settings/{key}", "", 200, put);
        let remove = self.admins(Method::DELETE, "/api/v2/settings/two");
        self.add("DELETE /api/v2/settings/{key}", "", 204, remove);
        Ok(())
    }

    async fn messaging(&mut self) -> anyhow::Result<()> {
        let send = |to: &str, text: &str| {
            let body = json!({ "instance_id": INSTANCE, "to": to, "text": text });
            self.mine(Method::POST, SEND).json(&body)
        };
        let mut sent = Value::Null;
        for number in 0..4 {
            send(&format!("person-{number}"), "green tea").send().await?.is(201)?;
            sent = send("person-0", "black tea").send().await?.is(201)?.json()?;
        }
        let repeated = |call: Call| call.header("idempotency-key", "budgets-1");
        repeated(send("person-0", "once")).send().await?.is(201)?;
        let (fresh, again) = (send("person-9", "new"), repeated(send("person-0", "once")));
        self.add("POST /api/v2/messages/send", "to somebody new", 201, fresh);
        self.add("POST /api/v2/messages/send", "a repeat", 201, again);
        let chat = sent["chat_id"].as_str().context("a message's chat")?.to_owned();
        let body = json!({ "instance_id": INSTANCE, "chat_id": chat, "text": "more" });
        let more = self.mine(Method::POST, SEND).header("idempotency-key", "budgets-2").json(&body);
        self.add("POST /api/v2/messages/send", "to a chat, with a key", 201, more);
        let one = self.mine(Method::GET, &format!("/api/v2/chats/{chat}"));
        self.add("GET /api/v2/chats/{id}", "", 200, one);
        for (route, how, path) in [
            ("/api/v2/chats", "a page of 3", "/api/v2/chats?limit=3".to_owned()),
            ("/api/v2/chats", "an instance's", format!("/api/v2/chats?instance_id={INSTANCE}&limit=3")),
            ("/api/v2/chats/{id}/messages", "a page of 3", format!("/api/v2/chats/{chat}/messages?limit=3")),
            ("/api/v2/messages/search", "a page of 3", "/api/v2/messages/search?q=tea&limit=3".to_owned()),
            ("/api/v2/events", "a page of 3", "/api/v2/events?limit=3".to_owned()),
            (
                "/api/v2/events",
                "a chat's of one type",
                format!("/api/v2/events?chat_id={chat}&type=message.sent&limit=3"),
            ),
        ] {
            let call = self.mine(Method::GET, &path);
            self.add_list(&format!("GET {route}"), how, call);
        }
        Ok(())
    }

    async fn start(&self, prefix: &str) -> anyhow::Result<String> {
        let started =
            self.admins(Method::POST, EXPERIMENTS).json(&experiment(prefix)).send().await?.is(201)?;
        id(&started.json()?)
    }

    async fn cache(&mut self) -> anyhow::Result<()> {
        let figures = self.admins(Method::GET, "/api/v1/admin/cache");
        self.add("GET /api/v1/admin/cache", "", 200, figures);
        let warm = self.admins(Method::POST, "/api/v1/admin/cache/warm").json(&json!({}));
        self.add("POST /api/v1/admin/cache/warm", "", 200, warm);
        let clear = self.admins(Method::DELETE, "/api/v1/admin/cache?prefix=books");
        self.add("DELETE /api/v1/admin/cache", "", 204, clear);
        let (stopping, adopting) = (self.start("books").await?, self.start("settings").await?);
        let list = self.admins(Method::GET, &format!("{EXPERIMENTS}?limit=5"));
        self.add_list("GET /api/v1/admin/cache/experiments", "a page of 5", list);
        let start = self.admins(Method::POST, EXPERIMENTS).json(&experiment("bot"));
        self.add("POST /api/v1/admin/cache/experiments", "", 201, start);
        self.is_unsteady();
        let one = self.admins(Method::GET, &format!("{EXPERIMENTS}/{stopping}"));
        self.add("GET /api/v1/admin/cache/experiments/{id}", "", 200, one);
        self.is_unsteady();
        let stop = self.admins(Method::POST, &format!("{EXPERIMENTS}/{stopping}/stop"));
        self.add("POST /api/v1/admin/cache/experiments/{id}/stop", "", 200, stop);
        self.is_unsteady();
        let adopt = self
            .admins(Method::POST, &format!("{EXPERIMENTS}/{adopting}/adopt"))
            .json(&json!({ "arm": "a" }));
        self.add("POST /api/v1/admin/cache/experiments/{id}/adopt", "", 200, adopt);
        self.is_unsteady();
        Ok(())
    }
}

fn experiment(prefix: &str) -> Value {
    json!({ "prefix": prefix, "name": "n", "arms": [{ "name": "a" }, { "name": "b", "lifetime_seconds": 30 }] })
}

fn id(value: &Value) -> anyhow::Result<String> {
    value["id"].as_str().map(str::to_owned).context("no `id`")
}

/// An ISBN-13 with its check digit.
fn isbn(number: u32) -> String {
    let digits = format!("978{number:09}");
    let weighted = digits.chars().zip([1, 3].into_iter().cycle());
    let sum: u32 = weighted.map(|(digit, weight)| digit.to_digit(10).unwrap_or_default() * weight).sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}
