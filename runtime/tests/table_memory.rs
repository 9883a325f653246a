//! A table four times larger than the memory there is: a process of its own,
//! under a hard limit, takes a CSV through expectations with uniqueness to
//! Parquet.

#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;

use cutline_runtime::table::{
    Expectations, Format, ParquetWriter, Reading, Source, Summary, check, open, quarantine_schema,
};

/// What the process may allocate, its threads' stacks included.
const LIMIT: u64 = 48 << 20;

const FOLDER: &str = "CUTLINE_TABLE_FOLDER";

#[test]
fn a_file_four_times_the_memory_is_checked_under_a_hard_limit() {
    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("in.csv");
    let n_rows = write_csv(&csv).unwrap();
    assert!(csv.metadata().unwrap().len() >= 4 * LIMIT);
    let limited = format!("ulimit -d {} && exec \"$0\" \"$@\"", LIMIT >> 10);
    let output = Command::new("sh")
        .args(["-c", &limited])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "under_the_limit", "--ignored", "--nocapture"])
        .env(FOLDER, folder.path())
        .env("RAYON_NUM_THREADS", "2")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let summary = std::fs::read(folder.path().join("summary.json")).unwrap();
    let summary: Summary = serde_json::from_slice(&summary).unwrap();
    assert_eq!(summary.rows, n_rows);
    // Every 1,000th row has the number of the row before it.
    assert_eq!(summary.quarantined, n_rows / 1_000);
    let accepted = Source::file(folder.path().join("out.parquet"));
    let table = open(&accepted, Format::Parquet, &Reading::default()).unwrap();
    let rows = table
        .batches()
        .unwrap()
        .map(|batch| batch.unwrap().rows.num_rows() as u64);
    assert_eq!(rows.sum::<u64>(), summary.accepted);
}

/// Not a test by itself: the process that the limit holds for.
#[test]
#[ignore = "run by the test above"]
fn under_the_limit() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let folder = Path::new(&folder);
    let source = Source::file(folder.join("in.csv"));
    let table = open(&source, Format::Csv, &Reading::default()).unwrap();
    // Two that repeat a number differ in their plans.
    let rules = "columns.id = { unique = true }\ncolumns.x0.min = 0.0\n\
                 unique = [{ columns = [\"id\", \"plan\"] }]";
    let expectations: Expectations = toml::from_str(rules).unwrap();
    let writer = |name: &str, schema| ParquetWriter::create(&folder.join(name), schema).unwrap();
    let mut accepted = writer("out.parquet", table.schema());
    let mut quarantine = writer("quarantine.parquet", &quarantine_schema(table.schema()));
    let summary = check(&table, &expectations, &mut accepted, &mut quarantine).unwrap();
    accepted.finish().unwrap();
    quarantine.finish().unwrap();
    let summary = serde_json::to_vec(&summary).unwrap();
    std::fs::write(folder.join("summary.json"), summary).unwrap();
}

/// Writes rows until the file is four times the limit; returns how many.
fn write_csv(path: &Path) -> std::io::Result<u64> {
    let mut out = BufWriter::new(File::create(path)?);
    writeln!(out, "id,x0,x1,x2,x3,x4,x5,plan")?;
    let (mut n_rows, mut n_bytes) = (0_u64, 0_u64);
    while n_bytes < 4 * LIMIT {
        let id = n_rows - u64::from(n_rows % 1_000 == 999);
        let x = (n_rows.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 11) as f64 / (1_u64 << 53) as f64;
        let row = format!(
            "{id},{x},{},{},{},{},{},plan {}\n",
            x * 3.0,
            x * 7.0,
            x * 11.0,
            x * 13.0,
            x * 17.0,
            n_rows % 5
        );
        out.write_all(row.as_bytes())?;
        n_bytes += row.len() as u64;
        n_rows += 1;
    }
    out.flush()?;
    Ok(n_rows)
}
