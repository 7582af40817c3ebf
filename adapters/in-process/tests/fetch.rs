//! The fetch port against a server of sockets, which can misbehave as no HTTP library would.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use portico_domain::ports::{Fetch, FetchRequest, FetchResponse, Unavailable};
use portico_in_process::{HttpFetch, HttpFetchFault};
use rustls::pki_types::PrivateKeyDer;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

/// Serves one answer to every connection and then, if asked to, keeps the connection open. Says where, and counts the connections.
async fn serve(answer: Vec<u8>, keep_open: bool) -> (String, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/path?query=1", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut request = [0; 4_096];
                let _ = socket.read(&mut request).await;
                let _ = socket.write_all(&answer).await;
                if keep_open {
                    tokio::time::sleep(Duration::from_secs(30)).await;
                }
            });
        }
    });
    (url, connections)
}

fn request(url: &str, limit_ms: u64) -> FetchRequest {
    FetchRequest {
        method: "POST",
        url: url.to_owned(),
        headers: vec![
            ("accept", "application/json".to_owned()),
            ("authorization", "Bearer fake-token".to_owned()),
        ],
        body: b"body".to_vec(),
        time_limit: Duration::from_millis(limit_ms),
    }
}

async fn send(url: &str, limit_ms: u64) -> Result<FetchResponse, Unavailable> {
    HttpFetch::new(None).unwrap().send(request(url, limit_ms)).await
}

#[tokio::test]
async fn sends_what_it_is_given_and_reads_any_status() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b"body") {
            assert_ne!(socket.read_buf(&mut seen).await.unwrap(), 0, "the request ended early");
        }
        socket.write_all(b"HTTP/1.1 418 Teapot\r\ncontent-length: 5\r\n\r\nshort").await.unwrap();
        String::from_utf8(seen).unwrap()
    });
    let response = send(&format!("http://{address}/path?query=1"), 5_000).await.unwrap();
    assert_eq!((response.status, response.body.as_slice()), (418, b"short".as_slice()));
    let seen = server.await.unwrap().to_lowercase();
    for part in [
        "post /path?query=1 http/1.1\r\n",
        "authorization: bearer fake-token\r\n",
        "accept: application/json",
    ] {
        assert!(seen.contains(part), "{seen}");
    }
    assert!(
        seen.contains(&format!("host: {address}\r\n")) && seen.contains("content-length: 4\r\n"),
        "{seen}"
    );
}

#[tokio::test]
async fn follows_no_redirect() {
    let (elsewhere, asked) = serve(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec(), false).await;
    let redirect = format!("HTTP/1.1 302 Found\r\nlocation: {elsewhere}\r\ncontent-length: 0\r\n\r\n");
    let (url, _) = serve(redirect.into_bytes(), false).await;
    assert_eq!(send(&url, 5_000).await.unwrap().status, 302);
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn reads_one_mebibyte_and_no_more() {
    for (bytes, chunked) in [(1 << 20, false), ((1 << 20) + 1, false), ((1 << 20) + 1, true)] {
        let mut answer = if chunked {
            format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{bytes:x}\r\n").into_bytes()
        } else {
            format!("HTTP/1.1 200 OK\r\ncontent-length: {bytes}\r\n\r\n").into_bytes()
        };
        answer.resize(answer.len() + bytes, b'x');
        answer.extend_from_slice(if chunked { b"\r\n0\r\n\r\n" } else { b"" });
        let (url, _) = serve(answer, true).await;
        match send(&url, 10_000).await {
            Ok(response) => assert_eq!((bytes, response.body.len()), (1 << 20, 1 << 20)),
            Err(fault) => {
                assert_eq!(bytes, (1 << 20) + 1);
                assert!(fault.detail.contains("larger than 1 MiB"), "{fault}");
            }
        }
    }
}

#[tokio::test]
async fn the_time_limit_holds_for_silence_and_for_a_slow_body() {
    for answer in ["", "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this"] {
        let (url, _) = serve(answer.into(), true).await;
        let began = Instant::now();
        let fault = send(&url, 300).await.unwrap_err();
        assert!(fault.detail.contains("no answer within 300 ms"), "{fault}");
        assert!(began.elapsed() < Duration::from_secs(5));
    }
}

#[tokio::test]
async fn faults_say_why_but_no_secret() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let cases = [
        (format!("http://{closed}/"), "refused"),
        ("no address fake-token".to_owned(), "malformed"),
        (serve(b"this is no HTTP fake-token".to_vec(), false).await.0, ""),
        (serve(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\ncut".to_vec(), false).await.0, ""),
        (serve(Vec::new(), false).await.0.replace("http:", "https:"), ""),
    ];
    for (url, expected) in cases {
        let fault = send(&url, 5_000).await.unwrap_err();
        assert!(fault.detail.contains(expected), "{url}: {fault}");
        assert!(!fault.detail.contains("fake-token"), "{fault}");
    }
}

/// A server for `localhost` whose certificate an authority of our own has signed; says where it is, and the authority's certificate.
async fn serve_tls() -> (String, String) {
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root = authority.self_signed(&authority_key).unwrap();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned()];
    let certificate = rcgen::CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            // A client that doesn't trust the certificate hangs up here.
            let Ok(mut socket) = acceptor.accept(socket).await else { continue };
            let mut request = [0; 4_096];
            let _ = socket.read(&mut request).await;
            let _ = socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecure").await;
            let _ = socket.shutdown().await;
        }
    });
    (url, root.pem())
}

#[tokio::test]
async fn trusts_a_server_whose_authority_it_was_given_and_no_other() {
    let (url, root) = serve_tls().await;
    let trusting = HttpFetch::new(Some(root.as_bytes())).unwrap();
    let response = trusting.send(request(&url, 5_000)).await.unwrap();
    assert_eq!((response.status, response.body.as_slice()), (200, b"secure".as_slice()));

    let fault = send(&url, 5_000).await.unwrap_err();
    assert!(fault.detail.contains("UnknownIssuer"), "{fault}");
    let elsewhere = url.replace("localhost", "127.0.0.1");
    let fault = trusting.send(request(&elsewhere, 5_000)).await.unwrap_err();
    assert!(fault.detail.contains("certificate"), "{fault}");
}

#[tokio::test]
async fn additional_roots_must_be_certificates() {
    let refused = HttpFetch::new(Some(b"not a certificate")).err().unwrap();
    assert!(matches!(refused, HttpFetchFault::Roots(_)), "{refused}");
    let broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(matches!(HttpFetch::new(Some(broken)), Err(HttpFetchFault::Roots(_))));
}
