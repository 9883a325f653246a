//! A request of tensors as rows.

use serde_json::{Map, Value};

use super::super::json::type_of;
use super::super::predictor::{Metadata, Refusal};
use super::super::rows::{Cell, Columns, Rows};
use super::bad;

/// A request, read.
pub(super) struct Request {
    pub(super) id: Option<String>,
    pub(super) rows: Rows,
    /// The outputs that are asked for, by name; empty where none is named.
    pub(super) outputs: Vec<String>,
}

/// The datatypes of the protocol; FP16 has no form in JSON.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Datatype {
    Bool,
    /// With the least and the greatest value.
    Int(f64, f64),
    Fp32,
    Fp64,
    Bytes,
}

struct Tensor {
    name: String,
    n_rows: usize,
    n_columns: usize,
    /// Row by row.
    cells: Vec<Cell>,
}

pub(super) fn request(body: &Value, metadata: &Metadata) -> Result<Request, Refusal> {
    let body = body
        .as_object()
        .ok_or_else(|| bad("the body is not an object"))?;
    let id = match body.get("id") {
        None | Some(Value::Null) => None,
        Some(Value::String(id)) => Some(id.clone()),
        Some(other) => return Err(bad(format!("id is {}, not a text", type_of(other)))),
    };
    let inputs = body.get("inputs").and_then(Value::as_array);
    let inputs = inputs.ok_or_else(|| bad("inputs is not a list of tensors"))?;
    let tensors = inputs.iter().map(tensor).collect::<Result<Vec<_>, _>>()?;
    Ok(Request {
        id,
        rows: rows(tensors, metadata)?,
        outputs: outputs(body)?,
    })
}

fn outputs(body: &Map<String, Value>) -> Result<Vec<String>, Refusal> {
    let named = |output: &Value| {
        output
            .get("name")
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    match body.get("outputs") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(outputs)) => {
            let names = outputs.iter().map(named).collect::<Option<_>>();
            names.ok_or_else(|| bad("an output without a name"))
        }
        Some(other) => Err(bad(format!("outputs is {}, not a list", type_of(other)))),
    }
}

/// One tensor of all columns, or one per column.
fn rows(tensors: Vec<Tensor>, metadata: &Metadata) -> Result<Rows, Refusal> {
    let one = match &tensors[..] {
        [] => return Err(bad("inputs is empty")),
        [one] => one.n_columns != 1 || metadata.input(&one.name).is_none(),
        _ => false,
    };
    match one {
        true => of_matrix(tensors.into_iter().next(), metadata),
        false => of_columns(&tensors, metadata),
    }
}

fn of_matrix(tensor: Option<Tensor>, metadata: &Metadata) -> Result<Rows, Refusal> {
    let Some(tensor) = tensor else {
        return Err(bad("inputs is empty"));
    };
    let width = metadata.columns.len();
    if tensor.n_columns != width {
        let (found, wanted) = (tensor.n_columns, width);
        let message = format!("the tensor has {found} columns where the model takes {wanted}");
        return Err(Refusal::column(&tensor.name, message));
    }
    let mut rows = Rows::new(metadata.columns.clone());
    let mut cells = tensor.cells.into_iter();
    for _ in 0..tensor.n_rows {
        rows.push(cells.by_ref().take(width))?;
    }
    Ok(rows)
}

fn of_columns(tensors: &[Tensor], metadata: &Metadata) -> Result<Rows, Refusal> {
    let names: Vec<String> = tensors.iter().map(|tensor| tensor.name.clone()).collect();
    metadata.check(&names)?;
    let columns = match *names == *metadata.columns {
        true => metadata.columns.clone(),
        false => Columns::new(names)?,
    };
    let mut rows = Rows::new(columns);
    let n_rows = tensors.first().map_or(0, |tensor| tensor.n_rows);
    for tensor in tensors {
        if tensor.n_columns != 1 {
            let message = format!(
                "its shape is [{}, {}], not [n] or [n, 1]",
                tensor.n_rows, tensor.n_columns
            );
            return Err(Refusal::column(&tensor.name, message));
        }
        if tensor.n_rows != n_rows {
            let message = format!(
                "it has {} rows where {} has {n_rows}",
                tensor.n_rows, tensors[0].name
            );
            return Err(Refusal::column(&tensor.name, message));
        }
    }
    for row in 0..n_rows {
        rows.push(tensors.iter().map(|tensor| tensor.cells[row].clone()))?;
    }
    Ok(rows)
}

fn tensor(value: &Value) -> Result<Tensor, Refusal> {
    let name = value.get("name").and_then(Value::as_str);
    let name = name
        .ok_or_else(|| bad("an input without a name"))?
        .to_owned();
    let word = value.get("datatype").and_then(Value::as_str);
    let word = word.unwrap_or_default();
    let datatype = Datatype::read(word)
        .ok_or_else(|| Refusal::column(&name, format!("datatype {word:?} is not taken")))?;
    let (n_rows, n_columns) = shape(value.get("shape"))
        .ok_or_else(|| Refusal::column(&name, "its shape is not [n] or [n, d]"))?;
    let data = value
        .get("data")
        .ok_or_else(|| Refusal::column(&name, "it has no data"))?;
    let cells = Vec::new();
    let mut read = Data {
        name: &name,
        word,
        datatype,
        cells,
    };
    read.add(data, 0)?;
    let cells = read.cells;
    if n_rows.checked_mul(n_columns) != Some(cells.len()) {
        let message = format!(
            "its shape [{n_rows}, {n_columns}] does not hold {} values",
            cells.len()
        );
        return Err(Refusal::column(&name, message));
    }
    Ok(Tensor {
        name,
        n_rows,
        n_columns,
        cells,
    })
}

fn shape(shape: Option<&Value>) -> Option<(usize, usize)> {
    let sizes = shape?
        .as_array()?
        .iter()
        .map(|size| usize::try_from(size.as_u64()?).ok());
    match sizes.collect::<Option<Vec<usize>>>()?[..] {
        [n_rows] => Some((n_rows, 1)),
        [n_rows, n_columns] => Some((n_rows, n_columns)),
        _ => None,
    }
}

/// The data of a tensor, while it is read.
struct Data<'a> {
    name: &'a str,
    /// The datatype, as written.
    word: &'a str,
    datatype: Datatype,
    cells: Vec<Cell>,
}

impl Data<'_> {
    /// Data is flat, or nested as its shape says; both are row by row.
    fn add(&mut self, data: &Value, depth: usize) -> Result<(), Refusal> {
        match data {
            Value::Array(list) if depth < 2 => {
                list.iter().try_for_each(|data| self.add(data, depth + 1))
            }
            data => {
                let cell = self.datatype.cell(data).filter(|_| depth > 0);
                self.cells.push(cell.ok_or_else(|| self.refusal(data))?);
                Ok(())
            }
        }
    }

    fn refusal(&self, data: &Value) -> Refusal {
        let shown = match data {
            Value::Number(number) => number.to_string(),
            other => type_of(other).to_owned(),
        };
        Refusal::column(self.name, format!("{shown} is not {}", self.word))
    }
}

impl Datatype {
    fn read(name: &str) -> Option<Datatype> {
        let int = |bits: i32| {
            Datatype::Int(
                -f64::exp2(f64::from(bits - 1)),
                f64::exp2(f64::from(bits - 1)) - 1.0,
            )
        };
        let uint = |bits: i32| Datatype::Int(0.0, f64::exp2(f64::from(bits)) - 1.0);
        Some(match name {
            "BOOL" => Datatype::Bool,
            "INT8" => int(8),
            "INT16" => int(16),
            "INT32" => int(32),
            "INT64" => int(64),
            "UINT8" => uint(8),
            "UINT16" => uint(16),
            "UINT32" => uint(32),
            "UINT64" => uint(64),
            "FP32" => Datatype::Fp32,
            "FP64" => Datatype::Fp64,
            "BYTES" => Datatype::Bytes,
            _ => return None,
        })
    }

    /// A value of this type; null is a missing one, where the type has one.
    fn cell(self, value: &Value) -> Option<Cell> {
        match self {
            Datatype::Bool => match value {
                Value::Bool(bool) => Some(Cell::Number(f64::from(*bool))),
                value => value
                    .as_u64()
                    .filter(|bit| *bit < 2)
                    .map(|bit| Cell::Number(bit as f64)),
            },
            Datatype::Int(least, greatest) => {
                let number = value.as_f64()?;
                let within = number.fract() == 0.0 && (least..=greatest).contains(&number);
                within.then_some(Cell::Number(number))
            }
            Datatype::Fp32 | Datatype::Fp64 | Datatype::Bytes if value.is_null() => {
                Some(Cell::Missing)
            }
            Datatype::Fp32 => value
                .as_f64()
                .map(|number| Cell::Number(f64::from(number as f32))),
            Datatype::Fp64 => value.as_f64().map(Cell::Number),
            Datatype::Bytes => value.as_str().map(|text| Cell::Text(text.into())),
        }
    }
}
