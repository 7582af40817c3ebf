//! The caller's sessions.

use http::Method;
use portico_domain::models::Device;
use serde_json::json;

use super::{
    Tag,
    answer::Answer,
    document::{Document, NEWEST_FIRST},
    examples,
    operation::{Operation, Who},
    schema::{answer, flag, named, or_null, text, time, uuid, words},
};

const TAG: Tag = Tag::Sessions;

pub(super) fn describe(document: &mut Document) {
    let session = answer(
        "A device on which somebody is signed in.",
        vec![
            ("id", uuid("Names the session.")),
            ("created_at", time("When it began.")),
            ("last_used_at", time("When it was last renewed.")),
            (
                "user_agent",
                or_null(text("What the device called itself.", (0, Device::MAX_AGENT_BYTES), None)),
            ),
            ("ip", or_null(words("Where it was."))),
            ("current", flag("Whether it is the one that asks.")),
        ],
    );
    document.schema("Session", session);
    document.list("SessionList", "Session");
    let example = json!({"data": [examples::session()], "next_cursor": null, "has_more": false});
    document.operation(
        Operation::new(
            Method::GET,
            "/api/v1/auth/sessions",
            "listSessions",
            TAG,
            "Lists the caller's sessions",
        )
        .about("A session is listed at once, also while its row is still to be written.")
        .by(Who::Person)
        .pages(&NEWEST_FIRST, "Newest first, or oldest.")
        .answer(Answer::json(200, "Sessions.", named("SessionList"), example).validated()),
    );
    document.operation(
        Operation::new(
            Method::DELETE,
            "/api/v1/auth/sessions/{id}",
            "endSession",
            TAG,
            "Ends one of the caller's sessions",
        )
        .about("Its access token may live out its 15 minutes, but renews nothing.")
        .by(Who::Person)
        .answer(Answer::empty(204, "It has ended.")),
    );
}
