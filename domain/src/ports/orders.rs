use async_trait::async_trait;

use super::Unavailable;
use crate::models::{NewOrder, OrderId, PageRequest, PlacedOrder, UserId};

/// What became of placing an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderPlacing {
    /// It is placed.
    Placed(PlacedOrder),
    /// Some books aren't in the catalogue, and nothing was written: the positions of their lines, never empty.
    UnknownBooks(Vec<usize>),
}

/// What people ordered. Somebody else's order is as good as none.
#[cfg_attr(any(test, feature = "mocks"), mockall::automock)]
#[async_trait]
pub trait Orders: Send + Sync {
    /// Places an order as one step: all of its lines, at prices that the books had at one moment, with their titles and authors of that moment.
    async fn place(&self, order: &NewOrder) -> Result<OrderPlacing, Unavailable>;

    /// Finds somebody's order, by one statement.
    async fn by_id(&self, user: UserId, id: OrderId) -> Result<Option<PlacedOrder>, Unavailable>;

    /// Lists somebody's orders by when they were placed, with their items, by one statement; one more than the limit if there are more.
    async fn list(&self, user: UserId, page: PageRequest) -> Result<Vec<PlacedOrder>, Unavailable>;
}
