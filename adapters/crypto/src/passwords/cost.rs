use std::fmt;

/// How dear a bcrypt hash is: 2^cost rounds, with a cost of 10–15. Each step doubles the work, an attacker's and ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BcryptCost(u32);

impl BcryptCost {
    /// The lowest cost allowed, and the default on Workers, where a hash holds up its isolate.
    pub const LOWEST: Self = Self(10);
    /// The default on servers.
    pub const SERVER: Self = Self(12);
    /// The highest cost allowed: above it one hash takes longer than a caller waits.
    pub const HIGHEST: Self = Self(15);

    /// Takes a cost of 10–15.
    #[must_use]
    pub const fn new(cost: u32) -> Option<Self> {
        if cost >= Self::LOWEST.0 && cost <= Self::HIGHEST.0 { Some(Self(cost)) } else { None }
    }

    /// The allowed cost nearest to a number that the settings have checked already.
    #[must_use]
    pub fn nearest(cost: u32) -> Self {
        Self(cost.clamp(Self::LOWEST.0, Self::HIGHEST.0))
    }

    /// The exponent, as it stands in a stored hash.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// Every cost allowed, lowest first.
    pub fn all() -> impl Iterator<Item = Self> {
        (Self::LOWEST.0..=Self::HIGHEST.0).map(Self)
    }
}

impl fmt::Display for BcryptCost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_ten_to_fifteen() {
        let taken: Vec<_> = (0..40).filter_map(BcryptCost::new).map(BcryptCost::get).collect();
        assert_eq!(taken, [10, 11, 12, 13, 14, 15]);
        assert_eq!(BcryptCost::all().count(), 6);
        assert_eq!([4, 12, 31].map(|cost| BcryptCost::nearest(cost).get()), [10, 12, 15]);
    }
}
