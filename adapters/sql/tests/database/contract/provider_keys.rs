use std::sync::Arc;

use portico_domain::{
    flows::user_settings::{OpenKeyError, OpenProviderKey, RekeyProviderKeys},
    models::{ProviderName, ProviderSetting, Sealed, Secret, StoredProviderKey, UserId},
    ports::{KeyStored, OpenRefused, ProvidersSwitched, Sealer, Unavailable},
};
use portico_sql::driver::{Effect, Statement, Type};
use portico_tests::random;
use uuid::Uuid;

use crate::{
    Case, cases,
    world::{World, at, unique},
};

pub(crate) const CASES: &[Case<World>] = cases![
    a_stored_key_is_found_and_shown_without_being_told,
    a_key_at_an_unknown_provider_is_not_stored,
    storing_again_replaces_the_key_and_leaves_the_switch,
    switches_are_turned_all_or_none,
    a_switch_that_was_so_already_keeps_its_moment,
    a_provider_without_a_key_is_remembered_with_its_switch,
    nobody_sees_or_turns_what_is_somebody_elses,
    nothing_is_stored_for_nobody,
    switches_turned_at_once_do_not_wait_for_each_other,
    a_ciphertext_moved_to_another_row_does_not_open,
    sealed_keys_are_walked_by_their_encryption_key,
    a_key_replaced_meanwhile_is_not_resealed,
    keys_are_put_under_the_present_encryption_key_while_people_store_others,
];

static MODEL_INSERT: Statement = Statement {
    name: "test_model_insert",
    effect: Effect::Write,
    parameters: &[Type::Text, Type::Uuid, Type::Text, Type::Time],
    columns: &[],
    postgres: MODEL,
    sqlite: MODEL,
};
const MODEL: &str = "INSERT INTO models (id, place, provider, name, context_window, input_cents_per_mtok, output_cents_per_mtok, capabilities, enabled, \
    hosted, released_at) VALUES ($1, $2, $3, 'A model', 1, 0, 0, '', true, false, $4)";

static KEY_MOVE: Statement = Statement {
    name: "test_key_move",
    effect: Effect::Write,
    parameters: &[Type::Uuid, Type::Text, Type::Uuid, Type::Text],
    columns: &[],
    postgres: MOVE,
    sqlite: MOVE,
};
const MOVE: &str =
    "UPDATE provider_keys SET user_id = $3, provider = $4 WHERE user_id = $1 AND provider = $2";

/// A provider that the catalogue has, because of one model.
async fn provider(world: &World) -> ProviderName {
    let name = format!("provider-{}", random::hex(6));
    let parameters = vec![
        format!("model-{name}").into(),
        Uuid::from_u128(rand()).into(),
        name.as_str().into(),
        at(0).into(),
    ];
    world.ask(&MODEL_INSERT, parameters).await;
    ProviderName::parse(&name).unwrap()
}

fn rand() -> u128 {
    u128::from_str_radix(&random::hex(16), 16).unwrap()
}

fn sealed(key_id: &str) -> Sealed {
    Sealed { key_id: key_id.to_owned(), bytes: random::hex(20).into_bytes() }
}

/// Seals by writing key and binding before the secret: enough to see whether rows are kept apart. The real one is tried with the command.
struct PlainSealer(Vec<String>);

impl PlainSealer {
    fn new(ids: &[&str]) -> Arc<Self> {
        Arc::new(Self(ids.iter().map(|id| (*id).to_owned()).collect()))
    }
}

impl Sealer for PlainSealer {
    fn present_key(&self) -> Result<String, Unavailable> {
        Ok(self.0[0].clone())
    }

    fn seal(&self, secret: &Secret, binding: &[u8]) -> Result<Sealed, Unavailable> {
        let bytes = [self.0[0].as_bytes(), binding, b"|", secret.expose().as_bytes()].concat();
        Ok(Sealed { key_id: self.0[0].clone(), bytes })
    }

    fn open(&self, sealed: &Sealed, binding: &[u8]) -> Result<Secret, OpenRefused> {
        if !self.0.contains(&sealed.key_id) {
            return Err(OpenRefused::UnknownKey { key_id: sealed.key_id.clone() });
        }
        let prefix = [sealed.key_id.as_bytes(), binding, b"|"].concat();
        let text = sealed.bytes.strip_prefix(&prefix[..]).ok_or(OpenRefused::Tampered)?;
        Ok(Secret::new(String::from_utf8(text.to_vec()).unwrap()))
    }
}

async fn store(
    world: &World,
    user: UserId,
    provider: &ProviderName,
    sealed: Sealed,
    seconds: i64,
) -> KeyStored {
    let keys = &world.repositories.provider_keys;
    keys.store(user, provider.clone(), sealed, "last".to_owned(), at(seconds)).await.unwrap()
}

async fn list(world: &World, user: UserId) -> Vec<ProviderSetting> {
    world.repositories.provider_keys.list(user).await.unwrap()
}

async fn a_stored_key_is_found_and_shown_without_being_told(world: World) {
    let (user, provider) = (world.person().await, provider(&world).await);
    let sealed = sealed("k1");
    assert_eq!(store(&world, user.id, &provider, sealed.clone(), 1).await, KeyStored::Stored);
    let shown = ProviderSetting {
        provider: provider.clone(),
        enabled: true,
        last4: Some("last".to_owned()),
        updated_at: at(1),
    };
    assert_eq!(list(&world, user.id).await, [shown]);
    let found = world.repositories.provider_keys.find(user.id, &provider).await.unwrap().unwrap();
    assert_eq!(found, StoredProviderKey { user_id: user.id, provider, enabled: true, sealed });
}

async fn a_key_at_an_unknown_provider_is_not_stored(world: World) {
    let user = world.person().await;
    let unknown = ProviderName::parse(&format!("unknown-{}", random::hex(6))).unwrap();
    assert_eq!(store(&world, user.id, &unknown, sealed("k1"), 1).await, KeyStored::UnknownProvider);
    assert_eq!(list(&world, user.id).await, []);
}

async fn storing_again_replaces_the_key_and_leaves_the_switch(world: World) {
    let (user, provider) = (world.person().await, provider(&world).await);
    store(&world, user.id, &provider, sealed("k1"), 1).await;
    let keys = &world.repositories.provider_keys;
    keys.switch(user.id, vec![(provider.clone(), false)], at(2)).await.unwrap();
    let second = sealed("k2");
    store(&world, user.id, &provider, second.clone(), 3).await;
    let found = keys.find(user.id, &provider).await.unwrap().unwrap();
    assert_eq!((found.enabled, found.sealed), (false, second));
    assert_eq!(list(&world, user.id).await[0].updated_at, at(3));
}

async fn switches_are_turned_all_or_none(world: World) {
    let user = world.person().await;
    let (one, two) = (provider(&world).await, provider(&world).await);
    let unknown = |n: u8| ProviderName::parse(&format!("unknown-{n}-{}", user.id)).unwrap();
    let keys = &world.repositories.provider_keys;
    let wanted = vec![(one.clone(), true), (unknown(1), true), (two.clone(), false), (unknown(2), false)];
    let ProvidersSwitched::Unknown(mut told) = keys.switch(user.id, wanted, at(1)).await.unwrap() else {
        panic!("some are unknown");
    };
    told.sort_unstable();
    assert_eq!(told, [unknown(1), unknown(2)]);
    assert_eq!(list(&world, user.id).await, [], "none was turned");

    let wanted = vec![(two.clone(), false), (one.clone(), true)];
    let done = keys.switch(user.id, wanted, at(2)).await.unwrap();
    let shown = list(&world, user.id).await;
    assert_eq!(done, ProvidersSwitched::Done(shown.clone()));
    let mut expected = vec![(one, true), (two, false)];
    expected.sort_unstable();
    assert_eq!(shown.into_iter().map(|row| (row.provider, row.enabled)).collect::<Vec<_>>(), expected);
    let nothing = keys.switch(user.id, Vec::new(), at(3)).await.unwrap();
    assert_eq!(nothing, ProvidersSwitched::Done(list(&world, user.id).await));
}

async fn a_switch_that_was_so_already_keeps_its_moment(world: World) {
    let user = world.person().await;
    let (one, two) = (provider(&world).await, provider(&world).await);
    let keys = &world.repositories.provider_keys;
    keys.switch(user.id, vec![(one.clone(), true), (two.clone(), true)], at(1)).await.unwrap();
    keys.switch(user.id, vec![(one.clone(), true), (two.clone(), false)], at(2)).await.unwrap();
    let moment = |rows: &[ProviderSetting], name: &ProviderName| {
        rows.iter().find(|row| row.provider == *name).unwrap().updated_at
    };
    let rows = list(&world, user.id).await;
    assert_eq!((moment(&rows, &one), moment(&rows, &two)), (at(1), at(2)));
}

async fn a_provider_without_a_key_is_remembered_with_its_switch(world: World) {
    let (user, provider) = (world.person().await, provider(&world).await);
    let keys = &world.repositories.provider_keys;
    keys.switch(user.id, vec![(provider.clone(), false)], at(1)).await.unwrap();
    assert_eq!(keys.find(user.id, &provider).await, Ok(None));
    assert_eq!(list(&world, user.id).await[0].last4, None);
    store(&world, user.id, &provider, sealed("k1"), 2).await;
    assert!(!keys.find(user.id, &provider).await.unwrap().unwrap().enabled);
}

async fn nobody_sees_or_turns_what_is_somebody_elses(world: World) {
    let (owner, other) = (world.person().await, world.person().await);
    let provider = provider(&world).await;
    let sealed_for_owner = sealed("k1");
    store(&world, owner.id, &provider, sealed_for_owner.clone(), 1).await;
    let keys = &world.repositories.provider_keys;
    assert_eq!(list(&world, other.id).await, []);
    assert_eq!(keys.find(other.id, &provider).await, Ok(None));
    keys.switch(other.id, vec![(provider.clone(), false)], at(2)).await.unwrap();
    store(&world, other.id, &provider, sealed("k2"), 3).await;
    let found = keys.find(owner.id, &provider).await.unwrap().unwrap();
    assert_eq!((found.enabled, found.sealed), (true, sealed_for_owner));
}

async fn nothing_is_stored_for_nobody(world: World) {
    let nobody = UserId::generate(at(0), unique());
    let provider = provider(&world).await;
    assert_eq!(store(&world, nobody, &provider, sealed("k1"), 1).await, KeyStored::Gone);
    let keys = &world.repositories.provider_keys;
    let switched = keys.switch(nobody, vec![(provider, true)], at(1)).await;
    assert_eq!(switched, Ok(ProvidersSwitched::Gone));
}

async fn switches_turned_at_once_do_not_wait_for_each_other(world: World) {
    let user = world.person().await;
    let mut names = Vec::new();
    for _ in 0..6 {
        names.push(provider(&world).await);
    }
    let mut turns = tokio::task::JoinSet::new();
    for n in 0..12 {
        let mut wanted: Vec<_> = names.iter().map(|name| (name.clone(), n % 3 == 0)).collect();
        if n % 2 == 0 {
            wanted.reverse();
        }
        let keys = Arc::clone(&world.repositories.provider_keys);
        turns.spawn(async move { keys.switch(user.id, wanted, at(n)).await });
    }
    for outcome in turns.join_all().await {
        assert!(matches!(outcome, Ok(ProvidersSwitched::Done(_))), "{outcome:?}");
    }
    let switches: Vec<bool> = list(&world, user.id).await.iter().map(|row| row.enabled).collect();
    assert!(switches == [true; 6] || switches == [false; 6], "one list as a whole: {switches:?}");
}

async fn a_ciphertext_moved_to_another_row_does_not_open(world: World) {
    let (owner, thief) = (world.person().await, world.person().await);
    let (one, two) = (provider(&world).await, provider(&world).await);
    let sealer = PlainSealer::new(&["k1"]);
    let open = OpenProviderKey {
        keys: Arc::clone(&world.repositories.provider_keys),
        sealer: Arc::clone(&sealer) as Arc<dyn Sealer>,
    };
    let secret = Secret::new("sk-obviously-fake");
    let sealed = sealer.seal(&secret, &StoredProviderKey::binding(owner.id, &one)).unwrap();
    store(&world, owner.id, &one, sealed, 1).await;
    assert_eq!(open.run(owner.id, &one).await, Ok(secret));
    let names = |user: UserId, provider: &ProviderName| [user.uuid().into(), provider.as_str().into()];
    for (from, to) in [((owner.id, &one), (owner.id, &two)), ((owner.id, &two), (thief.id, &one))] {
        let parameters = [names(from.0, from.1), names(to.0, to.1)].concat();
        world.ask(&KEY_MOVE, parameters).await;
        let refused = open.run(to.0, to.1).await;
        assert_eq!(refused, Err(OpenKeyError::Refused(OpenRefused::Tampered)));
    }
}

async fn sealed_keys_are_walked_by_their_encryption_key(world: World) {
    let world = world.fresh().await;
    let (one, two) = (provider(&world).await, provider(&world).await);
    let mut expected = Vec::new();
    for id in ["k1", "k2", "k1", "k1", "k3"] {
        let user = world.person().await;
        for provider in [&one, &two] {
            store(&world, user.id, provider, sealed(id), 1).await;
            expected.push((id, user.id, provider.clone()));
        }
    }
    let switched_only = world.person().await;
    world.repositories.provider_keys.switch(switched_only.id, vec![(one, true)], at(1)).await.unwrap();
    expected.sort_unstable();

    let keys = &world.repositories.sealed_keys;
    let (mut ids, mut after) = (Vec::new(), String::new());
    while let Some(id) = keys.next_key_id(&after).await.unwrap() {
        after.clone_from(&id);
        ids.push(id);
    }
    ids.sort_unstable();
    assert_eq!(ids, ["k1", "k2", "k3"]);
    let (mut walked, mut places) = (Vec::new(), Vec::new());
    for id in &ids {
        let mut after = None;
        loop {
            let page = keys.under(id, after.clone(), 2).await.unwrap();
            let told = keys.places(id, after, 2).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some((last.user_id, last.provider.clone()));
            walked.extend(page.iter().map(|key| (id.as_str(), key.user_id, key.provider.clone())));
            places.extend(told.into_iter().map(|(user, provider)| (id.as_str(), user, provider)));
        }
    }
    assert_eq!(walked, places);
    walked.sort_unstable();
    assert_eq!(walked, expected);
}

async fn a_key_replaced_meanwhile_is_not_resealed(world: World) {
    let (user, provider) = (world.person().await, provider(&world).await);
    store(&world, user.id, &provider, sealed("k1"), 1).await;
    let keys = &world.repositories.provider_keys;
    let old = keys.find(user.id, &provider).await.unwrap().unwrap();
    let newer = sealed("k1");
    store(&world, user.id, &provider, newer.clone(), 2).await;
    let sealed_keys = &world.repositories.sealed_keys;
    assert_eq!(sealed_keys.reseal(&old, sealed("k2")).await, Ok(false));
    let found = keys.find(user.id, &provider).await.unwrap().unwrap();
    assert_eq!(found.sealed, newer);

    let resealed = sealed("k2");
    assert_eq!(sealed_keys.reseal(&found, resealed.clone()).await, Ok(true));
    assert_eq!(keys.find(user.id, &provider).await.unwrap().unwrap().sealed, resealed);
    assert_eq!(list(&world, user.id).await[0].updated_at, at(2), "its owner sees no difference");
}

async fn keys_are_put_under_the_present_encryption_key_while_people_store_others(world: World) {
    let world = world.fresh().await;
    let provider = provider(&world).await;
    let (old, both) = (PlainSealer::new(&["old"]), PlainSealer::new(&["new", "old"]));
    let mut people = Vec::new();
    for _ in 0..60 {
        let user = world.person().await.id;
        let binding = StoredProviderKey::binding(user, &provider);
        let sealed = old.seal(&Secret::new(format!("first-of-{user}")), &binding).unwrap();
        store(&world, user, &provider, sealed, 1).await;
        people.push(user);
    }
    let rekey = RekeyProviderKeys {
        keys: Arc::clone(&world.repositories.sealed_keys),
        sealer: Arc::clone(&both) as Arc<dyn Sealer>,
    };
    // Every other person stores another key, half of them at a server that knows the new encryption key already.
    let storing = async {
        for (n, user) in people.iter().enumerate().filter(|(n, _)| n % 2 == 0).rev() {
            let sealer = if n % 4 == 0 { &old } else { &both };
            let binding = StoredProviderKey::binding(*user, &provider);
            let sealed = sealer.seal(&Secret::new(format!("second-of-{user}")), &binding).unwrap();
            store(&world, *user, &provider, sealed, 2).await;
        }
    };
    let (report, ()) = tokio::join!(rekey.run(|_| ()), storing);
    assert_eq!(report.unwrap().refused, 0);
    let last = rekey.run(|_| ()).await.unwrap();
    assert_eq!(last.in_use, ["new"]);
    let open = OpenProviderKey { keys: Arc::clone(&world.repositories.provider_keys), sealer: both };
    for (n, user) in people.iter().enumerate() {
        let expected = if n % 2 == 0 { "second" } else { "first" };
        let opened = open.run(*user, &provider).await.unwrap();
        assert_eq!(opened.expose(), format!("{expected}-of-{user}"));
    }
}
