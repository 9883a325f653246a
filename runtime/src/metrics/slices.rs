//! Parts of the rows, to be measured by themselves.

use indexmap::IndexMap;

/// Rows that have something in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// What they have in common: a value, `[18, 30)`, `missing`, `other`.
    pub name: String,
    /// In order.
    pub rows: Vec<usize>,
}

/// A slice for each of the `most` values that are most frequent, most frequent
/// first and of equals the one that came first; then `other`, where there are
/// more, and `missing`.
pub fn by_value<'a>(values: impl IntoIterator<Item = Option<&'a str>>, most: usize) -> Vec<Slice> {
    let mut rows_of: IndexMap<&str, Vec<usize>> = IndexMap::new();
    let mut missing = Vec::new();
    for (row, value) in values.into_iter().enumerate() {
        match value {
            Some(value) => rows_of.entry(value).or_default().push(row),
            None => missing.push(row),
        }
    }
    rows_of.sort_by(|_, a, _, b| b.len().cmp(&a.len()));
    let other = rows_of.split_off(most.min(rows_of.len()));
    let mut other: Vec<usize> = other.into_values().flatten().collect();
    other.sort_unstable();
    let rest = [("other", other), ("missing", missing)];
    let rest = rest.into_iter().filter(|(_, rows)| !rows.is_empty());
    let slice = |(name, rows): (&str, Vec<usize>)| Slice {
        name: name.to_string(),
        rows,
    };
    rows_of.into_iter().chain(rest).map(slice).collect()
}

/// A slice for each bin between two edges, its lower one in it, and one at each
/// end; then `missing`, where values are NaN. Bins without rows are left out.
/// Edges are taken in order; NaN is none.
pub fn by_edges(values: &[f64], edges: &[f64]) -> Vec<Slice> {
    let mut edges: Vec<f64> = edges
        .iter()
        .copied()
        .filter(|edge| !edge.is_nan())
        .collect();
    edges.sort_by(f64::total_cmp);
    edges.dedup();
    let mut bins = vec![Vec::new(); edges.len() + 1];
    let mut missing = Vec::new();
    for (row, value) in values.iter().enumerate() {
        match value.is_nan() {
            true => missing.push(row),
            false => bins[edges.partition_point(|edge| edge <= value)].push(row),
        }
    }
    let named = (0..bins.len()).map(|bin| bin_name(&edges, bin)).zip(bins);
    let rest = [("missing".to_string(), missing)];
    let slice = |(name, rows)| Slice { name, rows };
    let all = named.chain(rest).map(slice);
    all.filter(|slice| !slice.rows.is_empty()).collect()
}

fn bin_name(edges: &[f64], bin: usize) -> String {
    let from = bin.checked_sub(1).and_then(|edge| edges.get(edge));
    match (from, edges.get(bin)) {
        (Some(from), Some(to)) => format!("[{from}, {to})"),
        (Some(from), None) => format!("{from} and more"),
        (None, Some(to)) => format!("below {to}"),
        (None, None) => "all".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(slices: Vec<Slice>, expected: &[(&str, &[usize])]) {
        let found: Vec<(&str, &[usize])> = slices
            .iter()
            .map(|slice| (slice.name.as_str(), slice.rows.as_slice()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn frequent_values_have_their_own_slice() {
        let values = [Some("pro"), None, Some("free"), Some("free"), Some("team")];
        check(
            by_value(values, 1),
            &[("free", &[2, 3]), ("other", &[0, 4]), ("missing", &[1])],
        );
        check(
            by_value(values, 9),
            &[
                ("free", &[2, 3]),
                ("pro", &[0]),
                ("team", &[4]),
                ("missing", &[1]),
            ],
        );
    }

    #[test]
    fn a_lower_edge_is_in_its_bin() {
        check(
            by_edges(&[18.0, 17.0, 30.0, f64::NAN, 29.0], &[30.0, 18.0, f64::NAN]),
            &[
                ("below 18", &[1]),
                ("[18, 30)", &[0, 4]),
                ("30 and more", &[2]),
                ("missing", &[3]),
            ],
        );
        check(by_edges(&[1.0], &[]), &[("all", &[0])]);
    }
}
