//! This description, and the page to read it on.

use http::Method;
use serde_json::json;

use super::{
    Tag,
    answer::Answer,
    document::Document,
    operation::Operation,
    schema::{answer_with, list, map, named, words},
};
use crate::code::Code;

const TAG: Tag = Tag::Operations;

pub(super) fn describe(document: &mut Document) {
    let description = answer_with(
        "An OpenAPI 3.1 document.",
        vec![
            ("openapi", words("The version of OpenAPI.")),
            ("info", map("What it describes.", None)),
            ("paths", map("The operations.", None)),
        ],
        vec![
            ("servers", list("Where it is served.", map("A server.", None))),
            ("tags", list("What operations belong to.", map("A tag.", None))),
            ("components", map("What several operations refer to.", None)),
        ],
    );
    document.schema("OpenApiDocument", description);
    let example = json!({"openapi": "3.1.0", "info": {"title": "Portico", "version": env!("CARGO_PKG_VERSION")}, "paths": {}});
    document.operation(
        Operation::new(Method::GET, "/openapi.json", "getOpenApi", TAG, "Shows this description")
            .about("Kept for 300 s.")
            .answer(Answer::json(200, "The description.", named("OpenApiDocument"), example).validated()),
    );
    document.operation(
        Operation::new(
            Method::GET,
            "/docs",
            "getDocs",
            TAG,
            "Shows a page to read this description and to try it",
        )
        .answer(Answer::text("The page.", "text/html", "An HTML page.").validated().page()),
    );
    document.operation(
        Operation::new(Method::GET, "/docs/{file}", "getDocsFile", TAG, "Gives a file of that page")
            .place("file", words("Which file."))
            .answer(
                Answer::text("The file.", "text/javascript", "A script.")
                    .or_as("text/css", words("A style sheet."), None)
                    .or_as("image/svg+xml", words("An icon."), None)
                    .validated(),
            )
            .problem(Code::NotFound),
    );
}
