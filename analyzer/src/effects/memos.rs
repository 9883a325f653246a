//! Objects that a process makes once and keeps.

use crate::graph::call::AttributeOwner;
use crate::graph::globals::MUTATORS;
use crate::graph::{CallGraph, ClassId, Program};
use crate::modules::ModuleSet;
use crate::syntax::facts::{ExprId, ExprKind};

/// True if something may change instances of `class` after they are made: an
/// attribute is bound outside the constructor, or what it holds is changed or
/// taken apart.
pub(super) fn changes(
    modules: &ModuleSet,
    program: &Program,
    call_graph: &CallGraph,
    class: ClassId,
) -> bool {
    let of_class = &program.class(class).mro;
    let mut accesses = call_graph.attributes.iter().filter(
        |access| matches!(access.owner, AttributeOwner::Class(owner) if of_class.contains(&owner)),
    );
    accesses.any(|access| {
        if program.constructs(modules, access.function).is_some() {
            return false;
        }
        let facts = modules.facts(access.file);
        let is_changed = |expr: ExprId| {
            facts.exprs.iter().any(|around| match &around.kind {
                ExprKind::Item { base, .. } => *base == expr,
                ExprKind::Call { callee, .. } => match &facts.expr(*callee).kind {
                    ExprKind::Attr { base, name } => {
                        *base == expr && MUTATORS.contains(&name.as_str())
                    }
                    _ => false,
                },
                _ => false,
            })
        };
        access.writes || is_changed(access.expr)
    })
}

#[cfg(test)]
mod tests {
    use crate::effects::tests::examined;

    fn check(code: &str) -> String {
        let memos = examined(code).effects.memos;
        memos.into_iter().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn settings_read_once_are_a_memo() {
        let code = "
import yaml
class Settings:
    limit = 3
    def __init__(self, raw):
        self.raw = raw
    def of(self, kind):
        return self.raw.get(kind)
_settings = None
_text = None
def settings():
    global _settings
    if _settings is None:
        _settings = Settings(yaml.safe_load(open('a.yaml')))
    return _settings
def text():
    global _text
    if not _text:
        _text = open('b').read()
    return _text
";
        assert_eq!(check(code), "app.py:_settings app.py:_text");
    }

    #[test]
    fn what_a_request_changes_is_no_memo() {
        let code = "
from flask import request
class Store:
    def __init__(self):
        self.rows = []
    def add(self, row):
        self.rows.append(row)
_model = None
_first = None
_rows = None
_store = None
_asked = None
def model():
    global _model
    if _model is None:
        _model = open('a').read()
    return _model
def deploy(text):
    global _model
    _model = text
def first(body):
    global _first
    if _first is None:
        _first = str(body)
def asked():
    global _asked
    if _asked is None:
        _asked = str(request.json)
def rows():
    global _rows
    if _rows is None:
        _rows = []
    return _rows
def store():
    global _store
    if _store is None:
        _store = Store()
    return _store
";
        assert_eq!(check(code), "");
    }
}
