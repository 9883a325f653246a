//! [`Block`]: the lines of the head, or of one tree.

use std::str::FromStr;

use rustc_hash::FxHashMap;

use super::super::check::Place;
use super::super::document::Real;
use super::super::error::{Flaw, ImportError};
use super::super::tree::{SetWritten, Tree, TreeWritten};

/// One block of `key=value` lines.
pub(super) struct Block<'t> {
    lines: FxHashMap<&'t str, &'t str>,
    name: String,
    at: &'t Place,
}

impl<'t> Block<'t> {
    pub(super) fn of(name: &str, text: &'t str, at: &'t Place) -> Block<'t> {
        let lines = text
            .lines()
            .map(|line| line.split_once('=').unwrap_or((line, "")));
        Block {
            lines: lines.collect(),
            name: name.to_owned(),
            at,
        }
    }

    pub(super) fn first(&self, key: &str) -> Option<&'t str> {
        self.lines.get(key).copied()
    }

    pub(super) fn text(&self, key: &'static str) -> Result<&'t str, ImportError> {
        self.first(key).ok_or_else(|| self.broken(key, ""))
    }

    pub(super) fn one<T: FromStr>(&self, key: &'static str) -> Result<T, ImportError> {
        let text = self.text(key)?;
        text.trim().parse().map_err(|_| self.broken(key, text))
    }

    fn all<T: FromStr>(&self, key: &'static str) -> Result<Vec<T>, ImportError> {
        let words = self.text(key)?.split_ascii_whitespace();
        words
            .map(|word| word.parse().map_err(|_| self.broken(key, word)))
            .collect()
    }

    fn broken(&self, key: &str, found: &str) -> ImportError {
        let what = format!("{key} of {}", self.name);
        self.at.flaw(Flaw::Text {
            what,
            found: found.chars().take(40).collect(),
        })
    }

    pub(super) fn tree(&self, number: usize, n_features: usize) -> Result<Tree, ImportError> {
        if self
            .first("is_linear")
            .is_some_and(|linear| linear.trim() == "1")
        {
            return Err(self.at.unknown("LightGBM with linear_tree"));
        }
        let n_leaves: usize = self.one("num_leaves")?;
        let values: Vec<f64> = self.all("leaf_value")?;
        self.at.length("leaf_value", values.len(), n_leaves)?;
        let written = match n_leaves {
            1 => leaf_alone(),
            _ => self.splits(n_leaves)?,
        };
        let values = values.into_iter().map(|value| vec![Real(value)]).collect();
        Tree::new(
            TreeWritten { values, ..written },
            number,
            n_features,
            1,
            self.at,
        )
    }

    /// The splits, with the leaves behind them.
    fn splits(&self, n_leaves: usize) -> Result<TreeWritten, ImportError> {
        let n_splits = n_leaves.saturating_sub(1);
        let child = |child: i64| match child < 0 {
            true => n_splits as i64 + !child,
            false => child,
        };
        let children = |key| -> Result<Vec<i64>, ImportError> {
            let children: Vec<i64> = self.all(key)?;
            self.at.length(key, children.len(), n_splits)?;
            let leaves = std::iter::repeat_n(-1, n_leaves);
            Ok(children.into_iter().map(child).chain(leaves).collect())
        };
        let (left, right) = (children("left_child")?, children("right_child")?);
        let mut feature: Vec<usize> = self.all("split_feature")?;
        let thresholds: Vec<f64> = self.all("threshold")?;
        let decisions: Vec<u8> = self.all("decision_type")?;
        self.at.length("threshold", thresholds.len(), n_splits)?;
        self.at.length("decision_type", decisions.len(), n_splits)?;
        self.at.length("split_feature", feature.len(), n_splits)?;
        let (mut missing_left, mut set) = (Vec::new(), Vec::new());
        for (threshold, decision) in thresholds.iter().zip(decisions) {
            let decision = Decision::read(decision, self.at)?;
            missing_left.push(u8::from(decision.missing_left(*threshold)));
            set.push(if decision.categorical {
                *threshold as i64
            } else {
                -1
            });
        }
        let nodes = n_splits + n_leaves;
        feature.resize(nodes, 0);
        missing_left.resize(nodes, 0);
        set.resize(nodes, -1);
        let threshold = thresholds
            .into_iter()
            .chain(std::iter::repeat_n(0.0, n_leaves));
        Ok(TreeWritten {
            left,
            right,
            feature,
            threshold: threshold.map(Real).collect(),
            missing_left: Some(missing_left),
            set: Some(set),
            sets: self.sets()?,
            values: Vec::new(),
        })
    }

    /// The categories that go left, as bits of words of 32.
    fn sets(&self) -> Result<Vec<SetWritten>, ImportError> {
        if self.one::<usize>("num_cat")? == 0 {
            return Ok(Vec::new());
        }
        let bounds: Vec<usize> = self.all("cat_boundaries")?;
        let words: Vec<u32> = self.all("cat_threshold")?;
        let set = |bounds: &[usize]| {
            let words = words.get(bounds[0]..bounds[1]);
            let words = words.ok_or_else(|| self.broken("cat_boundaries", ""))?;
            let members = (0_u32..).zip(words).flat_map(|(index, word)| {
                let bits = (0..32).filter(move |bit| word >> bit & 1 == 1);
                bits.map(move |bit| index * 32 + bit)
            });
            Ok(SetWritten {
                left: members.collect(),
                known: None,
            })
        };
        bounds.windows(2).map(set).collect()
    }
}

fn leaf_alone() -> TreeWritten {
    TreeWritten {
        left: vec![-1],
        right: vec![-1],
        feature: vec![0],
        threshold: vec![Real(0.0)],
        missing_left: None,
        set: None,
        sets: Vec::new(),
        values: Vec::new(),
    }
}

/// The bits of `decision_type`.
struct Decision {
    categorical: bool,
    default_left: bool,
    missing: Missing,
}

enum Missing {
    /// There was none in training: it counts as 0.
    None,
    Nan,
}

impl Decision {
    fn read(bits: u8, at: &Place) -> Result<Decision, ImportError> {
        let missing = match bits >> 2 & 3 {
            0 => Missing::None,
            2 => Missing::Nan,
            _ => return Err(at.unknown("LightGBM with zero_as_missing")),
        };
        Ok(Decision {
            categorical: bits & 1 == 1,
            default_left: bits & 2 == 2,
            missing,
        })
    }

    fn missing_left(&self, threshold: f64) -> bool {
        match self.missing {
            _ if self.categorical => false,
            Missing::None => 0.0 <= threshold,
            Missing::Nan => self.default_left,
        }
    }
}
