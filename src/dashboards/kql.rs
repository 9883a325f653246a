//! Figures as spans tell of them: what Application Insights is asked, in the
//! Kusto query language, for those of which it gets spans.

/// Where in Application Insights a figure is found.
pub(super) struct Seen {
    /// `requests`, which spans of servers and consumers are, or `dependencies`.
    table: &'static str,
    /// Which of them.
    filter: &'static str,
    /// Of those in one stretch of time.
    value: &'static str,
    /// What tells its lines apart: attributes of spans, or columns.
    by: &'static [By],
}

enum By {
    Attribute(&'static str),
    Column(&'static str),
}

use By::{Attribute, Column};

const COUNT: &str = "sum(itemCount)";
const P99: &str = "percentilew(duration, itemCount, 99)";
const ROWS: &str = r#"sum(itemCount * toint(customDimensions["cutline.rows"]))"#;
/// Requests at the proxy.
const AT_PROXY: &str = r#"isnotempty(tostring(customDimensions["cutline.side"]))"#;
/// Invocations that messages started.
const OF_MESSAGE: &str = r#"isnotempty(tostring(customDimensions["cutline.message_id"]))"#;
/// Predictions.
const OF_VERSION: &str = r#"isnotempty(tostring(customDimensions["cutline.version"]))"#;

/// Where the figure of that name is found; None where no span tells of it.
pub(super) fn seen(name: &str) -> Option<Seen> {
    let seen = |table, filter, value, by| {
        Some(Seen {
            table,
            filter,
            value,
            by,
        })
    };
    match name {
        "cutline.requests" => {
            const BY: &[By] = &[Attribute("cutline.stage"), Attribute("cutline.end")];
            seen("requests", AT_PROXY, COUNT, BY)
        }
        "cutline.requests.failed" => {
            const FAILED: &str = r#"isnotempty(tostring(customDimensions["cutline.side"])) and not(tobool(success))"#;
            const BY: &[By] = &[Attribute("cutline.stage"), Attribute("cutline.side")];
            seen("requests", FAILED, COUNT, BY)
        }
        "http.server.request.duration" => {
            const BY: &[By] = &[Attribute("cutline.stage"), Attribute("cutline.side")];
            seen("requests", AT_PROXY, P99, BY)
        }
        "cutline.upstream.failures" => {
            const WITHOUT_ANSWER: &str = r#"isnotempty(tostring(customDimensions["cutline.attempt"])) and isempty(tostring(customDimensions["http.response.status_code"]))"#;
            const BY: &[By] = &[Attribute("cutline.side"), Attribute("cutline.attempt")];
            seen("dependencies", WITHOUT_ANSWER, COUNT, BY)
        }
        "cutline.refused" => {
            const REFUSED: &str = r#"tostring(customDimensions["cutline.end"]) == "refused""#;
            seen("requests", REFUSED, COUNT, &[Column("resultCode")])
        }
        "cutline.mirrored" => {
            const COPY: &str = r#"tostring(customDimensions["cutline.attempt"]) == "mirror""#;
            seen("dependencies", COPY, COUNT, &[Attribute("cutline.side")])
        }
        "cutline.comparisons" => {
            const BY: &[By] = &[Attribute("cutline.stage"), Attribute("cutline.verdict")];
            seen("dependencies", r#"name == "compare""#, COUNT, BY)
        }
        "cutline.invocations" => {
            const BY: &[By] = &[Column("name"), Attribute("cutline.end")];
            seen("requests", OF_MESSAGE, COUNT, BY)
        }
        "messaging.process.duration" => {
            const BY: &[By] = &[Attribute("messaging.destination.name"), Column("name")];
            seen("requests", OF_MESSAGE, P99, BY)
        }
        "cutline.rows" => seen("requests", OF_MESSAGE, ROWS, &[Column("name")]),
        "cutline.predictions" => seen(
            "dependencies",
            OF_VERSION,
            ROWS,
            &[Attribute("cutline.version")],
        ),
        "cutline.prediction.duration" => seen("dependencies", OF_VERSION, P99, &[Column("name")]),
        "cutline.monitoring" => {
            const WATCHING: &str = r#"tostring(customDimensions["cutline.stage"]) == "monitoring""#;
            const SHARE: &str = r#"max(todouble(customDimensions["cutline.facts.share"]))"#;
            seen("requests", WATCHING, SHARE, &[Column("name")])
        }
        _ => None,
    }
}

impl Seen {
    /// Over the time of the workbook's parameter `range`.
    pub(super) fn query(&self) -> String {
        let by = self.by.iter().map(|by| match by {
            Attribute(name) => format!("tostring(customDimensions[\"{name}\"])"),
            Column(name) => (*name).to_owned(),
        });
        let by = by.collect::<Vec<_>>().join(", ");
        let Seen {
            table,
            filter,
            value,
            ..
        } = self;
        format!(
            "{table}\n| where {filter}\n| extend series = strcat_array(pack_array({by}), \" \")\n\
             | summarize value = {value} by bin(timestamp, {{range:grain}}), series"
        )
    }

    /// What is shown: milliseconds, where it is a time.
    pub(super) fn is_duration(&self) -> bool {
        self.value == P99
    }
}

/// Of a trace, everything in the order of time.
pub(super) const TRACE: &str = r#"union requests, dependencies
| where operation_Id == "{trace}"
| project timestamp, cloud_RoleName, name, itemType, duration, success, resultCode, version = tostring(customDimensions["cutline.version"]), verdict = tostring(customDimensions["cutline.verdict"]), id, operation_ParentId
| order by timestamp asc"#;

/// Traces whose answers differ, to be looked at.
pub(super) const DIFFERING: &str = r#"dependencies
| where name == "compare" and tostring(customDimensions["cutline.verdict"]) == "mismatch"
| project timestamp, stage = tostring(customDimensions["cutline.stage"]), route = tostring(customDimensions["http.route"]), operation_Id
| order by timestamp desc
| take 50"#;

/// Messages that no other try can do, with their traces.
pub(super) const POISON: &str = r#"requests
| where tostring(customDimensions["cutline.end"]) == "poisoned"
| project timestamp, name, message = tostring(customDimensions["cutline.message_id"]), operation_Id
| order by timestamp desc
| take 50"#;

/// Who sends.
pub(super) const ROLES: &str = r#"union requests, dependencies
| summarize items = sum(itemCount), failed = sumif(itemCount, not(tobool(success))), latest = max(timestamp) by cloud_RoleName
| order by items desc"#;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use cutline_proxy::spans as proxy;
    use cutline_runtime::manifest::ALERTS;
    use cutline_runtime::spans as functions;

    use super::*;
    use crate::dashboards::figures;

    /// What Prometheus alone knows: no span tells of it.
    const WITHOUT: [&str; 11] = [
        "cutline.pairs",
        "cutline.mirror.dropped",
        "cutline.stage",
        "cutline.connections",
        "cutline.requests.in_flight",
        "cutline.spans.lost",
        "cutline.queue.messages",
        "cutline.queue.oldest_message.age",
        "cutline.predictions.lost",
        "cutline.serving.trouble",
        "cutline.spans.lost",
    ];

    /// What a query asks of a span's own attributes.
    fn asked(kql: &str) -> BTreeSet<&str> {
        let asked = kql.split("customDimensions[\"").skip(1);
        asked.filter_map(|rest| rest.split("\"]").next()).collect()
    }

    #[test]
    fn every_attribute_that_is_asked_for_is_one_that_spans_have() {
        let shown = figures().into_iter().filter_map(|own| seen(own.name));
        let mut queries: Vec<String> = shown.map(|seen| seen.query()).collect();
        queries.extend([TRACE, DIFFERING, POISON, ROLES].map(str::to_owned));
        queries.extend(ALERTS.map(|alert| alert.query.to_owned()));
        let known: BTreeSet<&str> = proxy::ATTRIBUTES
            .into_iter()
            .chain(functions::ATTRIBUTES)
            .collect();
        let mut facts = BTreeSet::new();
        for query in &queries {
            for name in asked(query) {
                match name.strip_prefix(functions::FACTS) {
                    Some(fact) => facts.extend([fact.to_owned()]),
                    None => assert!(known.contains(name), "{name}: {query}"),
                }
            }
        }
        // As monitoring says them.
        assert_eq!(facts.into_iter().collect::<Vec<_>>(), ["drifted", "share"]);
    }

    #[test]
    fn every_figure_is_seen_in_spans_or_known_not_to_be() {
        let unseen = figures().into_iter().filter(|own| seen(own.name).is_none());
        let unseen: Vec<_> = unseen.map(|own| own.name).collect();
        assert_eq!(unseen, WITHOUT);
    }
}
