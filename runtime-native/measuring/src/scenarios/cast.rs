//! The people of a scenario, with what they have: keys, chats, books to look at.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, bail};
use http::StatusCode;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use url::Url;

use super::{Setup, words};
use crate::client::Client;

/// How many connections prepare at once.
const HANDS: usize = 4;
/// How often a registration is tried again that a busy server put off.
const PATIENCE: usize = 60;
/// With how many others people chat, how many messages each chat begins with, and how many keys people have.
pub(super) const CHATS: usize = 12;
const MESSAGES: usize = 4;
pub(super) const KEYS: usize = 4;
/// How many books there should be, and how many of them are asked for by name.
const BOOKS: usize = 100;

/// Everybody's password. Fake.
pub(super) const PASSWORD: &str = "obviously-fake-load-password";

/// A person with a session.
pub(super) struct Person {
    pub(super) email: String,
    pub(super) tokens: RwLock<Tokens>,
    /// Of an instance of their own. Any identifier will do; the person's is nobody else's.
    pub(super) instance: String,
    pub(super) keys: Vec<String>,
    pub(super) chats: Vec<String>,
}

/// What a sign-in gave.
#[derive(Debug, Clone)]
pub(super) struct Tokens {
    pub(super) bearer: Arc<str>,
    pub(super) refresh: String,
    pub(super) seconds: u64,
}

impl Tokens {
    fn of(answer: &Value) -> anyhow::Result<Self> {
        let text = |name: &str| answer[name].as_str().context("a token answer without tokens");
        Ok(Self {
            bearer: format!("Bearer {}", text("access_token")?).into(),
            refresh: text("refresh_token")?.to_owned(),
            seconds: answer["expires_in"].as_u64().context("a token answer without expires_in")?,
        })
    }
}

impl Person {
    pub(super) fn bearer(&self) -> Arc<str> {
        Arc::clone(&self.tokens.read().unwrap_or_else(PoisonError::into_inner).bearer)
    }

    /// How long an access token is good.
    pub(super) fn lifetime(&self) -> Duration {
        Duration::from_secs(self.tokens.read().unwrap_or_else(PoisonError::into_inner).seconds)
    }

    /// Changes the access token for a new one.
    pub(super) async fn renew(&self, client: &mut Client) -> anyhow::Result<()> {
        let refresh = self.tokens.read().unwrap_or_else(PoisonError::into_inner).refresh.clone();
        let body = json!({ "refresh_token": refresh });
        let answer = client.post("/api/v1/auth/refresh", &[], &body).await?.expect(StatusCode::OK)?.json()?;
        *self.tokens.write().unwrap_or_else(PoisonError::into_inner) = Tokens::of(&answer)?;
        Ok(())
    }
}

/// A book that is there.
#[derive(Debug, Clone)]
pub(super) struct Book {
    pub(super) id: String,
    pub(super) author: String,
}

/// What a scenario needs of its people.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Needs {
    pub(super) people: bool,
    /// How many keys, and chats, each of them has.
    pub(super) keys: usize,
    pub(super) chats: usize,
    pub(super) books: bool,
}

/// Everybody, and everything that is there.
#[derive(Default)]
pub(super) struct Cast {
    pub(super) people: Vec<Person>,
    pub(super) books: Vec<Book>,
}

impl Cast {
    /// Makes them by the server's own routes.
    pub(super) async fn assemble(url: &Url, setup: &Setup, needs: Needs) -> anyhow::Result<Self> {
        let mut cast = Self::default();
        if needs.people {
            cast.people = gather(url, setup.people.max(1), needs).await?;
        }
        if needs.books {
            cast.books = books(url, setup.admin.as_deref()).await?;
        }
        Ok(cast)
    }
}

async fn gather(url: &Url, count: u32, needs: Needs) -> anyhow::Result<Vec<Person>> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let run = format!("{:x}-{:x}", since.as_nanos(), std::process::id());
    let next = Arc::new(AtomicUsize::new(0));
    let mut hands = JoinSet::new();
    for _ in 0..HANDS {
        let (url, run, next) = (url.clone(), run.clone(), Arc::clone(&next));
        hands.spawn(async move {
            let mut client = Client::new(&url)?;
            let mut made = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count as usize {
                    return anyhow::Ok(made);
                }
                made.push(person(&mut client, &format!("load-{run}-{number}@load.example"), needs).await?);
            }
        });
    }
    let mut people = Vec::new();
    while let Some(made) = hands.join_next().await {
        people.extend(made.context("a task that prepares ended early")??);
    }
    Ok(people)
}

async fn person(client: &mut Client, email: &str, needs: Needs) -> anyhow::Result<Person> {
    let body = json!({ "email": email, "password": PASSWORD, "name": words::name(email.len()) });
    let mut answer = client.post("/api/v1/auth/register", &[], &body).await?;
    // More passwords wait to be hashed than the machine gets done: so says a server that is asked to do other things beside.
    for _ in 0..PATIENCE {
        if answer.status != StatusCode::SERVICE_UNAVAILABLE {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        answer = client.post("/api/v1/auth/register", &[], &body).await?;
    }
    let answer = unlimited(answer, "PORTICO_LIMIT_REGISTER")?.expect(StatusCode::CREATED);
    let answer = answer.context("registering somebody")?.json()?;
    let mut person = Person {
        email: email.to_owned(),
        tokens: RwLock::new(Tokens::of(&answer)?),
        instance: answer["user"]["id"].as_str().context("a user without an id")?.to_owned(),
        keys: Vec::new(),
        chats: Vec::new(),
    };
    let bearer = person.bearer();
    for number in 0..needs.keys {
        let body = json!({
            "name": format!("load {number}"), "scopes": ["messages:read", "messages:write", "models:read"],
        });
        let answer = client.post("/api/v1/api-keys", &[("authorization", &bearer)], &body).await?;
        let answer = unlimited(answer, "PORTICO_LIMIT_ACCOUNT")?.expect(StatusCode::CREATED);
        let answer = answer.context("making an API key")?.json()?;
        person.keys.push(answer["key"].as_str().context("a key without its text")?.to_owned());
    }
    for number in 0..needs.chats * MESSAGES {
        let body = json!({
            "instance_id": person.instance, "to": words::address(number % needs.chats), "text": words::text(number as u64),
        });
        let answer = client.post("/api/v2/messages/send", &[("x-api-key", &person.keys[0])], &body).await?;
        let answer = unlimited(answer, "PORTICO_LIMIT_KEY")?.expect(StatusCode::CREATED);
        let answer = answer.context("sending a message")?.json()?;
        if number < needs.chats {
            person.chats.push(answer["chat_id"].as_str().context("a message without its chat")?.to_owned());
        }
    }
    Ok(person)
}

/// Says what to do about a limit, which is there to hold such clients off.
fn unlimited(answer: crate::client::Answer, setting: &str) -> anyhow::Result<crate::client::Answer> {
    if answer.status == StatusCode::TOO_MANY_REQUESTS {
        bail!(
            "the server limits what the preparation does: start it with {setting}=off, or with fewer --people"
        );
    }
    Ok(answer)
}

/// Finds books, and puts some into a catalogue that lacks them.
async fn books(url: &Url, admin: Option<&str>) -> anyhow::Result<Vec<Book>> {
    let mut client = Client::new(url)?;
    let mut found = listed(&mut client).await?;
    if found.len() < BOOKS
        && let Some(admin) = admin
    {
        let bearer = format!("Bearer {admin}");
        for number in 0..BOOKS as u64 {
            let body = words::book(number);
            let answer = client.post("/api/v1/books", &[("authorization", &bearer)], &body).await?;
            // A run before this one may have put it there.
            if answer.status != StatusCode::CONFLICT {
                unlimited(answer, "PORTICO_LIMIT_ACCOUNT")?
                    .expect(StatusCode::CREATED)
                    .context("adding a book")?;
            }
        }
        found = listed(&mut client).await?;
    }
    if found.is_empty() {
        bail!(
            "the catalogue has no books to ask for: give an admin's token, or run `portico seed` on its database"
        );
    }
    Ok(found)
}

async fn listed(client: &mut Client) -> anyhow::Result<Vec<Book>> {
    let answer = client.get("/api/v1/books?limit=100", &[]).await?.expect(StatusCode::OK)?.json()?;
    let books = answer["data"].as_array().context("a list of books without data")?;
    let book = |book: &Value| {
        Some(Book { id: book["id"].as_str()?.to_owned(), author: book["author"].as_str()?.to_owned() })
    };
    books.iter().map(|each| book(each).context("a book without id and author")).collect()
}
