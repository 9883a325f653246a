//! Against `tests/parity/transform.py`'s data, and what holds of any table.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::column::Column;
use super::super::scalar::Scalar;
use super::super::stats;
use super::*;

type Numbers = BTreeMap<String, Vec<Option<f64>>>;

#[derive(Deserialize)]
struct NumberData {
    table: indexmap::IndexMap<String, Vec<Option<f64>>>,
    scaled: BTreeMap<String, Vec<Vec<Option<f64>>>>,
    imputed: BTreeMap<String, Vec<Vec<Option<f64>>>>,
    quantiles: Quantiles,
    bins: Bins,
    quantile_bins: BTreeMap<String, QuantileBins>,
}

#[derive(Deserialize)]
struct Quantiles {
    shares: Vec<f64>,
    values: Numbers,
}

#[derive(Deserialize)]
struct Bins {
    values: Vec<Option<f64>>,
    edges: Vec<f64>,
    made: BTreeMap<String, Vec<Option<String>>>,
}

#[derive(Deserialize)]
struct QuantileBins {
    seen: Vec<Option<f64>>,
    shares: Option<Vec<f64>>,
    qcut: Vec<Option<f64>>,
    edges: Option<Vec<f64>>,
    #[serde(default)]
    later: Vec<Option<f64>>,
    later_in: Option<Vec<Option<f64>>>,
}

#[derive(Deserialize)]
struct CategoryData {
    encoders: Encoders,
    infrequent: Infrequent,
    hashes: Hashes,
}

#[derive(Deserialize)]
struct Encoders {
    seen: Vec<String>,
    later: Vec<String>,
    one_hot: BTreeMap<String, Made>,
    ordinal: Vec<f64>,
    dummies: Made,
}

#[derive(Deserialize)]
struct Made {
    names: Vec<String>,
    values: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct Infrequent {
    seen: Vec<Option<String>>,
    later: Vec<Option<String>>,
    made: Vec<Joined>,
}

#[derive(Deserialize)]
struct Joined {
    min_frequency: Value,
    max_categories: Value,
    #[serde(flatten)]
    made: Made,
}

#[derive(Deserialize)]
struct Hashes {
    rows: Vec<Row>,
    made: BTreeMap<String, Vec<Vec<f64>>>,
}

#[derive(Deserialize)]
struct Row {
    city: String,
    plan: Option<String>,
    visits: f64,
}

fn number_data() -> NumberData {
    let text = include_str!("../../../tests/parity/data/transform_numbers.json");
    serde_json::from_str(text).unwrap()
}

fn category_data() -> CategoryData {
    let text = include_str!("../../../tests/parity/data/transform_categories.json");
    serde_json::from_str(text).unwrap()
}

fn floats(values: &[Option<f64>]) -> Column {
    Column::floats(
        values
            .iter()
            .map(|value| value.unwrap_or(f64::NAN))
            .collect(),
    )
}

fn numbers() -> Frame {
    let data = number_data().table;
    let n = data.values().next().unwrap().len();
    data.iter().fold(Frame::new(n), |frame, (name, values)| {
        frame.with(name, floats(values)).unwrap()
    })
}

fn texts(name: &str, values: &[String]) -> Frame {
    let column = Column::texts(values.iter().map(Some));
    Frame::new(values.len()).with(name, column).unwrap()
}

fn preparation(steps: Value) -> Preparation {
    serde_json::from_value(json!({ "step": steps })).unwrap()
}

/// Fits the steps, and sees to it that the document comes back and does the
/// same.
fn prepared(steps: Value, rows: Frame) -> (Fitted, Frame) {
    let (fitted, applied) = fit(&preparation(steps), rows.clone(), Tables::new()).unwrap();
    let text = serde_json::to_string(&fitted).unwrap();
    let read: Fitted = serde_json::from_str(&text).unwrap();
    assert_eq!(read, fitted);
    let again = read
        .apply(&rows, &read.ready(Tables::new()).unwrap())
        .unwrap();
    assert_eq!(again, applied);
    (read, applied.frame)
}

fn failure(steps: Value, rows: Frame) -> String {
    fit(&preparation(steps), rows, Tables::new())
        .unwrap_err()
        .to_string()
}

pub(super) fn assert_close(name: &str, ours: &Column, theirs: &[Option<f64>], tolerance: f64) {
    let ours = ours.numbers(name).unwrap();
    assert_eq!(ours.values().len(), theirs.len(), "{name}");
    for (row, (ours, theirs)) in ours.values().iter().zip(theirs).enumerate() {
        let close = match theirs {
            None => ours.is_nan(),
            Some(theirs) => (ours - theirs).abs() <= tolerance * theirs.abs().max(1.0),
        };
        assert!(close, "{name}, row {row}: {ours} is not {theirs:?}");
    }
}

#[test]
fn scalers_are_scikit_learns() {
    let frame = numbers();
    let names: Vec<&str> = frame.names().collect();
    for (by, expected) in number_data().scaled {
        let step = json!([{ "kind": "scale", "by": by, "columns": names }]);
        let (_, scaled) = prepared(step, frame.clone());
        for (name, expected) in names.iter().zip(&expected) {
            assert_close(
                &format!("{by} {name}"),
                scaled.column(name).unwrap(),
                expected,
                1e-12,
            );
        }
    }
}

#[test]
fn imputers_are_scikit_learns() {
    let frame = numbers();
    let names: Vec<&str> = frame.names().collect();
    for (with, expected) in number_data().imputed {
        let mut step = json!({ "kind": "impute", "with": with, "columns": names });
        if with == "constant" {
            step["value"] = json!(-1.5);
        }
        let (_, filled) = prepared(json!([step]), frame.clone());
        for (name, expected) in names.iter().zip(&expected) {
            assert_close(
                &format!("{with} {name}"),
                filled.column(name).unwrap(),
                expected,
                1e-12,
            );
        }
    }
}

#[test]
fn quantiles_are_numpys() {
    let Quantiles { shares, values } = number_data().quantiles;
    let frame = numbers();
    for (name, expected) in values {
        let values = stats::sorted(stats::present(&frame, &name).unwrap());
        let ours = shares
            .iter()
            .map(|share| stats::quantile(&values, *share))
            .collect();
        assert_close(&name, &Column::floats(ours), &expected, 0.0);
    }
}

#[test]
fn bins_are_pandas() {
    let bins = number_data().bins;
    for (key, expected) in bins.made {
        let (right, lowest) = key.split_once(' ').unwrap();
        let step = json!([{
            "kind": "bin", "column": "x", "edges": bins.edges, "labels": ["a", "b", "c"],
            "closed": if right == "True" { "right" } else { "left" },
            "include_lowest": lowest == "True",
        }]);
        let frame = Frame::new(bins.values.len())
            .with("x", floats(&bins.values))
            .unwrap();
        let (_, binned) = prepared(step, frame);
        assert_eq!(
            *binned.column("x").unwrap(),
            Column::texts(expected),
            "{key}"
        );
    }
}

#[test]
fn quantile_bins_are_pandas_and_scikit_learns() {
    let of = |values: &[Option<f64>]| {
        let frame = Frame::new(values.len());
        frame.with("x", floats(values)).unwrap()
    };
    for (key, case) in number_data().quantile_bins {
        let count = || json!(key.rsplit(' ').next().unwrap().parse::<usize>().unwrap());
        let mut step = json!({
            "kind": "bin", "column": "x", "labels": "numbers", "same": "drop",
            "quantiles": case.shares.as_ref().map_or_else(count, |shares| json!(shares)),
        });
        let (fitted, binned) = prepared(json!([step]), of(&case.seen));
        assert_close(&key, binned.column("x").unwrap(), &case.qcut, 0.0);
        if let Some(edges) = case.edges {
            let document = serde_json::to_value(&fitted).unwrap();
            let ours = document["steps"][0]["edges"].as_array().unwrap();
            let ours = ours.iter().map(|edge| edge.as_f64().unwrap()).collect();
            let edges: Vec<Option<f64>> = edges.into_iter().map(Some).collect();
            assert_close(&key, &Column::floats(ours), &edges, 1e-12);
        }
        let Some(later_in) = case.later_in else {
            continue;
        };
        step["closed"] = json!("left");
        step["outside"] = json!("nearest");
        let (fitted, _) = prepared(json!([step]), of(&case.seen));
        let later = fitted.apply(&of(&case.later), &Sides::default()).unwrap();
        assert_close(&key, later.frame.column("x").unwrap(), &later_in, 0.0);
    }
}

#[test]
fn rare_categories_are_joined_as_by_scikit_learn() {
    let Infrequent { seen, later, made } = category_data().infrequent;
    let of = |words: &[Option<String>]| {
        let column = Column::texts(words.iter().map(Option::as_ref));
        Frame::new(words.len()).with("word", column).unwrap()
    };
    for case in made {
        let key = format!("{} {}", case.min_frequency, case.max_categories);
        let step = json!([{
            "kind": "one-hot", "columns": ["word"], "missing": "category", "unknown": "infrequent",
            "min_frequency": case.min_frequency, "max_categories": case.max_categories,
        }]);
        let (fitted, _) = prepared(step, of(&seen));
        let made = fitted.apply(&of(&later), &Sides::default()).unwrap().frame;
        let ours = |name: &String| name.replace("_sklearn", "").replace("None", "nan");
        let names: Vec<String> = case.made.names.iter().map(ours).collect();
        assert_eq!(made.names().collect::<Vec<_>>(), names, "{key}");
        for (name, values) in names.iter().zip(&case.made.values) {
            let expected = Column::floats(values.clone());
            assert_eq!(*made.column(name).unwrap(), expected, "{key} {name}");
        }
    }
}

#[test]
fn encoders_are_scikit_learns_and_pandas() {
    let data = category_data().encoders;
    for (case, expected) in &data.one_hot {
        let mut step = json!({ "kind": "one-hot", "columns": ["plan"] });
        match case.as_str() {
            "drop_first" => step["drop_first"] = json!(true),
            "infrequent" => {
                step["min_frequency"] = json!(4);
                step["unknown"] = json!("infrequent");
            }
            _ => {}
        }
        let (fitted, _) = prepared(json!([step]), texts("plan", &data.seen));
        let sides = fitted.ready(Tables::new()).unwrap();
        let later = fitted
            .apply(&texts("plan", &data.later), &sides)
            .unwrap()
            .frame;
        let names: Vec<String> = expected
            .names
            .iter()
            .map(|name| name.replace("_sklearn", ""))
            .collect();
        assert_eq!(later.names().collect::<Vec<_>>(), names, "{case}");
        for (name, values) in names.iter().zip(&expected.values) {
            assert_eq!(
                *later.column(name).unwrap(),
                Column::floats(values.clone()),
                "{case} {name}"
            );
        }
    }
    let step = json!([{ "kind": "ordinal", "columns": ["plan"], "unknown": -1.0 }]);
    let (fitted, _) = prepared(step, texts("plan", &data.seen));
    let later = fitted
        .apply(&texts("plan", &data.later), &Sides::default())
        .unwrap()
        .frame;
    assert_eq!(*later.column("plan").unwrap(), Column::floats(data.ordinal));

    let n = data.seen.len() as i64;
    let frame = texts("plan", &data.seen)
        .with("n", Column::ints((0..n).map(Some)))
        .unwrap();
    let (_, made) = prepared(json!([{ "kind": "one-hot", "columns": ["plan"] }]), frame);
    assert_eq!(made.names().collect::<Vec<_>>(), data.dummies.names);
    for (name, values) in data.dummies.names.iter().zip(data.dummies.values) {
        let ours = made.column(name).unwrap().numbers(name).unwrap();
        assert_eq!(ours.values().to_vec(), values, "{name}");
    }
}

#[test]
fn hashes_are_scikit_learns() {
    let Hashes { rows, made } = category_data().hashes;
    let frame = Frame::new(rows.len())
        .with(
            "city",
            Column::texts(rows.iter().map(|row| Some(&row.city))),
        )
        .unwrap()
        .with(
            "plan",
            Column::texts(rows.iter().map(|row| row.plan.as_ref())),
        )
        .unwrap()
        .with(
            "visits",
            Column::floats(rows.iter().map(|row| row.visits).collect()),
        )
        .unwrap();
    for (case, expected) in made {
        let (n, sign) = case.split_once(' ').unwrap();
        let step = json!([{
            "kind": "hash", "columns": ["city", "plan", "visits"],
            "n": n.parse::<u32>().unwrap(), "alternate_sign": sign == "True",
        }]);
        let (fitted, hashed) = prepared(step, frame.clone());
        let matrix = fitted.matrix(&hashed).unwrap();
        for (row, expected) in matrix.rows().into_iter().zip(expected) {
            assert_eq!(row.to_vec(), expected, "{case}");
        }
    }
}

fn people() -> Frame {
    Frame::new(4)
        .with("id", Column::ints([Some(1), Some(2), Some(3), Some(4)]))
        .unwrap()
        .with("age", Column::ints([Some(20), None, Some(60), Some(30)]))
        .unwrap()
        .with(
            "plan",
            Column::texts([Some("pro"), Some("basic"), None, Some("pro")]),
        )
        .unwrap()
        .with(
            "left",
            Column::bools([Some(true), Some(false), Some(false), Some(true)]),
        )
        .unwrap()
}

#[test]
fn a_preparation_is_declared_in_steps() {
    let declared = r#"
        label = "left"
        ids = ["id"]

        [[step]]
        kind = "filter"
        keep = { young = "age < 50 or is_missing(age)" }

        [[step]]
        kind = "impute"
        columns = ["age"]
        with = "mean"
        only = "fit"

        [[step]]
        kind = "one-hot"
        columns = ["plan"]
    "#;
    let preparation: Preparation = toml::from_str(declared).unwrap();
    let again: Preparation = toml::from_str(&toml::to_string(&preparation).unwrap()).unwrap();
    assert_eq!(again, preparation);
    let (fitted, applied) = fit(&preparation, people(), Tables::new()).unwrap();
    assert_eq!(applied.dropped.len(), 1);
    assert_eq!(
        (applied.dropped[0].rule.as_str(), applied.dropped[0].rows),
        ("young", 1)
    );
    assert_eq!(
        applied.frame.column("age").unwrap().scalar(1),
        Some(Scalar::Float(25.0))
    );
    let features: Vec<&str> = fitted.features().iter().map(|name| &**name).collect();
    assert_eq!(features, ["age", "plan_basic", "plan_pro"]);
    let required: Vec<String> = fitted
        .inputs()
        .iter()
        .filter(|input| input.required)
        .map(|input| format!("{} {}", input.name, input.ty))
        .collect();
    assert_eq!(required, ["age int64", "plan string"]);
}

#[test]
fn serving_does_what_was_learnt_and_no_more() {
    let steps = json!([
        { "kind": "impute", "columns": ["age"], "with": "median" },
        { "kind": "one-hot", "columns": ["plan"] },
    ]);
    let (fitted, _) = prepared(steps, people());
    let one = Frame::new(1)
        .with("plan", Column::texts([Some("gold")]))
        .unwrap()
        .with("age", Column::floats(vec![f64::NAN]))
        .unwrap()
        .with("never seen", Column::bools([None]))
        .unwrap();
    let applied = fitted.apply(&one, &Sides::default()).unwrap().frame;
    let shown: Vec<String> = applied
        .columns()
        .map(|(name, column)| format!("{name}={}", column.scalar(0).unwrap()))
        .collect();
    assert_snapshot!(shown.join(" "), @"age=30.0 plan_basic=0.0 plan_pro=0.0");
}

#[test]
fn errors_name_step_and_column() {
    let scale = |columns: Value| json!([{ "kind": "scale", "columns": columns }]);
    assert_snapshot!(failure(scale(json!(["agee"])), people()), @"step 1 (scale): column `agee` is missing; the table has `id`, `age`, `plan`, `left`");
    assert_snapshot!(failure(scale(json!(["plan"])), people()), @"step 1 (scale): column `plan` holds string, a number is expected: cast it");
    let derive = json!([{ "kind": "derive", "columns": { "x": "plan + 1" } }]);
    assert_snapshot!(failure(derive, people()), @"step 1 (derive): expression `plan + 1`, character 6: int64 is not text");
    let join = json!([{ "kind": "join", "with": "calls", "on": ["id"] }]);
    assert_snapshot!(failure(join, people()), @"step 1 (join): there is no table `calls`: hand it in, or make it by an earlier step's `into`");
    let (fitted, _) = prepared(scale(json!(["age"])), people());
    let served = |rows: Frame| {
        fitted
            .apply(&rows, &Sides::default())
            .unwrap_err()
            .to_string()
    };
    assert_snapshot!(served(Frame::new(1)), @"table rows: column `age` is missing: int64 is expected");
    let wrong = Frame::new(1)
        .with("age", Column::texts([Some("old")]))
        .unwrap();
    assert_snapshot!(served(wrong), @"table rows: column `age` holds string, int64 is expected: cast it");
}

#[test]
fn documents_with_other_keys_are_refused() {
    let read = |step: Value| {
        serde_json::from_value::<Step>(step)
            .unwrap_err()
            .to_string()
    };
    assert_snapshot!(read(json!({ "kind": "scale", "colums": [] })), @"unknown field `colums`, expected one of `columns`, `by`, `range`, `quantiles`");
    assert_snapshot!(read(json!({ "kind": "guess" })), @"unknown variant `guess`, expected one of `aggregate`, `align`, `bin`, `cast`, `clip`, `date-parts`, `derive`, `drop`, `drop-duplicates`, `drop-missing`, `filter`, `hash`, `impute`, `join`, `log`, `one-hot`, `ordinal`, `rename`, `scale`, `select`, `split`");
}

#[test]
fn what_follows_a_split_is_learnt_from_the_training_rows() {
    let steps = json!([
        { "kind": "split", "by": "time", "test": 1 },
        { "kind": "clip", "columns": ["id"], "upper": { "quantile": 1.0 } },
    ]);
    let (_, applied) = fit(&preparation(steps), people(), Tables::new()).unwrap();
    assert_eq!(applied.parts.unwrap().test, [3]);
    assert_eq!(
        *applied.frame.column("id").unwrap(),
        Column::floats(vec![1.0, 2.0, 3.0, 3.0])
    );
    let late = json!([
        { "kind": "split", "by": "time", "test": 1 },
        { "kind": "filter", "keep": { "known": "not is_missing(age)" } },
    ]);
    assert_snapshot!(failure(late, people()), @"step 2 (filter): step: rows come or go after the split: move it before");
}

/// Tables of any values, and steps that suit them.
fn any_frame() -> impl Strategy<Value = Frame> {
    let number = prop_oneof![4 => -1e6..1e6f64, 1 => Just(f64::NAN), 1 => Just(0.0)];
    let word = prop::option::of(prop::sample::select(vec!["a", "b", "c", "ü"]));
    let whole = prop::option::of(-5..5i64);
    prop::collection::vec((number, word, whole), 0..30).prop_map(|rows| {
        Frame::new(rows.len())
            .with("x", Column::floats(rows.iter().map(|row| row.0).collect()))
            .unwrap()
            .with("word", Column::texts(rows.iter().map(|row| row.1)))
            .unwrap()
            .with("n", Column::ints(rows.iter().map(|row| row.2)))
            .unwrap()
    })
}

fn any_step() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!({ "kind": "impute", "columns": ["x", "n"], "with": "median", "indicator": true }),
        json!({ "kind": "impute", "columns": ["word"], "with": "most-frequent" }),
        json!({ "kind": "scale", "columns": ["x", "n"] }),
        json!({ "kind": "scale", "columns": ["n"], "by": "robust" }),
        json!({ "kind": "scale", "columns": ["x"], "by": "min-max" }),
        json!({ "kind": "one-hot", "columns": ["word"], "missing": "category", "min_frequency": 2 }),
        json!({ "kind": "ordinal", "columns": ["word", "n"] }),
        json!({ "kind": "clip", "columns": ["x"], "lower": { "quantile": 0.1 }, "upper": 5 }),
        json!({ "kind": "log", "columns": ["x"], "plus_one": true }),
        json!({ "kind": "hash", "columns": ["word", "n"], "n": 5 }),
        json!({ "kind": "bin", "column": "x", "name": "band", "edges": [-10, 0, 10] }),
        json!({ "kind": "derive", "columns": { "y": "x / n", "x": "max(x, y)" } }),
        json!({ "kind": "filter", "keep": { "some": "n > -3" } }),
        json!({ "kind": "drop-duplicates", "by": ["n"], "keep": "last" }),
        json!({ "kind": "cast", "columns": { "n": "float64", "x": "string" } }),
        json!({ "kind": "align", "columns": ["x", "z", "n", "word"] }),
        json!({ "kind": "aggregate", "by": ["word"], "columns": { "x": ["x", "mean"], "n": ["n", "max"] } }),
        json!({ "kind": "rename", "columns": { "x": "n2" } }),
    ])
}

proptest! {
    #[test]
    fn applied_to_the_rows_it_was_fitted_to_it_gives_the_same(
        frame in any_frame(), steps in prop::collection::vec(any_step(), 0..5))
    {
        let preparation = preparation(Value::Array(steps));
        if let Ok((fitted, applied)) = fit(&preparation, frame.clone(), Tables::new()) {
            let text = serde_json::to_string(&fitted).unwrap();
            let read: Fitted = serde_json::from_str(&text).unwrap();
            let again = read.apply(&frame, &read.ready(Tables::new()).unwrap()).unwrap();
            prop_assert_eq!(again, applied);
        }
    }

    #[test]
    fn a_row_alone_is_prepared_as_among_others(
        frame in any_frame(), steps in prop::collection::vec(any_step(), 0..4))
    {
        let by_row = |step: &Value| !["aggregate", "drop-duplicates", "filter"].contains(&step["kind"].as_str().unwrap());
        let steps: Vec<Value> = steps.into_iter().filter(by_row).collect();
        if let Ok((fitted, applied)) = fit(&preparation(Value::Array(steps)), frame.clone(), Tables::new()) {
            for row in 0..frame.n_rows() {
                let alone = fitted.apply(&frame.take(&[row]).unwrap(), &Sides::default()).unwrap().frame;
                prop_assert_eq!(alone, applied.frame.take(&[row]).unwrap());
            }
        }
    }
}

proptest! {
    /// A document that was changed by hand may be wrong, but is never more
    /// than an error.
    #[test]
    fn a_broken_document_is_an_error(place in 0usize..2_000, with in prop::sample::select(vec!["9", "-", "\"x\"", "null", "[", "1e999", "0"])) {
        let steps = json!([
            { "kind": "one-hot", "columns": ["plan"], "missing": "category", "min_frequency": 2 },
            { "kind": "bin", "column": "age", "edges": [0, 40, 90] },
            { "kind": "scale", "columns": ["id"], "by": "min-max" },
        ]);
        let (fitted, _) = fit(&preparation(steps), people(), Tables::new()).unwrap();
        let mut text = serde_json::to_string(&fitted).unwrap();
        let place = place % text.len();
        text.replace_range(place..=place, with);
        if let Ok(read) = serde_json::from_str::<Fitted>(&text)
            && let Ok(sides) = read.ready(Tables::new())
            && let Ok(applied) = read.apply(&people(), &sides)
        {
            let _ = read.matrix(&applied.frame);
        }
    }
}

#[test]
fn a_step_that_names_no_columns_is_meant_for_all_features() {
    let preparation: Preparation = toml::from_str(
        "label = 'y'\nids = ['id']\n\
         [[step]]\nkind = 'drop-missing'\nonly = 'fit'\n\
         [[step]]\nkind = 'scale'\n",
    )
    .unwrap();
    let column = |values: [f64; 4]| Column::floats(values.to_vec());
    let rows = Frame::new(4)
        .with("id", column([1.0, 2.0, 3.0, 4.0]))
        .and_then(|rows| rows.with("x", column([1.0, 3.0, f64::NAN, 5.0])))
        .and_then(|rows| rows.with("y", column([0.0, 1.0, 1.0, f64::NAN])))
        .unwrap();
    let (_, applied) = fit(&preparation, rows, Tables::new()).unwrap();
    let numbers = |name: &str| -> Vec<f64> {
        let column = applied.frame.column(name).unwrap().numbers(name).unwrap();
        column.values().to_vec()
    };
    assert_eq!(numbers("id"), [1.0, 2.0]);
    assert_eq!(numbers("x"), [-1.0, 1.0]);
    assert_eq!(numbers("y"), [0.0, 1.0]);
}
