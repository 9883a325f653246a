//! Files over a line, with their formats.

use super::super::{ContractEntry, CutLine, EntryKind};
use super::code::Code;
use crate::graph::data::Via;
use smol_str::SmolStr;

pub(super) fn entries(_: &Code<'_>, line: &CutLine, out: &mut Vec<ContractEntry>) {
    for crossing in line
        .crossings
        .iter()
        .filter(|crossing| crossing.via == Some(Via::File))
    {
        out.push(ContractEntry {
            kind: EntryKind::File,
            name: crossing.name.clone(),
            value: format(&crossing.name),
            optional: false,
            made: None,
            file: crossing.file,
            line: crossing.line,
        });
    }
}

/// The format that a path's extension names.
fn format(path: &str) -> Option<SmolStr> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let (stem, extension) = name.rsplit_once('.')?;
    let extension = match extension {
        "gz" | "bz2" | "xz" | "zip" | "zst" => {
            stem.rsplit_once('.').map_or(extension, |(_, inner)| inner)
        }
        other => other,
    };
    let plain = !extension.is_empty() && extension.chars().all(|c| c.is_ascii_alphanumeric());
    plain.then(|| match extension.to_ascii_lowercase().as_str() {
        "jsonl" => "ndjson".into(),
        "yml" => "yaml".into(),
        "pkl" => "pickle".into(),
        other => other.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::format;

    #[test]
    fn formats_follow_extensions() {
        assert_eq!(format("{HOME}/a.csv").as_deref(), Some("csv"));
        assert_eq!(format("a/b.csv.gz").as_deref(), Some("csv"));
        assert_eq!(format("{path}").as_deref(), None);
        assert_eq!(format("raw/model").as_deref(), None);
    }
}
