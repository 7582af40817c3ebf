//! A profile as a flame graph: an SVG file that opens anywhere, without scripts. What is wide costs much; who called stands below whom they called; a
//! browser shows the whole name where the mouse rests.

use std::{collections::BTreeMap, fmt::Write as _};

use crate::pprof::Profile;

const WIDTH: f64 = 1_400.0;
const ROW: f64 = 17.0;
const HEAD: f64 = 46.0;
/// What is narrower than this can't be seen.
const LEAST_WIDTH: f64 = 0.4;
/// How wide a letter is, on average.
const LETTER: f64 = 6.6;
/// Deeper stacks are cut at their inner end.
const MOST_ROWS: usize = 160;

#[derive(Default)]
struct Node<'a> {
    value: i64,
    callees: BTreeMap<&'a str, Node<'a>>,
}

impl<'a> Node<'a> {
    fn add(&mut self, frames: impl Iterator<Item = &'a str>, value: i64) {
        self.value += value;
        let mut node = self;
        for frame in frames.take(MOST_ROWS) {
            node = node.callees.entry(frame).or_default();
            node.value += value;
        }
    }

    fn depth(&self, scale: f64) -> usize {
        let callees = self.callees.values().filter(|node| width(node.value, scale) >= LEAST_WIDTH);
        callees.map(|node| 1 + node.depth(scale)).max().unwrap_or_default()
    }
}

#[expect(clippy::cast_precision_loss, reason = "drawn, not counted")]
fn width(value: i64, scale: f64) -> f64 {
    value as f64 * scale
}

/// Draws what the profile counts last, of stacks where that is above 0; functions with `own` in their names stand out. `show` writes a number for people.
#[must_use]
pub fn svg(title: &str, profile: &Profile, own: &str, show: impl Fn(i64) -> String) -> String {
    let mut root = Node::default();
    for stack in profile.stacks.iter().filter(|stack| stack.value() > 0) {
        root.add(stack.frames.iter().rev().map(String::as_str), stack.value());
    }
    let scale = WIDTH / width(root.value.max(1), 1.0);
    #[expect(clippy::cast_precision_loss, reason = "at most as many as rows")]
    let height = HEAD + ROW * root.depth(scale).max(1) as f64 + 10.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" font-family=\"monospace\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fffdf7\"/>\n\
         <text x=\"8\" y=\"20\" font-size=\"15\">{}</text>\n\
         <text x=\"8\" y=\"37\" fill=\"#555\">in all {}; blue: functions of Portico's own</text>\n",
        escaped(title),
        escaped(&show(root.value)),
    );
    let drawing = Drawing { scale, floor: height - 10.0, total: root.value.max(1), own, show: &show };
    drawing.callees(&root, 0.0, 1, &mut svg);
    svg.push_str("</svg>\n");
    svg
}

struct Drawing<'a, F> {
    scale: f64,
    floor: f64,
    total: i64,
    own: &'a str,
    show: &'a F,
}

impl<F: Fn(i64) -> String> Drawing<'_, F> {
    fn callees(&self, of: &Node<'_>, left: f64, row: u32, svg: &mut String) {
        let mut left = left;
        for (name, node) in &of.callees {
            let width = width(node.value, self.scale);
            if width >= LEAST_WIDTH {
                self.bar(name, node.value, (left, width), row, svg);
                self.callees(node, left, row + 1, svg);
            }
            left += width;
        }
    }

    fn bar(&self, name: &str, value: i64, (left, width): (f64, f64), row: u32, svg: &mut String) {
        let top = self.floor - ROW * f64::from(row);
        let colour = colour(name, name.contains(self.own));
        let percent = self::width(value, 100.0) / self::width(self.total, 1.0);
        let shown = (self.show)(value);
        // Writing into a text doesn't fail.
        let _ = write!(
            svg,
            "<g><title>{} ({}, {percent:.2} %)</title><rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"{colour}\" rx=\"1\"/>",
            escaped(name),
            escaped(&shown),
            (width - 0.3).max(0.2),
            ROW - 1.0,
        );
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a few hundred letters at most"
        )]
        let letters = ((width - 6.0) / LETTER) as usize;
        if letters >= 3 {
            let _ = write!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                left + 3.0,
                top + 12.0,
                escaped(&cut(name, letters))
            );
        }
        svg.push_str("</g>\n");
    }
}

/// The same name has the same colour in every picture.
fn colour(name: &str, is_own: bool) -> String {
    let sum = name.bytes().fold(7_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    let hue = if is_own { 205 + sum % 20 } else { 24 + sum % 30 };
    format!("hsl({hue} {}% {}%)", 60 + sum / 7 % 20, 66 + sum / 91 % 10)
}

fn cut(name: &str, letters: usize) -> String {
    if name.chars().count() <= letters {
        return name.to_owned();
    }
    name.chars().take(letters - 1).chain(['…']).collect()
}

/// Text as XML takes it: control characters have no place there.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            letter if letter.is_control() => escaped.push('\u{fffd}'),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pprof::{Counted, Stack};

    fn drawn(stacks: &[(&[&str], i64)]) -> String {
        let stacks = stacks.iter().map(|(frames, value)| Stack {
            frames: frames.iter().rev().map(|&frame| frame.to_owned()).collect(),
            values: vec![*value],
        });
        let profile = Profile {
            counted: vec![Counted::new("space", "bytes")],
            period: (Counted::new("space", "bytes"), 1),
            at_nanos: 0,
            over_nanos: 0,
            stacks: stacks.collect(),
        };
        svg("a <title>", &profile, "portico", |value| format!("{value} B"))
    }

    #[test]
    fn widths_are_shares_and_rows_are_depths() {
        let svg = drawn(&[(&["main", "portico::serve"], 75), (&["main"], 25), (&["<T as X>::gone"], -10)]);
        assert!(svg.contains("a &lt;title&gt;"), "{svg}");
        assert!(
            svg.contains("<title>main (100 B, 100.00 %)</title><rect x=\"0.0\" y=\"63.0\" width=\"1399.7\""),
            "{svg}"
        );
        assert!(
            svg.contains(
                "<title>portico::serve (75 B, 75.00 %)</title><rect x=\"0.0\" y=\"46.0\" width=\"1049.7\""
            ),
            "{svg}"
        );
        assert!(svg.contains("in all 100 B"), "{svg}");
        assert!(!svg.contains("gone"), "{svg}");
        assert_eq!(svg.matches("<g>").count(), svg.matches("</g>").count());
    }

    #[test]
    fn what_can_not_be_seen_is_not_drawn_and_names_are_cut_to_their_bars() {
        let svg =
            drawn(&[(&["wide"], 100_000), (&["narrow"], 5), (&["a_rather_long_name_for_its_share"], 5_000)]);
        assert!(!svg.contains("narrow"), "{svg}");
        assert!(svg.contains(">a_rather…<") || svg.contains(">a_rathe…<"), "{svg}");
    }

    #[test]
    fn nothing_seen_is_drawn_as_nothing() {
        let svg = drawn(&[]);
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"), "{svg}");
    }
}
