//! What hashing and verifying compute, wherever they run.

use base64::{Engine, engine::GeneralPurpose};
use portico_domain::{
    models::{Password, PasswordHash},
    ports::{HashingRefused, PasswordVerdict},
};

use super::BcryptCost;
use crate::entropy::fill;

const BASE64: GeneralPurpose = bcrypt::BASE_64;

/// The lowest cost that bcrypt knows. Hashes brought along from elsewhere may be this weak; the next sign-in hashes them anew.
const LEAST_STORED_COST: u32 = 4;

/// Hashes with a fresh salt.
///
/// The crate's plain functions cut what is longer than 72 bytes, and its non-truncating ones refuse 72 bytes too, for want of room
/// for the final NUL, which bcrypt itself leaves out there. So the plain one is used, behind a check of our own.
pub(super) fn hash(password: &Password, cost: BcryptCost) -> Result<PasswordHash, HashingRefused> {
    let bytes = bounded(password)?;
    let salt = fill().map_err(|fault| HashingRefused::Failed(fault.to_string()))?;
    let parts = bcrypt::hash_with_salt(bytes, cost.get(), salt).map_err(failed)?;
    Ok(PasswordHash::new(parts.to_string()))
}

/// Compares with a stored hash.
///
/// A wrong password against a hash of lower cost would be refused sooner than an unknown account, and would so tell that the account is
/// there. The difference is made up: hashes of cost `c`, `c`, `c + 1`, … up to one below today's take as long as one of today's.
pub(super) fn verify(
    password: &Password,
    stored: &PasswordHash,
    today: BcryptCost,
) -> Result<PasswordVerdict, HashingRefused> {
    let bytes = bounded(password)?;
    let cost = cost_of(stored).ok_or_else(|| {
        HashingRefused::Failed("a stored hash is not bcrypt's of a cost of 4–15".to_owned())
    })?;
    if bcrypt::verify(bytes, stored.expose()).map_err(failed)? {
        return Ok(PasswordVerdict::Matches { outdated: cost < today.get() });
    }
    for cost in cost..today.get() {
        std::hint::black_box(bcrypt::hash_with_salt(bytes, cost, [0; 16]).map_err(failed)?);
    }
    Ok(PasswordVerdict::Differs)
}

/// A hash of today's cost that no known password has: salt and digest are random.
pub(super) fn decoy(cost: BcryptCost) -> Result<PasswordHash, HashingRefused> {
    let fault = |fault: getrandom::Error| HashingRefused::Failed(fault.to_string());
    let (salt, digest) = (fill::<16>().map_err(fault)?, fill::<23>().map_err(fault)?);
    Ok(PasswordHash::new(format!("$2b${cost}${}{}", BASE64.encode(salt), BASE64.encode(digest))))
}

/// Compares with the decoy: as long as with a stored hash, and never right.
pub(super) fn verify_decoy(
    password: &Password,
    decoy: &PasswordHash,
    today: BcryptCost,
) -> Result<PasswordVerdict, HashingRefused> {
    verify(password, decoy, today).map(|_| PasswordVerdict::Differs)
}

/// The cost of a stored hash, if it is one that is worked with.
pub(super) fn cost_of(stored: &PasswordHash) -> Option<u32> {
    let text = stored.expose();
    let cost = text.get(4..6)?.parse().ok()?;
    let known = text.starts_with("$2") && text.len() == 60;
    (known && (LEAST_STORED_COST..=BcryptCost::HIGHEST.get()).contains(&cost)).then_some(cost)
}

fn bounded(password: &Password) -> Result<&[u8], HashingRefused> {
    let bytes = password.expose().as_bytes();
    if bytes.len() > Password::MAX_BYTES {
        return Err(HashingRefused::Failed("a password of more than 72 bytes reached the hasher".to_owned()));
    }
    Ok(bytes)
}

#[expect(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
fn failed(fault: bcrypt::BcryptError) -> HashingRefused {
    HashingRefused::Failed(fault.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::to_check(text).unwrap()
    }

    #[test]
    fn agrees_with_known_answers_of_other_implementations() {
        // Test vectors published with Openwall's crypt_blowfish.
        let known = [
            ("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"),
            ("U*U*", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK"),
            ("U*U*U", "$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a"),
        ];
        for (text, hash) in known {
            let verdict = verify(&password(text), &PasswordHash::new(hash), BcryptCost::LOWEST);
            assert_eq!(verdict, Ok(PasswordVerdict::Matches { outdated: true }), "{text}");
        }
    }

    #[test]
    fn a_decoy_has_the_form_of_a_hash_and_matches_nothing() {
        let decoy = decoy(BcryptCost::LOWEST).unwrap();
        assert_eq!(cost_of(&decoy), Some(10));
        assert_eq!(
            verify_decoy(&password("obviously fake"), &decoy, BcryptCost::LOWEST),
            Ok(PasswordVerdict::Differs)
        );
    }

    #[test]
    fn hashes_that_cannot_be_read_are_a_fault_not_a_refusal() {
        let text = "$2b$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
        for text in ["", "plain", "$argon2id$v=19$m=19456", text, &"ä".repeat(30), &text.replace('.', "~")] {
            let verdict = verify(&password("obviously fake"), &PasswordHash::new(text), BcryptCost::LOWEST);
            assert!(matches!(verdict, Err(HashingRefused::Failed(_))), "{text}");
        }
    }
}
