use std::{fmt::Display, sync::Arc};

use super::Signers;
use crate::{
    models::{Cursor, CursorRefused, Order},
    ports::{MacPurpose, Unavailable},
};

/// Reads and writes the cursors of one kind of list, each bound to that list, its order and its owner.
pub struct Cursors {
    list: &'static str,
    signers: Arc<Signers>,
}

impl Cursors {
    /// Names the kind of list; no two may have the same name.
    #[must_use]
    pub const fn new(list: &'static str, signers: Arc<Signers>) -> Self {
        Self { list, signers }
    }

    /// Reads a cursor that this owner's list gave out in this order.
    ///
    /// # Errors
    /// Outer: the keys could not be resolved. Inner: the cursor is not one of this list.
    pub async fn open(
        &self,
        text: &str,
        order: Order,
        owner: impl Display + Send,
    ) -> Result<Result<Cursor, CursorRefused>, Unavailable> {
        let signer = self.signers.get().await?;
        Ok(Cursor::open(text, &self.name(order, owner), |bytes| signer.mac(MacPurpose::Cursor, bytes)))
    }

    /// Writes where the next page begins.
    pub async fn seal(
        &self,
        cursor: Cursor,
        order: Order,
        owner: impl Display + Send,
    ) -> Result<String, Unavailable> {
        let signer = self.signers.get().await?;
        Ok(cursor.seal(&self.name(order, owner), |bytes| signer.mac(MacPurpose::Cursor, bytes)))
    }

    fn name(&self, order: Order, owner: impl Display) -> String {
        format!("{}|{}|{owner}", self.list, order.as_str())
    }
}
