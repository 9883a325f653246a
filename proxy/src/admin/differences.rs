//! What differs between the two sides' answers of a stage.

use std::time::Duration;

use super::board::{
    Answer, Compared, Differences, Estimate, Example, Excerpt, Field, Flip, NoiseBoard,
    PredictionsBoard, Quantile, TrendPoint,
};
use super::document::Quantiles;
use super::shown;
use crate::compare::noise::Looks;
use crate::compare::{FieldSummary, PredictionSummary, Sketch, noise};
use crate::control::{Control, Seen};
use crate::journal::{JournalError, Wanted};
use crate::rollout::{Histogram, grouped};
use crate::verdict::{KeptAnswer, KeptBody, KeptPair, STRETCH};

/// As many examples are shown, and bytes of a body.
const EXAMPLES: usize = 20;
const BODY: usize = 4 << 10;

/// What was compared of a stage at its present share; None where nothing was.
pub(super) fn compared(seen: &Seen) -> Option<Compared> {
    let summary = &seen.summary;
    if summary.compared == 0 && summary.unavailable.is_empty() {
        return None;
    }
    let latency = seen.rollout.as_ref();
    let latency = latency.and_then(|(_, stand)| stand.evidence.latency.as_ref());
    Some(Compared {
        answers: summary.compared,
        mismatches: summary.mismatches,
        excused: summary.excused,
        unavailable: summary.unavailable.clone(),
        rate: seen.rate().map(|rate| Estimate {
            value: rate.value,
            low: rate.low,
            high: rate.high,
            sure: rate.sure,
        }),
        monolith: latency.and_then(|sides| quantiles(&sides.monolith)),
        candidate: latency.and_then(|sides| quantiles(&sides.candidate)),
        trend: seen
            .trend
            .iter()
            .map(|(begins, trend)| TrendPoint {
                time: *begins,
                seconds: STRETCH.as_secs(),
                answers: trend.answers,
                mismatches: trend.mismatches,
                errors: trend.unavailable,
            })
            .collect(),
    })
}

fn quantiles(took: &Histogram) -> Option<Quantiles> {
    let seconds = |quantile| took.quantile(quantile).as_ref().map(Duration::as_secs_f64);
    Some(Quantiles {
        p50: seconds(0.5)?,
        p99: seconds(0.99)?,
    })
}

/// What differs, by field, with examples; None where there is no such stage.
pub(super) fn of(control: &Control, stage: &str) -> Result<Option<Differences>, JournalError> {
    let Some(seen) = control.seen(stage)? else {
        return Ok(None);
    };
    let wanted = Wanted {
        stage: Some(stage),
        epoch: Some(seen.epoch),
        verdict: Some("mismatch"),
        ..Wanted::default()
    };
    let mut pairs = control.pairs(wanted, EXAMPLES)?;
    // Of a field that is seldom, the first example may be long past.
    for field in seen.summary.fields.iter().filter(|field| !field.noise) {
        let ids = [&field.first.id, &field.last.id];
        let known = |id: &str| pairs.iter().any(|pair| format!("{:032x}", pair.id) == id);
        if ids.into_iter().any(|id| known(id)) {
            continue;
        }
        let id = u128::from_str_radix(&field.last.id, 16).ok();
        let wanted = Wanted {
            id,
            ..Wanted::default()
        };
        if id.is_some() && pairs.len() < 2 * EXAMPLES {
            pairs.extend(control.pairs(wanted, 1)?);
        }
    }
    let compared = compared(&seen);
    Ok(Some(Differences {
        stage: stage.to_owned(),
        sentence: compared.as_ref().map(sentence),
        compared,
        fields: fields(&seen, &pairs),
        remarks: seen.summary.remarks(),
        predictions: predictions(&seen.summary.predictions),
        examples: pairs.iter().map(example).collect(),
    }))
}

/// `41 of 8,113 answers differ (0.51 %, 0.36–0.68 % at 99 %)`
fn sentence(compared: &Compared) -> String {
    let counted = (compared.mismatches, compared.answers);
    rated(counted, "answers", compared.rate.as_ref())
}

/// So many of so many of `what` differ, and between what that share lies.
pub(super) fn rated((differ, of): (u64, u64), what: &str, rate: Option<&Estimate>) -> String {
    let (differ, of) = (grouped(differ), grouped(of));
    let Some(rate) = rate else {
        return format!("{differ} of {of} {what} differ");
    };
    let percent = |share: f64| format!("{:.2}", share * 100.0);
    let (value, low) = (percent(rate.value), percent(rate.low));
    let high = rate.high.map_or("100".to_owned(), percent);
    let sure = rate.sure * 100.0;
    format!("{differ} of {of} {what} differ ({value} %, {low}–{high} % at {sure} %)")
}

fn fields(seen: &Seen, pairs: &[KeptPair]) -> Vec<Field> {
    let evidence = seen.noise.evidence(&seen.strict);
    let sentences = seen.summary.sentences();
    let mut own: Vec<_> = seen.summary.fields.iter().collect();
    own.sort_by_key(|field| field.noise);
    let told = own.into_iter().zip(sentences);
    told.map(|(field, (_, how))| {
        let mut learnt = evidence.iter();
        let learnt = learnt.find(|own| own.field == field.field && own.kind == field.kind);
        Field {
            path: field.field.to_string(),
            count: field.comparisons,
            how: Some(how),
            largest: field.numbers.map(|numbers| numbers.largest()),
            label_flips: None,
            noise: learnt.filter(|_| field.noise).map(told_noise),
            excerpts: excerpts(field),
            examples: examples_of(field, pairs),
        }
    })
    .collect()
}

fn told_noise(evidence: &noise::Evidence) -> NoiseBoard {
    let looks = evidence.looks_like.map(|looks| match looks {
        Looks::Time => "a time",
        Looks::Identifier => "an identifier",
        Looks::Counter => "a counter",
    });
    NoiseBoard {
        asked: evidence.asked,
        differed: evidence.differed,
        looks_like: looks.map(str::to_owned),
    }
}

/// The first one, the last one, and that with the largest difference.
fn excerpts(field: &FieldSummary) -> Vec<Excerpt> {
    let largest = field.largest.as_ref().map(|(_, example)| example);
    let mut shown: Vec<Excerpt> = Vec::new();
    for example in [Some(&field.last), largest, Some(&field.first)]
        .into_iter()
        .flatten()
    {
        if shown.iter().all(|own| own.id != example.id) {
            shown.push(Excerpt {
                id: example.id.clone(),
                place: example.place.clone(),
                monolith: example.control.clone(),
                candidate: example.candidate.clone(),
            });
        }
    }
    shown
}

/// None where nothing was predicted.
fn predictions(summary: &PredictionSummary) -> Option<PredictionsBoard> {
    if summary.labels + summary.scores == 0 {
        return None;
    }
    let flips = summary.flips.iter().map(|(flip, count)| Flip {
        from: flip.from.clone(),
        to: flip.to.clone(),
        count: *count,
    });
    Some(PredictionsBoard {
        labels: summary.labels,
        flipped: summary.flipped,
        flips: flips.collect(),
        scores: summary.scores,
        score_differences: apart(&summary.difference),
    })
}

/// Quantiles of differences without their sign.
fn apart(differences: &Sketch) -> Vec<Quantile> {
    let mut sizes: Vec<_> = differences.bins().map(|(by, n)| (by.abs(), n)).collect();
    sizes.sort_by(|own, other| own.0.total_cmp(&other.0));
    let all: u64 = sizes.iter().map(|(_, n)| n).sum();
    let quantile = |share: f64| {
        let rank = (share * all as f64).ceil().max(1.0) as u64;
        let mut below = 0;
        let mut sizes = sizes.iter();
        let found = sizes.find(|(_, n)| {
            below += n;
            below >= rank
        });
        found.map(|(value, _)| Quantile {
            share,
            value: *value,
        })
    };
    let shares = [0.5, 0.9, 0.99, 1.0].into_iter();
    shares.filter_map(quantile).collect()
}

fn examples_of(field: &FieldSummary, pairs: &[KeptPair]) -> Vec<String> {
    let shows = |pair: &&KeptPair| {
        let mut differences = pair.comparison.differences.iter();
        differences.any(|own| own.field == field.field && own.kind == field.kind)
    };
    let shown = pairs.iter().filter(shows).take(3);
    shown.map(|pair| format!("{:032x}", pair.id)).collect()
}

fn example(pair: &KeptPair) -> Example {
    let differences = pair.comparison.differences.iter();
    let fields = differences
        .filter(|own| !own.noise)
        .map(|own| own.place.clone());
    Example {
        id: format!("{:032x}", pair.id),
        time: shown(pair.time),
        method: pair.request.method.clone(),
        path: pair.request.target.clone(),
        request: text(&pair.request.body).map(|(text, _)| text),
        fields: fields.collect(),
        monolith: answer(&pair.monolith),
        candidate: answer(&pair.candidate),
    }
}

fn answer(kept: &KeptAnswer) -> Answer {
    let mut headers = kept.headers.iter();
    let content_type = headers.find(|(name, _)| name == "content-type");
    let body = text(&kept.body);
    Answer {
        status: kept.status,
        failure: kept.failure.clone(),
        content_type: content_type.map(|(_, value)| value.clone()),
        milliseconds: Some(kept.milliseconds),
        cut: body.as_ref().is_some_and(|(_, cut)| *cut),
        body: body.map(|(text, _)| text),
    }
}

/// As it can be read, and whether that is only the beginning.
fn text(body: &KeptBody) -> Option<(String, bool)> {
    let (text, cut) = match body {
        KeptBody::None => return None,
        KeptBody::Text { text, cut } => (text.clone(), *cut),
        KeptBody::Base64 { base64, cut } => (format!("base64: {base64}"), *cut),
    };
    let pretty = match cut {
        true => None,
        false => serde_json::from_str::<serde_json::Value>(&text).ok(),
    };
    let mut text = pretty.map_or(text, |document| format!("{document:#}"));
    let end = text.floor_char_boundary(BODY.min(text.len()));
    let cut = cut || end < text.len();
    text.truncate(end);
    Some((text, cut))
}
