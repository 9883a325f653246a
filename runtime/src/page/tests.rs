use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use indexmap::IndexMap;
use ndarray::Array2;

use super::*;
use crate::drift::{
    Answer, Column, Crossed, DriftReport, DriftSpec, Issue, LiveReport, Problem, Quantiles, Window,
    compare, performance,
};
use crate::metrics::{
    Bootstrap, Classified, EvaluationSpec, Gate, Limit, Metric, Predictions, by_value, evaluate,
    judge,
};

/// Text that would be markup.
const HOSTILE: &str = "<script>alert(1)</script>\"'|`*";

fn fact(name: &str, value: &str) -> Fact {
    Fact {
        name: name.to_string(),
        value: value.to_string(),
    }
}

/// Between 0 and 1, the same each time.
fn spread(row: usize, step: f64) -> f64 {
    (row as f64 * step) % 1.0
}

fn card(text: &str) -> ModelCard {
    let n_rows = 600;
    let p = |row: usize| spread(row, 0.618_033_988_7).powf(1.4);
    let truth: Vec<usize> = (0..n_rows)
        .map(|row| usize::from(spread(row, 0.754_877_666_2) < p(row)))
        .collect();
    let cell = |(row, class): (usize, usize)| if class == 1 { p(row) } else { 1.0 - p(row) };
    let probabilities = Array2::from_shape_fn((n_rows, 2), cell);
    let classified = Classified::probabilities(truth, probabilities).unwrap();
    let predictions = Predictions::Classes(classified);
    let spec = EvaluationSpec {
        metrics: vec![Metric::RocAuc, Metric::F1, Metric::LogLoss, Metric::Mae],
        bootstrap: Bootstrap {
            resamples: 200,
            ..Bootstrap::default()
        },
    };
    let plans = (0..n_rows).map(|row| Some(["free", "pro", text][row % 3]));
    let slices = [("plan".to_string(), by_value(plans, 5))];
    let names = ["stays".to_string(), text.to_string()];
    let gate: Gate =
        toml::from_str("limits = { roc-auc = { min = 0.7 }, log-loss = { max = 0.4 } }").unwrap();
    ModelCard {
        name: format!("churn {text}"),
        version: "v3".to_string(),
        about: "Who is about to leave, from a year of use.".to_string(),
        details: vec![fact("Kind", "logistic-regression"), fact("Code", "1f0c9e2")],
        data: vec![fact("Training rows", "4,800"), fact("Artifact", text)],
        parameters: vec![fact("c", "1.0")],
        evaluation: evaluate(&spec, &predictions, &names, &slices),
        judgement: Some(judge(&gate, &predictions, None, &spec.bootstrap)),
    }
}

fn report(text: &str) -> DriftReport {
    let columns = |shift: f64| {
        let bell = |row: usize| spread(row, 0.618_033_988_7) + spread(row, 0.754_877_666_2);
        let words = (0..400).map(|row| {
            Some(if spread(row, 0.37) < 0.4 + shift / 2.0 {
                "pro"
            } else {
                text
            })
        });
        IndexMap::from([
            (
                "tenure".to_string(),
                Column::numbers((0..400).map(|row| bell(row) * 12.0)),
            ),
            (
                format!("spend {text}"),
                Column::numbers((0..400).map(|row| (bell(row) + shift) * 900.0)),
            ),
            ("plan".to_string(), Column::words(words)),
            ("constant".to_string(), Column::numbers([3.0; 400])),
            ("empty".to_string(), Column::numbers([f64::NAN; 3])),
        ])
    };
    let scores = Column::numbers((0..400).map(|row| spread(row, 0.618_033_988_7)));
    let mut report = compare(
        &DriftSpec::default(),
        &columns(0.0),
        &columns(0.3),
        Some((&scores, &scores)),
    );
    report.problems = vec![Problem {
        column: text.to_string(),
        issue: Issue::Missing {
            share: 0.25,
            reference: 0.01,
        },
    }];
    report
}

/// A day of answers, of whom some have their labels.
fn live(text: &str) -> LiveReport {
    let day: DateTime<Utc> = "2026-03-01T00:00:00Z".parse().unwrap();
    let hour = |hour: usize| {
        let from = day + TimeDelta::hours(hour as i64);
        let mut window = Window::new(from, from + TimeDelta::hours(1));
        for row in 0..10 + 30 * usize::from(hour.abs_diff(13) < 5) {
            window.add(&Answer {
                at: from,
                label: Some(text),
                score: Some(spread(row + hour, 0.618_033_988_7)),
                took: Duration::from_millis(4 + (row + hour) as u64 % 9),
                failed: false,
            });
        }
        window
    };
    let windows: Vec<Window> = (0..24).map(hour).collect();
    let mut whole = windows[0].clone();
    windows[1..].iter().for_each(|window| whole.merge(window));
    let truth = (0..200).map(|row| usize::from(row % 3 == 0)).collect();
    let predicted = (0..200).map(|row| usize::from(row % 4 == 0)).collect();
    let rows = Predictions::Classes(Classified::labels(2, truth, predicted).unwrap());
    let metrics = [(Metric::Accuracy, Some(0.9)), (Metric::RocAuc, None)];
    LiveReport {
        drift: report(text),
        latency: Quantiles::of(&whole.latency),
        windows,
        performance: Some(performance(&rows, &metrics, 0.0, &Bootstrap::default())),
        crossed: vec![Crossed {
            figure: "accuracy".to_string(),
            value: 0.58,
            limit: Limit {
                min: Some(0.7),
                max: None,
            },
        }],
    }
}

#[test]
fn a_live_report_says_first_which_limits_were_crossed() {
    check(&live_html(HOSTILE, &live(HOSTILE)));
    let page = live_html("churn", &live("pro"));
    let place = |text: &str| page.find(text).unwrap();
    assert!(place("accuracy is 0.58, below 0.7") < place("Performance"));
    assert!(page.contains(">worse<") && page.contains("Over time"));
}

/// What a page must be, whatever it shows.
#[track_caller]
fn check(page: &str) {
    assert!(page.starts_with("<!doctype html>"));
    assert!(page.contains("default-src 'none'"));
    assert!(!page.contains("<script"), "nothing becomes markup");
    assert!(!page.contains("{{") && !page.contains("NaN"));
    for reach in [
        "http://", "https://", "url(", "@import", "src=", "href=", "style=\"",
    ] {
        assert!(!page.contains(reach), "{reach}");
    }
    for element in [
        "svg", "figure", "section", "table", "tr", "td", "dl", "ul", "li", "span",
    ] {
        let opened = page.matches(&format!("<{element}>")).count()
            + page.matches(&format!("<{element} ")).count();
        assert_eq!(
            opened,
            page.matches(&format!("</{element}>")).count(),
            "{element}"
        );
    }
    assert_eq!(page.matches("<svg").count(), page.matches("<desc>").count());
}

#[test]
fn a_card_shows_all_and_nothing_in_it_becomes_markup() {
    for text in ["team", HOSTILE] {
        let html = model_card_html(&card(text));
        check(&html);
        assert_eq!(html.matches("<svg").count(), 3);
        for shown in [
            "Gate",
            "fails",
            "ROC AUC",
            "95 % interval",
            "plan: free",
            "1f0c9e2",
        ] {
            assert!(html.contains(shown), "{shown}");
        }
        let markdown = model_card_markdown(&card(text));
        assert!(!markdown.contains("<script"));
        assert!(markdown.contains("| ROC AUC | 0."));
    }
}

#[test]
fn a_card_of_numbers_has_no_classes_or_curves() {
    let mut card = card("team");
    card.evaluation.classes.clear();
    card.evaluation.confusion.clear();
    card.evaluation.curves = None;
    card.evaluation.slices.clear();
    card.judgement = None;
    let html = model_card_html(&card);
    check(&html);
    for gone in ["Gate", "Curves", "Confusion", "Slices"] {
        assert!(!html.contains(&format!("<h2>{gone}")), "{gone}");
    }
}

#[test]
fn a_drift_report_shows_what_has_drifted_first() {
    for text in ["team", HOSTILE] {
        let page = drift_html("churn, 1 March", &report(text));
        check(&page);
        let place = |what: &str| page.find(what).unwrap_or_else(|| panic!("{what}"));
        assert!(place("<th scope=\"row\">spend") < place("<th scope=\"row\">tenure"));
        assert!(page.contains("the reference sample has no values"));
        assert!(page.contains("misses 25.0 % of its values, 1.0 % in the reference"));
    }
}

/// Writes the pages to be looked at: `cargo test -p cutline-runtime --lib
/// page::tests::pages_to_look_at -- --ignored`, then see `target/pages`.
#[test]
#[ignore = "writes files for people"]
fn pages_to_look_at() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/pages");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("card.html"), model_card_html(&card("team"))).unwrap();
    std::fs::write(folder.join("card.md"), model_card_markdown(&card("team"))).unwrap();
    std::fs::write(folder.join("live.html"), live_html("churn", &live("pro"))).unwrap();
    std::fs::write(
        folder.join("drift.html"),
        drift_html("churn, 1 March", &report("team")),
    )
    .unwrap();
}
