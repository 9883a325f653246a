//! The figures of a model card, of a drift report and of monitoring.

use super::html::escaped;
use super::svg::{Axis, Plot};
use super::words::number;
use crate::drift::{Distribution, Window};
use crate::metrics::Curves;

/// The ROC curve.
pub(super) fn roc(curves: &Curves, auc: Option<f64>) -> String {
    let about = match auc {
        Some(auc) => format!("The area under the curve is {}.", number(auc)),
        None => "True positives against false positives, by threshold.".to_string(),
    };
    let x = Axis::share("False positive rate");
    let mut plot = Plot::new("ROC curve", &about, x, Axis::share("True positive rate"));
    plot.line("ideal", [[0.0, 0.0], [1.0, 1.0]]);
    plot.line("one", curves.roc.iter().copied());
    figure("ROC curve", &about, &plot)
}

/// The precision/recall curve, as the step function whose area is the average
/// precision.
pub(super) fn precision_recall(curves: &Curves) -> String {
    let about = format!(
        "The best F1, {}, is at threshold {}.",
        number(curves.best_f1),
        number(curves.best_threshold)
    );
    let y = Axis::share("Precision");
    let mut plot = Plot::new("Precision and recall", &about, Axis::share("Recall"), y);
    let mut reached = 0.0;
    let steps = curves
        .precision_recall
        .iter()
        .flat_map(|&[recall, precision]| {
            let from = std::mem::replace(&mut reached, recall);
            [[from, precision], [recall, precision]]
        });
    plot.line("one", steps);
    figure("Precision and recall", &about, &plot)
}

/// What was predicted against what came.
pub(super) fn calibration(curves: &Curves) -> String {
    let about =
        "On the dashed line, what was predicted is what came. Larger points hold more rows.";
    let x = Axis::share("Predicted probability");
    let mut plot = Plot::new("Calibration", about, x, Axis::share("Observed share"));
    plot.line("ideal", [[0.0, 0.0], [1.0, 1.0]]);
    let points = || curves.calibration.iter();
    plot.line(
        "one",
        points().map(|&[predicted, observed, _]| [predicted, observed]),
    );
    let most = points().map(|point| point[2]).fold(0.0, f64::max);
    for &[predicted, observed, weight] in points() {
        let says = format!(
            "predicted {}, observed {}, {} rows",
            number(predicted),
            number(observed),
            number(weight)
        );
        plot.dot("one", [predicted, observed], weight / most, &says);
    }
    figure("Calibration", about, &plot)
}

/// Two samples of one column, side by side. None of a column that has none to
/// draw.
pub(super) fn distribution(column: &str, caption: &str, of: &Distribution) -> Option<String> {
    let (names, edges, reference, current) = match of {
        Distribution::Mixed => return None,
        Distribution::Bins {
            edges,
            reference,
            current,
        } => (None, edges.clone(), reference, current),
        Distribution::Values {
            names,
            reference,
            current,
        } => {
            let edges = (0..=names.len()).map(|edge| edge as f64).collect();
            (Some(names), edges, reference, current)
        }
    };
    let (from, to) = (*edges.first()?, *edges.last()?);
    let top = reference.iter().chain(current).copied().fold(0.0, f64::max);
    let x = Axis {
        label: "",
        from,
        to,
        ticks: names.map(|names| name_ticks(names)),
    };
    let y = Axis {
        label: "Share of rows",
        from: 0.0,
        to: if top > 0.0 { top * 1.05 } else { 1.0 },
        ticks: None,
    };
    let mut plot = Plot::new(column, caption, x, y);
    let bins = edges.windows(2).zip(reference.iter().zip(current));
    for (bin, (edge, (reference, current))) in bins.enumerate() {
        let name = match names {
            Some(names) => names.get(bin).cloned().unwrap_or_default(),
            None => format!("{} to {}", number(edge[0]), number(edge[1])),
        };
        let width = edge[1] - edge[0];
        let middle = edge[0] + width / 2.0;
        let says =
            |side: &str, share: f64| format!("{name}: {:.1} % of the {side} rows", share * 100.0);
        plot.bar(
            "one",
            [edge[0] + width * 0.08, middle],
            *reference,
            &says("reference", *reference),
        );
        plot.bar(
            "two",
            [middle, edge[1] - width * 0.08],
            *current,
            &says("current", *current),
        );
    }
    Some(figure(column, caption, &plot))
}

/// One value for each span of time, at its middle. None of a single span or of
/// no values: there is no line to draw.
pub(super) fn over_time(
    title: &str,
    about: &str,
    windows: &[Window],
    values: impl Iterator<Item = Option<f64>>,
) -> Option<String> {
    let (first, last) = (windows.first()?, windows.last()?);
    let millis = |window: &Window| {
        (window.from.timestamp_millis() as f64 + window.to.timestamp_millis() as f64) / 2.0
    };
    let points = windows.iter().zip(values);
    let points: Vec<[f64; 2]> = points
        .filter_map(|(window, value)| Some([millis(window), value?]))
        .collect();
    if points.len() < 2 {
        return None;
    }
    let ends = points.iter().map(|point| point[1]);
    let (low, top) = (ends.clone().fold(0.0, f64::min), ends.fold(0.0, f64::max));
    // A day's hours, or the days of more than that: what fits below an end.
    let form = match last.to - first.from > chrono::TimeDelta::days(1) {
        true => "%m-%d",
        false => "%H:%M",
    };
    let x = Axis {
        label: "",
        from: first.from.timestamp_millis() as f64,
        to: last.to.timestamp_millis() as f64,
        ticks: Some(
            [first, last]
                .map(|window| (millis(window), window.from.format(form).to_string()))
                .to_vec(),
        ),
    };
    let y = Axis {
        label: "",
        from: low * 1.05,
        to: if top > low { top * 1.05 } else { low + 1.0 },
        ticks: None,
    };
    let mut plot = Plot::new(title, about, x, y);
    plot.line("one", points.iter().copied());
    for point in &points {
        plot.dot("one", *point, 0.0, &number(point[1]));
    }
    Some(figure(title, about, &plot))
}

/// Names below the middle of their bars, cut to fit.
fn name_ticks(names: &[String]) -> Vec<(f64, String)> {
    let fits = 48 / names.len().max(1);
    let short = |name: &String| match name.chars().count() > fits.max(2) {
        true => name.chars().take(fits.max(2) - 1).chain(['…']).collect(),
        false => name.clone(),
    };
    let ticks = names.iter().enumerate();
    ticks
        .map(|(place, name)| (place as f64 + 0.5, short(name)))
        .collect()
}

fn figure(title: &str, about: &str, plot: &Plot) -> String {
    format!(
        "<figure>\n<h3>{}</h3>\n<figcaption>{}</figcaption>\n{}</figure>\n",
        escaped(title),
        escaped(about),
        plot.svg()
    )
}
