use std::{future::Future, sync::Arc};

use crate::{
    cache::{Cache, Finishing, Prefix},
    models::{BookDetails, BookId, Timestamp},
    ports::{Background, BookAdded, BookChange, BookChanged, Books, Unavailable},
};

/// Writes a book and drops all that is cached of books, as one: a client that hangs up in between changes nothing about that.
///
/// When a write has returned, no list on this server is answered as it was before. A write of which it is not known whether it went through drops as well: a load
/// too many is the smaller harm. One that changed nothing doesn't, so that refused writes can't keep the cache cold.
#[derive(Clone)]
pub struct BookWrites {
    /// Keeps books.
    pub books: Arc<dyn Books>,
    /// Keeps what was read of them.
    pub cache: Arc<Cache>,
    /// Finishes what was begun.
    pub background: Arc<dyn Background>,
}

impl BookWrites {
    /// Adds a book.
    pub async fn add(&self, book: BookDetails) -> Result<BookAdded, Unavailable> {
        let books = Arc::clone(&self.books);
        self.write(async move { books.add(&book).await }, |added| *added == BookAdded::Added).await
    }

    /// Changes a book.
    pub async fn change(
        &self,
        id: BookId,
        change: BookChange,
        at: Timestamp,
    ) -> Result<BookChanged, Unavailable> {
        let books = Arc::clone(&self.books);
        let write = async move { books.change(id, change, at).await };
        self.write(write, |changed| matches!(changed, BookChanged::Done(_))).await
    }

    /// Takes a book out of the catalogue; `false` when there is none such.
    pub async fn remove(&self, id: BookId) -> Result<bool, Unavailable> {
        let books = Arc::clone(&self.books);
        self.write(async move { books.remove(id).await }, |removed| *removed).await
    }

    async fn write<T: Send + 'static>(
        &self,
        write: impl Future<Output = Result<T, Unavailable>> + Send + 'static,
        changed: impl FnOnce(&T) -> bool + Send + 'static,
    ) -> Result<T, Unavailable> {
        let cache = Arc::clone(&self.cache);
        Finishing::new(Arc::clone(&self.background), async move {
            let outcome = write.await;
            if outcome.as_ref().map_or(true, changed) {
                cache.clear(Prefix::Books).await;
            }
            outcome
        })
        .await
    }
}
