use std::sync::Arc;

use super::Ports;
use crate::{
    cache::{Cache, ReadThrough},
    flows::{
        catalogue::{
            AddBook, BookSource, BookWrites, ChangeBook, ListOrders, PageSource, PlaceOrder, ReadBooks,
            RemoveBook,
        },
        shared::{Cursors, Signers},
    },
};

/// What is done with books and orders.
pub struct CatalogueFlows {
    /// Shows books.
    pub read: ReadBooks,
    /// Reads and writes the cursors of lists of books.
    pub book_cursors: Cursors,
    /// Adds one.
    pub add: AddBook,
    /// Changes one.
    pub change: ChangeBook,
    /// Takes one out of the catalogue.
    pub remove: RemoveBook,
    /// Places an order.
    pub place_order: PlaceOrder,
    /// Shows orders.
    pub orders: ListOrders,
    /// Reads and writes that list's cursors.
    pub order_cursors: Cursors,
}

pub(super) fn catalogue_flows(ports: &Ports, signers: &Arc<Signers>, cache: &Arc<Cache>) -> CatalogueFlows {
    let writes = BookWrites {
        books: Arc::clone(&ports.books),
        cache: Arc::clone(cache),
        background: Arc::clone(&ports.background),
    };
    CatalogueFlows {
        read: ReadBooks {
            pages: ReadThrough::new(Arc::clone(cache), PageSource { books: Arc::clone(&ports.books) }),
            single: ReadThrough::new(Arc::clone(cache), BookSource { books: Arc::clone(&ports.books) }),
        },
        book_cursors: Cursors::new("books", Arc::clone(signers)),
        add: AddBook {
            clock: Arc::clone(&ports.clock),
            entropy: Arc::clone(&ports.entropy),
            writes: writes.clone(),
        },
        change: ChangeBook { clock: Arc::clone(&ports.clock), writes: writes.clone() },
        remove: RemoveBook { writes },
        place_order: PlaceOrder {
            clock: Arc::clone(&ports.clock),
            entropy: Arc::clone(&ports.entropy),
            orders: Arc::clone(&ports.orders),
        },
        orders: ListOrders { orders: Arc::clone(&ports.orders) },
        order_cursors: Cursors::new("orders", Arc::clone(signers)),
    }
}
