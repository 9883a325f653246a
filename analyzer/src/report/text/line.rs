//! Lines of coloured words that know how wide they are.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::report::palette;
use crate::stages::Stage;

/// How a word is painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paint {
    Plain,
    Bold,
    Head,
    Dim,
    Bad,
    Costly,
    Accent(Stage),
}

/// Columns that `text` fills.
pub(super) fn columns(text: &str) -> usize {
    text.width()
}

/// `text` in at most `width` columns, with `…` where something is left out.
pub(super) fn truncated(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_string();
    }
    let mut out = String::new();
    let mut filled = 1;
    for character in text.chars() {
        filled += character.width().unwrap_or(0);
        if filled > width {
            break;
        }
        out.push(character);
    }
    out + "…"
}

/// Words of one line.
#[derive(Debug, Default)]
pub(super) struct Line {
    words: Vec<(Paint, String)>,
}

impl Line {
    /// An empty line.
    pub(super) fn new() -> Line {
        Line::default()
    }

    /// Adds `text`; control characters become spaces.
    pub(super) fn put(mut self, paint: Paint, text: &str) -> Line {
        let clean = |character: char| {
            if character.is_control() {
                ' '
            } else {
                character
            }
        };
        self.words.push((paint, text.chars().map(clean).collect()));
        self
    }

    /// Adds text.
    pub(super) fn plain(self, text: &str) -> Line {
        self.put(Paint::Plain, text)
    }

    /// Adds a name.
    pub(super) fn bold(self, text: &str) -> Line {
        self.put(Paint::Bold, text)
    }

    /// Adds a heading.
    pub(super) fn head(self, text: &str) -> Line {
        self.put(Paint::Head, text)
    }

    /// Adds what matters less.
    pub(super) fn dim(self, text: &str) -> Line {
        self.put(Paint::Dim, text)
    }

    /// Adds what stands in the way.
    pub(super) fn bad(self, text: &str) -> Line {
        self.put(Paint::Bad, text)
    }

    /// Adds text in the colour of `stage`.
    pub(super) fn accent(self, stage: Stage, text: &str) -> Line {
        self.put(Paint::Accent(stage), text)
    }

    /// Fills up to column `at`; two spaces where it is already past.
    pub(super) fn pad(self, at: usize) -> Line {
        let filled: usize = self.words.iter().map(|(_, text)| columns(text)).sum();
        let missing = match at.saturating_sub(filled) {
            0 if filled > 0 => 2,
            missing => missing,
        };
        self.plain(&" ".repeat(missing))
    }
}

/// Lines, one under the other.
#[derive(Debug)]
pub(super) struct Sheet {
    /// Columns to fill.
    pub(super) width: usize,
    color: bool,
    out: String,
}

impl Sheet {
    /// An empty sheet.
    pub(super) fn new(color: bool, width: usize) -> Sheet {
        Sheet {
            width,
            color,
            out: String::new(),
        }
    }

    /// An empty line.
    pub(super) fn gap(&mut self) {
        self.out.push('\n');
    }

    /// Adds `line`, cut off with `…` where it is too long.
    pub(super) fn cut_off(&mut self, line: Line) {
        let mut left = self.width;
        let mut words = Vec::new();
        let total: usize = line.words.iter().map(|(_, text)| columns(text)).sum();
        for (paint, text) in line.words {
            let width = columns(&text);
            if total > self.width && width >= left {
                words.push((paint, truncated(&(text + " …"), left)));
                break;
            }
            left -= width;
            words.push((paint, text));
        }
        self.emit(words);
    }

    /// Adds `line` over as many lines as it needs; those after the first
    /// start at column `indent`.
    pub(super) fn wrap(&mut self, indent: usize, line: Line) {
        let mut row: Vec<(Paint, String)> = Vec::new();
        let mut filled = 0;
        let mut fresh = true;
        for (paint, text) in line.words {
            for piece in text.split_inclusive(' ') {
                let bare = columns(piece.trim_end_matches(' '));
                if filled + bare > self.width && !fresh {
                    self.emit(std::mem::take(&mut row));
                    row.push((Paint::Plain, " ".repeat(indent)));
                    filled = indent;
                }
                let piece = if filled + bare > self.width {
                    &truncated(piece, self.width.saturating_sub(filled).max(1))
                } else {
                    piece
                };
                filled += columns(piece);
                fresh = filled <= indent && piece.trim().is_empty();
                row.push((paint, piece.to_string()));
            }
        }
        self.emit(row);
    }

    /// The text.
    pub(super) fn finish(self) -> String {
        self.out
    }

    fn emit(&mut self, words: Vec<(Paint, String)>) {
        let start = self.out.len();
        let mut painted = Paint::Plain;
        for (paint, text) in words {
            let blank = text.trim().is_empty();
            if self.color && paint != painted && !blank {
                if painted != Paint::Plain {
                    self.out.push_str("\u{1b}[0m");
                }
                self.out.push_str(&escape(paint));
                painted = paint;
            }
            self.out.push_str(&text);
        }
        let kept = self.out.trim_end_matches(' ').len().max(start);
        self.out.truncate(kept);
        if painted != Paint::Plain {
            self.out.push_str("\u{1b}[0m");
        }
        self.out.push('\n');
    }
}

fn escape(paint: Paint) -> String {
    match paint {
        Paint::Plain => String::new(),
        Paint::Bold => "\u{1b}[1m".to_string(),
        Paint::Head => "\u{1b}[1m".to_string(),
        Paint::Dim => "\u{1b}[2m".to_string(),
        Paint::Bad => "\u{1b}[1;38;5;160m".to_string(),
        Paint::Costly => "\u{1b}[38;5;136m".to_string(),
        Paint::Accent(stage) => format!("\u{1b}[38;5;{}m", palette::accent(stage).terminal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(width: usize, write: impl FnOnce(&mut Sheet)) -> String {
        let mut sheet = Sheet::new(false, width);
        write(&mut sheet);
        sheet.finish()
    }

    #[test]
    fn wide_characters_count_as_two() {
        assert_eq!(truncated("表データ", 5), "表デ…");
        assert_eq!(truncated("表データ", 8), "表データ");
    }

    #[test]
    fn long_lines_wrap_under_their_text() {
        let text = check(12, |sheet| {
            sheet.wrap(2, Line::new().plain("one two three four"))
        });
        assert_eq!(text, "one two\n  three four\n");
    }

    #[test]
    fn long_lines_are_cut_off() {
        let text = check(8, |sheet| {
            sheet.cut_off(Line::new().plain("one ").bold("two three"))
        });
        assert_eq!(text, "one two…\n");
        let text = check(7, |sheet| {
            sheet.cut_off(Line::new().plain("one ").bold("two"))
        });
        assert_eq!(text, "one two\n");
    }
}
