//! Clients that take their time, or stop in the middle: each is waited for so long, and told where that can be done.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use support::{PASSWORD, Place, Server, eventually};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::{sleep, timeout},
};

/// What is waited for here is over long before.
const LONG: Duration = Duration::from_secs(45);
const SECOND: Duration = Duration::from_secs(1);

/// Every limit is a minute, so that the one that is set is seen to be the one that counts.
fn place(limit: &str) -> Place {
    let place = ["IDLE", "HEADER", "BODY", "SEND"]
        .iter()
        .fold(Place::on_sqlite(), |place, name| place.with(&format!("PORTICO_{name}_TIME_LIMIT"), "1m"));
    place.with(&format!("PORTICO_{limit}_TIME_LIMIT"), "1s")
}

async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.address.trim_start_matches("http://")).await.unwrap()
}

/// All that comes until the server closes the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut told = Vec::new();
    timeout(LONG, stream.read_to_end(&mut told)).await.expect("the connection is closed").unwrap();
    String::from_utf8(told).unwrap()
}

/// The head and body of an answer.
fn parts(answer: &str) -> (String, Value) {
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.to_lowercase(), serde_json::from_str(body).unwrap_or_default())
}

fn registration(email: &str, length: usize) -> (String, String) {
    let mut body = json!({ "email": email, "password": PASSWORD }).to_string();
    body.push_str(&" ".repeat(length.saturating_sub(body.len())));
    let head = format!(
        "POST /api/v1/auth/register HTTP/1.1\r\nhost: portico\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    (head, body)
}

#[tokio::test]
async fn a_head_that_trickles_in_is_given_up() {
    for http2 in ["on", "off"] {
        let server = place("HEADER").with("PORTICO_HTTP2", http2).start("slow-head").await;
        let mut stream = connect(&server).await;
        sleep(SECOND * 2).await;
        let began = Instant::now();
        stream.write_all(b"GET /health HTTP/1.1\r\n").await.unwrap();
        let (mut read, mut write) = stream.into_split();
        let trickle = tokio::spawn(async move {
            for byte in "x-slow: ".bytes().chain(std::iter::repeat_n(b'a', 200)) {
                if write.write_all(&[byte]).await.is_err() {
                    break;
                }
                sleep(SECOND / 5).await;
            }
        });
        let mut told = String::new();
        timeout(LONG, read.read_to_string(&mut told)).await.expect("it is closed").unwrap();
        trickle.abort();
        assert!(told.starts_with("HTTP/1.1 408 "), "{told}");
        assert!(told.to_lowercase().contains("connection: close"), "{told}");
        assert!(began.elapsed() >= SECOND, "{:?}", began.elapsed());

        // The second request of a connection has its limit too, from its own first byte on.
        let mut stream = connect(&server).await;
        stream.write_all(b"GET /health HTTP/1.1\r\nhost: portico\r\n\r\n").await.unwrap();
        sleep(SECOND * 2).await;
        stream.write_all(b"GET /he").await.unwrap();
        let told = rest(&mut stream).await;
        assert!(told.starts_with("HTTP/1.1 200 ") && told.contains("HTTP/1.1 408 "), "{told}");
        // Half a preface is half a head.
        let mut stream = connect(&server).await;
        stream.write_all(b"PRI * HT").await.unwrap();
        let told = rest(&mut stream).await;
        assert!(told.starts_with("HTTP/1.1 408 "), "{told}");
        server.stop().await;
    }
}

#[tokio::test]
async fn a_head_that_cannot_be_read_is_answered_and_an_answer_does_not_wait_for_the_next_head() {
    let server = place("BODY").start("unreadable-head").await;
    let long =
        format!("GET /health HTTP/1.1\r\nhost: portico\r\nx-long: {}\r\n\r\n", "a".repeat(256 * 1_024));
    for (head, status) in [("GET /health nonsense\r\n\r\n", "400"), (long.as_str(), "431")] {
        for before in ["", "GET /health HTTP/1.1\r\nhost: portico\r\n\r\n"] {
            let mut stream = connect(&server).await;
            stream.write_all(format!("{before}{head}").as_bytes()).await.unwrap();
            let told = rest(&mut stream).await;
            assert!(told.contains(&format!("HTTP/1.1 {status} ")), "{told}");
            assert_eq!(told.contains("HTTP/1.1 200 "), !before.is_empty(), "{told}");
        }
    }
    let mut stream = connect(&server).await;
    stream.write_all(b"GET /health HTTP/1.1\r\nhost: portico\r\n\r\nGET /he").await.unwrap();
    let mut told = [0; 12];
    timeout(SECOND * 30, stream.read_exact(&mut told)).await.expect("the first is answered").unwrap();
    assert_eq!(&told, b"HTTP/1.1 200");
    server.stop().await;
}

#[tokio::test]
async fn a_silent_connection_is_closed_without_a_word() {
    for http2 in ["on", "off"] {
        let server = place("IDLE").with("PORTICO_HTTP2", http2).start("slow-idle").await;
        let mut stream = connect(&server).await;
        assert_eq!(rest(&mut stream).await, "");
        let mut stream = connect(&server).await;
        for _ in 0..4 {
            stream.write_all(b"GET /health HTTP/1.1\r\nhost: portico\r\n\r\n").await.unwrap();
            sleep(SECOND / 2).await;
        }
        let told = rest(&mut stream).await;
        assert_eq!(told.matches("HTTP/1.1 ").count(), 4, "used, it stays open: {told}");
        server.stop().await;
    }
}

#[tokio::test]
async fn a_body_that_stops_is_408_and_one_that_goes_on_is_read() {
    let server = place("BODY").start("slow-body").await;
    let (head, body) = registration("stops@example.com", 0);
    for sent in [0, 10] {
        let mut stream = connect(&server).await;
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&body.as_bytes()[..sent]).await.unwrap();
        let began = Instant::now();
        let (head, problem) = parts(&rest(&mut stream).await);
        assert!(began.elapsed() >= SECOND, "{:?}", began.elapsed());
        assert!(head.starts_with("http/1.1 408 ") && head.contains("connection: close"), "{head}");
        assert!(head.contains("application/problem+json"), "{head}");
        assert_eq!(problem["code"], "request_timeout");
    }

    let (head, body) = registration("goes-on@example.com", 120);
    let mut stream = connect(&server).await;
    stream.write_all(head.as_bytes()).await.unwrap();
    for piece in body.as_bytes().chunks(12) {
        stream.write_all(piece).await.unwrap();
        sleep(SECOND / 4).await;
    }
    let mut told = [0; 12];
    stream.read_exact(&mut told).await.unwrap();
    assert_eq!(&told, b"HTTP/1.1 201");
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_its_answers_is_sent_away() {
    let server = place("SEND").with("PORTICO_MAX_CONNECTIONS", "1").start("slow-send").await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let address = server.address.trim_start_matches("http://").parse().unwrap();
    let mut greedy = socket.connect(address).await.unwrap();
    let many = "GET /health HTTP/1.1\r\nhost: portico\r\n\r\n".repeat(1_000);
    // Until the server stops reading, because it can't write, or is gone already.
    while timeout(SECOND * 3, greedy.write(many.as_bytes())).await.is_ok_and(|sent| sent.is_ok()) {}
    // There is room for one connection, so another is served once this one is closed.
    eventually("somebody else is served", || async {
        let asked = timeout(SECOND * 5, server.http.get(format!("{}/health", server.address)).send()).await;
        asked.is_ok_and(|answer| answer.is_ok_and(|answer| answer.status() == 200))
    })
    .await;
    drop(greedy);
    drop(server);
}

#[tokio::test]
async fn a_body_without_a_length_has_the_same_limit_and_its_refusal_can_be_read() {
    let server = place("BODY").with("PORTICO_BODY_LIMIT", "64KiB").start("slow-chunked").await;
    let mut stream = connect(&server).await;
    let head = "POST /api/v1/auth/register HTTP/1.1\r\nhost: portico\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("{:x}\r\n{}\r\n", 16 * 1_024, " ".repeat(16 * 1_024));
    // Much more than is taken: the answer must not be lost over what nobody reads.
    for _ in 0..64 {
        if stream.write_all(chunk.as_bytes()).await.is_err() {
            break;
        }
    }
    let (head, problem) = parts(&rest(&mut stream).await);
    assert!(head.starts_with("http/1.1 413 ") && head.contains("connection: close"), "{head}");
    assert_eq!(problem["code"], "body_too_large");

    // A length that is too large is refused before anything is read, and whoever sends on can still read that.
    let mut stream = connect(&server).await;
    let head = "POST /api/v1/auth/register HTTP/1.1\r\nhost: portico\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    sleep(SECOND / 2).await;
    stream.write_all(&vec![b' '; 500_000]).await.unwrap();
    let (head, problem) = parts(&rest(&mut stream).await);
    assert!(head.starts_with("http/1.1 413 ") && head.contains("connection: close"), "{head}");
    assert_eq!(problem["code"], "body_too_large");

    // Small enough in chunks is read as any other.
    let mut stream = connect(&server).await;
    let (_, body) = registration("chunks@example.com", 0);
    let mut chunks = String::new();
    for part in body.as_bytes().chunks(7) {
        write!(chunks, "{:x}\r\n{}\r\n", part.len(), String::from_utf8_lossy(part)).unwrap();
    }
    let head = "POST /api/v1/auth/register HTTP/1.1\r\nhost: portico\r\nconnection: close\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(format!("{head}{chunks}0\r\n\r\n").as_bytes()).await.unwrap();
    let told = rest(&mut stream).await;
    assert!(told.starts_with("HTTP/1.1 201 "), "{told}");
    server.stop().await;
}
