//! A CSV to Parquet, as `benches/csv_to_parquet.py` measures it.
//!
//! ```text
//! csv_to_parquet IN.csv OUT.parquet [EXPECTATIONS.toml QUARANTINE.parquet]
//! ```

use std::path::Path;

use anyhow::{Context, bail};
use cutline_runtime::table::{
    Expectations, Format, ParquetWriter, Reading, Sink, Source, check, open, quarantine_schema,
};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (input, output, expected) = match &arguments[..] {
        [input, output] => (input, output, None),
        [input, output, rules, quarantine] => (input, output, Some((rules, quarantine))),
        _ => bail!("csv_to_parquet IN.csv OUT.parquet [EXPECTATIONS.toml QUARANTINE.parquet]"),
    };
    let table = open(&Source::file(input), Format::Csv, &Reading::default())?;
    let mut accepted = ParquetWriter::create(Path::new(output), table.schema())?;
    match expected {
        None => {
            for batch in table.batches()? {
                accepted.write(&batch?.rows)?;
            }
        }
        Some((rules, path)) => {
            let rules = std::fs::read_to_string(rules).with_context(|| rules.clone())?;
            let expectations: Expectations = toml::from_str(&rules)?;
            let schema = quarantine_schema(table.schema());
            let mut quarantine = ParquetWriter::create(Path::new(path), &schema)?;
            check(&table, &expectations, &mut accepted, &mut quarantine)?;
            quarantine.finish()?;
        }
    }
    accepted.finish()?;
    Ok(())
}
