//! `output.table`: the table of a database that a function's rows go to.

use toml::Spanned;

use super::super::file::TableFile;
use super::super::{Problem, Table};

/// Of the function `name`, whose inputs are called `inputs`.
///
/// # Errors
/// When a repeat would double its rows, or nobody could say whose rows they are.
pub(super) fn table(
    name: &str,
    inputs: &[&str],
    file: Spanned<TableFile>,
) -> Result<Table, Problem> {
    let span = file.span();
    let wrong = |why: &str, label: &str| {
        Err(
            Problem::at(span, format!("function {name}: output.table {why}"))
                .label(label.to_owned()),
        )
    };
    let file = file.into_inner();
    if file.key.is_empty() {
        return wrong(
            "has no key, and a repeat would double its rows",
            "write key = [\"…\"]: the columns that name a row",
        );
    }
    if inputs.len() > 1 {
        return wrong(
            &format!(
                "takes the rows of one input, and there are {}: {}",
                inputs.len(),
                inputs.join(", ")
            ),
            "declare a function for each table",
        );
    }
    Ok(Table {
        url: file.sql,
        name: file.name,
        key: file.key,
    })
}
