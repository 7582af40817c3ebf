//! Charts as SVG, drawn without a font or a script from elsewhere.

use plotters::{
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

/// A chart to be put on a [`crate::page::Page`].
#[derive(Debug, Clone)]
pub struct Chart {
    /// What it shows.
    pub title: String,
    /// What is drawn.
    pub shape: Shape,
}

/// What a chart draws.
#[derive(Debug, Clone)]
pub enum Shape {
    /// Lines over a common axis, such as time.
    Lines {
        /// What the axis along the bottom counts, with its unit.
        across: String,
        /// What the axis at the side counts, with its unit.
        up: String,
        /// Each line's name and points.
        lines: Vec<(String, Vec<(f64, f64)>)>,
        /// A level that a line is to stay below (or above), with its name.
        threshold: Option<(String, f64)>,
    },
    /// Bars with the interval within which each is known.
    Bars {
        /// What the bars' length counts.
        unit: String,
        /// A value that means "no difference", drawn as a line.
        neutral: Option<f64>,
        /// The bars, first on top.
        bars: Vec<Bar>,
    },
}

/// A bar and how far it is to be trusted.
#[derive(Debug, Clone)]
pub struct Bar {
    /// Its name.
    pub name: String,
    /// Its length.
    pub value: f64,
    /// The lower end of its interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Chart {
    /// Lines over time or another axis: name and points each.
    #[must_use]
    pub fn lines(title: &str, across: &str, up: &str, lines: Vec<(String, Vec<(f64, f64)>)>) -> Self {
        let (across, up) = (across.to_owned(), up.to_owned());
        Self { title: title.to_owned(), shape: Shape::Lines { across, up, lines, threshold: None } }
    }

    /// The same with a level that is not to be crossed.
    #[must_use]
    pub fn with_threshold(mut self, name: &str, level: f64) -> Self {
        if let Shape::Lines { threshold, .. } = &mut self.shape {
            *threshold = Some((name.to_owned(), level));
        }
        self
    }

    /// Bars with intervals.
    #[must_use]
    pub fn bars(title: &str, unit: &str, neutral: Option<f64>, bars: Vec<Bar>) -> Self {
        Self { title: title.to_owned(), shape: Shape::Bars { unit: unit.to_owned(), neutral, bars } }
    }

    /// The chart as an SVG element, which names no other file.
    #[must_use]
    pub fn svg(&self) -> String {
        let mut svg = String::new();
        let drawn = match &self.shape {
            Shape::Lines { across, up, lines, threshold } => {
                draw_lines(&mut svg, across, up, lines, threshold.as_ref())
            }
            Shape::Bars { unit, neutral, bars } => draw_bars(&mut svg, unit, *neutral, bars),
        };
        drawn.expect("a string takes whatever is drawn");
        // It grows and shrinks with the page, and is named for those who hear the page.
        let label = format!(r#"<svg role="img" aria-label="{}" class="chart" "#, escaped(&self.title));
        svg.trim_end().replacen("<svg ", &label, 1)
    }
}

const WIDTH: u32 = 860;
const LINES_HEIGHT: u32 = 300;
const BAR_HEIGHT: u32 = 34;
const FONT: (&str, u32) = ("sans-serif", 13);
/// Colours that people tell apart who see few of them (Okabe and Ito).
const COLOURS: [RGBColor; 6] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
];
const INK: RGBColor = RGBColor(60, 60, 60);
const GRID: RGBColor = RGBColor(225, 225, 225);

type Drawn<'a> = Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;

fn draw_lines<'a>(
    svg: &'a mut String,
    across: &str,
    up: &str,
    lines: &[(String, Vec<(f64, f64)>)],
    threshold: Option<&(String, f64)>,
) -> Drawn<'a> {
    let finite = |point: &&(f64, f64)| point.0.is_finite() && point.1.is_finite();
    let points = || lines.iter().flat_map(|(_, points)| points.iter().filter(finite));
    let (least, most) = bounds(points().map(|point| point.0));
    // A level far above everything would press the lines flat; it is told in words anyway.
    let top = bounds(points().map(|point| point.1)).1;
    let shown = threshold.filter(|(_, level)| *level <= top * 4.0);
    let top = shown.map_or(top, |(_, level)| top.max(*level)) * 1.08;
    let area = SVGBackend::with_string(svg, (WIDTH, LINES_HEIGHT)).into_drawing_area();
    let mut chart = ChartBuilder::on(&area)
        .margin(10)
        .x_label_area_size(38)
        .y_label_area_size(62)
        .build_cartesian_2d(least..most.max(least + 1e-9), 0.0..top.max(1e-9))?;
    chart
        .configure_mesh()
        .x_desc(across)
        .y_desc(up)
        .axis_style(INK)
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .label_style(FONT)
        .x_label_formatter(&|value| short(*value))
        .y_label_formatter(&|value| short(*value))
        .draw()?;
    for ((name, points), colour) in lines.iter().zip(COLOURS.iter().cycle()) {
        let points = points.iter().filter(finite).copied();
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    if let Some((name, level)) = shown {
        let line = [(least, *level), (most, *level)];
        chart
            .draw_series(LineSeries::new(line, RED.stroke_width(1)))?
            .label(name)
            .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], RED.stroke_width(1)));
    }
    if lines.len() > 1 || shown.is_some() {
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.8))
            .label_font(FONT)
            .draw()?;
    }
    area.present()
}

fn draw_bars<'a>(svg: &'a mut String, unit: &str, neutral: Option<f64>, bars: &[Bar]) -> Drawn<'a> {
    let count = u32::try_from(bars.len()).unwrap_or(1).max(1);
    let most = bars.iter().flat_map(|bar| [bar.value, bar.high.min(bar.value * 3.0)]).chain(neutral);
    let right = bounds(most).1 * 1.15;
    let height = count * BAR_HEIGHT + 60;
    let area = SVGBackend::with_string(svg, (WIDTH, height)).into_drawing_area();
    let mut chart = ChartBuilder::on(&area)
        .margin(10)
        .x_label_area_size(38)
        .y_label_area_size(190)
        .build_cartesian_2d(0.0..right.max(1e-9), 0.0..f64::from(count))?;
    chart
        .configure_mesh()
        .x_desc(unit)
        .axis_style(INK)
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .disable_y_mesh()
        .y_labels(0)
        .label_style(FONT)
        .x_label_formatter(&|value| short(*value))
        .draw()?;
    for (place, bar) in (0_u32..).zip(bars) {
        let middle = f64::from(count - place) - 0.5;
        let (low, high) = (bar.low.clamp(0.0, right), bar.high.clamp(0.0, right));
        let corners = [(0.0, middle - 0.3), (bar.value.clamp(0.0, right), middle + 0.3)];
        chart.draw_series([Rectangle::new(corners, COLOURS[0].mix(0.75).filled())])?;
        chart.draw_series([
            PathElement::new([(low, middle), (high, middle)], INK.stroke_width(2)),
            PathElement::new([(low, middle - 0.15), (low, middle + 0.15)], INK.stroke_width(2)),
            PathElement::new([(high, middle - 0.15), (high, middle + 0.15)], INK.stroke_width(2)),
        ])?;
        let (_, y) = chart.backend_coord(&(0.0, middle));
        let style = TextStyle::from(FONT).color(&INK).pos(Pos::new(HPos::Right, VPos::Center));
        area.draw_text(&bar.name, &style, (192, y))?;
    }
    if let Some(neutral) = neutral {
        let line = [(neutral, 0.0), (neutral, f64::from(count))];
        chart.draw_series([PathElement::new(line, COLOURS[1].stroke_width(2))])?;
    }
    area.present()
}

fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if values.is_empty() { (0.0, 1.0) } else { (least, most) }
}

fn short(value: f64) -> String {
    let text = match value.abs() {
        size if size >= 1e6 => format!("{:.1}M", value / 1e6),
        size if size >= 1e4 => format!("{:.0}k", value / 1e3),
        size if size >= 10.0 || size == 0.0 => format!("{value:.0}"),
        size if size >= 1.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    };
    if text.contains('.') && !text.ends_with('M') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A text within HTML and SVG, also within quotes.
#[must_use]
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_bars_are_drawn_with_their_names() {
        let lines =
            vec![("p50".to_owned(), vec![(0.0, 1.0), (1.0, 3.0)]), ("p99 <&>".to_owned(), vec![(0.0, 5.0)])];
        let svg = Chart::lines("Latency \"x\"", "s", "ms", lines).with_threshold("limit", 9.0).svg();
        for part in [
            "<svg role=\"img\" aria-label=\"Latency &quot;x&quot;\"",
            "p50",
            "p99 &lt;&amp;&gt;",
            "limit",
            "</svg>",
        ] {
            assert!(svg.contains(part), "{part} in {svg}");
        }
        let bar = |name: &str, value, low, high| Bar { name: name.to_owned(), value, low, high };
        let bars = vec![bar("SECRET_CACHE", 1.0, 0.9, 1.1), bar("API_KEY_CACHE", 2.9, 2.7, f64::MAX)];
        let svg = Chart::bars("Worth", "times", Some(1.0), bars).svg();
        assert!(svg.contains("API_KEY_CACHE") && svg.matches("<rect").count() >= 2, "{svg}");
    }

    #[test]
    fn nothing_to_draw_and_odd_numbers_break_nothing() {
        let odd = vec![("a".to_owned(), vec![(0.0, f64::NAN), (f64::INFINITY, 1.0), (1.0, 1.0)])];
        for chart in [
            Chart::lines("", "", "", Vec::new()),
            Chart::lines("", "", "", odd),
            Chart::bars("", "", None, Vec::new()),
            Chart::bars("", "", None, vec![Bar { name: String::new(), value: 0.0, low: 0.0, high: 0.0 }]),
        ] {
            let svg = chart.svg();
            assert!(svg.contains("</svg>") && !svg.contains("NaN"), "{svg}");
        }
    }

    #[test]
    fn numbers_on_axes_are_short() {
        let told = [0.0, 0.125, 2.0, 2.5, 40.0, 12_345.0, 2_500_000.0].map(short);
        assert_eq!(told, ["0", "0.125", "2", "2.5", "40", "12k", "2.5M"]);
    }
}
