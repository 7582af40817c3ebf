//! The cache as operators see and steer it.

use http::Method;
use serde_json::{Map, Value, json};

use super::{
    Tag,
    answer::Answer,
    document::Document,
    examples,
    operation::{Operation, Who},
    schema::{
        Shape, answer, count, flag, list_of, map, named, named_as, number, one_of, or_null, part, request,
        time, uuid, whole, words,
    },
};
use crate::code::Code;

const TAG: Tag = Tag::Administration;
const CACHE: &str = "/api/v1/admin/cache";

/// A kind of thing that is cached.
pub(super) fn prefix(what: &str) -> Shape {
    one_of(what, examples::prefixes())
}

/// Where entries are kept.
pub(super) fn tiers(what: &str) -> Shape {
    one_of(what, ["off", "memory", "shared", "both"])
}

pub(super) fn describe(document: &mut Document) {
    schemas(document);
    document.operation(
        Operation::new(Method::GET, CACHE, "getCacheFigures", TAG, "Shows what the cache does")
            .about("In the process or isolate that answers.")
            .by(Who::Admin)
            .answer(Answer::json(
                200,
                "Figures since that process or isolate began.",
                named("CacheFigures"),
                figures_example(),
            )),
    );
    document.operation(
        Operation::new(Method::DELETE, CACHE, "clearCache", TAG, "Drops what is cached")
            .about("On all tiers, and on all servers that share Redis. On Workers at once in this isolate, elsewhere within half a minute and the lifetime.")
            .by(Who::Admin)
            .required_query("prefix", one_of("Of what kind; `*` is all.", examples::prefixes().chain(["*"])))
            .answer(Answer::empty(204, "It is dropped.")),
    );
    let warmed = json!({"warmed": {"books": 12}, "skipped": {"bot": "nothing is known to be asked of it"}});
    document.operation(
        Operation::new(
            Method::POST,
            "/api/v1/admin/cache/warm",
            "warmCache",
            TAG,
            "Fills the cache with what will be asked",
        )
        .about("409 while another warm-up is under way there.")
        .by(Who::Admin)
        .optional_body("WarmCacheRequest", json!({"prefixes": ["books"], "limit": 100}))
        .answer(Answer::json(200, "What was filled, and what not and why.", named("WarmedCache"), warmed))
        .problem(Code::Conflict),
    );
}

fn figures_example() -> Value {
    let tier = || json!({"hits": 90, "stale": 0, "mean_age_ms": 4_210.5, "load_time_saved_ms": 51.2});
    let one = json!({
        "policy": {
            "lifetime_seconds": 60, "refresh_after_seconds": 45, "stale_seconds": 60, "stale_when_away_seconds": 600,
            "negative_seconds": 10, "jitter_percent": 10, "tiers": "both",
        },
        "running_experiment": null,
        "adopted_experiment": null,
        "figures": {
            "hit_rate": 0.9, "memory": tier(), "shared": tier(), "negative": 0, "misses": 20, "last_resort": 0, "fills": 20,
            "warmed": 0, "fenced": 0, "errors": 0, "refreshes": 0, "invalidations": 1, "filled_bytes": 20_480, "mean_load_ms": 0.6,
        },
    });
    let prefixes: Map<String, Value> =
        examples::prefixes().map(|name| (name.to_owned(), one.clone())).collect();
    json!({
        "server": examples::shown(&examples::user().id),
        "since": examples::shown(&examples::user().created_at),
        "memory": {"entries": 20, "bytes": 40_960, "capacity_bytes": 33_554_432},
        "shared": null,
        "prefixes": prefixes,
        "limiter": {"is_away": false, "passed_uncounted": 0, "refused_uncounted": 0},
    })
}

fn schemas(document: &mut Document) {
    let memory = vec![
        ("entries", count("Entries.")),
        ("bytes", count("Their size.")),
        ("capacity_bytes", count("The most that are kept.")),
    ];
    document.schema("CacheMemory", answer("How full the memory is.", memory));
    let shared = vec![
        ("name", words("What it is.")),
        ("left_alone", flag("Whether it is left alone at present because it kept failing.")),
        ("given_up", count("Calls given up because they took too long.")),
        ("failed", count("Calls that failed, those given up among them.")),
        ("skipped", count("Calls not made while it was left alone.")),
        ("entries", or_null(count("Entries, where it can tell."))),
        ("bytes", or_null(count("Their size, where it can tell."))),
        ("undelivered", count("Invalidations that are still to be delivered.")),
    ];
    document.schema("CacheShared", answer("The tier that servers share.", shared));
    let policy = vec![
        ("lifetime_seconds", count("How long an entry is fresh.")),
        ("refresh_after_seconds", count("From when on a fresh one is loaded anew behind the answer.")),
        ("stale_seconds", count("How long past its lifetime it is used while it is loaded anew.")),
        ("stale_when_away_seconds", count("How long while its source can't be asked.")),
        ("negative_seconds", count("How long it is remembered that there is no such thing.")),
        ("jitter_percent", whole("The part of the lifetime that an entry may be given less.", (0, 100))),
        ("tiers", tiers("Where it is kept.")),
    ];
    document.schema("CachePolicy", answer("How entries are kept.", policy));
    let tier = vec![
        ("hits", count("Answers from fresh entries.")),
        ("stale", count("Answers from entries past their lifetime.")),
        ("mean_age_ms", number("How old entries were when they answered, on average.")),
        ("load_time_saved_ms", number("How long the loads had taken that these answers did without.")),
    ];
    document.schema("CacheTierFigures", answer("What a tier did.", tier));
    let figures = vec![
        (
            "hit_rate",
            or_null(part("The part of reads that did not wait for the source; null before the first.")),
        ),
        ("memory", named_as("CacheTierFigures", "From memory.")),
        ("shared", named_as("CacheTierFigures", "From the shared tier.")),
        ("negative", count("Answers that there is no such thing.")),
        ("misses", count("Reads that waited for the source.")),
        ("last_resort", count("Answers from entries past their lifetime because the source was away.")),
        ("fills", count("Loads that went well.")),
        ("warmed", count("Entries that were loaded before anybody asked for them.")),
        ("fenced", count("Entries that were not kept because they were invalidated while they were loaded.")),
        ("errors", count("Loads that failed.")),
        ("refreshes", count("Loads behind an answer.")),
        ("invalidations", count("Invalidations made here.")),
        ("filled_bytes", count("The size of all entries that were kept, as JSON.")),
        ("mean_load_ms", number("How long a load takes, on average.")),
    ];
    document.schema("CachePrefixFigures", answer("What the cache did for a prefix.", figures));
    let of_prefix = vec![
        ("policy", named_as("CachePolicy", "How its entries are kept.")),
        ("running_experiment", or_null(uuid("The experiment that runs."))),
        ("adopted_experiment", or_null(uuid("The experiment of which an arm is adopted."))),
        ("figures", named_as("CachePrefixFigures", "What the cache did for it.")),
    ];
    document.schema("CachePrefix", answer("A kind of thing that is cached.", of_prefix));
    let limiter = vec![
        ("is_away", flag("Whether it couldn't be asked the last time.")),
        ("passed_uncounted", count("What passed without being counted.")),
        ("refused_uncounted", count("What was refused for it.")),
    ];
    document.schema("LimiterFigures", answer("How it went without the rate limiter.", limiter));
    let all = vec![
        ("server", uuid("Names the process or isolate.")),
        ("since", time("When it began.")),
        ("memory", named_as("CacheMemory", "How full the memory is.")),
        (
            "shared",
            or_null(named_as("CacheShared", "The tier that servers share; null where there is none.")),
        ),
        ("prefixes", map("By prefix.", Some(named("CachePrefix")))),
        ("limiter", named_as("LimiterFigures", "How it went without the rate limiter.")),
    ];
    document.schema("CacheFigures", answer("What the cache does in one process or isolate.", all));
    let warm = vec![
        (
            "prefixes",
            or_null(list_of("Of what kind; all where it is left out.", prefix("A kind."), (1, 1_000))),
        ),
        (
            "limit",
            or_null(whole("How many entries at most; on Workers 100 are filled at most.", (1, 10_000))),
        ),
    ];
    document.schema("WarmCacheRequest", request("What to fill.", Vec::new(), warm));
    let warmed = vec![
        ("warmed", map("How many entries were filled, by prefix.", Some(count("Entries.")))),
        ("skipped", map("Why nothing was, by prefix.", Some(words("Why.")))),
    ];
    document.schema("WarmedCache", answer("What came of it.", warmed));
}
