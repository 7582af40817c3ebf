//! What an answer tells of its own cost.

use http::HeaderMap;

/// How many statements the answer cost, by its `Server-Timing`: `db;dur=1.234;desc="2"`.
pub(super) fn statements(headers: &HeaderMap) -> Option<u64> {
    let told = headers.get("server-timing")?.to_str().ok()?;
    let entry = told.split(',').map(str::trim).find(|entry| entry.starts_with("db;"))?;
    let description = entry.split(';').find_map(|part| part.trim().strip_prefix("desc="))?;
    description.trim_matches('"').parse().ok()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;

    #[test]
    fn the_count_of_statements_is_the_description_of_db() {
        let told = |text| {
            let header = HeaderValue::from_static(text);
            statements(&HeaderMap::from_iter([(http::HeaderName::from_static("server-timing"), header)]))
        };
        assert_eq!(told("total;dur=5.006, db;dur=1.234;desc=\"2\", cache;desc=\"miss\""), Some(2));
        assert_eq!(told("db;desc=\"0\""), Some(0));
        assert_eq!(told("total;dur=5.006"), None);
        assert_eq!(told("dbx;desc=\"4\""), None);
        assert_eq!(statements(&HeaderMap::new()), None);
    }
}
