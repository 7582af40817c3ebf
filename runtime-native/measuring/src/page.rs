//! Reports: one HTML file that opens without the internet, and the same as Markdown.

use std::path::Path;

use anyhow::Context as _;

use crate::chart::{Chart, escaped};

const STYLE: &str = include_str!("page/style.css");

/// A report in the making: a title, and below it what is added, in order.
#[derive(Debug, Clone)]
pub struct Page {
    title: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    Heading(String),
    Text(String),
    Table(Vec<String>, Vec<Vec<String>>),
    Chart(Chart),
    Code(String),
}

impl Page {
    /// Begins a report.
    #[must_use]
    pub fn new(title: &str) -> Self {
        Self { title: title.to_owned(), parts: Vec::new() }
    }

    /// Adds a heading.
    #[must_use]
    pub fn heading(mut self, text: &str) -> Self {
        self.parts.push(Part::Heading(text.to_owned()));
        self
    }

    /// Adds a paragraph, plain text.
    #[must_use]
    pub fn text(mut self, text: &str) -> Self {
        self.parts.push(Part::Text(text.to_owned()));
        self
    }

    /// Adds what is typed or printed as it is.
    #[must_use]
    pub fn code(mut self, text: &str) -> Self {
        self.parts.push(Part::Code(text.to_owned()));
        self
    }

    /// Adds a table.
    #[must_use]
    pub fn table(mut self, headers: &[&str], rows: Vec<Vec<String>>) -> Self {
        self.parts.push(Part::Table(headers.iter().map(|&header| header.to_owned()).collect(), rows));
        self
    }

    /// Adds a chart; Markdown leaves it out.
    #[must_use]
    pub fn chart(mut self, chart: Chart) -> Self {
        self.parts.push(Part::Chart(chart));
        self
    }

    /// The whole as one HTML document.
    #[must_use]
    pub fn html(&self) -> String {
        let title = escaped(&self.title);
        let mut html = format!(
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n\
             <style>{STYLE}</style>\n<h1>{title}</h1>\n"
        );
        self.parts.iter().for_each(|part| html.push_str(&part.html()));
        html.push_str("</html>\n");
        html
    }

    /// The whole as Markdown, without the charts.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut parts = vec![format!("# {}", self.title)];
        for part in &self.parts {
            match part {
                Part::Heading(text) => parts.push(format!("## {text}")),
                Part::Text(text) => parts.push(text.clone()),
                Part::Code(text) => parts.push(format!("```\n{}\n```", text.trim_end())),
                Part::Table(headers, rows) => parts.push(table(headers, rows)),
                Part::Chart(_) => {}
            }
        }
        parts.join("\n\n") + "\n"
    }

    /// Writes the HTML document.
    pub fn write_html(&self, path: &Path) -> anyhow::Result<()> {
        write(path, &self.html())
    }

    /// Writes the Markdown.
    pub fn write_markdown(&self, path: &Path) -> anyhow::Result<()> {
        write(path, &self.markdown())
    }
}

impl Part {
    fn html(&self) -> String {
        match self {
            Self::Heading(text) => format!("<h2>{}</h2>\n", escaped(text)),
            Self::Text(text) => format!("<p>{}</p>\n", escaped(text)),
            Self::Code(text) => format!("<pre>{}</pre>\n", escaped(text)),
            Self::Chart(chart) => {
                let title = escaped(&chart.title);
                format!("<figure><figcaption>{title}</figcaption>{}</figure>\n", chart.svg())
            }
            Self::Table(headers, rows) => {
                let line = |cells: &[String], kind: &str| {
                    let cell = |cell: &String| format!("<{kind}>{}</{kind}>", escaped(cell));
                    format!("<tr>{}</tr>\n", cells.iter().map(cell).collect::<Vec<_>>().concat())
                };
                let rows: Vec<String> = rows.iter().map(|row| line(row, "td")).collect();
                let head = line(headers, "th");
                format!("<div class=\"wide\"><table>\n{head}{}</table></div>\n", rows.concat())
            }
        }
    }
}

/// A table in Markdown, without a line's end.
#[must_use]
pub fn table(headers: &[String], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| {
        let cells: Vec<String> =
            cells.iter().map(|cell| cell.replace('|', "\\|").replace('\n', " ")).collect();
        format!("| {} |", cells.join(" | "))
    };
    let rule = format!("|{}", " --- |".repeat(headers.len()));
    let lines: Vec<String> =
        [line(headers), rule].into_iter().chain(rows.iter().map(|row| line(row))).collect();
    lines.join("\n")
}

/// Writes a file, making the folders above it.
pub fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    make_folder(path)?;
    std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

/// Writes what was measured as JSON.
pub fn write_json(path: &Path, value: &impl serde::Serialize) -> anyhow::Result<()> {
    write(path, &format!("{}\n", serde_json::to_string_pretty(value)?))
}

/// Finds out before anything is measured whether a report can be written there: makes the folders above it and opens it for writing. What is in it stays.
pub fn check_writable(path: &Path) -> anyhow::Result<()> {
    make_folder(path)?;
    let was_there = path.exists();
    std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .with_context(|| format!("{} can't be written", path.display()))?;
    if !was_there {
        // An empty report would look like a result if the measurement fails.
        let _ = std::fs::remove_file(path);
    }
    Ok(())
}

fn make_folder(path: &Path) -> anyhow::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => std::fs::create_dir_all(folder)
            .with_context(|| format!("{} can't be written: making {}", path.display(), folder.display())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Page {
        Page::new("A <page>")
            .heading("Worth")
            .text("Off & on.")
            .table(&["switch", "ratio"], vec![vec!["A|B".to_owned(), "×2".to_owned()]])
            .chart(Chart::lines(
                "Rate",
                "s",
                "requests/s",
                vec![("all".to_owned(), vec![(0.0, 1.0), (1.0, 2.0)])],
            ))
            .code("portico compare\n")
    }

    #[test]
    fn the_page_asks_nothing_of_elsewhere() {
        let html = page().html();
        // The name of SVG's vocabulary is all that looks like an address.
        let addresses = html.replace("http://www.w3.org/2000/svg", "");
        for asked in ["http:", "https:", "//", "src=", "href=", "url(", "@import", "<script", "<link"] {
            assert!(!addresses.contains(asked), "{asked}");
        }
        assert!(html.contains("<title>A &lt;page&gt;</title>") && html.contains("Off &amp; on."));
        assert!(html.contains("<td>A|B</td>") && html.contains("</svg></figure>"));
    }

    #[test]
    fn markdown_says_the_same_without_charts() {
        let expected = "# A <page>\n\n## Worth\n\nOff & on.\n\n| switch | ratio |\n| --- | --- |\n| A\\|B | ×2 |\n\n```\nportico compare\n```\n";
        assert_eq!(page().markdown(), expected);
    }

    #[test]
    fn a_path_that_cannot_be_written_is_found_before_and_one_that_can_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "kept").unwrap();
        for wrong in
            [folder.path().to_owned(), file.join("below"), Path::new("/proc/nowhere/report.html").to_owned()]
        {
            let told = format!("{:#}", check_writable(&wrong).unwrap_err());
            assert!(told.contains("can't be written") && told.contains(&*wrong.to_string_lossy()), "{told}");
        }
        check_writable(&file).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "kept");
        let fresh = folder.path().join("a/b/report.html");
        check_writable(&fresh).unwrap();
        assert!(!fresh.exists() && fresh.parent().unwrap().exists());
        page().write_html(&fresh).unwrap();
        page().write_markdown(&folder.path().join("c/report.md")).unwrap();
        assert!(fresh.exists());
    }
}
