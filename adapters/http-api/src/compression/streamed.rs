//! Streams of lines, compressed while they are made.
//!
//! Each part is flushed, so that a client can read its lines at once; that costs a few bytes a part. Not zstd, of which only whole frames can be made here: some clients
//! take the first frame for all. On Workers not br either, which the runtime would encode as it sees fit.

use std::io::{self, Write};

use axum::{BoxError, body::Body, response::Response};
use bytes::Bytes;
use flate2::write::GzEncoder;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderValue, header, response::Parts};

use super::{Accepted, Encoding, best};

#[cfg(feature = "brotli")]
const SERVED: &[Encoding] = &[Encoding::Brotli, Encoding::Gzip];
#[cfg(not(feature = "brotli"))]
const SERVED: &[Encoding] = &[Encoding::Gzip];
/// Brotli's buffer.
#[cfg(feature = "brotli")]
const BUFFER: usize = 4_096;
/// log₂ of brotli's window: it is in memory for as long as the stream lasts.
#[cfg(feature = "brotli")]
const WINDOW: u32 = 16;

/// Whether a body of unknown size is lines.
pub(super) fn is_lines(headers: &HeaderMap) -> bool {
    headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/x-ndjson")
}

/// Compresses the stream in the encoding that the client likes best.
pub(super) fn apply(mut head: Parts, body: Body, accepted: &Accepted) -> Response {
    let Some(packer) = best(accepted, SERVED).and_then(Packer::of) else {
        return Response::from_parts(head, body);
    };
    head.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(packer.encoding().name()));
    let parts = stream::try_unfold(Some((body.into_data_stream(), packer)), |left| async move {
        let Some((mut plain, mut packer)) = left else { return Ok::<_, BoxError>(None) };
        match plain.next().await {
            Some(part) => {
                let packed = packer.pack(&part?)?;
                Ok(Some((Bytes::from(packed), Some((plain, packer)))))
            }
            None => Ok(Some((Bytes::from(packer.finish()?), None))),
        }
    });
    Response::from_parts(head, Body::from_stream(parts))
}

enum Packer {
    Gzip(GzEncoder<Vec<u8>>),
    #[cfg(feature = "brotli")]
    Brotli(Box<brotli::CompressorWriter<Vec<u8>>>),
}

impl Packer {
    fn of(encoding: Encoding) -> Option<Self> {
        match encoding {
            Encoding::Gzip => Some(Self::Gzip(GzEncoder::new(Vec::new(), flate2::Compression::fast()))),
            #[cfg(feature = "brotli")]
            Encoding::Brotli => {
                let writer = brotli::CompressorWriter::new(Vec::new(), BUFFER, super::BROTLI_QUALITY, WINDOW);
                Some(Self::Brotli(Box::new(writer)))
            }
            #[cfg(not(feature = "brotli"))]
            Encoding::Brotli => None,
            Encoding::Zstd => None,
        }
    }

    const fn encoding(&self) -> Encoding {
        match self {
            Self::Gzip(_) => Encoding::Gzip,
            #[cfg(feature = "brotli")]
            Self::Brotli(_) => Encoding::Brotli,
        }
    }

    fn pack(&mut self, plain: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip(writer) => {
                writer.write_all(plain)?;
                writer.flush()?;
                Ok(std::mem::take(writer.get_mut()))
            }
            #[cfg(feature = "brotli")]
            Self::Brotli(writer) => {
                writer.write_all(plain)?;
                writer.flush()?;
                Ok(std::mem::take(writer.get_mut()))
            }
        }
    }

    fn finish(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Gzip(writer) => writer.finish(),
            #[cfg(feature = "brotli")]
            Self::Brotli(writer) => Ok(writer.into_inner()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn each_part_can_be_read_when_it_is_written_and_all_of_them_at_the_end() {
        for encoding in SERVED {
            let mut packer = Packer::of(*encoding).unwrap();
            let first = packer.pack(b"{\"id\":1}\n").unwrap();
            let unpacked = |packed: Vec<u8>, most: usize| {
                let mut plain = vec![0; most];
                let source = io::Cursor::new(packed);
                let read = match encoding {
                    Encoding::Gzip => flate2::read::GzDecoder::new(source).read(&mut plain),
                    #[cfg(feature = "brotli")]
                    Encoding::Brotli => brotli::Decompressor::new(source, 4_096).read(&mut plain),
                    #[cfg(not(feature = "brotli"))]
                    Encoding::Brotli => unreachable!("it is not served"),
                    Encoding::Zstd => unreachable!("it is not served"),
                };
                plain.truncate(read.unwrap());
                plain
            };
            assert_eq!(unpacked(first.clone(), 9), b"{\"id\":1}\n", "{}", encoding.name());
            let second = packer.pack(b"{\"id\":2}\n").unwrap();
            let whole = [first, second, packer.finish().unwrap()].concat();
            let mut plain = String::new();
            let source = io::Cursor::new(whole);
            match encoding {
                Encoding::Gzip => flate2::read::GzDecoder::new(source).read_to_string(&mut plain),
                #[cfg(feature = "brotli")]
                Encoding::Brotli => brotli::Decompressor::new(source, 4_096).read_to_string(&mut plain),
                #[cfg(not(feature = "brotli"))]
                Encoding::Brotli => unreachable!("it is not served"),
                Encoding::Zstd => unreachable!("it is not served"),
            }
            .unwrap();
            assert_eq!(plain, "{\"id\":1}\n{\"id\":2}\n", "{}", encoding.name());
        }
    }
}
