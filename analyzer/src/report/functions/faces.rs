//! `[[http]]`: the monolith's own routes, from the contracts of what they
//! take and answer.
//!
//! What a field of an answer holds says the expression that makes it, as far as
//! the code leads to one: [`super::answer`]. The others are `"TODO"`.

use std::collections::BTreeSet;
use std::fmt;

use super::super::document::{ContractEntryDoc, ContractItem, Place, Report, RouteEntry};
use super::answer::{self, Asked, pointer};
use super::toml::{Lines, array, at, named, quoted};
use super::{label, of_kind};
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
    let faces = faces(report);
    for (route, face) in &faces {
        match face {
            Face::Predicts(rows) => inference(out, report, route, rows),
            Face::Starts(first) => starts(out, route, *first),
            Face::Left => {}
        }
    }
    let open = left(faces);
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
pub(in super::super) struct RouteLeft {
    method: String,
    path: String,
    /// What could answer it.
    pub(in super::super) way: String,
    /// Where it is handled: `file:line`.
    place: String,
}

fn left(faces: Vec<(&RouteEntry, Face<'_>)>) -> Vec<RouteLeft> {
    let left = faces
        .into_iter()
        .filter(|(_, face)| matches!(face, Face::Left));
    left.map(|(route, _)| RouteLeft::of(route)).collect()
}

/// The stage whose function answers a route; none where no face does.
pub(in super::super) fn answered_by(report: &Report) -> Vec<(&RouteEntry, Option<Stage>)> {
    let faces = faces(report).into_iter();
    let stage = |face| match face {
        Face::Predicts(_) => Some(Stage::Inference),
        Face::Starts(first) => Some(first),
        Face::Left => None,
    };
    faces.map(|(route, face)| (route, stage(face))).collect()
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
    pub(in super::super) fn of(route: &RouteEntry) -> RouteLeft {
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
enum Face<'r> {
    Predicts(Rows<'r>),
    /// A route that runs several stages starts the first of them.
    Starts(Stage),
    Left,
}

fn faces(report: &Report) -> Vec<(&RouteEntry, Face<'_>)> {
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
    let missing = optional(report);
    let face = |route: &RouteEntry| {
        let starts = route.method == "POST" && route.fat && route.stage == Stage::Shared;
        match route.stage {
            Stage::Inference if !shows(route) => {
                predicts(report, route, &missing).map_or(Face::Left, Face::Predicts)
            }
            _ if starts => {
                let first = route.stages.iter().find(|stage| WORK.contains(stage));
                first.map_or(Face::Left, |first| Face::Starts(*first))
            }
            _ => Face::Left,
        }
    };
    routes.iter().map(|route| (*route, face(route))).collect()
}

/// It is given rows, or answers what a model says: by a request with a body
/// either is enough, since neither is always seen.
fn predicts<'r>(report: &'r Report, route: &RouteEntry, missing: &[&'r str]) -> Option<Rows<'r>> {
    let taken = fields(report, route, EntryKind::RequestField);
    let rows = Rows::of(&taken, route, missing);
    let asked = asked(report, &rows);
    let fields = fields(report, route, EntryKind::ResponseField);
    let says = fields.iter().any(|field| answer::says(field, &asked));
    let takes = !rows.columns.is_empty() || rows.unnamed.is_some();
    let predicts = match route.method.as_str() {
        "POST" | "PUT" | "PATCH" => says || takes,
        _ => says && takes,
    };
    predicts.then_some(rows)
}

fn asked<'r>(report: &'r Report, rows: &Rows<'r>) -> Asked<'r> {
    let columns = rows.columns.iter().chain(&rows.in_path).copied();
    Asked {
        label: label(report),
        columns: columns.collect(),
        prefix: rows.prefix.clone(),
    }
}

fn contracts<'r>(
    report: &'r Report,
    route: &RouteEntry,
) -> impl Iterator<Item = &'r ContractEntryDoc> {
    let name = format!("{} {}", route.method, route.path);
    let contracts = report.contracts.iter();
    contracts.filter(move |contract| contract.at == name)
}

fn fields<'r>(report: &'r Report, route: &RouteEntry, kind: EntryKind) -> Vec<&'r ContractItem> {
    contracts(report, route)
        .flat_map(|contract| &contract.entries)
        .filter(|entry| entry.kind == kind)
        .collect()
}

fn inference(out: &mut Lines, report: &Report, route: &RouteEntry, rows: &Rows<'_>) {
    head(out, route);
    out.put("function = \"inference\"");
    let pydantic = route.framework.eq_ignore_ascii_case("fastapi");
    // Rows that the monolith drops are not in its answer.
    let drops = ["drop-missing", "filter"]
        .into_iter()
        .flat_map(|kind| of_kind(report, kind))
        .any(|step| !step.only_fit);
    let drops = rows.many && drops;
    let named = !rows.in_query && !rows.columns.is_empty();
    let ignores = named && contracts(report, route).any(|contract| contract.ignores);
    let others = match (pydantic, ignores) {
        (true, _) => Others::Declared,
        (false, true) => Others::Ignored,
        (false, false) => Others::Unknown,
    };
    rows.render(out, &route.place, (others, drops));
    let answered = fields(report, route, EntryKind::ResponseField);
    out.blank();
    out.put("[http.response]");
    let asked = asked(report, rows);
    let parents: BTreeSet<&str> = answered
        .iter()
        .filter_map(|field| parent(&field.name))
        .collect();
    for field in &answered {
        let name = field.name.as_str();
        if parents.contains(name) || ERRORS.contains(&name) {
            continue;
        }
        match name {
            "*" => out.todo("\"\"", Some(&field.place)),
            _ => answer::put(out, field, &asked),
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

/// What becomes of fields that a request has beside.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Others {
    /// A declared model says which there are, and ignores others.
    Declared,
    /// The code takes those that it names.
    Ignored,
    Unknown,
}

/// Where the rows of a request are.
struct Rows<'r> {
    /// A pointer; empty for the whole body.
    at: String,
    many: bool,
    /// What stands before a column in the name of a field.
    prefix: String,
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
            prefix: String::new(),
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
        let listed = |field: &ContractItem| {
            let ty = field.value.to_ascii_lowercase();
            ty.starts_with("list") || ty.contains("ndarray")
        };
        // What stands beside a list of rows is of none of them.
        let beside = nested.is_none() && taken.iter().any(|field| listed(field));
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
            if listed(field) {
                if nested.is_none() {
                    rows.at = pointer(name);
                    rows.many = true;
                    rows.unnamed = Some(field);
                }
                continue;
            }
            if column.contains(['.', '[']) || beside {
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
        rows.prefix = prefix;
        rows
    }

    fn render(&self, out: &mut Lines, place: &Place, (others, unusable): (Others, bool)) {
        let mut keys = Vec::new();
        keys.extend(self.in_query.then(|| "body = \"none\"".to_owned()));
        let ignored = others != Others::Unknown;
        keys.extend(ignored.then(|| "unknown = \"ignore\"".to_owned()));
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
        let rows = !self.columns.is_empty() || !self.in_path.is_empty() || nameless.is_some();
        if !rows {
            let look = format!("{}: where its rows are", at(place));
            return out.open("request  = { rows = \"TODO\" }", "request.rows", &look);
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
        let open = self.optional.is_empty() && nameless.is_none();
        let open = open && others != Others::Declared;
        if let Some(first) = self.first.filter(|_| open) {
            out.put(&format!(
                "# Columns that a request may lack go into `optional`: {}",
                at(&first.place)
            ));
        }
    }
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
            optional: false,
            made: None,
            place: place.clone(),
        };
        let taken = fields
            .iter()
            .map(|name| item(EntryKind::RequestField, name));
        let answered = [item(EntryKind::ResponseField, "score")];
        report.contracts.push(ContractEntryDoc {
            at: format!("{method} {path}"),
            ignores: false,
            request: None,
            response: None,
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

    /// Routes without a face, as the file says them.
    fn left(report: &Report) -> Vec<String> {
        let text = functions(report);
        let lines = text.lines().filter_map(|line| line.strip_prefix("#   "));
        lines.map(str::to_owned).collect()
    }

    #[test]
    fn what_a_handler_does_not_name_is_ignored() {
        let mut report = asked("POST", "/score", &["age"]);
        assert!(!functions(&report).contains("unknown = "));
        report.contracts[0].ignores = true;
        let text = functions(&report);
        let expected = "request  = { unknown = \"ignore\" }\n\
                        # Columns that a request may lack go into `optional`: app.py:7\n";
        assert!(text.contains(expected), "{text}");

        let mut report = asked("GET", "/score", &["age"]);
        report.contracts[0].ignores = true;
        assert!(!functions(&report).contains("unknown = "));
    }

    #[test]
    fn routes_that_are_left_are_those_without_a_face() {
        let mut report = asked("POST", "/score", &["age"]);
        assert!(left(&report).is_empty());
        let mut other = report.routes[0].clone();
        (other.method, other.path) = ("GET".to_owned(), "/metrics".to_owned());
        other.stage = Stage::Monitoring;
        report.routes.push(other);
        let expected = "GET /metrics: function = \"monitoring\" (app.py:7)";
        assert_eq!(left(&report), [expected]);
    }

    #[test]
    fn who_takes_rows_or_answers_a_prediction_has_a_face() {
        let mut report = asked("POST", "/score", &["age"]);
        report.contracts[0].entries[1].name = "anything".to_owned();
        let text = functions(&report);
        assert!(
            text.contains("\"/anything\" = \"TODO\" # TODO app.py:7\n"),
            "{text}"
        );

        let mut report = asked("POST", "/score", &[]);
        report.contracts[0].entries[0].name = "churn_probability".to_owned();
        let text = functions(&report);
        let expected = "request  = { rows = \"TODO\" } # TODO app.py:7: where its rows are\n\n\
                        [http.response]\n\"/churn_probability\" = \"/probabilities/0/1\"\n";
        assert!(text.contains(expected), "{text}");

        let mut report = asked("GET", "/models", &["name"]);
        report.contracts[0].entries[1].name = "models".to_owned();
        assert_eq!(left(&report).len(), 1);
    }

    #[test]
    fn what_stands_beside_a_list_of_rows_is_no_column() {
        let mut report = asked("POST", "/score", &["instances", "threshold"]);
        report.contracts[0].entries[0].value = "list[list[float]]".to_owned();
        report.contracts[0].entries[1].value = "float | None".to_owned();
        let text = functions(&report);
        let expected = "request  = { rows = \"/instances\", names = \"TODO\" } # TODO";
        assert!(text.contains(expected), "{text}");
    }
}
