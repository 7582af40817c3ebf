//! The stable words for what goes wrong.

use http::StatusCode;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $status:ident, $code:literal, $title:literal;)*) => {
        /// What went wrong, in a word that programs may rely on.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The stable word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The HTTP status it comes with.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// The short name for people.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

codes! {
    /// The body is not JSON.
    MalformedJson = BAD_REQUEST, "malformed_json", "The body is not valid JSON";
    /// The cursor is not one of this list.
    InvalidCursor = BAD_REQUEST, "invalid_cursor", "The cursor is not valid";
    /// A bearer token and an API key at once.
    AmbiguousCredentials = BAD_REQUEST, "ambiguous_credentials", "Two kinds of credentials at once";
    /// The OAuth state is missing, forged, late, used, or another browser's.
    InvalidState = BAD_REQUEST, "invalid_state", "The sign-in can't be continued";
    /// The person or the provider said no.
    ProviderRefused = BAD_REQUEST, "provider_refused", "The provider did not confirm the sign-in";
    /// Nobody is known to be calling.
    Unauthenticated = UNAUTHORIZED, "unauthenticated", "Sign in first";
    /// Wrong e-mail address or password.
    InvalidCredentials = UNAUTHORIZED, "invalid_credentials", "The e-mail address or the password is wrong";
    /// Not a refresh token that renews anything.
    RefreshInvalid = UNAUTHORIZED, "refresh_invalid", "The refresh token is not valid";
    /// A refresh token that was used before.
    RefreshReused = UNAUTHORIZED, "refresh_reused", "The refresh token was used before";
    /// Known, but not allowed.
    Forbidden = FORBIDDEN, "forbidden", "Not allowed";
    /// A program of a sort that is not served there.
    BotDenied = FORBIDDEN, "bot_denied", "Not served to this program";
    /// No such thing, or none that the caller may see.
    NotFound = NOT_FOUND, "not_found", "Not found";
    /// The path knows other methods.
    MethodNotAllowed = METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed";
    /// The client stopped sending its body.
    RequestTimeout = REQUEST_TIMEOUT, "request_timeout", "The request was not sent in time";
    /// Somebody has it already.
    Conflict = CONFLICT, "conflict", "Conflict";
    /// The body is too large.
    BodyTooLarge = PAYLOAD_TOO_LARGE, "body_too_large", "The body is too large";
    /// The body is not of a type that is understood.
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "The body's type is not supported";
    /// Members or parameters are wrong.
    ValidationFailed = UNPROCESSABLE_ENTITY, "validation_failed", "The request is not valid";
    /// A quota is used up.
    RateLimited = TOO_MANY_REQUESTS, "rate_limited", "Too many requests";
    /// A fault of ours.
    Internal = INTERNAL_SERVER_ERROR, "internal", "Internal error";
    /// A dependency is away.
    Unavailable = SERVICE_UNAVAILABLE, "unavailable", "Temporarily unavailable";
    /// Too much expensive work is queued.
    Overloaded = SERVICE_UNAVAILABLE, "overloaded", "Overloaded";
    /// It took too long.
    Timeout = GATEWAY_TIMEOUT, "timeout", "The request took too long";
}
