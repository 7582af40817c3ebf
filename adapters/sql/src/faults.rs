//! What operators are told of sqlx's errors: enough to act on, and nothing that a row or a URL holds.

/// A database URL that can't be read. It isn't repeated, because it holds a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the database URL is not a valid one")]
pub struct InvalidUrl;

/// Describes an error met while doing `what`.
#[cfg(any(feature = "sqlx-postgres", feature = "sqlx-sqlite"))]
pub(crate) fn describe(what: &str, error: &sqlx::Error) -> String {
    let told = match error {
        sqlx::Error::Io(error) => format!("the connection failed: {}", error.kind()),
        sqlx::Error::Tls(error) => format!("TLS failed: {error}"),
        sqlx::Error::PoolTimedOut => "no connection came free in time".to_owned(),
        sqlx::Error::PoolClosed => "the pool is closed".to_owned(),
        sqlx::Error::WorkerCrashed => "the database's thread has died".to_owned(),
        sqlx::Error::Database(error) => match error.code() {
            Some(code) if code.starts_with("28") || code.starts_with("3D") => error.message().to_owned(),
            Some(code) => format!("code {code}"),
            None => "the database refused".to_owned(),
        },
        sqlx::Error::ColumnDecode { index, .. } => format!("column {index} is of another type than declared"),
        sqlx::Error::ColumnIndexOutOfBounds { .. } => "a row has fewer columns than declared".to_owned(),
        sqlx::Error::Encode(_) => "a parameter can't be encoded".to_owned(),
        _ => "the driver failed".to_owned(),
    };
    format!("{what}: {told}")
}
