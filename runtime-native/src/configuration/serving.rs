//! How connections are served: how long clients are waited for, which protocols are spoken, which certificate is shown.

use std::{fs, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use portico_domain::settings::Variables;
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use super::values::{count, span};

const CERTIFICATE: &str = "PORTICO_TLS_CERTIFICATE";
const KEY: &str = "PORTICO_TLS_KEY";

/// How connections are served.
pub(crate) struct ServingSettings {
    /// How long a connection may wait for its next request.
    pub(crate) idle_time_limit: Duration,
    /// How long a client may take for the head of a request, once begun, or for agreeing on TLS.
    pub(crate) header_time_limit: Duration,
    /// How long nothing of a body may come.
    pub(crate) body_time_limit: Duration,
    /// How long a client may take nothing of its answer.
    pub(crate) send_time_limit: Duration,
    /// How many connections are served at a time; more wait in the kernel.
    pub(crate) max_connections: u32,
    /// Whether HTTP/2 is spoken with those who begin with it.
    pub(crate) speaks_http2: bool,
    /// The certificate to show; in clear text where there is none.
    pub(crate) tls: Option<TlsFiles>,
}

impl ServingSettings {
    pub(super) fn take(variables: &mut Variables) -> Self {
        let mut limit = |name, default: u64, bounds| {
            variables.take(name, span(bounds)).unwrap_or(Duration::from_secs(default))
        };
        Self {
            idle_time_limit: limit("PORTICO_IDLE_TIME_LIMIT", 75, 1..=3_600),
            header_time_limit: limit("PORTICO_HEADER_TIME_LIMIT", 10, 1..=600),
            body_time_limit: limit("PORTICO_BODY_TIME_LIMIT", 10, 1..=600),
            send_time_limit: limit("PORTICO_SEND_TIME_LIMIT", 30, 1..=3_600),
            max_connections: variables.take("PORTICO_MAX_CONNECTIONS", count(1..=1_000_000)).unwrap_or(8_192),
            speaks_http2: variables.take("PORTICO_HTTP2", on_or_off).unwrap_or(true),
            tls: TlsFiles::take(variables),
        }
    }

    /// What addresses of this server begin with.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// The public address of a server that listens on `address`. Nobody can reach "any address", so that one is told as `localhost`.
    pub(crate) fn default_public_url(&self, address: SocketAddr) -> String {
        let scheme = self.scheme();
        if address.ip().is_unspecified() {
            format!("{scheme}://localhost:{}", address.port())
        } else {
            format!("{scheme}://{address}")
        }
    }
}

pub(super) fn on_or_off(text: &str) -> Result<bool, &'static str> {
    match text.trim() {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("must be on or off"),
    }
}

/// Where a certificate and its key are, and what they were when the server was configured.
#[derive(Clone)]
pub(crate) struct TlsFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) pair: TlsPair,
}

/// A certificate with its chain, and its key, both as PEM.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct TlsPair {
    certificate: Arc<[u8]>,
    key: Arc<[u8]>,
}

/// What is wrong, after the name of the setting that it is wrong with.
type NamedFault = (&'static str, String);

impl TlsFiles {
    /// Takes both files, or neither. What is in them is looked at here, so that a server that could show nothing doesn't start.
    fn take(variables: &mut Variables) -> Option<Self> {
        let path = |text: &str| Ok::<_, String>(PathBuf::from(text));
        let (certificate, key) = match (variables.take(CERTIFICATE, path), variables.take(KEY, path)) {
            (Some(certificate), Some(key)) => (certificate, key),
            (Some(_), None) => {
                variables.fault(KEY, "must be set where PORTICO_TLS_CERTIFICATE is");
                return None;
            }
            (None, Some(_)) => {
                variables.fault(CERTIFICATE, "must be set where PORTICO_TLS_KEY is");
                return None;
            }
            (None, None) => return None,
        };
        let nothing: Arc<[u8]> = Arc::from([]);
        let pair = TlsPair { certificate: Arc::clone(&nothing), key: nothing };
        let files = Self { certificate, key, pair };
        let read = files.read().and_then(|pair| pair.config().map(|_| pair));
        match read {
            Ok(pair) => Some(Self { pair, ..files }),
            Err((name, fault)) => {
                variables.fault(name, &fault);
                None
            }
        }
    }

    /// Reads what is in the files now.
    pub(crate) fn read(&self) -> Result<TlsPair, NamedFault> {
        let read = |name, path: &PathBuf| {
            let read = fs::read(path).map(Arc::from);
            read.map_err(|error| (name, format!("can't be read: {}: {error}", path.display())))
        };
        Ok(TlsPair { certificate: read(CERTIFICATE, &self.certificate)?, key: read(KEY, &self.key)? })
    }
}

impl TlsPair {
    /// What a server shows and proves with it, TLS 1.2 and 1.3.
    pub(crate) fn config(&self) -> Result<ServerConfig, NamedFault> {
        let chain: Result<Vec<CertificateDer<'static>>, _> =
            CertificateDer::pem_slice_iter(&self.certificate).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        let chain = chain.ok_or_else(|| (CERTIFICATE, "must name a PEM file of certificates".to_owned()))?;
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|_| (KEY, "must name a PEM file of a private key without a passphrase".to_owned()))?;
        ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| (CERTIFICATE, format!("can't be used: {error}")))?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(|error| match error {
                rustls::Error::InconsistentKeys(_) => {
                    (KEY, "is not the key of the certificate in PORTICO_TLS_CERTIFICATE".to_owned())
                }
                other => (CERTIFICATE, format!("can't be used: {other}")),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(pairs: &[(&str, &str)]) -> Result<ServingSettings, Vec<String>> {
        let mut variables = Variables::new(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        let settings = ServingSettings::take(&mut variables);
        let faults = variables.finish();
        faults.map(|()| settings).map_err(|faults| faults.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn every_fault_is_told() {
        let told = take(&[
            ("PORTICO_IDLE_TIME_LIMIT", "0s"),
            ("PORTICO_HEADER_TIME_LIMIT", "11m"),
            ("PORTICO_BODY_TIME_LIMIT", "soon"),
            ("PORTICO_SEND_TIME_LIMIT", "-1s"),
            ("PORTICO_MAX_CONNECTIONS", "0"),
            ("PORTICO_HTTP2", "true"),
            ("PORTICO_TLS_KEY", "key.pem"),
        ]);
        let told = told.err().unwrap();
        assert_eq!(told.len(), 7, "{told:?}");
        assert!(told.contains(&"PORTICO_HTTP2 must be on or off".to_owned()), "{told:?}");
        let missing = "PORTICO_TLS_CERTIFICATE must be set where PORTICO_TLS_KEY is".to_owned();
        assert!(told.contains(&missing), "{told:?}");
    }

    #[test]
    fn in_clear_text_addresses_are_http() {
        let settings = take(&[("PORTICO_HTTP2", "off")]).unwrap_or_else(|told| panic!("{told:?}"));
        assert!(!settings.speaks_http2);
        let address = "0.0.0.0:80".parse().unwrap();
        assert_eq!(settings.default_public_url(address), "http://localhost:80");
        assert_eq!(settings.default_public_url("[::1]:80".parse().unwrap()), "http://[::1]:80");
    }
}
