//! Search over a million messages: by the index of words, best first, beside `LIKE` and `ILIKE`, newest first, in turn in one run.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and ends where something fails"
)]

#[path = "../../../runtime-native/benches/figures/mod.rs"]
mod figures;
mod support;

use std::time::Instant;

use figures::{flag, is_wanted, median, millis, option, percentile};
use portico_domain::models::{Order, OrganizationId, PageRequest, Reach, SearchQuery};
use portico_sql::{
    driver::{Effect, Statement, Type},
    seed::{Counts, Family, Plan, organization_id},
};
use support::{Databases, Side, is_help_asked};
use uuid::Uuid;

const HELP: &str = "\
How long a search of one organization's messages takes among a million, for rare, middling and common words and for two words, on SQLite and on Postgres.

    cargo bench -p portico-sql --all-features --bench search -- [options]

  --messages N      messages in the database (1000000); the first of --users organizations has more than half of them
  --users N         organizations (100)
  --limit N         messages a page (20)
  --rounds N        how often each search is run, in turn with the others (20)
  --slow-rounds N   how often by LIKE or ILIKE (4)
  --quick           20,000 messages, 3 rounds: shows that it runs
  --sqlite FILE     a seeded database to use again, or to make and keep
  --postgres URL    the same on a server";

const MESSAGE: &[Type] =
    &[Type::Uuid, Type::Uuid, Type::Text, Type::Text, Type::Text, Type::Text, Type::Time];

/// What a search is without an index of words: the newest messages that contain the characters, of one organization. Two words are two conditions.
static BY_CHARACTERS: Statement = Statement {
    name: "messages_like",
    effect: Effect::Read,
    parameters: &[Type::Uuid, Type::Text, Type::Text, Type::Integer],
    columns: MESSAGE,
    postgres: "SELECT id, chat_id, direction, sender, text, status, created_at FROM messages \
        WHERE organization_id = $1 AND text ILIKE '%' || $2 || '%' AND text ILIKE '%' || $3 || '%' \
        ORDER BY created_at DESC, id DESC LIMIT $4",
    sqlite: "SELECT id, chat_id, direction, sender, text, status, created_at FROM messages \
        WHERE organization_id = $1 AND text LIKE '%' || $2 || '%' AND text LIKE '%' || $3 || '%' \
        ORDER BY created_at DESC, id DESC LIMIT $4",
};

/// How many there are.
static COUNT: Statement = Statement {
    name: "messages_like_counted",
    effect: Effect::Read,
    parameters: &[Type::Uuid, Type::Text, Type::Text],
    columns: &[Type::Integer],
    postgres: "SELECT count(*) FROM messages \
        WHERE organization_id = $1 AND text ILIKE '%' || $2 || '%' AND text ILIKE '%' || $3 || '%'",
    sqlite: "SELECT count(*) FROM messages \
        WHERE organization_id = $1 AND text LIKE '%' || $2 || '%' AND text LIKE '%' || $3 || '%'",
};

/// Some messages of an organization, to take rare words from.
static SOME: Statement = Statement {
    name: "messages_with_reference",
    effect: Effect::Read,
    parameters: &[Type::Uuid],
    columns: &[Type::Text],
    postgres: "SELECT text FROM messages WHERE organization_id = $1 AND text LIKE 'The invoice for R%' LIMIT 3",
    sqlite: "SELECT text FROM messages WHERE organization_id = $1 AND text LIKE 'The invoice for R%' LIMIT 3",
};

fn main() {
    if is_help_asked(HELP) || !is_wanted() {
        return;
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(run());
}

async fn run() {
    let quick = flag("quick");
    let messages = option("messages", if quick { 20_000 } else { 1_000_000 });
    let users = option("users", 100);
    let limit = u32::try_from(option("limit", 20)).unwrap();
    let rounds = option("rounds", if quick { 3 } else { 20 });
    let slow_rounds = option("slow-rounds", if quick { 1 } else { 4 });
    let counts = Counts { users, messages, ..Counts::ONE }.whole();
    let databases = Databases::seeded("search", &Plan { counts, families: vec![Family::Messages] }).await;
    println!("\n{messages} messages, {limit} a page; p50 (p95) in ms; matches are those of the characters");
    for side in &databases.sides {
        for (whose, user) in [("large", 0), ("small", users / 2)] {
            for (kind, terms) in terms(side, organization_id(user)).await {
                compare(side, whose, organization_id(user), kind, &terms, limit, (rounds, slow_rounds)).await;
            }
        }
    }
    databases.stop();
}

/// What is looked for: each one or two words.
async fn terms(side: &Side, organization: Uuid) -> [(&'static str, Vec<String>); 5] {
    let rows = side.ask(&SOME, vec![organization.into()]).await;
    let reference = |text: String| text.split(' ').nth(3).unwrap().to_owned();
    let rare = rows.into_iter().map(|mut row| reference(row.take().unwrap())).collect();
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    [
        ("rare", rare),
        ("middling", owned(&["sundial", "metronome", "kestrel"])),
        ("common", owned(&["order", "thank"])),
        ("two common", owned(&["order arrive", "thank order"])),
        ("common, rare", owned(&["the sundial", "order kestrel"])),
    ]
}

async fn compare(
    side: &Side,
    whose: &str,
    organization: Uuid,
    kind: &str,
    terms: &[String],
    limit: u32,
    (rounds, slow_rounds): (u64, u64),
) {
    let (mut ours, mut characters, mut matches) = (Vec::new(), Vec::new(), Vec::new());
    for term in terms {
        let mut row = side.ask(&COUNT, by_characters(organization, term)).await.pop().unwrap();
        let count: i64 = row.take().unwrap();
        matches.push(count.to_string());
        // Every word of these is a word of the index too, so both find the first page full, or both find all there is.
        let found = by_words(side, organization, term, limit).await;
        assert!(found > 0 || count == 0, "{term}");
    }
    for round in 0..rounds {
        for term in terms {
            let began = Instant::now();
            by_words(side, organization, term, limit).await;
            ours.push(millis(began.elapsed()));
            if round % (rounds / slow_rounds.max(1)).max(1) == 0 {
                let mut parameters = by_characters(organization, term);
                parameters.push((i64::from(limit) + 1).into());
                let began = Instant::now();
                side.ask(&BY_CHARACTERS, parameters).await;
                characters.push(millis(began.elapsed()));
            }
        }
    }
    println!(
        "{:<9} {whose} {kind:<13} ours {:>8.2} ({:>8.2})   {} {:>8.1} ({:>8.1})   p95 × {:>7.2}   matches {}",
        side.name,
        median(&ours),
        percentile(&ours, 95.0),
        if side.name == "SQLite" { "LIKE " } else { "ILIKE" },
        median(&characters),
        percentile(&characters, 95.0),
        percentile(&characters, 95.0) / percentile(&ours, 95.0),
        matches.join(", "),
    );
}

async fn by_words(side: &Side, organization: Uuid, term: &str, limit: u32) -> usize {
    let reach = Reach::of_organization(OrganizationId::from_uuid(organization));
    let page = PageRequest { limit, after: None, order: Order::Descending };
    let query = SearchQuery::parse(term).unwrap();
    side.repositories.conversations.search(&reach, &query, page).await.unwrap().len()
}

fn by_characters(organization: Uuid, term: &str) -> Vec<portico_sql::driver::Value> {
    let (first, second) = term.split_once(' ').unwrap_or((term, ""));
    vec![organization.into(), first.into(), second.into()]
}
