//! What `cutline telemetry` prints is what those that read it take: Kusto's own
//! language service, Grafana's own models, a parser of YAML.

#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by failing there"
)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use yaml_rust2::YamlLoader;

use crate::support;
use crate::support::service::{cutline, program};

fn printed(what: &str) -> String {
    let said = support::run(cutline().args(["telemetry", what]), "nothing is printed");
    String::from_utf8(said.stdout).unwrap()
}

fn document(what: &str) -> Value {
    serde_json::from_str(&printed(what)).unwrap()
}

/// What a program that reads `text` finds wrong.
fn found(command: &mut Command, text: &str) -> String {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{command:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_query_for_application_insights_is_kql_over_its_columns() {
    let workbook = document("workbook");
    let items = workbook["items"].as_array().unwrap().iter();
    let shown = items.filter_map(|item| item["content"]["query"].as_str());
    let shown: Vec<String> = shown
        .map(|query| {
            query
                .replace("{range:grain}", "5m")
                .replace("{trace}", "4bf92f35")
        })
        .collect();
    let alerts = document("alerts");
    let told = alerts.as_array().unwrap().iter();
    let told = told.map(|alert| alert["query"].as_str().unwrap().to_owned());
    let queries: Vec<String> = shown.into_iter().chain(told).collect();
    assert!(queries.len() > 15, "{queries:#?}");

    let kusto = support::npm("kusto", &["@kusto/language-service-next@12.4.1"]);
    let reader = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/kql.mjs");
    let mut service = Command::new("node");
    service.arg(reader).arg(kusto);
    let text = serde_json::to_string(&queries).unwrap();
    assert_eq!(found(&mut service, &text), "");
    // It would find something.
    let wrong = r#"["requests | where nobody == 1"]"#;
    assert!(found(&mut service, wrong).contains("nobody"));
}

#[test]
fn grafana_knows_every_field_of_the_dashboard() {
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/grafana.txt");
    let python = support::python_env(&requirements);
    let mut reader = program(&python, "grafana.py");
    assert_eq!(found(&mut reader, &printed("grafana")), "");
    let wrong = r#"{"title": "cutline", "pannels": []}"#;
    assert_eq!(found(&mut reader, wrong), "/pannels is lost\n");
}

#[test]
fn the_rules_are_yaml() {
    let rules = YamlLoader::load_from_str(&printed("rules")).unwrap();
    let rules = rules[0]["groups"][0]["rules"].as_vec().unwrap();
    for what in ["Mismatch", "Errors", "Latency", "Poison", "Drift"] {
        let name = format!("Cutline{what}");
        let rule = rules
            .iter()
            .find(|rule| rule["alert"].as_str() == Some(&*name));
        let rule = rule.unwrap_or_else(|| panic!("{name}: {rules:#?}"));
        assert!(rule["expr"].as_str().unwrap().contains('>'), "{rule:?}");
        assert!(rule["annotations"]["summary"].as_str().is_some());
    }
}
