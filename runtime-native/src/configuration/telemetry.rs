//! What is shown of the server while it runs, to whom, and where traces go.

use portico_domain::{models::Secret, settings::Variables};
use portico_http_api::MetricsAccess;

const METRICS: &str = "PORTICO_METRICS";
const TOKEN: &str = "PORTICO_METRICS_TOKEN";
const ENDPOINT: &str = "PORTICO_OTLP_ENDPOINT";
const SAMPLE: &str = "PORTICO_TRACE_SAMPLE";
const SERVICE: &str = "PORTICO_TRACE_SERVICE_NAME";
/// The shortest token of a scraper that nobody guesses.
const LEAST_TOKEN: usize = 16;

/// What is shown of the server while it runs.
pub(crate) struct TelemetrySettings {
    /// Who may read the metrics; `None` where nothing is counted.
    pub(crate) metrics: Option<MetricsAccess>,
    /// Where traces go, if they do.
    pub(crate) traces: Option<TraceTarget>,
}

/// Where traces go, and which.
pub(crate) struct TraceTarget {
    /// The collector's address, without the path of its traces.
    pub(crate) endpoint: String,
    /// Which part of those that begin here.
    pub(crate) sample: f64,
    /// What the server is called in them.
    pub(crate) service: String,
}

enum Access {
    Off,
    Admin,
    Open,
}

impl TelemetrySettings {
    pub(super) fn take(variables: &mut Variables) -> Self {
        let access = variables.take(METRICS, parse_access).unwrap_or(Access::Admin);
        let token = variables.take(TOKEN, parse_token);
        if token.is_some() && !matches!(access, Access::Admin) {
            variables.fault(TOKEN, "is of no use where PORTICO_METRICS isn't admin");
        }
        let metrics = match access {
            Access::Off => None,
            Access::Admin => Some(MetricsAccess::Admin(token)),
            Access::Open => Some(MetricsAccess::Open),
        };
        let endpoint = variables.take(ENDPOINT, parse_endpoint);
        let sample = variables.take(SAMPLE, parse_part);
        let service = variables.take(SERVICE, parse_name);
        if endpoint.is_none() {
            for (name, is_set) in [(SAMPLE, sample.is_some()), (SERVICE, service.is_some())] {
                if is_set {
                    variables.fault(name, "is of no use where PORTICO_OTLP_ENDPOINT isn't set");
                }
            }
        }
        let traces = endpoint.map(|endpoint| TraceTarget {
            endpoint,
            sample: sample.unwrap_or(1.0),
            service: service.unwrap_or_else(|| "portico".to_owned()),
        });
        Self { metrics, traces }
    }
}

fn parse_access(text: &str) -> Result<Access, &'static str> {
    match text.trim() {
        "off" => Ok(Access::Off),
        "admin" => Ok(Access::Admin),
        "open" => Ok(Access::Open),
        _ => Err("must be off, admin or open"),
    }
}

fn parse_token(text: &str) -> Result<Secret, String> {
    let text = text.trim();
    let is_usable =
        text.len() >= LEAST_TOKEN && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',');
    if is_usable {
        return Ok(Secret::new(text));
    }
    Err(format!("must be {LEAST_TOKEN} characters of visible ASCII at least, without spaces and commas"))
}

fn parse_endpoint(text: &str) -> Result<String, &'static str> {
    const NEITHER: &str = "must be an http or https address without credentials, query and fragment, such as http://127.0.0.1:4318";
    let url = url::Url::parse(text.trim()).map_err(|_| NEITHER)?;
    let is_plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if matches!(url.scheme(), "http" | "https") && url.has_host() && is_plain {
        return Ok(url.as_str().trim_end_matches('/').to_owned());
    }
    Err(NEITHER)
}

fn parse_part(text: &str) -> Result<f64, &'static str> {
    let part = text.trim().parse().ok().filter(|part| (0.0..=1.0).contains(part));
    part.ok_or("must be a number from 0 to 1, such as 0.1")
}

fn parse_name(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    let is_name = text.len() <= 128 && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if is_name { Ok(text.to_owned()) } else { Err("must be 128 characters of visible ASCII at most") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<TelemetrySettings, Vec<String>> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut variables = Variables::new(pairs);
        let settings = TelemetrySettings::take(&mut variables);
        let faults = |faults: Vec<portico_domain::settings::Fault>| {
            faults.into_iter().map(|fault| fault.to_string()).collect()
        };
        variables.finish().map(|()| settings).map_err(faults)
    }

    #[test]
    fn nothing_set_shows_metrics_to_admins_and_sends_nothing() {
        let settings = read(&[]).ok().unwrap();
        assert!(matches!(settings.metrics, Some(MetricsAccess::Admin(None))));
        assert!(settings.traces.is_none());
    }

    #[test]
    fn what_is_set_is_taken() {
        let token = ("PORTICO_METRICS_TOKEN", "an-obviously-fake-token");
        let settings = read(&[token]).ok().unwrap();
        assert!(matches!(settings.metrics, Some(MetricsAccess::Admin(Some(_)))));
        let settings = read(&[
            ("PORTICO_METRICS", "off"),
            ("PORTICO_OTLP_ENDPOINT", " http://127.0.0.1:4318/ "),
            ("PORTICO_TRACE_SAMPLE", "0.25"),
        ]);
        let settings = settings.ok().unwrap();
        assert!(settings.metrics.is_none());
        let traces = settings.traces.unwrap();
        assert_eq!(traces.endpoint, "http://127.0.0.1:4318");
        assert_eq!((traces.sample.to_string(), traces.service), ("0.25".to_owned(), "portico".to_owned()));
    }

    #[test]
    fn every_fault_is_told_with_its_name() {
        let faults = read(&[
            ("PORTICO_METRICS", "everybody"),
            ("PORTICO_METRICS_TOKEN", "short"),
            ("PORTICO_OTLP_ENDPOINT", "http://user:secret@host"),
            ("PORTICO_TRACE_SAMPLE", "1.5"),
            ("PORTICO_TRACE_SERVICE_NAME", "ä"),
        ]);
        let faults = faults.err().unwrap();
        assert_eq!(faults.len(), 5, "{faults:?}");
        assert!(!faults.join(" ").contains("secret"));
        for endpoint in ["127.0.0.1:4318", "ftp://x", "http://", "http://host?key=1", "grpc://h:4317"] {
            assert!(read(&[("PORTICO_OTLP_ENDPOINT", endpoint)]).is_err(), "{endpoint}");
        }
        for part in ["-0.1", "NaN", "inf", "half"] {
            let pairs = [("PORTICO_OTLP_ENDPOINT", "http://h"), ("PORTICO_TRACE_SAMPLE", part)];
            assert!(read(&pairs).is_err(), "{part}");
        }
    }

    #[test]
    fn what_would_be_ignored_is_a_fault() {
        let token = ("PORTICO_METRICS_TOKEN", "an-obviously-fake-token");
        for access in ["off", "open"] {
            let faults = read(&[("PORTICO_METRICS", access), token]).err().unwrap();
            assert!(faults[0].starts_with("PORTICO_METRICS_TOKEN is of no use"), "{faults:?}");
        }
        let faults = read(&[("PORTICO_TRACE_SAMPLE", "1")]).err().unwrap();
        assert!(faults[0].starts_with("PORTICO_TRACE_SAMPLE is of no use"), "{faults:?}");
    }
}
