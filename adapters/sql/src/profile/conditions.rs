//! Which columns a condition compares, read from the text that a plan or a statement shows.

use std::collections::{BTreeMap, BTreeSet};

/// What is known of the tables that plans name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Schema {
    /// By name.
    pub tables: BTreeMap<String, Table>,
}

/// One table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// How many rows it has, about.
    pub rows: f64,
    /// The names of its columns.
    pub columns: BTreeSet<String>,
    /// Whether `SQLite` numbers its rows.
    pub numbered: bool,
    /// Its unique indexes, where plans don't count rows: of how many columns each is.
    pub unique: BTreeMap<String, usize>,
}

impl Schema {
    /// About how many rows a table has; none where it isn't known.
    #[must_use]
    pub fn rows(&self, table: &str) -> f64 {
        self.tables.get(table).map_or(0.0, |table| table.rows)
    }

    pub(crate) fn unique_columns(&self, table: &str, index: &str) -> Option<usize> {
        self.tables.get(table)?.unique.get(index).copied()
    }

    pub(crate) fn has(&self, table: &str, column: &str) -> bool {
        self.tables.get(table).is_some_and(|table| table.columns.contains(column))
    }
}

/// How a column is compared, which decides what index serves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Comparison {
    /// By equality: first in an index.
    Equal,
    /// By a bound: last in an index.
    Range,
    /// As a document of words, or by membership: an inverted index.
    Words,
    /// By a pattern: an inverted index of trigrams.
    Pattern,
}

/// The columns of `table` (which the text may call `alias`) that a condition compares, in the order in which an index wants them: equalities
/// before bounds.
pub(crate) fn compared(
    condition: &str,
    table: &str,
    alias: Option<&str>,
    schema: &Schema,
) -> Vec<(String, Comparison)> {
    let tokens = tokens(condition);
    let column = |token: &Token| match token {
        Token::Name(name) => {
            let (owner, name) = name.rsplit_once('.').map_or((None, name.as_str()), |(o, n)| (Some(o), n));
            let ours = owner.is_none_or(|owner| alias == Some(owner) || owner == table);
            (ours && schema.has(table, name)).then(|| name.to_owned())
        }
        _ => None,
    };
    let mut found: Vec<(String, Comparison)> = Vec::new();
    for (place, token) in tokens.iter().enumerate() {
        let Some(how) = token.comparison() else { continue };
        // Between a column and its operator may stand what closes a bracket or casts: `((role)::text = 'x'::text)`.
        let left = tokens[..place].iter().rposition(|token| !token.is_beside());
        let right = tokens[place + 1..].iter().position(|token| !token.is_beside());
        let sides = [left, right.map(|right| place + 1 + right)];
        for side in sides.into_iter().flatten().flat_map(|side| row_of(&tokens, side)) {
            if let Some(name) = column(side)
                && found.iter().all(|(known, _)| *known != name)
            {
                found.push((name, how));
            }
        }
    }
    found.sort_by_key(|(_, how)| *how);
    found
}

/// What is compared where the token at `place` is: all of `ROW(created_at, id)`, or of the same without its word; else that token alone. Nothing of
/// what stands in a function: an index on a column doesn't serve one on its function.
fn row_of(tokens: &[Token], place: usize) -> &[Token] {
    const BEFORE_ROWS: [&str; 6] = ["ROW", "WHERE", "AND", "OR", "NOT", "ON"];
    let is_member = |token: &&Token| matches!(token, Token::Name(_) | Token::Cast | Token::Mark(','));
    let mut begin = place - tokens[..place].iter().rev().take_while(is_member).count();
    let mut end = place + tokens[place..].iter().take_while(is_member).count();
    let mut row = &tokens[place..=place];
    while begin > 0 && tokens[begin - 1] == Token::Mark('(') && tokens.get(end) == Some(&Token::Mark(')')) {
        if let Some(Token::Name(word)) = begin.checked_sub(2).map(|before| &tokens[before])
            && !BEFORE_ROWS.iter().any(|known| word.eq_ignore_ascii_case(known))
        {
            return &[];
        }
        if row.len() == 1 {
            row = &tokens[begin..end];
        }
        begin -= 1;
        end += 1;
        end += tokens[end..].iter().take_while(|token| **token == Token::Cast).count();
    }
    row
}

/// The column that a sort key names, if it is one and not an expression: `b.created_at DESC` is.
pub(crate) fn sorted_column(key: &str) -> Option<(Option<String>, String, bool)> {
    let key = key.split(" COLLATE ").next().unwrap_or(key);
    let mut words = key.split_whitespace();
    let name = words.next()?;
    let mut descending = false;
    for word in words {
        match word.to_ascii_uppercase().as_str() {
            "DESC" => descending = true,
            "ASC" | "NULLS" | "FIRST" | "LAST" => {}
            _ => return None,
        }
    }
    if !name.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | '.' | '"')) {
        return None;
    }
    let name = name.replace('"', "");
    let (owner, column) =
        name.rsplit_once('.').map_or((None, name.as_str()), |(o, n)| (Some(o.to_owned()), n));
    (!column.starts_with(|letter: char| letter.is_ascii_digit()))
        .then(|| (owner, column.to_owned(), descending))
}

/// A piece of SQL text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Token {
    /// A name, a keyword or a number; a name with its table and without quotes.
    Name(String),
    /// An operator.
    Operator(String),
    /// A cast to a type.
    Cast,
    /// A constant in quotes.
    Text,
    /// A bracket or a comma.
    Mark(char),
}

impl Token {
    fn comparison(&self) -> Option<Comparison> {
        let Self::Operator(operator) = self else { return None };
        match operator.as_str() {
            "=" => Some(Comparison::Equal),
            "<" | ">" | "<=" | ">=" => Some(Comparison::Range),
            "@@" | "@>" | "&&" | "?" => Some(Comparison::Words),
            "~~" | "~~*" | "~" | "~*" => Some(Comparison::Pattern),
            _ => None,
        }
    }

    fn is_beside(&self) -> bool {
        matches!(self, Self::Cast | Self::Mark('(' | ')'))
    }
}

/// Splits SQL text.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let letters: Vec<char> = text.chars().collect();
    let (mut found, mut at) = (Vec::new(), 0);
    let is_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '.' | '$' | '"');
    let is_operator = |letter: char| "=<>~@&|!?+-*/%#^".contains(letter);
    while let Some(&letter) = letters.get(at) {
        let from = at;
        if letter == '\'' {
            at += 1;
            // Two quotes within a text stand for one.
            while at < letters.len() && (letters[at] != '\'' || letters.get(at + 1) == Some(&'\'')) {
                at += if letters[at] == '\'' { 2 } else { 1 };
            }
            at += 1;
            found.push(Token::Text);
        } else if letter == '-' && letters.get(at + 1) == Some(&'-') {
            at += letters[at..].iter().take_while(|letter| **letter != '\n').count();
        } else if letter == ':' && letters.get(at + 1) == Some(&':') {
            at += 2;
            at += letters[at..].iter().take_while(|letter| is_name(**letter)).count();
            // Types such as `timestamp with time zone` have a tail of words.
            let rest: String = letters[at..].iter().take(24).collect();
            for tail in [" with time zone", " without time zone", " varying", " precision"] {
                if rest.starts_with(tail) {
                    at += tail.len();
                }
            }
            found.push(Token::Cast);
        } else if is_name(letter) {
            at += letters[at..].iter().take_while(|letter| is_name(**letter)).count();
            found.push(Token::Name(letters[from..at].iter().filter(|letter| **letter != '"').collect()));
        } else if is_operator(letter) {
            at += letters[at..].iter().take_while(|letter| is_operator(**letter)).count();
            found.push(Token::Operator(letters[from..at].iter().collect()));
        } else {
            at += 1;
            if matches!(letter, '(' | ')' | ',' | '[' | ']') {
                found.push(Token::Mark(letter));
            }
        }
    }
    found
}

#[cfg(test)]
pub(crate) fn schema(tables: &[(&str, f64, &[&str])]) -> Schema {
    let table = |(name, rows, columns): &(&str, f64, &[&str])| {
        let columns = columns.iter().map(|column| (*column).to_owned()).collect();
        ((*name).to_owned(), Table { rows: *rows, columns, ..Table::default() })
    };
    Schema { tables: tables.iter().map(table).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(condition: &str, alias: Option<&str>) -> Vec<String> {
        let schema =
            schema(&[("users", 10.0, &["id", "email", "role", "created_at", "organization_id", "name"])]);
        compared(condition, "users", alias, &schema).into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn columns_are_found_on_both_sides_behind_brackets_and_casts() {
        assert_eq!(names("(email = 'a@b'::text)", None), ["email"]);
        assert_eq!(names("((role)::text = 'x = id'::text)", None), ["role"]);
        assert_eq!(names("(o.id = u.organization_id)", Some("u")), ["organization_id"]);
        assert_eq!(names("($1 < created_at)", None), ["created_at"]);
        assert_eq!(names("((o.name)::character varying = 'it''s'::text)", Some("u")), [""; 0]);
    }

    #[test]
    fn equalities_come_before_bounds() {
        let condition =
            "((created_at < '2026-01-01 00:00:00+00'::timestamp with time zone) AND (organization_id = $1))";
        assert_eq!(names(condition, None), ["organization_id", "created_at"]);
        assert_eq!(names("(ROW(created_at, id) < ROW($1, $2))", None), ["created_at", "id"]);
        assert_eq!(
            names("WHERE (created_at, id) < ($1, $2) AND role = $3", None),
            ["role", "created_at", "id"]
        );
        assert_eq!(names("WHERE coalesce(email, name) = $1", None), [""; 0]);
        assert_eq!(names("(lower((email)::text) = 'x'::text)", None), [""; 0]);
    }

    #[test]
    fn a_sort_key_is_a_column_or_an_expression() {
        assert_eq!(
            sorted_column("b.created_at DESC"),
            Some((Some("b".to_owned()), "created_at".to_owned(), true))
        );
        assert_eq!(sorted_column("\"name\" COLLATE \"C\""), Some((None, "name".to_owned(), false)));
        assert_eq!(sorted_column("(ts_rank(search, query)) DESC"), None);
        assert_eq!(sorted_column("(sum(d.uses)) DESC"), None);
        assert_eq!(sorted_column("2"), None);
    }
}
