use futures_util::future::join_all;
use portico_domain::{
    models::{DisplayName, NewAccount, Role, UserId},
    ports::AccountCreation,
};
use portico_sql::driver::{Effect, Statement, Type};

use crate::{
    Case, cases,
    world::{World, account, at, hash, unique},
};

pub(crate) const CASES: &[Case<World>] = cases![
    a_made_account_is_found_as_it_was_made,
    an_absent_account_is_none,
    a_taken_address_writes_nothing,
    of_concurrent_creators_of_one_address_one_wins,
];

static ORGANIZATION_EXISTS: Statement = Statement {
    name: "organization_exists",
    effect: Effect::Read,
    parameters: &[Type::Uuid],
    columns: &[Type::Uuid],
    postgres: "SELECT id FROM organizations WHERE id = $1",
    sqlite: "SELECT id FROM organizations WHERE id = $1",
};

async fn a_made_account_is_found_as_it_was_made(world: World) {
    let name = DisplayName::parse("Zoë \"Quote\" O'Hara; DROP TABLE users --").unwrap();
    let made = NewAccount { name: Some(name.clone()), role: Role::Admin, ..account() };
    let user = world.made(made.clone()).await;
    assert_eq!(user.id, made.id);
    assert_eq!(user.organization_id, made.organization_id);
    assert_eq!(user.email, made.email.as_str());
    assert_eq!(user.name.as_deref(), Some(name.as_str()));
    assert_eq!(user.role, Role::Admin);
    assert_eq!(user.created_at, at(0));
    assert_eq!(user.last_login_at, None);
    let credential = world.repositories.accounts.credential(user.id).await.unwrap().unwrap();
    assert_eq!(credential.user, user);
    assert_eq!(credential.password_hash, Some(hash("first")));

    let through_a_provider = world.made(NewAccount { password_hash: None, ..account() }).await;
    let credential = world.repositories.accounts.credential(through_a_provider.id).await.unwrap().unwrap();
    assert_eq!(credential.password_hash, None);
    assert_eq!(credential.user.name, None);
}

async fn an_absent_account_is_none(world: World) {
    let nobody = UserId::generate(at(0), unique());
    assert_eq!(world.repositories.accounts.by_id(nobody).await, Ok(None));
    assert_eq!(world.repositories.accounts.credential(nobody).await, Ok(None));
}

async fn a_taken_address_writes_nothing(world: World) {
    let first = account();
    world.made(first.clone()).await;
    let second = NewAccount { email: first.email.clone(), ..account() };
    let outcome = world.repositories.accounts.create(second.clone()).await;
    assert_eq!(outcome, Ok(AccountCreation::EmailTaken));
    assert_eq!(world.repositories.accounts.by_id(second.id).await, Ok(None));
    let organization = |account: &NewAccount| vec![account.organization_id.uuid().into()];
    assert_eq!(world.ask(&ORGANIZATION_EXISTS, organization(&first)).await.len(), 1);
    assert_eq!(world.ask(&ORGANIZATION_EXISTS, organization(&second)).await.len(), 0);
}

async fn of_concurrent_creators_of_one_address_one_wins(world: World) {
    let email = account().email;
    let creations = (0..12).map(|_| {
        let account = NewAccount { email: email.clone(), ..account() };
        world.repositories.accounts.create(account)
    });
    let outcomes: Vec<_> = join_all(creations).await.into_iter().map(Result::unwrap).collect();
    let made = outcomes.iter().filter(|outcome| **outcome == AccountCreation::Created).count();
    assert_eq!(made, 1, "{outcomes:?}");
}
