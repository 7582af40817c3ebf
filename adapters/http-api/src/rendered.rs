//! Descriptions of key holders, written once.
//!
//! A holder comes from the cache as the same value again and again, and is described in the same bytes each time. They are kept beside it: found by where the value
//! lies in memory, and held against the value itself, so that nothing has to be dropped when a key changes: what changed is another value.

use std::{
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    sync::{Arc, Mutex, OnceLock, PoisonError, Weak},
};

use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use portico_domain::models::KeyHolder;

use crate::{
    answers::{Keep, tag_of, validated, written},
    problem::Problem,
};

/// How many are kept: about a kilobyte each with what they keep alive.
const PLACES: usize = 4_096;

/// The descriptions, each in the place that its value's address has; two values of one place take turns.
#[derive(Default)]
pub(crate) struct Rendered {
    /// Made when the first is kept: whoever has no keys has none of this.
    places: OnceLock<Box<[Mutex<Option<Description>>]>>,
}

struct Description {
    /// Keeps the address from being given to another value, though not the value from being dropped.
    holder: Weak<KeyHolder>,
    body: Bytes,
    tag: HeaderValue,
}

impl Rendered {
    /// The answer that describes the maker of a key.
    pub(crate) fn answer(&self, request: &HeaderMap, holder: &Arc<KeyHolder>) -> Result<Response, Problem> {
        let (body, tag) = self.description(holder)?;
        Ok(validated(request, Keep::Private, body, tag))
    }

    fn description(&self, holder: &Arc<KeyHolder>) -> Result<(Bytes, HeaderValue), Problem> {
        let places = self.places.get_or_init(|| (0..PLACES).map(|_| Mutex::default()).collect());
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(Arc::as_ptr(holder));
        let at = usize::try_from(hash % PLACES as u64).unwrap_or_default();
        let mut place = places[at].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*place
            && Weak::as_ptr(&known.holder) == Arc::as_ptr(holder)
        {
            return Ok((known.body.clone(), known.tag.clone()));
        }
        let body = Bytes::from(written(&holder.maker)?);
        let tag = tag_of(&body);
        let description =
            Description { holder: Arc::downgrade(holder), body: body.clone(), tag: tag.clone() };
        *place = Some(description);
        Ok((body, tag))
    }
}

#[cfg(test)]
mod tests {
    use portico_domain::models::{
        ApiKey, ApiKeyId, KeyStatus, OrganizationId, Role, Scopes, Timestamp, User, UserId,
    };

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);

    fn holder(email: &str) -> Arc<KeyHolder> {
        let organization_id = OrganizationId::generate(NOW, [2; 10]);
        Arc::new(KeyHolder {
            key: ApiKey {
                id: ApiKeyId::generate(NOW, [3; 10]),
                name: "key".to_owned(),
                prefix: "pk_fake0".to_owned(),
                organization_id,
                scopes: Scopes::default(),
                instance_ids: None,
                status: KeyStatus::Active,
                expires_at: None,
                rate_limit: None,
                created_at: NOW,
                last_used_at: None,
            },
            maker: User {
                id: UserId::generate(NOW, [1; 10]),
                email: email.to_owned(),
                name: None,
                role: Role::Member,
                organization_id,
                created_at: NOW,
                last_login_at: None,
            },
            superseded_until: None,
        })
    }

    #[test]
    fn the_same_holder_is_described_once_and_another_one_never_by_its_words() {
        let rendered = Rendered::default();
        let one = holder("one@example.com");
        let (first, second) = (rendered.description(&one).unwrap(), rendered.description(&one).unwrap());
        assert_eq!(first, second);
        assert_eq!(first.0.as_ptr(), second.0.as_ptr());
        // Addresses of dropped holders are taken again and again, and places are shared.
        drop(one);
        for number in 0..20_000 {
            let email = format!("{number}@example.com");
            let (body, tag) = rendered.description(&holder(&email)).unwrap();
            assert!(String::from_utf8_lossy(&body).contains(&format!("\"{email}\"")));
            assert_eq!(tag, tag_of(&body));
        }
    }
}
