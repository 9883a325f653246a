//! Two texts side by side, what differs marked.

use std::time::{Duration, Instant};

use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

use crate::words::harmless;

/// Lines around what differs that are shown with it.
const CONTEXT: usize = 2;

/// How long the lines are brought together; then what is left stands apart.
const PATIENCE: Duration = Duration::from_millis(500);

/// The colour of what differs.
const MARKED: &str = "\x1b[33m";
const PLAIN: &str = "\x1b[0m";

/// One line of each text, as far as it has one.
struct Row<'a> {
    left: Option<&'a str>,
    right: Option<&'a str>,
    differs: bool,
}

/// The lines of both texts in two columns, together `width` wide. Between them
/// stands `|` where both differ, `<` and `>` where only one has a line, and
/// nothing where they are the same. Of long stretches that are the same, the
/// middle is left out.
pub(crate) fn beside(left: &str, right: &str, width: usize) -> String {
    let lines = |text: &str| text.lines().map(harmless).collect::<Vec<_>>();
    let (left, right) = (lines(left), lines(right));
    let rows = rows(&left, &right);
    let column = width.saturating_sub(3) / 2;
    let near = |at: usize| {
        let from = at.saturating_sub(CONTEXT);
        rows[from..rows.len().min(at + CONTEXT + 1)]
            .iter()
            .any(|row| row.differs)
    };
    let all = rows.len() <= 2 * CONTEXT + 1 || !rows.iter().any(|row| row.differs);
    let mut text = String::new();
    let mut left_out = 0;
    for (at, row) in rows.iter().enumerate() {
        if !all && !near(at) {
            left_out += 1;
            continue;
        }
        text.push_str(&gap(left_out));
        left_out = 0;
        put(row, column, &mut text);
    }
    text + &gap(left_out)
}

fn gap(lines: usize) -> String {
    match lines {
        0 => String::new(),
        1 => "… 1 line\n".to_owned(),
        n => format!("… {n} lines\n"),
    }
}

fn rows<'a>(left: &'a [String], right: &'a [String]) -> Vec<Row<'a>> {
    let until = Instant::now() + PATIENCE;
    let mut rows = Vec::new();
    for op in capture_diff_slices_deadline(Algorithm::Myers, left, right, Some(until)) {
        let differs = !matches!(op, DiffOp::Equal { .. });
        let (old, new) = (op.old_range(), op.new_range());
        for at in 0..old.len().max(new.len()) {
            let line = |lines: &'a [String], range: &std::ops::Range<usize>| {
                let at = range.start + at;
                range.contains(&at).then(|| lines[at].as_str())
            };
            rows.push(Row {
                left: line(left, &old),
                right: line(right, &new),
                differs,
            });
        }
    }
    rows
}

/// A line that is too long goes on in the next ones.
fn put(row: &Row<'_>, column: usize, text: &mut String) {
    let mark = match (row.differs, row.left, row.right) {
        (false, ..) => ' ',
        (true, Some(_), Some(_)) => '|',
        (true, Some(_), None) => '<',
        (true, ..) => '>',
    };
    let (left, right) = (folded(row.left, column), folded(row.right, column));
    for at in 0..left.len().max(right.len()) {
        let cell = |pieces: &[String]| pieces.get(at).cloned().unwrap_or_default();
        let line = format!("{:<column$} {mark} {}", cell(&left), cell(&right));
        let line = line.trim_end();
        match row.differs {
            true => text.push_str(&format!("{MARKED}{line}{PLAIN}\n")),
            false => text.push_str(&format!("{line}\n")),
        }
    }
}

fn folded(line: Option<&str>, column: usize) -> Vec<String> {
    let chars: Vec<char> = line.unwrap_or_default().chars().collect();
    let pieces = chars.chunks(column.max(1));
    let pieces: Vec<String> = pieces.map(|piece| piece.iter().collect()).collect();
    match pieces.is_empty() {
        true => vec![String::new()],
        false => pieces,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(left: &str, right: &str, width: usize) -> String {
        let text = beside(left, right, width);
        text.replace(MARKED, "").replace(PLAIN, "")
    }

    #[test]
    fn what_differs_is_marked_and_stands_opposite() {
        let left = "{\n  \"a\": 1,\n  \"b\": 2,\n  \"d\": 4\n}";
        let right = "{\n  \"a\": 1,\n  \"b\": 3,\n  \"c\": 0,\n  \"d\": 4\n}";
        let expected = "\
{             {
  \"a\": 1,       \"a\": 1,
  \"b\": 2,   |   \"b\": 3,
            >   \"c\": 0,
  \"d\": 4        \"d\": 4
}             }
";
        assert_eq!(plain(left, right, 26), expected);
        assert!(beside(left, right, 26).contains("\x1b[33m  \"b\": 2,"));
    }

    #[test]
    fn what_is_the_same_is_left_out_and_what_is_long_goes_on() {
        let same: Vec<_> = (0..9).map(|n| n.to_string()).collect();
        let same = same.join("\n");
        let (left, right) = (format!("{same}\nabcdefgh"), format!("{same}\nx"));
        let expected = "… 7 lines\n7      7\n8      8\nabcd | x\nefgh |\n";
        assert_eq!(plain(&left, &right, 11), expected);
    }

    #[test]
    fn what_others_said_does_not_steer_the_terminal() {
        assert!(!plain("\u{1b}]0;x\u{7}", "", 40).contains('\u{1b}'));
    }
}
