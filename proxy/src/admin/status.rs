//! The proxy as it stands, gathered.

use std::collections::BTreeMap;

use super::document::{
    By, FileDocument, Quantiles, RefusedFile, ShareDocument, SinceDocument, StageDocument, Status,
    Traffic, UpstreamDocument,
};
use super::scrape::{Sample, quantile, samples};
use super::shown;
use crate::control::Control;
use crate::journal::JournalError;
use crate::listen::Known;

pub(super) fn of(control: &Control) -> Result<Status, JournalError> {
    let running = &control.running;
    let known = control.stages()?;
    let table = running.table();
    let samples = samples(&running.metrics());
    let upstreams = running.upstreams();
    let stages = table.stages.iter().zip(known);
    let stages = stages.map(|(stage, (declared, last))| StageDocument {
        name: stage.name.to_string(),
        now: stage.share.into(),
        declared: ShareDocument::from(declared),
        since: last.map(|last| SinceDocument {
            time: shown(last.time),
            by: By::from(&last.what.by),
            who: last.what.by.name().to_owned(),
            why: last.what.why,
        }),
        candidate: processes(&upstreams, Some(&stage.name)),
        traffic: traffic(&samples, &stage.name),
    });
    Ok(Status {
        version: env!("CARGO_PKG_VERSION"),
        started: shown(control.started),
        listen: running
            .addresses()
            .iter()
            .map(ToString::to_string)
            .collect(),
        file: file(control),
        monolith: processes(&upstreams, None),
        stages: stages.collect(),
        unowned: traffic(&samples, "none"),
    })
}

fn file(control: &Control) -> FileDocument {
    let file = control.file();
    let refused = file.wrong.map(|wrong| {
        let problem = wrong.problem.as_ref();
        RefusedFile {
            since: shown(wrong.since),
            message: problem.map_or(wrong.message.clone(), |problem| problem.message.clone()),
            line: problem.map(|problem| problem.line),
            column: problem.map(|problem| problem.column),
            mend: problem.map(|problem| problem.label.clone()),
        }
    });
    FileDocument {
        path: file.path,
        refused,
        restart_for: file.restart,
    }
}

fn processes(upstreams: &[Known], stage: Option<&str>) -> Vec<UpstreamDocument> {
    let own = upstreams
        .iter()
        .filter(|known| known.stage.as_deref() == stage);
    own.map(|known| UpstreamDocument {
        url: known.address.to_string(),
        healthy: known.healthy,
    })
    .collect()
}

/// Of all routes of a stage together.
fn traffic(samples: &[Sample], stage: &str) -> Traffic {
    let own: Vec<_> = samples
        .iter()
        .filter(|sample| sample.label("stage") == Some(stage))
        .collect();
    let sum = |name: &str, by: &str| {
        let mut sums = BTreeMap::<String, u64>::new();
        for sample in own.iter().filter(|sample| sample.name == name) {
            let label = sample.label(by).unwrap_or_default().to_owned();
            *sums.entry(label).or_default() += sample.value as u64;
        }
        sums
    };
    let mut dropped = sum("cutline_mirror_dropped_total", "reason");
    dropped.retain(|_, n| *n > 0);
    let seconds = ["monolith", "candidate"].into_iter().filter_map(|side| {
        let quantiles = quantiles(&own, side)?;
        Some((side.to_owned(), quantiles))
    });
    Traffic {
        requests: sum("cutline_requests_total", "end"),
        failures: sum("cutline_upstream_failures_total", "side"),
        mirrored: sum("cutline_mirrored_total", "side"),
        dropped,
        seconds: seconds.collect(),
    }
}

fn quantiles(own: &[&Sample], side: &str) -> Option<Quantiles> {
    let mut buckets: Vec<(f64, f64)> = Vec::new();
    for sample in own {
        if sample.name != "http_server_request_duration_seconds_bucket"
            || sample.label("side") != Some(side)
        {
            continue;
        }
        let bound: f64 = sample.label("le")?.replace("+Inf", "inf").parse().ok()?;
        match buckets.iter_mut().find(|(known, _)| *known == bound) {
            Some((_, below)) => *below += sample.value,
            None => buckets.push((bound, sample.value)),
        }
    }
    Some(Quantiles {
        p50: quantile(&mut buckets, 0.5)?,
        p99: quantile(&mut buckets, 0.99)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_routes_of_a_stage_are_added_up() {
        let text = r#"
cutline_requests_total{stage="a",route="GET /x",end="monolith"} 2
cutline_requests_total{stage="a",route="GET /y",end="monolith"} 3
cutline_requests_total{stage="b",route="GET /z",end="monolith"} 9
cutline_mirror_dropped_total{stage="a",route="GET /x",reason="memory"} 0
cutline_mirror_dropped_total{stage="a",route="GET /x",reason="effects"} 1
http_server_request_duration_seconds_bucket{http_request_method="GET",url_scheme="http",http_route="/x",stage="a",side="monolith",le="0.1"} 1
http_server_request_duration_seconds_bucket{http_request_method="GET",url_scheme="http",http_route="/y",stage="a",side="monolith",le="0.1"} 1
http_server_request_duration_seconds_bucket{http_request_method="GET",url_scheme="http",http_route="/x",stage="a",side="monolith",le="+Inf"} 1
http_server_request_duration_seconds_bucket{http_request_method="GET",url_scheme="http",http_route="/y",stage="a",side="monolith",le="+Inf"} 1
http_server_request_duration_seconds_bucket{http_request_method="GET",url_scheme="http",http_route="/y",stage="a",side="candidate",le="+Inf"} 0
"#;
        let traffic = traffic(&samples(text), "a");
        assert_eq!(
            traffic.requests,
            BTreeMap::from([("monolith".to_owned(), 5)])
        );
        assert_eq!(traffic.dropped, BTreeMap::from([("effects".to_owned(), 1)]));
        let quantiles = traffic.seconds["monolith"];
        assert!((quantiles.p50 - 0.05).abs() < 1e-9, "{quantiles:?}");
        assert!(!traffic.seconds.contains_key("candidate"));
    }
}
