//! Which of two forms of an answer a client likes better (RFC 9110, 12.5.1).

use http::{HeaderMap, header};

/// Whether the client names `form` in `Accept` and likes it no less than `usual`. A client that names neither, or takes anything, gets the usual form.
pub(crate) fn prefers(headers: &HeaderMap, form: &str, usual: &str) -> bool {
    let (mut of_form, mut of_usual) = (0.0, 0.0);
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    for range in values.flat_map(|value| value.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let weight = weight.map_or(1.0, |text| text.trim().parse::<f32>().unwrap_or(0.0));
        if kind.eq_ignore_ascii_case(form) {
            of_form = weight;
        } else if kind.eq_ignore_ascii_case(usual) {
            of_usual = weight;
        }
    }
    of_form > 0.0 && of_form >= of_usual
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn lines_are_for_who_names_them() {
        let asked = |accept: &'static str| {
            let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
            prefers(&headers, "application/x-ndjson", "application/json")
        };
        for lines in [
            "application/x-ndjson",
            "Application/X-NDJSON; q=0.5, */*;q=0.1",
            "application/json;q=0.9, application/x-ndjson",
            "application/json, application/x-ndjson",
            "text/html, application/x-ndjson;q=1.0",
        ] {
            assert!(asked(lines), "{lines}");
        }
        for pages in [
            "",
            "*/*",
            "application/json",
            "application/*",
            "application/x-ndjson;q=0",
            "application/x-ndjson;q=x",
            "application/json, application/x-ndjson;q=0.9",
        ] {
            assert!(!asked(pages), "{pages}");
        }
        assert!(!prefers(&HeaderMap::new(), "application/x-ndjson", "application/json"));
    }
}
