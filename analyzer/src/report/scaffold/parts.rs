//! What an app says of its stage: whom it calls, by which queue and routes.

use super::app::Apps;
use super::between::Between;
use super::function_app::{Drive, Queue, Route};
use super::names::Names;
use super::paths::azure;
use super::way::Driver;
use super::web::{Kind, Web};
use crate::stages::Stage;
use crate::syntax::facts::ScopeKind;

impl Apps<'_> {
    pub(super) fn drivers(&self, stage: Stage, takes_part: bool) -> Vec<Driver> {
        match (&self.way.whole, takes_part) {
            (_, false) => Vec::new(),
            (Some(driver), true) => vec![driver.clone()],
            (None, true) => self.way.scripts.get(&stage).cloned().unwrap_or_default(),
        }
    }

    pub(super) fn drive(&self, driver: &Driver) -> Drive {
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

    pub(super) fn entries(&self) -> Vec<[String; 4]> {
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

    /// Entries that are no stage's own.
    pub(super) fn anew(&self) -> Vec<String> {
        let entries = self.way.entries.iter().map(|(func, _)| *func);
        let steps = entries.filter(|func| {
            self.way.steps.contains(func) && !self.analysis.stages.stage(*func).is_pipeline()
        });
        steps.map(|func| self.id(func)).collect()
    }

    /// What a stage is asked in a run.
    pub(super) fn calls(&self, stage: Stage) -> Vec<String> {
        let entries = self.way.entries.iter().filter(|(_, of)| *of == stage);
        let scripts = self.way.scripts.get(&stage).into_iter().flatten();
        let scripts = scripts.map(|driver| self.id(driver.func));
        entries
            .map(|(func, _)| self.id(*func))
            .chain(scripts)
            .collect()
    }

    pub(super) fn queue(&self, stage: Stage, between: &Between, names: &mut Names) -> Queue {
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

    pub(super) fn asked(&self, stage: Stage, between: &Between, names: &mut Names) -> Vec<Route> {
        let sees = between.seen(stage, self.report);
        let routes = self.routes(stage).into_iter();
        routes
            .map(|idx| {
                let route = &self.report.routes[idx];
                Route {
                    function: names.function(&[&route.method, &route.path]),
                    method: route.method.clone(),
                    path: azure(
                        &route.path,
                        self.analysis.modules.facts(self.analysis.routes[idx].file),
                    ),
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

    pub(super) fn web_of(&self, web: &Web) -> (String, String, bool, Vec<String>) {
        let files = match web.kind {
            Kind::Django => vec![],
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
}
