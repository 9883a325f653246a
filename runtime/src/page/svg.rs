//! [`Plot`]: a small figure with two axes.
//!
//! Colours and type are the page's, by class, so that a figure follows light
//! and dark. Each figure carries a title and a description for those who do not
//! see it.

use std::fmt::Write;

use super::html::escaped;
use super::words::number;

/// A figure that grows: axes first, then what is drawn between them.
pub(super) struct Plot {
    x: Axis,
    y: Axis,
    marks: String,
    title: String,
    about: String,
}

/// From where to where an axis reaches, and what it says.
pub(super) struct Axis {
    /// What is measured along it.
    pub(super) label: &'static str,
    /// Its first value.
    pub(super) from: f64,
    /// Its last value.
    pub(super) to: f64,
    /// Values, or names at places along it; None for round values.
    pub(super) ticks: Option<Vec<(f64, String)>>,
}

const WIDTH: f64 = 340.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 44.0;
/// Of it, what the label takes.
const LABEL: f64 = 20.0;

impl Axis {
    /// An axis of shares.
    pub(super) fn share(label: &'static str) -> Axis {
        Axis {
            label,
            from: 0.0,
            to: 1.0,
            ticks: None,
        }
    }

    /// Where on the axis a value lies, 0 being its start and 1 its end. What
    /// lies outside is put at an end.
    fn place(&self, value: f64) -> f64 {
        let place = (value - self.from) / (self.to - self.from);
        if place.is_nan() {
            0.0
        } else {
            place.clamp(0.0, 1.0)
        }
    }

    fn ticks(&self) -> Vec<(f64, String)> {
        match &self.ticks {
            Some(ticks) => ticks.clone(),
            None => {
                let step = round_step(self.to - self.from);
                let first = (self.from / step).ceil();
                let ticks = (0..=10).map(|tick| (first + f64::from(tick)) * step);
                let inside = ticks.filter(|at| *at <= self.to + step * 1e-9);
                inside.map(|at| (at, number(at))).collect()
            }
        }
    }
}

impl Plot {
    /// An empty figure.
    pub(super) fn new(title: &str, about: &str, x: Axis, y: Axis) -> Plot {
        Plot {
            x,
            y,
            marks: String::new(),
            title: title.to_string(),
            about: about.to_string(),
        }
    }

    /// A line through points; `class` says how it looks.
    pub(super) fn line(&mut self, class: &str, points: impl IntoIterator<Item = [f64; 2]>) {
        let places: Vec<String> = points
            .into_iter()
            .map(|[x, y]| format!("{:.1},{:.1}", self.x_at(x), self.y_at(y)))
            .collect();
        self.put(format_args!(
            "<polyline class=\"{class}\" points=\"{}\"/>",
            places.join(" ")
        ));
    }

    /// A point, larger the more it weighs (0 to 1), which says what it is when
    /// pointed at.
    pub(super) fn dot(&mut self, class: &str, [x, y]: [f64; 2], weight: f64, says: &str) {
        let (x, y) = (self.x_at(x), self.y_at(y));
        let radius = 2.5 + 4.0 * weight.clamp(0.0, 1.0).sqrt();
        self.put(format_args!(
            "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\"><title>{}</title></circle>",
            escaped(says)
        ));
    }

    /// A bar from the foot up to `y`, between two values along the other axis.
    pub(super) fn bar(&mut self, class: &str, [from, to]: [f64; 2], y: f64, says: &str) {
        let (x, end) = (self.x_at(from), self.x_at(to));
        let top = self.y_at(y);
        let height = HEIGHT - BOTTOM - top;
        let width = (end - x).max(0.5);
        self.put(format_args!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"><title>{}</title></rect>",
            escaped(says)
        ));
    }

    /// The figure as an SVG element.
    pub(super) fn svg(&self) -> String {
        let title = escaped(&self.title);
        let about = escaped(&self.about);
        let height = match self.x.label {
            "" => HEIGHT - LABEL,
            _ => HEIGHT,
        };
        let mut out = format!(
            "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{title}. {about}\">\n\
             <title>{title}</title>\n<desc>{about}</desc>\n"
        );
        for (value, text) in self.y.ticks() {
            let y = self.y_at(value);
            out += &format!(
                "<line class=\"grid\" x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{:.1}\" y2=\"{y:.1}\"/>\
                 <text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n",
                WIDTH - RIGHT,
                LEFT - 6.0,
                y + 3.5,
                escaped(&text)
            );
        }
        out += &self.marks;
        out += &self.foot();
        out + "</svg>\n"
    }

    fn foot(&self) -> String {
        let floor = HEIGHT - BOTTOM;
        let mut out = format!(
            "<line class=\"axis\" x1=\"{LEFT}\" y1=\"{floor}\" x2=\"{:.1}\" y2=\"{floor}\"/>\n",
            WIDTH - RIGHT
        );
        for (value, text) in self.x.ticks() {
            out += &format!(
                "<text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\n",
                self.x_at(value),
                floor + 15.0,
                escaped(&text)
            );
        }
        let middle = (TOP + floor) / 2.0;
        out + &format!(
            "<text class=\"label\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\n\
             <text class=\"label\" transform=\"translate(13 {middle:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>\n",
            (LEFT + WIDTH - RIGHT) / 2.0,
            HEIGHT - 8.0,
            escaped(self.x.label),
            escaped(self.y.label)
        )
    }

    fn x_at(&self, x: f64) -> f64 {
        LEFT + self.x.place(x) * (WIDTH - LEFT - RIGHT)
    }

    fn y_at(&self, y: f64) -> f64 {
        HEIGHT - BOTTOM - self.y.place(y) * (HEIGHT - TOP - BOTTOM)
    }

    fn put(&mut self, mark: std::fmt::Arguments<'_>) {
        writeln!(self.marks, "{mark}").expect("a String takes all");
    }
}

/// 1, 2 or 5 times a power of ten: some five steps to a range.
fn round_step(range: f64) -> f64 {
    let range = if range.is_finite() && range > 0.0 {
        range
    } else {
        1.0
    };
    let rough = range / 5.0;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .find(|step| step * power >= rough * 0.999);
    step.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ticks_are_round() {
        let ticks = |from, to| {
            let axis = Axis {
                label: "",
                from,
                to,
                ticks: None,
            };
            axis.ticks()
                .into_iter()
                .map(|(_, text)| text)
                .collect::<Vec<_>>()
        };
        assert_eq!(ticks(0.0, 1.0), ["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        assert_eq!(ticks(0.0, 0.37), ["0", "0.1", "0.2", "0.3"]);
        assert_eq!(ticks(-3.0, 47.0), ["0", "10", "20", "30", "40"]);
    }

    proptest! {
        #[test]
        fn any_numbers_are_drawn_within_the_figure(from in any::<f64>(), to in any::<f64>(), x in any::<f64>(), y in any::<f64>()) {
            let axis = Axis { label: "x", from, to, ticks: None };
            let mut plot = Plot::new("<t>", "a", axis, Axis::share("y"));
            plot.line("one", [[x, y], [y, x]]);
            plot.bar("one", [x, y], y, "");
            plot.dot("one", [x, y], x, "");
            let svg = plot.svg();
            prop_assert!(!svg.contains("=\"NaN") && !svg.contains("=\"inf") && !svg.contains("<t>"));
        }
    }
}
