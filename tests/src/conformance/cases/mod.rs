//! The cases, a file a topic.

mod account;
mod api_keys;
mod bearer;
mod bodies;
mod book_lists;
mod books;
mod bots;
mod cache_admin;
mod conventions;
mod cookies;
mod cors;
mod database;
mod description;
mod github;
mod github_faults;
mod inputs;
mod key_bad_input;
mod key_cache;
mod key_usage;
mod key_verification;
mod limits;
mod lists;
mod login;
mod messaging;
mod messaging_access;
mod messaging_faults;
mod messaging_lists;
mod methods;
mod metrics;
mod models;
mod operations;
mod orders;
mod pages;
mod refresh;
mod register;
mod sessions;
mod strict;
mod system_settings;
mod user_settings;
mod validators;

use super::Case;

/// Where people register.
const REGISTER: &str = "/api/v1/auth/register";
/// Where they sign in.
const LOGIN: &str = "/api/v1/auth/login";
/// Where they renew a session.
const REFRESH: &str = "/api/v1/auth/refresh";
/// Where they end one.
const LOGOUT: &str = "/api/v1/auth/logout";
/// Where they end all.
const LOGOUT_ALL: &str = "/api/v1/auth/logout-all";
/// Who am I.
const ME: &str = "/api/v1/auth/me";
/// Their sessions.
const SESSIONS: &str = "/api/v1/auth/sessions";
/// Where they change the password.
const PASSWORD_ROUTE: &str = "/api/v1/auth/password";
/// Where a sign-in through GitHub begins.
const GITHUB: &str = "/api/v1/auth/github";
/// Where GitHub sends browsers back to.
const CALLBACK: &str = "/api/v1/auth/github/callback";
/// Where somebody signed in links their GitHub account.
const LINK: &str = "/api/v1/auth/github/link";

/// Gives every case.
#[must_use]
pub fn all() -> Vec<Case> {
    [
        operations::cases(),
        metrics::cases(),
        description::cases(),
        pages::cases(),
        conventions::cases(),
        register::cases(),
        login::cases(),
        refresh::cases(),
        account::cases(),
        api_keys::cases(),
        key_verification::cases(),
        key_bad_input::cases(),
        key_cache::cases(),
        key_usage::cases(),
        models::cases(),
        books::cases(),
        book_lists::cases(),
        orders::cases(),
        messaging::cases(),
        messaging_access::cases(),
        messaging_faults::cases(),
        messaging_lists::cases(),
        sessions::cases(),
        lists::cases(),
        bearer::cases(),
        github::cases(),
        github_faults::cases(),
        cookies::cases(),
        cors::cases(),
        methods::cases(),
        validators::cases(),
        inputs::cases(),
        bodies::cases(),
        cache_admin::cases(),
        database::cases(),
        limits::cases(),
        bots::cases(),
        user_settings::cases(),
        system_settings::cases(),
        strict::cases(),
    ]
    .concat()
}
