//! [`ModelCard`]: what a model is, what it was made from and how good it is.
//!
//! The parts follow Mitchell et al. 2019, "Model Cards for Model Reporting":
//! model details, data, metrics with their uncertainty, and every slice beside
//! the whole.

use serde::{Deserialize, Serialize};

use super::figures;
use super::frame::page;
use super::html::{self, section};
use super::{markdown, words};
use crate::metrics::{Evaluation, Judgement, Measure, Metric};

/// What a model is and how good it is; a document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelCard {
    /// The model's name.
    pub name: String,
    /// Which version this is.
    pub version: String,
    /// What it is for, in a sentence or two.
    pub about: String,
    /// Kind, code version, when it was trained.
    pub details: Vec<Fact>,
    /// What it was trained and tested on.
    pub data: Vec<Fact>,
    /// What it was trained with.
    pub parameters: Vec<Fact>,
    /// What was measured.
    pub evaluation: Evaluation,
    /// What the gate said, where there is one.
    pub judgement: Option<Judgement>,
}

/// Something that is known, under its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What it is.
    pub name: String,
    /// As it is shown.
    pub value: String,
}

/// How a card is written: as HTML, or as Markdown.
struct Form {
    escaped: fn(&str) -> String,
    table: fn(&[&str], &[Vec<String>]) -> String,
}

const HTML: Form = Form {
    escaped: html::escaped,
    table: html::table,
};
const MARKDOWN: Form = Form {
    escaped: markdown::escaped,
    table: markdown::table,
};

/// The card as one self-contained page.
pub fn model_card_html(card: &ModelCard) -> String {
    let escaped = html::escaped;
    let title = format!("{} {}", card.name, card.version);
    let mut content = format!(
        "<header>\n<h1>{}</h1>\n<p class=\"lead\">{}</p>\n</header>\n",
        escaped(&title),
        escaped(&card.about)
    );
    if let Some(judgement) = &card.judgement {
        content += &section("Gate", &gate_html(judgement));
    }
    content += &section("Metrics", &measures(&HTML, card));
    content += &section("Curves", &curves(&card.evaluation));
    content += &section("Classes", &classes(&HTML, &card.evaluation));
    content += &section("Confusion", &confusion_html(&card.evaluation));
    content += &section("Slices", &slices(&HTML, &card.evaluation));
    for (title, facts) in card.facts() {
        content += &section(title, &facts_html(facts));
    }
    page(&format!("{title}: model card"), &content)
}

/// The card as Markdown, without its curves.
pub fn model_card_markdown(card: &ModelCard) -> String {
    let escaped = markdown::escaped;
    let mut out = format!("# {} {}\n\n", escaped(&card.name), escaped(&card.version));
    if !card.about.is_empty() {
        out += &format!("{}\n\n", escaped(&card.about));
    }
    let mut part = |title: &str, content: String| {
        if !content.is_empty() {
            out += &format!("## {title}\n\n{content}");
        }
    };
    let gate = card.judgement.as_ref().map(gate_markdown);
    part("Gate", gate.unwrap_or_default());
    part("Metrics", measures(&MARKDOWN, card));
    part("Classes", classes(&MARKDOWN, &card.evaluation));
    part("Confusion", confusion_markdown(&card.evaluation));
    part("Slices", slices(&MARKDOWN, &card.evaluation));
    for (title, facts) in card.facts() {
        let line = |fact: &Fact| format!("- {}: {}\n", escaped(&fact.name), escaped(&fact.value));
        let lines: String = facts.iter().map(line).collect();
        part(
            title,
            if lines.is_empty() {
                lines
            } else {
                lines + "\n"
            },
        );
    }
    out
}

impl ModelCard {
    fn facts(&self) -> [(&'static str, &[Fact]); 3] {
        [
            ("Data", &self.data),
            ("Parameters", &self.parameters),
            ("Details", &self.details),
        ]
    }
}

fn measures(form: &Form, card: &ModelCard) -> String {
    let row = |measure: &Measure| {
        let said = match (&measure.interval, &measure.undefined) {
            (Some(interval), _) => words::interval(interval),
            (None, Some(why)) => (form.escaped)(why),
            (None, None) => String::new(),
        };
        let name = (form.escaped)(measure.metric.title());
        vec![name, words::value(measure), said]
    };
    let measures = &card.evaluation.measures;
    let rows: Vec<Vec<String>> = measures.iter().map(row).collect();
    let level = measures
        .iter()
        .find_map(|measure| measure.interval)
        .map(|i| i.level);
    let interval = level.map_or("Interval".to_string(), |level| {
        format!("{} % interval", words::number(level * 100.0))
    });
    match rows.is_empty() {
        true => String::new(),
        false => (form.table)(&["Metric", "Value", &interval], &rows),
    }
}

fn classes(form: &Form, evaluation: &Evaluation) -> String {
    let rows: Vec<Vec<String>> = evaluation
        .classes
        .iter()
        .map(|class| {
            vec![
                (form.escaped)(&class.name),
                words::optional(class.precision),
                words::optional(class.recall),
                words::optional(class.f1),
                words::number(class.support),
            ]
        })
        .collect();
    match rows.is_empty() {
        true => String::new(),
        false => (form.table)(&["Class", "Precision", "Recall", "F1", "Rows"], &rows),
    }
}

fn slices(form: &Form, evaluation: &Evaluation) -> String {
    let Some(first) = evaluation.slices.first() else {
        return String::new();
    };
    let titles = first.measures.iter().map(|measure| measure.metric.title());
    let head: Vec<&str> = ["Slice", "Rows"].into_iter().chain(titles).collect();
    let rows: Vec<Vec<String>> = evaluation
        .slices
        .iter()
        .map(|slice| {
            let name = format!("{}: {}", slice.by, slice.name);
            let lead = [(form.escaped)(&name), words::grouped(slice.rows as f64)];
            lead.into_iter()
                .chain(slice.measures.iter().map(words::value))
                .collect()
        })
        .collect();
    (form.table)(&head, &rows)
}

fn curves(evaluation: &Evaluation) -> String {
    let Some(curves) = &evaluation.curves else {
        return String::new();
    };
    let auc = evaluation
        .measures
        .iter()
        .find(|measure| measure.metric == Metric::RocAuc);
    let figures = [
        figures::roc(curves, auc.and_then(|auc| auc.value)),
        figures::precision_recall(curves),
        figures::calibration(curves),
    ];
    format!("<div class=\"figures\">\n{}</div>\n", figures.concat())
}

/// True classes downwards, predicted ones across; the more of a class's rows,
/// the darker.
fn confusion_html(evaluation: &Evaluation) -> String {
    if evaluation.confusion.is_empty() {
        return String::new();
    }
    let names: Vec<String> = evaluation
        .classes
        .iter()
        .map(|c| html::escaped(&c.name))
        .collect();
    let head: String = names
        .iter()
        .map(|name| format!("<th scope=\"col\">{name}</th>"))
        .collect();
    let mut out = format!(
        "<div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">True class, by prediction</th>{head}</tr></thead>\n<tbody>\n"
    );
    for (row, name) in evaluation.confusion.iter().zip(&names) {
        let sum: f64 = row.iter().sum();
        out += &format!("<tr><th scope=\"row\">{name}</th>");
        for count in row {
            let share = if sum > 0.0 { count / sum * 100.0 } else { 0.0 };
            out += &format!(
                "<td>{} <span class=\"muted\">{share:.0} %</span></td>",
                words::number(*count)
            );
        }
        out += "</tr>\n";
    }
    out + "</tbody></table></div>\n"
}

fn confusion_markdown(evaluation: &Evaluation) -> String {
    if evaluation.confusion.is_empty() {
        return String::new();
    }
    let names = evaluation.classes.iter().map(|class| class.name.as_str());
    let head: Vec<&str> = ["True class, by prediction"]
        .into_iter()
        .chain(names)
        .collect();
    let classes = evaluation.classes.iter().zip(&evaluation.confusion);
    let rows: Vec<Vec<String>> = classes
        .map(|(class, row)| {
            let counts = row.iter().map(|count| words::number(*count));
            [markdown::escaped(&class.name)]
                .into_iter()
                .chain(counts)
                .collect()
        })
        .collect();
    markdown::table(&head, &rows)
}

fn gate_html(judgement: &Judgement) -> String {
    let says = |passed: bool| match passed {
        true => "<span class=\"good\">passes</span>",
        false => "<span class=\"bad\">fails</span>",
    };
    let mut out = format!(
        "<p class=\"lead\">The model {}.</p>\n<ul>\n",
        says(judgement.passed)
    );
    for reason in &judgement.reasons {
        out += &format!(
            "<li>{} {}</li>\n",
            says(reason.passed),
            html::escaped(&reason.why)
        );
    }
    out + "</ul>\n"
}

fn gate_markdown(judgement: &Judgement) -> String {
    let says = |passed: bool| if passed { "passes" } else { "**fails**" };
    let mut out = format!("The model {}.\n\n", says(judgement.passed));
    for reason in &judgement.reasons {
        out += &format!(
            "- {}: {}\n",
            says(reason.passed),
            markdown::escaped(&reason.why)
        );
    }
    out + "\n"
}

fn facts_html(facts: &[Fact]) -> String {
    let line = |fact: &Fact| {
        let (name, value) = (html::escaped(&fact.name), html::escaped(&fact.value));
        format!("<dt>{name}</dt><dd>{value}</dd>\n")
    };
    let lines: String = facts.iter().map(line).collect();
    match lines.is_empty() {
        true => lines,
        false => format!("<dl>\n{lines}</dl>\n"),
    }
}
