use std::sync::Arc;

use crate::{
    models::{
        AccessClaims, Cursor, FieldFault, NewOrder, OrderId, OrderLine, Page, PageRequest, PlacedOrder,
    },
    ports::{Clock, Entropy, OrderPlacing, Orders, Unavailable},
};

/// Why an order was not placed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceOrderError {
    /// Some books aren't in the catalogue: a fault for each.
    #[error("some of the books are not in the catalogue")]
    UnknownBooks(Vec<FieldFault>),
    /// Something could not be asked. Whether the order was placed is not known then.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Why an order was not shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// There is none, or it is somebody else's.
    #[error("there is no such order of yours")]
    NotFound,
    /// Something could not be asked.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Places an order: all of it at the prices of one moment, or none of it.
pub struct PlaceOrder {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes the identifier.
    pub entropy: Arc<dyn Entropy>,
    /// Keeps orders.
    pub orders: Arc<dyn Orders>,
}

impl PlaceOrder {
    /// Places the order for the caller. `lines` are within the bounds of [`PlacedOrder`] and [`OrderLine`], and name no book twice.
    pub async fn run(
        &self,
        caller: &AccessClaims,
        lines: Vec<OrderLine>,
    ) -> Result<PlacedOrder, PlaceOrderError> {
        let now = self.clock.now();
        let mut random = [0; 10];
        random.copy_from_slice(&self.entropy.bytes()?[..10]);
        let id = OrderId::generate(now, random);
        let order = NewOrder { id, user_id: caller.user_id, lines, created_at: now };
        match self.orders.place(&order).await? {
            OrderPlacing::Placed(placed) => Ok(placed),
            OrderPlacing::UnknownBooks(positions) => {
                let fault = |at| FieldFault::new(format!("items[{at}].book_id"), "is not in the catalogue");
                Err(PlaceOrderError::UnknownBooks(positions.into_iter().map(fault).collect()))
            }
        }
    }
}

/// Shows people their orders.
pub struct ListOrders {
    /// Keeps orders.
    pub orders: Arc<dyn Orders>,
}

impl ListOrders {
    /// Reads one page.
    pub async fn run(
        &self,
        caller: &AccessClaims,
        page: PageRequest,
    ) -> Result<Page<PlacedOrder>, Unavailable> {
        let rows = self.orders.list(caller.user_id, page).await?;
        Ok(Page::cut(rows, page.limit, |order| Cursor::at(order.created_at, order.id.uuid())))
    }

    /// Finds one order.
    pub async fn one(&self, caller: &AccessClaims, id: OrderId) -> Result<PlacedOrder, OrderError> {
        self.orders.by_id(caller.user_id, id).await?.ok_or(OrderError::NotFound)
    }
}
