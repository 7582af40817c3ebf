//! W3C Trace Context: which trace a request is a part of.

use http::{HeaderMap, HeaderName, HeaderValue};
use portico_domain::meter::Trace;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
/// A list that is longer needn't be handed on.
const LONGEST_STATE: usize = 512;

/// What a request's `traceparent` and `tracestate` say (<https://www.w3.org/TR/trace-context/>).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace, and the span of whoever asks.
    pub trace: Trace,
    /// What vendors hand on, where it is one visible line of 512 characters at most.
    pub state: Option<HeaderValue>,
}

impl TraceContext {
    /// Reads it. What is malformed, or there twice, is as if it weren't there.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(&TRACEPARENT).iter();
        let trace = parse(values.next()?.as_bytes())?;
        if values.next().is_some() {
            return None;
        }
        let mut states = headers.get_all(&TRACESTATE).iter();
        let state = states.next().filter(|state| state.len() <= LONGEST_STATE && state.to_str().is_ok());
        let state = if states.next().is_some() { None } else { state.cloned() };
        Some(Self { trace, state })
    }
}

/// `00-<32 hex>-<16 hex>-<2 hex>`, in lower case. A later version may have more behind it.
fn parse(text: &[u8]) -> Option<Trace> {
    let dashes = text.len() >= 55 && [2, 35, 52].iter().all(|at| text[*at] == b'-');
    if !dashes {
        return None;
    }
    let version = hex(&text[..2])?;
    let ends = text.len() == 55 || (version > 0 && text[55] == b'-');
    if version == 0xff || !ends {
        return None;
    }
    let (trace_id, flags) = (hex(&text[3..35])?, hex(&text[53..55])?);
    let span_id = u64::try_from(hex(&text[36..52])?).ok()?;
    (trace_id != 0 && span_id != 0).then_some(Trace { trace_id, span_id, sampled: flags & 1 == 1 })
}

fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn of(pairs: &[(&'static str, &str)]) -> Option<TraceContext> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        TraceContext::of(&headers)
    }

    #[test]
    fn a_well_formed_parent_is_read() {
        let context = of(&[("traceparent", GOOD), ("tracestate", "vendor=1,other=2")]).unwrap();
        assert_eq!(context.trace.trace_id, 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c);
        assert_eq!(context.trace.span_id, 0xb7ad_6b71_6920_3331);
        assert!(context.trace.sampled);
        assert_eq!(context.state.unwrap(), "vendor=1,other=2");
        let unsampled = GOOD.replace("-01", "-00");
        assert!(!of(&[("traceparent", &unsampled)]).unwrap().trace.sampled);
        let later = format!("01{}-more", &GOOD[2..]);
        assert!(of(&[("traceparent", &later)]).is_some());
    }

    #[test]
    fn whatever_is_malformed_counts_as_none() {
        let zero_trace = format!("00-{}-b7ad6b7169203331-01", "0".repeat(32));
        let zero_span = format!("00-0af7651916cd43dd8448eb211c80319c-{}-01", "0".repeat(16));
        let (upper, long) = (GOOD.to_uppercase(), format!("{GOOD}-more"));
        let (forbidden, joined) = (format!("ff{}", &GOOD[2..]), format!("01{}x", &GOOD[2..]));
        for text in
            ["", "00", "nonsense", &GOOD[..54], &zero_trace, &zero_span, &upper, &long, &forbidden, &joined]
        {
            assert_eq!(of(&[("traceparent", text)]), None, "{text}");
        }
        assert_eq!(of(&[("traceparent", GOOD), ("traceparent", GOOD)]), None, "which one?");
        assert_eq!(of(&[("tracestate", "vendor=1")]), None, "a state without a parent says nothing");
        let state = of(&[("traceparent", GOOD), ("tracestate", &"x".repeat(513))]).unwrap().state;
        assert_eq!(state, None, "too long to be handed on");
    }
}
