//! What a resolver's answers mean. Whoever holds an address writes its names, so that every name is a stranger's.

use portico_domain::ports::{FetchResponse, Unavailable};
use serde::Deserialize;

const SERVICE: &str = "name service";

/// Larger answers are no answer to these questions.
const MOST_BYTES: usize = 64 << 10;

/// Kinds of records that are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    A,
    Ptr,
    Aaaa,
}

impl Kind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Ptr => "PTR",
            Self::Aaaa => "AAAA",
        }
    }

    /// The number in answers (RFC 1035, section 3.2.2; RFC 3596, section 2.1).
    const fn number(self) -> u16 {
        match self {
            Self::A => 1,
            Self::Ptr => 12,
            Self::Aaaa => 28,
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Status")]
    status: u16,
    #[serde(rename = "TC", default)]
    is_cut: bool,
    #[serde(rename = "Answer", default)]
    records: Vec<Record>,
}

#[derive(Deserialize)]
struct Record {
    r#type: u16,
    data: String,
}

/// The data of the records of one kind: none where the name or the records don't exist. Aliases on the way there are passed over.
pub(crate) fn records(response: &FetchResponse, kind: Kind) -> Result<Vec<String>, Unavailable> {
    if response.status != 200 {
        return Err(away(format!("a question was answered with status {}", response.status)));
    }
    if response.body.len() > MOST_BYTES {
        return Err(away("an answer is too large"));
    }
    let answer: Answer =
        serde_json::from_slice(&response.body).map_err(|_| away("an answer can't be read"))?;
    match answer.status {
        // NOERROR and NXDOMAIN (RFC 1035, section 4.1.1).
        0 | 3 if !answer.is_cut => {
            let of_kind = |record: Record| (record.r#type == kind.number()).then_some(record.data);
            Ok(answer.records.into_iter().filter_map(of_kind).collect())
        }
        0 | 3 => Err(away("an answer was cut short")),
        status => Err(away(format!("a question was answered with code {status}"))),
    }
}

/// A host's name in lower case without its final dot (RFC 1123, section 2.1, and underscores, which some use); `None` for any other text.
pub(crate) fn host_name(text: &str) -> Option<String> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    (name.len() <= 253 && name.split('.').all(is_label)).then(|| name.to_ascii_lowercase())
}

fn away(detail: impl std::fmt::Display) -> Unavailable {
    Unavailable::new(SERVICE, detail)
}
