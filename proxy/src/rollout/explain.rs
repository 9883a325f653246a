//! [`explain`]: a judgement in one paragraph, with its figures.

use std::time::{SystemTime, UNIX_EPOCH};

use super::judgement::{
    Action, Criterion, Finding, HardFailure, Hold, Judgement, Reason, Standing,
};
use super::{Fault, Kind, Policy, Position, Step};

/// What tipped a decision, as the journal has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Details {
    /// The fields that differ, the most frequent first.
    pub fields: Vec<FieldDifference>,
    /// By which pairs that differ are found again.
    pub examples: Vec<String>,
    /// How many requests of clients ended in an error because of the candidate;
    /// None where that is not known.
    pub client_errors: Option<u64>,
}

/// A field that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldDifference {
    /// A JSON pointer, or another name of a part of an answer.
    pub path: String,
    /// In how many pairs.
    pub pairs: u64,
    /// The largest difference, of numbers.
    pub largest: Option<f64>,
}

/// A judgement of a stage, whose position was `before`, in one paragraph. The
/// time of day is UTC.
pub fn explain(
    stage: &str,
    policy: &Policy,
    before: &Position,
    judgement: &Judgement,
    details: &Details,
    at: SystemTime,
) -> String {
    let here = place(before.step);
    let time = time_of_day(at);
    let figures = || figures(policy, &judgement.findings, None);
    let mut told = vec![match &judgement.action {
        Action::Advance { to } => {
            format!(
                "Advanced {stage} from {here} to {to} at {time}: {}.",
                figures()
            )
        }
        Action::Finish => format!("Finished {stage} at {here} at {time}: {}.", figures()),
        Action::AwaitConfirmation { to } => {
            format!(
                "{stage} may go from {here} to {to}, and waits for a person: {}.",
                figures()
            )
        }
        Action::NotEnough => not_enough(stage, &here, policy, judgement),
        Action::Hold(hold) => held(stage, &here, policy, judgement, *hold),
        Action::RollBack { to, why } => {
            let (to, why) = (place(*to), because(why, policy, judgement));
            match to == here {
                true => format!("Stopped {stage} at {here} at {time}: {why}."),
                false => format!("Rolled back {stage} from {here} to {to} at {time}: {why}."),
            }
        }
    }];
    match &judgement.action {
        Action::RollBack { why, .. } => {
            told.extend(tipped(why, judgement, details));
            told.extend(seen_by_clients(before, details));
            let resume = before.step.unwrap_or(Step::Shadow);
            let command = command(stage, resume);
            told.push(format!(
                "Resume with `{command}` once the candidate is mended."
            ));
        }
        Action::AwaitConfirmation { .. } => {
            told.push(format!("Confirm with `cutline rollout {stage} confirm`."));
        }
        _ => {}
    }
    told.join(" ")
}

fn because(why: &Reason, policy: &Policy, judgement: &Judgement) -> String {
    match why {
        Reason::Evidence(over) => figures(policy, &judgement.findings, Some(over)),
        Reason::Failure(failure) => failed(*failure),
        Reason::Run { id, fault } => format!("run {id}: {}", fault_text(fault)),
    }
}

/// What is known of these criteria, or of all.
fn figures(policy: &Policy, findings: &[Finding], only: Option<&[Criterion]>) -> String {
    if let Kind::Runs { pairs, .. } = policy.evidence {
        return match pairs {
            1 => "its run was as the monolith's".to_owned(),
            _ => format!("its last {pairs} runs were as the monolith's"),
        };
    }
    let told = |finding: &&Finding| only.is_none_or(|only| only.contains(&finding.criterion));
    let findings = findings.iter().filter(told);
    let clauses: Vec<String> = findings
        .map(|finding| format!("{}{}", seen(finding, policy), known(finding, policy)))
        .collect();
    clauses.join("; ")
}

/// What was seen.
fn seen(finding: &Finding, policy: &Policy) -> String {
    if finding.seen == 0 {
        return format!("nothing was seen of {}", finding.criterion.name());
    }
    let count = match finding.events {
        0 => format!("none of {}", grouped(finding.seen)),
        events => format!("{} of {}", grouped(events), grouped(finding.seen)),
    };
    let value = finding.value.unwrap_or_default();
    match finding.criterion {
        Criterion::Mismatch => format!("{count} answers differed"),
        Criterion::LabelFlips => format!("{count} labels flipped"),
        Criterion::Errors => {
            let monolith = finding.beside.unwrap_or_default();
            let monolith = format!("{} of {}", grouped(monolith.events), grouped(monolith.of));
            format!("{count} of the candidate's requests failed, and {monolith} of the monolith's")
        }
        Criterion::Latency => {
            let quantile = policy.limits().and_then(|limits| limits.latency);
            let percent = quantile.map_or(0.99, |latency| latency.quantile) * 100.0;
            let percent = (percent * 1e6).round() / 1e6;
            format!("at {percent} % of requests the candidate takes {value:.2} times as long")
        }
        Criterion::ScoreDrift => format!("the scores' distributions are {value:.3} apart"),
    }
}

/// What is known from it.
fn known(finding: &Finding, policy: &Policy) -> String {
    let shown = |value: f64| match finding.criterion {
        Criterion::Latency => format!("{value:.2}"),
        Criterion::ScoreDrift => format!("{value:.3}"),
        _ => percent(value),
    };
    let does = match (finding.criterion, finding.beside) {
        (Criterion::Errors, _) => " more do",
        (Criterion::Mismatch | Criterion::LabelFlips, Some(_)) => {
            " do beyond what the monolith does to itself"
        }
        (Criterion::Mismatch | Criterion::LabelFlips, None) => " do",
        (Criterion::Latency, _) => " times",
        (Criterion::ScoreDrift, _) => "",
    };
    let (sure, limit) = (percent_of(policy.sure), shown(finding.limit));
    let high = finding.high.map(shown);
    match (finding.state, high) {
        (Standing::Over, _) => format!(
            ", and with {sure} certainty more than {}{does}, over your limit of {limit}",
            shown(finding.low)
        ),
        (Standing::Within, Some(high)) => format!(
            ", and with {sure} certainty less than {high}{does}, within your limit of {limit}"
        ),
        (_, Some(high)) => format!(
            ", so that from {} to {high}{does} with {sure} certainty, on either side of your limit of {limit}",
            shown(finding.low)
        ),
        (_, None) => {
            format!(", which does not tell yet whether it is within your limit of {limit}")
        }
    }
}

fn not_enough(stage: &str, here: &str, policy: &Policy, judgement: &Judgement) -> String {
    if let Kind::Runs { pairs, .. } = policy.evidence {
        return format!("Not enough evidence of {stage} at {here}: fewer than {pairs} runs.");
    }
    let Some(slowest) = judgement.slowest() else {
        return format!(
            "Not enough evidence of {stage} at {here}: nothing that has a limit is measured there."
        );
    };
    let needed = match slowest.needed {
        Some(needed) => format!(" About {} more are needed at this rate.", grouped(needed)),
        None => String::new(),
    };
    format!(
        "Not enough evidence of {stage} at {here}: {}.{needed}",
        seen(slowest, policy)
    )
}

fn held(stage: &str, here: &str, policy: &Policy, judgement: &Judgement, hold: Hold) -> String {
    match hold {
        Hold::NotStarted => format!("The rollout of {stage} has not been started."),
        Hold::Paused => format!("{stage} is paused at {here}."),
        Hold::RolledBack => {
            format!("{stage} was rolled back to {here}, until a person resumes it.")
        }
        Hold::Finished => format!("{stage} has finished its rollout, and is watched at {here}."),
        Hold::Failing(failure) => format!("Holding {stage} at {here}: {}.", failed(failure)),
        Hold::TooSoon { left } => {
            let minutes = left.as_secs().div_ceil(60);
            format!(
                "Holding {stage} at {here} for {minutes} more minutes, as long as a step lasts: {}.",
                figures(policy, &judgement.findings, None)
            )
        }
        Hold::Undecided => {
            let findings = judgement.findings.iter();
            let open: Vec<Criterion> = findings
                .filter(|finding| finding.state == Standing::Open)
                .map(|finding| finding.criterion)
                .collect();
            let needed = match judgement.slowest().and_then(|finding| finding.needed) {
                Some(needed) => format!("About {} more are needed at this rate.", grouped(needed)),
                None => "At this rate it will not pass.".to_owned(),
            };
            let figures = figures(policy, &judgement.findings, Some(&open));
            format!("Holding {stage} at {here}: {figures}. {needed}")
        }
    }
}

fn failed(failure: HardFailure) -> String {
    match failure {
        HardFailure::CircuitOpen => "no process of the candidate answers".to_owned(),
        HardFailure::InARow(n) => {
            format!("the candidate failed {} times in a row", grouped(n.into()))
        }
        HardFailure::Share { of, failed } => format!(
            "{} of the candidate's latest {} requests failed",
            grouped(failed),
            grouped(of)
        ),
    }
}

fn fault_text(fault: &Fault) -> String {
    let side = |value: &Option<f64>| value.map_or("missing".to_owned(), |value| value.to_string());
    match fault {
        Fault::Failed => "the candidate came to no end".to_owned(),
        Fault::Artifact(name) => format!("{name} differs"),
        Fault::Metric {
            name,
            monolith,
            candidate,
            tolerance,
        } => format!(
            "{name} is {}, and the monolith's {}, where {tolerance} is tolerated",
            side(candidate),
            side(monolith)
        ),
    }
}

/// The fields and examples that tipped it, where answers did.
fn tipped(why: &Reason, judgement: &Judgement, details: &Details) -> Vec<String> {
    let by_answers = [Criterion::Mismatch, Criterion::LabelFlips];
    let counted = |finding: &&Finding| match why {
        Reason::Evidence(over) => {
            by_answers.contains(&finding.criterion) && over.contains(&finding.criterion)
        }
        _ => false,
    };
    let Some(finding) = judgement.findings.iter().find(counted) else {
        return Vec::new();
    };
    let by = |field: &FieldDifference| {
        let largest = field.largest;
        largest.map_or(String::new(), |largest| {
            format!("by at most {}", small(largest))
        })
    };
    let fields = match details.fields.as_slice() {
        [] => None,
        [field, ..] if field.pairs >= finding.events => {
            let by = by(field);
            let comma = if by.is_empty() { "" } else { ", " };
            Some(format!("All differ in {}{comma}{by}.", field.path))
        }
        fields => {
            let told: Vec<String> = fields
                .iter()
                .take(3)
                .map(|field| {
                    let by = by(field);
                    let comma = if by.is_empty() { "" } else { ", " };
                    format!("{} ({} times{comma}{by})", field.path, grouped(field.pairs))
                })
                .collect();
            Some(format!("Most differ in {}.", told.join(", ")))
        }
    };
    let examples: Vec<&str> = details
        .examples
        .iter()
        .take(3)
        .map(String::as_str)
        .collect();
    let examples = (!examples.is_empty()).then(|| format!("Such as {}.", examples.join(", ")));
    fields.into_iter().chain(examples).collect()
}

fn seen_by_clients(before: &Position, details: &Details) -> Option<String> {
    before.step.filter(|step| step.is_seen())?;
    Some(match details.client_errors? {
        0 => "No client saw an error.".to_owned(),
        1 => "One request of a client ended in an error.".to_owned(),
        n => format!("{} requests of clients ended in an error.", grouped(n)),
    })
}

/// What puts a stage at a step.
fn command(stage: &str, step: Step) -> String {
    match step {
        Step::Percent(weight) => format!("cutline shift {stage} {}", weight.percent()),
        Step::Shadow | Step::ReverseShadow => format!("cutline mode {stage} {step}"),
    }
}

fn place(step: Option<Step>) -> String {
    step.map_or("the monolith".to_owned(), |step| step.to_string())
}

fn time_of_day(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    let minutes = since.as_secs() / 60;
    format!("{:02}:{:02}", minutes / 60 % 24, minutes % 60)
}

/// `0.36 %`; small ones with two digits that count.
fn percent(rate: f64) -> String {
    let percent = rate * 100.0;
    match percent {
        _ if percent <= 0.0 || percent >= 0.01 => format!("{:.2} %", percent.max(0.0)),
        _ => format!("{} %", small(percent)),
    }
}

/// `99 %`, `99.9 %`.
fn percent_of(sure: f64) -> String {
    format!("{} %", (sure * 1e8).round() / 1e6)
}

/// Two digits that count: `4.9e-4`, `0.12`.
fn small(value: f64) -> String {
    match value.abs() {
        0.01..10_000.0 => format!("{}", (value * 100.0).round() / 100.0),
        _ => format!("{value:.1e}"),
    }
}

/// `8,113`
pub(crate) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut told = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            told.push(',');
        }
        told.push(digit);
    }
    told
}

#[cfg(test)]
mod tests;
