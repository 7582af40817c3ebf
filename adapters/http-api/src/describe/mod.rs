//! The `OpenAPI` description of the surface: a file a resource, beside the one in `routes` that answers.
//!
//! Lists of words, bounds and problems are the code's own; examples are written by the code that writes answers where it can be asked. What is described is
//! rendered into `openapi.json`, which both targets serve: `portico openapi --output adapters/http-api/openapi.json` renews it, and a test fails until it is.
//!
//! - `document`: the whole. `operation`: one route and method. `answer`, `problems`: what comes back. `schema`: shapes. `examples`: things to show.
//!
//! **To describe a route:** an [`Operation`](operation::Operation) in the resource's file, with a schema for each body.

mod answer;
mod api_keys;
mod auth;
mod books;
mod cache;
mod database;
mod document;
mod documentation;
mod examples;
mod experiments;
mod github;
mod messaging;
mod models;
mod observation;
mod operation;
mod operations;
mod orders;
mod problems;
mod schema;
mod sessions;
mod system_settings;
mod user_settings;

use document::Document;

/// The description as JSON, the same whenever it is made: `openapi.json`.
#[must_use]
pub fn openapi() -> String {
    let mut document = Document::default();
    auth::describe(&mut document);
    github::describe(&mut document);
    sessions::describe(&mut document);
    api_keys::describe(&mut document);
    models::describe(&mut document);
    user_settings::describe(&mut document);
    messaging::describe(&mut document);
    books::describe(&mut document);
    orders::describe(&mut document);
    operations::describe(&mut document);
    documentation::describe(&mut document);
    system_settings::describe(&mut document);
    cache::describe(&mut document);
    experiments::describe(&mut document);
    database::describe(&mut document);
    observation::describe(&mut document);
    document.render()
}

/// What an operation belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    SignIn,
    Sessions,
    ApiKeys,
    Models,
    UserSettings,
    Messaging,
    Catalogue,
    Operations,
    SystemSettings,
    Administration,
}

impl Tag {
    const ALL: [Self; 10] = [
        Self::SignIn,
        Self::Sessions,
        Self::ApiKeys,
        Self::Models,
        Self::UserSettings,
        Self::Messaging,
        Self::Catalogue,
        Self::Operations,
        Self::SystemSettings,
        Self::Administration,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "Sign-in",
            Self::Sessions => "Sessions",
            Self::ApiKeys => "API keys",
            Self::Models => "Models",
            Self::UserSettings => "User settings",
            Self::Messaging => "Messaging",
            Self::Catalogue => "Catalogue",
            Self::Operations => "Operations",
            Self::SystemSettings => "System settings",
            Self::Administration => "Administration",
        }
    }

    const fn about(self) -> &'static str {
        match self {
            Self::SignIn => "Accounts, access tokens and refresh tokens.",
            Self::Sessions => "The devices on which somebody is signed in.",
            Self::ApiKeys => "What programs show instead of a person's sign-in.",
            Self::Models => "Which models there are, and which a person may use.",
            Self::UserSettings => "What people set for themselves, and their keys at providers of models.",
            Self::Messaging => "Messages, the chats they are in, and what happened.",
            Self::Catalogue => "Books, read by anybody, and orders of them.",
            Self::Operations => "What monitors and clients ask of the service itself.",
            Self::SystemSettings => "Settings of the whole system, for the programs around it.",
            Self::Administration => "What operators see and steer.",
        }
    }
}

#[cfg(test)]
mod tests;
