use serde::{Deserialize, Serialize};

use crate::models::{Model, Page, PageRequest};

/// A stretch of a list as it is cached: as many rows as the largest page has, and one more if there are more. Smaller pages are cut from it, so that one entry serves
/// every limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelBlock {
    rows: Vec<Model>,
}

impl ModelBlock {
    /// Keeps rows that were read for the largest page.
    #[must_use]
    pub const fn of(rows: Vec<Model>) -> Self {
        Self { rows }
    }

    /// The page, if all of it is here; its order must be the block's.
    #[must_use]
    pub fn page(&self, request: PageRequest) -> Option<Page<Model>> {
        let rows = &self.rows[self.rows.partition_point(|model| !request.includes(model.place()))..];
        let limit = request.limit as usize;
        let is_end = self.rows.len() <= PageRequest::MAX_LIMIT as usize;
        let is_here = rows.len() > limit || is_end;
        is_here.then(|| Page::cut(rows[..rows.len().min(limit + 1)].to_vec(), request.limit, Model::place))
    }
}
