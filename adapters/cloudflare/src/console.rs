use std::{
    cell::RefCell,
    collections::HashMap,
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::Serialize;
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span::{Attributes, Id, Record},
};

/// Where finished lines go.
type Sink = fn(Level, &str);

/// Writes events to the runtime's console: a JSON object a line, with the fields of the spans that it happened in, such as the request id.
///
/// The runtime stamps each line with its time. A full `tracing-subscriber` would weigh about as much as the router.
#[derive(Debug)]
pub struct ConsoleLog {
    filter: LogFilter,
    next: AtomicU64,
    spans: Mutex<HashMap<u64, Span>>,
    sink: Sink,
}

#[derive(Debug)]
struct Span {
    /// Members of a JSON object, each after a comma.
    fields: String,
    handles: usize,
}

thread_local! {
    /// The spans entered and not left, outermost first.
    static ENTERED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// Which events are logged: a level, or a list such as `info,portico::request=warn` in which the longest name that an event's target begins with
/// counts. The form is the native server's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter {
    others: LevelFilter,
    /// Longest names first.
    targets: Vec<(String, LevelFilter)>,
}

impl Default for LogFilter {
    /// INFO and above.
    fn default() -> Self {
        Self { others: LevelFilter::INFO, targets: Vec::new() }
    }
}

impl LogFilter {
    /// Reads one.
    ///
    /// # Errors
    /// A sentence for the operator who wrote it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const NEITHER: &str = "must be a level (error, warn, info, debug, trace, off) or a list such as info,portico::request=warn";
        let level = |word: &str| match word.trim().to_ascii_lowercase().as_str() {
            "off" => Ok(LevelFilter::OFF),
            "error" => Ok(LevelFilter::ERROR),
            "warn" => Ok(LevelFilter::WARN),
            "info" => Ok(LevelFilter::INFO),
            "debug" => Ok(LevelFilter::DEBUG),
            "trace" => Ok(LevelFilter::TRACE),
            _ => Err(NEITHER),
        };
        // With names alone, what has none of them is not logged.
        let mut filter = Self { others: LevelFilter::OFF, targets: Vec::new() };
        for part in text.split(',') {
            match part.split_once('=') {
                Some((target, _)) if target.trim().is_empty() => return Err(NEITHER),
                Some((target, word)) => filter.targets.push((target.trim().to_owned(), level(word)?)),
                None => filter.others = level(part)?,
            }
        }
        filter.targets.sort_by_key(|(target, _)| std::cmp::Reverse(target.len()));
        Ok(filter)
    }

    fn of(&self, target: &str) -> LevelFilter {
        let named = self.targets.iter().find(|(name, _)| target.starts_with(name.as_str()));
        named.map_or(self.others, |(_, level)| *level)
    }

    fn most(&self) -> LevelFilter {
        self.targets.iter().map(|(_, level)| *level).fold(self.others, LevelFilter::max)
    }
}

impl ConsoleLog {
    /// Makes this the log of the isolate. Without effect when there is one already.
    pub fn install(filter: LogFilter) {
        let log = Self::over(filter, |level, line| match level {
            Level::ERROR => worker::console_error!("{line}"),
            Level::WARN => worker::console_warn!("{line}"),
            _ => worker::console_log!("{line}"),
        });
        // An error means that one is installed, which is what was asked for.
        let _ = tracing::subscriber::set_global_default(log);
    }

    fn over(filter: LogFilter, sink: Sink) -> Self {
        Self { filter, next: AtomicU64::new(1), spans: Mutex::default(), sink }
    }

    fn spans(&self) -> MutexGuard<'_, HashMap<u64, Span>> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscriber for ConsoleLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.filter.of(metadata.target())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.filter.most())
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut fields = String::new();
        attributes.record(&mut Fields(&mut fields));
        let id = self.next.fetch_add(1, Ordering::Relaxed).max(1);
        self.spans().insert(id, Span { fields, handles: 1 });
        Id::from_u64(id)
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        if let Some(span) = self.spans().get_mut(&id.into_u64()) {
            values.record(&mut Fields(&mut span.fields));
        }
    }

    fn record_follows_from(&self, _id: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let mut line = String::with_capacity(256);
        line.push_str("{\"level\":\"");
        line.push_str(metadata.level().as_str());
        line.push('"');
        Fields(&mut line).member("target", &metadata.target());
        event.record(&mut Fields(&mut line));
        {
            let spans = self.spans();
            ENTERED.with_borrow(|entered| {
                for span in entered.iter().filter_map(|id| spans.get(id)) {
                    line.push_str(&span.fields);
                }
            });
        }
        line.push('}');
        (self.sink)(*metadata.level(), &line);
    }

    fn enter(&self, id: &Id) {
        ENTERED.with_borrow_mut(|entered| entered.push(id.into_u64()));
    }

    fn exit(&self, id: &Id) {
        ENTERED.with_borrow_mut(|entered| {
            if let Some(at) = entered.iter().rposition(|entered| *entered == id.into_u64()) {
                entered.remove(at);
            }
        });
    }

    fn clone_span(&self, id: &Id) -> Id {
        if let Some(span) = self.spans().get_mut(&id.into_u64()) {
            span.handles += 1;
        }
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        let mut spans = self.spans();
        let Some(span) = spans.get_mut(&id.into_u64()) else { return false };
        span.handles -= 1;
        let closed = span.handles == 0;
        if closed {
            spans.remove(&id.into_u64());
        }
        closed
    }
}

/// Writes fields as members of a JSON object, straight into the line: every request is logged.
struct Fields<'a>(&'a mut String);

impl Fields<'_> {
    fn member(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        // Texts, numbers and truth values can all be written.
        if let (Ok(name), Ok(value)) = (serde_json::to_string(name), serde_json::to_string(value)) {
            self.0.push(',');
            self.0.push_str(&name);
            self.0.push(':');
            self.0.push_str(&value);
        }
    }
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.member(field.name(), &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.member(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.member(field.name(), &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.member(field.name(), &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.member(field.name(), &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.member(field.name(), &value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    thread_local! {
        static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    }

    #[test]
    fn a_filter_goes_by_the_longest_name() {
        let filter = LogFilter::parse("warn, portico=info,portico::request=off").unwrap();
        let of = |target| filter.of(target);
        assert_eq!(of("portico::request"), LevelFilter::OFF);
        assert_eq!(of("portico::problem"), LevelFilter::INFO);
        assert_eq!(of("elsewhere"), LevelFilter::WARN);
        assert_eq!(filter.most(), LevelFilter::INFO);
        assert_eq!(LogFilter::parse("info"), Ok(LogFilter::default()));
        for text in ["", "infos", "info,portico", "portico=loud", "=info"] {
            assert!(LogFilter::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_line_carries_the_fields_of_its_spans_and_nothing_of_closed_ones() {
        let keep: Sink = |_, line| LINES.with_borrow_mut(|lines| lines.push(line.to_owned()));
        let log = ConsoleLog::over(LogFilter::default(), keep);
        tracing::subscriber::with_default(log, || {
            let request = tracing::info_span!("request", request_id = "r-1", status = tracing::field::Empty);
            request.in_scope(|| {
                request.record("status", 503_u64);
                tracing::warn!(service = %"storage", "is away");
            });
            drop(request);
            tracing::info!("quiet");
            tracing::debug!("unheard");
        });
        let lines: Vec<Value> =
            LINES.with_borrow(|lines| lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect());
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["request_id"], "r-1");
        assert_eq!(lines[0]["status"], 503);
        assert_eq!(lines[0]["service"], "storage");
        assert_eq!(lines[0]["message"], "is away");
        assert_eq!(lines[1]["message"], "quiet");
        assert!(lines[1].get("request_id").is_none());
    }
}
