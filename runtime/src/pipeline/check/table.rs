//! `output.table` and `output.tables`: the tables of databases that a function's
//! rows go to.

use indexmap::IndexMap;
use toml::Spanned;

use super::super::file::TableFile;
use super::super::{Problem, Table};

/// Of the function `name`, whose inputs are called `inputs`: the table of each
/// that has one.
///
/// # Errors
/// When it is not said what becomes of rows that are there, or nobody could say
/// whose rows they are.
pub(super) fn tables(
    name: &str,
    inputs: &[&str],
    only: Option<Spanned<TableFile>>,
    named: IndexMap<Spanned<String>, Spanned<TableFile>>,
) -> Result<IndexMap<String, Table>, Problem> {
    let mut tables = IndexMap::new();
    if let Some(file) = only {
        let [input] = inputs else {
            let message = format!(
                "function {name}: output.table takes the rows of one input, and there are {}: {}",
                inputs.len(),
                inputs.join(", ")
            );
            return Err(
                Problem::at(file.span(), message).label("write output.tables = { INPUT = { … } }")
            );
        };
        tables.insert((*input).to_owned(), table(name, "table", file)?);
    }
    for (input, file) in named {
        if !inputs.contains(&input.get_ref().as_str()) {
            let message = format!(
                "function {name}: output.tables: there is no input {}",
                input.get_ref()
            );
            return Err(
                Problem::at(input.span(), message).label(format!("there is {}", inputs.join(", ")))
            );
        }
        let key = format!("tables.{}", input.get_ref());
        tables.insert(input.into_inner(), table(name, &key, file)?);
    }
    Ok(tables)
}

fn table(name: &str, key: &str, file: Spanned<TableFile>) -> Result<Table, Problem> {
    let span = file.span();
    let wrong = |why: &str, label: &str| {
        Err(
            Problem::at(span, format!("function {name}: output.{key} {why}"))
                .label(label.to_owned()),
        )
    };
    let file = file.into_inner();
    if file.key.is_empty() != file.append {
        return wrong(
            "has a key, or each row is added",
            "write key = [\"…\"], the columns that name a row, or append = true",
        );
    }
    Ok(Table {
        url: file.sql.into_inner(),
        name: file.name,
        key: file.key,
    })
}
