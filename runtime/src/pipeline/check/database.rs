//! `[database.NAME]`: what the monolith and the functions share.

use std::collections::BTreeSet;

use toml::Spanned;

use super::super::Problem;
use super::super::file::{DatabaseFile, FunctionFile};
use super::is_name;
use crate::secret::{SCHEME, SecretFrom};
use crate::store::owners::SharedDatabase;

pub(super) fn check(
    files: Vec<(Spanned<String>, DatabaseFile)>,
) -> Result<Vec<SharedDatabase>, Problem> {
    let mut databases: Vec<SharedDatabase> = Vec::new();
    for (name, file) in files {
        let database = database(&name, file)?;
        // Handed over twice, the second would replace the first.
        let twice = databases.iter().find_map(|other| {
            let same = other.monolith == database.monolith
                || other.own.is_some() && other.own == database.own;
            let mut tables = database.tables.iter().filter(|_| same);
            let table = tables.find(|table| has(other, table))?;
            Some((table.clone(), other.name.clone()))
        });
        if let Some((table, other)) = twice {
            let message = format!(
                "database {}: the table {table} is in the database {other} too",
                name.get_ref()
            );
            return Err(Problem::at(name.span(), message).label("name each table of a place once"));
        }
        databases.push(database);
    }
    Ok(databases)
}

/// As the databases take it, in upper or lower case.
fn has(database: &SharedDatabase, table: &str) -> bool {
    database
        .tables
        .iter()
        .any(|known| known.eq_ignore_ascii_case(table))
}

fn database(name: &Spanned<String>, file: DatabaseFile) -> Result<SharedDatabase, Problem> {
    is_name(name, "a database")?;
    let owner = format!("database {}", name.get_ref());
    let wrong = |span, why: &str, label: &str| {
        Err(Problem::at(span, format!("{owner}: {why}")).label(label.to_owned()))
    };
    let is_file = |url: &Spanned<String>| url.get_ref().starts_with("sqlite:");
    if let Err((why, label)) = reference(file.monolith.get_ref()) {
        return wrong(file.monolith.span(), &why, &label);
    }
    let is_known = |url: &str| url.starts_with("postgres") || url.starts_with(SCHEME);
    if !is_file(&file.monolith) && !is_known(file.monolith.get_ref()) {
        return wrong(
            file.monolith.span(),
            "monolith is no database",
            "write sqlite:PATH or postgres://USER@HOST/NAME",
        );
    }
    if let Some(own) = &file.own {
        if !is_file(&file.monolith) || !is_file(own) {
            return wrong(
                own.span(),
                "only tables of one SQLite file can be handed over to another",
                "leave it out: the database stays where it is, and who writes there changes",
            );
        }
        if own.get_ref() == file.monolith.get_ref() {
            return wrong(
                own.span(),
                "own is where the monolith has it, too",
                "name another file, or leave it out",
            );
        }
    }
    let tables = file.tables.get_ref();
    let distinct: BTreeSet<String> = tables.iter().map(|table| table.to_lowercase()).collect();
    if tables.is_empty() || distinct.len() < tables.len() {
        return wrong(
            file.tables.span(),
            "tables names what is handed over, each table once",
            "write tables = [\"customers\"]",
        );
    }
    Ok(SharedDatabase {
        name: name.get_ref().clone(),
        stage: file.stage,
        monolith: file.monolith.into_inner(),
        own: file.own.map(Spanned::into_inner),
        tables: file.tables.into_inner(),
    })
}

/// A database that is no URL is one of the file's.
pub(super) fn are_declared(
    databases: &[SharedDatabase],
    functions: &[FunctionFile],
) -> Result<(), Problem> {
    for function in functions {
        let inputs = function.inputs.values();
        let inputs = inputs.filter_map(|binding| binding.get_ref().sql.as_ref());
        let output = function.shared.output.as_ref();
        let tables = output.into_iter().flat_map(|output| {
            let output = output.get_ref();
            output.table.iter().chain(output.tables.values())
        });
        for table in tables.clone().map(Spanned::get_ref) {
            let shared = databases
                .iter()
                .find(|known| known.name == *table.sql.get_ref());
            if let Some(shared) = shared.filter(|shared| !has(shared, &table.name)) {
                let message = format!(
                    "function {}: the database {} hands no table {} over",
                    function.name.get_ref(),
                    shared.name,
                    table.name
                );
                return Err(Problem::at(table.sql.span(), message)
                    .label("write it into the database's tables, or it stays behind"));
            }
        }
        for sql in inputs.chain(tables.map(|table| &table.get_ref().sql)) {
            if let Err((why, label)) = is_declared(databases, sql.get_ref()) {
                let message = format!("function {}: {why}", function.name.get_ref());
                return Err(Problem::at(sql.span(), message).label(label));
            }
        }
    }
    Ok(())
}

/// Where it says that it stands for a secret, it does.
fn reference(sql: &str) -> Result<(), (String, String)> {
    match SecretFrom::parse(sql) {
        Some(Err(why)) => {
            let message = "it does not say where the secret is".to_owned();
            Err((message, why.to_string()))
        }
        Some(Ok(_)) | None => Ok(()),
    }
}

/// # Errors
/// What is wrong, and what to write.
pub(crate) fn is_declared(databases: &[SharedDatabase], sql: &str) -> Result<(), (String, String)> {
    reference(sql)?;
    if sql.contains(':') || databases.iter().any(|known| known.name == sql) {
        return Ok(());
    }
    let known: Vec<&str> = databases.iter().map(|known| &*known.name).collect();
    let label = match known.is_empty() {
        true => "write sqlite:PATH or postgres://…, or declare [database.NAME]".to_owned(),
        false => format!("write a URL, or one of {}", known.join(", ")),
    };
    Err((format!("there is no database {sql:?}"), label))
}
