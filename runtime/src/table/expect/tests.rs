use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, UInt64Type};
use arrow_select::concat::concat_batches;
use proptest::prelude::*;

use super::*;
use crate::table::{Format, Reading, Source, open};

#[derive(Default)]
struct Kept(Vec<RecordBatch>);

impl Sink for Kept {
    fn write(&mut self, rows: &RecordBatch) -> Result<(), TableError> {
        self.0.push(rows.clone());
        Ok(())
    }
}

struct Checked {
    summary: Summary,
    accepted: RecordBatch,
    quarantine: RecordBatch,
}

fn checked(csv: &str, expectations: &str) -> Result<Checked, TableError> {
    let source = Source::memory("x.csv", csv.to_owned().into_bytes());
    let table = open(&source, Format::Csv, &Reading::default())?;
    let expectations: Expectations = toml::from_str(expectations).unwrap();
    let (mut accepted, mut quarantine) = (Kept::default(), Kept::default());
    let summary = check(&table, &expectations, &mut accepted, &mut quarantine)?;
    let schema = quarantine_schema(table.schema());
    Ok(Checked {
        summary,
        accepted: concat_batches(table.schema(), &accepted.0).unwrap(),
        quarantine: concat_batches(&schema, &quarantine.0).unwrap(),
    })
}

/// The quarantine as `row: reason`.
fn reasons(checked: &Checked) -> Vec<String> {
    let rows = checked.quarantine.column(0).as_primitive::<UInt64Type>();
    let reasons = checked.quarantine.column(1).as_string::<i32>();
    let rows = rows.iter().flatten().zip(reasons.iter().flatten());
    rows.map(|(row, reason)| format!("{row}: {reason}"))
        .collect()
}

#[track_caller]
fn check_reasons(csv: &str, expectations: &str, expect: &[&str]) -> Checked {
    let checked = checked(csv, expectations).unwrap();
    assert_eq!(reasons(&checked), expect);
    checked
}

#[test]
fn a_row_that_fails_is_quarantined_with_all_its_reasons_and_its_own_text() {
    let checked = check_reasons(
        "id,age,plan\n1,31,free\n2,0200,gold\n3,,pro\n4,17.5,\n",
        r#"
        columns.age = { min = 18, max = 110 }
        columns.plan = { one_of = ["free", "pro"], required = true }
        "#,
        &[
            "2: age: 200 is above the maximum 110; plan: \"gold\" is none of \"free\", \"pro\"",
            "4: age: 17.5 is below the minimum 18; plan: has no value",
        ],
    );
    let age = checked
        .quarantine
        .column_by_name("age")
        .unwrap()
        .as_string::<i32>();
    assert_eq!(age.value(0), "0200");
    let summary = &checked.summary;
    assert_eq!(
        (summary.rows, summary.accepted, summary.quarantined),
        (4, 2, 2)
    );
    assert_eq!(summary.reasons["age: max"], 1);
    assert!(summary.failures.is_empty());
}

#[test]
fn texts_have_lengths_and_patterns() {
    check_reasons(
        "code\nAB\nABCDE\nab\nÄÖ\n",
        r#"columns.code = { pattern = "\\p{Lu}+", min_length = 2, max_length = 4 }"#,
        &[
            "2: code: \"ABCDE\" has more than 4 characters",
            "3: code: \"ab\" does not match \"\\\\p{Lu}+\"",
        ],
    );
}

#[test]
fn dates_are_compared_in_order_of_time() {
    check_reasons(
        "day\n2024-02-29\n2023-12-31\n",
        r#"columns.day = { min = "2024-01-01" }"#,
        &["2: day: \"2023-12-31\" is below the minimum \"2024-01-01\""],
    );
}

#[test]
fn of_rows_with_the_same_value_one_is_kept() {
    let csv = "id,age\n1,30\n2,31\n1,32\n,33\n,34\n1,200\n2,35\n";
    let of = |keep: &str| {
        format!("columns.id = {{ unique = true, keep = {keep:?} }}\ncolumns.age.max = 110")
    };
    check_reasons(
        csv,
        &of("first"),
        &[
            "3: id: 1 is also in row 1, which is kept",
            "6: age: 200 is above the maximum 110",
            "7: id: 2 is also in row 2, which is kept",
        ],
    );
    check_reasons(
        csv,
        &of("last"),
        &[
            "1: id: 1 is also in row 3, which is kept",
            "2: id: 2 is also in row 7, which is kept",
            "6: age: 200 is above the maximum 110",
        ],
    );
}

#[test]
fn of_rows_with_the_same_values_in_several_columns_together_one_is_kept() {
    let csv = "id,month,age\n1,may,30\n1,june,31\n1,may,32\n2,may,33\n,may,34\n,may,35\n1,june,200\n1,june,36\n";
    let of = |keep: &str| {
        format!(
            "unique = [{{ columns = [\"id\", \"month\"], keep = {keep:?} }}]\ncolumns.age.max = 110"
        )
    };
    let checked = check_reasons(
        csv,
        &of("first"),
        &[
            "3: id, month: 1, \"may\" is also in row 1, which is kept",
            "7: age: 200 is above the maximum 110",
            "8: id, month: 1, \"june\" is also in row 2, which is kept",
        ],
    );
    assert_eq!(checked.summary.reasons["id, month: unique"], 2);
    check_reasons(
        csv,
        &of("last"),
        &[
            "1: id, month: 1, \"may\" is also in row 3, which is kept",
            "2: id, month: 1, \"june\" is also in row 8, which is kept",
            "7: age: 200 is above the maximum 110",
        ],
    );
}

#[test]
fn values_are_not_the_same_because_their_texts_are_when_joined() {
    check_reasons(
        "a,b\nab,c\na,bc\n",
        "unique = [{ columns = [\"a\", \"b\"] }]",
        &[],
    );
}

#[test]
fn rows_that_cannot_be_read_are_in_the_quarantine_whole() {
    let checked = check_reasons(
        "id,reason\n1,a\n2\n3,b\n",
        "",
        &["2: 1 fields, where the header has 2"],
    );
    let schema = checked.quarantine.schema();
    let names: Vec<_> = schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    assert_eq!(names, ["row", "reason_", "record", "id", "reason"]);
    assert_eq!(
        checked.quarantine.column(2).as_string::<i32>().value(0),
        "2"
    );
}

#[test]
fn a_set_fails_by_its_shares() {
    let csv = "a,b\n1,\n2,x\n3,\n4,\n";
    let rules = "failed_share = 0.5\ncolumns.a.max = 1\ncolumns.b.null_share = 0.5";
    let failures = checked(csv, rules).unwrap().summary.failures;
    assert_eq!(
        failures,
        [
            "b: 3 values are missing of 4 (75.00 %), and 50.00 % may",
            "3 rows fail of 4 (75.00 %), and 50.00 % may",
        ]
    );
}

#[test]
fn what_cannot_be_expected_is_refused_by_its_place() {
    let refused = |rules: &str| checked("a,b\n1,x\n", rules).err().unwrap().to_string();
    assert!(refused("columns.c.min = 1").contains("no column \"c\""));
    assert!(refused("columns.a.min = \"x\"").starts_with("expect.a.min: \"x\" is no number"));
    assert!(refused("columns.b.max = 3").starts_with("expect.b.max: 3 is a number"));
    assert!(refused("columns.b.pattern = \"(\"").starts_with("expect.b.pattern"));
    assert!(refused("columns.a.max_length = 3").starts_with("expect.a.max_length"));
    assert!(refused("unique = [{ columns = [\"a\", \"c\"] }]").contains("no column \"c\""));
    assert!(refused("unique = [{ columns = [] }]").starts_with("unique: names no columns"));
    assert!(refused("failed_share = 50.0").starts_with("failed_share: 50 is no share"));
}

proptest! {
    #[test]
    fn each_value_is_kept_once_and_no_row_is_lost(
        ids in prop::collection::vec(0..20_i64, 0..60),
        last: bool,
        together: bool,
    ) {
        // Its halves together are what the id is alone.
        let csv: String = ids.iter().map(|id| format!("{id},{},{}\n", id / 5, id % 5)).collect();
        let keep = if last { "last" } else { "first" };
        let rules = match together {
            false => format!("columns.id = {{ unique = true, keep = {keep:?} }}"),
            true => format!("unique = [{{ columns = [\"half\", \"other\"], keep = {keep:?} }}]"),
        };
        prop_assume!(!ids.is_empty());
        let checked = checked(&format!("id,half,other\n{csv}"), &rules).unwrap();
        let kept: Vec<i64> = checked.accepted.column(0).as_primitive::<Int64Type>().values().to_vec();
        let place = |id: &i64| match last {
            true => ids.iter().rposition(|other| other == id),
            false => ids.iter().position(|other| other == id),
        };
        let mut places: Vec<usize> = ids.iter().filter_map(place).collect();
        places.sort_unstable();
        places.dedup();
        let expect: Vec<i64> = places.into_iter().map(|place| ids[place]).collect();
        prop_assert_eq!(kept, expect);
        prop_assert_eq!(checked.summary.rows, ids.len() as u64);
    }
}
