//! [`Noise`]: in what the monolith differs from itself, and what that excuses.
//!
//! The monolith is asked twice, and its two answers compared. What differs there
//! in at least [`LEAST`] pairs is learnt as noise, by field and by kind: a time
//! that differs is noise, a time that is missing is not. Status codes are never
//! noise.
//!
//! What is learnt excuses no more than the monolith does itself. In how many of
//! the pairs with itself a field differs, and in how many with the candidate, are
//! two shares; once the second is surely greater than the first (its lower 99 %
//! bound above the other's upper one; Wilson's score interval, JASA 22, 1927) the
//! field counts again, as [`State::Excess`]. So noise in 1 % hides no candidate
//! that differs in 30 %.
//!
//! For numbers, what is excused is a range: [`SLACK`] times the largest
//! difference that the monolith had with itself. It is everything where a range
//! says nothing: where the differences are greater than a tenth of the numbers
//! themselves (a random number, a duration), or where the second answer always
//! has the greater one, in [`CLOCK`] pairs or more (a clock, a counter).
//!
//! What a value looks like is told beside the evidence, and is no part of it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::comparison::{Comparison, Difference, Kind, Numbers, Verdict};
use super::field::Field;

/// Pairs in which a field must differ to be noise.
pub const LEAST: u64 = 3;

/// How much farther than with itself a number may be from the candidate's.
pub const SLACK: f64 = 3.0;

/// Pairs after which a number that always grows is a clock: by chance it would
/// in less than one of a hundred.
pub const CLOCK: u64 = 8;

/// As many fields are learnt; more count as differences.
pub const MOST_FIELDS: usize = 256;

/// The deviate of a standard normal distribution within which 99 % lie.
const Z: f64 = 2.575_829_303_548_9;

/// What was learnt of one route or stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Noise {
    /// Pairs of the monolith's own answers.
    asked: u64,
    /// Pairs with the candidate.
    compared: u64,
    learnt: Vec<Learnt>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Learnt {
    field: Field,
    kind: Kind,
    /// Pairs of the monolith's own in which it differs.
    itself: u64,
    /// Pairs with the candidate in which it differs.
    candidate: u64,
    /// Of the pairs with the candidate, those from before it was known.
    before: u64,
    numbers: Option<Numbers>,
    /// Two answers of the monolith.
    example: (String, String),
}

/// What is known of a field that differs by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The field.
    pub field: Field,
    /// In what way it differs.
    pub kind: Kind,
    /// The monolith differs from itself in so many …
    pub differed: u64,
    /// … of so many pairs.
    pub asked: u64,
    /// The bounds of that share, each with 99.5 % certainty.
    pub share: (f64, f64),
    /// It differs from the candidate in so many …
    pub with_candidate: u64,
    /// … of so many pairs.
    pub compared: u64,
    /// What that comes to.
    pub state: State,
    /// The largest of the monolith's differences with itself, for numbers.
    pub largest: Option<f64>,
    /// Two of the monolith's own answers.
    pub example: (String, String),
    /// What the value looks like; no reason for anything.
    pub looks_like: Option<Looks>,
}

/// What becomes of a field that differs by itself.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Too few pairs yet: it counts.
    Learning,
    /// It does not count.
    Ignored,
    /// A number does not count as long as it is no farther off than this.
    Within(f64),
    /// It differs more from the candidate than from itself: it counts.
    Excess,
    /// The rules say that it always counts.
    Strict,
}

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Looks {
    /// A date or a time, or seconds or milliseconds since 1970.
    Time,
    /// A UUID, or a long word of hexadecimal digits.
    Identifier,
    /// A number that grows with each answer.
    Counter,
}

impl Noise {
    /// Takes in the comparison of two answers of the monolith to one request,
    /// the earlier one as control. False where it says nothing.
    pub fn observe(&mut self, comparison: &Comparison) -> bool {
        if let Verdict::Unavailable(_) = comparison.verdict {
            return false;
        }
        self.asked += 1;
        for difference in &comparison.differences {
            self.learn(difference);
        }
        true
    }

    fn learn(&mut self, difference: &Difference) {
        if difference.field == Field::Status {
            return;
        }
        let mut known = self.learnt.iter_mut();
        if let Some(known) = known.find(|learnt| learnt.is(difference)) {
            known.itself += 1;
            known.numbers = known
                .numbers
                .zip(difference.numbers)
                .map(|(own, more)| own.and(more));
        } else if self.learnt.len() < MOST_FIELDS {
            self.learnt.push(Learnt {
                field: difference.field.clone(),
                kind: difference.kind,
                itself: 1,
                candidate: 0,
                before: self.compared,
                numbers: difference.numbers,
                example: (difference.control.clone(), difference.candidate.clone()),
            });
        }
    }

    /// Takes in the comparison of the monolith with the candidate, so that it
    /// shows where the candidate differs more than the monolith itself.
    pub fn watch(&mut self, comparison: &Comparison) {
        if let Verdict::Unavailable(_) = comparison.verdict {
            return;
        }
        self.compared += 1;
        for learnt in &mut self.learnt {
            let mut differences = comparison.differences.iter();
            learnt.candidate += u64::from(differences.any(|own| learnt.is(own)));
        }
    }

    /// Marks the differences that are noise; where no others are left, the
    /// verdict becomes a match. `strict` always counts.
    pub fn excuse(&self, comparison: &mut Comparison, strict: &BTreeSet<Field>) {
        for difference in &mut comparison.differences {
            difference.noise = self.is_noise(difference, strict);
        }
        if comparison.verdict == Verdict::Mismatch && !comparison.differs() {
            comparison.verdict = Verdict::Match;
        }
    }

    /// Whether a difference with the candidate is one that the monolith has
    /// with itself.
    pub fn is_noise(&self, difference: &Difference, strict: &BTreeSet<Field>) -> bool {
        let mut learnt = self.learnt.iter();
        let Some(learnt) = learnt.find(|learnt| learnt.is(difference)) else {
            return false;
        };
        match learnt.state(self, strict) {
            State::Ignored => true,
            State::Within(range) => difference.magnitude().is_some_and(|apart| apart <= range),
            State::Learning | State::Excess | State::Strict => false,
        }
    }

    /// Pairs of the monolith's own answers that were compared.
    pub fn asked(&self) -> u64 {
        self.asked
    }

    /// All that differs by itself, the most frequent first.
    pub fn evidence(&self, strict: &BTreeSet<Field>) -> Vec<Evidence> {
        let mut all: Vec<_> = self
            .learnt
            .iter()
            .map(|own| own.evidence(self, strict))
            .collect();
        all.sort_by(|own, other| {
            let by_count = other.differed.cmp(&own.differed);
            by_count.then_with(|| (&own.field, own.kind).cmp(&(&other.field, other.kind)))
        });
        all
    }
}

impl Learnt {
    fn is(&self, difference: &Difference) -> bool {
        self.kind == difference.kind && self.field == difference.field
    }

    fn compared(&self, noise: &Noise) -> u64 {
        noise.compared.saturating_sub(self.before)
    }

    fn state(&self, noise: &Noise, strict: &BTreeSet<Field>) -> State {
        if strict.contains(&self.field) {
            return State::Strict;
        }
        if self.itself < LEAST {
            return State::Learning;
        }
        let (_, most) = wilson(self.itself, noise.asked);
        let (least, _) = wilson(self.candidate, self.compared(noise));
        if least > most {
            return State::Excess;
        }
        match self.numbers {
            Some(numbers) if !self.grows() && numbers.largest() <= 0.1 * numbers.size => {
                State::Within((SLACK * numbers.largest()).min(f64::MAX))
            }
            _ => State::Ignored,
        }
    }

    /// The later answer always has the greater number.
    fn grows(&self) -> bool {
        self.itself >= CLOCK && self.numbers.is_some_and(|numbers| numbers.least > 0.0)
    }

    fn evidence(&self, noise: &Noise, strict: &BTreeSet<Field>) -> Evidence {
        let looks = match self.grows() {
            true => Some(Looks::Counter),
            false => None,
        };
        Evidence {
            field: self.field.clone(),
            kind: self.kind,
            differed: self.itself,
            asked: noise.asked,
            share: wilson(self.itself, noise.asked),
            with_candidate: self.candidate,
            compared: self.compared(noise),
            state: self.state(noise, strict),
            largest: self.numbers.map(|numbers| numbers.largest()),
            example: self.example.clone(),
            looks_like: looks_like(&self.example.0).or(looks),
        }
    }
}

/// The two-sided 99 % score interval of `k` of `n`.
pub fn wilson(k: u64, n: u64) -> (f64, f64) {
    if n == 0 {
        return (0.0, 1.0);
    }
    let (n, share) = (n as f64, k as f64 / n as f64);
    let scale = 1.0 + Z * Z / n;
    let middle = (share + Z * Z / (2.0 * n)) / scale;
    let half = Z / scale * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

/// What a value, as a difference shows it, looks like.
pub fn looks_like(shown: &str) -> Option<Looks> {
    let text = shown.trim_matches('"');
    let bytes = text.as_bytes();
    let digits = |from: usize, to: usize| {
        bytes
            .get(from..to)
            .is_some_and(|part| part.iter().all(u8::is_ascii_digit))
    };
    let dated = digits(0, 4)
        && bytes.get(4) == Some(&b'-')
        && digits(5, 7)
        && bytes.get(7) == Some(&b'-')
        && digits(8, 10);
    let timed = bytes.len() >= 8
        && bytes.windows(8).any(|part| {
            let digit = |at: usize| part[at].is_ascii_digit();
            part[2] == b':' && part[5] == b':' && [0, 1, 3, 4, 6, 7].into_iter().all(digit)
        });
    if dated || timed {
        return Some(Looks::Time);
    }
    if let Ok(number) = text.parse::<f64>()
        && ((1e9..4e9).contains(&number) || (1e12..4e12).contains(&number))
    {
        return Some(Looks::Time);
    }
    let hex = text.bytes().filter(u8::is_ascii_hexdigit).count();
    let dashes = text.bytes().filter(|b| *b == b'-').count();
    let identifier = hex >= 16 && hex + dashes == text.len() && dashes <= 4;
    identifier.then_some(Looks::Identifier)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(differences: &[(&str, f64, f64)]) -> Comparison {
        let differences = differences.iter().map(|(field, from, to)| Difference {
            field: field.parse().unwrap(),
            kind: Kind::Number,
            place: (*field).to_owned(),
            control: from.to_string(),
            candidate: to.to_string(),
            count: 1,
            numbers: super::super::number::apart(&from.to_string(), &to.to_string()),
            noise: false,
        });
        let differences: Vec<_> = differences.collect();
        Comparison {
            verdict: match differences.is_empty() {
                true => Verdict::Match,
                false => Verdict::Mismatch,
            },
            differences,
            left_out: 0,
            remarks: Vec::new(),
            predictions: None,
        }
    }

    fn verdict(noise: &Noise, differences: &[(&str, f64, f64)]) -> Verdict {
        let mut comparison = pair(differences);
        noise.excuse(&mut comparison, &BTreeSet::new());
        comparison.verdict
    }

    #[test]
    fn a_field_is_noise_after_three_pairs_and_excuses_no_other() {
        let mut noise = Noise::default();
        let random = |noise: &mut Noise| noise.observe(&pair(&[("/id", 17.0, 4_711.0)]));
        random(&mut noise);
        random(&mut noise);
        assert_eq!(verdict(&noise, &[("/id", 1.0, 2.0)]), Verdict::Mismatch);
        random(&mut noise);
        assert_eq!(verdict(&noise, &[("/id", 1.0, 99_999.0)]), Verdict::Match);
        assert_eq!(
            verdict(&noise, &[("/id", 1.0, 2.0), ("/a", 1.0, 2.0)]),
            Verdict::Mismatch
        );
        let mut missing = pair(&[("/id", 1.0, 2.0)]);
        missing.differences[0].kind = Kind::Missing;
        noise.excuse(&mut missing, &BTreeSet::new());
        assert_eq!(missing.verdict, Verdict::Mismatch);
        let strict = BTreeSet::from(["/id".parse().unwrap()]);
        let mut held = pair(&[("/id", 1.0, 2.0)]);
        noise.excuse(&mut held, &strict);
        assert_eq!(held.verdict, Verdict::Mismatch);
        assert_eq!(noise.evidence(&strict)[0].state, State::Strict);
    }

    #[test]
    fn jitter_excuses_only_its_range() {
        let mut noise = Noise::default();
        for i in 0..20 {
            let by = if i % 2 == 0 { 1e-7 } else { -1e-7 };
            noise.observe(&pair(&[("/score", 0.5, 0.5 + by)]));
        }
        assert_eq!(
            verdict(&noise, &[("/score", 0.5, 0.500_000_2)]),
            Verdict::Match
        );
        assert_eq!(verdict(&noise, &[("/score", 0.5, 0.51)]), Verdict::Mismatch);
    }

    #[test]
    fn a_clock_is_known_by_always_growing() {
        let mut noise = Noise::default();
        for i in 0..20 {
            let now = 1.7e9 + f64::from(i);
            noise.observe(&pair(&[("/at", now, now + 0.01)]));
        }
        assert_eq!(
            verdict(&noise, &[("/at", 1.7e9, 1.7e9 + 60.0)]),
            Verdict::Match
        );
        let evidence = &noise.evidence(&BTreeSet::new())[0];
        assert_eq!((evidence.differed, evidence.asked), (20, 20));
        assert_eq!(evidence.looks_like, Some(Looks::Time));
    }

    #[test]
    fn noise_in_one_percent_hides_no_mismatch_in_thirty() {
        let mut noise = Noise::default();
        for i in 0..1_000 {
            let itself = [("/id", 17.0, 4_711.0)];
            noise.observe(&pair(if i % 100 == 0 { &itself } else { &[] }));
        }
        assert_eq!(verdict(&noise, &[("/id", 1.0, 9.0)]), Verdict::Match);
        for i in 0..200 {
            let differs = [("/id", 1.0, 9.0)];
            noise.watch(&pair(if i % 10 < 3 { &differs } else { &[] }));
        }
        assert_eq!(verdict(&noise, &[("/id", 1.0, 9.0)]), Verdict::Mismatch);
        let evidence = &noise.evidence(&BTreeSet::new())[0];
        assert_eq!(evidence.state, State::Excess);
        assert_eq!((evidence.with_candidate, evidence.compared), (60, 200));
    }

    #[test]
    fn equal_shares_stay_noise() {
        let mut noise = Noise::default();
        for i in 0..10_000 {
            let differs = [("/id", 1.0, 9.0)];
            let own = pair(if i % 20 == 0 { &differs } else { &[] });
            noise.observe(&own);
            noise.watch(&own);
            if i >= 100 {
                assert_eq!(verdict(&noise, &[("/id", 1.0, 9.0)]), Verdict::Match, "{i}");
            }
        }
    }

    #[test]
    fn a_status_is_never_noise_and_what_is_learnt_is_bounded() {
        let mut noise = Noise::default();
        for _ in 0..10 {
            noise.observe(&pair(&[("status", 200.0, 500.0)]));
        }
        assert_eq!(
            verdict(&noise, &[("status", 200.0, 500.0)]),
            Verdict::Mismatch
        );
        for i in 0..1_000 {
            noise.observe(&pair(&[(&format!("/f{i}"), 1.0, 9.0)]));
        }
        assert_eq!(noise.learnt.len(), MOST_FIELDS);
        let text = serde_json::to_string(&noise).unwrap();
        assert_eq!(serde_json::from_str::<Noise>(&text).unwrap(), noise);
    }

    /// Against values worked out by hand from the formula.
    #[test]
    fn the_score_interval() {
        let near =
            |(a, b): (f64, f64), (c, d): (f64, f64)| (a - c).abs() < 1e-4 && (b - d).abs() < 1e-4;
        assert!(near(wilson(0, 10), (0.0, 0.3989)), "{:?}", wilson(0, 10));
        assert!(near(wilson(5, 10), (0.1842, 0.8158)), "{:?}", wilson(5, 10));
        assert_eq!(wilson(0, 0), (0.0, 1.0));
    }

    #[test]
    fn shapes() {
        for (text, looks) in [
            ("\"2026-11-24T18:00:00Z\"", Some(Looks::Time)),
            ("\"Tue, 24 Nov 2026 18:06:13 GMT\"", Some(Looks::Time)),
            ("1763999999.25", Some(Looks::Time)),
            ("1763999999123", Some(Looks::Time)),
            (
                "\"3f2b8c1e-1111-4222-8333-444455556666\"",
                Some(Looks::Identifier),
            ),
            (
                "\"9f86d081884c7d659a2feaa0c55ad015\"",
                Some(Looks::Identifier),
            ),
            ("0.81734", None),
            ("\"decade\"", None),
            ("\"é\"", None),
            ("", None),
        ] {
            assert_eq!(looks_like(text), looks, "{text}");
        }
    }
}
