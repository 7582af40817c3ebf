//! A provider that behaves like GitHub's OAuth web flow, so that a real authorization-code flow with PKCE runs without GitHub.
//!
//! | file | what it holds |
//! | --- | --- |
//! | [`identities`] | the people it knows, how it treats each of them, and what was asked about them |
//! | [`oauth`] | `/login/oauth/authorize` and `/login/oauth/access_token` |
//! | [`api`] | `/user` and `/user/emails` |
//! | [`server`] | routes, and the controls that tests use under `/control` |
//!
//! Shapes and quirks follow GitHub's documentation ("Authorizing OAuth apps", "Troubleshooting OAuth app access token request
//! errors", REST "Users" and "Emails"): errors of the token endpoint come with status 200, its answers are a form unless JSON is
//! asked for, and the API refuses callers without a `User-Agent`. Consent is given at once, for the account that the documented
//! `login` parameter suggests.

pub mod api;
pub mod identities;
pub mod oauth;
pub mod server;
