use std::{sync::Arc, time::Duration};

use super::*;
use crate::{
    cache::ReadThrough,
    flows::{
        shared::{Gate, Uses, UsesThrough},
        testing::{NOW, claims, clock, entropy, idle_cache, user},
    },
    models::{
        AccessClaims, ApiKeyId, Day, Gcra, InstanceId, KeyHolder, KeyStatus, OrganizationId, Quota, User,
    },
    ports::{
        KeyChange, MockApiKeys, MockBackground, MockEntropy, MockKeyLookup, MockKeyUsage, MockRateLimiter,
        MockUsageLedger,
    },
};

fn text() -> ApiKeyText {
    ApiKeyText::generate(&[3; 64]).unwrap()
}

pub(super) fn holder() -> KeyHolder {
    let key = ApiKey {
        id: ApiKeyId::generate(NOW, [8; 10]),
        name: "deploy".to_owned(),
        prefix: text().shown().to_owned(),
        organization_id: user().organization_id,
        scopes: Scopes::from_iter([Scope::MessagesRead]),
        instance_ids: None,
        status: KeyStatus::Active,
        expires_at: None,
        rate_limit: None,
        created_at: NOW,
        last_used_at: None,
    };
    KeyHolder { key, maker: user(), superseded_until: None }
}

fn request(scopes: &[Scope]) -> CreateApiKeyRequest {
    CreateApiKeyRequest {
        name: "deploy".to_owned(),
        scopes: scopes.iter().copied().collect(),
        instance_ids: None,
        expires_at: None,
        rate_limit: None,
    }
}

fn writes(keys: MockApiKeys) -> KeyWrites {
    KeyWrites { keys: Arc::new(keys), cache: idle_cache(), background: Arc::new(MockBackground::new()) }
}

/// A check that is to count so many uses.
fn checking(found: Option<KeyHolder>, uses: usize) -> CheckApiKey {
    let mut lookup = MockKeyLookup::new();
    lookup.expect_by_digest().times(..=1).returning(move |_| Ok(found.clone()));
    let mut limiter = MockRateLimiter::new();
    limiter.expect_admit().returning(|demand| {
        let full = NOW.after(demand.quota.window);
        Ok(Gcra::decide(demand.policy, demand.quota, Some(full), NOW).admission)
    });
    CheckApiKey {
        clock: clock(),
        holders: ReadThrough::new(idle_cache(), HolderSource { lookup: Arc::new(lookup) }),
        gate: Gate::new(Arc::new(limiter)),
        uses: counting(uses),
        quota: None,
    }
}

fn counting(times: usize) -> Uses {
    let mut ledger = MockUsageLedger::new();
    ledger
        .expect_count()
        .withf(|key, at| *key == holder().key.id && *at == NOW)
        .times(times)
        .returning(|_, _| Ok(()));
    let through = UsesThrough { usage: Arc::new(MockKeyUsage::new()), entropy: entropy() };
    Uses::Deferred { ledger: Arc::new(ledger), through }
}

#[tokio::test]
async fn a_key_without_a_limit_of_its_own_is_counted_by_the_one_for_all() {
    let check = CheckApiKey { quota: Quota::parse("1/1m").ok(), ..checking(None, 0) };
    let refused =
        check.admit(&KeyHolder { key: ApiKey { rate_limit: None, ..holder().key }, ..holder() }).await;
    assert!(matches!(refused, Err(KeyRefused::Limited { .. })));
    let check = CheckApiKey { quota: None, ..check };
    let admitted =
        check.admit(&KeyHolder { key: ApiKey { rate_limit: None, ..holder().key }, ..holder() }).await;
    assert_eq!(admitted, Ok(()));
}

#[tokio::test]
async fn a_key_is_stored_as_its_digest_and_shown_once() {
    let mut keys = MockApiKeys::new();
    keys.expect_create()
        .withf(|new| new.made_by == user().id && new.key.organization_id == user().organization_id)
        .times(1)
        .returning(|_| Ok(()));
    let create = CreateApiKey { clock: clock(), entropy: entropy(), keys: Arc::new(keys) };
    let made = create.run(&claims(), request(&[Scope::MessagesRead])).await.unwrap();
    assert_eq!(ApiKeyText::parse(made.text.expose()), Some(made.text.clone()));
    assert_eq!(made.key.prefix, made.text.shown());
    assert!(!serde_json::to_string(&made.key).unwrap().contains(made.text.expose()));
}

#[tokio::test]
async fn nobody_gives_what_they_do_not_have() {
    let create = CreateApiKey {
        clock: clock(),
        entropy: Arc::new(MockEntropy::new()),
        keys: Arc::new(MockApiKeys::new()),
    };
    let refused = create.run(&claims(), request(&[Scope::MessagesRead, Scope::SettingsWrite])).await;
    assert_eq!(refused, Err(ApiKeyError::ScopeForbidden(Scope::SettingsWrite)));
    let change = ChangeApiKey { clock: clock(), writes: writes(MockApiKeys::new()) };
    let scopes = Some(Scopes::from_iter([Scope::KeysVerify]));
    let refused = change.run(&claims(), holder().key.id, KeyChange { scopes, ..KeyChange::default() }).await;
    assert_eq!(refused, Err(ApiKeyError::ScopeForbidden(Scope::KeysVerify)));
}

#[tokio::test]
async fn an_end_in_the_past_is_refused() {
    let create = CreateApiKey {
        clock: clock(),
        entropy: Arc::new(MockEntropy::new()),
        keys: Arc::new(MockApiKeys::new()),
    };
    let request = CreateApiKeyRequest { expires_at: Some(NOW), ..request(&[]) };
    assert_eq!(create.run(&claims(), request).await, Err(ApiKeyError::ExpiresInPast));
}

#[test]
fn a_key_is_judged_by_what_it_is_now() {
    let later = NOW.after(Duration::from_secs(1));
    let judge_at = |holder: KeyHolder| judge(&holder, Some(Scope::MessagesRead), None, NOW);
    assert_eq!(judge_at(holder()), Ok(()));
    let with = |change: fn(&mut KeyHolder)| {
        let mut holder = holder();
        change(&mut holder);
        judge_at(holder)
    };
    assert_eq!(with(|h| h.key.status = KeyStatus::Revoked), Err(KeyRefused::Revoked));
    assert_eq!(with(|h| h.superseded_until = Some(NOW)), Err(KeyRefused::Revoked));
    assert_eq!(with(|h| h.key.expires_at = Some(NOW)), Err(KeyRefused::Expired));
    assert_eq!(with(|h| h.key.scopes = Scopes::default()), Err(KeyRefused::InsufficientScope));
    let in_grace = KeyHolder { superseded_until: Some(later), ..holder() };
    assert_eq!(judge_at(in_grace), Ok(()));
}

#[test]
fn a_scope_for_admins_counts_only_while_the_maker_is_one() {
    let mut holder = holder();
    holder.key.scopes = Scopes::from_iter([Scope::Everything]);
    assert!(holder.may(Scope::MessagesWrite) && !holder.may(Scope::SettingsRead));
    holder.maker = User { role: Role::Admin, ..holder.maker };
    assert!(holder.may(Scope::SettingsRead));
}

#[test]
fn an_empty_list_of_instances_is_none_of_them() {
    let here = InstanceId::generate(NOW, [1; 10]);
    let there = InstanceId::generate(NOW, [2; 10]);
    let mut holder = holder();
    assert_eq!(judge(&holder, None, Some(here), NOW), Ok(()));
    holder.key.instance_ids = Some(vec![here]);
    assert_eq!(judge(&holder, None, Some(here), NOW), Ok(()));
    assert_eq!(judge(&holder, None, Some(there), NOW), Err(KeyRefused::WrongInstance));
    holder.key.instance_ids = Some(Vec::new());
    assert_eq!(judge(&holder, None, Some(here), NOW), Err(KeyRefused::WrongInstance));
}

#[tokio::test]
async fn what_cannot_be_a_key_costs_no_query() {
    let mut check = checking(None, 0);
    let lookup = Arc::new(MockKeyLookup::new());
    check.holders = ReadThrough::new(idle_cache(), HolderSource { lookup });
    let cut = &text().expose()[..40].to_owned();
    for wrong in ["", "pk_", "pk_made-up", cut, &format!("{}x", text().expose())] {
        assert_eq!(check.run(wrong, None).await, Err(KeyRefused::Malformed), "{wrong}");
    }
}

#[tokio::test]
async fn each_check_that_lets_in_is_counted() {
    let check = checking(Some(holder()), 1);
    check.run(text().expose(), Some(Scope::MessagesRead)).await.unwrap();
    let check = checking(Some(holder()), 0);
    let refused = check.run(text().expose(), Some(Scope::MessagesWrite)).await;
    assert_eq!(refused, Err(KeyRefused::InsufficientScope));
}

#[tokio::test]
async fn a_key_found_valid_for_another_service_was_used_and_any_other_was_not() {
    let verify = async |scope, uses| {
        let flow = VerifyApiKey { check: Arc::new(checking(Some(holder()), uses)) };
        let request = VerifyApiKeyRequest { key: text().expose().to_owned(), scope, instance: None };
        flow.run(user().organization_id, request).await.unwrap().code
    };
    assert_eq!(verify(Some(Scope::MessagesRead), 1).await, "valid");
    assert_eq!(verify(Some(Scope::MessagesWrite), 0).await, "insufficient_scope");
}

#[tokio::test]
async fn usage_is_shown_by_day_newest_first_with_today_among_the_days() {
    let mut usage = MockKeyUsage::new();
    let today = Day::of(NOW);
    usage
        .expect_of()
        .withf(move |organization, key, since| {
            *organization == user().organization_id && *key == holder().key.id && since.0 == today.0 - 29
        })
        .returning(move |_, _, _| Ok(Some(vec![(Day(today.0 - 3), 2), (today, 5)])));
    let show = ShowKeyUsage { clock: clock(), usage: Arc::new(usage) };
    let report = show.run(&claims(), holder().key.id, ShowKeyUsage::DAYS).await;
    assert_eq!(report, Ok(UsageReport { total: 7, days: vec![(today, 5), (Day(today.0 - 3), 2)] }));
}

#[tokio::test]
async fn a_key_used_too_often_is_refused_and_not_counted() {
    let mut limited = holder();
    limited.key.rate_limit = Some(Quota::parse("1/1m").unwrap());
    let outcome = checking(Some(limited), 0).run(text().expose(), None).await;
    assert_eq!(outcome, Err(KeyRefused::Limited { retry_after: Duration::from_secs(60) }));
}

#[tokio::test]
async fn a_key_of_another_organization_is_as_good_as_none() {
    let verify = |found| VerifyApiKey { check: Arc::new(checking(found, 0)) };
    let request = || VerifyApiKeyRequest { key: text().expose().to_owned(), scope: None, instance: None };
    let other = OrganizationId::generate(NOW, [9; 10]);
    let foreign = verify(Some(holder())).run(other, request()).await.unwrap();
    assert_eq!(foreign, verify(None).run(other, request()).await.unwrap());
    assert_eq!(foreign, KeyVerdict { code: "not_found", holder: None });
}

#[tokio::test]
async fn another_organizations_key_can_be_neither_found_nor_revoked() {
    let mut keys = MockApiKeys::new();
    let own = claims().organization_id;
    keys.expect_by_id().withf(move |organization, _| *organization == own).returning(|_, _| Ok(None));
    keys.expect_revoke().withf(move |organization, _, _| *organization == own).returning(|_, _, _| Ok(None));
    let writes = writes(keys);
    let caller: AccessClaims = claims();
    let list = ListApiKeys { keys: Arc::clone(&writes.keys) };
    assert_eq!(list.one(&caller, holder().key.id).await, Err(ApiKeyError::NotFound));
    let revoke = RevokeApiKey { clock: clock(), writes };
    assert_eq!(revoke.run(&caller, holder().key.id).await, Err(ApiKeyError::NotFound));
}
