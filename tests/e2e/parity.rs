//! What the stages made of a fixture's data, beside what the fixture's own code
//! made of it: the rows, the split, the matrix, the model, its measures.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use cutline_runtime::stages::Bundle;
use cutline_runtime::store::clock::SystemClock;
use cutline_runtime::store::folder::DataFolder;
use cutline_runtime::table::{self, Format, Reading, Source};
use cutline_runtime::transform::{Column, Frame};
use serde_json::Value;

use crate::support;

/// Both compute in double precision, and add up in another order.
const ROUNDING: f64 = 1e-12;

/// Of the same model at its optimum, by two solvers.
const AT_THE_OPTIMUM: f64 = 1e-8;

/// scikit-learn's solver stops where no part of the gradient is above 1e-4, and
/// cutline's goes on. On the few hundred rows of the fixtures that leaves up to
/// 0.0033 in a probability.
pub(crate) const AS_IT_STOPS: f64 = 5e-3;

/// What the program `monolith_saw.py` says that the fixture's code sees.
pub(crate) fn seen(command: &mut Command) -> Value {
    let said = support::run(command, "the monolith's own code fails").stdout;
    serde_json::from_slice(&said).unwrap()
}

/// A data folder of one run through all stages.
pub(crate) struct Made(DataFolder);

impl Made {
    /// Nobody may be using it.
    pub(crate) fn open(home: &Path) -> Made {
        let path = home.join("cutline-data");
        Made(DataFolder::open(&path, None, Arc::new(SystemClock)).unwrap())
    }

    /// The content of the only artifact of this name.
    async fn content(&self, name: &str) -> Vec<u8> {
        let artifacts = self.0.live().artifacts();
        let mut named = Vec::new();
        for id in artifacts.list().await.unwrap() {
            if artifacts.get(&id).await.unwrap().description.name == name {
                named.push(id);
            }
        }
        assert_eq!(named.len(), 1, "artifacts of the name {name}: {named:?}");
        artifacts.read(&named[0], "").await.unwrap().to_vec()
    }

    pub(crate) async fn table(&self, name: &str) -> Frame {
        let source = Source::memory(name, self.content(name).await);
        let table = table::open(&source, Format::Parquet, &Reading::default()).unwrap();
        let batches = table.batches().unwrap().map(|batch| batch.unwrap().rows);
        Frame::from_batches(&batches.collect::<Vec<_>>()).unwrap()
    }

    /// The split, the matrix, the model and its measures are those that the
    /// monolith's code saw.
    pub(crate) async fn is_as(&self, saw: &Value) {
        let bundle = Bundle::read(&*self.content("model").await).unwrap();
        for side in ["train", "test"] {
            let rows = self.table(&format!("features-{side}")).await;
            same_table(side, &rows, &saw[side]);
            let matrix = bundle.matrix(&rows).unwrap();
            let features = bundle.steps.features();
            let theirs = &saw["matrix"][side];
            assert_eq!(features.len(), theirs.as_object().unwrap().len());
            for (at, feature) in features.iter().enumerate() {
                let column = Column::floats(matrix.column(at).to_vec());
                same_column(
                    &format!("{side} matrix: {feature}"),
                    &column,
                    &theirs[&**feature],
                );
            }
        }
        let test = self.table("features-test").await;
        let predicted = bundle.predict(&test).unwrap().probabilities.unwrap();
        let ours: Vec<f64> = predicted.column(1).to_vec();
        near("optimum", &ours, &numbers(&saw["optimal"]), AT_THE_OPTIMUM);
        near(
            "as it stops",
            &ours,
            &numbers(&saw["probabilities"]),
            AS_IT_STOPS,
        );
        self.measures_as(&saw["metrics"], AS_IT_STOPS).await;
        self.measures_as(&saw["optimal_metrics"], AT_THE_OPTIMUM)
            .await;
    }

    /// The measures of the evaluation, by their names.
    async fn measures_as(&self, theirs: &Value, tolerance: f64) {
        let report: Value = serde_json::from_slice(&self.content("evaluation").await).unwrap();
        let ours = report["evaluation"]["measures"].as_array().unwrap();
        for (metric, theirs) in theirs.as_object().unwrap() {
            let ours = ours.iter().find(|measure| measure["metric"] == **metric);
            let ours = ours.unwrap_or_else(|| panic!("no {metric} in {report:#}"));
            let (ours, theirs) = (ours["value"].as_f64().unwrap(), theirs.as_f64().unwrap());
            near(metric, &[ours], &[theirs], tolerance);
        }
    }
}

/// The same columns with the same values, row by row.
pub(crate) fn same_table(what: &str, ours: &Frame, theirs: &Value) {
    let columns = theirs.as_object().unwrap();
    let mut names: Vec<&str> = ours.names().collect();
    let mut expected: Vec<&str> = columns.keys().map(String::as_str).collect();
    names.sort_unstable();
    expected.sort_unstable();
    assert_eq!(names, expected, "{what}");
    for (name, theirs) in columns {
        same_column(
            &format!("{what}: {name}"),
            ours.column(name).unwrap(),
            theirs,
        );
    }
}

fn same_column(what: &str, ours: &Column, theirs: &Value) {
    let theirs = theirs.as_array().unwrap();
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (row, (ours, theirs)) in ours.scalars().zip(theirs).enumerate() {
        let same = match (&ours, theirs) {
            (None, Value::Null) => true,
            (Some(ours), Value::String(theirs)) => ours.to_string() == *theirs,
            (Some(ours), theirs) => match (ours.number(), theirs.as_f64()) {
                (Some(ours), Some(theirs)) => is_near(ours, theirs, ROUNDING),
                _ => false,
            },
            _ => false,
        };
        assert!(same, "{what}, row {row}: {ours:?} is not {theirs}");
    }
}

/// No two differ by more than `tolerance`, of numbers above 1 relatively.
#[track_caller]
pub(crate) fn near(what: &str, ours: &[f64], theirs: &[f64], tolerance: f64) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (row, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        let near = is_near(*ours, *theirs, tolerance);
        assert!(
            near,
            "{what}, row {row}: {ours} is not {theirs} within {tolerance}"
        );
    }
}

fn is_near(ours: f64, theirs: f64, tolerance: f64) -> bool {
    (ours - theirs).abs() <= tolerance * theirs.abs().max(1.0)
}

pub(crate) fn numbers(list: &Value) -> Vec<f64> {
    let numbers = list.as_array().unwrap().iter();
    numbers.map(|number| number.as_f64().unwrap()).collect()
}
