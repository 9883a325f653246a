//! What passes at a cut is data of the pipeline or shared state, and one thing
//! passes once.
//!
//! Connections, sessions, loggers and apps are made anew on the other side; a
//! path is said by the file that lies there. What an orchestrator hands on
//! within the consumer's stage crossed when the orchestrator got it, an object
//! that the consumer's side makes does not come from where its class lies, and
//! an item of a mapping that crosses is no second thing.

use std::cell::RefCell;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::Edge;
use crate::cut::price::params;
use crate::effects::ResourceKind;
use crate::graph::call::AttributeOwner;
use crate::graph::data::{Flow, Via};
use crate::graph::{ClassId, FuncId, Held};
use crate::hazards::Context;
use crate::modules::FileId;
use crate::stages::Stage;
use crate::syntax::FileFacts;
use crate::syntax::facts::{ArgKind, ExprId, ExprKind, StmtKind};
use crate::syntax::walk::each_expr;

/// Last parts of names of library types that are tools of a process, not data:
/// `Connection`, `SQLContext`, `AsyncClient`.
const TOOLS: &[&str] = &[
    "APIRouter",
    "Blueprint",
    "Celery",
    "Client",
    "Connection",
    "Cursor",
    "Engine",
    "Executor",
    "FastAPI",
    "Flask",
    "Lock",
    "Logger",
    "Pool",
    "Redis",
    "Session",
    "sessionmaker",
];

/// The calls and files of the tree, as far as they tell what passes.
pub(super) struct Passing<'a> {
    ctx: &'a Context<'a>,
    /// Who calls a function at a line, and by which expression.
    calls: FxHashMap<(FuncId, FileId, u32), Vec<(FuncId, ExprId)>>,
    /// Who calls whom.
    callees: FxHashSet<(FuncId, FuncId)>,
    /// Who hands data to whom.
    hands: FxHashSet<(FuncId, FuncId)>,
    /// Paths of files, and of the folders around them.
    paths: FxHashSet<SmolStr>,
    /// Whose fields a function gives new objects, by function and field.
    made: FxHashMap<(FuncId, SmolStr), Vec<ClassId>>,
    /// Fields that a function binds in objects that were there before.
    bound: FxHashSet<(FuncId, SmolStr)>,
    /// Whose fields a function reads.
    read: FxHashMap<(FuncId, SmolStr), Vec<ClassId>>,
    /// What was found of an expression: many flows pass through one.
    known: RefCell<FxHashMap<(FileId, ExprId), Said>>,
}

/// What an expression holds in every context.
#[derive(Clone, Copy)]
struct Said {
    tool: bool,
    path: bool,
}

impl<'a> Passing<'a> {
    pub(super) fn new(ctx: &'a Context<'a>) -> Passing<'a> {
        let mut calls: FxHashMap<_, Vec<(FuncId, ExprId)>> = FxHashMap::default();
        for call in &ctx.call_graph.seen_through {
            let place = (call.callee, call.file, call.line);
            calls
                .entry(place)
                .or_default()
                .push((call.caller, call.expr));
        }
        for calls in calls.values_mut() {
            calls.sort_unstable();
            calls.dedup();
        }
        let flows = ctx.data_flow.flows.iter();
        let mut paths = FxHashSet::default();
        for resource in &ctx.effects.resources {
            let is_file = matches!(
                resource.kind,
                ResourceKind::File | ResourceKind::Model | ResourceKind::Blob
            );
            if is_file && resource.is_identified() {
                let mut path = resource.identity.as_str();
                paths.insert(resource.identity.clone());
                while let Some((folder, _)) = path.rsplit_once('/') {
                    paths.insert(folder.into());
                    path = folder;
                }
            }
        }
        let mut passing = Passing {
            ctx,
            calls,
            callees: ctx
                .call_graph
                .seen_through
                .iter()
                .map(|call| (call.caller, call.callee))
                .collect(),
            hands: flows.map(|flow| (flow.from, flow.to)).collect(),
            paths,
            made: FxHashMap::default(),
            bound: FxHashSet::default(),
            read: FxHashMap::default(),
            known: RefCell::default(),
        };
        passing.note_fields();
        passing
    }

    fn note_fields(&mut self) {
        for touch in &self.ctx.call_graph.attributes {
            let name = self.ctx.call_graph.attribute_name(touch.name).clone();
            let key = (touch.function, name);
            let AttributeOwner::Class(class) = touch.owner else {
                self.bound.insert(key);
                continue;
            };
            let class = self.ctx.program.subject(class);
            let facts = self.ctx.modules.facts(touch.file);
            let is_literal = || matches!(facts.expr(touch.expr).kind, ExprKind::Call { .. });
            if !touch.writes {
                self.read.entry(key).or_default().push(class);
            } else if self.constructed(touch.function) == Some(class) || is_literal() {
                self.made.entry(key).or_default().push(class);
            } else {
                self.bound.insert(key);
            }
        }
    }

    fn calls_at(&self, callee: FuncId, file: FileId, line: u32) -> &[(FuncId, ExprId)] {
        let calls = self.calls.get(&(callee, file, line));
        calls.map_or(&[], Vec::as_slice)
    }

    /// True if all that can pass is a tool, the path of a known file, or what
    /// a constructor was set up with.
    pub(super) fn is_no_data(&self, flow: &Flow) -> bool {
        let values: Vec<ExprId> = match flow.via {
            Via::Argument => {
                let calls = self.calls_at(flow.to, flow.file, flow.line).iter();
                calls
                    .filter_map(|(_, call)| self.argument(flow, *call))
                    .collect()
            }
            Via::Return => {
                let calls = self.calls_at(flow.from, flow.file, flow.line).iter();
                calls
                    .filter(|(caller, _)| *caller == flow.to)
                    .map(|(_, call)| *call)
                    .collect()
            }
            Via::Attribute => return self.is_set_up(flow) || self.is_part(flow),
            _ => return false,
        };
        let no_data = |value: &ExprId| {
            let said = self.said(flow.file, *value);
            said.tool || (flow.via == Via::Argument && said.path)
        };
        !values.is_empty() && values.iter().all(no_data)
    }

    fn said(&self, file: FileId, value: ExprId) -> Said {
        let known = self.known.borrow().get(&(file, value)).copied();
        known.unwrap_or_else(|| {
            let held = self.ctx.call_graph.held(file, value);
            let said = Said {
                tool: is_tool(&held),
                path: self.is_path(&held),
            };
            self.known.borrow_mut().insert((file, value), said);
            said
        })
    }

    /// What the call hands to the parameter that the flow names.
    fn argument(&self, flow: &Flow, call: ExprId) -> Option<ExprId> {
        let ExprKind::Call { args, .. } = &self.ctx.modules.facts(flow.file).expr(call).kind else {
            return None;
        };
        let named = args
            .iter()
            .find(|arg| arg.kind == ArgKind::Named && arg.name.as_ref() == Some(&flow.name));
        let position = params(self.ctx, flow.to)
            .iter()
            .position(|param| param.name == flow.name);
        let mut positional = args
            .iter()
            .take_while(|arg| arg.kind == ArgKind::Positional);
        let found = named.or_else(|| positional.nth(position?));
        found.map(|arg| arg.value)
    }

    fn is_path(&self, held: &[Held]) -> bool {
        let mut texts = held
            .iter()
            .filter_map(|held| match held {
                Held::Text(text) => Some(text),
                _ => None,
            })
            .peekable();
        texts.peek().is_some() && texts.all(|text| self.paths.contains(text))
    }

    /// A constructor keeps a parameter or a literal as it is, and a method of
    /// its class reads it: the object's own set-up.
    fn is_set_up(&self, flow: &Flow) -> bool {
        let program = self.ctx.program;
        let function = program.function(flow.from);
        let Some(class) = self.constructed(flow.from) else {
            return false;
        };
        let reader = program.function(flow.to).class;
        let reader = reader.map(|reader| program.class(program.subject(reader)));
        if !reader.is_some_and(|reader| reader.mro.contains(&class)) {
            return false;
        }
        let facts = self.ctx.modules.facts(function.file);
        let scope = facts.scope(function.scope);
        let mut given = Vec::new();
        for stmt in &scope.body {
            let StmtKind::Assign { targets, value, .. } = &stmt.kind else {
                continue;
            };
            let is_named = |target: &ExprId| matches!(&facts.expr(*target).kind, ExprKind::Attr { name, .. } if *name == flow.name);
            if targets.iter().any(is_named) {
                given.push(*value);
            }
        }
        each_expr(facts, function.scope, &mut |expr| {
            given.extend(self.field_of(facts, expr, class, &flow.name));
        });
        let is_kept = |value: &ExprId| match &facts.expr(*value).kind {
            ExprKind::Name(name) => scope.params.iter().any(|param| param.name == *name),
            ExprKind::Str(_) | ExprKind::Number(_) | ExprKind::Bool(_) => true,
            _ => false,
        };
        !given.is_empty() && given.iter().all(is_kept)
    }

    /// What an object was made with, and another than the object itself reads:
    /// the object passes, by its own way, and its fields with it.
    fn is_part(&self, flow: &Flow) -> bool {
        let given = (flow.from, flow.name.clone());
        let taken = (flow.to, flow.name.clone());
        let (Some(made), Some(read)) = (self.made.get(&given), self.read.get(&taken)) else {
            return false;
        };
        let program = self.ctx.program;
        let reader = program.function(flow.to).class;
        let reader = reader.map(|reader| program.class(program.subject(reader)));
        let is_own = |class: &ClassId| reader.is_some_and(|reader| reader.mro.contains(class));
        let mut shared = made.iter().filter(|class| read.contains(class)).peekable();
        !self.bound.contains(&given) && shared.peek().is_some() && !shared.any(is_own)
    }

    /// What `Type { field: value }` gives the field, if `expr` is that.
    fn field_of(
        &self,
        facts: &FileFacts,
        expr: ExprId,
        class: ClassId,
        field: &str,
    ) -> Option<ExprId> {
        let ExprKind::Call { callee, args } = &facts.expr(expr).kind else {
            return None;
        };
        let of = self.ctx.program.class(class);
        let own = &self.ctx.modules.facts(of.file).scope(of.scope).name;
        let made = facts.dotted(*callee)?;
        if of.root.is_none() || made.rsplit('.').next() != Some(own) {
            return None;
        }
        let mut named = args.iter().filter(|arg| arg.kind == ArgKind::Named);
        let arg = named.find(|arg| arg.name.as_deref() == Some(field))?;
        Some(arg.value)
    }

    /// The class whose constructor `func` is.
    fn constructed(&self, func: FuncId) -> Option<ClassId> {
        self.ctx.program.constructs(self.ctx.modules, func)
    }

    /// The edges without those that say again what another says.
    pub(super) fn once(
        &self,
        mut edges: Vec<Edge>,
        side: impl Fn(FuncId) -> Option<Stage>,
    ) -> Vec<Edge> {
        edges.retain(|edge| !self.is_across(edge, &side));
        self.one_producer(&mut edges);
        let items: FxHashSet<(FuncId, Stage, Stage, SmolStr)> = edges
            .iter()
            .filter(|edge| edge.via == Some(Via::Item))
            .map(|edge| (edge.to, edge.from_stage, edge.to_stage, edge.name.clone()))
            .collect();
        let crossing: FxHashSet<(FuncId, ClassId)> = edges
            .iter()
            .filter(|edge| edge.via.is_some())
            .flat_map(|edge| [(edge.from, edge.to), (edge.to, edge.from)])
            .filter_map(|(one, other)| Some((one, self.ctx.program.function(other).class?)))
            .collect();
        edges.retain(|edge| match edge.via {
            Some(Via::Item) => !self.outer_keys(edge).iter().any(|outer| {
                items.contains(&(edge.to, edge.from_stage, edge.to_stage, outer.clone()))
            }),
            // Whoever uses an object has made it.
            None => !self
                .constructed(edge.to)
                .is_some_and(|class| crossing.contains(&(edge.from, class))),
            _ => true,
        });
        edges
    }

    /// Whoever hands it over stands in the consumer's stage and got it there,
    /// or made the object there.
    fn is_across(&self, edge: &Edge, side: &impl Fn(FuncId) -> Option<Stage>) -> bool {
        let made_by = |func: FuncId| self.callees.contains(&(func, edge.from));
        match edge.via {
            Some(Via::Argument) => {
                let calls = self.calls_at(edge.to, edge.file, edge.line);
                let is_within = |caller: FuncId| {
                    caller != edge.from
                        && caller != edge.to
                        && side(caller) == Some(edge.to_stage)
                        && (self.hands.contains(&(edge.from, caller))
                            || (self.constructed(edge.from).is_some() && made_by(caller)))
                };
                if calls.is_empty() {
                    return self.constructed(edge.from).is_some() && made_by(edge.to);
                }
                calls.iter().all(|(caller, _)| is_within(*caller))
            }
            Some(Via::Return) => self.constructed(edge.from).is_some() && made_by(edge.to),
            _ => false,
        }
    }

    /// An argument at one place comes from whoever hands it over, when that
    /// is on the producers' side too.
    fn one_producer(&self, edges: &mut Vec<Edge>) {
        let key = |edge: &Edge| {
            let stages = (edge.from_stage, edge.to_stage);
            (stages, edge.to, edge.name.clone(), edge.file, edge.line)
        };
        let hands_over = |edge: &Edge| {
            edge.via == Some(Via::Argument)
                && self
                    .calls_at(edge.to, edge.file, edge.line)
                    .iter()
                    .any(|(caller, _)| *caller == edge.from)
        };
        let handed: FxHashSet<_> = edges
            .iter()
            .filter(|edge| hands_over(edge))
            .map(key)
            .collect();
        edges.retain(|edge| {
            edge.via != Some(Via::Argument) || hands_over(edge) || !handed.contains(&key(edge))
        });
    }

    /// `a` of `row["a"]["b"]`, for the key `b` that crosses at this line.
    fn outer_keys(&self, edge: &Edge) -> Vec<SmolStr> {
        let facts = self.ctx.modules.facts(edge.file);
        let key = |expr: ExprId| match &facts.expr(expr).kind {
            ExprKind::Item { base, index } => match &facts.expr(*index).kind {
                ExprKind::Str(key) => Some((*base, key.clone())),
                _ => None,
            },
            _ => None,
        };
        let items = (0..facts.exprs.len() as u32).map(ExprId);
        items
            .filter(|expr| facts.expr(*expr).line == edge.line)
            .filter_map(key)
            .filter(|(_, name)| *name == edge.name)
            .filter_map(|(base, _)| key(base).map(|(_, outer)| outer))
            .collect()
    }
}

/// True if all that is held is a tool of a process.
fn is_tool(held: &[Held]) -> bool {
    let tool = |held: &Held| match held {
        Held::Object(path, _) => {
            let last = path.rsplit('.').next().unwrap_or(path);
            TOOLS.iter().any(|tool| last.ends_with(tool))
        }
        _ => false,
    };
    !held.is_empty() && held.iter().all(tool)
}

#[cfg(test)]
mod tests {
    use crate::cut::testing::{Given, line_texts};
    use crate::stages::Stage;

    fn check(code: &str, stages: &[(&str, &str)]) -> String {
        Given::new(code, stages).with_plan(line_texts)
    }

    #[test]
    fn what_is_handed_on_within_the_consumers_stage_crossed_before() {
        let text = check(
            "def load():\n    return open('a').read()\n\
             def fit(frame):\n    return frame\n\
             def train():\n    frame = load()\n    fit(frame)\n",
            &[
                ("load", "ingestion"),
                ("fit", "training"),
                ("train", "training"),
            ],
        );
        insta::assert_snapshot!(text, @"ingestion | training: return load load -> train :6");
    }

    #[test]
    fn a_connection_and_a_path_are_no_data() {
        let text = check(
            "import sqlite3\n\
             def connect():\n    return sqlite3.connect('a.db')\n\
             def load(conn, path):\n    return [conn, open(path).read()]\n\
             def train():\n    conn = connect()\n    rows = load(conn, 'raw/a.csv')\n    print(rows)\n",
            &[
                ("connect", "ingestion"),
                ("load", "ingestion"),
                ("train", "training"),
            ],
        );
        insta::assert_snapshot!(text, @r"
        ingestion | training: return load load -> train :8
        training | ingestion: call connect train -> connect :7
        ");
    }

    #[test]
    fn an_object_does_not_come_from_where_its_class_lies() {
        let text = check(
            "class Store:\n    def __init__(self, size):\n        self.size = size\n    \
             def rows(self):\n        return [self.size]\n\
             def fit(store):\n    return store.rows()\n\
             def train():\n    store = Store(3)\n    fit(store)\n    return store.rows()\n",
            &[
                ("__init__", "ingestion"),
                ("rows", "ingestion"),
                ("fit", "training"),
                ("train", "training"),
            ],
        );
        insta::assert_snapshot!(text, @r"
        ingestion | training: return rows rows -> fit :7
        ingestion | training: return rows rows -> train :11
        ");
    }

    #[test]
    fn what_an_object_is_set_up_with_stays_in_it() {
        let text = check(
            "class Guard:\n    def __init__(self, purpose):\n        self.purpose = purpose\n        \
             self.rows = open('a').read()\n    \
             def check(self):\n        return self.purpose, self.rows\n",
            &[("__init__", "ingestion"), ("check", "inference")],
        );
        insta::assert_snapshot!(text, @"ingestion | inference: attribute rows __init__ -> check :6");
    }

    #[test]
    fn the_fields_of_a_record_pass_with_it() {
        let text = check(
            "class Row:\n    def __init__(self, text):\n        self.amount = float(text)\n    \
             def doubled(self):\n        return 2 * self.amount\n\
             def load():\n    return Row(open('a').read())\n\
             def fit(row):\n    return row.amount\n\
             def train():\n    row = load()\n    fit(row)\n",
            &[
                ("__init__", "ingestion"),
                ("load", "ingestion"),
                ("fit", "training"),
                ("train", "training"),
                ("doubled", "evaluation"),
            ],
        );
        insta::assert_snapshot!(text, @r"
        ingestion | evaluation: attribute amount __init__ -> doubled :5
        ingestion | training: return load load -> train :11
        ");
    }

    #[test]
    fn what_a_struct_is_made_of_passes_with_it() {
        let text = "pub struct Row { amount: f64 }\n\
                    pub struct Model { slope: f64 }\n\
                    impl Model {\n    \
                    pub fn fit(rows: &[Row]) -> Model { Model { slope: rows[0].amount * 2.0 } }\n    \
                    pub fn score(&self) -> f64 { self.slope }\n}\n\
                    pub fn load(text: &str) -> Row { Row { amount: text.parse().unwrap() } }\n";
        let given = Given::of(&[("src/lib.rs", text)], |name| match name {
            "fit" => Stage::Training,
            "score" => Stage::Inference,
            "load" => Stage::Ingestion,
            _ => Stage::None,
        });
        // What was learnt is the model's own state; a row is what it is.
        insta::assert_snapshot!(
            given.with_plan(line_texts),
            @"training | inference: attribute slope fit -> score :5"
        );
    }

    #[test]
    fn an_item_of_a_mapping_that_crosses_is_no_second_thing() {
        let text = check(
            "def train():\n    return {'version': 1}\n\
             def step_train(context):\n    context['trained'] = train()\n\
             def step_ship(context):\n    return context['trained']['version']\n\
             def main():\n    context = {}\n    step_train(context)\n    step_ship(context)\n",
            &[
                ("train", "training"),
                ("step_train", "training"),
                ("step_ship", "deployment"),
            ],
        );
        insta::assert_snapshot!(text, @"training | deployment: item trained step_train -> step_ship :6");
    }
}
