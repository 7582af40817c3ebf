//! Accounts, each with its organization, instances and an API key.

use portico_domain::models::{ApiKeyText, Scope, Scopes, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    chance::{Chance, Kind, id},
    phrases::name,
};

/// The password of every seeded account.
pub const PASSWORD: &str = "obviously-fake-seed-password";

/// Its hash, made once: salted anew, each run would write other rows.
pub(super) const PASSWORD_HASH: &str = "$2b$10$ObviouslyFakeSeedSaltuVVgSW.oy3ZySPmsF6FTeaTD.g8uMThW";

/// How many instances an organization has.
pub(super) const INSTANCES: u64 = 3;

/// When the first account was made: the first second of 2022.
const FIRST: i64 = 1_640_995_200;
/// The seconds between two accounts. Those of the largest scale end in 2023.
const BETWEEN: i64 = 6_000;

/// Gives the e-mail address of an account, counted from 0.
#[must_use]
pub fn email(user: u64) -> String {
    format!("user-{}@seed.example", user + 1)
}

/// Gives the text of an account's API key, counted from 0. It spells what it is.
#[must_use]
pub fn api_key(user: u64) -> ApiKeyText {
    let spelled = format!("ObviouslyFakeKeyOfSeedUser{:06}", user + 1);
    ApiKeyText::generate(&spelled.bytes().map(place_in_alphabet).collect::<Vec<_>>())
        .expect("thirty-two characters of the keys' alphabet")
}

/// The inverse of the keys' alphabet: digits, upper case, lower case.
const fn place_in_alphabet(character: u8) -> u8 {
    match character {
        b'0'..=b'9' => character - b'0',
        b'A'..=b'Z' => character - b'A' + 10,
        _ => character - b'a' + 36,
    }
}

/// When an account was made.
pub(super) fn made(user: u64) -> Timestamp {
    Timestamp::from_seconds(FIRST + i64::try_from(user).unwrap_or(0) * BETWEEN)
}

/// Names an account.
#[must_use]
pub fn user_id(user: u64) -> Uuid {
    id(Kind::User, user, made(user))
}

/// Names an account's organization.
#[must_use]
pub fn organization_id(user: u64) -> Uuid {
    id(Kind::Organization, user, made(user))
}

/// Names one of an organization's three instances.
#[must_use]
pub fn instance_id(user: u64, instance: u64) -> Uuid {
    id(Kind::Instance, user * INSTANCES + instance, made(user))
}

/// The rows of an account: its organization, itself, its instances, its key.
pub(super) struct Person {
    pub(super) organization: Value,
    pub(super) user: Value,
    pub(super) instances: [Value; 3],
    pub(super) api_key: Value,
}

pub(super) fn person(user: u64) -> Person {
    let made = made(user).micros();
    let (organization_id, user_id) = (organization_id(user), user_id(user));
    let key = api_key(user);
    let scopes = [Scope::MessagesRead, Scope::MessagesWrite, Scope::CatalogRead, Scope::ModelsRead];
    Person {
        organization: json!({ "id": organization_id, "created_at": made }),
        user: json!({
            "id": user_id,
            "organization_id": organization_id,
            "email": email(user),
            "name": name(&mut Chance::of(Kind::User, user)),
            "password_hash": PASSWORD_HASH,
            "created_at": made,
        }),
        instances: [0, 1, 2].map(|instance| {
            json!({ "id": instance_id(user, instance), "organization_id": organization_id, "created_at": made })
        }),
        api_key: json!({
            "id": id(Kind::ApiKey, user, self::made(user)),
            "organization_id": organization_id,
            "made_by": user_id,
            "name": "seed",
            "prefix": key.shown(),
            "digest": key.digest().to_hex(),
            "scopes": Scopes::from_iter(scopes).to_words(),
            "created_at": made,
        }),
    }
}

/// Whether an account can be one of those that are made here, by its identifier: it begins with the time when it was made.
pub(super) fn is_seeded(user: Uuid) -> bool {
    let within = (made(0).millis(), made(super::counts::MOST_USERS).millis());
    user.get_version_num() == 7
        && user.get_timestamp().is_some_and(|made| {
            let (seconds, nanoseconds) = made.to_unix();
            let millis = seconds * 1_000 + u64::from(nanoseconds) / 1_000_000;
            (within.0..=within.1).contains(&millis)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_readable_as_fakes_and_pass_as_keys() {
        let key = api_key(16);
        assert!(key.expose().starts_with("pk_ObviouslyFakeKeyOfSeedUser000017"), "{}", key.expose());
        assert!(ApiKeyText::parse(key.expose()).is_some());
        assert_ne!(key.digest(), api_key(17).digest());
    }

    #[test]
    fn seeded_accounts_are_told_from_others() {
        assert!(is_seeded(user_id(0)) && is_seeded(user_id(9_999)));
        let now = Timestamp::parse("2026-11-20T12:00:00Z").unwrap();
        assert!(!is_seeded(id(Kind::User, 0, now)));
        assert!(!is_seeded(Uuid::nil()));
    }
}
