//! A stand-in for DNS over HTTPS: it knows the crawlers of one network, and takes as long as a resolver that is some way off.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use url::Url;

/// Answers until it is dropped.
pub(super) struct Resolver {
    url: String,
    serving: JoinHandle<()>,
}

impl Resolver {
    /// Listens on a free port; each answer takes `delay`.
    pub(super) async fn start(delay: Duration) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/dns-query", listener.local_addr()?);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that breaks off asks again.
                tokio::spawn(async move { serve(stream, delay).await });
            }
        });
        Ok(Self { url, serving })
    }

    /// Where it is asked.
    pub(super) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(mut stream: TcpStream, delay: Duration) -> anyhow::Result<()> {
    let (read, mut write) = stream.split();
    let mut lines = BufReader::new(read).lines();
    loop {
        let Some(first) = lines.next_line().await? else { return Ok(()) };
        // Questions are GETs: nothing comes after the empty line.
        while lines.next_line().await?.is_some_and(|line| !line.is_empty()) {}
        tokio::time::sleep(delay).await;
        let path = first.split(' ').nth(1).context("a request line has a path")?;
        let body = answer(path)?.to_string();
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/dns-json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        write.write_all(format!("{head}{body}").as_bytes()).await?;
    }
}

/// 198.51.100.0/24 is a crawler's network, whose names lead back; there is nothing else.
fn answer(path: &str) -> anyhow::Result<serde_json::Value> {
    let asked = Url::parse("http://resolver")?.join(path)?;
    let of = |wanted: &str| {
        asked
            .query_pairs()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    };
    let (name, kind) = (of("name"), of("type"));
    let bare = name.trim_end_matches('.');
    let found = match kind.as_str() {
        "PTR" => bare
            .strip_suffix(".100.51.198.in-addr.arpa")
            .map(|last| (12, format!("crawl-198-51-100-{last}.googlebot.com."))),
        "A" => bare
            .strip_prefix("crawl-198-51-100-")
            .and_then(|name| name.strip_suffix(".googlebot.com"))
            .map(|last| (1, format!("198.51.100.{last}"))),
        _ => None,
    };
    let records: Vec<_> = found
        .iter()
        .map(|(number, data)| json!({ "name": name, "type": number, "TTL": 300, "data": data }))
        .collect();
    Ok(json!({ "Status": if records.is_empty() { 3 } else { 0 }, "TC": false, "Answer": records }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_crawlers_network_lead_back() {
        let told = |path| answer(path).unwrap()["Answer"][0]["data"].as_str().map(str::to_owned);
        assert_eq!(
            told("/dns-query?name=7.100.51.198.in-addr.arpa&type=PTR").as_deref(),
            Some("crawl-198-51-100-7.googlebot.com.")
        );
        assert_eq!(
            told("/dns-query?name=crawl-198-51-100-7.googlebot.com.&type=A").as_deref(),
            Some("198.51.100.7")
        );
        assert_eq!(told("/dns-query?name=example.com&type=A"), None);
    }
}
