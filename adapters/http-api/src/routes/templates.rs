//! The routes by name: what metrics, traces and log lines call them.
//!
//! A name must never be what a client sent, or there would be as many names as paths. axum knows which route it took, but tells it to the route alone, by an
//! allocation. So paths are matched once more, after the answer, by the matcher that axum uses.

use std::sync::LazyLock;

use portico_domain::door::GITHUB_CALLBACK_PATH;

/// Every path that there can be, with its places. A test compares them with the router.
const TEMPLATES: &[&str] = &[
    "/.well-known/jwks.json",
    "/api/v1/admin/cache",
    "/api/v1/admin/cache/experiments",
    "/api/v1/admin/cache/experiments/{id}",
    "/api/v1/admin/cache/experiments/{id}/adopt",
    "/api/v1/admin/cache/experiments/{id}/stop",
    "/api/v1/admin/cache/warm",
    "/api/v1/admin/db",
    "/api/v1/api-keys",
    "/api/v1/api-keys/verify",
    "/api/v1/api-keys/{id}",
    "/api/v1/api-keys/{id}/rotate",
    "/api/v1/api-keys/{id}/usage",
    "/api/v1/auth/github",
    "/api/v1/auth/github/link",
    "/api/v1/auth/login",
    "/api/v1/auth/logout",
    "/api/v1/auth/logout-all",
    "/api/v1/auth/me",
    "/api/v1/auth/password",
    "/api/v1/auth/refresh",
    "/api/v1/auth/register",
    "/api/v1/auth/sessions",
    "/api/v1/auth/sessions/{id}",
    "/api/v1/books",
    "/api/v1/books/{id}",
    "/api/v1/models",
    "/api/v1/models/{id}",
    "/api/v1/orders",
    "/api/v1/orders/{id}",
    "/api/v1/user/models",
    "/api/v1/user/providers",
    "/api/v1/user/settings",
    "/api/v1/user/store-provider-api-key",
    "/api/v1/user/sync-providers",
    "/api/v2/chats",
    "/api/v2/chats/{id}",
    "/api/v2/chats/{id}/messages",
    "/api/v2/events",
    "/api/v2/health",
    "/api/v2/info",
    "/api/v2/messages/search",
    "/api/v2/messages/send",
    "/api/v2/settings",
    "/api/v2/settings/{key}",
    #[cfg(feature = "pprof")]
    "/debug/pprof",
    #[cfg(feature = "pprof")]
    "/debug/pprof/heap",
    #[cfg(feature = "pprof")]
    "/debug/pprof/profile",
    "/docs",
    "/docs/{file}",
    "/health",
    "/metrics",
    "/openapi.json",
    "/ready",
    GITHUB_CALLBACK_PATH,
];

static MATCHER: LazyLock<matchit::Router<Route>> = LazyLock::new(|| {
    let mut matcher = matchit::Router::new();
    for (place, template) in TEMPLATES.iter().enumerate() {
        let place = u16::try_from(place).expect("there are fewer routes");
        matcher.insert(*template, Route(place)).expect("the router takes the same paths");
    }
    matcher
});

/// A route, by its place in the list of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route(u16);

impl Route {
    /// How many there are.
    pub const COUNT: usize = TEMPLATES.len();

    /// The route that a path is of. Methods aren't looked at.
    pub(crate) fn of(path: &str) -> Option<Self> {
        MATCHER.at(path).ok().map(|found| *found.value)
    }

    /// Its place in the list, below [`Route::COUNT`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// Its path, with its places: `/api/v1/books/{id}`.
    #[must_use]
    pub const fn template(self) -> &'static str {
        TEMPLATES[self.0 as usize]
    }

    /// Every route.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..).map(Self).take(Self::COUNT)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn paths_are_told_by_their_templates_and_strange_ones_by_none() {
        let template = |path| Route::of(path).map(Route::template);
        assert_eq!(template("/health"), Some("/health"));
        assert_eq!(template("/api/v1/books/1f0"), Some("/api/v1/books/{id}"));
        assert_eq!(template("/api/v1/api-keys/verify"), Some("/api/v1/api-keys/verify"));
        assert_eq!(template("/api/v2/chats/1f0/messages"), Some("/api/v2/chats/{id}/messages"));
        for path in ["", "/", "/health/", "/api/v1/books/1/2", "/api/v1/books/", "//health", "/wp-login.php"]
        {
            assert_eq!(template(path), None, "{path}");
        }
    }

    /// The router keeps its paths to itself; what it prints of itself has them, and `/` for what is none of them.
    #[test]
    fn the_list_is_the_routers() {
        let router = format!("{:?}", crate::routes::every());
        let paths: BTreeSet<&str> = router
            .split('"')
            .filter(|piece| piece.len() > 1 && piece.starts_with('/') && !piece.contains("__private"))
            .collect();
        assert!(paths.len() > 40, "{router}");
        assert_eq!(paths, TEMPLATES.iter().copied().collect());
    }
}
