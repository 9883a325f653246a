//! Rules for Prometheus: whom to wake, and why.

/// What somebody is told of.
pub(super) struct Rule {
    name: &'static str,
    /// In PromQL.
    pub(super) query: &'static str,
    /// For how long it has to hold.
    hold: &'static str,
    severity: &'static str,
    what: &'static str,
    mend: &'static str,
}

/// All there are.
pub(super) const RULES: [Rule; 9] = [
    Rule {
        name: "CutlineMismatch",
        query: r#"sum by (stage) (increase(cutline_comparisons_total{verdict="mismatch"}[15m])) / sum by (stage) (increase(cutline_comparisons_total{verdict=~"match|mismatch"}[15m])) > 0.001 and sum by (stage) (increase(cutline_comparisons_total{verdict=~"match|mismatch"}[15m])) >= 100"#,
        hold: "0m",
        severity: "warning",
        what: "More than one of a thousand answers of {{ $labels.stage }} differ",
        mend: "cutline diff {{ $labels.stage }} shows where",
    },
    Rule {
        name: "CutlineErrors",
        query: r#"sum by (stage) (increase(cutline_requests_failed_total{stage!="none"}[15m])) / sum by (stage) (increase(cutline_requests_total{stage!="none"}[15m])) > 0.01 and sum by (stage) (increase(cutline_requests_total{stage!="none"}[15m])) >= 100"#,
        hold: "0m",
        severity: "critical",
        what: "More than one of a hundred requests of {{ $labels.stage }} is answered with an error of a server, or the answer breaks off",
        mend: "cutline status says on which side",
    },
    Rule {
        name: "CutlineLatency",
        query: "histogram_quantile(0.99, sum by (stage, side, le) (rate(http_server_request_duration_seconds_bucket[15m]))) > 1",
        hold: "5m",
        severity: "warning",
        what: "One of a hundred requests to the {{ $labels.side }} of {{ $labels.stage }} takes longer than a second",
        mend: "cutline status compares both sides",
    },
    Rule {
        name: "CutlineCopiesDropped",
        query: r#"sum by (stage, reason) (rate(cutline_mirror_dropped_total{reason!="effects"}[15m])) > 0"#,
        hold: "15m",
        severity: "info",
        what: "Copies of {{ $labels.stage }} are not sent or not compared: {{ $labels.reason }}",
        mend: "evidence comes slowly; [mirror] in routes.toml has the bounds",
    },
    Rule {
        name: "CutlinePoison",
        query: r#"max by (queue) (cutline_queue_messages{queue=~".+-poison"}) > 0"#,
        hold: "0m",
        severity: "warning",
        what: "No other try can do what lies in {{ $labels.queue }}",
        mend: "cutline queue show {{ $labels.queue }} says why",
    },
    Rule {
        name: "CutlineQueueAge",
        query: r#"max by (queue) (cutline_queue_oldest_message_age_seconds{queue!~".+-poison"}) > 900"#,
        hold: "5m",
        severity: "warning",
        what: "A message has waited in {{ $labels.queue }} for a quarter of an hour",
        mend: "work comes faster than it is done, or is tried again: the log says which",
    },
    Rule {
        name: "CutlineDrift",
        query: r#"max by (function) (cutline_monitoring{figure="drifted"}) > 0"#,
        hold: "0m",
        severity: "warning",
        what: "What is asked is no longer what the model was trained on, says {{ $labels.function }}",
        mend: "its drift report names the columns",
    },
    Rule {
        name: "CutlineServingTrouble",
        query: "max by (function) (cutline_serving_trouble) > 0",
        hold: "1m",
        severity: "critical",
        what: "{{ $labels.function }} cannot load what its alias points to; the version before answers",
        mend: "the log says why; cutline registry rollback moves the alias back",
    },
    Rule {
        name: "CutlinePredictionsLost",
        query: "increase(cutline_predictions_lost_total[1h]) > 0",
        hold: "0m",
        severity: "warning",
        what: "Rows were answered that are not in the prediction log",
        mend: "the disk does not keep up",
    },
];

/// The file, in YAML.
pub(crate) fn rules() -> String {
    let mut text = String::from("groups:\n  - name: cutline\n    rules:\n");
    for rule in &RULES {
        text.push_str(&format!(
            "      - alert: {}\n        expr: {}\n        for: {}\n        labels:\n          severity: {}\n        annotations:\n          summary: {}\n          description: {}\n",
            rule.name,
            quoted(rule.query),
            rule.hold,
            rule.severity,
            quoted(rule.what),
            quoted(rule.mend),
        ));
    }
    text
}

/// A text of YAML in single quotes.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use cutline_runtime::manifest::ALERTS;

    use super::*;
    use crate::dashboards::tests::named;

    /// What both tell of, they tell by the same share of the same requests.
    #[test]
    fn rules_and_alerts_agree() {
        for (alert, rule, failed, all) in [
            (
                "errors",
                "CutlineErrors",
                r#"cutline_requests_failed_total{stage!="none"}"#,
                r#"cutline_requests_total{stage!="none"}"#,
            ),
            (
                "mismatch",
                "CutlineMismatch",
                r#"cutline_comparisons_total{verdict="mismatch"}"#,
                r#"cutline_comparisons_total{verdict=~"match|mismatch"}"#,
            ),
        ] {
            let alert = ALERTS.iter().find(|own| own.name == alert).unwrap();
            let rule = RULES.iter().find(|own| own.name == rule).unwrap();
            let window = alert
                .window
                .strip_prefix("PT")
                .unwrap()
                .to_ascii_lowercase();
            let (by, above) = (alert.by.join(", "), alert.above / 100.0);
            assert!(
                alert.query.contains("| where all >= 100\n")
                    || alert.query.contains("| where compared >= 100\n")
            );
            let sum = |of: &str| format!("sum by ({by}) (increase({of}[{window}]))");
            assert_eq!(
                rule.query,
                format!(
                    "{} / {} > {above} and {} >= 100",
                    sum(failed),
                    sum(all),
                    sum(all)
                ),
            );
            assert_eq!(rule.hold, "0m");
        }
    }

    #[test]
    fn every_rule_is_promql_and_names_figures_and_labels_there_are() {
        for rule in &RULES {
            assert!(!named(rule.query).is_empty(), "{}", rule.name);
        }
    }
}
