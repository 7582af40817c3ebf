//! What each request asked of the database, a line a request, into the file that `PORTICO_RECORD_STATEMENTS` names.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context;
use portico_http_api::{RecordedRequest, Recorder};
use serde_json::{Value, json};

/// Opens the file, to be added to.
pub(super) fn recorder(path: &Path) -> anyhow::Result<Recorder> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    let file = file.with_context(|| format!("PORTICO_RECORD_STATEMENTS: opening {}", path.display()))?;
    let file = Mutex::new(file);
    Ok(Arc::new(move |request: &RecordedRequest<'_>| write(&file, request)))
}

fn write(file: &Mutex<File>, request: &RecordedRequest<'_>) {
    let statements: Vec<Value> = request
        .statements
        .iter()
        .map(|sent| json!({ "name": sent.statement, "rows": sent.rows, "micros": sent.time.as_micros() }))
        .collect();
    let route = request.route.map_or_else(
        || format!("{} (no route)", request.method),
        |route| format!("{} {route}", request.method),
    );
    let line = json!({
        "request_id": request.request_id,
        "route": route,
        "path": request.path,
        "status": request.status,
        "statements": statements,
    });
    // One call, so that lines of several requests can't mix.
    let written =
        file.lock().unwrap_or_else(PoisonError::into_inner).write_all(format!("{line}\n").as_bytes());
    if let Err(error) = written {
        tracing::warn!(%error, "what a request asked of the database could not be recorded");
    }
}
