//! What a function, and what it stands in, is called.

use rustc_hash::FxHashSet;
use smol_str::format_smolstr;

use super::{Family, Own};
use crate::graph::FuncId;
use crate::stages::Input;
use crate::stages::lexicon::{heard, purposes};
use crate::syntax::facts::ScopeKind;

pub(super) fn gather(input: &Input<'_>, owns: &mut [Own]) {
    for func in input.program.func_ids() {
        names(input, func, &mut owns[func.0 as usize]);
    }
}

fn names(input: &Input<'_>, func: FuncId, own: &mut Own) {
    let function = input.program.function(func);
    let facts = input.modules.facts(function.file);
    let scope = facts.scope(function.scope);
    if scope.kind != ScopeKind::Module {
        say(own, Family::Name, &scope.name, "is called", scope.line);
        for (stage, weight) in purposes(&scope.name) {
            let reason = format_smolstr!("is called {}", scope.name);
            own.add(Family::Purpose, stage, weight, reason, scope.line);
        }
    }
    for param in &scope.params {
        say(own, Family::Param, &param.name, "takes", scope.line);
    }
    let mut around = scope.parent;
    while let Some(parent) = around {
        let parent_scope = facts.scope(parent);
        let how = match parent_scope.kind {
            ScopeKind::Class => Some("stands in class"),
            ScopeKind::Function => Some("stands in"),
            _ => None,
        };
        if let Some(how) = how {
            say(
                own,
                Family::Class,
                &parent_scope.name,
                how,
                parent_scope.line,
            );
        }
        around = parent_scope.parent;
    }
    if let Some(doc) = &scope.doc {
        let first: String = doc.chars().take(240).collect();
        say(own, Family::Doc, &first, "is described with", scope.line);
        let sentence = first.split(['.', '\n']).next().unwrap_or_default();
        for (stage, weight) in purposes(sentence) {
            let reason = format_smolstr!("is described as “{sentence}”");
            own.add(Family::Purpose, stage, 0.6 * weight, reason, scope.line);
        }
    }
    let (folder, file) = facts.path.rsplit_once('/').unwrap_or(("", &facts.path));
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    say(own, Family::File, stem, "stands in file", 0);
    say(own, Family::Folder, folder, "stands in folder", 0);
}

fn say(own: &mut Own, family: Family, text: &str, how: &str, line: u32) {
    let mut seen = FxHashSet::default();
    for (said, hints) in heard(text) {
        if !seen.insert(said.clone()) {
            continue;
        }
        for (stage, weight) in hints {
            let about: String = text.chars().take(60).collect();
            let reason = match family {
                Family::Doc => format_smolstr!("is described with “{said}”"),
                _ => format_smolstr!("{how} {about}"),
            };
            own.add(family, stage, weight, reason, line);
        }
    }
}
