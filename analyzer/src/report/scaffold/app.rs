//! One app: what it calls, what it needs, and what is written for it.

use std::collections::BTreeSet;

use super::super::document::Report;
use super::arguments::Argument;
use super::between::Between;
use super::copied::{TakenOut, copied};
use super::document::{App, Function, Setting};
use super::files::{self, Texts};
use super::function_app::Written;
use super::layout::Layout;
use super::names::Names;
use super::paths::is_reserved;
use super::requirements::requirements;
use super::settings::settings;
use super::way::Way;
use super::web::{Kind, Web};
use super::{ScaffoldError, Wish};
use crate::graph::FuncId;
use crate::hazards::SecretPlace;
use crate::line::Analysis;
use crate::modules::FileId;
use crate::source::SourceTree;
use crate::stages::Stage;

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
    pub(super) fn routes(&self, stage: Stage) -> Vec<usize> {
        let Some(web) = self.web else {
            return Vec::new();
        };
        let routes = self.analysis.routes.iter().enumerate();
        let own = routes.filter(|(_, route)| {
            web.answers(route)
                && !is_reserved(&route.path)
                && self.analysis.stages.stage(route.handler) == stage
        });
        own.map(|(idx, _)| idx).collect()
    }

    /// A route of the stage changes what lasts.
    pub(super) fn keeps(&self, stage: Stage) -> bool {
        let routes = self.routes(stage);
        let mut changed = routes
            .iter()
            .map(|idx| &self.report.routes[*idx].side_effects);
        changed.any(|changed| !changed.is_empty())
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
        let takes_part = between.runs.contains(&stage);
        let files = self.files(stage, takes_part);
        let (mut written, taken) = self.modules(&files)?;
        let modules: BTreeSet<String> = files
            .iter()
            .map(|file| self.layout.path(*file).to_owned())
            .collect();
        let open = self.open(stage, takes_part);
        let settings = settings(self.report, &modules, &taken, &open);
        let needs = requirements(
            self.wish,
            &self.layout.libraries(&files),
            &self.layout.all_libraries(),
        );
        let told = self.told(stage, between, &files, &settings);
        let (copies, unclear) = self.copies(&files, !told.routes.is_empty());
        written.extend(files::of(&told, &needs));
        written.sort();
        Ok(Some(App {
            stage,
            functions: self.functions(stage, &told),
            settings,
            copies,
            unclear,
            modules: modules.into_iter().collect(),
            unnamed: needs.unnamed,
            files: written,
        }))
    }

    /// What is written down of the stage.
    fn told(
        &self,
        stage: Stage,
        between: &Between,
        files: &BTreeSet<FileId>,
        settings: &[Setting],
    ) -> Written {
        let mut names = Names::default();
        let takes_part = between.runs.contains(&stage);
        let queue = takes_part.then(|| self.queue(stage, between, &mut names));
        let routes = self.asked(stage, between, &mut names);
        let is_asked = !routes.is_empty();
        let drivers = self.drivers(stage, takes_part);
        let order = self.way.stages().into_iter();
        Written {
            repository: one_line(&self.report.name),
            stage: stage.name().to_owned(),
            order: order.map(|it| it.name().to_owned()).collect(),
            roots: self.layout.search_path(files),
            drivers: drivers.iter().map(|driver| self.drive(driver)).collect(),
            entries: if takes_part { self.entries() } else { vec![] },
            anew: if takes_part { self.anew() } else { vec![] },
            shared: self.shared(files),
            folders: self.folders(files),
            django: self.django().map(|web| web.what.clone()),
            settings: settings.to_vec(),
            web: self.web.filter(|_| is_asked).map(|web| self.web_of(web)),
            queue,
            routes,
        }
    }

    /// The functions of an app, and what each calls.
    fn functions(&self, stage: Stage, told: &Written) -> Vec<Function> {
        let queue = told.queue.iter().map(|queue| Function {
            name: queue.function.clone(),
            trigger: format!("queue {}", queue.queue),
            calls: self.calls(stage),
        });
        let routes = self.routes(stage).into_iter().zip(&told.routes);
        let routes = routes.map(|(idx, route)| Function {
            name: route.function.clone(),
            trigger: format!("{} {}", route.method, self.report.routes[idx].path),
            calls: vec![self.report.routes[idx].handler.clone()],
        });
        queue.chain(routes).collect()
    }

    /// The settings of arguments that nothing says.
    fn open(&self, stage: Stage, takes_part: bool) -> Vec<String> {
        let drivers = self.drivers(stage, takes_part);
        let arguments = drivers.iter().flat_map(|driver| &driver.arguments);
        arguments
            .filter(|argument| argument.is_open())
            .map(Argument::setting)
            .collect()
    }

    /// The modules as an app has them, and the secrets that were in them.
    fn modules(&self, files: &BTreeSet<FileId>) -> Result<(Texts, Vec<TakenOut>), ScaffoldError> {
        let (mut written, mut taken) = (Vec::new(), Vec::new());
        for file in files {
            let path = self.layout.path(*file);
            let source = self.tree.files.iter().find(|source| source.path == path);
            let text = source.map_or("", |source| source.text.as_str());
            let (text, out) = copied(self.analysis, self.secrets, *file, text)?;
            written.push((format!("monolith/{path}"), text));
            taken.extend(out);
        }
        Ok((written, taken))
    }

    fn django(&self) -> Option<&Web> {
        self.web.filter(|web| web.kind == Kind::Django)
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
        // Its settings list modules that nothing imports.
        begin.extend(self.django().into_iter().flat_map(|web| &web.files));
        self.layout.closure(begin)
    }
}

fn one_line(text: &str) -> String {
    let is_bad = |c: char| c.is_control() || matches!(c, '"' | '\\');
    text.chars()
        .map(|c| if is_bad(c) { ' ' } else { c })
        .collect()
}
