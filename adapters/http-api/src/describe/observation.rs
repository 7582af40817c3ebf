//! What operators measure by.

use http::Method;

use super::{
    Tag,
    answer::Answer,
    document::Document,
    operation::{Operation, Who},
    schema::{by_default, whole},
};
use crate::code::Code;

const TAG: Tag = Tag::Administration;
const PROFILES: &str = "Natively, where `PORTICO_PPROF=on`; elsewhere this path doesn't exist: 404.";

pub(super) fn describe(document: &mut Document) {
    document.operation(
        Operation::new(Method::GET, "/metrics", "getMetrics", TAG, "Shows what this process has counted")
            .about(
                "For Prometheus. Natively, where metrics are on; elsewhere this path doesn't exist: 404. Unless they are open to everybody, the bearer token is an admin's or the \
                 scraper's own.",
            )
            .by(Who::Admin)
            .answer(Answer::text("The figures.", "application/openmetrics-text", "OpenMetrics text."))
            .problem(Code::NotFound),
    );
    document.operation(
        Operation::new(Method::GET, "/debug/pprof", "listProfiles", TAG, "Tells which profiles there are")
            .about(PROFILES)
            .by(Who::Admin)
            .answer(Answer::text("A line for each.", "text/plain", "Text for people."))
            .problem(Code::NotFound),
    );
    let seconds = whole("For how many seconds it is looked.", (1, 60));
    document.operation(
        Operation::new(
            Method::GET,
            "/debug/pprof/profile",
            "getCpuProfile",
            TAG,
            "Shows where this process spends its CPU time",
        )
        .about(&format!("409 while another one is taken. {PROFILES}"))
        .by(Who::Admin)
        .query("seconds", by_default(seconds, 30))
        .answer(Answer::download("The profile in pprof's format."))
        .problem(Code::NotFound)
        .problem(Code::Conflict),
    );
    document.operation(
        Operation::new(
            Method::GET,
            "/debug/pprof/heap",
            "getHeapProfile",
            TAG,
            "Shows what allocated the memory that is in use",
        )
        .about(PROFILES)
        .by(Who::Admin)
        .answer(Answer::download("The profile in pprof's format."))
        .problem(Code::NotFound),
    );
}
