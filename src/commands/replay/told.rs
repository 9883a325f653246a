//! What came of replaying, beside what came of it then.

use std::collections::BTreeMap;

use cutline_proxy::compare::{Comparison, Verdict};
use serde_json::{Value, json};

use super::pair::Pair;
use crate::error::{CommandError, Kind};
use crate::table::table;
use crate::words::harmless;

/// What came of all requests that were to be sent.
pub(super) struct Replayed {
    stage: String,
    left_out: u64,
    rows: Vec<Vec<String>>,
    documents: Vec<Value>,
    /// By what came of them now.
    now: BTreeMap<&'static str, u64>,
    /// Those that were not sent, by why.
    not_sent: BTreeMap<String, u64>,
}

impl Replayed {
    /// `left_out` requests were too long to be told with the others.
    pub(super) fn new(stage: &str, left_out: u64) -> Replayed {
        let mut not_sent = BTreeMap::new();
        if left_out > 0 {
            let why = "too long to be told with the others: ask for them by --id".to_owned();
            not_sent.insert(why, left_out);
        }
        Replayed {
            stage: stage.to_owned(),
            left_out,
            rows: Vec::new(),
            documents: Vec::new(),
            now: BTreeMap::new(),
            not_sent,
        }
    }

    pub(super) fn sent(&mut self, pair: &Pair, comparison: Comparison) {
        let now = match comparison.verdict {
            Verdict::Match => "match",
            Verdict::Mismatch => "mismatch",
            Verdict::Unavailable(_) => "unavailable",
        };
        *self.now.entry(now).or_default() += 1;
        let counted = comparison.differences.iter().filter(|own| !own.noise);
        let fields: Vec<_> = counted.map(|own| own.field.to_string()).collect();
        let unavailable = match comparison.verdict {
            Verdict::Unavailable(why) => Some(why.to_string()),
            _ => None,
        };
        let shown = match &unavailable {
            Some(why) => format!("{now}: {why}"),
            None => with_fields(now, &fields),
        };
        self.row(pair, shown);
        let differences = comparison.differences.iter().map(|own| {
            json!({
                "path": own.field.to_string(), "kind": own.kind.name(), "place": own.place,
                "monolith": own.control, "candidate": own.candidate, "count": own.count,
                "noise": own.noise,
            })
        });
        let differences: Vec<_> = differences.collect();
        let now = json!({ "verdict": now, "unavailable": unavailable, "differences": differences });
        self.documents.push(document(pair, now, None));
    }

    pub(super) fn not_sent(&mut self, pair: &Pair, why: String) {
        self.row(pair, "not sent".to_owned());
        self.documents.push(document(pair, Value::Null, Some(&why)));
        *self.not_sent.entry(why).or_default() += 1;
    }

    fn row(&mut self, pair: &Pair, now: String) {
        let request = format!("{} {}", pair.request.method, pair.request.target);
        let request = harmless(&request);
        // A query can be long; the id tells which one it is.
        let short: String = request.chars().take(40).collect();
        let request = match short.len() < request.len() {
            true => format!("{short}…"),
            false => short,
        };
        let then = with_fields(&pair.verdict, &pair.fields());
        self.rows.push(vec![
            pair.id.clone(),
            request,
            harmless(&then),
            harmless(&now),
        ]);
    }

    /// A row for each request, and then the sums.
    pub(super) fn shown(&self) -> String {
        let mut shown = table(&["ID", "REQUEST", "THEN", "NOW"], &self.rows);
        shown.push_str(&format!("\n{}\n", self.sums()));
        for (why, n) in &self.not_sent {
            shown.push_str(&format!("not sent: {n}, {why}\n"));
        }
        shown
    }

    fn sums(&self) -> String {
        let of = |verdict: &str| self.now.get(verdict).copied().unwrap_or(0);
        let sent: u64 = self.now.values().sum();
        let (same, differ) = (of("match"), of("mismatch"));
        let unavailable = match of("unavailable") {
            0 => String::new(),
            n => format!(", {n} cannot be compared"),
        };
        format!("{sent} replayed: {same} match, {differ} differ{unavailable}")
    }

    /// All of it, for machines.
    pub(super) fn document(&self) -> Value {
        let of = |verdict: &str| self.now.get(verdict).copied().unwrap_or(0);
        let not_sent: u64 = self.not_sent.values().sum();
        json!({
            "stage": self.stage,
            "matches": of("match"),
            "mismatches": of("mismatch"),
            "unavailable": of("unavailable"),
            "not_sent": not_sent,
            "left_out": self.left_out,
            "requests": self.documents,
        })
    }

    /// An error unless each of them was sent and got the same answer twice.
    pub(super) fn verdict(&self) -> Result<(), CommandError> {
        let good = self.now.keys().all(|verdict| *verdict == "match");
        if good && self.not_sent.is_empty() && !self.now.is_empty() {
            return Ok(());
        }
        let not_sent: u64 = self.not_sent.values().sum();
        let and = match not_sent {
            0 => String::new(),
            n => format!(", {n} not sent"),
        };
        let message = format!("stage {}: {}{and}", self.stage, self.sums());
        Err(CommandError::message(Kind::Apart, message))
    }
}

fn with_fields(verdict: &str, fields: &[impl AsRef<str>]) -> String {
    let mut shown: Vec<&str> = fields.iter().take(3).map(AsRef::as_ref).collect();
    if fields.len() > shown.len() {
        shown.push("…");
    }
    match shown.is_empty() {
        true => verdict.to_owned(),
        false => format!("{verdict}: {}", shown.join(", ")),
    }
}

fn document(pair: &Pair, now: Value, not_sent: Option<&str>) -> Value {
    json!({
        "id": pair.id,
        "time": pair.time,
        "session": pair.session,
        "method": pair.request.method,
        "target": pair.request.target,
        "then": { "verdict": pair.verdict, "fields": pair.fields() },
        "now": now,
        "not_sent": not_sent,
    })
}
