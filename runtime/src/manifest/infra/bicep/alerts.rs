//! The alerts, as `main.bicep` has them.

use super::write::{object, text};
use crate::manifest::ALERTS;

/// Threshold as text: a number of Bicep is a whole one.
pub(super) fn alerts() -> String {
    let alerts = ALERTS.iter().map(|alert| {
        let dimensions = alert.by.iter().map(|column| {
            let entries = [
                ("name", text(column)),
                ("operator", text("Include")),
                ("values", "['*']".to_owned()),
            ];
            let entries = entries.map(|(key, value)| (key.to_owned(), value));
            format!("      {}\n", object(entries, 6))
        });
        let dimensions = format!("[\n{}    ]", dimensions.collect::<String>());
        let entries = [
            ("name", text(alert.name)),
            ("what", text(alert.what)),
            ("query", text(alert.query)),
            ("measure", text(alert.measure)),
            ("dimensions", dimensions),
            ("above", text(&alert.above.to_string())),
            ("window", text(alert.window)),
            ("every", text(alert.every)),
            ("severity", alert.severity.to_string()),
        ];
        let entries = entries.map(|(key, value)| (key.to_owned(), value));
        format!("  {}\n", object(entries, 2))
    });
    format!("\nvar alerts = [\n{}]\n", alerts.collect::<String>())
}
