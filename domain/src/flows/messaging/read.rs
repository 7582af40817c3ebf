use std::sync::Arc;

use crate::{
    models::{Chat, ChatId, Cursor, Event, EventFilter, Message, Page, PageRequest, Reach, SearchQuery},
    ports::{Conversations, Unavailable},
};

/// Why a chat was not shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSuchChat {
    /// There is none within the reach.
    #[error("there is no such chat of yours")]
    NotFound,
    /// Something could not be asked.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Shows chats and what was said in them.
pub struct ReadChats {
    /// Keeps them.
    pub conversations: Arc<dyn Conversations>,
}

impl ReadChats {
    /// Reads one page of chats.
    pub async fn run(&self, reach: &Reach, page: PageRequest) -> Result<Page<Chat>, Unavailable> {
        let rows = if reach.is_empty() { Vec::new() } else { self.conversations.chats(reach, page).await? };
        Ok(Page::cut(rows, page.limit, |chat| Cursor::at(chat.created_at, chat.id.uuid())))
    }

    /// Finds one chat.
    pub async fn one(&self, reach: &Reach, id: ChatId) -> Result<Chat, NoSuchChat> {
        if reach.is_empty() {
            return Err(NoSuchChat::NotFound);
        }
        self.conversations.chat(reach, id).await?.ok_or(NoSuchChat::NotFound)
    }

    /// Reads one page of a chat's messages.
    pub async fn messages(
        &self,
        reach: &Reach,
        id: ChatId,
        page: PageRequest,
    ) -> Result<Page<Message>, NoSuchChat> {
        if reach.is_empty() {
            return Err(NoSuchChat::NotFound);
        }
        let rows = self.conversations.messages(reach, id, page).await?.ok_or(NoSuchChat::NotFound)?;
        Ok(Page::cut(rows, page.limit, |message| Cursor::at(message.created_at, message.id.uuid())))
    }
}

/// Finds messages by their words.
pub struct SearchMessages {
    /// Keeps them.
    pub conversations: Arc<dyn Conversations>,
}

impl SearchMessages {
    /// Reads one page, best first.
    pub async fn run(
        &self,
        reach: &Reach,
        query: &SearchQuery,
        page: PageRequest,
    ) -> Result<Page<Message>, Unavailable> {
        let rows = if reach.is_empty() || query.finds_nothing() {
            Vec::new()
        } else {
            self.conversations.search(reach, query, page).await?
        };
        let found =
            Page::cut(rows, page.limit, |found| Cursor { key: found.rank, id: found.message.id.uuid() });
        Ok(Page { items: found.items.into_iter().map(|found| found.message).collect(), next: found.next })
    }
}

/// Shows what happened.
pub struct ListEvents {
    /// Keeps it.
    pub conversations: Arc<dyn Conversations>,
}

impl ListEvents {
    /// Reads one page.
    pub async fn run(
        &self,
        reach: &Reach,
        filter: &EventFilter,
        page: PageRequest,
    ) -> Result<Page<Event>, Unavailable> {
        let is_empty = filter.since.zip(filter.until).is_some_and(|(since, until)| since >= until);
        let rows = if is_empty || reach.is_empty() {
            Vec::new()
        } else {
            self.conversations.events(reach, filter, page).await?
        };
        Ok(Page::cut(rows, page.limit, |event| Cursor::at(event.created_at, event.id.uuid())))
    }
}
