//! The workbook for Azure Monitor: over the spans that Application Insights
//! gets.

use serde_json::{Value, json};

use super::kql::{DIFFERING, POISON, ROLES, Seen, TRACE, seen};
use super::{Figure, figures};

/// Of workbooks, as the portal writes and checks them.
const SCHEMA: &str =
    "https://github.com/Microsoft/Application-Insights-Workbooks/blob/master/schema/workbook.json";

const TITLE: &str = "# cutline\n\nA migration as its spans tell of it: from the client through the proxy, the queues and each function to the version of the model that answered. Figures that no span tells of are for Prometheus: `cutline telemetry grafana`.";

/// What the portal's editor takes, and a `Microsoft.Insights/workbooks` has as its
/// `serializedData`.
pub(crate) fn workbook() -> Value {
    let mut items = vec![
        text("title", TITLE),
        parameters(),
        table("roles", "Who sends", ROLES),
    ];
    let shown = figures().into_iter();
    let shown = shown.filter_map(|figure| seen(figure.name).map(|seen| chart(&figure, &seen)));
    items.extend(shown);
    items.push(table(
        "differing",
        "Answers that differ, the latest",
        DIFFERING,
    ));
    items.push(table(
        "poison",
        "Messages in poison queues, the latest",
        POISON,
    ));
    items.push(text(
        "trace-title",
        "## One trace\n\nIts id is that of the access log, of `cutline diff`, and of the log lines of functions (`trace_id`).",
    ));
    items.push(table("trace", "All of it", TRACE));
    json!({
        "version": "Notebook/1.0",
        "items": items,
        "fallbackResourceIds": ["Azure Monitor"],
        "$schema": SCHEMA,
    })
}

fn text(name: &str, text: &str) -> Value {
    json!({ "type": 1, "content": { "json": text }, "name": name })
}

/// The time that is looked at, and the trace.
fn parameters() -> Value {
    let hours = [1_u64, 4, 24, 72, 168];
    let hours = hours.map(|hours| json!({ "durationMs": hours * 3_600_000 }));
    json!({
        "type": 9,
        "content": {
            "version": "KqlParameterItem/1.0",
            "style": "pills",
            "queryType": 0,
            "resourceType": "microsoft.insights/components",
            "parameters": [
                {
                    "id": "5d1c6a3e-0f2b-4e57-9a61-6c1f0b7d2a00",
                    "version": "KqlParameterItem/1.0",
                    "name": "app",
                    "label": "Application Insights",
                    "type": 5,
                    "isRequired": true,
                    "typeSettings": {
                        "resourceTypeFilter": { "microsoft.insights/components": true },
                        "additionalResourceOptions": ["value::1"],
                    },
                    "value": "value::1",
                },
                {
                    "id": "5d1c6a3e-0f2b-4e57-9a61-6c1f0b7d2a01",
                    "version": "KqlParameterItem/1.0",
                    "name": "range",
                    "label": "Time",
                    "type": 4,
                    "isRequired": true,
                    "typeSettings": { "selectableValues": hours, "allowCustom": true },
                    "value": { "durationMs": 14_400_000 },
                },
                {
                    "id": "5d1c6a3e-0f2b-4e57-9a61-6c1f0b7d2a02",
                    "version": "KqlParameterItem/1.0",
                    "name": "trace",
                    "label": "Trace id",
                    "type": 1,
                    "value": "",
                },
            ],
        },
        "name": "parameters",
    })
}

fn chart(figure: &Figure, seen: &Seen) -> Value {
    let what = figure.sentence();
    let title = match seen.is_duration() {
        true => format!("{what}: of a hundred the slowest but one, in milliseconds"),
        false => what,
    };
    let mut item = query(figure.name, &title, &seen.query());
    item["content"]["visualization"] = "timechart".into();
    item["customWidth"] = "50".into();
    item
}

fn table(name: &str, title: &str, kql: &str) -> Value {
    let mut item = query(name, title, kql);
    item["content"]["visualization"] = "table".into();
    item
}

fn query(name: &str, title: &str, kql: &str) -> Value {
    json!({
        "type": 3,
        "content": {
            "version": "KqlItem/1.0",
            "query": kql,
            "size": 0,
            "title": title,
            "timeContextFromParameter": "range",
            "queryType": 0,
            "resourceType": "microsoft.insights/components",
            "crossComponentResources": ["{app}"],
        },
        "name": name,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_query_looks_at_the_time_and_the_trace_that_are_chosen() {
        let workbook = workbook();
        let items = workbook["items"].as_array().unwrap();
        let mut names = BTreeSet::new();
        for item in items {
            assert!(names.insert(item["name"].as_str().unwrap()), "{item}");
            let Some(kql) = item["content"]["query"].as_str() else {
                continue;
            };
            assert_eq!(item["content"]["timeContextFromParameter"], "range");
            assert_eq!(item["content"]["crossComponentResources"], json!(["{app}"]));
            for asked in kql.split('{').skip(1) {
                let asked = asked.split(['}', ':']).next().unwrap();
                assert!(["app", "range", "trace"].contains(&asked), "{asked}: {kql}");
            }
        }
        let shown = figures()
            .into_iter()
            .filter(|figure| seen(figure.name).is_some());
        for figure in shown {
            assert!(names.contains(figure.name), "{}", figure.name);
        }
    }
}
