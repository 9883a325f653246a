//! One app: what it calls, what it needs, and what is written for it.

use std::collections::{BTreeMap, BTreeSet};

use super::super::document::Report;
use super::arguments::Argument;
use super::copied::{TakenOut, copied};
use super::document::{App, Crossing, Function};
use super::layout::Layout;
use super::names::{Names, slug};
use super::python::{self, Drive, HANDOVER, Queue, Route, Written};
use super::requirements::requirements;
use super::settings::settings;
use super::way::{Driver, Way};
use super::web::Web;
use super::{ScaffoldError, Wish};
use crate::catalog::Access;
use crate::effects::ResourceKind;
use crate::graph::FuncId;
use crate::hazards::SecretPlace;
use crate::line::Analysis;
use crate::modules::FileId;
use crate::source::SourceTree;
use crate::stages::Stage;
use crate::syntax::facts::{ExprKind, ScopeKind};

/// What all apps are made of.
pub(super) struct Apps<'a> {
    pub(super) tree: &'a SourceTree,
    pub(super) analysis: &'a Analysis,
    pub(super) report: &'a Report,
    pub(super) wish: &'a Wish,
    pub(super) layout: &'a Layout,
    pub(super) way: &'a Way,
    pub(super) web: Option<&'a Web>,
    pub(super) secrets: &'a [SecretPlace],
}

/// Files that one name may mean, to be copied all.
const MOST_ALIKE: usize = 4;

/// What is called how between the apps.
#[derive(Default)]
pub(super) struct Between {
    pub(super) begins: Option<String>,
    /// Stages that a run passes as Python apps, in order.
    runs: Vec<Stage>,
    /// From a stage to the next that a run passes.
    hops: BTreeMap<(Stage, Stage), String>,
    /// Where the last stage leaves its archive, for those that are only asked.
    ends: Option<String>,
    /// What requests of a stage change.
    kept: BTreeMap<Stage, String>,
}

impl Apps<'_> {
    pub(super) fn id(&self, func: FuncId) -> String {
        let function = self.analysis.program.function(func);
        let facts = self.analysis.modules.facts(function.file);
        format!("{}:{}", facts.path, facts.scope(function.scope).qualname)
    }

    /// A run or a stage begins with it.
    pub(super) fn starts(&self, func: FuncId) -> bool {
        let drivers = self
            .way
            .whole
            .iter()
            .chain(self.way.scripts.values().flatten());
        drivers.into_iter().any(|driver| driver.func == func)
    }

    /// Something starts the stage.
    pub(super) fn has(&self, stage: Stage) -> bool {
        self.way.stages().contains(&stage) || !self.routes(stage).is_empty()
    }

    /// The routes of a stage that the application answers.
    fn routes(&self, stage: Stage) -> Vec<usize> {
        let Some(web) = self.web else {
            return Vec::new();
        };
        let routes = self.analysis.routes.iter().enumerate();
        let own = routes.filter(|(_, route)| {
            web.answers(route) && self.analysis.stages.stage(route.handler) == stage
        });
        own.map(|(idx, _)| idx).collect()
    }

    /// A route of the stage changes what lasts.
    fn keeps(&self, stage: Stage) -> bool {
        let routes = self.routes(stage);
        let mut changed = routes
            .iter()
            .map(|idx| &self.report.routes[*idx].side_effects);
        changed.any(|changed| !changed.is_empty())
    }

    /// Names for what is between the apps.
    pub(super) fn between(&self, names: &mut Names) -> Between {
        let mut between = Between::default();
        let repository = &slug(&self.report.name, '-');
        let wished = |stage: &Stage| self.wish.python.contains(stage);
        between.runs = self.way.stages().into_iter().filter(wished).collect();
        if let Some(first) = between.runs.first() {
            between.begins = Some(names.azure(&[repository, "to", first.name()]));
        }
        let mut crossing =
            |from: Stage, to: Stage| names.azure(&[repository, from.name(), "to", to.name()]);
        for pair in between.runs.windows(2) {
            if let [from, to] = pair {
                between.hops.insert((*from, *to), crossing(*from, *to));
            }
        }
        if let Some(last) = between.runs.last() {
            between.ends = Some(names.azure(&[repository, "from", last.name()]));
        }
        for stage in &self.wish.python {
            if self.keeps(*stage) {
                let name = names.azure(&[repository, stage.name(), "kept"]);
                between.kept.insert(*stage, name);
            }
        }
        between
    }

    /// Parameters that a run's first message has to say.
    pub(super) fn values(&self) -> Vec<String> {
        let drivers = self
            .way
            .whole
            .iter()
            .chain(self.way.scripts.values().flatten());
        let open: BTreeSet<String> = drivers
            .flat_map(|driver| &driver.arguments)
            .filter(|argument| argument.is_open())
            .map(|argument| argument.name.clone())
            .collect();
        open.into_iter().collect()
    }

    /// The app of a stage; nothing where nothing starts it.
    pub(super) fn app(
        &self,
        stage: Stage,
        between: &Between,
    ) -> Result<Option<App>, ScaffoldError> {
        if !self.has(stage) {
            return Ok(None);
        }
        let mut names = Names::default();
        let takes_part = between.runs.contains(&stage);
        let files = self.files(stage, takes_part);
        let modules: BTreeSet<String> = files
            .iter()
            .map(|file| self.layout.path(*file).to_owned())
            .collect();
        let mut written = vec![];
        let mut taken: Vec<TakenOut> = Vec::new();
        for file in &files {
            let (path, text, out) = self.module(*file)?;
            taken.extend(out);
            written.push((format!("monolith/{path}"), text));
        }
        let drivers = self.drivers(stage, takes_part);
        let open: Vec<String> = drivers
            .iter()
            .flat_map(|driver| &driver.arguments)
            .filter(|argument| argument.is_open())
            .map(Argument::setting)
            .collect();
        let settings = settings(self.report, &modules, &taken, &open);
        let needs = requirements(self.wish, &self.layout.libraries(&files));
        let mut functions = Vec::new();
        let queue = takes_part.then(|| self.queue(stage, between, &mut names));
        if let Some(queue) = &queue {
            functions.push(Function {
                name: queue.function.clone(),
                trigger: format!("queue {}", queue.queue),
                calls: self.calls(stage),
            });
        }
        let routes = self.asked(stage, between, &mut names);
        for (idx, route) in self.routes(stage).iter().zip(&routes) {
            functions.push(Function {
                name: route.function.clone(),
                trigger: format!("{} {}", route.method, route.path),
                calls: vec![self.report.routes[*idx].handler.clone()],
            });
        }
        let is_asked = !routes.is_empty();
        let (copies, unclear) = self.copies(&files, is_asked);
        let app = Written {
            repository: one_line(&self.report.name),
            stage: stage.name().to_owned(),
            order: self
                .way
                .stages()
                .iter()
                .map(|it| it.name().to_owned())
                .collect(),
            roots: self.layout.search_path(&files),
            drivers: drivers.iter().map(|driver| self.drive(driver)).collect(),
            entries: if takes_part { self.entries() } else { vec![] },
            shared: self.shared(&files),
            settings: settings.clone(),
            web: self.web.filter(|_| is_asked).map(|web| self.web_of(web)),
            queue,
            routes,
        };
        written.push(("function_app.py".into(), python::function_app(&app)));
        for (name, text) in HANDOVER {
            written.push((format!("cutline_handover/{name}"), (*text).to_owned()));
        }
        written.extend(python::requirements(&needs));
        written.push(("host.json".into(), python::host()));
        written.push((
            "local.settings.json".into(),
            python::local_settings(&settings),
        ));
        written.push((".funcignore".into(), python::IGNORED.to_owned()));
        written.sort();
        Ok(Some(App {
            stage,
            functions,
            settings,
            copies,
            unclear,
            modules: modules.into_iter().collect(),
            unnamed: needs.unnamed,
            files: written,
        }))
    }

    /// The modules that come along.
    fn files(&self, stage: Stage, takes_part: bool) -> BTreeSet<FileId> {
        let mut begin: Vec<FileId> = Vec::new();
        if takes_part {
            let entries = self.way.entries.iter().map(|(func, _)| *func);
            let drivers = self.drivers(stage, true);
            let called = drivers.iter().map(|driver| driver.func).chain(entries);
            begin.extend(called.map(|func| self.analysis.program.function(func).file));
        }
        if let (Some(web), false) = (self.web, self.routes(stage).is_empty()) {
            begin.extend(&web.files);
        }
        self.layout.closure(begin)
    }

    /// A module as an app has it.
    fn module(&self, file: FileId) -> Result<(String, String, Vec<TakenOut>), ScaffoldError> {
        let path = self.layout.path(file);
        let source = self.tree.files.iter().find(|source| source.path == path);
        let text = source.map_or("", |source| source.text.as_str());
        let (text, taken) = copied(self.analysis, self.secrets, file, text)?;
        Ok((path.to_owned(), text, taken))
    }

    fn drivers(&self, stage: Stage, takes_part: bool) -> Vec<Driver> {
        match (&self.way.whole, takes_part) {
            (_, false) => Vec::new(),
            (Some(driver), true) => vec![driver.clone()],
            (None, true) => self.way.scripts.get(&stage).cloned().unwrap_or_default(),
        }
    }

    fn drive(&self, driver: &Driver) -> Drive {
        let function = self.analysis.program.function(driver.func);
        let facts = self.analysis.modules.facts(function.file);
        let scope = facts.scope(function.scope);
        let is_script = scope.kind == ScopeKind::Module;
        Drive {
            is_script,
            module: self.layout.module(function.file),
            name: match (is_script, function.class) {
                (true, _) => facts.path.to_string(),
                // Made without arguments, then asked.
                (false, Some(_)) => scope.qualname.replacen('.', "().", 1),
                (false, None) => scope.qualname.to_string(),
            },
            arguments: driver.arguments.clone(),
        }
    }

    fn entries(&self) -> Vec<[String; 4]> {
        let script = self.way.whole.as_ref().and_then(|driver| {
            let function = self.analysis.program.function(driver.func);
            let facts = self.analysis.modules.facts(function.file);
            let is_script = facts.scope(function.scope).kind == ScopeKind::Module;
            is_script.then_some(function.file)
        });
        let entries = self.way.entries.iter();
        entries
            .map(|(func, stage)| {
                let function = self.analysis.program.function(*func);
                let facts = self.analysis.modules.facts(function.file);
                // A script defines its own when it runs.
                let module = match script == Some(function.file) {
                    true => String::new(),
                    false => self.layout.module(function.file),
                };
                let qualname = facts.scope(function.scope).qualname.to_string();
                [
                    module,
                    facts.path.to_string(),
                    qualname,
                    stage.name().to_owned(),
                ]
            })
            .collect()
    }

    /// What a stage is asked in a run.
    fn calls(&self, stage: Stage) -> Vec<String> {
        let entries = self.way.entries.iter().filter(|(_, of)| *of == stage);
        let scripts = self.way.scripts.get(&stage).into_iter().flatten();
        let scripts = scripts.map(|driver| self.id(driver.func));
        entries
            .map(|(func, _)| self.id(*func))
            .chain(scripts)
            .collect()
    }

    fn queue(&self, stage: Stage, between: &Between, names: &mut Names) -> Queue {
        let before = between.hops.iter().find(|((_, to), _)| *to == stage);
        let next = between.hops.iter().find(|((from, _), _)| *from == stage);
        let before = before.map(|(_, name)| name.clone());
        let next = next.map(|(_, name)| name.clone());
        let after = next.clone().or(between.ends.clone());
        Queue {
            function: names.function(&[stage.name()]),
            queue: before
                .clone()
                .or(between.begins.clone())
                .unwrap_or_default(),
            before,
            next,
            after: after.unwrap_or_default(),
        }
    }

    fn asked(&self, stage: Stage, between: &Between, names: &mut Names) -> Vec<Route> {
        let sees = between.seen(stage, self.report);
        let routes = self.routes(stage).into_iter();
        routes
            .map(|idx| {
                let route = &self.report.routes[idx];
                Route {
                    function: names.function(&[&route.method, &route.path]),
                    method: route.method.clone(),
                    path: route.path.clone(),
                    sees: sees.clone(),
                    keeps: between
                        .kept
                        .get(&stage)
                        .filter(|_| !route.side_effects.is_empty())
                        .cloned(),
                }
            })
            .collect()
    }

    fn web_of(&self, web: &Web) -> (String, String, bool, Vec<String>) {
        let files = match web.kind {
            super::web::Kind::Django => vec![],
            _ => web
                .files
                .iter()
                .map(|file| self.layout.module(*file))
                .collect(),
        };
        (
            web.kind.name().to_owned(),
            web.what.clone(),
            web.is_made,
            files,
        )
    }

    /// Global variables that one stage writes and another touches.
    fn shared(&self, files: &BTreeSet<FileId>) -> Vec<String> {
        let modules: BTreeMap<&str, FileId> = files
            .iter()
            .map(|file| (self.layout.path(*file), *file))
            .collect();
        let mut shared = BTreeSet::new();
        for resource in &self.analysis.effects.resources {
            if !matches!(resource.kind, ResourceKind::Global | ResourceKind::Queue) {
                continue;
            }
            let stages = |does: &dyn Fn(Access) -> bool| -> BTreeSet<Stage> {
                let accesses = resource
                    .accesses
                    .iter()
                    .filter(|access| does(access.access));
                let stages = accesses.map(|access| self.analysis.stages.stage(access.function));
                stages.filter(|stage| stage.is_pipeline()).collect()
            };
            let all = stages(&|_| true);
            let writers = stages(&|access| access != Access::Read);
            let Some((file, name)) = resource.identity.rsplit_once(':') else {
                continue;
            };
            if let (2.., false, Some(file)) = (all.len(), writers.is_empty(), modules.get(file)) {
                shared.insert(format!("{}:{name}", self.layout.module(*file)));
            }
        }
        shared.into_iter().collect()
    }

    /// Files of the repository that the modules name, and what lies in folders
    /// of templates, where requests are answered.
    fn copies(&self, files: &BTreeSet<FileId>, is_asked: bool) -> (Vec<String>, Vec<String>) {
        let mut copied: BTreeSet<&str> = BTreeSet::new();
        let mut unclear: BTreeSet<String> = BTreeSet::new();
        for file in files {
            for expr in &self.analysis.modules.facts(*file).exprs {
                let ExprKind::Str(text) = &expr.kind else {
                    continue;
                };
                match self.named(text) {
                    named if named.len() <= MOST_ALIKE => copied.extend(named),
                    _ => drop(unclear.insert(text.to_string())),
                }
            }
        }
        let is_template = |path: &&str| {
            let mut folders = path.split('/').rev().skip(1);
            folders.any(|folder| matches!(folder, "templates" | "static"))
        };
        let others = self.tree.others.iter().map(|path| path.as_str());
        copied.extend(others.filter(|path| is_asked && is_template(path)));
        let is_free = |path: &&str| !is_private(path.rsplit('/').next().unwrap_or_default());
        let copied = copied.into_iter().filter(is_free).map(str::to_owned);
        (copied.collect(), unclear.into_iter().collect())
    }

    /// The files that a text in the code may mean: those that end like it,
    /// nearest to the root.
    fn named(&self, text: &str) -> Vec<&str> {
        let text = text.trim_start_matches(['.', '/', '\\']);
        if !text.contains('.') || text.contains(char::is_whitespace) {
            return Vec::new();
        }
        let text = text.replace('\\', "/");
        let others = self.tree.others.iter().map(|path| path.as_str());
        let ends = |path: &&str| {
            let before = path.strip_suffix(text.as_str());
            before.is_some_and(|before| before.is_empty() || before.ends_with('/'))
        };
        let found: Vec<&str> = others.filter(ends).collect();
        let depth = |path: &&str| path.matches('/').count();
        let nearest = found.iter().map(depth).min();
        let near = |path: &&str| Some(depth(path)) == nearest;
        found.into_iter().filter(near).collect()
    }

    /// What a function does outside its own memory, in words: files, tables and
    /// models.
    pub(super) fn does(&self, func: FuncId) -> Vec<String> {
        let mut done = BTreeSet::new();
        for resource in &self.analysis.effects.resources {
            let kind = match resource.kind {
                ResourceKind::File => "file",
                ResourceKind::Table => "table",
                ResourceKind::Model => "model",
                _ => continue,
            };
            for access in &resource.accesses {
                if access.function == func {
                    let does = if access.access == Access::Read {
                        "reads"
                    } else {
                        "writes"
                    };
                    done.insert(format!("{does} {kind} {}", resource.identity));
                }
            }
        }
        done.into_iter().collect()
    }
}

impl Between {
    /// The containers whose newest archive requests of a stage see: what runs
    /// left, what other stages' requests changed, its own last.
    fn seen(&self, stage: Stage, report: &Report) -> Vec<String> {
        let hop = self.hops.iter().find(|((_, to), _)| *to == stage);
        let hop = hop.map(|(_, name)| name.clone());
        let ends = self.ends.clone().filter(|_| !self.runs.contains(&stage));
        let mut seen: Vec<String> = hop.or(ends).into_iter().collect();
        for (other, kept) in &self.kept {
            let crosses =
                |line: &&super::super::document::LineEntry| line.from == *other && line.to == stage;
            if report.cut.lines.iter().any(|line| crosses(&line)) && *other != stage {
                seen.push(kept.clone());
            }
        }
        seen.extend(self.kept.get(&stage).cloned());
        seen
    }

    /// Every queue and container, with what the split report says that passes.
    pub(super) fn crossings(&self, report: &Report, apps: &[App]) -> Vec<Crossing> {
        let mut crossings = Vec::new();
        if let (Some(queue), Some(first)) = (&self.begins, self.runs.first()) {
            crossings.push(Crossing {
                from: None,
                to: *first,
                queue: Some(queue.clone()),
                container: None,
                passes: Vec::new(),
            });
        }
        for ((from, to), name) in &self.hops {
            crossings.push(Crossing {
                from: Some(*from),
                to: *to,
                queue: Some(name.clone()),
                container: Some(name.clone()),
                passes: passes(report, *from, *to),
            });
        }
        if let (Some(name), Some(last)) = (&self.ends, self.runs.last()) {
            crossings.push(Crossing {
                from: Some(*last),
                to: Stage::None,
                queue: None,
                container: Some(name.clone()),
                passes: vec!["what a run leaves".to_owned()],
            });
        }
        for (stage, name) in &self.kept {
            if apps.iter().any(|app| app.stage == *stage) {
                crossings.push(Crossing {
                    from: Some(*stage),
                    to: *stage,
                    queue: None,
                    container: Some(name.clone()),
                    passes: vec!["what its requests change".to_owned()],
                });
            }
        }
        crossings
    }
}

/// What crosses between two stages, in words, each once.
fn passes(report: &Report, from: Stage, to: Stage) -> Vec<String> {
    let crossings = report.crossings.iter();
    let own = crossings.filter(|crossing| crossing.from_stage == from && crossing.to_stage == to);
    let passes: BTreeSet<String> = own
        .filter(|crossing| crossing.via != "call" && !crossing.name.is_empty())
        .map(|crossing| format!("{} {}", crossing.via, crossing.name))
        .collect();
    passes.into_iter().collect()
}

/// Files that hold secrets by what they are.
fn is_private(name: &str) -> bool {
    let ends = [".pem", ".key", ".pfx", ".p12", ".jks", ".kdbx"];
    name.starts_with(".env")
        || name.starts_with("id_rsa")
        || name.starts_with("id_ed25519")
        || ends.iter().any(|end| name.ends_with(end))
}

fn one_line(text: &str) -> String {
    let is_bad = |c: char| c.is_control() || matches!(c, '"' | '\\');
    text.chars()
        .map(|c| if is_bad(c) { ' ' } else { c })
        .collect()
}
