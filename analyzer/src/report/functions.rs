//! A first `functions.toml` for the runtime: the seven stages, as far as the
//! code says what they do.
//!
//! What it does not say stands as `"TODO"` with the place to look at;
//! `cutline run` refuses it by name. A stage of which the code has no function
//! is a comment: with inference alone a model can be imported and served.
//! Nothing is guessed from values: names, literals and the order of operations
//! are all that is written down.

mod answer;
mod faces;
mod steps;
mod tables;
mod toml;

use std::collections::BTreeSet;

pub(super) use self::faces::{RouteLeft, answered_by};
pub use self::toml::OpenValue;
use self::toml::{Lines, array, named, quoted};
use super::document::{OperationEntry, Report};
use crate::stages::Stage;
use tables::Tables;

pub(super) fn render(report: &Report) -> String {
    lines(report).text()
}

/// What of `functions.toml` is still open, in the order of the file.
#[must_use]
pub fn open_values(report: &Report) -> Vec<OpenValue> {
    lines(report).into_open()
}

/// What the model is called in `functions.toml`.
#[must_use]
pub fn model_name(report: &Report) -> String {
    slug(&report.name)
}

fn lines(report: &Report) -> Lines {
    let mut out = Lines::default();
    let name = model_name(report);
    let learnt = Learnt::of(report);
    let tables = Tables::of(report);
    out.put("# The stages of this monolith as functions of cutline, from its split report.");
    out.put("# What its code does not say is \"TODO\", with the place to look at: `cutline run`");
    out.put("# refuses such an entry by name until you have filled it in.");
    let has = |stage: Stage| {
        let functions = report.functions.iter().any(|entry| entry.stage == stage);
        functions
            || report
                .operations
                .iter()
                .any(|operation| operation.stage == stage)
    };
    // Training needs the chain around it.
    let trains = has(Stage::Training);
    let prepares = trains || has(Stage::Preprocessing);
    let ingests = prepares || has(Stage::Ingestion);
    out.stage(ingests, |out| ingestion(out, &tables));
    out.stage(prepares, |out| {
        preprocessing(out, report, &tables, &learnt, trains)
    });
    out.stage(trains, |out| training(out, report, &learnt));
    out.stage(trains || has(Stage::Evaluation), |out| {
        evaluation(out, report, &learnt)
    });
    out.stage(trains || has(Stage::Deployment), |out| {
        deployment(out, &name)
    });
    inference(&mut out, report, &tables, &name);
    out.stage(trains || has(Stage::Monitoring), |out| {
        monitoring(out, &name)
    });
    faces::render(&mut out, report);
    out
}

/// What is learnt from and predicted.
struct Learnt {
    /// The column to be predicted.
    label: Option<String>,
    /// The columns that say whose row it is.
    ids: Vec<String>,
    /// Rows are split.
    split: bool,
}

impl Learnt {
    fn of(report: &Report) -> Learnt {
        let label = label(report).map(str::to_owned);
        let keys = of_kind(report, "join")
            .filter_map(|operation| operation.key("on"))
            .chain(of_kind(report, "drop-duplicates").filter_map(|operation| operation.key("by")));
        let ids: BTreeSet<String> = keys
            .filter_map(|columns| columns.as_array())
            .filter(|columns| columns.len() == 1)
            .flatten()
            .filter_map(|column| column.as_str().map(str::to_owned))
            .filter(|column| Some(column) != label.as_ref())
            .collect();
        Learnt {
            label,
            ids: ids.into_iter().collect(),
            split: of_kind(report, "split").next().is_some(),
        }
    }

    fn keys(&self, out: &mut Lines, report: &Report) {
        match &self.label {
            Some(label) => out.put(&format!("label   = {}", quoted(label))),
            None => {
                let fit = of_kind(report, "model").next();
                out.todo("label  ", fit.map(|model| &model.place));
            }
        }
        if !self.ids.is_empty() {
            out.put(&format!(
                "ids     = {}",
                array(self.ids.iter().map(String::as_str))
            ));
        }
    }

    fn train(&self) -> &'static str {
        match self.split {
            true => "features-train",
            false => "features",
        }
    }
}

/// The column that is predicted. Where the code learns several, which of them
/// the model predicts nobody knows.
fn label(report: &Report) -> Option<&str> {
    let mut columns =
        of_kind(report, "label").filter_map(|operation| operation.key("column")?.as_str());
    let first = columns.next()?;
    columns.all(|column| column == first).then_some(first)
}

impl OperationEntry {
    pub(super) fn key(&self, name: &str) -> Option<&serde_json::Value> {
        let key = self.keys.iter().find(|key| key.name == name)?;
        key.value.as_ref()
    }
}

pub(super) fn of_kind<'r>(
    report: &'r Report,
    kind: &'r str,
) -> impl Iterator<Item = &'r OperationEntry> {
    let operations = report.operations.iter();
    operations.filter(move |operation| operation.kind == kind)
}

fn deployment(out: &mut Lines, name: &str) {
    out.blank();
    out.put("[function.deployment]");
    out.put("trigger = { queue = \"model-evaluated\" }");
    out.put(&format!("output  = {{ alias = \"{name}@champion\" }}"));
    out.blank();
    out.put("[function.deployment.input]");
    out.put("model      = { artifact = \"model\" }");
    out.put("transform  = { artifact = \"features-transform\" }");
    out.put("evaluation = { artifact = \"evaluation\" }");
}

fn monitoring(out: &mut Lines, name: &str) {
    out.blank();
    out.put("[function.monitoring]");
    out.put("trigger = { every = \"15m\" }");
    out.put("output  = { artifact = \"drift\" }");
    out.blank();
    out.put("[function.monitoring.input]");
    out.put("log       = { log = \"inference\" }");
    out.put(&format!("reference = {{ model = \"{name}@champion\" }}"));
}

fn ingestion(out: &mut Lines, tables: &Tables) {
    out.blank();
    out.put("[function.ingestion]");
    out.put("trigger = { queue = \"raw-arrived\" }");
    match tables.all.as_slice() {
        [] => out.put("input   = { blob = \"{name}/rows.csv\" }"),
        [only] => out.put(&format!(
            "input   = {{ blob = \"{{name}}/{}\" }}",
            only.file
        )),
        _ => {}
    }
    if let [] | [_] = tables.all.as_slice() {
        out.put(&format!(
            "output  = {{ artifact = {}, queue = \"tables-ready\" }}",
            quoted(&slug(tables.rows()))
        ));
        return;
    }
    out.blank();
    out.put("[function.ingestion.output]");
    let artifacts = tables
        .all
        .iter()
        .map(|table| format!("{} = {}", named(&table.name), quoted(&slug(&table.name))));
    out.put(&format!(
        "artifacts = {{ {} }}",
        artifacts.collect::<Vec<_>>().join(", ")
    ));
    out.put("queue     = \"tables-ready\"");
    out.blank();
    out.put("[function.ingestion.input]");
    for table in &tables.all {
        out.put(&format!(
            "{} = {{ blob = \"{{name}}/{}\" }}",
            named(&table.name),
            table.file
        ));
    }
}

fn preprocessing(out: &mut Lines, report: &Report, tables: &Tables, learnt: &Learnt, trains: bool) {
    out.blank();
    out.put("[function.preprocessing]");
    out.put("trigger = { queue = \"tables-ready\" }");
    out.put("output  = { artifact = \"features\", queue = \"features-ready\" }");
    // Nobody learns a label that nobody knows.
    if trains || learnt.label.is_some() {
        learnt.keys(out, report);
    }
    out.blank();
    out.put("[function.preprocessing.input]");
    match tables.all.as_slice() {
        [] => out.put("rows = { artifact = \"rows\" }"),
        all => {
            for table in all {
                out.put(&format!(
                    "{} = {{ artifact = {} }}",
                    named(&table.name),
                    quoted(&slug(&table.name))
                ));
            }
        }
    }
    steps::render(out, report, Stage::Preprocessing, learnt.label.as_deref());
}

fn training(out: &mut Lines, report: &Report, learnt: &Learnt) {
    out.blank();
    out.put("[function.training]");
    out.put("trigger = { queue = \"features-ready\" }");
    out.put(&format!(
        "input   = {{ artifact = \"{}\" }}",
        learnt.train()
    ));
    out.put("output  = { artifact = \"model\", queue = \"model-trained\" }");
    learnt.keys(out, report);
    steps::model(out, report);
    steps::render(out, report, Stage::Training, None);
}

fn evaluation(out: &mut Lines, report: &Report, learnt: &Learnt) {
    out.blank();
    out.put("[function.evaluation]");
    out.put("trigger = { queue = \"model-trained\" }");
    out.put("output  = { artifact = \"evaluation\", queue = \"model-evaluated\" }");
    let mut metrics = Vec::new();
    for operation in of_kind(report, "metric") {
        if let Some(metric) = operation.key("name").and_then(|name| name.as_str())
            && !metrics.contains(&metric)
        {
            metrics.push(metric);
        }
    }
    if !metrics.is_empty() {
        out.put(&format!("metrics = {}", array(metrics)));
    }
    out.put("# gate = { limits = { METRIC = { min = 0.8 } } } # what must pass before it serves");
    out.blank();
    out.put("[function.evaluation.input]");
    out.put("model = { artifact = \"model\" }");
    match learnt.split {
        true => out.put("test  = { artifact = \"features-test\" }"),
        false => out.open(
            "test  = { artifact = \"TODO\" }",
            "test",
            "no split is in the code: add a step that splits",
        ),
    }
}

fn inference(out: &mut Lines, report: &Report, tables: &Tables, name: &str) {
    out.blank();
    out.put("[function.inference]");
    out.put("trigger = { http = true }");
    out.blank();
    out.put("[function.inference.input]");
    out.put(&format!("model = {{ model = \"{name}@champion\" }}"));
    for table in tables.joined(report) {
        let columns = match table.columns.is_empty() {
            true => "*".to_owned(),
            false => table.columns.join(", "),
        };
        let query = quoted(&format!("SELECT {columns} FROM {}", table.name));
        out.open(
            &format!(
                "{} = {{ sql = \"TODO\", query = {query} }}",
                named(&table.name)
            ),
            &table.name,
            &format!("{}: the database that the monolith writes", table.place),
        );
    }
}

/// A name of functions, artifacts and models: lower-case letters, digits and
/// single hyphens.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars() {
        match c.to_ascii_lowercase() {
            c if c.is_ascii_alphanumeric() => slug.push(c),
            _ if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            _ => {}
        }
    }
    let slug = slug.trim_end_matches('-');
    match slug.is_empty() {
        true => "model".to_owned(),
        false => slug.chars().take(40).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::document::{KeyEntry, Place};
    use crate::report::sample;

    #[test]
    fn whatever_a_report_holds_the_file_is_toml() {
        for report in [sample::churn(), sample::empty(), sample::hostile()] {
            let text = render(&report);
            let parsed: Result<::toml::Table, _> = ::toml::from_str(&text);
            assert!(parsed.is_ok(), "{parsed:?}\n{text}");
        }
    }

    #[test]
    fn what_is_open_is_what_the_file_says_is() {
        for report in [sample::churn(), sample::empty(), sample::hostile()] {
            let text = render(&report);
            let said: Vec<&str> = text
                .lines()
                .filter_map(|line| Some(line.split_once("# TODO ")?.1))
                .collect();
            let open = open_values(&report);
            let look: Vec<&str> = open.iter().map(|open| open.look.as_str()).collect();
            assert_eq!(look, said);
        }
        let mut report = sample::empty();
        assert_eq!(open_values(&report), []);
        let function = sample::churn().functions.into_iter();
        report.functions = function
            .filter(|entry| entry.stage == Stage::Training)
            .collect();
        let open = open_values(&report);
        let keys: Vec<&str> = open.iter().map(|open| open.key.as_str()).collect();
        assert_eq!(keys, ["label", "label", "model", "test"]);
    }

    #[test]
    fn of_several_labels_none_is_the_one() {
        let learnt = |columns: &[&str]| {
            let mut report = sample::empty();
            report.operations = columns
                .iter()
                .map(|column| OperationEntry {
                    stage: Stage::Training,
                    kind: "label".to_owned(),
                    keys: vec![KeyEntry {
                        name: "column".to_owned(),
                        value: Some((*column).into()),
                    }],
                    only_fit: false,
                    place: Place {
                        file: "train.py".to_owned(),
                        line: 12,
                        cell: None,
                        code: String::new(),
                    },
                })
                .collect();
            Learnt::of(&report).label
        };
        assert_eq!(learnt(&["churned", "churned"]), Some("churned".to_owned()));
        assert_eq!(learnt(&["churned", "churned", "spent"]), None);
        assert_eq!(learnt(&[]), None);
    }

    #[test]
    fn a_stage_that_the_code_does_not_have_is_a_comment() {
        let text = render(&sample::empty());
        let parsed: ::toml::Table = ::toml::from_str(&text).expect("it is TOML");
        let functions: Vec<&String> = parsed["function"]
            .as_table()
            .expect("a table")
            .keys()
            .collect();
        assert_eq!(functions, ["inference"]);
        for expected in [
            "# [function.training]\n",
            "# [function.ingestion]\n",
            "# model   = \"TODO\" #",
        ] {
            assert!(text.contains(expected), "{text}");
        }
        let mut report = sample::empty();
        report.functions = sample::churn().functions;
        report
            .functions
            .retain(|entry| entry.stage == Stage::Preprocessing);
        assert!(!report.functions.is_empty());
        assert_eq!(open_values(&report), []);
    }

    #[test]
    fn what_the_code_leaves_open_or_has_beside_is_a_comment() {
        let mut report = sample::empty();
        let place = Place {
            file: "train.py".to_owned(),
            line: 12,
            cell: None,
            code: String::new(),
        };
        let mut operation = |stage, kind: &str, keys: serde_json::Value| {
            let keys = keys.as_array().into_iter().flatten();
            let keys = keys.map(|key| KeyEntry {
                name: key[0].as_str().unwrap_or_default().to_owned(),
                value: Some(key[1].clone()),
            });
            report.operations.push(OperationEntry {
                stage,
                kind: kind.to_owned(),
                keys: keys.collect(),
                only_fit: false,
                place: place.clone(),
            });
        };
        let either = serde_json::json!([["either", ["impute age (a.py:3)", "drop age (a.py:5)"]]]);
        operation(Stage::Preprocessing, "TODO", either);
        let model = serde_json::json!([
            ["kind", "gradient-boosting"],
            ["argument", "subsample = 0.8"]
        ]);
        operation(Stage::Training, "model", model);
        let text = render(&report);
        for expected in [
            "[[function.preprocessing.step]] # train.py:12\n\
             kind = \"TODO\" # TODO train.py:12\n\
             # either impute age (a.py:3), or drop age (a.py:5)\n",
            "kind = \"gradient-boosting\"\n\
             # TODO train.py:12: subsample = 0.8 is of the code's model only\n",
        ] {
            assert!(text.contains(expected), "{text}");
        }
    }

    #[test]
    fn names_are_what_the_runtime_takes() {
        for (given, expected) in [
            ("churn", "churn"),
            ("My Service_2", "my-service-2"),
            ("--", "model"),
            ("größe", "gr-e"),
        ] {
            assert_eq!(slug(given), expected);
        }
    }
}
