use super::*;

#[test]
fn the_card_goes_where_the_last_one_was_and_leaves_the_rest() {
    let first = placed("# Title\n\nWords.\n", "one\n").unwrap();
    assert!(
        first.starts_with("# Title\n\nWords.\n\n<!-- card:") && first.contains("\n\none\n\n<!-- /card -->"),
        "{first}"
    );
    let more = format!("{first}\n## Below\n");
    let second = placed(&more, "two").unwrap();
    assert!(
        !second.contains("one") && second.contains("two") && second.ends_with("\n\n## Below\n"),
        "{second}"
    );
    assert_eq!(placed(&second, "two").unwrap(), second);
}

#[test]
fn a_file_with_half_a_place_is_left_alone() {
    for broken in ["<!-- card: x -->", "<!-- /card -->", "<!-- /card --><!-- card: x -->"] {
        assert!(placed(broken, "card").is_err(), "{broken}");
    }
}

#[test]
fn a_card_tells_what_was_measured_and_what_is_missing() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/commands/report/fixture");
    let measured = Measured::read(&folder).unwrap();
    let card = render(&measured);
    assert_eq!(card, render(&Measured::read(&folder).unwrap()));
    for told in [
        "| `API_KEY_CACHE` | /api/v1/auth/me by key | worth ×12.1 (11.0–13.3) | 1 → 0 | ×1.010 (0.950–1.070) |",
        "can't be told from noise: ×1.004 (0.980–1.030)",
        "not measured: it sleeps",
        "| health | native SQLite |",
        "all 2 held",
        "NOT HELD: p95 ms 700 (limit 500)",
        "| wasm KiB | wasm gzip KiB | worker |",
        "- `portico compare` of the target worker",
        "- the load `soak`",
        "- `runtime-worker/bench/run start --json`",
        "what `other.json` holds is not known here",
        "MISSING: there is no result of `portico baseline`",
        "portico compare --db-latency 20ms --rounds 8 --seconds 1",
    ] {
        assert!(card.contains(told), "{told}\n\n{card}");
    }
}

#[test]
fn nothing_measured_is_all_missing_and_a_broken_file_is_named() {
    let card = render(&Measured::default());
    assert_eq!(card.matches("MISSING").count(), 4, "{card}");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bad.json"), "{").unwrap();
    let told = format!("{:#}", Measured::read(folder.path()).unwrap_err());
    assert!(told.contains("bad.json"), "{told}");
    let told = format!("{:#}", Measured::read(&folder.path().join("none")).unwrap_err());
    assert!(told.contains("measure something first"), "{told}");
}
