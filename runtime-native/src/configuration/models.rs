//! The catalogue of models that an operator puts in the place of the program's own.

use std::{fs, path::PathBuf};

use portico_domain::models::{BuiltInModels, Catalogue};

/// Reads the file that the setting names.
pub(super) fn read(text: &str) -> Result<(BuiltInModels, PathBuf), String> {
    let path = PathBuf::from(text.trim());
    let content =
        fs::read_to_string(&path).map_err(|error| format!("({}) can't be read: {error}", path.display()))?;
    match Catalogue::parse(&content) {
        Ok(catalogue) => Ok((BuiltInModels::of(catalogue), path)),
        Err(faults) => {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            Err(format!("({}) is no catalogue of models: {}", path.display(), faults.join("; ")))
        }
    }
}
