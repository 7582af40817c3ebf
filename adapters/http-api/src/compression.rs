//! Compressed answers: gzip, br and zstd by `Accept-Encoding`, chosen the same way on both targets. gzip and zstd are also made the same way; br is made here
//! natively (feature `brotli`) and by the runtime on Workers.
//!
//! Compressed is what is worth it and safe: JSON, NDJSON and text of a whole, known size from the threshold up to 1 MiB, in a 200 that may be kept. An
//! NDJSON that is streamed is compressed as it goes, part by part, so that what has been written can be read: by gzip, natively also br. An
//! answer that is `no-store` carries tokens, keys or the moment's state, and is never compressed: its length would tell of its secrets where part of it
//! can be chosen by others (the BREACH attack).
//!
//! A strong `ETag` names bytes, so a compressed body's is the plain one's with the encoding behind it; [`plain_tag`] takes that off again when a
//! client comes back with it.

mod streamed;

use std::{
    io::Write,
    sync::{Arc, OnceLock},
};

use axum::{body::Body, response::Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body::Body as _;
use http_body_util::BodyExt;

/// The largest body that is compressed in one piece.
const MOST_BYTES: u64 = 1024 * 1024;
/// A fair bargain between time and size for answers made for one request.
#[cfg(feature = "brotli")]
const BROTLI_QUALITY: u32 = 4;
/// log₂ of brotli's window: more than the largest body needs.
#[cfg(feature = "brotli")]
const BROTLI_WINDOW: u32 = 20;

/// An encoding that is served, best first where a client likes several alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Brotli,
    Zstd,
    Gzip,
}

impl Encoding {
    const ALL: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// Compresses; `None` where the encoding is only named, and the runtime encodes.
    fn compress(self, plain: &[u8]) -> std::io::Result<Option<Vec<u8>>> {
        match self {
            Self::Brotli => brotli(plain),
            Self::Zstd => {
                let level = ruzstd::encoding::CompressionLevel::Fastest;
                Ok(Some(ruzstd::encoding::compress_to_vec(plain, level)))
            }
            Self::Gzip => {
                let packed = Vec::with_capacity(plain.len() / 3);
                let mut writer = flate2::write::GzEncoder::new(packed, flate2::Compression::default());
                writer.write_all(plain)?;
                writer.finish().map(Some)
            }
        }
    }
}

#[cfg(feature = "brotli")]
fn brotli(plain: &[u8]) -> std::io::Result<Option<Vec<u8>>> {
    let mut packed = Vec::with_capacity(plain.len() / 3);
    let mut writer = brotli::CompressorWriter::new(&mut packed, 4096, BROTLI_QUALITY, BROTLI_WINDOW);
    writer.write_all(plain)?;
    writer.flush()?;
    drop(writer);
    Ok(Some(packed))
}

#[cfg(not(feature = "brotli"))]
#[expect(clippy::unnecessary_wraps, reason = "the form of the one that encodes")]
fn brotli(_plain: &[u8]) -> std::io::Result<Option<Vec<u8>>> {
    Ok(None)
}

/// The packed forms of a body that is kept, each made when it is first asked for; an answer carries them along as an extension.
#[derive(Clone, Default)]
pub(crate) struct Packed(Arc<[OnceLock<Bytes>; Encoding::ALL.len()]>);

impl Packed {
    fn get(&self, encoding: Encoding) -> Option<&Bytes> {
        self.0[encoding as usize].get()
    }

    fn keep(&self, encoding: Encoding, packed: &Bytes) {
        // Two who made it at the same time made the same.
        let _ = self.0[encoding as usize].set(packed.clone());
    }
}

/// What a request's `Accept-Encoding` says, kept until there is an answer. One header of it takes no allocation.
pub(crate) struct Accepted {
    first: Option<HeaderValue>,
    more: Vec<HeaderValue>,
}

impl Accepted {
    /// Keeps it.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut values = headers.get_all(header::ACCEPT_ENCODING).iter().cloned();
        Self { first: values.next(), more: values.collect() }
    }
}

/// Reads `Accept-Encoding` (RFC 9110, 12.5.3): the best of those served that the client likes most; none where it names none, or likes plain bodies better.
fn best(accepted: &Accepted, served: &[Encoding]) -> Option<Encoding> {
    let offers: Vec<(String, f32)> = accepted
        .first
        .iter()
        .chain(&accepted.more)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(offer)
        .collect();
    let weight = |name: &str| {
        let named = offers.iter().find(|(offered, _)| offered == name);
        named.or_else(|| offers.iter().find(|(offered, _)| offered == "*")).map(|(_, weight)| *weight)
    };
    let identity =
        offers.iter().find(|(offered, _)| offered == "identity").map_or(0.0, |(_, weight)| *weight);
    let mut best = None;
    for encoding in served.iter().copied() {
        let weight = weight(encoding.name()).unwrap_or(0.0);
        if weight > 0.0 && weight >= identity && best.is_none_or(|(_, most)| weight > most) {
            best = Some((encoding, weight));
        }
    }
    best.map(|(encoding, _)| encoding)
}

/// One offer with its weight, 1 unless said otherwise.
fn offer(text: &str) -> Option<(String, f32)> {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().filter(|name| !name.is_empty())?.to_ascii_lowercase();
    let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    let weight = weight.map_or(Some(1.0), |text| text.trim().parse().ok()).unwrap_or(0.0);
    Some((name, weight))
}

/// Whether an answer is worth compressing. Asked first, so that small answers cost no more than this look.
pub(crate) fn is_worth(response: &Response, least_bytes: usize) -> bool {
    let size = response.body().size_hint().exact();
    let is_worth = |size| size >= least_bytes as u64 && size <= MOST_BYTES;
    size.map_or_else(|| streamed::is_lines(response.headers()), is_worth)
        && response.status() == StatusCode::OK
        && is_compressible(response.headers())
}

/// Compresses an answer that is worth it, in the encoding that the client likes best of those its `Accept-Encoding` names.
pub(crate) async fn apply(response: Response, accepted: &Accepted) -> Response {
    let (mut head, body) = response.into_parts();
    head.headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
    if body.size_hint().exact().is_none() {
        return streamed::apply(head, body, accepted);
    }
    let Some(encoding) = best(accepted, &Encoding::ALL) else { return Response::from_parts(head, body) };
    // A body of known size is in memory already, so it can't fail; if it did, there would be nothing to answer with.
    let plain = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let kept = head.extensions.remove::<Packed>();
    let packed = if let Some(packed) = kept.as_ref().and_then(|kept| kept.get(encoding)) {
        Some(packed.clone())
    } else {
        let Ok(packed) = encoding.compress(&plain) else {
            return Response::from_parts(head, Body::from(plain));
        };
        let packed = packed.map(Bytes::from);
        if let (Some(kept), Some(packed)) = (&kept, &packed) {
            kept.keep(encoding, packed);
        }
        packed
    };
    head.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
    head.headers.remove(header::CONTENT_LENGTH);
    if let Some(packed) = &packed {
        head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(packed.len()));
    }
    let tag = head.headers.get(header::ETAG).and_then(|tag| tag.to_str().ok()).and_then(|tag| {
        HeaderValue::from_str(&format!("{}-{}\"", tag.strip_suffix('"')?, encoding.name())).ok()
    });
    if let Some(tag) = tag {
        head.headers.insert(header::ETAG, tag);
    }
    Response::from_parts(head, Body::from(packed.unwrap_or(plain)))
}

fn is_compressible(headers: &HeaderMap) -> bool {
    let text =
        |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
    let kind = text(header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim();
    let packs_well = kind.starts_with("text/")
        || kind == "application/json"
        || kind == "application/x-ndjson"
        || kind.ends_with("+json");
    packs_well
        && !headers.contains_key(header::CONTENT_ENCODING)
        && !text(header::CACHE_CONTROL).contains("no-store")
}

/// The validator of the plain body that a client's validator stands for.
pub(crate) fn plain_tag(tag: &str) -> String {
    let bare = tag.trim_end_matches('"');
    let cut = Encoding::ALL.iter().find_map(|encoding| bare.strip_suffix(encoding.name())?.strip_suffix('-'));
    cut.map_or_else(|| tag.to_owned(), |plain| format!("{plain}\""))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn accepted(value: &'static str) -> Option<&'static str> {
        let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(value))]);
        best(&Accepted::of(&headers), &Encoding::ALL).map(Encoding::name)
    }

    #[test]
    fn the_client_chooses_and_among_equals_the_smallest_wins() {
        assert_eq!(accepted("gzip, deflate, br, zstd"), Some("br"));
        assert_eq!(accepted("gzip;q=1.0, br;q=0.5"), Some("gzip"));
        assert_eq!(accepted("zstd"), Some("zstd"));
        assert_eq!(accepted("*"), Some("br"));
        assert_eq!(accepted("*, br;q=0"), Some("zstd"));
        for plain in
            ["", "identity", "deflate", "gzip;q=0, br;q=0, zstd;q=0", "gzip;q=0.5, identity", "gzip;q=x"]
        {
            assert_eq!(accepted(plain), None, "{plain}");
        }
        assert!(best(&Accepted::of(&HeaderMap::new()), &Encoding::ALL).is_none());
        let mut several = HeaderMap::new();
        several.append(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip;q=0.5"));
        several.append(header::ACCEPT_ENCODING, HeaderValue::from_static("zstd"));
        assert_eq!(best(&Accepted::of(&several), &Encoding::ALL), Some(Encoding::Zstd));
        assert_eq!(best(&Accepted::of(&several), &[Encoding::Gzip]), Some(Encoding::Gzip));
    }

    #[test]
    fn what_is_compressed_is_read_back_by_others() {
        let plain = "one session like another, ".repeat(200).into_bytes();
        for encoding in Encoding::ALL {
            let Some(packed) = encoding.compress(&plain).unwrap() else {
                assert!(encoding == Encoding::Brotli && cfg!(not(feature = "brotli")));
                continue;
            };
            assert!(packed.len() < plain.len() / 4, "{}: {}", encoding.name(), packed.len());
            let mut unpacked = Vec::new();
            let source = std::io::Cursor::new(packed);
            match encoding {
                #[cfg(feature = "brotli")]
                Encoding::Brotli => brotli::Decompressor::new(source, 4096).read_to_end(&mut unpacked),
                #[cfg(not(feature = "brotli"))]
                Encoding::Brotli => unreachable!("it was passed over"),
                Encoding::Zstd => {
                    ruzstd::decoding::StreamingDecoder::new(source).unwrap().read_to_end(&mut unpacked)
                }
                Encoding::Gzip => flate2::read::GzDecoder::new(source).read_to_end(&mut unpacked),
            }
            .unwrap();
            assert_eq!(unpacked, plain, "{}", encoding.name());
        }
    }

    #[tokio::test]
    async fn a_body_that_is_kept_is_packed_once_in_each_encoding() {
        let kept = Packed::default();
        let plain = br#"{"text":"the same again and again, "}"#.repeat(64);
        let packed = async |encoding: &'static str| {
            let mut response = Response::new(Body::from(plain.clone()));
            response.extensions_mut().insert(kept.clone());
            let accepted =
                HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(encoding))]);
            let response = apply(response, &Accepted::of(&accepted)).await;
            assert_eq!(response.headers()["content-encoding"], encoding);
            response.into_body().collect().await.unwrap().to_bytes()
        };
        for encoding in ["gzip", "zstd"] {
            let (first, second) = (packed(encoding).await, packed(encoding).await);
            assert!(first.len() < plain.len() / 4 && first.as_ptr() == second.as_ptr(), "{encoding}");
        }
        assert_ne!(packed("gzip").await, packed("zstd").await);
    }

    #[test]
    fn a_compressed_bodys_validator_leads_back_to_the_plain_ones() {
        for encoding in Encoding::ALL {
            assert_eq!(plain_tag(&format!("\"abc-{}\"", encoding.name())), "\"abc\"");
        }
        for other in ["\"abc\"", "\"abc-other\"", "*", "", "\""] {
            assert_eq!(plain_tag(other), other);
        }
    }
}
