//! [`Summary`]: what many comparisons come to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::comparison::{Comparison, Difference, Kind, Numbers, Remark, Verdict};
use super::field::Field;
use super::predictions::{Flip, Predictions};
use super::says;
use super::sketch::Sketch;

/// What many comparisons come to, in bounded space. Two of them, of comparisons
/// one after the other, are added by [`Summary::merge`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Comparisons that say something: matches and mismatches.
    pub compared: u64,
    /// Of those, the ones that match.
    pub matches: u64,
    /// Of those, the ones that do not.
    pub mismatches: u64,
    /// Matches only because noise does not count.
    pub excused: u64,
    /// Comparisons that say nothing, by the reason.
    pub unavailable: BTreeMap<String, u64>,
    /// By field and kind, those that differ most often first; at most
    /// [`MOST_FIELDS`].
    pub fields: Vec<FieldSummary>,
    /// Comparisons with a difference that is not in `fields`.
    pub left_out: u64,
    /// What differs and does not count, in how many comparisons; at most 32.
    pub remarks: Vec<(Remark, u64)>,
    /// What was predicted, where the rules name it.
    pub predictions: PredictionSummary,
}

/// As many fields are told apart.
pub const MOST_FIELDS: usize = 256;

/// As many remarks are told apart.
const MOST_REMARKS: usize = 32;

/// As many flips of labels are told apart.
const MOST_FLIPS: usize = 256;

/// One field that differs, over many comparisons.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldSummary {
    /// The field.
    pub field: Field,
    /// In what way.
    pub kind: Kind,
    /// It is noise and does not count.
    pub noise: bool,
    /// In so many comparisons.
    pub comparisons: u64,
    /// At so many places of them.
    pub places: u64,
    /// How far apart, where all are numbers.
    pub numbers: Option<Numbers>,
    /// The first of the comparisons.
    pub first: Example,
    /// The last one.
    pub last: Example,
    /// The one with the largest difference of numbers.
    pub largest: Option<(f64, Example)>,
}

/// A comparison in which a field differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// What the comparison is known by.
    pub id: String,
    /// Where it differs.
    pub place: String,
    /// What the monolith has there.
    pub control: String,
    /// What the candidate has there.
    pub candidate: String,
}

/// What was predicted, over many comparisons.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PredictionSummary {
    /// Labels that stood on both sides.
    pub labels: u64,
    /// Of those, the ones that are not the same.
    pub flipped: u64,
    /// Comparisons in which at least one is not.
    pub flipped_in: u64,
    /// From what to what and how often, the most frequent first; at most 256.
    pub flips: Vec<(Flip, u64)>,
    /// Scores that stood on both sides.
    pub scores: u64,
    /// The candidate's minus the monolith's.
    pub difference: Sketch,
    /// The monolith's.
    pub control: Sketch,
    /// The candidate's.
    pub candidate: Sketch,
}

impl Summary {
    /// Adds a comparison that is known by `id`.
    pub fn add(&mut self, id: &str, comparison: &Comparison) {
        match comparison.verdict {
            Verdict::Unavailable(why) => {
                *self.unavailable.entry(why.to_string()).or_default() += 1;
                return;
            }
            Verdict::Match => {
                self.matches += 1;
                self.excused += u64::from(!comparison.differences.is_empty());
            }
            Verdict::Mismatch => self.mismatches += 1,
        }
        self.compared += 1;
        let mut left_out = comparison.left_out > 0;
        for difference in &comparison.differences {
            left_out |= !self.put(FieldSummary::of(id, difference));
        }
        self.left_out += u64::from(left_out);
        for remark in &comparison.remarks {
            self.remark(remark, 1);
        }
        if let Some(predictions) = &comparison.predictions {
            self.predictions.add(predictions);
        }
        self.sort();
    }

    /// Adds another one; its comparisons are later ones.
    pub fn merge(&mut self, other: &Summary) {
        self.compared += other.compared;
        self.matches += other.matches;
        self.mismatches += other.mismatches;
        self.excused += other.excused;
        for (why, count) in &other.unavailable {
            *self.unavailable.entry(why.clone()).or_default() += count;
        }
        self.left_out += other.left_out;
        for field in &other.fields {
            if !self.put(field.clone()) {
                self.left_out += field.comparisons;
            }
        }
        for (remark, count) in &other.remarks {
            self.remark(remark, *count);
        }
        self.predictions.merge(&other.predictions);
        self.sort();
    }

    /// What is to be said of each field, the counting ones first, and of what
    /// does not count; each without its count.
    pub fn sentences(&self) -> Vec<(Field, String)> {
        let counting = self.fields.iter().filter(|field| !field.noise);
        let noise = self.fields.iter().filter(|field| field.noise);
        let said = counting.chain(noise);
        said.map(|field| {
            (
                field.field.clone(),
                says::of_field(field, &self.predictions),
            )
        })
        .collect()
    }

    /// What is to be said of what differs and does not count.
    pub fn remarks(&self) -> Vec<String> {
        let said = self.remarks.iter();
        said.map(|(remark, count)| says::of_remark(remark, *count))
            .collect()
    }

    fn put(&mut self, field: FieldSummary) -> bool {
        let mut known = self.fields.iter_mut();
        let is = |own: &&mut FieldSummary| {
            own.kind == field.kind && own.noise == field.noise && own.field == field.field
        };
        if let Some(known) = known.find(is) {
            known.merge(field);
            return true;
        }
        let room = self.fields.len() < MOST_FIELDS;
        if room {
            self.fields.push(field);
        }
        room
    }

    fn remark(&mut self, remark: &Remark, count: u64) {
        let mut known = self.remarks.iter_mut();
        if let Some((_, known)) = known.find(|(own, _)| own == remark) {
            *known += count;
        } else if self.remarks.len() < MOST_REMARKS {
            self.remarks.push((remark.clone(), count));
        }
    }

    fn sort(&mut self) {
        self.fields.sort_by(|own, other| {
            let by_count = other.comparisons.cmp(&own.comparisons);
            by_count.then_with(|| {
                let own = (&own.field, own.kind, own.noise);
                own.cmp(&(&other.field, other.kind, other.noise))
            })
        });
    }
}

impl FieldSummary {
    fn of(id: &str, difference: &Difference) -> FieldSummary {
        let example = Example {
            id: id.to_owned(),
            place: difference.place.clone(),
            control: difference.control.clone(),
            candidate: difference.candidate.clone(),
        };
        let magnitude = difference.magnitude();
        FieldSummary {
            field: difference.field.clone(),
            kind: difference.kind,
            noise: difference.noise,
            comparisons: 1,
            places: difference.count,
            numbers: difference.numbers,
            largest: magnitude.map(|magnitude| (magnitude, example.clone())),
            last: example.clone(),
            first: example,
        }
    }

    fn merge(&mut self, later: FieldSummary) {
        self.comparisons += later.comparisons;
        self.places += later.places;
        self.numbers = self
            .numbers
            .zip(later.numbers)
            .map(|(own, more)| own.and(more));
        self.last = later.last;
        if let Some((magnitude, _)) = &later.largest
            && self.largest.as_ref().is_none_or(|(own, _)| own < magnitude)
        {
            self.largest = later.largest;
        }
    }
}

impl PredictionSummary {
    fn add(&mut self, predictions: &Predictions) {
        self.labels += predictions.labels;
        self.flipped += predictions.flipped;
        self.flipped_in += u64::from(predictions.flipped > 0);
        for flip in &predictions.flips {
            self.flip(flip, 1);
        }
        self.scores += predictions.scores;
        for (control, candidate) in &predictions.pairs {
            self.difference.add(candidate - control);
            self.control.add(*control);
            self.candidate.add(*candidate);
        }
        self.sort();
    }

    fn merge(&mut self, other: &PredictionSummary) {
        self.labels += other.labels;
        self.flipped += other.flipped;
        self.flipped_in += other.flipped_in;
        for (flip, count) in &other.flips {
            self.flip(flip, *count);
        }
        self.scores += other.scores;
        self.difference.merge(&other.difference);
        self.control.merge(&other.control);
        self.candidate.merge(&other.candidate);
        self.sort();
    }

    fn flip(&mut self, flip: &Flip, count: u64) {
        let mut known = self.flips.iter_mut();
        if let Some((_, known)) = known.find(|(own, _)| own == flip) {
            *known += count;
        } else if self.flips.len() < MOST_FLIPS {
            self.flips.push((flip.clone(), count));
        }
    }

    fn sort(&mut self) {
        self.flips
            .sort_by(|own, other| other.1.cmp(&own.1).then_with(|| own.0.cmp(&other.0)));
    }
}

#[cfg(test)]
mod tests {
    use super::super::rules::Rules;
    use super::super::tests::{json, path};
    use super::*;

    fn rules() -> Rules {
        let mut rules = Rules::default();
        rules.label(&path("/label"));
        rules.score(&path("/score"));
        rules
    }

    /// A hundred answers, of which every tenth has a rounded score.
    fn some(from: u32) -> Summary {
        let mut summary = Summary::default();
        for i in from..from + 100 {
            let score = 0.5 + f64::from(i) / 1_000.0 + 0.000_34;
            let label = i % 2;
            let rounded = match i % 10 {
                0 => (score * 1_000.0).round() / 1_000.0,
                _ => score,
            };
            let flipped = if i == from + 50 { 1 - label } else { label };
            let control = format!(r#"{{"label": {label}, "score": {score}}}"#);
            let candidate = format!(r#"{{"label": {flipped}, "score": {rounded}}}"#);
            summary.add(&format!("r{i}"), &json(&control, &candidate, &rules()));
        }
        summary
    }

    #[test]
    fn counts_examples_and_predictions() {
        let summary = some(0);
        assert_eq!(
            (summary.compared, summary.matches, summary.mismatches),
            (100, 90, 10)
        );
        let field = &summary.fields[0];
        assert_eq!(field.field.to_string(), "/score");
        assert_eq!((field.comparisons, field.places), (10, 10));
        assert_eq!((&*field.first.id, &*field.last.id), ("r0", "r90"));
        assert!((field.numbers.unwrap().largest() - 3.4e-4).abs() < 1e-9);
        let predictions = &summary.predictions;
        assert_eq!(
            (
                predictions.labels,
                predictions.flipped,
                predictions.flipped_in
            ),
            (100, 1, 1)
        );
        assert_eq!(predictions.flips[0].0.from, "0");
        assert_eq!(
            (predictions.scores, predictions.difference.len()),
            (100, 100)
        );
        assert_eq!(predictions.difference.quantile(0.5), Some(0.0));
    }

    #[test]
    fn added_together_they_are_as_if_one_had_counted() {
        let mut both = some(0);
        both.merge(&some(100));
        let mut one = Summary::default();
        one.merge(&some(0));
        one.merge(&some(100));
        assert_eq!(one, both);
        assert_eq!((both.compared, both.mismatches), (200, 20));
        assert_eq!(
            (&*both.fields[0].first.id, &*both.fields[0].last.id),
            ("r0", "r190")
        );
        let text = serde_json::to_string(&both).unwrap();
        let again: Summary = serde_json::from_str(&text).unwrap();
        // Its numbers come back to the last digit but one.
        assert_eq!(again.fields.len(), both.fields.len());
        assert_eq!(again.fields[0].first, both.fields[0].first);
        assert_eq!(again.predictions.difference.len(), 200);
    }

    #[test]
    fn it_is_bounded() {
        let mut summary = Summary::default();
        for i in 0..1_000 {
            let (control, candidate) = (
                format!(r#"{{"a{i}": 1}}"#),
                format!(r#"{{"a{i}": "{i}x"}}"#),
            );
            summary.add("r", &json(&control, &candidate, &Rules::default()));
        }
        assert_eq!(summary.fields.len(), MOST_FIELDS);
        assert_eq!(summary.left_out, 1_000 - MOST_FIELDS as u64);
        assert_eq!(summary.mismatches, 1_000);
    }
}
