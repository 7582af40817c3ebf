use std::{future::Future, sync::Arc};

use crate::{
    cache::Finishing,
    flows::models::UserModels,
    models::UserId,
    ports::{Background, Unavailable},
};

/// Writes what somebody sets and drops their list of models, as one: a client that hangs up in between changes nothing about that.
///
/// A write of which it is not known whether it went through drops as well: a load too many is the smaller harm.
#[derive(Clone)]
pub struct UserWrites {
    /// Keeps lists of models.
    pub user_models: UserModels,
    /// Finishes what was begun.
    pub background: Arc<dyn Background>,
}

impl UserWrites {
    /// Carries `write` through.
    pub async fn write<T: Send + 'static>(
        &self,
        user: UserId,
        write: impl Future<Output = Result<T, Unavailable>> + Send + 'static,
    ) -> Result<T, Unavailable> {
        let user_models = self.user_models.clone();
        Finishing::new(Arc::clone(&self.background), async move {
            let outcome = write.await;
            user_models.forget(user).await;
            outcome
        })
        .await
    }
}
