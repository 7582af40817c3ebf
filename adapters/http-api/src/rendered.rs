//! Answers that are written once.
//!
//! What comes from the cache is the same value again and again, and is shown in the same bytes each time. They are kept beside it: found by where the value
//! lies in memory, and held against the value itself, so that nothing has to be dropped when the thing changes: what changed is another value. With the bytes are
//! kept their validator, so that a client who has them is told so without anything being written, and their packed forms.

use std::{
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    sync::{Arc, Mutex, OnceLock, PoisonError, Weak},
};

use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use serde::Serialize;

use crate::{
    answers::{Keep, tag_of, validated, written},
    compression::Packed,
    problem::Problem,
};

/// A longer body is written each time: what is kept is to be bounded in bytes too.
const MOST_BYTES: usize = 32 * 1024;

/// A body that is written, with what goes with it.
#[derive(Clone)]
pub(crate) struct Written {
    body: Bytes,
    tag: HeaderValue,
    packed: Packed,
}

impl Written {
    /// Writes it.
    pub(crate) fn of(body: &impl Serialize) -> Result<Self, Problem> {
        Ok(Self::as_it_is(Bytes::from(written(body)?)))
    }

    /// Takes JSON that is written already.
    pub(crate) fn as_it_is(body: Bytes) -> Self {
        Self { tag: tag_of(&body), body, packed: Packed::default() }
    }

    /// The answer; 304 when the client has these very bytes.
    pub(crate) fn answer(self, request: &HeaderMap, keep: Keep) -> Response {
        let mut response = validated(request, keep, self.body, self.tag);
        if request.contains_key(header::ACCEPT_ENCODING) {
            response.extensions_mut().insert(self.packed);
        }
        response
    }
}

/// What is written of values of one kind, each in the place that its value's address has; two values of one place take turns.
pub(crate) struct Rendered<V> {
    /// Made when the first is kept: whoever has no such values has none of this.
    places: OnceLock<Places<V>>,
    count: usize,
}

type Places<V> = Box<[Mutex<Option<Place<V>>>]>;

struct Place<V> {
    /// Keeps the address from being given to another value, though not the value from being dropped.
    value: Weak<V>,
    written: Written,
}

impl<V> Rendered<V> {
    /// Keeps so many at most.
    pub(crate) const fn new(count: usize) -> Self {
        Self { places: OnceLock::new(), count }
    }

    /// What was written of this value, if it is still kept.
    pub(crate) fn get(&self, value: &Arc<V>) -> Option<Written> {
        let place = self.place(value).lock().unwrap_or_else(PoisonError::into_inner);
        let known = place.as_ref().filter(|known| Weak::as_ptr(&known.value) == Arc::as_ptr(value))?;
        Some(known.written.clone())
    }

    /// Keeps what was written of it.
    pub(crate) fn keep(&self, value: &Arc<V>, written: &Written) {
        if written.body.len() <= MOST_BYTES {
            let kept = Place { value: Arc::downgrade(value), written: written.clone() };
            *self.place(value).lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        }
    }

    /// What was written of it, or is now.
    pub(crate) fn get_or_write(
        &self,
        value: &Arc<V>,
        write: impl FnOnce() -> Result<Written, Problem>,
    ) -> Result<Written, Problem> {
        if let Some(written) = self.get(value) {
            return Ok(written);
        }
        let written = write()?;
        self.keep(value, &written);
        Ok(written)
    }

    fn place(&self, value: &Arc<V>) -> &Mutex<Option<Place<V>>> {
        let places = self.places.get_or_init(|| (0..self.count).map(|_| Mutex::default()).collect());
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(Arc::as_ptr(value));
        &places[usize::try_from(hash % self.count as u64).unwrap_or_default()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rendered: &Rendered<String>, value: &Arc<String>) -> Written {
        rendered.get_or_write(value, || Written::of(&**value)).unwrap()
    }

    #[test]
    fn the_same_value_is_written_once_and_another_one_never_by_its_words() {
        let rendered = Rendered::new(4_096);
        let one = Arc::new("one".to_owned());
        assert!(rendered.get(&one).is_none());
        let (first, second) = (of(&rendered, &one), of(&rendered, &one));
        assert_eq!((first.body.as_ptr(), &first.tag), (second.body.as_ptr(), &second.tag));
        // Addresses of dropped values are taken again and again, and places are shared.
        for n in 0..20_000 {
            let text = format!("user{n}");
            let other = Arc::new(text.clone());
            assert_eq!(of(&rendered, &other).body, format!("\"{text}\""));
        }
        assert_eq!(of(&rendered, &one).body, first.body);
    }

    #[test]
    fn a_long_body_is_not_kept() {
        let rendered = Rendered::new(8);
        let long = Arc::new("x".repeat(MOST_BYTES));
        assert_eq!(of(&rendered, &long).body.len(), MOST_BYTES + 2);
        assert!(rendered.get(&long).is_none());
    }
}
