//! Trains one model on a file of numbers, and says how long that took and how
//! much memory the process ever had. `benches/fit.py` runs it beside
//! scikit-learn:
//!
//! ```text
//! fit SPEC TARGET ROWS COLUMNS THREADS FILE
//! ```
//!
//! SPEC is a model's as JSON, TARGET `labels`, `values` or `none`; FILE holds
//! the rows as doubles in the machine's order, then one target for each row.

#![allow(clippy::print_stdout, reason = "an example prints its result")]

use std::error::Error;
use std::io::{BufReader, Read};
use std::time::Instant;

use cutline_runtime::model::{Checked, Label, Labels, ModelSpec, Target, fit};
use ndarray::Array2;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [spec, target, rows, columns, threads, file] = &arguments[..] else {
        return Err("fit SPEC TARGET ROWS COLUMNS THREADS FILE".into());
    };
    let (rows, columns) = (rows.parse()?, columns.parse()?);
    let mut file = BufReader::new(std::fs::File::open(file)?);
    let x = Array2::from_shape_vec((rows, columns), numbers(&mut file, rows * columns)?)?;
    let y = numbers(&mut file, rows)?;
    let y = match target.as_str() {
        "labels" => {
            let labels: Vec<Label> = y.iter().map(|code| Label::Int(*code as i64)).collect();
            Target::Labels(Labels::new(&labels))
        }
        "values" => Target::Values(y.into()),
        _ => Target::None,
    };
    let spec = Checked::new(serde_json::from_str::<ModelSpec>(spec)?)?;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads.parse()?)
        .build()?;
    let (started, spent) = (Instant::now(), cpu_seconds()?);
    let model = pool.install(|| fit(&spec, x.view(), &y, None, &()))?;
    let (seconds, cpu) = (started.elapsed().as_secs_f64(), cpu_seconds()? - spent);
    let (bytes, peak) = (model.to_json()?.len(), peak_kib()?);
    println!(r#"{{"seconds":{seconds},"cpu":{cpu},"peak_kib":{peak},"document":{bytes}}}"#);
    Ok(())
}

fn numbers(file: &mut impl Read, n: usize) -> std::io::Result<Vec<f64>> {
    let mut number = [0; 8];
    let mut next = || {
        file.read_exact(&mut number)
            .map(|()| f64::from_ne_bytes(number))
    };
    (0..n).map(|_| next()).collect()
}

/// The time that all threads have run for, as Linux counts it.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let mut nanoseconds = 0;
    for thread in std::fs::read_dir("/proc/self/task")? {
        let times = std::fs::read_to_string(thread?.path().join("schedstat"))?;
        let ran = times.split(' ').next().ok_or("schedstat is empty")?;
        nanoseconds += ran.parse::<u64>()?;
    }
    Ok(nanoseconds as f64 / 1e9)
}

/// The most memory that the process has had, as Linux counts it.
fn peak_kib() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|peak| peak.split_whitespace().next());
    Ok(peak.ok_or("no VmHWM in /proc/self/status")?.parse()?)
}
