use std::time::Duration;

use portico_domain::{
    models::{
        ApiKey, ApiKeyId, Cursor, Digest, InstanceId, KeyStatus, NewApiKey, Order, OrganizationId,
        PageRequest, Quota, Scope, Scopes, Timestamp, User,
    },
    ports::{KeyChange, KeyChanged, KeyRotation},
};

use crate::{
    Case, cases,
    world::{World, at, unique},
};

pub(crate) const CASES: &[Case<World>] = cases![
    a_key_is_found_as_it_was_made_by_its_digest_and_by_its_id,
    an_unknown_digest_is_none,
    another_organization_finds_changes_and_revokes_nothing,
    a_change_touches_what_it_names_alone,
    a_rotated_key_has_two_texts_at_most,
    a_revoked_key_stays_as_it_is,
    a_list_walks_each_key_once_in_both_orders,
];

fn digest() -> Digest {
    Digest::of(&unique())
}

pub(crate) fn new_key(user: &User, created_at: Timestamp) -> NewApiKey {
    NewApiKey {
        key: ApiKey {
            id: ApiKeyId::generate(created_at, unique()),
            name: "deploy \"of\" O'Hara".to_owned(),
            prefix: "pk_fake1".to_owned(),
            organization_id: user.organization_id,
            scopes: Scopes::from_iter([Scope::MessagesRead, Scope::ModelsRead]),
            instance_ids: Some(vec![
                InstanceId::generate(at(0), unique()),
                InstanceId::generate(at(0), unique()),
            ]),
            status: KeyStatus::Active,
            expires_at: Some(at(1_000)),
            rate_limit: Some(Quota { limit: 7, window: Duration::from_secs(60) }),
            created_at,
            last_used_at: None,
        },
        made_by: user.id,
        digest: digest(),
    }
}

pub(crate) async fn made(world: &World) -> (User, NewApiKey) {
    let user = world.person().await;
    let new = new_key(&user, at(1));
    world.repositories.api_keys.create(new.clone()).await.unwrap();
    (user, new)
}

async fn a_key_is_found_as_it_was_made_by_its_digest_and_by_its_id(world: World) {
    let (user, new) = made(&world).await;
    let holder = world.repositories.key_lookup.by_digest(new.digest).await.unwrap().unwrap();
    assert_eq!(holder.key, new.key);
    assert_eq!(holder.maker, user);
    assert_eq!(holder.superseded_until, None);
    let found = world.repositories.api_keys.by_id(user.organization_id, new.key.id).await;
    assert_eq!(found, Ok(Some(new.key)));

    let bare = NewApiKey {
        key: ApiKey {
            scopes: Scopes::default(),
            instance_ids: Some(Vec::new()),
            expires_at: None,
            rate_limit: None,
            ..new_key(&user, at(2)).key
        },
        ..new_key(&user, at(2))
    };
    world.repositories.api_keys.create(bare.clone()).await.unwrap();
    let holder = world.repositories.key_lookup.by_digest(bare.digest).await.unwrap().unwrap();
    assert_eq!(holder.key, bare.key, "nothing named is none, not all");
}

async fn an_unknown_digest_is_none(world: World) {
    assert_eq!(world.repositories.key_lookup.by_digest(digest()).await, Ok(None));
}

async fn another_organization_finds_changes_and_revokes_nothing(world: World) {
    let (user, new) = made(&world).await;
    let other = OrganizationId::generate(at(0), unique());
    let (keys, id) = (&world.repositories.api_keys, new.key.id);
    assert_eq!(keys.by_id(other, id).await, Ok(None));
    let change = KeyChange { name: Some("taken".to_owned()), ..KeyChange::default() };
    assert_eq!(keys.change(other, id, change).await, Ok(KeyChanged::NotFound));
    let rotation = KeyRotation { digest: digest(), prefix: "pk_fake2".to_owned(), old_until: at(5) };
    assert_eq!(keys.rotate(other, id, rotation).await, Ok(KeyChanged::NotFound));
    assert_eq!(keys.revoke(other, id, at(5)).await, Ok(None));
    assert_eq!(keys.by_id(user.organization_id, id).await, Ok(Some(new.key)));
}

async fn a_change_touches_what_it_names_alone(world: World) {
    let (user, new) = made(&world).await;
    let (keys, id, organization) = (&world.repositories.api_keys, new.key.id, user.organization_id);
    let unchanged = keys.change(organization, id, KeyChange::default()).await;
    let done = |key: &ApiKey| KeyChanged::Done { key: Box::new(key.clone()), digests: vec![new.digest] };
    assert_eq!(unchanged, Ok(done(&new.key)));
    let named = KeyChange {
        name: Some("renamed".to_owned()),
        scopes: Some(Scopes::default()),
        ..KeyChange::default()
    };
    let expected = ApiKey { name: "renamed".to_owned(), scopes: Scopes::default(), ..new.key.clone() };
    assert_eq!(keys.change(organization, id, named).await, Ok(done(&expected)));
    let cleared = KeyChange {
        instance_ids: Some(None),
        expires_at: Some(None),
        rate_limit: Some(None),
        ..KeyChange::default()
    };
    let expected = ApiKey { instance_ids: None, expires_at: None, rate_limit: None, ..expected };
    assert_eq!(keys.change(organization, id, cleared).await, Ok(done(&expected)));
    assert_eq!(keys.by_id(organization, id).await, Ok(Some(expected)));
}

async fn a_rotated_key_has_two_texts_at_most(world: World) {
    let (user, new) = made(&world).await;
    let (first, second, third) = (new.digest, digest(), digest());
    let lookup = &world.repositories.key_lookup;
    let rotate = async |digest, old, old_until| {
        let rotation = KeyRotation { digest, prefix: "pk_fake2".to_owned(), old_until };
        let outcome =
            world.repositories.api_keys.rotate(user.organization_id, new.key.id, rotation).await.unwrap();
        let KeyChanged::Done { key, digests } = outcome else { panic!("{outcome:?}") };
        assert_eq!((key.prefix.as_str(), key.id), ("pk_fake2", new.key.id));
        assert_eq!(digests, [digest, old]);
    };
    rotate(second, first, at(50)).await;
    let old = lookup.by_digest(first).await.unwrap().unwrap();
    assert_eq!((old.key.id, old.superseded_until), (new.key.id, Some(at(50))));
    let present = lookup.by_digest(second).await.unwrap().unwrap();
    assert_eq!((present.key.id, present.superseded_until), (new.key.id, None));
    rotate(third, second, at(60)).await;
    assert_eq!(lookup.by_digest(first).await, Ok(None));
    assert_eq!(lookup.by_digest(second).await.unwrap().unwrap().superseded_until, Some(at(60)));
}

async fn a_revoked_key_stays_as_it_is(world: World) {
    let (user, new) = made(&world).await;
    let (keys, id, organization) = (&world.repositories.api_keys, new.key.id, user.organization_id);
    assert_eq!(keys.revoke(organization, id, at(5)).await, Ok(Some(vec![new.digest])));
    assert_eq!(keys.revoke(organization, id, at(6)).await, Ok(Some(vec![new.digest])));
    let holder = world.repositories.key_lookup.by_digest(new.digest).await.unwrap().unwrap();
    assert_eq!(holder.key.status, KeyStatus::Revoked);
    assert_eq!(keys.change(organization, id, KeyChange::default()).await, Ok(KeyChanged::Revoked));
    let rotation = KeyRotation { digest: digest(), prefix: "pk_fake2".to_owned(), old_until: at(9) };
    assert_eq!(keys.rotate(organization, id, rotation).await, Ok(KeyChanged::Revoked));
}

async fn a_list_walks_each_key_once_in_both_orders(world: World) {
    let user = world.person().await;
    let mut made: Vec<ApiKeyId> = Vec::new();
    for n in 0..7 {
        // Three of a kind have the same moment.
        let new = new_key(&user, at(n / 3));
        made.push(new.key.id);
        world.repositories.api_keys.create(new).await.unwrap();
    }
    for order in [Order::Ascending, Order::Descending] {
        let (mut after, mut walked) = (None, Vec::new());
        for _ in 0..10 {
            let page = PageRequest { limit: 2, after, order };
            let rows = world.repositories.api_keys.list(user.organization_id, page).await.unwrap();
            assert!(rows.len() <= 3);
            let more = rows.len() > 2;
            walked.extend(rows.iter().take(2).map(|key| key.id));
            after = rows.get(1).map(|key| Cursor::at(key.created_at, key.id.uuid()));
            if !more {
                break;
            }
        }
        let mut expected = made.clone();
        expected.sort();
        if order == Order::Descending {
            expected.reverse();
        }
        assert_eq!(walked, expected, "{order:?}");
    }
}
