//! Requests that no HTTP client would send, written to the socket as bytes.

use std::time::Duration;

use anyhow::{Context, ensure};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::answer::Answer;

const PATIENCE: Duration = Duration::from_secs(40);

/// Sends bytes as they are and reads one answer. The rest of a request that the server answers early, and closes on, is not
/// missed; the answer counts.
pub async fn exchange(base: &str, told: &str, head: &str, body: Vec<u8>) -> anyhow::Result<Answer> {
    let address = base.strip_prefix("http://").context("the server is reached by plain HTTP")?;
    let stream = TcpStream::connect(address).await?;
    let (mut from, mut to) = stream.into_split();
    let request = [head.as_bytes(), &body].concat();
    let write = tokio::spawn(async move {
        // A server that has heard enough may close.
        let _ = to.write_all(&request).await;
        to
    });
    let received = tokio::time::timeout(PATIENCE, read_answer(&mut from)).await;
    write.abort();
    let (status, headers, body) =
        received.with_context(|| format!("{told}: no answer within {PATIENCE:?}"))??;
    Ok(Answer { status, headers, body, told: told.to_owned(), head: false })
}

async fn read_answer(from: &mut (impl AsyncReadExt + Unpin)) -> anyhow::Result<(u16, HeaderMap, Bytes)> {
    let mut received = Vec::new();
    let mut buffer = [0; 8192];
    loop {
        if let Some((head, body)) = split(&received) {
            let (status, headers) = parse_head(head)?;
            if let Some(body) = whole_body(&headers, body) {
                return Ok((status, headers, body.into()));
            }
        }
        let length = from.read(&mut buffer).await.unwrap_or(0);
        ensure!(
            length > 0,
            "closed after {} bytes: {:?}",
            received.len(),
            String::from_utf8_lossy(&received)
        );
        received.extend_from_slice(&buffer[..length]);
    }
}

fn split(received: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = received.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some((&received[..end], &received[end + 4..]))
}

fn parse_head(head: &[u8]) -> anyhow::Result<(u16, HeaderMap)> {
    let text = std::str::from_utf8(head)?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).context("a status line")?.parse()?;
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(':').context("a header line")?;
        headers.append(HeaderName::try_from(name)?, HeaderValue::try_from(value.trim())?);
    }
    Ok((status, headers))
}

fn whole_body(headers: &HeaderMap, received: &[u8]) -> Option<Vec<u8>> {
    if let Some(length) = headers.get("content-length") {
        let length: usize = length.to_str().ok()?.parse().ok()?;
        return received.get(..length).map(<[u8]>::to_vec);
    }
    let mut rest = received;
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|window| window == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..line]).ok()?.trim(), 16).ok()?;
        if length == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(line + 2..line + 2 + length)?);
        rest = rest.get(line + 4 + length..)?;
    }
}
