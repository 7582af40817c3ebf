//! Names that no other case, process or run uses at the same time.

/// Gives `2 × bytes` random hexadecimal digits.
#[must_use]
pub fn hex(bytes: usize) -> String {
    use std::fmt::Write as _;

    let mut noise = vec![0_u8; bytes];
    getrandom::fill(&mut noise).expect("the operating system gives random bytes");
    noise.iter().fold(String::with_capacity(bytes * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
