//! Plays rollouts whose truth is known and counts the wrong decisions:
//!
//! ```console
//! $ cargo run --release -p cutline-proxy --example rollout_simulation
//! ```
//!
//! Prints the tables of `docs/rollout.md`. Seeded: every run prints the same,
//! but for the times of the last one. A number as argument is how many rollouts
//! a row plays, 4,000 unless told; a name after it (`requests`, `noise`,
//! `criteria`, `whole`, `cost`) plays that table alone.

#![allow(clippy::print_stdout, reason = "it prints tables")]

mod fixed;
mod whole;
mod world;

use std::time::{Duration, Instant, SystemTime};

use cutline_proxy::rollout::{
    Action, Compared, Count, Criterion, Event, Evidence, Health, Histogram, Kind, Limits,
    PairedErrors, PerSide, Policy, Position, ScoreShift, Step, What, judge,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use whole::Candidate;

/// A table: its name, what plays so many rollouts a row of it, and of how many
/// asked for it plays one.
type Table = (&'static str, fn(u64), u64);

/// What can be played.
const TABLES: [Table; 5] = [
    ("requests", every_request, 1),
    ("noise", noise, 4),
    ("criteria", criteria, 4),
    ("whole", whole_rollouts, 4),
    ("cost", cost, 1),
];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let runs = arguments.next().and_then(|runs| runs.parse().ok());
    let runs: u64 = runs.unwrap_or(4_000);
    let only = arguments.next();
    let wanted = |name: &str| only.as_ref().is_none_or(|only| only == name);
    for (_, table, part) in TABLES.iter().filter(|(name, ..)| wanted(name)) {
        table(runs.div_ceil(*part));
    }
}

/// How a step ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Advanced,
    RolledBack,
    Held,
}

/// A step of a rollout that judges one thing.
struct Stage {
    policy: Policy,
    position: Position,
    criterion: Criterion,
}

impl Stage {
    /// At its first step. What `sure` allows is shared as in a rollout by the
    /// default policy.
    fn judging(criterion: Criterion) -> Stage {
        let policy = Policy::default();
        let position = entered(&policy, Step::Shadow, 1);
        Stage {
            policy,
            position,
            criterion,
        }
    }

    fn look(&self, evidence: &Evidence) -> End {
        let judgement = judge(
            &self.policy,
            &self.position,
            evidence,
            &Health::default(),
            SystemTime::UNIX_EPOCH,
        );
        debug_assert!(
            judgement
                .findings
                .iter()
                .all(|finding| finding.criterion == self.criterion)
        );
        end(&judgement.action)
    }
}

fn entered(policy: &Policy, to: Step, id: u64) -> Position {
    let start = Position::new(SystemTime::UNIX_EPOCH);
    let what = match policy.steps.first() {
        Some(first) if *first == to => What::Start { to },
        _ => What::Force { to: Some(to) },
    };
    start.apply(&Event {
        id,
        at: SystemTime::UNIX_EPOCH,
        by: "simulation".to_owned(),
        why: String::new(),
        what,
    })
}

fn end(action: &Action) -> End {
    match action {
        Action::Advance { .. } | Action::Finish | Action::AwaitConfirmation { .. } => End::Advanced,
        Action::RollBack { .. } => End::RolledBack,
        Action::Hold(_) | Action::NotEnough => End::Held,
    }
}

/// Mismatches alone, looked at after every single request.
fn every_request(runs: u64) {
    println!("### Mismatch, limit 0.1 %, looked at after every request\n");
    println!(
        "{runs} rollouts a row, up to {} requests each. *Half* and *19 of 20*: requests until so many were decided. *Fixed*: the exact binomial test of 99 % with that power, for which the true rate has to be known beforehand.\n",
        grouped(HORIZON)
    );
    println!(
        "| true rate | advanced | rolled back | held | half | fixed | 19 of 20 | fixed |\n|---|---|---|---|---|---|---|---|"
    );
    for rate in [0.0, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.05] {
        let played = world::play(runs, |run| {
            let mut random = StdRng::seed_from_u64(run);
            one_request_at_a_time(rate, &mut random)
        });
        let test = |power| match rate {
            _ if rate < LIMIT => Some(fixed::less(LIMIT, rate, 0.01, power)),
            _ if rate > LIMIT => Some(fixed::more(LIMIT, rate, 0.01, power)),
            _ => None,
        };
        println!(
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            percent(rate),
            share(&played, End::Advanced),
            share(&played, End::RolledBack),
            share(&played, End::Held),
            decided_by(&played, 0.5),
            test(0.5).map_or("–".to_owned(), grouped),
            decided_by(&played, 0.95),
            test(0.95).map_or("–".to_owned(), grouped),
        );
    }
    println!();
}

const LIMIT: f64 = 0.001;
const HORIZON: u64 = 200_000;

/// Between two mismatches the evidence for the candidate only rises, and with
/// one it only falls: to look before and after each is to look always.
fn one_request_at_a_time(rate: f64, random: &mut StdRng) -> (End, u64) {
    let stage = Stage::judging(Criterion::Mismatch);
    let look = |of: u64, events: u64| {
        stage.look(&Evidence {
            answers: Some(Compared {
                pairs: Count::new(of, events),
                noise: None,
            }),
            ..Evidence::default()
        })
    };
    let (mut of, mut events) = (0, 0);
    while of < HORIZON {
        let gap = world::gap(rate, random).min(HORIZON - of);
        if look(of + gap - 1, events) == End::Advanced {
            let (mut not_yet, mut then) = (of, of + gap - 1);
            while then > not_yet + 1 {
                let middle = not_yet.midpoint(then);
                match look(middle, events) {
                    End::Advanced => then = middle,
                    _ => not_yet = middle,
                }
            }
            return (End::Advanced, then);
        }
        of += gap;
        events += u64::from(of < HORIZON);
        match look(of, events) {
            End::Held => {}
            end => return (end, of),
        }
    }
    (End::Held, HORIZON)
}

/// Answers of a noisy monolith.
fn noise(runs: u64) {
    println!("### Mismatch with noise, limit 0.1 %, looked at every 1,000 requests\n");
    println!(
        "{runs} rollouts a row, up to 100,000 requests each. The monolith is asked twice in one request of four.\n"
    );
    println!(
        "| noise | candidate adds | advanced | rolled back | held | half decided by |\n|---|---|---|---|---|---|"
    );
    for (noise, added) in [
        (0.0, 0.0),
        (0.001, 0.0),
        (0.01, 0.0),
        (0.1, 0.0),
        (0.001, 0.005),
        (0.01, 0.005),
        (0.01, 0.02),
        (0.1, 0.02),
    ] {
        let played = world::play(runs, |run| {
            let mut random = StdRng::seed_from_u64(run ^ 0x006e_6f69_7365);
            let stage = Stage::judging(Criterion::Mismatch);
            in_batches(
                100,
                1_000,
                |of| {
                    let (mut pairs, mut twice) = (Count::default(), Count::default());
                    for n in 0..of {
                        pairs.record(random.random_bool(noise + added));
                        if n % 4 == 0 {
                            twice.record(random.random_bool(noise));
                        }
                    }
                    Evidence {
                        answers: Some(Compared {
                            pairs,
                            noise: Some(twice),
                        }),
                        ..Evidence::default()
                    }
                },
                |evidence| stage.look(evidence),
            )
        });
        row(&[percent(noise), percent(added)], &played);
    }
    println!();
}

/// The other criteria, each alone.
fn criteria(runs: u64) {
    println!("### The other criteria, looked at every 1,000 requests\n");
    println!(
        "{runs} rollouts a row, up to 100,000 requests each. Errors: limit 0.1 % over the monolith's. Latency: the 99th percentile of log-normal times (sigma 0.5), limit 1.5. Scores: spread evenly from 0 to 1, limit 0.05.\n"
    );
    println!(
        "| criterion | truth | advanced | rolled back | held | half decided by |\n|---|---|---|---|---|---|"
    );
    for (monolith, more) in [(0.0, 0.0), (0.01, 0.0), (0.01, 0.01)] {
        for candidates_share in [0.05, 0.5] {
            let played = world::play(runs, |run| {
                let mut random = StdRng::seed_from_u64(run ^ 0x6572_726f_7273);
                let stage = Stage::judging(Criterion::Errors);
                in_batches(
                    100,
                    1_000,
                    |of| {
                        let mut errors = PerSide::<Count>::default();
                        for _ in 0..of {
                            match random.random_bool(candidates_share) {
                                true => {
                                    errors.candidate.record(random.random_bool(monolith + more))
                                }
                                false => errors.monolith.record(random.random_bool(monolith)),
                            }
                        }
                        Evidence {
                            errors: Some(errors),
                            ..Evidence::default()
                        }
                    },
                    |evidence| stage.look(evidence),
                )
            });
            let truth = format!("{} + {}", percent(monolith), percent(more));
            let of = format!("errors, split {} %", candidates_share * 100.0);
            row(&[of, truth], &played);
        }
        let played = world::play(runs, |run| {
            let mut random = StdRng::seed_from_u64(run ^ 0x7061_6972_7300);
            let stage = Stage::judging(Criterion::Errors);
            in_batches(
                100,
                1_000,
                |of| {
                    let mut errors = PairedErrors::default();
                    for _ in 0..of {
                        // Half of the monolith's failures are the request's fault.
                        let both = random.random_bool(monolith / 2.0);
                        errors.record(
                            both || random.random_bool(monolith / 2.0),
                            both || random.random_bool(monolith / 2.0 + more),
                        );
                    }
                    Evidence {
                        paired_errors: Some(errors),
                        ..Evidence::default()
                    }
                },
                |evidence| stage.look(evidence),
            )
        });
        let truth = format!("{} + {}", percent(monolith), percent(more));
        row(&["errors, paired".to_owned(), truth], &played);
    }
    for slower in [1.0, 1.2, 2.0] {
        let played = world::play(runs, |run| {
            let mut random = StdRng::seed_from_u64(run ^ 0x6c61_7465_6e63);
            let stage = Stage::judging(Criterion::Latency);
            in_batches(
                100,
                1_000,
                |of| {
                    let mut latency = PerSide::<Histogram>::default();
                    for _ in 0..of {
                        let ms = |random: &mut StdRng| 20.0 * (0.5 * world::normal(random)).exp();
                        let (a, b) = (ms(&mut random), ms(&mut random) * slower);
                        latency.monolith.record(Duration::from_secs_f64(a / 1e3));
                        latency.candidate.record(Duration::from_secs_f64(b / 1e3));
                    }
                    Evidence {
                        latency: Some(latency),
                        ..Evidence::default()
                    }
                },
                |evidence| stage.look(evidence),
            )
        });
        let of = "latency, paired".to_owned();
        row(&[of, format!("{slower}×")], &played);
    }
    for shift in [0.0, 0.02, 0.08] {
        let played = world::play(runs, |run| {
            let mut random = StdRng::seed_from_u64(run ^ 0x7363_6f72_6573);
            let mut stage = Stage::judging(Criterion::ScoreDrift);
            if let Kind::Requests(limits) = &mut stage.policy.evidence {
                limits.score_drift = Some(0.05);
            }
            in_batches(
                100,
                1_000,
                |of| {
                    let mut scores = ScoreShift::default();
                    for _ in 0..of {
                        let score: f64 = random.random();
                        let jitter = 0.05 * world::normal(&mut random);
                        scores.record(score, score + shift + jitter);
                    }
                    Evidence {
                        scores: Some(scores),
                        ..Evidence::default()
                    }
                },
                |evidence| stage.look(evidence),
            )
        });
        row(
            &["score drift".to_owned(), format!("shifted by {shift}")],
            &played,
        );
    }
    println!();
}

/// `n` batches of evidence of `size` requests each, looked at after each.
fn in_batches(
    n: u64,
    size: u64,
    mut batch: impl FnMut(u64) -> Evidence,
    look: impl Fn(&Evidence) -> End,
) -> (End, u64) {
    let mut evidence = Evidence::default();
    for done in 1..=n {
        evidence += &batch(size);
        match look(&evidence) {
            End::Held => {}
            end => return (end, done * size),
        }
    }
    (End::Held, n * size)
}

/// Rollouts from the shadow to the end, everything judged at once.
fn whole_rollouts(runs: u64) {
    println!("### Whole rollouts, looked at every 1,000 requests\n");
    println!(
        "{runs} rollouts a row: shadow, 5, 25, 50, 100 %, reverse-shadow; up to {} requests each. Limits and certainty as they are unless told. {} of either side's requests fail; of those that are split, one in ten is compared.\n",
        grouped(MOST),
        percent(whole::FAIL),
    );
    println!(
        "| candidate | went through | rolled back | under way | half decided by |\n|---|---|---|---|---|"
    );
    let mut policy = Policy::default();
    policy.steps.remove(1);
    let equal = Candidate {
        mismatch: 0.0,
        errors: 0.0,
        slower: 1.0,
    };
    for (name, candidate) in [
        ("equal", equal),
        (
            "0.02 % of answers differ",
            Candidate {
                mismatch: 0.000_2,
                ..equal
            },
        ),
        (
            "0.5 % of answers differ",
            Candidate {
                mismatch: 0.005,
                ..equal
            },
        ),
        (
            "0.5 % more fail",
            Candidate {
                errors: 0.005,
                ..equal
            },
        ),
        (
            "twice as slow",
            Candidate {
                slower: 2.0,
                ..equal
            },
        ),
    ] {
        let played = world::play(runs, |run| {
            let mut random = StdRng::seed_from_u64(run ^ 0x0077_686f_6c65);
            let (action, of) = whole::play(&policy, candidate, MOST, &mut random);
            (action.as_ref().map_or(End::Held, end), of)
        });
        println!(
            "| {name} | {} | {} | {} | {} |",
            share(&played, End::Advanced),
            share(&played, End::RolledBack),
            share(&played, End::Held),
            decided_by(&played, 0.5),
        );
    }
    println!();
}

const MOST: u64 = 2_000_000;

/// What a look costs, on the machine that runs this.
fn cost(_: u64) {
    println!("### What a look costs\n\n| evidence | µs |\n|---|---|");
    let mut random = StdRng::seed_from_u64(0);
    for of in [100, 10_000, 1_000_000] {
        for noisy in [false, true] {
            let mut latency = PerSide::<Histogram>::default();
            let mut scores = ScoreShift::default();
            for _ in 0..of.min(100_000) {
                let ms = 20.0 * (0.5 * world::normal(&mut random)).exp();
                let took = Duration::from_secs_f64(ms / 1e3);
                latency.monolith.record(took);
                latency.candidate.record(took);
                let score: f64 = random.random();
                scores.record(score, score + 0.05 * world::normal(&mut random));
            }
            let compared = Compared {
                pairs: Count::new(of, of / 1_500 + of / 100 * u64::from(noisy)),
                noise: noisy.then(|| Count::new(of / 4, of / 400)),
            };
            let failed = of / 200;
            let evidence = Evidence {
                answers: Some(compared),
                labels: Some(compared),
                errors: Some(PerSide {
                    monolith: Count::new(of, failed),
                    candidate: Count::new(of, failed + of / 1_500),
                }),
                latency: Some(latency),
                scores: Some(scores),
                ..Evidence::default()
            };
            let policy = Policy {
                evidence: Kind::Requests(Limits {
                    label_flips: Some(0.001),
                    score_drift: Some(0.05),
                    ..Limits::default()
                }),
                ..Policy::default()
            };
            let position = entered(&policy, Step::Shadow, 1);
            let looks = 50;
            let begun = Instant::now();
            for _ in 0..looks {
                let health = Health::default();
                let now = SystemTime::UNIX_EPOCH;
                std::hint::black_box(judge(&policy, &position, &evidence, &health, now));
            }
            let micros = begun.elapsed().as_secs_f64() * 1e6 / f64::from(looks);
            let noise = if noisy { ", with noise" } else { "" };
            println!(
                "| all five criteria, {} requests{noise} | {micros:.0} |",
                grouped(of)
            );
        }
    }
}

fn row(names: &[String; 2], played: &[(End, u64)]) {
    println!(
        "| {} | {} | {} | {} | {} | {} |",
        names[0],
        names[1],
        share(played, End::Advanced),
        share(played, End::RolledBack),
        share(played, End::Held),
        decided_by(played, 0.5),
    );
}

fn share(played: &[(End, u64)], end: End) -> String {
    let n = played.iter().filter(|(how, _)| *how == end).count();
    match n {
        0 => "0".to_owned(),
        n => format!("{:.2} %", 100.0 * n as f64 / played.len() as f64),
    }
}

/// When so many were decided.
fn decided_by(played: &[(End, u64)], part: f64) -> String {
    let mut requests: Vec<u64> = played
        .iter()
        .map(|(how, of)| if *how == End::Held { u64::MAX } else { *of })
        .collect();
    requests.sort_unstable();
    let at = (part * requests.len() as f64).ceil() as usize;
    match requests.get(at.saturating_sub(1)) {
        Some(&u64::MAX) | None => "–".to_owned(),
        Some(of) => grouped(*of),
    }
}

fn percent(rate: f64) -> String {
    format!("{} %", (rate * 1e6).round() / 1e4)
}

fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
