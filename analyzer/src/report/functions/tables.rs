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

/// The name of the file of rows that ingestion or preparation reads: rather one
/// that nothing in the code writes, and that ingestion reads.
fn file(report: &Report) -> Option<String> {
    let read_by = |resource: &ResourceEntry, stage: Stage| {
        resource.accesses.iter().any(|access| {
            let id = format!("{}:{}", access.file, access.qualname);
            let functions = report.functions.iter();
            let mut functions = functions.filter(|entry| entry.stage == stage);
            access.access == Access::Read && functions.any(|entry| entry.id == id)
        })
    };
    let files = report
        .resources
        .iter()
        .filter(|resource| matches!(resource.kind, ResourceKind::File | ResourceKind::Blob));
    let ranked = files.filter_map(|resource| {
        let ingested = read_by(resource, Stage::Ingestion);
        if !ingested && !read_by(resource, Stage::Preprocessing) {
            return None;
        }
        let written = resource
            .accesses
            .iter()
            .any(|access| matches!(access.access, Access::Write | Access::Append));
        Some(((written, !ingested), table_name(&resource.identity)?))
    });
    let best = ranked.min_by_key(|(rank, _)| *rank);
    best.map(|(_, name)| name)
}

/// The last part of a path, where it is a file of rows.
fn table_name(identity: &str) -> Option<String> {
    let name = identity.rsplit('/').next()?;
    let (stem, ending) = name.rsplit_once('.')?;
    let plain = stem
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    (plain && !stem.is_empty() && FORMATS.contains(&ending)).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::super::document::AccessEntry;
    use super::super::super::sample;
    use super::*;

    #[test]
    fn rows_arrive_in_what_ingestion_reads_and_nothing_writes() {
        let mut report = sample::churn();
        let by = |stage: Stage| {
            let mut functions = report.functions.iter();
            let entry = functions
                .find(|entry| entry.stage == stage)
                .expect("there is one");
            (entry.file.clone(), entry.qualname.clone())
        };
        let touch = |access, (file, qualname): (String, String)| AccessEntry {
            access,
            file,
            qualname,
            line: 1,
            through: None,
        };
        let file = |identity: &str, accesses| ResourceEntry {
            kind: ResourceKind::File,
            identity: identity.to_owned(),
            accesses,
        };
        let (ingestion, preprocessing) = (by(Stage::Ingestion), by(Stage::Preprocessing));
        let test = file(
            "var/test.csv",
            vec![
                touch(Access::Write, ingestion.clone()),
                touch(Access::Read, ingestion.clone()),
            ],
        );
        let read = file("data/more.csv", vec![touch(Access::Read, preprocessing)]);
        let raw = file("data/customers.csv", vec![touch(Access::Read, ingestion)]);
        report.resources = vec![test.clone(), read.clone(), raw];
        assert_eq!(super::file(&report).as_deref(), Some("customers.csv"));
        report.resources = vec![test.clone(), read];
        assert_eq!(super::file(&report).as_deref(), Some("more.csv"));
        report.resources = vec![test];
        assert_eq!(super::file(&report).as_deref(), Some("test.csv"));
    }
}
