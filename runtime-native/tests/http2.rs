//! HTTP/2 in clear text: beside HTTP/1.1 on one port, within bounds, and to a gentle end.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod support;

use std::time::Duration;

use axum::body::Bytes;
use http_body_util::{BodyExt, Channel, Full, combinators::BoxBody};
use hyper::{Request, Response, StatusCode, Version, body::Incoming, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustix::process::Signal;
use serde_json::{Value, json};
use support::{PASSWORD, Place, Server, until};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
    time::{sleep, timeout},
};

const LONG: Duration = Duration::from_secs(45);
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

type Body = BoxBody<Bytes, std::convert::Infallible>;

/// A client's connection, and what ends when the connection does.
struct Client {
    requests: http2::SendRequest<Body>,
    connection: JoinHandle<hyper::Result<()>>,
    address: String,
}

fn whole(body: impl Into<Bytes>) -> Body {
    Full::new(body.into()).boxed()
}

async fn connect(server: &Server, window: Option<u32>) -> Client {
    let address = server.address.trim_start_matches("http://").to_owned();
    let stream = TcpStream::connect(&address).await.unwrap();
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(window);
    let (requests, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
    Client { requests, connection: tokio::spawn(connection), address }
}

impl Client {
    fn request(&self, method: &str, path: &str) -> hyper::http::request::Builder {
        let uri = format!("http://{}{path}", self.address);
        Request::builder().method(method).uri(uri).header("content-type", "application/json")
    }

    async fn send(&mut self, request: Request<Body>) -> Response<Incoming> {
        self.requests.ready().await.unwrap();
        timeout(LONG, self.requests.send_request(request)).await.expect("an answer").unwrap()
    }

    async fn register(&mut self, email: &str, body: Option<Body>) -> Response<Incoming> {
        let own = whole(json!({ "email": email, "password": PASSWORD }).to_string());
        let request = self.request("POST", "/api/v1/auth/register").body(body.unwrap_or(own)).unwrap();
        self.send(request).await
    }
}

async fn json_of(answer: Response<Incoming>) -> Value {
    serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

#[tokio::test]
async fn both_protocols_are_answered_on_one_port() {
    let server = Place::on_sqlite().start("http2").await;
    let mut client = connect(&server, None).await;
    for _ in 0..3 {
        let health = client.send(client.request("GET", "/health").body(whole("")).unwrap()).await;
        assert_eq!((health.status(), health.version()), (StatusCode::OK, Version::HTTP_2));
        assert!(health.headers().contains_key("x-request-id"), "{health:?}");
        assert!(!health.headers().contains_key("connection"), "{health:?}");
    }
    let made = client.register("ada@example.com", None).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    assert!(json_of(made).await["access_token"].is_string());
    assert_eq!(client.register("ada@example.com", None).await.status(), StatusCode::CONFLICT);
    let missing = client.send(client.request("GET", "/nowhere").body(whole("")).unwrap()).await;
    assert_eq!(json_of(missing).await["code"], "not_found");
    assert_eq!(server.get("/health").await.version(), Version::HTTP_11);
    server.stop().await;
}

#[tokio::test]
async fn where_it_is_off_it_is_not_spoken() {
    let server = Place::on_sqlite().with("PORTICO_HTTP2", "off").start("http2-off").await;
    let mut stream = TcpStream::connect(server.address.trim_start_matches("http://")).await.unwrap();
    stream.write_all(PREFACE).await.unwrap();
    let mut told = Vec::new();
    timeout(LONG, stream.read_to_end(&mut told)).await.expect("it is closed").unwrap();
    assert!(told.is_empty() || told.starts_with(b"HTTP/1.1 "), "{told:?}");
    assert_eq!(server.get("/health").await.status(), 200);
    server.stop().await;
}

#[tokio::test]
async fn bodies_have_their_limits_and_their_refusals_leave_the_connection() {
    let place = Place::on_sqlite().with("PORTICO_BODY_LIMIT", "64KiB").with("PORTICO_BODY_TIME_LIMIT", "1s");
    let server = place.start("http2-bodies").await;
    let mut client = connect(&server, None).await;

    // Without a length, and much more than a window holds.
    let (mut sender, body) = Channel::<Bytes>::new(1);
    let sending = tokio::spawn(async move {
        for _ in 0..64 {
            if sender.send_data(Bytes::from(vec![b' '; 16 * 1_024])).await.is_err() {
                break;
            }
        }
    });
    let refused = client.register("large@example.com", Some(body.boxed())).await;
    assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(json_of(refused).await["code"], "body_too_large");
    sending.abort();

    // One that stops.
    let (mut sender, body) = Channel::<Bytes>::new(1);
    sender.send_data(Bytes::from_static(b"{")).await.unwrap();
    let stopped = client.register("stops@example.com", Some(body.boxed())).await;
    assert_eq!(stopped.status(), StatusCode::REQUEST_TIMEOUT);
    assert!(!stopped.headers().contains_key("connection"), "{stopped:?}");
    assert_eq!(json_of(stopped).await["code"], "request_timeout");
    drop(sender);

    assert_eq!(client.register("ada@example.com", None).await.status(), StatusCode::CREATED);
    server.stop().await;
}

#[tokio::test]
async fn a_stream_that_nobody_reads_is_reset_and_the_others_go_on() {
    let place = Place::on_sqlite().with("PORTICO_SEND_TIME_LIMIT", "1s");
    // Much more than is handed over at once.
    let model = |number: u32| {
        let id = format!("made-up-{number}");
        json!({ "id": id, "provider": "made-up", "name": id, "context_window": 1_000, "input_cents_per_mtok": 1,
            "output_cents_per_mtok": 1, "capabilities": [], "released_at": "2025-01-01" })
    };
    let models = Value::Array((0..3_000).map(model).collect()).to_string();
    let imported = place.run(&["models", "import", "-"], &models).await;
    assert_eq!(imported.code, Some(0), "{}", imported.told);
    let server = place.start("http2-stall").await;
    let mut client = connect(&server, Some(1_024)).await;
    let token = json_of(client.register("ada@example.com", None).await).await;
    let token = format!("Bearer {}", token["access_token"].as_str().unwrap());
    let models = || {
        let request = client.request("GET", "/api/v1/models").header("accept", "application/x-ndjson");
        request.header("authorization", &token).body(whole("")).unwrap()
    };
    let (unread, read) = (models(), models());
    let mut unread = client.send(unread).await;
    assert_eq!(unread.status(), StatusCode::OK);
    let read = client.send(read).await.into_body().collect().await.unwrap().to_bytes();
    assert!(read.len() > 300_000, "{}", read.len());
    sleep(Duration::from_secs(4)).await;
    // This client takes being reset for an end, so what counts is how much came.
    let read_on = async {
        let mut came = 0;
        while let Some(Ok(frame)) = unread.body_mut().frame().await {
            came += frame.data_ref().map_or(0, Bytes::len);
        }
        came
    };
    let came = timeout(LONG, read_on).await.expect("it ends");
    assert!(came < read.len(), "{came} bytes of {}", read.len());
    let health = client.send(client.request("GET", "/health").body(whole("")).unwrap()).await;
    assert_eq!(health.status(), StatusCode::OK);
    server.stop().await;
}

#[tokio::test]
async fn a_silent_connection_is_told_that_it_ends() {
    let place =
        Place::on_sqlite().with("PORTICO_IDLE_TIME_LIMIT", "1s").with("PORTICO_SEND_TIME_LIMIT", "1s");
    let server = place.start("http2-idle").await;
    let mut client = connect(&server, None).await;
    for _ in 0..3 {
        sleep(Duration::from_millis(700)).await;
        let health = client.send(client.request("GET", "/health").body(whole("")).unwrap()).await;
        assert_eq!(health.status(), StatusCode::OK);
    }
    timeout(LONG, client.connection).await.expect("it ends").unwrap().expect("in order");
    // Nor is one that says nothing after the preface kept.
    let mut stream = TcpStream::connect(&client.address).await.unwrap();
    stream.write_all(PREFACE).await.unwrap();
    timeout(LONG, stream.read_to_end(&mut Vec::new())).await.expect("it is closed").unwrap();
    server.stop().await;
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The frames that come until the connection ends: their kinds and payloads.
async fn frames(stream: &mut TcpStream) -> Vec<(u8, Vec<u8>)> {
    let mut told = Vec::new();
    // A reset after the farewell is an end too.
    let _ = timeout(LONG, stream.read_to_end(&mut told)).await.expect("it is closed");
    let (mut frames, mut rest) = (Vec::new(), told.as_slice());
    while rest.len() >= 9 {
        let length = usize::from(rest[0]) << 16 | usize::from(rest[1]) << 8 | usize::from(rest[2]);
        let end = (9 + length).min(rest.len());
        frames.push((rest[3], rest[9..end].to_vec()));
        rest = &rest[end..];
    }
    frames
}

const HEADERS: u8 = 1;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const GO_AWAY: u8 = 7;
const CALM: u32 = 11;

#[tokio::test]
async fn asking_and_taking_back_has_an_end() {
    let server = Place::on_sqlite().start("http2-rapid").await;
    let mut stream = TcpStream::connect(server.address.trim_start_matches("http://")).await.unwrap();
    let mut all = PREFACE.to_vec();
    all.extend(frame(SETTINGS, 0, 0, &[]));
    // GET / over http from the static table, and an authority.
    let head = [0x82, 0x86, 0x84, 0x41, 1, b'x'];
    for number in 0..500_u32 {
        all.extend(frame(HEADERS, 0x5, number * 2 + 1, &head));
        all.extend(frame(RESET, 0, number * 2 + 1, &8_u32.to_be_bytes()));
    }
    let _ = stream.write_all(&all).await;
    let told = frames(&mut stream).await;
    let settings = &told.iter().find(|(kind, _)| *kind == SETTINGS).unwrap().1;
    assert!(settings.chunks(6).any(|set| set == [0, 3, 0, 0, 0, 100]), "at most 100 at a time: {settings:?}");
    let farewell = told.iter().find(|(kind, _)| *kind == GO_AWAY).expect("it is sent away");
    assert_eq!(farewell.1[4..8], CALM.to_be_bytes(), "{told:?}");
    assert_eq!(server.get("/health").await.status(), 200);
    server.stop().await;
}

#[tokio::test]
async fn a_request_under_way_is_answered_when_the_server_stops() {
    let mut server = Place::on_sqlite().start("http2-stop").await;
    let (mut busy, idle) = (connect(&server, None).await, connect(&server, None).await);
    let body = json!({ "email": "ada@example.com", "password": PASSWORD }).to_string();
    let (first, second) = body.split_at(10);
    let (mut sender, channel) = Channel::<Bytes>::new(1);
    sender.send_data(Bytes::copy_from_slice(first.as_bytes())).await.unwrap();
    let request = busy.request("POST", "/api/v1/auth/register").body(channel.boxed()).unwrap();
    let answer = tokio::spawn(busy.requests.send_request(request));
    sleep(Duration::from_millis(200)).await;
    rustix::process::kill_process(server.process.id(), Signal::TERM).unwrap();
    timeout(LONG, idle.connection).await.expect("an idle one ends").unwrap().expect("in order");
    assert!(server.process.runs(), "it waits for the request under way");
    sender.send_data(Bytes::copy_from_slice(second.as_bytes())).await.unwrap();
    drop(sender);
    let answer = timeout(LONG, answer).await.expect("an answer").unwrap().unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert!(json_of(answer).await["access_token"].is_string());
    timeout(LONG, busy.connection).await.expect("then it ends").unwrap().expect("in order");
    until("it has stopped", || !server.process.runs()).await;
}
