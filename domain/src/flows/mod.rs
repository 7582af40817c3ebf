//! The flows: what Portico does, each told from guard to outcome.
//!
//! A flow holds only the ports it uses and has one `run`. Its doc numbers the steps and names what must hold. Pieces that several flows
//! share stand in `shared`.

pub mod api_keys;
mod authenticate;
pub mod cache_operations;
pub mod catalogue;
mod change_password;
mod create_user;
pub mod database;
mod health;
mod limit_requests;
mod login;
mod logout;
mod maintenance;
mod me;
pub mod messaging;
pub mod models;
mod oauth;
mod refresh;
mod register;
mod sessions;
pub mod shared;
mod sort_bots;
pub mod system_settings;
pub mod user_settings;

#[cfg(test)]
pub(crate) mod testing;

pub use authenticate::{Authenticate, AuthenticateError};
pub use change_password::{ChangePassword, ChangePasswordError, ChangePasswordRequest};
pub use create_user::{CreateUser, CreateUserError, CreateUserRequest};
pub use health::{Health, HealthReport};
pub use limit_requests::LimitRequests;
pub use login::{Login, LoginError, LoginRequest};
pub use logout::{Logout, LogoutAll, LogoutError};
pub use maintenance::{Maintenance, MaintenanceReport};
pub use me::{Me, MeError};
pub use oauth::{
    LinkDecision, OAuthBegin, OAuthBeginError, OAuthBegun, OAuthCallback, OAuthCallbackError,
    OAuthCallbackRequest, OAuthSignedIn, decide_link,
};
pub use refresh::{Refresh, RefreshError, RefreshRequest};
pub use register::{Register, RegisterError, RegisterRequest, SignupClosed};
pub use sessions::{EndSession, EndSessionError, ListSessions, ListedSession};
pub use sort_bots::{Attempts, BotRefused, Claim, ClaimSource, SortBots, SortCounts};
