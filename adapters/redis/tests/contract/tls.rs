//! Over TLS and with a password, as hosted servers are reached.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use portico_domain::{ports::SharedCache, settings::LimitClasses};
use portico_in_process::SystemClock;
use portico_redis::{Redis, RedisAddress, RedisSettings, connect};
use tempfile::TempDir;

use crate::server::{SOON, entry, key};

const PASSWORD: &str = "obviously-fake";

/// A `redis-server` that speaks TLS alone, and whose certificate an authority of its own has signed.
struct TlsServer {
    port: u16,
    authority: Vec<u8>,
    process: Child,
    _directory: TempDir,
}

impl TlsServer {
    fn start() -> Self {
        let directory = TempDir::new().unwrap();
        let authority = certificates(directory.path());
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let process = Command::new("redis-server")
            .args(["--port", "0", "--tls-port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .args(["--tls-cert-file", "server.pem", "--tls-key-file", "server.key"])
            .args(["--tls-ca-cert-file", "authority.pem", "--tls-auth-clients", "no"])
            .args(["--requirepass", PASSWORD, "--daemonize", "no"])
            .current_dir(directory.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is installed: tests/setup/services.sh");
        let began = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(began.elapsed() < SOON, "redis-server listens for TLS");
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { port, authority, process, _directory: directory }
    }

    fn portico(&self, password: &str, authorities: Option<Vec<u8>>) -> Redis {
        let url = format!("rediss://:{password}@localhost:{}", self.port);
        let address = RedisAddress::parse(&url).unwrap();
        let settings = RedisSettings { address, authorities, open_when_away: LimitClasses::of(&[]) };
        connect(settings, Arc::new(SystemClock), Arc::new(drop)).unwrap()
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Writes an authority and a server's key and certificate, and gives the authority as PEM.
fn certificates(directory: &Path) -> Vec<u8> {
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let authority_pem = authority.self_signed(&authority_key).unwrap().pem();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned()];
    let certificate = rcgen::CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    fs::write(directory.join("authority.pem"), &authority_pem).unwrap();
    fs::write(directory.join("server.pem"), certificate.pem()).unwrap();
    fs::write(directory.join("server.key"), key.serialize_pem()).unwrap();
    authority_pem.into_bytes()
}

#[tokio::test]
async fn a_server_whose_authority_is_trusted_is_used() {
    let server = TlsServer::start();
    let redis = server.portico(PASSWORD, Some(server.authority.clone()));
    assert!(redis.ready(SOON).await);
    let (key, mark) = (key("over TLS"), redis.cache.get(&key("over TLS")).await.unwrap().mark);
    assert!(redis.cache.set(&key, &entry("kept"), mark, Duration::from_secs(60)).await.unwrap());
    assert_eq!(redis.cache.get(&key).await.unwrap().entry.unwrap().value.as_deref(), Some(&b"kept"[..]));
}

#[tokio::test]
async fn neither_an_unknown_authority_nor_a_wrong_password_is_gone_along_with() {
    let server = TlsServer::start();
    let (unknown, wrong) =
        (server.portico(PASSWORD, None), server.portico("another-fake", Some(server.authority.clone())));
    let while_trying = Duration::from_millis(800);
    assert!(!unknown.ready(while_trying).await);
    assert!(!wrong.ready(while_trying).await);
}
