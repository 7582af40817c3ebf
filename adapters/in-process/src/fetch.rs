use std::{error::Error, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::Request;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use portico_domain::ports::{Fetch, FetchRequest, FetchResponse, Unavailable};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

const SERVICE: &str = "another service";
/// The largest answer that is read.
const MAX_ANSWER_BYTES: usize = 1 << 20;
/// How long a connection is kept for the next request. Shorter than servers usually keep theirs, so that one is rarely used that the other side
/// is just closing.
const KEEP_IDLE: Duration = Duration::from_secs(10);

/// Asks other services over HTTP/1.1, with TLS where the address says `https`: hyper and rustls, which the server and the database driver bring
/// along anyway.
///
/// Servers are known by the certificates that Mozilla trusts, which are compiled in, so that a bare container needs none; and by those given on top.
pub struct HttpFetch {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// Why no client could be made.
#[derive(Debug, thiserror::Error)]
pub enum HttpFetchFault {
    /// The certificates given on top can't be read.
    #[error("the additional root certificates are not PEM of X.509 certificates: {0}")]
    Roots(String),
    /// The TLS library refuses its own defaults.
    #[error("TLS can't be set up: {0}")]
    Tls(#[from] rustls::Error),
}

impl HttpFetch {
    /// Makes a client. Connects nowhere yet. `additional_roots` holds certificates in PEM, of authorities that vouch for servers of one's own.
    ///
    /// # Errors
    /// [`HttpFetchFault`] when the certificates can't be used.
    pub fn new(additional_roots: Option<&[u8]>) -> Result<Self, HttpFetchFault> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        if let Some(pem) = additional_roots {
            let fault = |fault: &dyn std::fmt::Display| HttpFetchFault::Roots(fault.to_string());
            let mut added = 0;
            for certificate in CertificateDer::pem_slice_iter(pem) {
                roots.add(certificate.map_err(|why| fault(&why))?).map_err(|why| fault(&why))?;
                added += 1;
            }
            if added == 0 {
                return Err(fault(&"there is no certificate in it"));
            }
        }
        let provider = rustls::crypto::ring::default_provider();
        let tls = ClientConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEEP_IDLE)
            .pool_max_idle_per_host(2)
            .build(connector);
        Ok(Self { client })
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<FetchResponse, Unavailable> {
        let response = self.client.request(request).await.map_err(|fault| unavailable(&fault))?;
        let status = response.status().as_u16();
        let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES);
        let body = body.collect().await.map_err(|fault| match fault.downcast_ref::<LengthLimitError>() {
            Some(_) => Unavailable::new(SERVICE, "the answer is larger than 1 MiB"),
            None => unavailable(fault.as_ref()),
        })?;
        Ok(FetchResponse { status, body: body.to_bytes().into() })
    }
}

#[async_trait]
impl Fetch for HttpFetch {
    async fn send(&self, request: FetchRequest) -> Result<FetchResponse, Unavailable> {
        let limit = request.time_limit;
        let mut built = Request::builder().method(request.method).uri(request.url);
        for (name, value) in request.headers {
            built = built.header(name, value);
        }
        // Neither the address nor the headers are named in the fault: they may hold secrets.
        let built = built
            .body(Full::new(Bytes::from(request.body)))
            .map_err(|_| Unavailable::new(SERVICE, "the request's address or headers are malformed"))?;
        match tokio::time::timeout(limit, self.exchange(built)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Unavailable::new(SERVICE, format!("no answer within {} ms", limit.as_millis()))),
        }
    }
}

/// The whole chain of causes: hyper's own words say only that connecting failed.
fn unavailable(fault: &(dyn Error + 'static)) -> Unavailable {
    let (mut words, mut cause) = (fault.to_string(), fault.source());
    while let Some(fault) = cause {
        words = format!("{words}: {fault}");
        cause = fault.source();
    }
    Unavailable::new(SERVICE, words)
}
