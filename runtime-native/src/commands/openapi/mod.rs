//! `portico openapi`.

use anyhow::Context;

use super::say;
use crate::{Failure, cli::OpenApi};

/// Writes the description of the surface, as the code has it.
pub(crate) fn openapi(options: &OpenApi) -> Result<(), Failure> {
    let document = portico_http_api::openapi();
    match &options.output {
        None => say(|out| out.write_all(document.as_bytes()))?,
        Some(path) => std::fs::write(path, document)
            .with_context(|| format!("--output {} can't be written", path.display()))?,
    }
    Ok(())
}
