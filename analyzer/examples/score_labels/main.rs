//! Scores stages on the labelled functions of public repositories.
//!
//! `cargo run --release -p cutline-analyzer --example score_labels -- --repos DIR [--split tune|held-out] [--reports DIR] [--rename] [-v]`
//!
//! The labels are in `benches/labels`. A repository is taken from its clone in
//! DIR, as `<owner>+<name>`, or cloned from where its labels say; its files
//! are put under `target/labels`. With `--reports`, `<owner>+<name>.json`
//! there is read rather than the repository analysed. With `--rename`, files
//! and folders are put under names that say nothing.
//!
//! Held-out repositories are for the last measurement: they are only looked at
//! when `--split held-out` says so, and `-v`, which lists what was missed, does
//! not list theirs.

#![allow(clippy::print_stdout, reason = "an example prints its result")]

mod labels;
mod rename;
#[path = "../support/mod.rs"]
mod support;
mod tally;

use std::path::{Path, PathBuf};

use cutline_analyzer::{SourceOptions, SourceTree};
use labels::Split;
use support::Error;
use tally::Tally;

const USAGE: &str =
    "usage: score_labels --repos DIR [--split tune|held-out] [--reports DIR] [--rename] [-v]";

fn main() -> Result<(), Error> {
    let args = Args::parse(std::env::args().skip(1))?;
    let mut total = Tally::default();
    for mut labels in labels::read_all(args.split)? {
        let report = match &args.reports {
            Some(reports) => {
                let given = reports.join(format!("{}.json", labels.name));
                support::report_on(Path::new(&labels.name), Some(&given))?
            }
            None => {
                let folder = labels::checked_out(&labels, &args.repos)?;
                let tree = SourceTree::read(&folder, &SourceOptions::default())?;
                let tree = if args.rename {
                    let (tree, paths) = rename::renamed(tree);
                    for label in &mut labels.functions {
                        label.file = paths.get(&label.file).unwrap_or(&label.file).clone();
                    }
                    tree
                } else {
                    tree
                };
                support::report_of(&tree)
            }
        };
        let tally = Tally::new(&labels, &report);
        println!("{:<52} {}", labels.name, tally.line());
        if args.verbose && args.split == Split::Tune {
            tally.print_misses();
        }
        total.add(tally);
    }
    println!("{:<52} {}\n", "all", total.line());
    total.print_confusion();
    total.print_calibration();
    Ok(())
}

struct Args {
    repos: PathBuf,
    split: Split,
    reports: Option<PathBuf>,
    rename: bool,
    verbose: bool,
}

impl Args {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Args, Error> {
        let (mut repos, mut reports) = (None, None);
        let (mut split, mut rename, mut verbose) = (Split::Tune, false, false);
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "-v" => verbose = true,
                "--rename" => rename = true,
                "--repos" => repos = Some(PathBuf::from(args.next().ok_or(USAGE)?)),
                "--reports" => reports = Some(PathBuf::from(args.next().ok_or(USAGE)?)),
                "--split" => {
                    split = match args.next().as_deref() {
                        Some("tune") => Split::Tune,
                        Some("held-out") => Split::HeldOut,
                        _ => return Err(USAGE.into()),
                    }
                }
                _ => return Err(format!("{arg} is no flag; {USAGE}").into()),
            }
        }
        Ok(Args {
            repos: match (repos, &reports) {
                (Some(repos), _) => repos,
                (None, Some(_)) => PathBuf::new(),
                (None, None) => return Err(USAGE.into()),
            },
            split,
            reports,
            rename,
            verbose,
        })
    }
}
