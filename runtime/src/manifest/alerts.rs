//! [`ALERTS`]: what somebody on call is to be told, as queries of Application
//! Insights.
//!
//! Each is a scheduled query rule of Azure Monitor (`Microsoft.Insights/
//! scheduledQueryRules`) on the resource that spans go to: the query's `value`
//! is measured by its greatest, split by the columns of `by`, and compared with
//! `above` by `GreaterThan`. They read what `cutline proxy`, `run` and `handler`
//! send there, and nothing else.

use serde::Serialize;

/// What somebody is told of.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Alert {
    /// Its own, in words with dashes.
    pub name: &'static str,
    /// What has happened, and what to do.
    pub what: &'static str,
    /// In the Kusto query language, over the tables of Application Insights.
    pub query: &'static str,
    /// The column that is measured.
    pub measure: &'static str,
    /// The columns by which it is split.
    pub by: &'static [&'static str],
    /// More than that is told.
    pub above: f64,
    /// Over which time the query looks, as ISO 8601 has it.
    pub window: &'static str,
    /// How often it looks.
    pub every: &'static str,
    /// From 0, critical, to 4, verbose.
    pub severity: u8,
}

/// All there are, in the order of names.
pub const ALERTS: [Alert; 5] = [
    Alert {
        name: "drift",
        what: "What is asked is no longer what the model was trained on: the drift report names the columns",
        query: r#"requests
| where tostring(customDimensions["cutline.stage"]) == "monitoring"
| where tostring(customDimensions["cutline.facts.drifted"]) == "true"
| summarize value = sum(itemCount) by name"#,
        measure: "value",
        by: &["name"],
        above: 0.0,
        window: "PT1H",
        every: "PT15M",
        severity: 3,
    },
    Alert {
        name: "errors",
        what: "More than one of a hundred requests is answered with an error of a server, or the answer breaks off: cutline status says on which side",
        query: r#"requests
| extend stage = tostring(customDimensions["cutline.stage"])
| where isnotempty(stage) and isnotempty(tostring(customDimensions["cutline.side"]))
| summarize all = sum(itemCount), failed = sumif(itemCount, not(tobool(success))) by stage
| where all >= 100
| project stage, value = 100.0 * failed / all"#,
        measure: "value",
        by: &["stage"],
        above: 1.0,
        window: "PT15M",
        every: "PT5M",
        severity: 1,
    },
    Alert {
        name: "latency",
        what: "One of a hundred requests takes longer than a second: cutline status compares both sides",
        query: r#"requests
| extend stage = tostring(customDimensions["cutline.stage"]), side = tostring(customDimensions["cutline.side"])
| where isnotempty(stage) and isnotempty(side)
| summarize value = percentilew(duration, itemCount, 99) by stage, side"#,
        measure: "value",
        by: &["stage", "side"],
        above: 1_000.0,
        window: "PT15M",
        every: "PT5M",
        severity: 3,
    },
    Alert {
        name: "mismatch",
        what: "The candidate answers otherwise than the monolith, more than once in a thousand: cutline diff shows where",
        query: r#"dependencies
| where name == "compare"
| extend stage = tostring(customDimensions["cutline.stage"]), verdict = tostring(customDimensions["cutline.verdict"])
| summarize compared = sumif(itemCount, verdict in ("match", "mismatch")), differing = sumif(itemCount, verdict == "mismatch") by stage
| where compared >= 100
| project stage, value = 100.0 * differing / compared"#,
        measure: "value",
        by: &["stage"],
        above: 0.1,
        window: "PT15M",
        every: "PT5M",
        severity: 2,
    },
    Alert {
        name: "poison",
        what: "No other try can do this work: cutline queue show says why, cutline queue requeue puts it back",
        query: r#"requests
| where tostring(customDimensions["cutline.end"]) == "poisoned"
| extend stage = tostring(customDimensions["cutline.stage"])
| summarize value = sum(itemCount) by stage, name"#,
        measure: "value",
        by: &["stage", "name"],
        above: 0.0,
        window: "PT5M",
        every: "PT5M",
        severity: 2,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_measures_and_splits_by_columns_of_its_query() {
        assert!(ALERTS.is_sorted_by_key(|alert| alert.name));
        for alert in ALERTS {
            let last = alert.query.lines().last().unwrap();
            for column in alert.by.iter().chain([&alert.measure]) {
                assert!(last.contains(column), "{column}: {last}");
            }
            assert!(alert.severity <= 4 && alert.above >= 0.0);
        }
    }
}
