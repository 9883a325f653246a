//! A pair of answers as a run, for stages that are judged run by run.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::compare::Comparison;
use crate::outcome::{Captured, Outcome};
use crate::rollout::Run;

/// What a pair says of a run; nothing where the monolith's answer was not seen
/// whole, such as when its client went away: there is nothing to hold the
/// candidate's against. It failed where the candidate gave no answer or
/// one of 5xx; what differs in fields is what differs in artifacts; and a metric
/// is the first number of that name in a side's JSON answer, which is then no
/// artifact.
pub(super) fn of(
    id: u128,
    comparison: &Comparison,
    (monolith, candidate): (&Outcome, &Outcome),
    tolerance: &BTreeMap<String, f64>,
) -> Option<Run> {
    let reply = monolith.result.as_ref().ok()?;
    if !matches!(reply.body, Captured::Whole(_)) {
        return None;
    }
    let failed = match &candidate.result {
        Ok(reply) => reply.status.is_server_error(),
        Err(_) => true,
    };
    let documents = [monolith, candidate].map(document);
    let metrics = tolerance.keys().map(|name| {
        let [own, other] = documents.each_ref().map(|document| {
            let found = document.as_ref().and_then(|document| named(document, name));
            found.and_then(Value::as_f64)
        });
        (name.clone(), (own, other))
    });
    let is_metric = |place: &str| {
        let last = place.rsplit('/').next().unwrap_or_default();
        tolerance.contains_key(last)
    };
    let differing = comparison.differences.iter();
    let differing = differing.filter(|own| !own.noise && !is_metric(&own.place));
    Some(Run {
        id: format!("{id:032x}"),
        failed,
        differing: differing.map(|own| own.field.to_string()).collect(),
        metrics: metrics.collect(),
    })
}

fn document(outcome: &Outcome) -> Option<Value> {
    let reply = outcome.result.as_ref().ok()?;
    match &reply.body {
        Captured::Whole(pieces) => serde_json::from_slice(&pieces.concat()).ok(),
        Captured::TooLong | Captured::Broken => None,
    }
}

/// The first member of that name, the outermost ones first.
fn named<'v>(document: &'v Value, name: &str) -> Option<&'v Value> {
    let mut level = vec![document];
    while !level.is_empty() {
        let members = level.iter().filter_map(|value| value.as_object());
        if let Some(found) = members.clone().find_map(|members| members.get(name)) {
            return Some(found);
        }
        let inner = level.iter().flat_map(|value| match value {
            Value::Object(members) => members.values().collect(),
            Value::Array(items) => items.iter().collect(),
            _ => Vec::new(),
        });
        level = inner.collect();
    }
    None
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};

    use super::*;
    use crate::compare::{Rules, compare};
    use crate::outcome::Reply;
    use crate::rollout::Fault;
    use crate::route::Side;

    fn answer(side: Side, status: u16, body: &'static str) -> Outcome {
        let mut headers = HeaderMap::new();
        let json = http::HeaderValue::from_static("application/json");
        headers.insert(http::header::CONTENT_TYPE, json);
        Outcome {
            side,
            to_head: Duration::ZERO,
            result: Ok(Reply {
                status: StatusCode::from_u16(status).unwrap(),
                headers,
                body: Captured::Whole(vec![Bytes::from_static(body.as_bytes())]),
            }),
        }
    }

    fn fault(status: u16, candidate: &'static str) -> Option<Fault> {
        let body = r#"{"metrics": {"auc": 0.91}, "model": "a1"}"#;
        let monolith = answer(Side::Monolith, 200, body);
        let candidate = answer(Side::Candidate, status, candidate);
        let comparison = compare(&monolith, &candidate, &Rules::default());
        let tolerance = BTreeMap::from([("auc".to_owned(), 0.005)]);
        let run = of(1, &comparison, (&monolith, &candidate), &tolerance);
        run.unwrap().fault(&tolerance)
    }

    #[test]
    fn what_its_client_did_not_wait_for_is_no_run() {
        let mut monolith = answer(Side::Monolith, 200, "{}");
        let candidate = answer(Side::Candidate, 200, r#"{"auc": 0.91}"#);
        if let Ok(reply) = &mut monolith.result {
            reply.body = Captured::Broken;
        }
        let comparison = compare(&monolith, &candidate, &Rules::default());
        let tolerance = BTreeMap::from([("auc".to_owned(), 0.005)]);
        let run = of(1, &comparison, (&monolith, &candidate), &tolerance);
        assert_eq!(run, None);
    }

    #[test]
    fn a_pair_is_judged_as_a_run() {
        assert_eq!(
            fault(200, r#"{"metrics": {"auc": 0.912}, "model": "a1"}"#),
            None
        );
        let artifact = Some(Fault::Artifact("/model".to_owned()));
        assert_eq!(
            fault(200, r#"{"metrics": {"auc": 0.91}, "model": "b2"}"#),
            artifact
        );
        assert_eq!(fault(503, "{}"), Some(Fault::Failed));
        let metric = fault(200, r#"{"metrics": {"auc": 0.8}, "model": "a1"}"#);
        assert!(matches!(
            metric,
            Some(Fault::Metric {
                candidate: Some(_),
                ..
            })
        ));
        let lacking = fault(200, r#"{"metrics": {}, "model": "a1"}"#);
        assert!(matches!(
            lacking,
            Some(Fault::Metric {
                candidate: None,
                ..
            })
        ));
    }
}
