//! Names for requests, by which an answer is found in the log.

use std::sync::{Mutex, PoisonError};

use http::{HeaderMap, HeaderName, HeaderValue};
use portico_domain::{
    models::{Digest, Timestamp, uuid_v7},
    ports::Entropy,
};

/// The header that carries the id both ways.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// How many random bytes an id has.
const RANDOM: usize = 10;
/// How long an id of ours is.
const LENGTH: usize = 36;

/// The id of one request: the client's if that is 1–128 visible ASCII characters, else one of ours.
pub(crate) enum RequestId {
    Sent(HeaderValue),
    Made([u8; LENGTH]),
}

impl RequestId {
    /// Takes the client's, or makes one.
    pub(crate) fn of(headers: &HeaderMap, ids: &RequestIds, entropy: &dyn Entropy, now: Timestamp) -> Self {
        if let Some(sent) = headers.get(&REQUEST_ID).filter(|value| is_usable(value.as_bytes())) {
            return Self::Sent(sent.clone());
        }
        let mut made = [0; LENGTH];
        uuid_v7(now, ids.random(entropy)).hyphenated().encode_lower(&mut made);
        Self::Made(made)
    }

    /// Its characters.
    pub(crate) fn as_str(&self) -> &str {
        let bytes = match self {
            Self::Sent(value) => value.as_bytes(),
            Self::Made(bytes) => bytes,
        };
        // Visible ASCII, both of them.
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

fn is_usable(id: &[u8]) -> bool {
    (1..=128).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
}

/// Gives ids their random part.
///
/// Asking the system for each request would cost more than the rest of the id. So it is asked once: the first id is of the end of that seed, and what follows is
/// SHA-256 over it and a counter: nobody who sees ids can tell the next one, or how many there were between two. Nothing that must be secret is made of this.
#[derive(Default)]
pub(crate) struct RequestIds(Mutex<Option<Stream>>);

struct Stream {
    seed: [u8; 32],
    counter: u64,
    block: [u8; 32],
    used: usize,
}

impl RequestIds {
    /// Bytes for one id; zeros while the system gives no seed, as an id is no reason to refuse a request.
    fn random(&self, entropy: &dyn Entropy) -> [u8; RANDOM] {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stream = match &mut *kept {
            Some(stream) => stream,
            None => match entropy.bytes() {
                Ok(seed) => kept.insert(Stream { seed, counter: 0, block: seed, used: seed.len() - RANDOM }),
                Err(_) => return [0; RANDOM],
            },
        };
        stream.next()
    }
}

impl Stream {
    fn next(&mut self) -> [u8; RANDOM] {
        if self.used + RANDOM > self.block.len() {
            self.counter += 1;
            let mut input = [0; 40];
            input[..32].copy_from_slice(&self.seed);
            input[32..].copy_from_slice(&self.counter.to_le_bytes());
            (self.block, self.used) = (Digest::of(&input).0, 0);
        }
        let mut random = [0; RANDOM];
        random.copy_from_slice(&self.block[self.used..self.used + RANDOM]);
        self.used += RANDOM;
        random
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use portico_domain::ports::{MockEntropy, Unavailable};

    use super::*;

    #[test]
    fn no_two_are_alike_though_the_system_is_asked_once() {
        let mut entropy = MockEntropy::new();
        entropy.expect_bytes().times(1).returning(|| Ok([7; 32]));
        let ids = RequestIds::default();
        let made: HashSet<_> = (0..10_000).map(|_| ids.random(&entropy)).collect();
        assert_eq!(made.len(), 10_000);
    }

    #[test]
    fn without_randomness_requests_are_still_served() {
        let mut entropy = MockEntropy::new();
        entropy.expect_bytes().times(2).returning(|| Err(Unavailable::new("entropy", "is away")));
        let ids = RequestIds::default();
        assert_eq!([ids.random(&entropy), ids.random(&entropy)], [[0; RANDOM]; 2]);
    }

    #[test]
    fn the_clients_own_is_kept_when_it_can_stand_in_a_log_line() {
        let id = |sent: &str| {
            let mut entropy = MockEntropy::new();
            entropy.expect_bytes().returning(|| Ok([7; 32]));
            let headers = HeaderMap::from_iter([(REQUEST_ID, HeaderValue::from_str(sent).unwrap())]);
            let now = Timestamp::from_micros(1_790_000_000_123_456);
            RequestId::of(&headers, &RequestIds::default(), &entropy, now).as_str().to_owned()
        };
        assert_eq!(id("mine-1"), "mine-1");
        for unusable in ["", "two words", &"x".repeat(129)] {
            assert_eq!(id(unusable).len(), LENGTH, "{unusable}");
        }
    }
}
