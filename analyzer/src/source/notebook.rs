//! A notebook's code cells as one Python text.
//!
//! Lines stay where they are: IPython's magics and shell lines become comments
//! (or a statement of the same effect on names, where one must stand), so that
//! line N of the text is line N of the cells put after one another.

use serde::Deserialize;

use super::{Cell, SkipReason};

/// Cell magics whose body is Python that runs here.
const PYTHON_CELLS: [&str; 8] = [
    "capture", "debug", "memit", "prun", "python", "python3", "time", "timeit",
];
/// Line magics that run the Python statement after them.
const PYTHON_LINES: [&str; 4] = ["memit", "prun", "time", "timeit"];

/// A notebook as text.
#[derive(Debug, Default)]
pub(super) struct Notebook {
    pub(super) text: String,
    pub(super) cells: Vec<Cell>,
    pub(super) skipped: Vec<SkipReason>,
}

/// The document, as far as it matters here; nbformat 3 and 4.
#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    cells: Vec<DocumentCell>,
    /// nbformat 3
    #[serde(default)]
    worksheets: Vec<Worksheet>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    language_info: Option<LanguageInfo>,
    kernelspec: Option<Kernel>,
}

#[derive(Deserialize)]
struct LanguageInfo {
    name: Option<String>,
}

#[derive(Deserialize)]
struct Kernel {
    language: Option<String>,
}

#[derive(Deserialize)]
struct Worksheet {
    #[serde(default)]
    cells: Vec<DocumentCell>,
}

#[derive(Deserialize)]
struct DocumentCell {
    cell_type: String,
    source: Option<Lines>,
    /// nbformat 3
    input: Option<Lines>,
    /// nbformat 3
    language: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Lines {
    Whole(String),
    Each(Vec<String>),
}

impl Lines {
    fn joined(self) -> String {
        match self {
            Lines::Whole(text) => text,
            Lines::Each(lines) => lines.concat(),
        }
    }
}

/// Reads the notebook `json`.
pub(super) fn read(json: &str) -> Result<Notebook, SkipReason> {
    let document: Document =
        serde_json::from_str(json).map_err(|error| SkipReason::BrokenNotebook {
            message: error.to_string().into(),
        })?;
    let language = document.language();
    if let Some(language) = language.filter(|language| !is_python(language)) {
        return Err(SkipReason::NotebookLanguage {
            language: language.into(),
        });
    }
    let worksheets = document
        .worksheets
        .into_iter()
        .flat_map(|sheet| sheet.cells);
    let code_cells = document
        .cells
        .into_iter()
        .chain(worksheets)
        .filter(|cell| cell.cell_type == "code");

    let mut notebook = Notebook::default();
    let mut line = 1;
    for (cell, number) in code_cells.zip(1..) {
        notebook.cells.push(Cell { line, number });
        let foreign = cell.language.is_some_and(|language| !is_python(&language));
        let source = cell.source.or(cell.input).map(Lines::joined);
        let source = source.unwrap_or_default();
        let python = match foreign {
            true => Some(commented(&source)),
            false => python_of(&source),
        };
        let text = python.unwrap_or_else(|| {
            notebook.skipped.push(SkipReason::BrokenCell { number });
            commented(&source)
        });
        line += source.lines().count() as u32;
        notebook.text.push_str(&text);
    }
    Ok(notebook)
}

impl Document {
    fn language(&self) -> Option<&str> {
        let info = self.metadata.language_info.as_ref();
        let kernel = self.metadata.kernelspec.as_ref();
        info.and_then(|info| info.name.as_deref())
            .or_else(|| kernel.and_then(|kernel| kernel.language.as_deref()))
    }
}

fn is_python(language: &str) -> bool {
    language.to_ascii_lowercase().contains("python")
}

/// Each line as a comment.
fn commented(source: &str) -> String {
    source
        .lines()
        .map(|line| format!("# {}\n", one_line(line)))
        .collect()
}

/// A carriage return inside a line would end the comment or the line.
fn one_line(line: &str) -> String {
    line.replace('\r', " ")
}

/// The cell as Python, line for line; `None` if it ends inside a bracket, a
/// string or a continued line, which would swallow the next cell.
fn python_of(source: &str) -> Option<String> {
    let mut text = String::with_capacity(source.len() + 1);
    let mut lines = source.lines();
    let first = source.lines().find(|line| !line.trim().is_empty());
    if let Some(magic) = first.and_then(|line| line.trim_start().strip_prefix("%%"))
        && !PYTHON_CELLS.contains(&first_word(magic))
    {
        return Some(commented(source));
    }
    let mut scan = Scan::default();
    while let Some(line) = lines.next() {
        let line = one_line(line);
        let Some(replaced) = scan.at_start().then(|| replace(&line)).flatten() else {
            scan.line(&line);
            text.push_str(&line);
            text.push('\n');
            continue;
        };
        text.push_str(&replaced);
        text.push('\n');
        // `!pip install a \` goes on.
        let mut continued = line.ends_with('\\');
        while continued && let Some(next) = lines.next() {
            text.push_str(&commented(if next.is_empty() { " " } else { next }));
            continued = next.ends_with('\\');
        }
    }
    scan.at_start().then_some(text)
}

fn first_word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

/// What stands for `line`, the first of a statement, if it is IPython's.
fn replace(line: &str) -> Option<String> {
    let code = line.trim();
    let indent = &line[..line.len() - line.trim_start().len()];
    if let Some(magic) = code.strip_prefix('%') {
        let word = first_word(magic);
        let rest = magic[word.len()..].trim_start();
        if PYTHON_LINES.contains(&word) && !rest.is_empty() && !rest.starts_with('-') {
            return Some(format!("{indent}{rest}"));
        }
    }
    if code.starts_with(['%', '!', '?']) || asks_for_help(code) || installs(code) {
        // A block may hold nothing else.
        return Some(match indent {
            "" => format!("# {code}"),
            _ => format!("{indent}pass  # {code}"),
        });
    }
    let (target, value) = line.split_once('=')?;
    let is_target = target
        .chars()
        .all(|c| c.is_alphanumeric() || "_,.[] \t\"'".contains(c));
    let value = value.trim_start();
    let is_magic = value.starts_with(['%', '!']) && !value.starts_with("!=");
    (is_target && is_magic).then(|| format!("{target}= None  # {value}"))
}

/// `pip install x`, which IPython takes for `%pip install x`.
fn installs(code: &str) -> bool {
    let mut words = code.split_whitespace();
    matches!(words.next(), Some("pip" | "conda" | "mamba"))
        && words.next().is_some_and(|verb| {
            matches!(verb, "install" | "uninstall" | "list" | "show" | "freeze")
        })
}

/// `name?`, `name??`
fn asks_for_help(code: &str) -> bool {
    let asked = code.trim_end_matches('?');
    asked.len() < code.len()
        && asked
            .chars()
            .all(|c| c.is_alphanumeric() || "_.*%[]".contains(c))
}

/// Where in a statement a line starts: just enough of Python's lexical rules.
#[derive(Default)]
struct Scan {
    depth: u32,
    triple: Option<char>,
    continued: bool,
}

impl Scan {
    fn at_start(&self) -> bool {
        self.depth == 0 && self.triple.is_none() && !self.continued
    }

    fn line(&mut self, line: &str) {
        self.continued = false;
        let mut rest = line.chars();
        let mut single = None;
        while let Some(c) = rest.next() {
            let quoted = self.triple.or(single);
            match (quoted, c) {
                (_, '\\') => {
                    // At the end of a line it joins the next one to this.
                    let joins = rest.next().is_none();
                    self.continued = joins && self.triple.is_none();
                }
                (Some(quote), _) => {
                    if self.triple.is_some() {
                        if c == quote && is_pair(rest.as_str(), quote) {
                            rest.nth(1);
                            self.triple = None;
                        }
                    } else if c == quote {
                        single = None;
                    }
                }
                (None, '"' | '\'') => {
                    if is_pair(rest.as_str(), c) {
                        rest.nth(1);
                        self.triple = Some(c);
                    } else {
                        single = Some(c);
                    }
                }
                (None, '#') => return,
                (None, '(' | '[' | '{') => self.depth += 1,
                (None, ')' | ']' | '}') => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
        }
    }
}

fn is_pair(text: &str, quote: char) -> bool {
    let mut chars = text.chars();
    chars.next() == Some(quote) && chars.next() == Some(quote)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cells: &[&str], expect: &str) {
        let cells: Vec<_> = cells
            .iter()
            .map(|source| serde_json::json!({ "cell_type": "code", "source": source }))
            .collect();
        let notebook = read(&serde_json::json!({ "cells": cells }).to_string()).unwrap();
        assert_eq!(notebook.text, expect);
    }

    #[test]
    fn cells_stand_in_order_with_their_first_lines() {
        let notebook = read(
            r##"{"nbformat": 4, "cells": [
                {"cell_type": "markdown", "source": ["# Train"]},
                {"cell_type": "code", "source": ["a = 1\n", "b = 2"], "outputs": [{"data": {}}]},
                {"cell_type": "code", "source": ""},
                {"cell_type": "code", "source": "c = 3"}]}"##,
        )
        .unwrap();
        assert_eq!(notebook.text, "a = 1\nb = 2\nc = 3\n");
        let cells: Vec<_> = notebook.cells.iter().map(|c| (c.line, c.number)).collect();
        assert_eq!(cells, [(1, 1), (3, 2), (3, 3)]);
    }

    #[test]
    fn nbformat_3_keeps_its_cells_in_worksheets() {
        let notebook = read(
            r#"{"nbformat": 3, "worksheets": [{"cells": [
                {"cell_type": "code", "language": "python", "input": ["a = 1"]},
                {"cell_type": "code", "language": "ruby", "input": "puts 1"}]}]}"#,
        )
        .unwrap();
        assert_eq!(notebook.text, "a = 1\n# puts 1\n");
    }

    #[test]
    fn a_notebook_in_another_language_is_skipped() {
        let json = r#"{"cells": [], "metadata": {"kernelspec": {"language": "R"}}}"#;
        assert_eq!(read(json).unwrap_err().to_string(), "is a notebook in R");
    }

    #[test]
    fn magics_and_shell_lines_become_comments() {
        check(
            &["%matplotlib inline\n!pip install x \\\n  y\ndf.head?\n?df\nx = 1  # why?"],
            "# %matplotlib inline\n# !pip install x \\\n#   y\n# df.head?\n# ?df\nx = 1  # why?\n",
        );
        check(
            &["pip install mlflow\npip = 1"],
            "# pip install mlflow\npip = 1\n",
        );
        check(&["if x:\n    !ls"], "if x:\n    pass  # !ls\n");
        check(&["files = !ls *.csv"], "files = None  # !ls *.csv\n");
        check(
            &["a = b != c\nd['x'] = %env X"],
            "a = b != c\nd['x'] = None  # %env X\n",
        );
    }

    #[test]
    fn what_runs_python_stays_python() {
        check(&["%time model.fit(x)"], "model.fit(x)\n");
        check(&["%%time\nmodel.fit(x)"], "# %%time\nmodel.fit(x)\n");
    }

    #[test]
    fn cells_of_another_language_become_comments() {
        check(&["%%bash\nls", "x = 1"], "# %%bash\n# ls\nx = 1\n");
    }

    #[test]
    fn only_the_start_of_a_statement_can_be_a_magic() {
        let operator = "x = (a\n  % b)\n";
        check(&[operator], operator);
        let text = "x = \"\"\"\n!not a shell line\n\"\"\"\n";
        check(&[text], text);
        let continued = "x = a \\\n  % b\n";
        check(&[continued], continued);
    }

    #[test]
    fn a_cell_that_does_not_end_is_left_out_alone() {
        let json = r#"{"cells": [{"cell_type": "code", "source": "f(\n"},
            {"cell_type": "code", "source": "x = 1"}]}"#;
        let notebook = read(json).unwrap();
        assert_eq!(notebook.text, "# f(\nx = 1\n");
        assert_eq!(notebook.skipped, [SkipReason::BrokenCell { number: 1 }]);
    }
}
