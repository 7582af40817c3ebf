//! Sign-in through other providers, over the fetch port, so that both runtimes use the same code.
//!
//! [`GithubProvider`] (`github/mod.rs`) serves the `IdentityProvider` port for github.com, for Enterprise servers, and for whatever else speaks
//! the same two protocols under configured addresses. `github/answers.rs` reads GitHub's answers and knows their quirks; nothing of a provider's
//! tokens is kept or logged.
//!
//! To add a provider, give it a folder beside `github/`, a word in the domain's `Provider`, and a line in each runtime's wiring.

mod github;

pub use github::GithubProvider;
