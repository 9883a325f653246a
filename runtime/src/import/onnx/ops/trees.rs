//! Ensembles of trees, added up as ONNX Runtime does
//! (`providers/cpu/ml/tree_ensemble_aggregator.h`): of two classes one score
//! says both.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::super::node::Node;
use super::super::tensor::{Data, Tensor, Wrong};
use super::arithmetic::logistic;
use super::linear::{Transform, first_highest};
use super::{Op, need, of, unary};

pub(super) fn op(node: &Node<'_>) -> Result<Option<Box<dyn Op>>, Wrong> {
    match &*node.0.op_type {
        "TreeEnsembleClassifier" => classifier(node).map(Some),
        "TreeEnsembleRegressor" => regressor(node).map(Some),
        _ => Ok(None),
    }
}

/// How a node compares its column with its threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    AtMost,
    Below,
    AtLeast,
    Above,
    Equal,
    NotEqual,
    Leaf,
}

impl Mode {
    fn of(text: &str) -> Result<Mode, Wrong> {
        Ok(match text {
            "BRANCH_LEQ" => Mode::AtMost,
            "BRANCH_LT" => Mode::Below,
            "BRANCH_GTE" => Mode::AtLeast,
            "BRANCH_GT" => Mode::Above,
            "BRANCH_EQ" => Mode::Equal,
            "BRANCH_NEQ" => Mode::NotEqual,
            "LEAF" => Mode::Leaf,
            other => return Err(format!("a node of mode {other}")),
        })
    }

    fn holds(self, x: f32, threshold: f32) -> bool {
        match self {
            Mode::AtMost => x <= threshold,
            Mode::Below => x < threshold,
            Mode::AtLeast => x >= threshold,
            Mode::Above => x > threshold,
            Mode::Equal => x == threshold,
            Mode::NotEqual => x != threshold,
            Mode::Leaf => false,
        }
    }
}

#[derive(Clone, Debug)]
struct Branch {
    mode: Mode,
    feature: usize,
    threshold: f32,
    missing_true: bool,
    yes: usize,
    no: usize,
    /// Of a leaf: to which scores it adds what.
    weights: Vec<(usize, f32)>,
}

/// Trees whose nodes stand in one list.
struct Trees {
    nodes: Vec<Branch>,
    roots: Vec<usize>,
    n_features: usize,
}

impl Trees {
    /// Checks them: each node is reached once at most, so that a walk ends.
    fn of(node: &Node<'_>, prefix: &str, n_scores: usize) -> Result<Trees, Wrong> {
        let ids = node.ints("nodes_nodeids");
        let tree_ids = same(ids.len(), "nodes_treeids", node.ints("nodes_treeids"))?;
        let features = same(ids.len(), "nodes_featureids", node.ints("nodes_featureids"))?;
        let thresholds = same(ids.len(), "nodes_values", node.floats("nodes_values"))?;
        let yes = same(
            ids.len(),
            "nodes_truenodeids",
            node.ints("nodes_truenodeids"),
        )?;
        let no = same(
            ids.len(),
            "nodes_falsenodeids",
            node.ints("nodes_falsenodeids"),
        )?;
        let modes = node.texts("nodes_modes");
        let modes = same(ids.len(), "nodes_modes", &modes)?;
        let missing = match node.ints("nodes_missing_value_tracks_true") {
            [] => vec![0; ids.len()],
            given => same(ids.len(), "nodes_missing_value_tracks_true", given)?.to_vec(),
        };
        let named = tree_ids.iter().copied().zip(ids.iter().copied());
        let places: FxHashMap<(i64, i64), usize> = named.zip(0..).collect();
        if places.len() != ids.len() {
            return Err("two nodes with one number".to_owned());
        }
        let place = |tree: i64, id: i64| {
            let found = places.get(&(tree, id)).copied();
            found.ok_or_else(|| format!("no node {id} in tree {tree}"))
        };
        let mut nodes = Vec::with_capacity(ids.len());
        let mut n_features = 0;
        let mut children = BTreeSet::new();
        for (index, tree) in tree_ids.iter().enumerate() {
            let mode = Mode::of(&modes[index])?;
            let feature = usize::try_from(features[index]);
            let feature = feature.map_err(|_| "a column below 0".to_owned())?;
            let mut branch = Branch {
                mode,
                feature,
                threshold: thresholds[index],
                missing_true: missing[index] != 0,
                yes: 0,
                no: 0,
                weights: Vec::new(),
            };
            if mode != Mode::Leaf {
                (branch.yes, branch.no) = (place(*tree, yes[index])?, place(*tree, no[index])?);
                n_features = n_features.max(feature + 1);
                for child in [branch.yes, branch.no] {
                    if !children.insert(child) {
                        return Err("a node that is reached on two ways".to_owned());
                    }
                }
            }
            nodes.push(branch);
        }
        let leaf_trees = node.ints(&format!("{prefix}_treeids"));
        let leaf_nodes = same(
            leaf_trees.len(),
            "the leaves' nodes",
            node.ints(&format!("{prefix}_nodeids")),
        )?;
        let scores = same(
            leaf_trees.len(),
            "the leaves' scores",
            node.ints(&format!("{prefix}_ids")),
        )?;
        let weights = same(
            leaf_trees.len(),
            "the leaves' weights",
            node.floats(&format!("{prefix}_weights")),
        )?;
        for (index, tree) in leaf_trees.iter().enumerate() {
            let score = usize::try_from(scores[index]).ok();
            let score = score.filter(|score| *score < n_scores);
            let score = score.ok_or_else(|| format!("a leaf for score {}", scores[index]))?;
            nodes[place(*tree, leaf_nodes[index])?]
                .weights
                .push((score, weights[index]));
        }
        let roots = roots(tree_ids, &children);
        Ok(Trees {
            nodes,
            roots,
            n_features,
        })
    }

    /// The weights of the leaves that a row comes to, tree by tree.
    fn leaves<'t>(&'t self, x: &'t [f32]) -> impl Iterator<Item = &'t (usize, f32)> {
        self.roots.iter().flat_map(move |root| {
            let mut at = &self.nodes[*root];
            while at.mode != Mode::Leaf {
                let x = x[at.feature];
                let yes = at.mode.holds(x, at.threshold) || (at.missing_true && x.is_nan());
                at = &self.nodes[if yes { at.yes } else { at.no }];
            }
            &at.weights
        })
    }

    fn rows<'x>(
        &self,
        x: &Tensor,
        numbers: &'x [f32],
    ) -> Result<std::slice::Chunks<'x, f32>, Wrong> {
        match x.width() >= self.n_features {
            true => Ok(numbers.chunks(x.width().max(1))),
            false => Err(format!(
                "{} columns where {} are needed",
                x.width(),
                self.n_features
            )),
        }
    }
}

/// Of each tree the first node that is nobody's child: a tree of a cycle has
/// none, and a node beside the first is never reached.
fn roots(trees: &[i64], children: &BTreeSet<usize>) -> Vec<usize> {
    let mut seen = BTreeSet::new();
    let free = trees
        .iter()
        .enumerate()
        .filter(|(at, _)| !children.contains(at));
    free.filter(|(_, tree)| seen.insert(**tree))
        .map(|(at, _)| at)
        .collect()
}

fn same<'l, T>(n: usize, what: &str, list: &'l [T]) -> Result<&'l [T], Wrong> {
    match list.len() == n {
        true => Ok(list),
        false => Err(format!(
            "{what} has {} entries where {n} are needed",
            list.len()
        )),
    }
}

fn base_values(node: &Node<'_>, n_scores: usize) -> Result<Vec<f32>, Wrong> {
    match node.floats("base_values") {
        given if [0, 1, n_scores].contains(&given.len()) => Ok(given.to_vec()),
        given => Err(format!("{} base values for {n_scores} scores", given.len())),
    }
}

fn regressor(node: &Node<'_>) -> Result<Box<dyn Op>, Wrong> {
    let n_targets = usize::try_from(node.int("n_targets", 1))
        .unwrap_or(0)
        .max(1);
    if n_targets > node.floats("target_weights").len().max(1) {
        return Err(format!("{n_targets} targets"));
    }
    let trees = Trees::of(node, "target", n_targets)?;
    let base = base_values(node, n_targets)?;
    let transform = Transform::of(node)?;
    let mean = match &*node.text("aggregate_function", "SUM") {
        "SUM" => false,
        "AVERAGE" => true,
        other => return Err(format!("aggregate_function = {other}")),
    };
    Ok(unary(move |x| {
        let numbers = x.f32s()?;
        let mut made = Vec::new();
        for row in trees.rows(x, &numbers)? {
            let mut scores = vec![0.0_f32; n_targets];
            trees
                .leaves(row)
                .for_each(|(score, weight)| scores[*score] += weight);
            for (score, value) in scores.iter_mut().enumerate() {
                if mean {
                    *value /= trees.roots.len() as f32;
                }
                *value += base.get(score).or(base.first()).copied().unwrap_or(0.0);
            }
            transform.apply(&mut scores);
            made.extend(scores);
        }
        Tensor::new(vec![made.len() / n_targets, n_targets], Data::F32(made))
    }))
}

/// Of two classes: how the score of one says both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Binary {
    /// Every class has a score of its own.
    No,
    /// The score is a share, and above one half the second class is said.
    Share,
    /// Above 0 the second class is said.
    Sign,
}

fn classifier(node: &Node<'_>) -> Result<Box<dyn Op>, Wrong> {
    let classes = node.classes().ok_or("no classes")?;
    let n = classes.len();
    let trees = Trees::of(node, "class", n)?;
    let base = base_values(node, n)?;
    let transform = Transform::of(node)?;
    let scored: BTreeSet<i64> = node.ints("class_ids").iter().copied().collect();
    let positive = node
        .floats("class_weights")
        .iter()
        .all(|weight| *weight >= 0.0);
    let binary = match n == 2 && scored.len() == 1 {
        false => Binary::No,
        true if positive => Binary::Share,
        true => Binary::Sign,
    };
    let one = scored.first().copied().unwrap_or(0) as usize;
    Ok(of(move |inputs| {
        let x = need(inputs, 0)?;
        let numbers = x.f32s()?;
        let (mut picked, mut made) = (Vec::new(), Vec::new());
        for row in trees.rows(x, &numbers)? {
            let mut scores = vec![0.0_f32; n];
            trees
                .leaves(row)
                .for_each(|(score, weight)| scores[*score] += weight);
            if binary == Binary::No {
                let of_base = |score: usize| base.get(score).copied().unwrap_or(0.0);
                for (score, value) in scores.iter_mut().enumerate() {
                    *value += of_base(score);
                }
                picked.push(first_highest(&scores));
                transform.apply(&mut scores);
                made.extend(scores);
                continue;
            }
            let score = scores[one] + base.last().copied().unwrap_or(0.0);
            let limit = if binary == Binary::Share { 0.5 } else { 0.0 };
            picked.push(usize::from(score > limit));
            made.extend(match (binary, transform) {
                (Binary::Share, _) => [1.0 - score, score],
                (_, Transform::Logistic) => [logistic(-score), logistic(score)],
                _ => [-score, score],
            });
        }
        let rows = picked.len();
        let labels = Tensor::new(vec![rows], classes.pick(&picked)?)?;
        Ok(vec![labels, Tensor::new(vec![rows, n], Data::F32(made))?])
    }))
}
