//! Which routes there are, read from the source of the HTTP surface: a route that nobody measures is found there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use crate::harness::paths;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Gives every route as method and path with its places: `GET /api/v1/books/{id}`.
pub fn all() -> anyhow::Result<BTreeSet<String>> {
    let source = paths::workspace().join("adapters/http-api/src");
    let constants = constants(&[source.clone(), paths::workspace().join("domain/src")])?;
    let mut routes = BTreeSet::new();
    for file in rust_files(&source)? {
        let text = fs::read_to_string(&file)?;
        ensure!(!text.contains(".nest("), "{}: nested routes are not read here", file.display());
        routes.extend(of_text(&text, &constants).with_context(|| file.display().to_string())?);
    }
    ensure!(routes.len() > 20, "no routes were found below {}", source.display());
    Ok(routes)
}

fn rust_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}

/// Gives the paths that stand in constants: name and value.
fn constants(folders: &[PathBuf]) -> anyhow::Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for folder in folders {
        for file in rust_files(folder)? {
            for line in fs::read_to_string(file)?.lines() {
                let Some((before, value)) = line.split_once(": &str = \"/") else { continue };
                let Some((_, name)) = before.split_once("const ") else { continue };
                let value = value.trim_end().trim_end_matches("\";");
                found.push((name.trim().to_owned(), format!("/{value}")));
            }
        }
    }
    Ok(found)
}

fn of_text(text: &str, constants: &[(String, String)]) -> anyhow::Result<Vec<String>> {
    let mut routes = Vec::new();
    for (place, _) in text.match_indices(".route(") {
        let inner = bracketed(&text[place + ".route(".len()..]).context("a route without its end")?;
        let (path, methods) = inner.split_once(',').context("a route without methods")?;
        let path = path.trim();
        let path = if let Some(literal) = path.strip_prefix('"') {
            literal.trim_end_matches('"').to_owned()
        } else {
            let known = constants.iter().find(|(name, _)| name == path);
            known.map(|(_, value)| value.clone()).with_context(|| format!("what is the path {path}?"))?
        };
        let before = routes.len();
        for method in METHODS {
            let called = format!("{method}(");
            let is_method = methods.match_indices(&called).any(|(at, _)| {
                !methods[..at].ends_with(|letter: char| letter.is_alphanumeric() || letter == '_')
            });
            if is_method {
                routes.push(format!("{} {path}", method.to_uppercase()));
            }
        }
        ensure!(routes.len() > before, "{path} has no method that is known here");
    }
    Ok(routes)
}

/// Gives what stands before the bracket that closes.
fn bracketed(text: &str) -> Option<&str> {
    let mut depth = 1;
    for (place, letter) in text.char_indices() {
        depth += i32::from(letter == '(') - i32::from(letter == ')');
        if depth == 0 {
            return Some(&text[..place]);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_are_read_with_all_their_methods() {
        let text = r#"
            const LISTED: &str = "/api/v1/books";
            Router::new()
                .route(LISTED, get(list).post(add))
                .route("/api/v1/books/{id}", get(one)
                    .delete(forget))
        "#;
        let constants = [("LISTED".to_owned(), "/api/v1/books".to_owned())];
        let routes = of_text(text, &constants).unwrap();
        let expected = [
            "GET /api/v1/books",
            "POST /api/v1/books",
            "GET /api/v1/books/{id}",
            "DELETE /api/v1/books/{id}",
        ];
        assert_eq!(routes, expected);
        assert!(of_text(".route(UNKNOWN, get(x))", &constants).is_err());
        assert!(of_text(".route(\"/x\", any(x))", &constants).is_err());
    }

    #[test]
    fn the_surface_has_the_routes_that_everybody_knows() {
        let routes = all().unwrap();
        for route in ["GET /health", "POST /api/v1/auth/login", "GET /api/v1/auth/github/callback"] {
            assert!(routes.contains(route), "{route} in {routes:?}");
        }
    }
}
