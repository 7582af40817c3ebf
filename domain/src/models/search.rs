//! What somebody looks for in a full text.
//!
//! Both databases have search languages of their own, and both their parsers can be made to fail or to mean something else by what is typed. So what is
//! typed is read here, once, in the language that web search has taught everybody, and each database is handed quoted words alone:
//!
//! - words must all be there: `cold tea`;
//! - words in quotes must stand beside each other: `"cold tea"`;
//! - `or` between two words asks for either: `tea or coffee`; it binds less than standing beside each other;
//! - `-` before a word or a quote leaves out what has it: `tea -cold`.
//!
//! What is neither letter nor digit only separates words: `half-price` is looked for as the quote `"half price"`, and an e-mail address as a quote of its
//! parts. The indexed texts are split in the same places, so that both databases find the same.

use std::fmt::Write as _;

/// What ends a word beside white space and what of ASCII is neither letter nor digit. Postgres' index is made of texts in which these are blanks (migration
/// 0007), because what it takes for a letter depends on its locale; `SQLite`'s own rule has them all.
pub const SEPARATORS: &str =
    "\u{a0}¡§«·»¿\u{2010}\u{2011}\u{2012}–—―‘’‚“”„†‡•…‰‹›€、。「」『』！（），．：；？";

/// Why a search is not run. The words complete "q …".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SearchFault {
    /// Nothing but white space.
    #[error("must not be empty")]
    Empty,
    /// See [`SearchQuery::MAX_CHARACTERS`].
    #[error("must be at most 1000 characters long")]
    TooLong,
    /// See [`SearchQuery::MAX_WORDS`].
    #[error("must have at most 32 words")]
    TooManyWords,
    /// See [`SearchQuery::MAX_WORD_CHARACTERS`].
    #[error("must have words of at most 200 characters")]
    WordTooLong,
    /// To find what lacks a word is to read everything.
    #[error("must have a word to find beside those to leave out, on each side of or")]
    OnlyExclusions,
}

/// A search that both databases run by their indexes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchQuery {
    /// One of them must hold. None of them: nothing is found.
    alternatives: Vec<Alternative>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Alternative {
    wanted: Vec<Phrase>,
    excluded: Vec<Phrase>,
}

/// Words that stand beside each other; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Phrase(Vec<String>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Term {
        phrase: Phrase,
        is_excluded: bool,
    },
    /// The bare word, which is an operator where it stands between two terms. With its letters as they were typed.
    Or(String),
}

impl SearchQuery {
    /// The longest text that is read.
    pub const MAX_CHARACTERS: usize = 1_000;
    /// The most words of one search: each costs a look into the index.
    pub const MAX_WORDS: usize = 32;
    /// The longest word. Postgres refuses to search for one of 2047 bytes.
    pub const MAX_WORD_CHARACTERS: usize = 200;

    /// Reads what was typed. No text makes either database fail; one without any word finds nothing.
    ///
    /// # Errors
    /// [`SearchFault`], to be told to whoever typed it.
    pub fn parse(text: &str) -> Result<Self, SearchFault> {
        if text.chars().nth(Self::MAX_CHARACTERS).is_some() {
            return Err(SearchFault::TooLong);
        }
        if text.trim().is_empty() {
            return Err(SearchFault::Empty);
        }
        let tokens = tokens(text);
        let words = || tokens.iter().flat_map(Token::words);
        if words().any(|word| word.chars().nth(Self::MAX_WORD_CHARACTERS).is_some()) {
            return Err(SearchFault::WordTooLong);
        }
        if words().nth(Self::MAX_WORDS).is_some() {
            return Err(SearchFault::TooManyWords);
        }
        let alternatives = alternatives(tokens);
        if alternatives.iter().any(|alternative| alternative.wanted.is_empty()) {
            return Err(SearchFault::OnlyExclusions);
        }
        Ok(Self { alternatives })
    }

    /// Whether there is no word in it, so that nothing needs to be asked to know that nothing is found.
    #[must_use]
    pub fn finds_nothing(&self) -> bool {
        self.alternatives.is_empty()
    }

    /// The search for `websearch_to_tsquery`: quotes, `or` and `-` alone. Two searches of the same text mean the same.
    #[must_use]
    pub fn to_websearch(&self) -> String {
        let mut text = String::new();
        for (index, alternative) in self.alternatives.iter().enumerate() {
            text.push_str(if index > 0 { " or " } else { "" });
            for (index, phrase) in alternative.wanted.iter().enumerate() {
                text.push_str(if index > 0 { " " } else { "" });
                phrase.quote(&mut text);
            }
            for phrase in &alternative.excluded {
                text.push_str(" -");
                phrase.quote(&mut text);
            }
        }
        text
    }

    /// The search for an FTS5 `MATCH`, in one pair of parentheses, so that it can be joined with more and bound to columns.
    #[must_use]
    pub fn to_fts5(&self) -> String {
        let mut text = String::from("(");
        for (index, alternative) in self.alternatives.iter().enumerate() {
            text.push_str(if index > 0 { " OR (" } else { "(" });
            join(&alternative.wanted, " AND ", &mut text);
            text.push(')');
            if !alternative.excluded.is_empty() {
                text.push_str(" NOT (");
                join(&alternative.excluded, " OR ", &mut text);
                text.push(')');
            }
        }
        text.push(')');
        text
    }
}

fn join(phrases: &[Phrase], between: &str, text: &mut String) {
    for (index, phrase) in phrases.iter().enumerate() {
        text.push_str(if index > 0 { between } else { "" });
        phrase.quote(text);
    }
}

impl Phrase {
    /// Splits a text into its words; `None` when it has none.
    fn of(text: &str) -> Option<Self> {
        let words: Vec<String> = text
            .split(is_separator)
            // What is made of marks alone is no word to either database.
            .filter(|word| word.chars().any(char::is_alphanumeric))
            .map(str::to_owned)
            .collect();
        (!words.is_empty()).then_some(Self(words))
    }

    /// No word contains a quotation mark.
    fn quote(&self, text: &mut String) {
        let _ = write!(text, "\"{}\"", self.0.join(" "));
    }
}

impl Token {
    fn words(&self) -> &[String] {
        match self {
            Self::Term { phrase, .. } => &phrase.0,
            Self::Or(word) => std::slice::from_ref(word),
        }
    }
}

fn is_separator(c: char) -> bool {
    if c.is_ascii() { !c.is_ascii_alphanumeric() } else { c.is_whitespace() || SEPARATORS.contains(c) }
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let unsigned = rest.trim_start_matches('-');
        let is_excluded = unsigned.len() < rest.len();
        if let Some(quoted) = unsigned.strip_prefix('"') {
            // A quote that nobody closed goes on to the end.
            let (inside, after) = quoted.split_once('"').unwrap_or((quoted, ""));
            tokens.extend(Phrase::of(inside).map(|phrase| Token::Term { phrase, is_excluded }));
            rest = after.trim_start();
            continue;
        }
        let end = unsigned.find(|c: char| c.is_whitespace() || c == '"').unwrap_or(unsigned.len());
        let (bare, after) = unsigned.split_at(end);
        if !is_excluded && bare.eq_ignore_ascii_case("or") {
            tokens.push(Token::Or(bare.to_owned()));
        } else {
            tokens.extend(Phrase::of(bare).map(|phrase| Token::Term { phrase, is_excluded }));
        }
        rest = after.trim_start();
    }
    tokens
}

/// An `or` without a term on either side is a word like others.
fn alternatives(tokens: Vec<Token>) -> Vec<Alternative> {
    let mut alternatives: Vec<Alternative> = Vec::new();
    let last = tokens.len().saturating_sub(1);
    let mut begins = true;
    for (index, token) in tokens.into_iter().enumerate() {
        let (phrase, is_excluded) = match token {
            Token::Or(_) if !begins && index < last => {
                begins = true;
                continue;
            }
            Token::Or(word) => (Phrase(vec![word]), false),
            Token::Term { phrase, is_excluded } => (phrase, is_excluded),
        };
        if begins {
            alternatives.push(Alternative::default());
            begins = false;
        }
        if let Some(alternative) = alternatives.last_mut() {
            let phrases = if is_excluded { &mut alternative.excluded } else { &mut alternative.wanted };
            phrases.push(phrase);
        }
    }
    alternatives
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn both(text: &str) -> (String, String) {
        let query = SearchQuery::parse(text).unwrap();
        (query.to_websearch(), query.to_fts5())
    }

    #[test]
    fn words_quotes_alternatives_and_exclusions_reach_both_databases_as_quoted_words() {
        let (postgres, sqlite) = both(r#"cold "iced tea" OR coffee -milk -"two sugars""#);
        assert_eq!(postgres, r#""cold" "iced tea" or "coffee" -"milk" -"two sugars""#);
        assert_eq!(sqlite, r#"(("cold" AND "iced tea") OR ("coffee") NOT ("milk" OR "two sugars"))"#);
    }

    #[test]
    fn what_is_neither_letter_nor_digit_separates_words_that_stay_beside_each_other() {
        assert_eq!(both("half-price ada@example.com").0, r#""half price" "ada example com""#);
        assert_eq!(both("l’été «naïve»…").0, r#""l été" "naïve""#);
        assert_eq!(both("C++ 3.14").0, r#""C" "3 14""#);
    }

    #[test]
    fn an_or_that_joins_nothing_is_a_word() {
        assert_eq!(both("or").0, r#""or""#);
        assert_eq!(both("tea or").0, r#""tea" "or""#);
        assert_eq!(both("or tea").0, r#""or" "tea""#);
        assert_eq!(both("tea or or coffee").0, r#""tea" or "or" "coffee""#);
        assert_eq!(both(r#"tea "or" coffee"#).0, r#""tea" "or" "coffee""#);
        assert_eq!(both("tea -or").0, r#""tea" -"or""#);
    }

    #[test]
    fn a_quote_that_nobody_closed_goes_on_to_the_end() {
        assert_eq!(both(r#"hot "iced tea"#).0, r#""hot" "iced tea""#);
        assert_eq!(both(r#"hot"iced tea"now"#).0, r#""hot" "iced tea" "now""#);
        assert_eq!(both("a --b - c").0, r#""a" "c" -"b""#);
    }

    #[test]
    fn a_search_without_a_word_finds_nothing() {
        for text in ["\"", "***", "- -", "\"\"", "() : ^", "🎉", "\0", "-\"!\" &"] {
            let query = SearchQuery::parse(text).unwrap();
            assert!(query.finds_nothing(), "{text:?} {query:?}");
        }
        assert!(!SearchQuery::parse("x *").unwrap().finds_nothing());
    }

    #[test]
    fn what_would_read_everything_is_refused() {
        for text in ["-tea", "tea or -coffee", "-tea or coffee", "-\"iced tea\" !"] {
            assert_eq!(SearchQuery::parse(text), Err(SearchFault::OnlyExclusions), "{text}");
        }
    }

    #[test]
    fn its_bounds_are_told() {
        assert_eq!(SearchQuery::parse(""), Err(SearchFault::Empty));
        assert_eq!(SearchQuery::parse(" \n"), Err(SearchFault::Empty));
        assert_eq!(SearchQuery::parse(&"ä ".repeat(501)), Err(SearchFault::TooLong));
        assert_eq!(SearchQuery::parse(&"ä ".repeat(33)), Err(SearchFault::TooManyWords));
        assert_eq!(SearchQuery::parse(&"ä-".repeat(33)), Err(SearchFault::TooManyWords));
        assert!(SearchQuery::parse(&"ä ".repeat(32)).is_ok());
        assert_eq!(SearchQuery::parse(&"水".repeat(201)), Err(SearchFault::WordTooLong));
        assert!(SearchQuery::parse(&"水".repeat(200)).is_ok());
    }

    proptest! {
        #[test]
        fn nothing_but_quoted_words_is_handed_on(text in "[ -~ä水\u{0}\u{a0}“]{0,60}") {
            if let Ok(query) = SearchQuery::parse(&text) {
                let outside = |text: &str| text.split('"').step_by(2).collect::<String>();
                prop_assert!(outside(&query.to_websearch()).replace("or", "").chars().all(|c| " -".contains(c)));
                let rest = outside(&query.to_fts5()).replace("AND", "").replace("OR", "").replace("NOT", "");
                prop_assert!(rest.chars().all(|c| " ()".contains(c)));
                for inside in query.to_fts5().split('"').skip(1).step_by(2) {
                    prop_assert!(inside.split(' ').all(|word| !word.is_empty() && !word.contains(is_separator)));
                }
            }
        }
    }
}
