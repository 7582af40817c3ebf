//! Sign-up, sign-in, renewal, sign-out, and the caller's own account.

use http::Method;
use portico_domain::models::{Email, Password, Role};
use serde_json::json;

use super::{
    Tag,
    answer::Answer,
    document::Document,
    examples,
    operation::{Operation, Who},
    schema::{
        LINE, NO_NUL, Shape, answer, count, formatted, named, named_as, one_of, or_null, request, text, time,
        uuid, words,
    },
};
use crate::code::Code;

const TAG: Tag = Tag::SignIn;

pub(super) fn describe(document: &mut Document) {
    schemas(document);
    document.operation(
        Operation::new(Method::POST, "/api/v1/auth/register", "register", TAG, "Registers an account")
            .about("And signs it in. 403 where sign-up is closed, 409 where the address is taken.")
            .body(
                "RegisterRequest",
                json!({"email": "ada@example.com", "password": "correct horse battery", "name": "Ada"}),
            )
            .answer(Answer::json(201, "The account, signed in.", named("Tokens"), examples::tokens()))
            .problem(Code::Forbidden)
            .problem(Code::Conflict)
            .problem(Code::Overloaded),
    );
    document.operation(
        Operation::new(Method::POST, "/api/v1/auth/login", "login", TAG, "Signs in")
            .about("A wrong password and an unknown address are the same 401, in the same words and time.")
            .body("LoginRequest", json!({"email": "ada@example.com", "password": "correct horse battery"}))
            .answer(Answer::json(200, "Signed in.", named("Tokens"), examples::tokens()))
            .problem(Code::InvalidCredentials)
            .problem(Code::Overloaded),
    );
    let token = json!({"refresh_token": "a-refresh-token"});
    document.operation(
        Operation::new(Method::POST, "/api/v1/auth/refresh", "refreshTokens", TAG, "Renews the tokens")
            .about(
                "The refresh token takes the place of the one that was sent. One that was used before is answered with the same successor for 10 s while that is \
                 unused (two tabs, a lost answer); else it is 401 `refresh_reused`, and the session is revoked. A browser of this site may leave the body out: its \
                 cookie counts then.",
            )
            .by(Who::Holder)
            .optional_body("RefreshTokenRequest", token.clone())
            .answer(Answer::json(200, "New tokens.", named("Tokens"), examples::tokens()).with("Set-Cookie"))
            .problem(Code::RefreshInvalid)
            .problem(Code::RefreshReused),
    );
    document.operation(
        Operation::new(Method::POST, "/api/v1/auth/logout", "logout", TAG, "Ends a session")
            .about("Idempotent. A browser of this site may leave the body out: its cookie counts then.")
            .by(Who::Holder)
            .optional_body("RefreshTokenRequest", token)
            .answer(Answer::empty(204, "The session has ended.").with("Set-Cookie"))
            .problem(Code::RefreshInvalid),
    );
    document.operation(
        Operation::new(
            Method::POST,
            "/api/v1/auth/logout-all",
            "logoutAll",
            TAG,
            "Ends all sessions of the caller",
        )
        .by(Who::Person)
        .answer(Answer::empty(204, "All have ended.").with("Set-Cookie")),
    );
    document.operation(
        Operation::new(Method::GET, "/api/v1/auth/me", "getMe", TAG, "Shows the caller's account")
            .about("For a key, the account of the person who made it.")
            .by(Who::PersonOrKey(None))
            .answer(
                Answer::json(200, "The account.", named("User"), examples::shown(&examples::user()))
                    .validated(),
            ),
    );
    document.operation(
        Operation::new(Method::POST, "/api/v1/auth/password", "changePassword", TAG, "Changes the caller's password")
            .about("All other sessions end. A wrong current password is 403; 409 where the password was changed meanwhile.")
            .by(Who::Person)
            .body("ChangePasswordRequest", json!({"current_password": "correct horse battery", "new_password": "battery horse correct"}))
            .answer(Answer::empty(204, "It is changed."))
            .problem(Code::Forbidden)
            .problem(Code::Conflict)
            .problem(Code::Overloaded),
    );
}

fn schemas(document: &mut Document) {
    let email = "Trimmed, and compared without case.";
    let user = answer(
        "A person.",
        vec![
            ("id", uuid("Names the account.")),
            ("email", words("What they sign in with.")),
            ("name", or_null(words("What they want to be called."))),
            ("role", one_of("What they may do.", [Role::Member, Role::Admin].map(Role::as_str))),
            ("organization_id", uuid("The organization that owns their rows.")),
            ("created_at", time("When the account was made.")),
            ("last_login_at", or_null(time("When they last signed in."))),
        ],
    );
    document.schema("User", user);
    let tokens = answer(
        "What somebody signs in with from now on. `no-store`.",
        vec![
            (
                "access_token",
                words(
                    "To be sent as `Authorization: Bearer`: a JWT with `iss sub aud iat exp jti sid role org`.",
                ),
            ),
            ("token_type", one_of("How to send it.", ["Bearer"])),
            ("expires_in", count("In how many seconds the access token ends.")),
            ("refresh_token", words("Renews both, once.")),
            ("refresh_expires_in", count("In how many seconds the refresh token ends.")),
            ("user", named_as("User", "Who signed in.")),
        ],
    );
    document.schema("Tokens", tokens);
    let register = request(
        "A new account.",
        vec![("email", self::email(email)), ("password", new_password("Its password."))],
        vec![("name", or_null(text("What the person wants to be called; trimmed.", (1, 200), Some(LINE))))],
    );
    document.schema("RegisterRequest", register);
    let login = vec![("email", self::email(email)), ("password", password("The account's password."))];
    document.schema("LoginRequest", request("Who wants to sign in.", login, Vec::new()));
    let refresh = vec![("refresh_token", text("The token.", (1, 1_024), None))];
    document.schema("RefreshTokenRequest", request("A session, by its refresh token.", refresh, Vec::new()));
    let change = vec![
        ("current_password", password("The present one.")),
        ("new_password", new_password("The next one.")),
    ];
    document.schema("ChangePasswordRequest", request("Two passwords.", change, Vec::new()));
}

fn email(what: &str) -> Shape {
    match formatted(what, "email") {
        utoipa::openapi::RefOr::T(utoipa::openapi::Schema::Object(mut object)) => {
            object.max_length = Some(Email::MAX_BYTES);
            object.into()
        }
        other => other,
    }
}

fn password(what: &str) -> Shape {
    let what = format!("{what} 1–72 bytes of UTF-8.");
    text(&what, (1, Password::MAX_BYTES), Some(NO_NUL))
}

fn new_password(what: &str) -> Shape {
    let what = format!(
        "{what} 10–72 bytes of UTF-8: bcrypt reads no more, and a longer one is refused rather than cut."
    );
    text(&what, (Password::MIN_BYTES, Password::MAX_BYTES), Some(NO_NUL))
}
