//! Sorting by what `User-Agent` says, which is pure and takes well below a microsecond.

use std::sync::LazyLock;

use super::{BotVerdict, Crawler};

/// Programs that name themselves: a generated list, a word a line. The file names its source, `data/renew.mjs` renews it.
const LIST: &str = include_str!("../../../data/agents.txt");

/// So much of an agent is looked at.
const LOOKED_AT: usize = 512;

/// What an agent says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SortedAgent {
    /// The verdict as far as words go: never a verified crawler, never an impostor.
    pub verdict: BotVerdict,
    /// The vendor whose crawler it says to be, if that can be proved.
    pub claims: Option<Crawler>,
}

/// Sorts an agent by its words alone.
///
/// 1. Whoever names itself as a vendor's crawler claims to be that.
/// 2. Whoever is on the list of bots, or has a word for bots in its name, is a declared bot.
/// 3. Whoever is on the list of libraries and automated browsers is a tool, and so is whoever says nothing, or doesn't begin as browsers do.
/// 4. The rest are persons.
#[must_use]
pub fn sort_agent(agent: &[u8]) -> SortedAgent {
    let mut text = [0; LOOKED_AT];
    let length = agent.len().min(LOOKED_AT);
    let text = &mut text[..length];
    text.copy_from_slice(&agent[..length]);
    text.make_ascii_lowercase();

    let list = &*LISTED;
    let (mut is_bot, mut is_tool, mut in_word) = (false, false, false);
    for (at, letter) in text.iter().enumerate() {
        let is_alphanumeric = letter.is_ascii_alphanumeric();
        if matches!(letter, b'b' | b'c' | b's') && is_bot_word(&text[..at], &text[at..]) {
            is_bot = true;
        }
        // Words of the list are looked for where a word begins, so that a Panasonic is no `sonic`.
        if !in_word || !is_alphanumeric {
            match list.find(&text[at..], at == 0) {
                Some(Kind::Claim(crawler)) => {
                    return SortedAgent { verdict: BotVerdict::DeclaredBot, claims: Some(crawler) };
                }
                Some(Kind::Bot) => is_bot = true,
                Some(Kind::Tool) => is_tool = true,
                None => {}
            }
        }
        in_word = is_alphanumeric;
    }
    let looks_like_browser = text.starts_with(b"mozilla/") || text.starts_with(b"opera/");
    let verdict = if is_bot {
        BotVerdict::DeclaredBot
    } else if is_tool || !looks_like_browser {
        BotVerdict::Tool
    } else {
        BotVerdict::Person
    };
    SortedAgent { verdict, claims: None }
}

/// Words by which bots are known wherever they stand in a name: `…bot` at its end, `crawl…`, `spider…`. Cubot makes phones.
const BOT_WORDS: [&[u8]; 3] = [b"bot", b"crawl", b"spider"];

fn is_bot_word(before: &[u8], rest: &[u8]) -> bool {
    match rest[0] {
        b'b' if rest.starts_with(BOT_WORDS[0]) => {
            let after = rest.get(BOT_WORDS[0].len()..).unwrap_or_default();
            let after = after.strip_prefix(b"s").unwrap_or(after);
            !before.ends_with(b"cu") && !after.first().is_some_and(u8::is_ascii_lowercase)
        }
        b'c' => rest.starts_with(BOT_WORDS[1]),
        b's' => rest.starts_with(BOT_WORDS[2]),
        _ => false,
    }
}

/// What a word says of whoever has it in its name; of several the first outweighs the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Claim(Crawler),
    Bot,
    Tool,
}

struct Word {
    /// The first three letters.
    head: u32,
    text: &'static [u8],
    kind: Kind,
    at_start: bool,
}

/// All words, by a hash of their first three letters: nearly every place of an agent is done with after one look at 512 bytes.
struct Listed {
    words: Vec<Word>,
    /// Which buckets hold anything, a bit each.
    filled: [u64; Listed::BUCKETS / 64],
    /// Where each bucket's words begin; one more than there are buckets.
    begins: Vec<u16>,
}

static LISTED: LazyLock<Listed> = LazyLock::new(|| Listed::of(LIST));

impl Listed {
    const BITS: u32 = 12;
    const BUCKETS: usize = 1 << Self::BITS;

    fn of(list: &'static str) -> Self {
        let mut kind = Kind::Bot;
        let mut words: Vec<Word> = Vec::new();
        let mut add = |text: &'static str, kind: Kind, at_start: bool| {
            let text = text.as_bytes();
            words.extend(head(text).map(|head| Word { head, text, kind, at_start }));
        };
        for crawler in Crawler::ALL {
            crawler.words().iter().for_each(|word| add(word, Kind::Claim(crawler), false));
        }
        for line in list.lines().filter(|line| !line.starts_with('#')) {
            match line {
                "[bots]" => kind = Kind::Bot,
                "[tools]" => kind = Kind::Tool,
                _ => match line.strip_prefix('^') {
                    Some(text) => add(text, kind, true),
                    None => add(line, kind, false),
                },
            }
        }
        words.sort_by_key(|word| Self::bucket(word.head));
        let mut filled = [0; Self::BUCKETS / 64];
        for bucket in words.iter().map(|word| Self::bucket(word.head)) {
            filled[bucket / 64] |= 1 << (bucket % 64);
        }
        let begin = |bucket| words.partition_point(|word| Self::bucket(word.head) < bucket);
        let begins =
            (0..=Self::BUCKETS).map(|bucket| u16::try_from(begin(bucket)).unwrap_or(u16::MAX)).collect();
        Self { words, filled, begins }
    }

    /// A multiplicative hash, whose top bits depend on every letter.
    const fn bucket(head: u32) -> usize {
        (head.wrapping_mul(0x9E37_79B1) >> (u32::BITS - Self::BITS)) as usize
    }

    /// What the list says of what begins here.
    fn find(&self, rest: &[u8], at_start: bool) -> Option<Kind> {
        let head = head(rest)?;
        let bucket = Self::bucket(head);
        if self.filled[bucket / 64] & (1 << (bucket % 64)) == 0 {
            return None;
        }
        let words = &self.words[usize::from(self.begins[bucket])..usize::from(self.begins[bucket + 1])];
        let is_here =
            |word: &&Word| word.head == head && (at_start || !word.at_start) && rest.starts_with(word.text);
        words.iter().filter(is_here).map(|word| word.kind).min_by_key(|kind| match kind {
            Kind::Claim(_) => 0,
            Kind::Bot => 1,
            Kind::Tool => 2,
        })
    }
}

fn head(text: &[u8]) -> Option<u32> {
    let [a, b, c, ..] = *text else { return None };
    Some(u32::from_le_bytes([a, b, c, 0]))
}

#[cfg(test)]
#[path = "agents_tests.rs"]
mod tests;
