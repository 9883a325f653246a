//! The tables that preparation reads, and the files they arrive in.

use std::collections::BTreeSet;

use super::super::document::{Report, ResourceEntry};
use super::toml::at;
use super::{of_kind, slug};
use crate::catalog::Access;
use crate::effects::ResourceKind;
use crate::stages::Stage;

/// Formats that ingestion reads.
const FORMATS: [&str; 4] = ["csv", "parquet", "ndjson", "jsonl"];

pub(super) struct Table {
    pub(super) name: String,
    /// The file in which it arrives.
    pub(super) file: String,
    /// Its columns as far as a query names them.
    pub(super) columns: Vec<String>,
    /// Where it is read.
    pub(super) place: String,
}

/// The rows first.
pub(super) struct Tables {
    pub(super) all: Vec<Table>,
}

impl Tables {
    pub(super) fn of(report: &Report) -> Tables {
        let mut all: Vec<Table> = Vec::new();
        for read in of_kind(report, "read") {
            let Some(name) = read.key("table").and_then(|name| name.as_str()) else {
                continue;
            };
            if all.iter().any(|table| table.name == name) {
                continue;
            }
            let columns = read.key("columns").and_then(|columns| columns.as_array());
            all.push(Table {
                name: name.to_owned(),
                file: format!("{}.csv", slug(name)),
                columns: columns
                    .into_iter()
                    .flatten()
                    .filter_map(|column| column.as_str().map(str::to_owned))
                    .collect(),
                place: at(&read.place),
            });
        }
        if all.is_empty()
            && let Some(file) = file(report)
        {
            let stem = file.split('.').next().unwrap_or("rows");
            all.push(Table {
                name: slug(stem),
                file,
                columns: Vec::new(),
                place: String::new(),
            });
        }
        Tables { all }
    }

    /// The artifact with the rows.
    pub(super) fn rows(&self) -> &str {
        self.all.first().map_or("rows", |table| table.name.as_str())
    }

    /// Those that serving joins too.
    pub(super) fn joined<'t>(&'t self, report: &Report) -> Vec<&'t Table> {
        let joined: BTreeSet<&str> = of_kind(report, "join")
            .filter(|join| !join.only_fit)
            .filter_map(|join| join.key("with")?.as_str())
            .collect();
        let all = self.all.iter();
        all.filter(|table| joined.contains(table.name.as_str()))
            .collect()
    }
}

/// The name of the file of rows that preparation or ingestion reads.
fn file(report: &Report) -> Option<String> {
    let early = |function: &str| {
        report.functions.iter().any(|entry| {
            entry.id == function && matches!(entry.stage, Stage::Ingestion | Stage::Preprocessing)
        })
    };
    let read = |resource: &&ResourceEntry| {
        matches!(resource.kind, ResourceKind::File | ResourceKind::Blob)
            && resource.accesses.iter().any(|access| {
                access.access == Access::Read
                    && early(&format!("{}:{}", access.file, access.qualname))
            })
    };
    report.resources.iter().filter(read).find_map(|resource| {
        let name = resource.identity.rsplit('/').next()?;
        let (stem, ending) = name.rsplit_once('.')?;
        let plain = stem
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        (plain && !stem.is_empty() && FORMATS.contains(&ending)).then(|| name.to_owned())
    })
}
