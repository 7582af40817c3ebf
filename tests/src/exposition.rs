//! Reads metrics in `OpenMetrics` text 1.0 as strictly as it is specified (<https://prometheus.io/docs/specs/om/open_metrics_spec/>), as far as Portico writes it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};

/// A series' labels.
pub type Labels = BTreeMap<String, String>;

/// What was read.
#[derive(Debug, Default)]
pub struct Exposition {
    /// Families by name, with their types.
    pub families: BTreeMap<String, String>,
    /// Samples by name and labels.
    pub samples: BTreeMap<(String, Labels), f64>,
}

impl Exposition {
    /// Reads a whole page.
    ///
    /// # Errors
    /// What is wrong with it first.
    pub fn parse(text: &str) -> Result<Self> {
        let body = text.strip_suffix("# EOF\n").context("it must end with # EOF")?;
        let mut read = Self::default();
        let (mut family, mut helped) = (String::new(), BTreeSet::new());
        for line in body.lines() {
            let at = || format!("in the line {line:?}");
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').with_context(at)?;
                ensure!(
                    !help.is_empty() && helped.insert(name.to_owned()),
                    "helped twice or not at all {}",
                    at()
                );
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').with_context(at)?;
                ensure!(helped.contains(name), "a type without help {}", at());
                ensure!(matches!(kind, "counter" | "gauge" | "histogram"), "a strange type {}", at());
                let is_new = read.families.insert(name.to_owned(), kind.to_owned()).is_none();
                ensure!(is_new, "a family that was there already {}", at());
                name.clone_into(&mut family);
            } else {
                ensure!(!line.starts_with('#') && !line.is_empty(), "neither comment nor sample {}", at());
                read.sample(&family, line).with_context(at)?;
            }
        }
        ensure!(helped.len() == read.families.len(), "help without a type");
        read.check_histograms()?;
        Ok(read)
    }

    fn sample(&mut self, family: &str, line: &str) -> Result<()> {
        let (series, value) = line.rsplit_once(' ').context("no value")?;
        let value: f64 = value.parse().context("no number")?;
        let (name, labels) = match series.split_once('{') {
            None => (series, Labels::new()),
            Some((name, rest)) => (name, labels(rest.strip_suffix('}').context("labels without end")?)?),
        };
        let suffixes: &[&str] = match self.families.get(family).map(String::as_str) {
            Some("counter") => &["_total"],
            Some("gauge") => &[""],
            Some("histogram") => &["_bucket", "_sum", "_count"],
            _ => bail!("a sample before its family"),
        };
        let suffix = name.strip_prefix(family).context("a sample of another family")?;
        ensure!(suffixes.contains(&suffix), "a sample that its family's type doesn't have");
        ensure!(value.is_finite() && (suffix.is_empty() || value >= 0.0), "a value that can't be");
        let is_new = self.samples.insert((name.to_owned(), labels), value).is_none();
        ensure!(is_new, "a series that was there already");
        Ok(())
    }

    /// Buckets must grow with their bounds, and the last must hold everything.
    fn check_histograms(&self) -> Result<()> {
        let mut buckets: BTreeMap<(String, Labels), Vec<(f64, f64)>> = BTreeMap::new();
        for ((name, labels), value) in &self.samples {
            let Some(family) = name.strip_suffix("_bucket") else { continue };
            let mut labels = labels.clone();
            let bound = labels.remove("le").context("a bucket without a bound")?;
            let bound = if bound == "+Inf" { f64::INFINITY } else { bound.parse()? };
            buckets.entry((family.to_owned(), labels)).or_default().push((bound, *value));
        }
        for ((family, labels), mut buckets) in buckets {
            buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
            let grows = buckets.windows(2).all(|pair| pair[0].1 <= pair[1].1 && pair[0].0 < pair[1].0);
            ensure!(grows, "{family}{labels:?}: {buckets:?}");
            let (bound, all) = buckets.last().copied().context("no buckets")?;
            let count = self.samples.get(&(format!("{family}_count"), labels.clone()));
            ensure!(
                bound.is_infinite() && count == Some(&all),
                "{family}{labels:?}: the last bucket isn't all"
            );
            ensure!(self.samples.contains_key(&(format!("{family}_sum"), labels)), "{family}: no sum");
        }
        Ok(())
    }

    /// The sum of the series of a name that have these labels, others besides.
    #[must_use]
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has =
            |of: &Labels| labels.iter().all(|(key, value)| of.get(*key).is_some_and(|found| found == value));
        self.samples.iter().filter(|((found, of), _)| found == name && has(of)).map(|(_, value)| value).sum()
    }

    /// Whether there is a series of that name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.samples.keys().any(|(found, _)| found == name)
    }
}

fn labels(text: &str) -> Result<Labels> {
    let mut labels = Labels::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (name, after) = rest.split_once("=\"").context("a label without a value")?;
        let is_name = name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        ensure!(!name.is_empty() && is_name, "a strange label {name:?}");
        // Nothing that Portico writes has to be escaped.
        let (value, after) = after.split_once('"').context("a value without end")?;
        ensure!(!value.contains('\\'), "an escaped value {value:?}");
        ensure!(labels.insert(name.to_owned(), value.to_owned()).is_none(), "a label twice");
        rest = match after.strip_prefix(',') {
            Some(more) if !more.is_empty() => more,
            Some(_) => bail!("a comma too much"),
            None => after,
        };
        ensure!(rest.is_empty() || after.starts_with(','), "no comma");
    }
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# HELP a_seconds b\n# TYPE a_seconds histogram\na_seconds_sum{x=\"y\"} 1.5\na_seconds_count{x=\"y\"} 2\n\
        a_seconds_bucket{le=\"0.5\",x=\"y\"} 1\na_seconds_bucket{le=\"+Inf\",x=\"y\"} 2\n# HELP c d\n# TYPE c counter\nc_total 3\n# EOF\n";

    #[test]
    fn what_is_right_is_read() {
        let read = Exposition::parse(GOOD).unwrap();
        assert_eq!(read.families.len(), 2);
        assert!(read.has("c_total") && !read.has("c"));
        assert!((read.sum("a_seconds_count", &[("x", "y")]) - 2.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_wrong_is_refused() {
        let wrong = [
            ("# EOF\n", ""),
            ("c_total 3\n", "c_total 3\nc_total 3\n"),
            ("c_total 3\n", "c 3\n"),
            ("c_total 3\n", "c_total -3\n"),
            ("c_total 3\n", "other_total 3\n"),
            ("\"0.5\",x=\"y\"} 1", "\"0.5\",x=\"y\"} 3"),
            ("+Inf\",x=\"y\"} 2", "+Inf\",x=\"y\"} 3"),
            ("# HELP c d\n", ""),
            ("# TYPE c counter\n", ""),
            ("x=\"y\"} 1.5", "x=\"y\",} 1.5"),
        ];
        for (right, wrong) in wrong {
            let text = GOOD.replacen(right, wrong, 1);
            assert_ne!(text, GOOD);
            assert!(Exposition::parse(&text).is_err(), "{text}");
        }
    }
}
