//! The forms in which `/invocations` takes rows.

use serde_json::{Map, Value};

use super::super::json::type_of;
use super::super::predictor::{Metadata, Refusal};
use super::super::rows::{Cell, Columns, Rows};
use super::bad;

const FORMS: [&str; 4] = [
    "dataframe_split",
    "dataframe_records",
    "instances",
    "inputs",
];

pub(super) fn of_json(body: &Value, metadata: &Metadata) -> Result<Rows, Refusal> {
    let body = body
        .as_object()
        .ok_or_else(|| bad("the body is not an object"))?;
    let mut given = FORMS
        .into_iter()
        .filter_map(|form| Some((form, body.get(form)?)));
    let (form, data) = match (given.next(), given.next()) {
        (Some(given), None) => given,
        _ => {
            return Err(bad(format!(
                "the body holds exactly one of {}",
                FORMS.join(", ")
            )));
        }
    };
    match (form, data) {
        ("dataframe_split", Value::Object(split)) => of_split(split, metadata),
        ("inputs", Value::Object(columns)) => of_columns(columns),
        ("dataframe_records" | "instances" | "inputs", Value::Array(list)) => {
            of_list(list, metadata)
        }
        (form, other) => Err(bad(format!("{form} is {}", type_of(other)))),
    }
}

/// `{"columns": [...], "data": [[...]]}`; without columns they are the model's.
fn of_split(split: &Map<String, Value>, metadata: &Metadata) -> Result<Rows, Refusal> {
    let names = match split.get("columns") {
        None => metadata.columns.clone(),
        Some(columns) => {
            let names = columns
                .as_array()
                .map(|names| names.iter().map(|name| name.as_str().map(str::to_owned)));
            let names = names.and_then(Iterator::collect::<Option<_>>);
            let names = names.ok_or_else(|| bad("dataframe_split.columns is not a list of names"));
            Columns::new(names?)?
        }
    };
    let data = split.get("data").and_then(Value::as_array);
    of_lists(
        names,
        data.ok_or_else(|| bad("dataframe_split.data is not a list of rows"))?,
    )
}

/// Rows as objects, or as lists in the model's order.
fn of_list(list: &[Value], metadata: &Metadata) -> Result<Rows, Refusal> {
    if !list.iter().all(Value::is_object) || list.is_empty() {
        return of_lists(metadata.columns.clone(), list);
    }
    let records: Vec<&Map<String, Value>> = list.iter().filter_map(Value::as_object).collect();
    let mut names: Vec<String> = Vec::new();
    for record in &records {
        let new: Vec<_> = record
            .keys()
            .filter(|name| !names.contains(name))
            .cloned()
            .collect();
        names.extend(new);
    }
    let names = Columns::new(names)?;
    let mut rows = Rows::new(names.clone());
    for (index, record) in records.into_iter().enumerate() {
        // As pandas: what a record lacks is missing.
        let cell = |name: &String| cell(record.get(name).unwrap_or(&Value::Null), name, index);
        rows.push(names.iter().map(cell).collect::<Result<Vec<_>, _>>()?)?;
    }
    Ok(rows)
}

fn of_lists(names: Columns, list: &[Value]) -> Result<Rows, Refusal> {
    let mut rows = Rows::new(names.clone());
    for (index, row) in list.iter().enumerate() {
        let refusal = || Refusal::row(index, format!("it is {}, not a list", type_of(row)));
        let values = row.as_array().ok_or_else(refusal)?;
        let cells = values.iter().enumerate().map(|(column, value)| {
            cell(
                value,
                names.get(column).map_or("beyond the last", String::as_str),
                index,
            )
        });
        rows.push(cells.collect::<Result<Vec<_>, _>>()?)?;
    }
    Ok(rows)
}

/// `{"age": [...], "plan": [...]}`
fn of_columns(columns: &Map<String, Value>) -> Result<Rows, Refusal> {
    let mut lists = Vec::new();
    for (name, column) in columns {
        let refusal = || Refusal::column(name, format!("it is {}, not a list", type_of(column)));
        lists.push((name, column.as_array().ok_or_else(refusal)?));
    }
    let n_rows = lists.first().map_or(0, |(_, list)| list.len());
    if let Some((name, list)) = lists.iter().find(|(_, list)| list.len() != n_rows) {
        return Err(Refusal::column(
            name,
            format!("it has {} values, not {n_rows}", list.len()),
        ));
    }
    let mut rows = Rows::new(Columns::new(columns.keys().cloned().collect())?);
    for row in 0..n_rows {
        let cells = lists.iter().map(|(name, list)| cell(&list[row], name, row));
        rows.push(cells.collect::<Result<Vec<_>, _>>()?)?;
    }
    Ok(rows)
}

fn cell(value: &Value, name: &str, row: usize) -> Result<Cell, Refusal> {
    let refusal = || Refusal::column(name, format!("it is {}, not a value", type_of(value)));
    Cell::of_json(value).ok_or_else(|| refusal().in_row(row))
}

pub(super) fn of_csv(body: &[u8], metadata: &Metadata) -> Result<Rows, Refusal> {
    let mut reader = csv::Reader::from_reader(body);
    let broken = |error: csv::Error| bad(format!("the body does not read as CSV: {error}"));
    let names: Vec<String> = reader
        .headers()
        .map_err(broken)?
        .iter()
        .map(str::to_owned)
        .collect();
    let kinds: Vec<_> = names
        .iter()
        .map(|name| metadata.input(name).map(|input| input.kind))
        .collect();
    let mut rows = Rows::new(Columns::new(names)?);
    for record in reader.records() {
        let record = record.map_err(broken)?;
        let fields = record.iter().zip(&kinds);
        rows.push(fields.map(|(field, kind)| match is_missing(field) {
            true => Cell::Missing,
            false => Cell::of_text(field, *kind),
        }))?;
    }
    Ok(rows)
}

/// What pandas reads as missing.
fn is_missing(field: &str) -> bool {
    const WORDS: [&str; 17] = [
        "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
        "<NA>", "N/A", "NA", "NULL", "NaN", "None", "nan", "null",
    ];
    WORDS.contains(&field) || field == "n/a"
}
