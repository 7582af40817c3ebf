use std::sync::Arc;

use async_trait::async_trait;
use portico_domain::{
    meter::{self, Asked, Meter, Trace, Work},
    ports::{Clock, Fetch, FetchRequest, FetchResponse, Unavailable},
};

use crate::traces::Tracer;

/// Makes what a request asks of other services a part of its trace, theirs included.
pub struct TracedFetch {
    /// Who asks.
    pub fetch: Arc<dyn Fetch>,
    /// Who names spans.
    pub tracer: Arc<Tracer>,
    /// Takes the time.
    pub clock: Arc<dyn Clock>,
}

#[async_trait]
impl Fetch for TracedFetch {
    async fn send(&self, mut request: FetchRequest) -> Result<FetchResponse, Unavailable> {
        let Some(trace) = meter::with_current(Meter::trace).flatten() else {
            return self.fetch.send(request).await;
        };
        let (span_id, method) = (self.tracer.span_id(), request.method);
        // Never more of the address than this: its path and query may hold secrets.
        let host = host_of(&request.url).to_owned();
        request.headers.push(("traceparent", traceparent(Trace { span_id, ..trace })));
        let began = self.clock.now();
        let outcome = self.fetch.send(request).await;
        let time = self.clock.now().since(began);
        let status = outcome.as_ref().ok().map(|response| response.status);
        let failed = status.is_none_or(|status| status >= 400);
        let what = Work::Fetch { method, host, status };
        meter::with_current(|meter| meter.note_asked(Asked { span_id, what, began, time, failed }));
        outcome
    }
}

fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

/// As W3C Trace Context writes it.
fn traceparent(trace: Trace) -> String {
    format!("00-{:032x}-{:016x}-{:02x}", trace.trace_id, trace.span_id, u8::from(trace.sampled))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_an_address_the_host_alone_is_told() {
        assert_eq!(host_of("https://user:secret@api.example:8443/path?code=secret"), "api.example:8443");
        assert_eq!(host_of("http://127.0.0.1:9?x=@y"), "127.0.0.1:9");
        assert_eq!(host_of(""), "");
    }

    #[test]
    fn a_parent_is_written_with_all_its_zeros() {
        let trace = Trace { trace_id: 0xab, span_id: 0xc, sampled: true };
        assert_eq!(traceparent(trace), "00-000000000000000000000000000000ab-000000000000000c-01");
    }
}
