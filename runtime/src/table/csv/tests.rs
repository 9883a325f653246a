use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, Float64Array, Int64Array, StringArray};
use arrow_cast::display::array_value_to_string;
use arrow_schema::{DataType, Field, Schema};
use arrow_select::concat::concat_batches;
use proptest::prelude::*;

use super::*;
use crate::table::{Format, Rejected, open};

struct Read {
    rows: RecordBatch,
    rejected: Vec<Rejected>,
}

fn read(bytes: &[u8], reading: &Reading) -> Result<Read, TableError> {
    let source = Source::memory("x.csv", bytes.to_vec());
    let table = open(&source, Format::Csv, reading)?;
    let mut rows = Vec::new();
    let mut rejected = Vec::new();
    for batch in table.batches()? {
        let batch = batch?;
        rows.push(batch.rows);
        rejected.extend(batch.rejected);
    }
    let rows = concat_batches(table.schema(), &rows).unwrap();
    Ok(Read { rows, rejected })
}

fn reading(toml: &str) -> Reading {
    toml::from_str(toml).unwrap()
}

/// The table as lines: `name type: value, …`.
#[track_caller]
fn check(csv: &str, declared: &str, expect: &[&str]) {
    let read = read(csv.as_bytes(), &reading(declared)).unwrap();
    let schema = read.rows.schema();
    let columns = schema.fields().iter().zip(read.rows.columns());
    let lines = columns.map(|(field, array)| {
        let value = |row| match array.is_null(row) {
            true => "-".to_owned(),
            false => array_value_to_string(array, row).unwrap(),
        };
        let values: Vec<String> = (0..array.len()).map(value).collect();
        format!(
            "{} {}: {}",
            field.name(),
            field.data_type(),
            values.join(", ")
        )
    });
    assert_eq!(lines.collect::<Vec<_>>(), expect);
    assert!(read.rejected.is_empty(), "{:?}", read.rejected);
}

#[test]
fn types_are_those_of_the_whole_input() {
    check(
        "i,f,m,b,t,n\n1,1,1,True,a,\n2,2.5,NA,false,1,NaN\n",
        "",
        &[
            "i Int64: 1, 2",
            "f Float64: 1.0, 2.5",
            "m Float64: 1.0, -",
            "b Boolean: true, false",
            "t Utf8: a, 1",
            "n Float64: -, -",
        ],
    );
    let late = format!("a\n{}x\n", "1\n".repeat(400_000));
    let table = read(late.as_bytes(), &Reading::default()).unwrap().rows;
    assert_eq!(table.schema().field(0).data_type(), &DataType::Utf8);
    assert_eq!(table.num_rows(), 400_001);
}

#[test]
fn types_are_those_declared() {
    check(
        "id;born;seen\n007;29.02.2024;2024-01-01T00:00:00Z\n;;\n",
        r#"
        csv.delimiter = ";"
        columns.id = "string"
        columns.born = { type = "date", format = "%d.%m.%Y" }
        columns.seen = "timestamp"
        "#,
        &[
            "id Utf8: 007, -",
            "born Date32: 2024-02-29, -",
            "seen Timestamp(µs): 2024-01-01T00:00:00, -",
        ],
    );
}

#[test]
fn a_file_may_have_a_mark_no_header_or_no_rows() {
    check("\u{feff}a,b\n1,2\n", "", &["a Int64: 1", "b Int64: 2"]);
    check(
        "1,2\n3,4",
        "csv.names = [\"a\", \"b\"]",
        &["a Int64: 1, 3", "b Int64: 2, 4"],
    );
    check("a,b", "", &["a Utf8: ", "b Utf8: "]);
}

#[test]
fn missing_words_can_be_chosen() {
    check(
        "a\n-999\n5\n",
        "missing = [\"-999\"]",
        &["a Float64: -, 5.0"],
    );
    check("a\nNA\n\"\"\n", "missing = []", &["a Utf8: NA, "]);
}

#[test]
fn a_value_of_another_type_rejects_its_row() {
    let declared =
        reading("columns.age = \"int64\"\ncolumns.id = { type = \"int64\", nullable = false }");
    let read = read(b"id,age\n1,31\n2,old\n\n,\n4,5\n", &declared).unwrap();
    let told: Vec<_> = read
        .rejected
        .iter()
        .map(|row| (row.row, row.line, row.reason()))
        .collect();
    assert_eq!(
        told,
        [
            (2, Some(3), "age: \"old\" is no int64".to_owned()),
            (3, Some(5), "id: has no value".to_owned()),
        ]
    );
    assert_eq!(read.rows.num_rows(), 2);
    assert_eq!(
        read.rejected[0].fields,
        [Some("2".to_owned()), Some("old".to_owned())]
    );
}

#[test]
fn rows_are_numbered_through_all_blocks() {
    let row = "1234567890123456789,x\n";
    let mut csv = format!("a,b\n{}", row.repeat(100_000));
    csv.push_str("broken\n");
    csv.push_str(&row.repeat(10));
    let read = read(csv.as_bytes(), &Reading::default()).unwrap();
    assert_eq!(read.rejected[0].row, 100_001);
    assert_eq!(read.rejected[0].line, Some(100_002));
    assert_eq!(read.rows.num_rows(), 100_010);
}

#[test]
fn what_is_no_table_is_refused_and_says_why() {
    let refused = |bytes: &[u8], declared: &str| {
        let read = read(bytes, &reading(declared));
        read.err().unwrap().to_string()
    };
    assert!(refused(b"", "").contains("is empty"));
    assert!(refused(b"\n\r\n", "").contains("is empty"));
    assert!(refused(b"a\n1\n", "columns.b = \"int64\"").contains("no column \"b\""));
    assert!(refused(&b"c,".repeat(1 << 20), "").contains("16384 columns"));
    assert!(refused(&b"c,".repeat(9 << 20), "").contains("line 1"));
    assert!(refused(b"a\n1\n", "csv.delimiter = \"ä\"").starts_with("csv.delimiter"));
    assert!(refused(b"a\n1\n", "csv.encoding = \"utf8x\"").starts_with("csv.encoding"));
    let ragged = refused(b"a,b\n1,2\n3\n", "csv.ragged = \"fail\"");
    assert_eq!(
        ragged,
        "x.csv: row 2 (line 3): 1 fields, where the header has 2"
    );
}

#[test]
fn another_encoding_is_read_when_declared_and_named_when_not() {
    let latin = b"name\nM\xfcller\n";
    let declared = reading("csv.encoding = \"windows-1252\"");
    let rows = read(latin, &declared).unwrap().rows;
    assert_eq!(array_value_to_string(rows.column(0), 0).unwrap(), "Müller");
    let rejected = read(latin, &Reading::default()).unwrap().rejected;
    assert_eq!(rejected[0].reason(), "column 1 is not valid UTF-8");
}

fn table() -> impl Strategy<Value = RecordBatch> {
    let text = prop::option::of("[a-zäß€ ,\"\n\r;']{1,8}z");
    let number = prop::option::of(prop::num::f64::NORMAL | prop::num::f64::ZERO);
    prop::collection::vec((any::<i64>(), number, text), 1..40).prop_map(|rows| {
        let schema = Schema::new(vec![
            Field::new("id", DataType::Int64, true),
            Field::new("x, \"y\"", DataType::Float64, true),
            Field::new("text", DataType::Utf8, true),
        ]);
        let id = Int64Array::from_iter_values(rows.iter().map(|row| row.0));
        let x = Float64Array::from_iter(rows.iter().map(|row| row.1));
        let text = StringArray::from_iter(rows.iter().map(|row| row.2.as_deref()));
        let columns: Vec<Arc<dyn Array>> = vec![Arc::new(id), Arc::new(x), Arc::new(text)];
        RecordBatch::try_new(Arc::new(schema), columns).unwrap()
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(table in table()) {
        let mut csv = Vec::new();
        CsvWriter::new("x.csv", &table.schema(), &mut csv).unwrap().write(&table).unwrap();
        let declared = reading("columns.\"x, \\\"y\\\"\" = \"float64\"\ncolumns.text = \"string\"");
        let read = read(&csv, &declared).unwrap();
        prop_assert_eq!(read.rejected, []);
        prop_assert_eq!(read.rows, table);
    }

    #[test]
    fn no_bytes_are_too_much(bytes in prop::collection::vec(
        prop_oneof![Just(b','), Just(b'\n'), Just(b'"'), Just(b'\r'), Just(b'1'), any::<u8>()],
        0..200,
    )) {
        let _ = read(&bytes, &Reading::default());
        let _ = read(&bytes, &reading("csv.ragged = \"fill\"\ncsv.encoding = \"utf-16le\""));
    }
}

/// Made by `tests/parity/table.py`.
const PANDAS: &str = include_str!("../../../tests/parity/data/table.json");

/// The values as pandas' script has them.
fn values(array: &dyn Array) -> Vec<Option<String>> {
    let value = |row| match array.data_type() {
        _ if array.is_null(row) => None,
        DataType::Float64 => Some(array.as_primitive::<Float64Type>().value(row).to_string()),
        _ => Some(array_value_to_string(array, row).unwrap()),
    };
    (0..array.len()).map(value).collect()
}

#[test]
fn types_and_values_are_those_of_pandas() {
    let cases: serde_json::Value = serde_json::from_str(PANDAS).unwrap();
    for case in cases.as_array().unwrap() {
        let csv = case["csv"].as_str().unwrap();
        let rows = read(csv.as_bytes(), &Reading::default()).unwrap().rows;
        let columns = case["columns"].as_array().unwrap();
        assert_eq!(rows.num_columns(), columns.len(), "{csv}");
        for (place, column) in columns.iter().enumerate() {
            let field = rows.schema().field(place).clone();
            assert_eq!(field.name(), column["name"].as_str().unwrap(), "{csv}");
            assert_eq!(field.data_type().to_string(), column["type"], "{csv}");
            let expect = column["values"].as_array().unwrap().iter().map(|value| {
                let text = value.as_str()?;
                Some(match field.data_type() {
                    // Each language writes a number in its own way.
                    DataType::Float64 => text.parse::<f64>().unwrap().to_string(),
                    DataType::Boolean => text.to_lowercase(),
                    _ => text.to_owned(),
                })
            });
            assert_eq!(
                values(rows.column(place)),
                expect.collect::<Vec<_>>(),
                "{csv}"
            );
        }
    }
}
