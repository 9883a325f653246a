//! `[[http]]`: the monolith's own routes, from the contracts of what they
//! take and answer.
//!
//! What a field of an answer holds is said by its name and its type: the
//! label, a probability, the version, a column of the request. A field of
//! which that does not say enough is `"TODO"`.

use std::collections::BTreeSet;
use std::fmt;

use super::super::document::{ContractItem, Report, RouteEntry};
use super::of_kind;
use super::toml::{Lines, array, at, named, quoted};
use crate::cut::EntryKind;
use crate::routes::RouteKind;
use crate::stages::Stage;

/// Stages that work on a message; a route of theirs starts them.
const WORK: [Stage; 5] = [
    Stage::Ingestion,
    Stage::Preprocessing,
    Stage::Training,
    Stage::Evaluation,
    Stage::Deployment,
];

pub(super) fn render(out: &mut Lines, report: &Report) {
    let mut open = Vec::new();
    for (route, face) in faces(report) {
        match face {
            Face::Predicts => inference(out, report, route),
            Face::Starts(first) => starts(out, route, first),
            Face::Left => open.push(RouteLeft::of(route)),
        }
    }
    if open.is_empty() {
        return;
    }
    out.blank();
    out.put("# Routes that the monolith still answers, and which function could:");
    for left in open {
        out.put(&format!("#   {left}"));
    }
}

/// A route that no function answers yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteLeft {
    /// Its method.
    pub method: String,
    /// Its path.
    pub path: String,
    /// What could answer it.
    pub way: String,
    /// Where it is handled: `file:line`.
    pub place: String,
}

/// The routes that `functions.toml` has no face of.
#[must_use]
pub fn routes_left(report: &Report) -> Vec<RouteLeft> {
    let left = faces(report)
        .into_iter()
        .filter(|(_, face)| matches!(face, Face::Left));
    left.map(|(route, _)| RouteLeft::of(route)).collect()
}

impl fmt::Display for RouteLeft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RouteLeft {
            method,
            path,
            way,
            place,
        } = self;
        write!(f, "{method} {path}: {way} ({place})")
    }
}

impl RouteLeft {
    fn of(route: &RouteEntry) -> RouteLeft {
        let way = match route.stage {
            stage if WORK.contains(&stage) && route.method != "GET" => {
                format!("function = \"{stage}\" (202 and a status address, or `wait`)")
            }
            Stage::Monitoring => "function = \"monitoring\"".to_owned(),
            Stage::Inference => {
                "function = \"inference\", once it is given rows and its answer is mapped"
                    .to_owned()
            }
            _ => "no stage: it stays, or a static answer does".to_owned(),
        };
        RouteLeft {
            method: route.method.clone(),
            path: route.path.clone(),
            way,
            place: at(&route.place),
        }
    }
}

/// What answers a route.
enum Face {
    Predicts,
    /// A route that runs several stages starts the first of them.
    Starts(Stage),
    Left,
}

fn faces(report: &Report) -> Vec<(&RouteEntry, Face)> {
    let http = |route: &&RouteEntry| route.kind == RouteKind::Http && route.path.starts_with('/');
    let mut seen = BTreeSet::new();
    let routes: Vec<&RouteEntry> = report
        .routes
        .iter()
        .filter(http)
        .filter(|route| seen.insert((&route.method, &route.path)))
        .collect();
    // What answers a form also shows it.
    let shows = |route: &RouteEntry| {
        route.method == "GET"
            && routes
                .iter()
                .any(|other| other.method == "POST" && other.path == route.path)
    };
    let face = |route: &RouteEntry| {
        let starts = route.method == "POST" && route.fat && route.stage == Stage::Shared;
        match route.stage {
            Stage::Inference if predicts(report, route) && !shows(route) => Face::Predicts,
            _ if starts => {
                let first = route.stages.iter().find(|stage| WORK.contains(stage));
                first.map_or(Face::Left, |first| Face::Starts(*first))
            }
            _ => Face::Left,
        }
    };
    routes.iter().map(|route| (*route, face(route))).collect()
}

/// It is given rows, and answers what a model says of them: some field is a
/// label or a probability.
fn predicts(report: &Report, route: &RouteEntry) -> bool {
    let taken = fields(report, route, EntryKind::RequestField);
    let rows = Rows::of(&taken, route, &[]);
    if rows.columns.is_empty() && rows.unnamed.is_none() {
        return false;
    }
    let fields = fields(report, route, EntryKind::ResponseField);
    let label = label(report);
    fields.iter().any(|field| {
        matches!(
            meaning(field, label, &[]),
            Meaning::Label | Meaning::Probability
        )
    })
}

fn label(report: &Report) -> Option<&str> {
    let mut labels = of_kind(report, "label");
    labels.find_map(|operation| operation.key("column")?.as_str())
}

fn fields<'r>(report: &'r Report, route: &RouteEntry, kind: EntryKind) -> Vec<&'r ContractItem> {
    let name = format!("{} {}", route.method, route.path);
    let contracts = report.contracts.iter();
    contracts
        .filter(|contract| contract.at == name)
        .flat_map(|contract| &contract.entries)
        .filter(|entry| entry.kind == kind)
        .collect()
}

fn inference(out: &mut Lines, report: &Report, route: &RouteEntry) {
    head(out, route);
    out.put("function = \"inference\"");
    let taken = fields(report, route, EntryKind::RequestField);
    let missing = optional(report);
    let rows = Rows::of(&taken, route, &missing);
    let pydantic = route.framework.eq_ignore_ascii_case("fastapi");
    // Rows that the monolith drops are not in its answer.
    let drops = ["drop-missing", "filter"]
        .into_iter()
        .flat_map(|kind| of_kind(report, kind))
        .any(|step| !step.only_fit);
    let drops = rows.many && drops;
    rows.render(out, pydantic, drops);
    let answered = fields(report, route, EntryKind::ResponseField);
    out.blank();
    out.put("[http.response]");
    let label = label(report);
    let parents: BTreeSet<&str> = answered
        .iter()
        .filter_map(|field| parent(&field.name))
        .collect();
    for field in &answered {
        let name = field.name.as_str();
        if parents.contains(name) || ERRORS.contains(&name) {
            continue;
        }
        let each = match (field.name.contains("[]"), rows.many) {
            (true, _) => "*",
            (false, _) => "0",
        };
        let from = source(field, label, &rows, each);
        let pointer = quoted(&pointer(&field.name));
        match from {
            Some(from) => out.put(&format!("{pointer} = {from}")),
            None => out.todo(&pointer, Some(&field.place)),
        }
    }
    if answered.is_empty() {
        out.todo("\"\"", Some(&route.place));
    }
    if pydantic {
        out.blank();
        out.put("[http.error]");
        out.put("status = 422");
        out.put("body   = { detail = \"/message\" }");
    }
}

/// What answers hold only where something is wrong.
const ERRORS: [&str; 3] = ["detail", "error", "errors"];

/// Columns that are made missing where a request lacks them.
fn optional(report: &Report) -> Vec<&str> {
    of_kind(report, "optional")
        .filter_map(|operation| operation.key("columns")?.as_array())
        .flatten()
        .filter_map(|column| column.as_str())
        .collect()
}

/// The field that holds this one.
fn parent(name: &str) -> Option<&str> {
    let (parent, _) = name.rsplit_once('.')?;
    Some(parent.trim_end_matches("[]"))
}

/// `predictions[].score` as a JSON Pointer: `/predictions/*/score`.
fn pointer(name: &str) -> String {
    let name = name.replace("[]", ".*");
    let parts = name.split('.').filter(|part| !part.is_empty());
    parts
        .map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1")))
        .collect()
}

/// Where the rows of a request are.
struct Rows<'r> {
    /// A pointer; empty for the whole body.
    at: String,
    many: bool,
    columns: Vec<&'r str>,
    optional: Vec<&'r str>,
    /// Its fields are values without names.
    unnamed: Option<&'r ContractItem>,
    in_path: Vec<&'r str>,
    /// A request without a body says the others there.
    in_query: bool,
    first: Option<&'r ContractItem>,
}

impl<'r> Rows<'r> {
    fn of(taken: &[&'r ContractItem], route: &RouteEntry, missing: &[&'r str]) -> Rows<'r> {
        let path = &route.path;
        let in_path = |name: &str| {
            path.contains(&format!("{{{name}}}")) || path.contains(&format!("{{{name}:"))
        };
        let mut rows = Rows {
            at: String::new(),
            many: false,
            columns: Vec::new(),
            optional: Vec::new(),
            unnamed: None,
            in_path: Vec::new(),
            in_query: route.method == "GET",
            first: taken.first().copied(),
        };
        let nested = taken.iter().find(|field| field.name.contains("[]."));
        let prefix = match nested {
            Some(field) => {
                let list = field.name.split("[].").next().unwrap_or_default();
                rows.at = pointer(list);
                rows.many = true;
                format!("{list}[].")
            }
            None => String::new(),
        };
        for field in taken {
            let name = field.name.as_str();
            if in_path(name) {
                rows.in_path.push(name);
                continue;
            }
            let Some(column) = name.strip_prefix(prefix.as_str()) else {
                continue;
            };
            let ty = field.value.to_ascii_lowercase();
            if ty.starts_with("list") || ty.contains("ndarray") {
                if nested.is_none() {
                    rows.at = pointer(name);
                    rows.many = true;
                    rows.unnamed = Some(field);
                }
                continue;
            }
            if column.contains(['.', '[']) {
                continue;
            }
            rows.columns.push(column);
            if ty.contains("none") || ty.contains("optional") {
                rows.optional.push(column);
            }
        }
        for column in missing {
            if !rows.optional.contains(column) {
                rows.optional.push(column);
            }
        }
        rows
    }

    fn render(&self, out: &mut Lines, unknown: bool, unusable: bool) {
        let mut keys = Vec::new();
        keys.extend(self.in_query.then(|| "body = \"none\"".to_owned()));
        keys.extend(unknown.then(|| "unknown = \"ignore\"".to_owned()));
        keys.extend(unusable.then(|| "unusable = \"leave-out\"".to_owned()));
        if !self.at.is_empty() {
            keys.push(format!("rows = {}", quoted(&self.at)));
        }
        if !self.optional.is_empty() {
            keys.push(format!(
                "optional = {}",
                array(self.optional.iter().copied())
            ));
        }
        let from = |names: &[&str]| {
            let names = names.iter();
            let each = names.map(|name| format!("{} = {}", named(name), quoted(name)));
            each.collect::<Vec<_>>().join(", ")
        };
        if !self.in_path.is_empty() {
            keys.push(format!("path = {{ {} }}", from(&self.in_path)));
        }
        if self.in_query && !self.columns.is_empty() {
            keys.push(format!("query = {{ {} }}", from(&self.columns)));
        }
        let nameless = self.unnamed.filter(|_| self.columns.is_empty());
        if nameless.is_some() {
            keys.push("names = \"TODO\"".to_owned());
        }
        if keys.is_empty() {
            return;
        }
        let line = format!("request  = {{ {} }}", keys.join(", ").replace('\n', ""));
        match nameless {
            Some(field) => {
                let look = "the columns, in the order of the values";
                out.open(
                    &line,
                    "request.names",
                    &format!("{}: {look}", at(&field.place)),
                );
            }
            None => out.put(&line),
        }
        let open = self.optional.is_empty() && nameless.is_none() && !unknown;
        if let Some(first) = self.first.filter(|_| open) {
            out.put(&format!(
                "# Columns that a request may lack go into `optional`: {}",
                at(&first.place)
            ));
        }
    }
}

/// What a field of an answer is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Label,
    Probability,
    Version,
    Count,
    Column,
    Unknown,
}

fn meaning(field: &ContractItem, label: Option<&str>, columns: &[&str]) -> Meaning {
    let name = field.name.trim_end_matches("[]");
    let name = name.rsplit(['.', ']']).next().unwrap_or(name);
    let name = name.to_ascii_lowercase();
    let is = |known: &[&str]| known.contains(&name.as_str());
    if columns
        .iter()
        .any(|column| column.to_ascii_lowercase() == name)
    {
        return Meaning::Column;
    }
    let of_version = || {
        own(&field.place.code, &name)
            .to_ascii_lowercase()
            .contains("version")
    };
    if is(&["model_version", "version"]) || is(&["model"]) && of_version() {
        return Meaning::Version;
    }
    if is(&[
        "confidence",
        "proba",
        "probabilities",
        "probability",
        "score",
        "scores",
    ]) {
        return Meaning::Probability;
    }
    let predicted = label.is_some_and(|label| label.to_ascii_lowercase() == name);
    if predicted
        || is(&[
            "class",
            "label",
            "labels",
            "predicted_class",
            "predicted_label",
            "prediction",
            "predictions",
        ])
    {
        return Meaning::Label;
    }
    match is(&["count", "n_rows", "rows", "total"]) && field.value == "int" {
        true => Meaning::Count,
        false => Meaning::Unknown,
    }
}

/// Where in an answer a field is; nothing where the code does not say.
fn source(
    field: &ContractItem,
    label: Option<&str>,
    rows: &Rows<'_>,
    each: &str,
) -> Option<String> {
    let known: Vec<&str> = rows.columns.iter().chain(&rows.in_path).copied().collect();
    let name = field.name.trim_end_matches("[]");
    let name = name.rsplit(['.', ']']).next().unwrap_or(name);
    Some(match meaning(field, label, &known) {
        Meaning::Version => "\"/model/version\"".to_owned(),
        Meaning::Count => "\"/count\"".to_owned(),
        Meaning::Column => format!("\"/rows/{each}/{name}\""),
        Meaning::Probability if field.value.starts_with("list") => {
            format!("\"/probabilities/{each}\"")
        }
        // Another one than that of the second class, or made of it.
        Meaning::Probability if made_otherwise(&field.place.code, name) => return None,
        Meaning::Probability => {
            let from = format!("\"/probabilities/{each}/1\"");
            match rounded(&field.place.code, name) {
                Some(digits) => format!("{{ from = {from}, round = {digits} }}"),
                None => from,
            }
        }
        Meaning::Label if field.value == "bool" => {
            let from = format!("from = \"/probabilities/{each}/1\"");
            format!(
                "{{ {from}, at_least = \"TODO\" }} # TODO {}",
                at(&field.place)
            )
        }
        Meaning::Label if field.value.starts_with("list") => "\"/labels\"".to_owned(),
        Meaning::Label => format!("\"/labels/{each}\""),
        Meaning::Unknown => return None,
    })
}

/// What is said of a field on its line: from its name to the next comma that
/// is in no bracket.
fn own<'c>(code: &'c str, field: &str) -> &'c str {
    let named = [
        format!("\"{field}\""),
        format!("'{field}'"),
        format!("{field}="),
    ];
    let behind = named
        .iter()
        .find_map(|name| Some(code.split_once(name.as_str())?.1));
    let code = behind.unwrap_or(code);
    let mut depth = 0_i32;
    let end = code.char_indices().find_map(|(at, c)| {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        (depth < 0 || depth == 0 && c == ',').then_some(at)
    });
    code.get(..end.unwrap_or(code.len())).unwrap_or(code)
}

/// The digits of `round(…, 6)`.
fn rounded(code: &str, field: &str) -> Option<u32> {
    let (_, rest) = own(code, field).split_once("round(")?;
    let (_, digits) = rest.trim_end().strip_suffix(')')?.rsplit_once(',')?;
    digits.trim().parse().ok()
}

/// A probability that is multiplied, or the greatest, or the first class's.
fn made_otherwise(code: &str, field: &str) -> bool {
    let own = own(code, field);
    let first = own.contains("[0][0]") || own.contains(", 0]");
    first || own.contains('*') || own.contains("max(")
}

fn starts(out: &mut Lines, route: &RouteEntry, first: Stage) {
    head(out, route);
    out.put(&format!("function = \"{first}\""));
}

fn head(out: &mut Lines, route: &RouteEntry) {
    out.blank();
    out.put(&format!("[[http]] # {}", at(&route.place)));
    let named = quoted(&format!("{} {}", route.method, route.path));
    out.put(&format!("route    = {named}"));
}

#[cfg(test)]
mod tests {
    use super::super::super::document::{ContractEntryDoc, Place};
    use super::super::super::sample;
    use super::super::render as functions;
    use super::*;

    /// A report of one route of inference that takes and answers these fields.
    fn asked(method: &str, path: &str, fields: &[&str]) -> Report {
        let place = Place {
            file: "app.py".to_owned(),
            line: 7,
            cell: None,
            code: String::new(),
        };
        let mut report = sample::empty();
        report.routes.push(RouteEntry {
            kind: RouteKind::Http,
            method: method.to_owned(),
            path: path.to_owned(),
            handler: "app.py:score".to_owned(),
            place: place.clone(),
            framework: "flask".to_owned(),
            stage: Stage::Inference,
            stages: vec![Stage::Inference],
            reaches: Vec::new(),
            fat: false,
            side_effects: Vec::new(),
        });
        let item = |kind, name: &str| ContractItem {
            kind,
            name: name.to_owned(),
            value: "float".to_owned(),
            place: place.clone(),
        };
        let taken = fields
            .iter()
            .map(|name| item(EntryKind::RequestField, name));
        let answered = [item(EntryKind::ResponseField, "score")];
        report.contracts.push(ContractEntryDoc {
            at: format!("{method} {path}"),
            entries: taken.chain(answered).collect(),
        });
        report
    }

    #[test]
    fn a_request_without_a_body_says_its_columns_in_path_and_query() {
        let text = functions(&asked(
            "GET",
            "/score/{region}",
            &["region", "age", "plan type"],
        ));
        let expected = "request  = { body = \"none\", path = { region = \"region\" }, \
                        query = { age = \"age\", \"plan type\" = \"plan type\" } }\n";
        assert!(text.contains(expected), "{text}");
        let text = functions(&asked("POST", "/score/{region}", &["region", "age"]));
        let expected = "request  = { path = { region = \"region\" } }\n";
        assert!(text.contains(expected), "{text}");
    }

    #[test]
    fn routes_that_are_left_are_those_without_a_face() {
        let mut report = asked("POST", "/score", &["age"]);
        assert_eq!(routes_left(&report), []);
        let mut other = report.routes[0].clone();
        (other.method, other.path) = ("GET".to_owned(), "/metrics".to_owned());
        other.stage = Stage::Monitoring;
        report.routes.push(other);
        let left: Vec<String> = routes_left(&report)
            .iter()
            .map(ToString::to_string)
            .collect();
        let expected = "GET /metrics: function = \"monitoring\" (app.py:7)";
        assert_eq!(left, [expected]);
        assert!(functions(&report).contains(&format!("\n#   {expected}\n")));
    }

    #[test]
    fn fields_become_pointers() {
        for (name, expected) in [
            ("score", "/score"),
            ("predictions[].score", "/predictions/*/score"),
            ("a.b", "/a/b"),
            ("[].x", "/*/x"),
        ] {
            assert_eq!(pointer(name), expected);
        }
    }

    #[test]
    fn digits_are_read_off_the_line() {
        let line =
            "return jsonify({\"a\": round(p * 100, 1), 'score': round(float(score), 6), \"c\": 1})";
        assert_eq!(rounded(line, "score"), Some(6));
        assert_eq!(rounded(line, "a"), Some(1));
        assert_eq!(rounded(line, "c"), None);
        assert!(made_otherwise(line, "a") && !made_otherwise(line, "score"));
        assert_eq!(rounded("score=round(score)", "score"), None);
    }
}
