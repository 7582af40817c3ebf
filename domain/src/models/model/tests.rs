use std::collections::BTreeSet;

use uuid::Uuid;

use super::*;
use crate::models::{Order, PageRequest};

const ONE: &str = r#"{"id":"a-1","provider":"acme","name":"A 1","context_window":1000,"input_cents_per_mtok":15,
    "output_cents_per_mtok":60,"capabilities":["tools","chat","chat"],"released_at":"2025-01-31"}"#;

fn line(id: &str, released: &str) -> String {
    ONE.replace("a-1", id).replace("2025-01-31", released).replace('\n', " ")
}

fn told(text: &str) -> Vec<String> {
    Catalogue::parse(text).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn the_programs_own_catalogue_is_read_and_has_what_it_should() {
    let own = BuiltInModels::own();
    let models = own.get().models();
    let providers: BTreeSet<&str> = models.iter().map(|model| model.provider.as_str()).collect();
    assert!(providers.len() >= 6 && models.len() > 50, "{providers:?}");
    assert!(
        providers.iter().all(|provider| models.iter().any(|m| m.provider.as_str() == *provider && m.enabled))
    );
    assert!(models.iter().any(|model| model.hosted) && models.iter().any(|model| !model.hosted));
    assert!(models.iter().any(|model| !model.enabled));
}

#[test]
fn a_list_an_object_and_lines_are_the_same_catalogue() {
    let (one, two) = (line("a-1", "2025-01-31"), line("a-2", "2024-01-31T12:00:00+01:00"));
    let of = |text: &str| Catalogue::parse(text).unwrap();
    let list = of(&format!("[{one},\n{two}]"));
    assert_eq!(list.models().iter().map(|m| m.id.as_str()).collect::<Vec<_>>(), ["a-2", "a-1"]);
    for other in [
        format!("{{\"as_of\":\"2025-01-01\",\n\"models\":[{two},{one}]}}"),
        format!("{{\"models\":[{two},{one}]}}"),
        format!("\u{feff}{two}\r\n\n{one}\n"),
    ] {
        assert_eq!(of(&other), list, "{other}");
        assert_eq!(of(&other).digest(), list.digest());
    }
    assert_ne!(of(&one).digest(), list.digest());
    let model = &list.models()[1];
    assert_eq!(model.capabilities.iter().map(Capability::as_str).collect::<Vec<_>>(), ["chat", "tools"]);
    assert_eq!((model.enabled, model.hosted), (true, false));
    assert_eq!(serde_json::from_str::<Model>(&serde_json::to_string(model).unwrap()).unwrap(), *model);
}

#[test]
fn every_faulty_member_is_named_with_its_model_and_line() {
    let wrong = r#"{"id":"A/1","provider":"Acme","name":" ","context_window":0,"input_cents_per_mtok":1.5,
        "output_cents_per_mtok":-1,"capabilities":"chat","released_at":"soon","enabled":1,"hosted":null,"price":1}"#;
    let faults = told(&format!("{}\n{}", line("a-1", "2025-01-31"), wrong.replace('\n', " ")));
    let members = [
        "id",
        "provider",
        "name",
        "context_window",
        "input_cents_per_mtok",
        "output_cents_per_mtok",
        "capabilities",
        "released_at",
        "enabled",
        "hosted",
        "price",
    ];
    for (fault, member) in faults.iter().zip(members) {
        assert!(fault.starts_with(&format!("line 2 (A/1): {member} ")), "{fault}");
    }
    assert_eq!(faults.len(), members.len());
    assert_eq!(told("[{}]")[0], "model 1: id is missing");
    assert_eq!(told("[{}]").len(), 8);
    assert_eq!(told("[1]"), ["model 1: must be an object"]);
}

#[test]
fn what_is_no_catalogue_is_told_as_such() {
    let one = line("a-1", "2025-01-31");
    assert_eq!(told(&format!("[{one},{one}]")), ["model 2 (a-1): id stands already at model 1"]);
    assert_eq!(told(""), ["line 1: is not JSON (column 0)"]);
    assert_eq!(told("[]"), ["file: has no models in it"]);
    assert_eq!(told("\"models\"").len(), 1);
    assert_eq!(told(&format!("{one}\n{{broken\n")), ["line 2: is not JSON (column 2)"]);
    let cut = format!("[{one}");
    assert_eq!(told(&cut), [format!("line 1: is not JSON (column {})", cut.len())]);
    assert_eq!(
        told(&format!("{{\"model\":[],\"models\":[{one}]}}")),
        ["file: model is not a member of a catalogue"]
    );
    let many = told(&vec!["{}"; 100].join("\n"));
    assert_eq!((many.len(), many[20].as_str()), (21, "file: has 780 more faults"));
}

#[test]
fn a_catalogue_in_memory_is_walked_as_one_in_storage() {
    let days = ["2025-01-01", "2025-01-02", "2025-01-02", "2025-01-02", "2025-01-05"];
    let text: Vec<String> = days.iter().enumerate().map(|(n, day)| line(&format!("m-{n}"), day)).collect();
    let catalogue = Catalogue::parse(&text.join("\n")).unwrap();
    for order in [Order::Ascending, Order::Descending] {
        for limit in 1..=6 {
            let (mut after, mut walked) = (None, Vec::new());
            for _ in 0..6 {
                let rows =
                    catalogue.list(PageRequest { limit, after, order }, |model| model.id.as_str() != "m-2");
                let more = rows.len() > limit as usize;
                walked.extend(rows.into_iter().take(limit as usize));
                after = walked.last().map(Model::place);
                if !more {
                    break;
                }
            }
            let mut places: Vec<(i64, Uuid)> = walked.iter().map(|m| (m.place().key, m.place().id)).collect();
            if order == Order::Descending {
                places.reverse();
            }
            assert!(places.is_sorted() && places.len() == 4, "{order:?} {limit}: {places:?}");
        }
    }
}

#[test]
fn filters_that_differ_are_written_differently() {
    let filter = |provider: Option<&str>, capability: Option<&str>| ModelFilter {
        provider: provider.and_then(ProviderName::parse),
        capability: capability.and_then(Capability::parse),
    };
    let written: BTreeSet<String> =
        [(None, None), (Some("a"), None), (None, Some("a")), (Some("a"), Some("a"))]
            .map(|(provider, capability)| filter(provider, capability).to_string())
            .into();
    assert_eq!(written.len(), 4);
}
