//! Which categories are too rare for a column of their own, as scikit-learn's
//! `OneHotEncoder` says.

use serde::{Deserialize, Serialize};

use super::super::fault::Fault;

/// How often a category has to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Frequency {
    /// In so many rows.
    Count(usize),
    /// In this share of all rows, above 0 and below 1.
    Share(f64),
}

/// For each category, by how often it is seen among so many rows, whether it is
/// joined with others. Of those that are seen often enough the most frequent
/// stay alone, the last ones of equals, so that with the joined one there are
/// `most` at the most; one joined category is counted even where nothing is
/// too rare, as scikit-learn does.
///
/// # Errors
/// When a limit is none.
pub(super) fn infrequent(
    counts: &[usize],
    n_rows: usize,
    least: Option<Frequency>,
    most: Option<usize>,
) -> Result<Vec<bool>, Fault> {
    let is_rare = |count: &usize| match least {
        None => false,
        Some(Frequency::Count(least)) => *count < least,
        Some(Frequency::Share(share)) => (*count as f64) < share * n_rows as f64,
    };
    if let Some(Frequency::Share(share)) = least
        && !(share > 0.0 && share < 1.0)
    {
        let problem = format!("is {share}: write a number of rows, or a share above 0 and below 1");
        return Err(Fault::declared("min_frequency", problem));
    }
    let mut rare: Vec<bool> = counts.iter().map(is_rare).collect();
    let n_frequent = rare.iter().filter(|rare| !**rare).count();
    match most {
        Some(0) => return Err(Fault::declared("max_categories", "is 0: write 1 at least")),
        Some(most) if n_frequent + 1 > most => {
            let mut by_count: Vec<usize> = (0..counts.len()).collect();
            by_count.sort_by_key(|category| counts[*category]);
            let n_joined = counts.len().saturating_sub(most - 1);
            for category in &by_count[..n_joined] {
                rare[*category] = true;
            }
        }
        _ => {}
    }
    Ok(rare)
}
