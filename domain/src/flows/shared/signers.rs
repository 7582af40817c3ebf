use std::sync::{Arc, OnceLock};

use crate::ports::{TokenKeys, TokenSigner, Unavailable};

/// Gives flows the signer, resolving its keys once in a process or isolate.
///
/// There is no time limit on what was resolved: keys change by a new deployment, which is a new process. Two first requests at
/// the same moment may both resolve; they don't wait for each other, because on Workers one request can't wait for another's I/O. A
/// failure is not kept.
pub struct Signers {
    keys: Arc<dyn TokenKeys>,
    kept: OnceLock<Arc<dyn TokenSigner>>,
    keep: bool,
}

impl Signers {
    /// Takes the keys' source; with `keep` off it is asked for every request.
    #[must_use]
    pub fn new(keys: Arc<dyn TokenKeys>, keep: bool) -> Self {
        Self { keys, kept: OnceLock::new(), keep }
    }

    /// The signer.
    pub async fn get(&self) -> Result<Arc<dyn TokenSigner>, Unavailable> {
        if let Some(signer) = self.kept.get() {
            return Ok(Arc::clone(signer));
        }
        let signer = self.keys.resolve().await?;
        if self.keep {
            return Ok(Arc::clone(self.kept.get_or_init(|| signer)));
        }
        Ok(signer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{MockTokenKeys, MockTokenSigner};

    fn keys(times: usize) -> Arc<MockTokenKeys> {
        let mut keys = MockTokenKeys::new();
        keys.expect_resolve().times(times).returning(|| Ok(Arc::new(MockTokenSigner::new())));
        Arc::new(keys)
    }

    #[tokio::test]
    async fn two_requests_resolve_the_secret_once() {
        let signers = Signers::new(keys(1), true);
        signers.get().await.unwrap();
        signers.get().await.unwrap();
    }

    #[tokio::test]
    async fn switched_off_every_request_resolves() {
        let signers = Signers::new(keys(2), false);
        signers.get().await.unwrap();
        signers.get().await.unwrap();
    }

    #[tokio::test]
    async fn a_failure_is_not_kept() {
        let mut keys = MockTokenKeys::new();
        let mut answers = vec![Ok(()), Err(Unavailable::new("secrets", "away"))];
        keys.expect_resolve().times(2).returning(move || {
            answers.pop().unwrap_or(Ok(())).map(|()| Arc::new(MockTokenSigner::new()) as Arc<dyn TokenSigner>)
        });
        let signers = Signers::new(Arc::new(keys), true);
        assert!(signers.get().await.is_err());
        assert!(signers.get().await.is_ok());
        assert!(signers.get().await.is_ok());
    }
}
