use std::hash::{BuildHasher, Hash, Hasher};

use portico_domain::cache::CacheKey;

/// A key that hashes to eight bytes of its digest, under a seed.
///
/// The digest of a name is known to whoever holds the name, and names can be chosen: anybody may send API keys by the million, pick those whose
/// digests begin alike, and have "no such key" remembered for each. Unseeded, they could so fill one corner of the table, and each look-up there would
/// walk past all of them. The seed makes the corner unknown. Two keys whose eight bytes are wholly alike would share a place still, take 2³² tries, and
/// cost one comparison: keys are compared as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SpreadKey(pub(crate) CacheKey);

impl Hash for SpreadKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.spread() ^ (self.0.prefix as u64));
    }
}

/// Hashes the one number that a [`SpreadKey`] is: a folded multiplication.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seed {
    before: u64,
    factor: u64,
}

impl Seed {
    /// Any bytes will do; secret ones keep others from aiming.
    pub(crate) const fn new(seed: [u8; 32]) -> Self {
        let s = &seed;
        Self {
            before: u64::from_le_bytes([s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]]),
            // Odd, so that no seed makes everything nought.
            factor: u64::from_le_bytes([s[8], s[9], s[10], s[11], s[12], s[13], s[14], s[15]]) | 1,
        }
    }
}

impl BuildHasher for Seed {
    type Hasher = Folded;

    fn build_hasher(&self) -> Folded {
        Folded { state: self.before, factor: self.factor }
    }
}

/// What is hashed so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Folded {
    state: u64,
    factor: u64,
}

impl Hasher for Folded {
    fn write_u64(&mut self, number: u64) {
        let product = u128::from(self.state ^ number) * u128::from(self.factor);
        let [low, high] = [product, product >> 64].map(|half| u64::try_from(half & u128::from(u64::MAX)));
        self.state = low.unwrap_or_default() ^ high.unwrap_or_default();
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut number = [0; 8];
            number[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(number));
        }
    }

    fn finish(&self) -> u64 {
        self.state
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use portico_domain::cache::Prefix;

    use super::*;

    fn key(n: u32) -> SpreadKey {
        SpreadKey(CacheKey::of(Prefix::ApiKey, &n.to_le_bytes()))
    }

    #[test]
    fn keys_that_were_aimed_at_one_corner_are_spread_under_a_seed() {
        // What an attacker can choose: keys whose eight bytes are alike in their lower twelve bits.
        let aimed: Vec<SpreadKey> =
            (0..200_000).map(key).filter(|key| key.0.spread() & 0xFFF == 0x123).collect();
        assert!(aimed.len() > 30, "{}", aimed.len());
        let seed = Seed::new(*b"an obviously fake seed, 32 bytes");
        let low: HashSet<u64> = aimed.iter().map(|key| seed.hash_one(key) & 0xFFF).collect();
        let high: HashSet<u64> = aimed.iter().map(|key| seed.hash_one(key) >> 57).collect();
        assert!(low.len() * 10 > aimed.len() * 9, "{} of {}", low.len(), aimed.len());
        assert!(high.len() * 2 > aimed.len().min(128), "{}", high.len());
    }

    #[test]
    fn seeds_change_the_hash_and_prefixes_do_too() {
        let other = SpreadKey(CacheKey::of(Prefix::Bot, &1_u32.to_le_bytes()));
        let [one, two] = [1, 2].map(|byte| Seed::new([byte; 32]));
        assert_ne!(one.hash_one(key(1)), two.hash_one(key(1)));
        assert_ne!(one.hash_one(key(1)), one.hash_one(other));
        assert_eq!(one.hash_one(key(1)), one.hash_one(key(1)));
    }
}
