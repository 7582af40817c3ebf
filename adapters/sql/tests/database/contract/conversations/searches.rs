use std::collections::BTreeSet;

use portico_domain::models::{Cursor, MessageId, PageRequest, SEPARATORS, SearchQuery};
use portico_sql::driver::{Effect, Statement, Type};

use super::{ALL, Scene, new_instance};
use crate::{
    Case, cases,
    world::{World, at},
};

pub(crate) const CASES: &[Case<World>] = cases![
    words_quotes_alternatives_and_exclusions_mean_the_same_everywhere,
    texts_are_split_into_the_same_words_everywhere,
    case_does_not_count,
    what_says_it_more_often_comes_first,
    no_text_breaks_a_search,
    an_owner_is_no_word,
    messages_of_one_rank_are_walked_once_each_while_rows_are_added,
    a_walk_goes_on_from_a_message_that_is_gone,
    the_best_of_the_newest_ten_thousand_are_shown,
];

async fn texts(world: &World, texts: &[&str]) -> Scene {
    let scene = Scene::new(world).await;
    for (second, text) in (0..).zip(texts) {
        scene.send("ada", text, at(second)).await;
    }
    scene
}

async fn finds(scene: &Scene, query: &str) -> BTreeSet<String> {
    scene.found(&scene.reach(), query).await.into_iter().collect()
}

fn set(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

async fn words_quotes_alternatives_and_exclusions_mean_the_same_everywhere(world: World) {
    let scene = texts(&world, &["cold tea", "tea gone cold", "hot coffee", "hot tea", "coffee or tea"]).await;
    for (query, found) in [
        ("tea", &["cold tea", "tea gone cold", "hot tea", "coffee or tea"][..]),
        ("tea cold", &["cold tea", "tea gone cold"]),
        ("\"cold tea\"", &["cold tea"]),
        ("\"tea cold\"", &[]),
        ("cold or coffee", &["cold tea", "tea gone cold", "hot coffee", "coffee or tea"]),
        ("tea -cold", &["hot tea", "coffee or tea"]),
        ("hot tea or gone -hot", &["hot tea", "tea gone cold"]),
        ("tea -\"cold tea\"", &["tea gone cold", "hot tea", "coffee or tea"]),
        ("\"or\"", &["coffee or tea"]),
        ("te", &[]),
        ("teapot", &[]),
        ("tea NOT cold", &[]),
        ("text tea", &[]),
    ] {
        assert_eq!(finds(&scene, query).await, set(found), "{query}");
    }
}

async fn texts_are_split_into_the_same_words_everywhere(world: World) {
    let written = [
        "write to ada@example.com or https://example.com/a/path?x=1#top",
        "half-price: 3.14 (or -7), e.g. v1.2.3",
        "snake_case, AC/DC & rock'n'roll; <b>bold</b> &amp; C:\\temp\\x",
    ];
    let scene = texts(&world, &written).await;
    for (query, number) in [
        ("ada@example.com", 0),
        ("ada", 0),
        ("example", 0),
        ("https://example.com/a/path", 0),
        ("path x 1 top", 0),
        ("half-price", 1),
        ("price", 1),
        ("3.14", 1),
        ("14", 1),
        ("7", 1),
        ("v1.2.3", 1),
        ("case", 2),
        ("snake_case", 2),
        ("ac/dc", 2),
        ("dc", 2),
        ("rock'n'roll", 2),
        ("bold", 2),
        ("amp", 2),
        ("c:\\temp", 2),
    ] {
        assert_eq!(finds(&scene, query).await, set(&[written[number]]), "{query}");
    }
    for query in ["example ada", "\"com example\"", "314", "halfprice", "xtop"] {
        let found = finds(&scene, query).await;
        assert!(found.len() <= usize::from(query == "example ada"), "{query}: {found:?}");
    }
    // Every mark separates, and none is lost from between two words.
    let marks: String = (33_u8..127).map(char::from).filter(|c| !c.is_ascii_alphanumeric()).collect();
    let marks: Vec<char> = marks.chars().chain(SEPARATORS.chars()).collect();
    let pairs: Vec<String> =
        marks.iter().enumerate().map(|(n, mark)| format!("left{n}{mark}right{n}")).collect();
    let text = pairs.join(" ");
    scene.send("ada", &text, at(10)).await;
    for (n, mark) in marks.iter().enumerate() {
        assert_eq!(finds(&scene, &format!("\"left{n} right{n}\"")).await.len(), 1, "{mark:?}");
        assert_eq!(finds(&scene, &format!("left{n}{mark}right{n}")).await.len(), 1, "{mark:?}");
    }
}

async fn case_does_not_count(world: World) {
    static FOLDS: Statement = Statement {
        name: "folds",
        effect: Effect::Read,
        parameters: &[],
        columns: &[Type::Bool],
        postgres: "SELECT lower('Ö') = 'ö'",
        sqlite: "SELECT true",
    };
    let scene = texts(&world, &["Grüße AUS Köln", "привет МИР", "東京 タワー"]).await;
    assert_eq!(finds(&scene, "grüße aus").await, set(&["Grüße AUS Köln"]));
    assert_eq!(finds(&scene, "GRÜSSE").await, set(&[]), "ß is a letter of its own");
    assert_eq!(finds(&scene, "koln").await, set(&[]), "an accent counts");
    assert_eq!(finds(&scene, "東京").await, set(&["東京 タワー"]));
    // Beyond ASCII, Postgres knows small and capital letters by the database's locale: in C, not at all.
    let folds: bool = world.ask(&FOLDS, Vec::new()).await[0].clone().take().unwrap();
    let found = |text| if folds { set(&[text]) } else { set(&[]) };
    assert_eq!(finds(&scene, "KÖLN").await, found("Grüße AUS Köln"));
    assert_eq!(finds(&scene, "ПРИВЕТ мир").await, found("привет МИР"));
}

async fn what_says_it_more_often_comes_first(world: World) {
    // Of the same length, beside others without the word.
    let said = ["tea or one more word", "tea tea tea tea tea", "tea and tea again now"];
    let mut all = said.to_vec();
    all.extend(["nothing of the kind here"; 8]);
    let scene = texts(&world.fresh().await, &all).await;
    assert_eq!(scene.found(&scene.reach(), "tea").await, [said[1], said[2], said[0]]);
}

async fn no_text_breaks_a_search(world: World) {
    let scene = texts(&world, &["tea"]).await;
    let long = "ä".repeat(200);
    let many = "w ".repeat(32);
    for query in [
        "tea\"",
        "\"tea",
        "tea*",
        "tea:",
        "text:tea",
        "owner:tea",
        "^tea",
        "tea NEAR(x)",
        "(tea",
        "tea)",
        "tea AND",
        "NOT tea",
        "{text} : tea",
        "tea + tea",
        "!tea",
        "tea & tea",
        "tea | tea",
        "tea:*",
        "<-> tea",
        "tea <2> tea",
        "'tea'",
        "\\tea",
        "tea; DROP TABLE messages",
        "%tea%",
        "$1 tea",
        "?1 tea",
        "tea -- x",
        "tea \u{0}",
        "tea\u{1f389}",
        "\u{202e}tea",
        "o:tea",
        "\u{301}tea",
        "tea ⅷ",
        "\u{94d}\u{94d} tea",
        &long,
        &many,
        "\u{915}\u{94d}\u{937} -tea",
    ] {
        if let Ok(query) = SearchQuery::parse(query) {
            let found = scene.conversations().search(&scene.reach(), &query, ALL).await;
            assert!(found.is_ok(), "{query:?}: {found:?}");
        }
    }
    // What a database takes for no word at all finds nothing, and never everything.
    for query in ["\u{94d}\u{947}", "\u{345}", "ⓐ", "² -coffee", "\u{345} -coffee"] {
        if let Ok(query) = SearchQuery::parse(query) {
            let found = scene.conversations().search(&scene.reach(), &query, ALL).await.unwrap();
            assert!(found.is_empty(), "{query:?}");
        }
    }
}

async fn an_owner_is_no_word(world: World) {
    let (scene, other) = (texts(&world, &["tea"]).await, Scene::new(&world).await);
    // A text that says what the index knows owners by.
    let claim = format!(
        "tea o:{id} 'o:{id}' o{simple} i:{instance} i{}",
        scene.instance.uuid().simple(),
        id = scene.organization,
        simple = scene.organization.uuid().simple(),
        instance = scene.instance,
    );
    other.send("ada", &claim, at(2)).await;
    for reach in [scene.reach(), scene.reach().narrowed(scene.instance)] {
        assert_eq!(scene.found(&reach, "tea").await, ["tea"]);
    }
    assert_eq!(scene.found(&scene.reach().narrowed(other.instance), "tea").await, Vec::<String>::new());
    assert_eq!(scene.found(&scene.reach().narrowed(new_instance()), "tea").await, Vec::<String>::new());
    let simple = format!("o{}", scene.organization.uuid().simple());
    assert_eq!(finds(&scene, &simple).await, set(&[]), "who owns a text is none of its words");
}

async fn messages_of_one_rank_are_walked_once_each_while_rows_are_added(world: World) {
    let world = world.fresh().await;
    let scene =
        texts(&world, &["tea number one", "tea number two", "tea number six", "cup of tea", "cup of tea"])
            .await;
    let before = ids(&scene, "tea").await;
    assert_eq!(before.len(), 5);
    let query = SearchQuery::parse("tea").unwrap();
    let (mut after, mut walked) = (None, Vec::new());
    for round in 0..20 {
        let page = PageRequest { limit: 1, after, ..ALL };
        let rows = scene.conversations().search(&scene.reach(), &query, page).await.unwrap();
        let Some(first) = rows.first() else { break };
        walked.push(first.message.id);
        after = Some(Cursor { key: first.rank, id: first.message.id.uuid() });
        if rows.len() == 1 {
            break;
        }
        // Others' words, and own ones, change what the word is worth.
        let text =
            if round % 2 == 0 { "nothing to see in here" } else { "coffee, and no more tea, tea, tea" };
        Scene::new(&world).await.send("x", text, at(100 + round)).await;
        scene.send("ada", "coffee", at(100 + round)).await;
    }
    assert_eq!(walked.len(), 5, "each once");
    assert_eq!(walked.iter().copied().collect::<BTreeSet<_>>(), before);
}

async fn ids(scene: &Scene, query: &str) -> BTreeSet<MessageId> {
    let query = SearchQuery::parse(query).unwrap();
    let found = scene.conversations().search(&scene.reach(), &query, ALL).await.unwrap();
    found.into_iter().map(|found| found.message.id).collect()
}

async fn a_walk_goes_on_from_a_message_that_is_gone(world: World) {
    let scene = texts(&world.fresh().await, &["tea one", "tea two", "tea three", "tea four"]).await;
    let query = SearchQuery::parse("tea").unwrap();
    let all = scene.conversations().search(&scene.reach(), &query, ALL).await.unwrap();
    let gone = &all[1];
    // A place where no row is: just after the second.
    let id = uuid::Uuid::from_u128(gone.message.id.uuid().as_u128() - 1);
    let page = PageRequest { after: Some(Cursor { key: gone.rank, id }), ..ALL };
    let rest = scene.conversations().search(&scene.reach(), &query, page).await.unwrap();
    assert_eq!(rest, all[2..]);
}

/// Writes ten thousand messages that say it once, newer than all others, into the chat of the message that is named.
static FLOOD: Statement = Statement {
    name: "flood",
    effect: Effect::Write,
    parameters: &[Type::Uuid],
    columns: &[],
    postgres: "INSERT INTO messages (id, organization_id, instance_id, chat_id, direction, sender, text, status, created_at)
        SELECT ('ffffffff-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, organization_id, instance_id, chat_id, 'in', 'x', 'tide ' || n,
            'received', created_at
        FROM messages, generate_series(1, 10000) AS n
        WHERE id = $1",
    sqlite: "INSERT INTO messages (id, organization_id, instance_id, chat_id, direction, sender, text, status, created_at)
        WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < 10000)
        SELECT 'ffffffff-0000-7000-8000-' || printf('%012d', n), organization_id, instance_id, chat_id, 'in', 'x', 'tide ' || n, 'received', created_at
        FROM messages, counted
        WHERE id = $1",
};

async fn the_best_of_the_newest_ten_thousand_are_shown(world: World) {
    let world = world.fresh().await;
    let scene = Scene::new(&world).await;
    let oldest = scene.send("ada", "tide tide tide tide", at(0)).await;
    let other = Scene::new(&world).await;
    world.ask(&FLOOD, vec![oldest.id.uuid().into()]).await;
    let found = scene.found(&scene.reach(), "tide").await;
    assert_eq!(found.len(), 100 + 1, "a page, and one more");
    assert!(!found.contains(&oldest.text), "ten thousand newer ones have the word");
    // What is rare is found however old it is, and what others write takes no place away.
    assert_eq!(scene.found(&scene.reach(), "\"tide tide\"").await, [oldest.text]);
    other.send("ada", "tide in another place", at(5)).await;
    assert_eq!(scene.found(&scene.reach(), "tide").await, found);
    assert_eq!(other.found(&other.reach(), "tide").await, ["tide in another place"]);
}
