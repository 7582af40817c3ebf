//! People as rows.

use portico_domain::{
    models::{Credential, OrganizationId, PasswordHash, Role, User, UserId},
    ports::Unavailable,
};
use uuid::Uuid;

use crate::driver::{Row, SERVICE};

/// Reads the seven columns of a person, in the order in which every statement names them.
pub(super) fn user(row: &mut Row) -> Result<User, Unavailable> {
    let id = row.take()?;
    rest_of_user(id, row)
}

/// Reads the seven columns of a person who may be absent, as an outer join gives them.
pub(super) fn optional_user(row: &mut Row) -> Result<Option<User>, Unavailable> {
    let Some(id) = row.take()? else {
        for _ in 0..6 {
            row.take::<Absent>()?;
        }
        return Ok(None);
    };
    rest_of_user(id, row).map(Some)
}

/// Reads a person and their hash.
pub(super) fn credential(row: &mut Row) -> Result<Credential, Unavailable> {
    Ok(Credential { user: user(row)?, password_hash: row.take::<Option<String>>()?.map(PasswordHash::new) })
}

fn rest_of_user(id: Uuid, row: &mut Row) -> Result<User, Unavailable> {
    Ok(User {
        id: UserId::from_uuid(id),
        organization_id: OrganizationId::from_uuid(row.take()?),
        email: row.take()?,
        name: row.take()?,
        role: Role::parse(&row.take::<String>()?)
            .ok_or_else(|| Unavailable::new(SERVICE, "a stored role is not one of this program's"))?,
        created_at: row.take()?,
        last_login_at: row.take()?,
    })
}

/// Reads a null.
struct Absent;

impl crate::driver::FromValue for Absent {
    fn from_value(value: crate::driver::Value) -> Option<Self> {
        (value == crate::driver::Value::Null).then_some(Self)
    }
}
