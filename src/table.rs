//! Columns that line up.

/// Lines of cells, each column as wide as its widest cell; those whose heading
/// ends in `>` stand to the right.
pub(crate) fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let names = headings
        .iter()
        .map(|heading| heading.trim_end_matches('>').to_owned());
    let names: Vec<String> = names.collect();
    let lines: Vec<&Vec<String>> = std::iter::once(&names).chain(rows).collect();
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let mut shown = String::new();
        for (column, cell) in line.iter().enumerate() {
            let width = widths.get(column).copied().unwrap_or(0);
            let right = headings
                .get(column)
                .is_some_and(|heading| heading.ends_with('>'));
            match right {
                true => shown.push_str(&format!("{cell:>width$}   ")),
                false => shown.push_str(&format!("{cell:<width$}   ")),
            }
        }
        text.push_str(shown.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let row = |a: &str, b: &str, c: &str| vec![a.to_owned(), b.to_owned(), c.to_owned()];
        let rows = [row("é", "5", "x"), row("long", "100", "")];
        assert_eq!(
            table(&["A", "N>", "C"], &rows),
            "A        N   C\né        5   x\nlong   100\n"
        );
    }
}
