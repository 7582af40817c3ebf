//! TLS: what is agreed on, how a certificate is renewed, and what is said of files that can't be used.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use std::{path::PathBuf, sync::Arc, time::Duration};

use axum::body::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, StatusCode, Version,
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use serde_json::{Value, json};
use support::{PASSWORD, Place, Server, eventually};
use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};
use tokio_rustls::{TlsConnector, client::TlsStream};

const LONG: Duration = Duration::from_secs(60);

/// A certificate that signs itself, and its key.
struct Made {
    certificate: String,
    key: String,
}

fn made() -> Made {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    Made { certificate: cert.pem(), key: signing_key.serialize_pem() }
}

impl Made {
    fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.certificate.as_bytes()).unwrap()
    }
}

struct Files {
    certificate: PathBuf,
    key: PathBuf,
}

/// A place with such a certificate.
fn place(made: &Made) -> (Place, Files) {
    let place = Place::on_sqlite();
    let files = Files { certificate: place.home().join("cert.pem"), key: place.home().join("key.pem") };
    std::fs::write(&files.certificate, &made.certificate).unwrap();
    std::fs::write(&files.key, &made.key).unwrap();
    let place = place
        .with("PORTICO_TLS_CERTIFICATE", files.certificate.to_str().unwrap())
        .with("PORTICO_TLS_KEY", files.key.to_str().unwrap());
    (place, files)
}

async fn agree(
    server: &Server,
    trusted: &Made,
    protocols: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let stream = TcpStream::connect(server.address.strip_prefix("https://").expect("https")).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

fn registration() -> Request<Full<Bytes>> {
    let body = json!({ "email": "ada@example.com", "password": PASSWORD }).to_string();
    let request = Request::builder().method("POST").uri("https://localhost/api/v1/auth/register");
    request.header("content-type", "application/json").header("host", "localhost").body(body.into()).unwrap()
}

#[tokio::test]
async fn http2_is_agreed_on_where_both_speak_it() {
    let made = made();
    for (http2_is, offered, agreed) in [
        ("on", &[&b"h2"[..], b"http/1.1"][..], Some(&b"h2"[..])),
        ("on", &[b"http/1.1"], Some(b"http/1.1")),
        ("on", &[], None),
        ("off", &[b"h2", b"http/1.1"], Some(b"http/1.1")),
    ] {
        let (place, _) = place(&made);
        let server = place.with("PORTICO_HTTP2", http2_is).start("tls").await;
        let stream = agree(&server, &made, offered).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), agreed);
        let (answer, version) = if agreed == Some(b"h2") {
            let shaken = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
            let (mut requests, connection) = shaken;
            tokio::spawn(connection);
            (requests.send_request(registration()).await.unwrap(), Version::HTTP_2)
        } else {
            let (mut requests, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            (requests.send_request(registration()).await.unwrap(), Version::HTTP_11)
        };
        assert_eq!((answer.status(), answer.version()), (StatusCode::CREATED, version));
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(serde_json::from_slice::<Value>(&body).unwrap()["access_token"].is_string());
        // Clear text is no way in.
        let mut stream = TcpStream::connect(server.address.trim_start_matches("https://")).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .unwrap();
        let mut told = Vec::new();
        let _ = timeout(LONG, stream.read_to_end(&mut told)).await.expect("it is closed");
        assert!(!told.starts_with(b"HTTP/"), "{told:?}");
        server.stop().await;
    }
}

#[tokio::test]
async fn agreeing_has_its_time_and_a_stop_does_not_wait_for_it() {
    let (place, _) = place(&made());
    let server = place.with("PORTICO_HEADER_TIME_LIMIT", "1s").start("tls-slow").await;
    let mut silent = TcpStream::connect(server.address.trim_start_matches("https://")).await.unwrap();
    timeout(LONG, silent.read_to_end(&mut Vec::new())).await.expect("it is closed").unwrap();
    server.stop().await;
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_without_a_restart() {
    let (old, new) = (made(), made());
    let (place, files) = place(&old);
    let server = place.start("tls-renewed").await;
    agree(&server, &old, &[]).await.unwrap();
    // Half of a renewal changes nothing.
    std::fs::write(&files.certificate, &new.certificate).unwrap();
    for _ in 0..9_000 {
        if server.process.log_tail().contains("can't be used") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(
        server.process.log_tail().contains("PORTICO_TLS_KEY is not the key of"),
        "{}",
        server.process.log_tail()
    );
    agree(&server, &old, &[]).await.unwrap();
    std::fs::write(&files.key, &new.key).unwrap();
    eventually("the new one is shown", || async { agree(&server, &new, &[]).await.is_ok() }).await;
    assert!(agree(&server, &old, &[]).await.is_err());
    server.stop().await;
}

#[tokio::test]
async fn files_that_cannot_be_used_are_named() {
    let (made, other) = (made(), made());
    let (complete, files) = place(&made);
    let shown = complete.with("PORTICO_PUBLIC_URL", "").with("PORTICO_LISTEN", "127.0.0.1:8443");
    let ended = shown.run(&["check-config"], "").await;
    assert_eq!(ended.code, Some(0), "{}", ended.told);
    assert!(ended.said.contains("PORTICO_PUBLIC_URL=https://127.0.0.1:8443 "), "{}", ended.said);
    assert!(ended.said.contains(&format!("PORTICO_TLS_KEY={}", files.key.display())), "{}", ended.said);

    let refused = async |certificate: &str, key: &str| {
        let place =
            Place::on_sqlite().with("PORTICO_TLS_CERTIFICATE", certificate).with("PORTICO_TLS_KEY", key);
        let ended = place.run(&["serve"], "").await;
        assert_eq!(ended.code, Some(2), "{}", ended.told);
        ended.told
    };
    let (certificate, key) = (files.certificate.to_str().unwrap(), files.key.to_str().unwrap());
    let told = refused(certificate, "").await;
    assert!(told.contains("PORTICO_TLS_KEY must be set where PORTICO_TLS_CERTIFICATE is"), "{told}");
    let told = refused("", key).await;
    assert!(told.contains("PORTICO_TLS_CERTIFICATE must be set where PORTICO_TLS_KEY is"), "{told}");
    let told = refused("/nowhere/cert.pem", key).await;
    assert!(told.contains("PORTICO_TLS_CERTIFICATE can't be read: /nowhere/cert.pem"), "{told}");
    let told = refused(key, key).await;
    assert!(told.contains("PORTICO_TLS_CERTIFICATE must name a PEM file of certificates"), "{told}");
    let told = refused(certificate, certificate).await;
    assert!(told.contains("PORTICO_TLS_KEY must name a PEM file of a private key"), "{told}");
    let others = files.key.with_file_name("other.pem");
    std::fs::write(&others, &other.key).unwrap();
    let told = refused(certificate, others.to_str().unwrap()).await;
    assert!(told.contains("PORTICO_TLS_KEY is not the key of the certificate"), "{told}");
}
