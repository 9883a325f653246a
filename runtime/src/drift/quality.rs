//! Whether new rows are as good as those of a reference.

use serde::{Deserialize, Serialize};

use super::profile::{ColumnProfile, Numbers, Profile, Words};

/// From where on something is a problem; each a share of the rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct QualityLimits {
    /// By how much more values may be missing than in the reference.
    pub missing_rise: f64,
    /// How many may lie outside the reference's range.
    pub out_of_range: f64,
    /// How many may be of a category that the reference lacks.
    pub new_categories: f64,
}

/// What is wrong with one column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// Its name.
    pub column: String,
    /// What is wrong with it.
    pub issue: Issue,
}

/// What is wrong with a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Issue {
    /// It is not there.
    Gone,
    /// The reference does not have it.
    New,
    /// Numbers where the reference has words, or the other way round.
    OtherKind,
    /// More values are missing.
    Missing {
        /// The share here.
        share: f64,
        /// The share in the reference.
        reference: f64,
    },
    /// Numbers beyond those of the reference.
    OutOfRange {
        /// About which share.
        share: f64,
        /// The least and the greatest here.
        range: [f64; 2],
        /// The least and the greatest in the reference.
        reference: [f64; 2],
    },
    /// Values that the reference does not have.
    NewCategories {
        /// The share of them.
        share: f64,
        /// Some of them.
        examples: Vec<String>,
    },
}

/// So many new categories are named.
const MOST_EXAMPLES: usize = 5;

impl Default for QualityLimits {
    fn default() -> QualityLimits {
        QualityLimits {
            missing_rise: 0.05,
            out_of_range: 0.01,
            new_categories: 0.01,
        }
    }
}

/// What is wrong with the columns of `current`, in the reference's order; empty
/// of no rows.
pub fn problems(reference: &Profile, current: &Profile, limits: &QualityLimits) -> Vec<Problem> {
    if current.rows == 0 {
        return Vec::new();
    }
    let mut problems = Vec::new();
    for (name, was) in &reference.columns {
        let issues = match current.columns.get(name) {
            None => vec![Issue::Gone],
            Some(is) => issues(was, is, [reference.rows, current.rows], limits),
        };
        problems.extend(issues.into_iter().map(|issue| Problem::of(name, issue)));
    }
    let new = current
        .columns
        .keys()
        .filter(|name| !reference.columns.contains_key(*name));
    problems.extend(new.map(|name| Problem::of(name, Issue::New)));
    problems
}

fn issues(
    was: &ColumnProfile,
    is: &ColumnProfile,
    rows: [u64; 2],
    limits: &QualityLimits,
) -> Vec<Issue> {
    let values = match (was, is) {
        (ColumnProfile::Numbers(was), ColumnProfile::Numbers(is)) => {
            out_of_range(was, is, limits.out_of_range)
        }
        (ColumnProfile::Words(was), ColumnProfile::Words(is)) => {
            new_categories(was, is, limits.new_categories)
        }
        _ => return vec![Issue::OtherKind],
    };
    let share = is.missing() as f64 / rows[1] as f64;
    let reference = was.missing() as f64 / rows[0].max(1) as f64;
    let missing = share - reference > limits.missing_rise;
    let missing = missing.then_some(Issue::Missing { share, reference });
    missing.into_iter().chain(values).collect()
}

fn out_of_range(was: &Numbers, is: &Numbers, limit: f64) -> Option<Issue> {
    let reference = [was.min?, was.max?];
    let range = [is.min?, is.max?];
    let share = is.share_outside(reference[0], reference[1])?;
    (share > limit).then_some(Issue::OutOfRange {
        share,
        range,
        reference,
    })
}

/// None also where the reference has too many values to know which are new.
fn new_categories(was: &Words, is: &Words, limit: f64) -> Option<Issue> {
    if was.others > 0 {
        return None;
    }
    let new = || {
        is.counts
            .iter()
            .filter(|(value, _)| !was.counts.contains_key(*value))
    };
    let n_new: u64 = new().map(|(_, n)| n).sum::<u64>() + is.others;
    let share = n_new as f64 / is.count.max(1) as f64;
    (share > limit).then(|| Issue::NewCategories {
        share,
        examples: new()
            .take(MOST_EXAMPLES)
            .map(|(value, _)| value.clone())
            .collect(),
    })
}

impl Problem {
    fn of(column: &str, issue: Issue) -> Problem {
        Problem {
            column: column.to_string(),
            issue,
        }
    }

    /// In words.
    pub fn says(&self) -> String {
        let percent = |share: f64| format!("{:.1} %", share * 100.0);
        let rest = match &self.issue {
            Issue::Gone => "is not there".to_string(),
            Issue::New => "is new; the reference does not have it".to_string(),
            Issue::OtherKind => {
                "holds numbers where the reference holds words, or the other way round".to_string()
            }
            Issue::Missing { share, reference } => {
                format!(
                    "misses {} of its values, {} in the reference",
                    percent(*share),
                    percent(*reference)
                )
            }
            Issue::OutOfRange {
                share,
                range: [low, high],
                reference: [min, max],
            } => format!(
                "reaches from {low} to {high}, about {} beyond the reference's {min} to {max}",
                percent(*share)
            ),
            Issue::NewCategories { share, examples } => format!(
                "has values that the reference lacks, in {} of the rows: {}",
                percent(*share),
                examples.join(", ")
            ),
        };
        format!("{} {rest}", self.column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(columns: Vec<(&str, ColumnProfile)>) -> Profile {
        let columns = columns
            .into_iter()
            .map(|(name, column)| (name.to_string(), column));
        Profile {
            rows: 4,
            columns: columns.collect(),
        }
    }

    fn numbers(values: [f64; 4]) -> ColumnProfile {
        let mut numbers = Numbers::default();
        values
            .map(Some)
            .into_iter()
            .for_each(|value| numbers.add(value));
        ColumnProfile::Numbers(numbers)
    }

    fn words(values: [&str; 4]) -> ColumnProfile {
        let mut words = Words::default();
        values
            .map(Some)
            .into_iter()
            .for_each(|value| words.add(value));
        ColumnProfile::Words(words)
    }

    #[test]
    fn what_is_wrong_is_said() {
        let reference = profile(vec![
            ("age", numbers([18.0, 30.0, 40.0, 60.0])),
            ("plan", words(["free", "pro", "pro", "free"])),
            ("score", numbers([1.0, 2.0, 3.0, 4.0])),
            ("gone", words(["x"; 4])),
        ]);
        let current = profile(vec![
            ("age", numbers([20.0, f64::NAN, f64::NAN, 30.0])),
            ("plan", words(["free", "team", "team", "pro"])),
            ("score", numbers([2.0, 2.5, 3.0, 900.0])),
            ("new", words(["x"; 4])),
        ]);
        let found = problems(&reference, &current, &QualityLimits::default());
        let says: Vec<String> = found.iter().map(Problem::says).collect();
        assert_eq!(
            says[0],
            "age misses 50.0 % of its values, 0.0 % in the reference"
        );
        assert_eq!(
            says[1],
            "plan has values that the reference lacks, in 50.0 % of the rows: team"
        );
        assert!(
            says[2].starts_with("score reaches from 2 to 900, about "),
            "{}",
            says[2]
        );
        assert_eq!(says[3], "gone is not there");
        assert_eq!(says[4], "new is new; the reference does not have it");
        assert_eq!(
            problems(&reference, &reference, &QualityLimits::default()),
            []
        );
    }
}
