//! The functions that addresses belong to.

/// The functions at the place to which a call returns, inlined ones first; the address where none is known.
pub(super) fn of_return(address: usize) -> Vec<String> {
    let mut names = Vec::new();
    // The call itself stands before the place to which it returns, which may be another function's already.
    backtrace::resolve(std::ptr::without_provenance_mut(address.saturating_sub(1)), |symbol| {
        if let Some(name) = symbol.name() {
            names.push(tidied(format!("{name:#}")));
        }
    });
    if names.is_empty() {
        names.push(format!("{address:#x}"));
    }
    names
}

/// A function's name without the hash that tells its versions apart.
pub(super) fn tidied(mut name: String) -> String {
    if let Some((before, hash)) = name.rsplit_once("::h")
        && hash.len() == 16
        && hash.bytes().all(|letter| letter.is_ascii_hexdigit())
    {
        name.truncate(before.len());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_taken_off_and_names_stay() {
        for (name, tidy) in [
            ("portico_native::main::h0123456789abcdef", "portico_native::main"),
            ("portico_native::main::h0123456789abcde", "portico_native::main::h0123456789abcde"),
            ("a::hash", "a::hash"),
            ("", ""),
        ] {
            assert_eq!(tidied(name.to_owned()), tidy);
        }
    }

    #[test]
    fn an_address_within_a_function_has_its_name_and_a_strange_one_itself() {
        let here = std::ptr::from_ref(&(tidied as fn(String) -> String)).addr();
        assert_eq!(of_return(3), ["0x3"]);
        assert!(!of_return(here).is_empty());
        let inside = (tidied as fn(String) -> String) as usize + 2;
        let names = of_return(inside);
        assert!(names.iter().any(|name| name.contains("tidied")), "{names:?}");
    }
}
