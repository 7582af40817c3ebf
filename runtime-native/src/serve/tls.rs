//! The server's certificate, and a newer one when its files have changed.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use anyhow::anyhow;
use rustls::ServerConfig;
use tokio_rustls::TlsAcceptor;

use crate::configuration::{TlsFiles, TlsPair};

/// How often the files are looked at. They are small, and a certificate is renewed long before it ends.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Accepts TLS connections with the certificate that was last found in its files.
pub(super) struct Tls {
    files: TlsFiles,
    protocols: Vec<Vec<u8>>,
    current: RwLock<Current>,
}

struct Current {
    pair: TlsPair,
    config: Arc<ServerConfig>,
}

impl Tls {
    /// Offers HTTP/2 if that is spoken.
    pub(super) fn new(files: &TlsFiles, speaks_http2: bool) -> anyhow::Result<Self> {
        let protocols: &[&[u8]] = if speaks_http2 { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
        let protocols: Vec<Vec<u8>> = protocols.iter().map(|name| name.to_vec()).collect();
        let config = prepared(&files.pair, &protocols)?;
        let current = RwLock::new(Current { pair: files.pair.clone(), config });
        Ok(Self { files: files.clone(), protocols, current })
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        TlsAcceptor::from(Arc::clone(&current.config))
    }

    /// Looks after the files for as long as it is asked to. New connections have the new certificate, the others keep theirs.
    pub(super) async fn watch(&self) {
        let mut told = None;
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let fault = self.renew().err().map(|fault| format!("{fault:#}"));
            if let Some(fault) = &fault
                && told.as_ref() != Some(fault)
            {
                tracing::warn!(
                    fault,
                    "the certificate's files have changed and can't be used; the one before goes on"
                );
            }
            told = fault;
        }
    }

    fn renew(&self) -> anyhow::Result<()> {
        let pair = self.files.read().map_err(|(name, fault)| anyhow!("{name} {fault}"))?;
        if pair == self.current.read().unwrap_or_else(PoisonError::into_inner).pair {
            return Ok(());
        }
        let config = prepared(&pair, &self.protocols)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Current { pair, config };
        tracing::info!("the certificate is renewed");
        Ok(())
    }
}

fn prepared(pair: &TlsPair, protocols: &[Vec<u8>]) -> anyhow::Result<Arc<ServerConfig>> {
    let mut config = pair.config().map_err(|(name, fault)| anyhow!("{name} {fault}"))?;
    config.alpn_protocols = protocols.to_vec();
    // A session is taken up again without a look-up, and without memory for each.
    config.ticketer = rustls::crypto::ring::Ticketer::new()?;
    Ok(Arc::new(config))
}
