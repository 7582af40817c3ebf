use portico_domain::ports::{Entropy, Unavailable};

/// Gives the operating system's randomness, on Workers that of `crypto.getRandomValues`.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn bytes(&self) -> Result<[u8; 32], Unavailable> {
        fill().map_err(|fault| Unavailable::new("entropy", fault))
    }
}

/// So many random bytes.
pub(crate) fn fill<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_gives_the_same_bytes_twice() {
        let (one, two) = (SystemEntropy.bytes().unwrap(), SystemEntropy.bytes().unwrap());
        assert_ne!(one, two);
        assert_ne!(one, [0; 32]);
    }
}
