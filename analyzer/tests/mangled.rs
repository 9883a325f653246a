//! Mangled real files through the line: no panic, no overflow, and an end.
//!
//! The files are the fixtures'. A case takes a few of them, breaks them, and
//! analyses what is left. `CUTLINE_FUZZ_CASES` sets how many cases are tried,
//! `CUTLINE_FUZZ_SEED` where they start, so that a failing case comes back:
//!
//! ```sh
//! CUTLINE_FUZZ_CASES=20000 cargo test --release -p cutline-analyzer --test mangled -- --nocapture
//! ```
//!
//! The case under way stands in `target/tmp/mangled-SEED.txt`, also when the
//! process dies of it.

#![allow(clippy::unwrap_used, reason = "a test may fail here")]
#![allow(clippy::print_stdout, reason = "a long run says how far it got")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use cutline_analyzer::{Catalog, Options, SourceOptions, SourceTree};

const DEFAULT_CASES: u64 = 60;
/// Far above what a case takes: an analysis that runs longer will not end.
const LIMIT: Duration = Duration::from_secs(120);
/// How often a failing case is tried smaller.
const MAX_REDUCTIONS: usize = 400;

/// A path and its text.
type Files = Vec<(String, String)>;

#[test]
fn mangled_files_are_analysed_without_panic_and_to_the_end() {
    let n_cases = from_env("CUTLINE_FUZZ_CASES", DEFAULT_CASES);
    let first = from_env("CUTLINE_FUZZ_SEED", 0);
    let originals = originals();
    let note = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("mangled-{first}.txt"));
    let start = Instant::now();
    let mut longest = (Duration::ZERO, first);
    for seed in first..first + n_cases {
        let files = mangle(&originals, &mut Random(seed));
        std::fs::write(&note, written(seed, &files)).unwrap();
        match run(&files) {
            Outcome::Done(time) => longest = longest.max((time, seed)),
            Outcome::Endless => panic!("case {seed} runs for more than {LIMIT:?}: {note:?}"),
            Outcome::Panicked => {
                let small = written(seed, &reduced(files));
                std::fs::write(&note, &small).unwrap();
                panic!("case {seed} panics; reduced, also in {note:?}:\n{small}");
            }
        }
    }
    std::fs::remove_file(&note).unwrap();
    println!(
        "{n_cases} cases from {first} in {:.1?}; the longest, {}, took {:.2?}",
        start.elapsed(),
        longest.1,
        longest.0
    );
}

fn from_env(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

/// The source files of all fixtures, tests too.
fn originals() -> Files {
    let fixtures: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", "fixtures"]
        .iter()
        .collect();
    let options = SourceOptions {
        include_tests: true,
        ..SourceOptions::default()
    };
    let tree = SourceTree::read(&fixtures, &options).unwrap();
    let files = tree.files.into_iter();
    files
        .map(|file| (file.path.to_string(), file.text))
        .collect()
}

enum Outcome {
    Done(Duration),
    Panicked,
    Endless,
}

fn run(files: &Files) -> Outcome {
    let (sender, receiver) = mpsc::channel();
    let files = files.clone();
    let start = Instant::now();
    let thread = std::thread::spawn(move || {
        let texts = files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()));
        let tree = SourceTree::from_texts("mangled", texts);
        let options = Options {
            catalog: Catalog::built_in(),
            pins: Vec::new(),
        };
        std::hint::black_box(cutline_analyzer::analyze(&tree, &options));
        // Nobody listens any more when the limit has passed.
        sender.send(()).ok();
    });
    match receiver.recv_timeout(LIMIT) {
        Err(mpsc::RecvTimeoutError::Timeout) => Outcome::Endless,
        _ if thread.join().is_err() => Outcome::Panicked,
        _ => Outcome::Done(start.elapsed()),
    }
}

/// The case with files, then lines, left out as long as it still panics.
fn reduced(mut files: Files) -> Files {
    let mut budget = MAX_REDUCTIONS;
    let mut still_panics = |files: &Files| {
        budget = budget.saturating_sub(1);
        budget > 0 && matches!(run(files), Outcome::Panicked)
    };
    for index in (0..files.len()).rev() {
        let mut fewer = files.clone();
        fewer.remove(index);
        if still_panics(&fewer) {
            files = fewer;
        }
    }
    for index in 0..files.len() {
        let mut chunk = files[index].1.lines().count().div_ceil(2);
        while chunk > 0 {
            let mut line = 0;
            while line < files[index].1.lines().count() {
                let mut fewer = files.clone();
                fewer[index].1 = without(&files[index].1, line, chunk);
                match still_panics(&fewer) {
                    true => files = fewer,
                    false => line += chunk,
                }
            }
            chunk /= 2;
        }
    }
    files
}

fn without(text: &str, line: usize, n_lines: usize) -> String {
    let lines = text.split_inclusive('\n').enumerate();
    let kept = lines.filter(|(number, _)| !(line..line + n_lines).contains(number));
    kept.map(|(_, text)| text).collect()
}

fn written(seed: u64, files: &Files) -> String {
    let mut out = format!("case {seed}\n");
    for (path, text) in files {
        writeln!(out, "---- {path}\n{text}").unwrap();
    }
    out
}

/// SplitMix64: the same numbers everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `limit`; 0 when that is 0.
    fn below(&mut self, limit: usize) -> usize {
        (self.next() % (limit as u64).max(1)) as usize
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// A byte offset of `text` where a character starts, or its end.
    fn offset(&mut self, text: &str) -> usize {
        let offset = self.below(text.len() + 1);
        (offset..=text.len())
            .find(|offset| text.is_char_boundary(*offset))
            .unwrap_or(text.len())
    }
}

/// One fixture as a whole, or some files of all, with a few wounds each.
fn mangle(originals: &Files, random: &mut Random) -> Files {
    let mut files: Files = match random.below(3) {
        0 => {
            let (path, _) = random.pick(originals);
            let fixture = path.split('/').next().unwrap();
            let belongs = |path: &str| path.split('/').next() == Some(fixture);
            let files = originals.iter().filter(|(path, _)| belongs(path));
            files.cloned().collect()
        }
        _ => {
            let n_files = 1 + random.below(6);
            (0..n_files)
                .map(|_| random.pick(originals).clone())
                .collect()
        }
    };
    for (path, text) in &mut files {
        for _ in 0..random.below(6) {
            *text = wound(text, originals, random);
        }
        if random.below(20) == 0 {
            *path = random.pick(originals).0.clone();
        }
    }
    files.sort();
    files.dedup_by(|a, b| a.0 == b.0);
    files
}

const BITS: [&str; 48] = [
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ":",
    ",",
    ".",
    "=",
    "*",
    "**",
    "@",
    "\"",
    "'",
    "\"\"\"",
    "\\",
    "#",
    "\n",
    "\t",
    "    ",
    "\0",
    "\u{feff}",
    "é𝒳",
    "lambda *a, **k: ",
    "yield ",
    "await ",
    "global x\n",
    "nonlocal self\n",
    "import *",
    "from . import ",
    "from ... import *\n",
    "class A(A):\n",
    "def f(f=f): return f(f)\n",
    "del ",
    "f\"{f'{x}'}\"",
    ":=",
    "->",
    "match x:\n",
    "super().",
    "async ",
    "impl ",
    "fn ",
    "::",
    "<",
    "macro_rules! m { () => { m!() } }",
    "&mut ",
    "99999999999999999999999999",
];

fn wound(text: &str, originals: &Files, random: &mut Random) -> String {
    let (a, b) = (random.offset(text), random.offset(text));
    let (from, to) = (a.min(b), a.max(b));
    match random.below(11) {
        0 => text[..from].to_owned(),
        1 => text[from..].to_owned(),
        2 => [&text[..from], &text[to..]].concat(),
        3 => [&text[..to], &text[from..]].concat(),
        4 => swap_lines(text, random),
        5 => {
            let bit = random.pick(&BITS).repeat(1 + random.below(3));
            [&text[..from], &bit, &text[from..]].concat()
        }
        6 => {
            let open = *random.pick(&[
                "(", "[", "{", "f(", "x.", "not ", "-", "if x:\n", "lambda: ",
            ]);
            let n_levels = *random.pick(&[3, 30, 300, 3000]);
            [&text[..from], &open.repeat(n_levels), &text[from..]].concat()
        }
        7 => delete_lines(text, random),
        8 | 9 => collide(text, random),
        _ => {
            let (_, other) = random.pick(originals);
            [&text[..from], &other[random.offset(other)..]].concat()
        }
    }
}

fn swap_lines(text: &str, random: &mut Random) -> String {
    let mut lines: Vec<_> = text.split_inclusive('\n').collect();
    for _ in 0..1 + random.below(4) {
        let (a, b) = (random.below(lines.len()), random.below(lines.len()));
        if !lines.is_empty() {
            lines.swap(a, b);
        }
    }
    lines.concat()
}

fn delete_lines(text: &str, random: &mut Random) -> String {
    let one_in = 2 + random.below(40);
    let lines = text.split_inclusive('\n');
    lines.filter(|_| random.below(one_in) != 0).collect()
}

/// Gives everything that has one name another one that occurs.
fn collide(text: &str, random: &mut Random) -> String {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut words: Vec<_> = text.split(|c| !is_word(c)).collect();
    words.retain(|word| word.starts_with(|c: char| c.is_alphabetic() || c == '_'));
    if words.is_empty() {
        return text.to_owned();
    }
    let (from, to) = (*random.pick(&words), *random.pick(&words));
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(found) = rest.find(from) {
        let (before, after) = (&rest[..found], &rest[found + from.len()..]);
        let whole = !before.ends_with(is_word) && !after.starts_with(is_word);
        out.push_str(before);
        out.push_str(if whole { to } else { from });
        rest = after;
    }
    out + rest
}
