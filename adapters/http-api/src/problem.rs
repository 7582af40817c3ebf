//! Problem answers (RFC 9457) with stable codes.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use portico_domain::{
    flows::{
        AuthenticateError, BotRefused, ChangePasswordError, EndSessionError, LoginError, LogoutError,
        MeError, OAuthBeginError, OAuthCallbackError, RefreshError, RegisterError, SignupClosed,
        api_keys::{ApiKeyError, KeyRefused},
        cache_operations::{AlreadyWarming, ExperimentError},
        models::ShowModelError,
        shared::GateRefused,
    },
    models::{CursorRefused, FieldFault},
    ports::Unavailable,
};
use serde::Serialize;

use crate::code::Code;

/// A problem on its way to becoming an answer. The boundary writes it, because only the boundary knows the request's id.
#[derive(Debug, Clone)]
pub struct Problem(Box<Content>);

#[derive(Debug, Clone)]
struct Content {
    code: Code,
    detail: String,
    errors: Vec<FieldFault>,
    retry_after: Option<Duration>,
    challenge: Option<&'static str>,
    for_operator: Option<String>,
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldDocument<'a>>,
}

#[derive(Serialize)]
struct FieldDocument<'a> {
    field: &'a str,
    message: &'a str,
}

impl Problem {
    /// A problem with a sentence for whoever reads the answer; the sentence must hold nothing secret.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Box::new(Content {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
            challenge: None,
            for_operator: None,
        }))
    }

    fn with(mut self, change: impl FnOnce(&mut Content)) -> Self {
        change(&mut self.0);
        self
    }

    /// So many faults are told at most: an answer must not grow with what was sent.
    pub(crate) const MOST_FAULTS: usize = 100;

    /// Faulty members or parameters, all of them, or as many as are told at most.
    #[must_use]
    pub fn validation(mut errors: Vec<FieldFault>) -> Self {
        errors.truncate(Self::MOST_FAULTS);
        let detail = match &errors[..] {
            [fault] if !fault.field.is_empty() => format!("{} {}.", fault.field, fault.message),
            [fault] => format!("The body {}.", fault.message),
            faults => format!("{} members are not valid.", faults.len()),
        };
        Self::new(Code::ValidationFailed, detail).with(|content| content.errors = errors)
    }

    /// Nobody is known to be calling, and no token was sent.
    #[must_use]
    pub fn unauthenticated(detail: &str) -> Self {
        Self::refused(Code::Unauthenticated, detail)
    }

    /// A token was sent that is no good (RFC 6750, section 3.1).
    #[must_use]
    pub fn token_refused(detail: &str) -> Self {
        let challenge = "Bearer realm=\"portico\", error=\"invalid_token\"";
        Self::new(Code::Unauthenticated, detail).with(|content| content.challenge = Some(challenge))
    }

    /// A fault of ours, with what the operator needs to know of it.
    pub fn internal(for_operator: impl Into<String>) -> Self {
        let detail = "Something went wrong here. The request id helps to find out what.";
        Self::new(Code::Internal, detail).with(|content| content.for_operator = Some(for_operator.into()))
    }

    fn limited(retry_after: Duration) -> Self {
        let problem = Self::new(Code::RateLimited, "Too many attempts. Retry-After says when to try again.");
        problem.with(|content| content.retry_after = Some(retry_after))
    }

    fn overloaded(retry_after: Duration) -> Self {
        let problem =
            Self::new(Code::Overloaded, "Too many sign-ins at once. Retry-After says when to try again.");
        problem.with(|content| content.retry_after = Some(retry_after))
    }

    fn refused(code: Code, detail: &str) -> Self {
        Self::new(code, detail).with(|content| content.challenge = Some("Bearer realm=\"portico\""))
    }

    /// The stable word.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// What the operator should read, once.
    pub(crate) fn for_operator(&self) -> Option<&str> {
        self.0.for_operator.as_deref()
    }

    /// Writes the answer.
    pub(crate) fn render(&self, request_id: &str) -> Response {
        let content = &self.0;
        let document = Document {
            r#type: format!("urn:portico:problem:{}", content.code.as_str()),
            title: content.code.title(),
            status: content.code.status().as_u16(),
            detail: &content.detail,
            code: content.code.as_str(),
            request_id,
            errors: content
                .errors
                .iter()
                .map(|fault| FieldDocument { field: &fault.field, message: &fault.message })
                .collect(),
        };
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let length = body.len();
        let mut response = (content.code.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(wait) = content.retry_after {
            // Rounded up: trying again when told must not be a moment early.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        if let Some(challenge) = content.challenge {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        response
    }
}

/// An error's words as a sentence.
fn sentence(error: &impl std::fmt::Display) -> String {
    let words = error.to_string();
    let mut letters = words.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).chain(['.']).collect())
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.code().status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Unavailable> for Problem {
    fn from(unavailable: Unavailable) -> Self {
        let detail = format!("The {} can't be reached just now.", unavailable.service);
        Self::new(Code::Unavailable, detail)
            .with(|content| content.for_operator = Some(unavailable.to_string()))
    }
}

impl From<GateRefused> for Problem {
    fn from(refused: GateRefused) -> Self {
        match refused {
            GateRefused::Limited { retry_after } => Self::limited(retry_after),
            GateRefused::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<CursorRefused> for Problem {
    fn from(refused: CursorRefused) -> Self {
        Self::new(Code::InvalidCursor, sentence(&refused))
    }
}

impl From<SignupClosed> for Problem {
    fn from(closed: SignupClosed) -> Self {
        Self::new(Code::Forbidden, sentence(&closed))
    }
}

impl From<AuthenticateError> for Problem {
    fn from(error: AuthenticateError) -> Self {
        match error {
            AuthenticateError::Refused(refused) => Self::token_refused(&sentence(&refused)),
            AuthenticateError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<RegisterError> for Problem {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::Closed(closed) => closed.into(),
            RegisterError::Limited { retry_after } => Self::limited(retry_after),
            RegisterError::EmailTaken => Self::new(Code::Conflict, sentence(&error)),
            RegisterError::Overloaded { retry_after } => Self::overloaded(retry_after),
            RegisterError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<LoginError> for Problem {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Limited { retry_after } => Self::limited(retry_after),
            LoginError::InvalidCredentials => Self::refused(Code::InvalidCredentials, &sentence(&error)),
            LoginError::Overloaded { retry_after } => Self::overloaded(retry_after),
            LoginError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<RefreshError> for Problem {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Limited { retry_after } => Self::limited(retry_after),
            RefreshError::Invalid => Self::refused(Code::RefreshInvalid, &sentence(&error)),
            RefreshError::Reused => Self::refused(
                Code::RefreshReused,
                &sentence(&"the refresh token was used before; its session is revoked"),
            ),
            RefreshError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<LogoutError> for Problem {
    fn from(error: LogoutError) -> Self {
        match error {
            LogoutError::Invalid => Self::refused(Code::RefreshInvalid, &sentence(&error)),
            LogoutError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<MeError> for Problem {
    fn from(error: MeError) -> Self {
        match error {
            MeError::Gone => Self::token_refused(&sentence(&error)),
            MeError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<BotRefused> for Problem {
    fn from(error: BotRefused) -> Self {
        match error {
            BotRefused::Denied(_) => Self::new(Code::BotDenied, sentence(&error)),
            BotRefused::Limited { retry_after } => Self::limited(retry_after),
            BotRefused::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<KeyRefused> for Problem {
    fn from(error: KeyRefused) -> Self {
        match error {
            KeyRefused::Malformed | KeyRefused::NotFound | KeyRefused::Revoked | KeyRefused::Expired => {
                Self::unauthenticated(&sentence(&error))
            }
            KeyRefused::InsufficientScope | KeyRefused::WrongInstance => {
                Self::new(Code::Forbidden, sentence(&error))
            }
            KeyRefused::Limited { retry_after } => Self::limited(retry_after),
            KeyRefused::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<ApiKeyError> for Problem {
    fn from(error: ApiKeyError) -> Self {
        match error {
            ApiKeyError::ScopeForbidden(_) => Self::new(Code::Forbidden, sentence(&error)),
            ApiKeyError::ExpiresInPast => {
                Self::validation(vec![FieldFault::new("expires_at", error.to_string())])
            }
            ApiKeyError::NotFound => Self::new(Code::NotFound, sentence(&error)),
            ApiKeyError::Revoked => Self::new(Code::Conflict, sentence(&error)),
            ApiKeyError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<AlreadyWarming> for Problem {
    fn from(error: AlreadyWarming) -> Self {
        Self::new(Code::Conflict, sentence(&error))
    }
}

impl From<ExperimentError> for Problem {
    fn from(error: ExperimentError) -> Self {
        match error {
            ExperimentError::Invalid(faults) => Self::validation(faults),
            ExperimentError::AnotherRuns => Self::new(Code::Conflict, sentence(&error)),
            ExperimentError::NotFound => Self::new(Code::NotFound, sentence(&error)),
            ExperimentError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<ShowModelError> for Problem {
    fn from(error: ShowModelError) -> Self {
        match error {
            ShowModelError::NotFound => Self::new(Code::NotFound, sentence(&error)),
            ShowModelError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<EndSessionError> for Problem {
    fn from(error: EndSessionError) -> Self {
        match error {
            EndSessionError::NotFound => Self::new(Code::NotFound, "There is no such session of yours."),
            EndSessionError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<ChangePasswordError> for Problem {
    fn from(error: ChangePasswordError) -> Self {
        match error {
            ChangePasswordError::Limited { retry_after } => Self::limited(retry_after),
            ChangePasswordError::WrongPassword => Self::new(Code::Forbidden, sentence(&error)),
            ChangePasswordError::Superseded => Self::new(Code::Conflict, sentence(&error)),
            ChangePasswordError::Gone => Self::token_refused(&sentence(&error)),
            ChangePasswordError::Overloaded { retry_after } => Self::overloaded(retry_after),
            ChangePasswordError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<OAuthBeginError> for Problem {
    fn from(error: OAuthBeginError) -> Self {
        match error {
            OAuthBeginError::Limited { retry_after } => Self::limited(retry_after),
            OAuthBeginError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<OAuthCallbackError> for Problem {
    fn from(error: OAuthCallbackError) -> Self {
        let detail = sentence(&error);
        match error {
            OAuthCallbackError::Limited { retry_after } => Self::limited(retry_after),
            OAuthCallbackError::InvalidState => Self::new(Code::InvalidState, detail),
            OAuthCallbackError::ProviderRefused => Self::new(Code::ProviderRefused, detail),
            OAuthCallbackError::UnverifiedEmail | OAuthCallbackError::SignupClosed => {
                Self::new(Code::Forbidden, detail)
            }
            OAuthCallbackError::AccountHeld => Self::new(Code::Conflict, detail),
            OAuthCallbackError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}
