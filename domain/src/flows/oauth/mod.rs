//! Sign-in through another provider: the authorization-code flow with PKCE.
//!
//! What must hold:
//! - **The state is ours, fresh, and used once.** It is a nonce and an end under our MAC, ten minutes long; the callback uses it up in storage
//!   before the code is exchanged.
//! - **It belongs to one browser.** What the browser keeps in an `HttpOnly` cookie carries the same nonce under our MAC. Without that, somebody could
//!   begin a sign-in, stop before the callback, and let another person's browser finish it, who would then be using the attacker's account.
//! - **The code is worth nothing to whoever sees it pass.** The PKCE verifier is derived from the nonce by a key of ours and never leaves.
//! - **Beginning costs no query**, so that nobody can fill storage by beginning.

mod begin;
mod callback;
mod link;
mod state;

pub use begin::{OAuthBegin, OAuthBeginError, OAuthBegun};
pub use callback::{OAuthCallback, OAuthCallbackError, OAuthCallbackRequest, OAuthSignedIn};
pub use link::{LinkDecision, decide_link};
