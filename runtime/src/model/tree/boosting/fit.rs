//! The rounds of boosting.

use ndarray::{ArrayView2, Axis};

use super::bins::{Binned, Bins};
use super::boosted::Boosted;
use super::grow::{Growth, grow};
use super::histogram::Slopes;
use super::loss::{Loss, Targets};
use super::{GradientBoosting, KIND};
use crate::model::progress::go_on;
use crate::model::tree::nodes::Nodes;
use crate::model::tree::random::RandomState;
use crate::model::{Event, ModelError, Progress};

/// Rows with what there is to learn of them, and what has been said so far.
struct Part {
    rows: Vec<u32>,
    targets: Targets,
    said: Vec<f64>,
}

/// Boosts until all rounds are made, or rows held back are told no better.
pub(super) fn fit(
    params: &GradientBoosting,
    x: ArrayView2<'_, f64>,
    loss: Loss,
    targets: Targets,
    progress: &dyn Progress,
) -> Result<Boosted, ModelError> {
    let mut random = RandomState::new(params.seed);
    let all: Vec<u32> = (0..x.nrows() as u32).collect();
    let (learnt, held) = match params.stops_early(x.nrows()) {
        true => hold_back(all, loss, &targets, params.validation_fraction, &mut random)?,
        false => (all, Vec::new()),
    };
    let mut learnt = Part::of(learnt, &targets);
    let mut held = Part::of(held, &targets);
    drop(targets);
    let baseline = loss.baseline(&learnt.targets);
    learnt.begin(&baseline);
    held.begin(&baseline);
    let bins = Bins::find(x, &learnt.rows, params.max_bins, &mut random);
    let binned = bins.sort(x, &learnt.rows);
    let growth = params.growth();
    let constant = loss.is_constant(&learnt.targets);
    let mut slopes = vec![Slopes::new(learnt.rows.len(), constant); loss.n_outputs()];
    let mut trees = Vec::new();
    let mut losses = held.loss(loss).into_iter().collect::<Vec<_>>();
    for round in 0..params.max_iter {
        go_on(progress)?;
        loss.slopes(&learnt.targets, &learnt.said, &mut slopes);
        for (output, slopes) in slopes.iter().enumerate() {
            let tree = learnt.grow(&bins, &binned, slopes, &growth, output);
            held.add(x, &tree, output);
            trees.push(tree);
        }
        losses.extend(held.loss(loss));
        progress.tell(Event::Step {
            what: "round",
            done: round + 1,
            most: params.max_iter,
            objective: losses.last().copied(),
        });
        if is_enough(&losses, params.n_iter_no_change, params.tol) {
            break;
        }
    }
    Ok(Boosted {
        n_features: x.ncols(),
        classes: None,
        baseline,
        trees,
    })
}

impl Part {
    fn of(rows: Vec<u32>, targets: &Targets) -> Self {
        let of = |numbers: &[f64]| rows.iter().map(|row| numbers[*row as usize]).collect();
        let targets = Targets {
            of: of(&targets.of),
            weights: targets.weights.as_deref().map(of),
        };
        Part {
            rows,
            targets,
            said: Vec::new(),
        }
    }

    fn begin(&mut self, baseline: &[f64]) {
        let n_rows = self.rows.len();
        let said = baseline
            .iter()
            .map(|base| std::iter::repeat_n(*base, n_rows));
        self.said = said.flatten().collect();
    }

    fn output(&mut self, output: usize) -> &mut [f64] {
        let n_rows = self.rows.len();
        &mut self.said[output * n_rows..][..n_rows]
    }

    fn grow(
        &mut self,
        bins: &Bins,
        binned: &Binned,
        slopes: &Slopes,
        growth: &Growth,
        output: usize,
    ) -> Nodes {
        let grown = grow(bins, binned, slopes, growth);
        grown.add_to(self.output(output));
        grown.nodes
    }

    /// Adds what a tree says of these rows, which it has not learnt from.
    fn add(&mut self, x: ArrayView2<'_, f64>, tree: &Nodes, output: usize) {
        let mut cells = Vec::with_capacity(x.ncols());
        let said = self.said.iter_mut().skip(output * self.rows.len());
        for (row, said) in self.rows.iter().zip(said) {
            cells.clear();
            cells.extend(x.index_axis(Axis(0), *row as usize));
            *said += tree.say(&cells)[0];
        }
    }

    /// The loss so far; none of no rows.
    fn loss(&self, loss: Loss) -> Option<f64> {
        (!self.rows.is_empty()).then(|| loss.mean(&self.targets, &self.said))
    }
}

/// Parts rows at random into those to learn from and those to hold back: of
/// each class, or of all rows, the same share. Each part keeps its order.
fn hold_back(
    rows: Vec<u32>,
    loss: Loss,
    targets: &Targets,
    share: f64,
    random: &mut RandomState,
) -> Result<(Vec<u32>, Vec<u32>), ModelError> {
    let mut groups: Vec<Vec<u32>> = Vec::new();
    for row in rows {
        let group = match loss {
            Loss::Squared => 0,
            Loss::Binomial | Loss::Multinomial(_) => targets.of[row as usize] as usize,
        };
        if groups.len() <= group {
            groups.resize(group + 1, Vec::new());
        }
        groups[group].push(row);
    }
    let (mut learnt, mut held) = (Vec::new(), Vec::new());
    for mut group in groups {
        random.shuffle(&mut group);
        let n = (group.len() as f64 * share).round() as usize;
        // Of a class with a single row there is nothing to hold back.
        let n = n.min(group.len().saturating_sub(1));
        held.extend_from_slice(&group[..n]);
        learnt.extend_from_slice(&group[n..]);
    }
    if held.is_empty() {
        return Err(ModelError::TooFewRows {
            kind: KIND,
            needed: (1.0 / share).ceil() as usize,
            of: " to hold some back for `early_stopping`".to_owned(),
            found: learnt.len(),
        });
    }
    learnt.sort_unstable();
    held.sort_unstable();
    Ok((learnt, held))
}

/// Whether none of the last `patience` losses is better than the one before
/// them.
fn is_enough(losses: &[f64], patience: usize, tol: f64) -> bool {
    let Some((before, last)) = losses.split_at_checked(losses.len().saturating_sub(patience))
    else {
        return false;
    };
    let Some(before) = before.last() else {
        return false;
    };
    !last.iter().any(|loss| *loss < before - tol)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_enough_when_nothing_became_better() {
        assert!(!is_enough(&[], 2, 0.0));
        assert!(!is_enough(&[3.0, 2.0], 2, 0.0));
        assert!(!is_enough(&[3.0, 3.5, 2.0], 2, 0.0));
        assert!(is_enough(&[3.0, 3.5, 3.0], 2, 0.0));
        assert!(is_enough(&[3.0, 2.9, 2.9], 2, 0.5));
    }

    #[test]
    fn every_class_is_held_back_from() {
        let of: Vec<f64> = (0..100)
            .map(|row| if row % 10 == 0 { 1.0 } else { 0.0 })
            .collect();
        let targets = Targets { of, weights: None };
        let mut random = RandomState::new(0);
        let (learnt, held) = hold_back(
            (0..100).collect(),
            Loss::Binomial,
            &targets,
            0.1,
            &mut random,
        )
        .unwrap();
        assert_eq!(held.iter().filter(|row| *row % 10 == 0).count(), 1);
        assert_eq!(held.len(), 10);
        let mut all = [learnt, held].concat();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..100));
    }
}
