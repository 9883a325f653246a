//! Whatever is done to a text, lowering does not panic.

use proptest::prelude::*;

use super::dump;
use crate::syntax::facts::{ExprKind, ScopeId, StmtKind};
use crate::syntax::python::lower;

const SOURCES: [&str; 3] = [
    r#"
"""Trains."""
import os, pandas as pd
from .features import (build, scale as sc)

class Trainer(Base, metaclass=Meta):
    """A trainer."""
    rate: float = 0.1

    @property
    async def fit(self, x: "DataFrame", /, *args, y=None, **kw) -> list[int]:
        global MODEL
        with open(f"{self.path!r:>{width}}") as f, lock:
            async for row in rows(f):
                MODEL[row["id"], 1:2] = await row.load() if row else None
        return {k: v for k, v in x.items() if v and not k}
"#,
    r#"
match load(path):
    case {"kind": "csv", **rest} if rest:
        df = pd.read_csv(rest["path"], sep=',')
    case Point(x=0, y=[first, *_]) | Line(first) as p:
        print(f"{first=} {p:=^10}" "tail")
    case -1 | None | (a, b):
        pass
try:
    x = [lambda q, *r: (yield) for s in t for q in s if (w := q)]
except (ValueError, KeyError) as e:
    raise RuntimeError("é\x41\n") from e
except* OSError:
    del x, y[0]
else:
    x @= y ** -z
finally:
    assert a < b <= c, 'm'
"#,
    r#"
def outer[T = int](a, (b, c), d=1):
    def inner():
        nonlocal a
        yield from (x for x in y)
    if a: pass
    elif b: return inner
    else:
        while (n := next(it)):
            break
    type X[T] = dict[str, T]
    print >>f, "a", `b`
    exec "x" in d
"#,
];

fn mangled() -> impl Strategy<Value = String> {
    let edit = (any::<u8>(), any::<usize>(), 0..30_usize, any::<usize>());
    (0..SOURCES.len(), prop::collection::vec(edit, 1..6)).prop_map(|(source, edits)| {
        let mut chars: Vec<char> = SOURCES[source].chars().collect();
        for (what, at, len, to) in edits {
            let start = at % (chars.len() + 1);
            let slice = start..(start + len).min(chars.len());
            match what % 4 {
                0 => drop(chars.drain(slice)),
                1 => {
                    let copied = chars[slice].to_vec();
                    let to = to % (chars.len() + 1);
                    chars.splice(to..to, copied);
                }
                2 => {
                    let inserted = "()[]{}:'\"\\\n\t\0\rfé \u{feff}`*@=";
                    chars.insert(start, inserted.chars().nth(to % 20).unwrap_or('x'));
                }
                _ => chars[slice].reverse(),
            }
        }
        chars.into_iter().collect()
    })
}

proptest! {
    #[test]
    fn lowering_mangled_text_keeps_ids_in_range(text in mangled()) {
        if let Ok(facts) = lower("a.py", &text) {
            for (id, scope) in facts.scopes() {
                prop_assert_eq!(scope.parent.is_none(), id == ScopeId::MODULE);
                prop_assert!(scope.parent.is_none_or(|parent| parent < id));
            }
            for (idx, expr) in facts.exprs.iter().enumerate() {
                let mut in_order = true;
                expr.kind.parts(|part| in_order &= (part.0 as usize) < idx);
                prop_assert!(in_order, "{:?}", expr.kind);
                if let ExprKind::Lambda(scope) | ExprKind::Comprehension { scope, .. } = expr.kind {
                    prop_assert!((scope.0 as usize) < facts.scopes.len());
                }
            }
            // Writing it out visits all statements.
            prop_assert!(dump(&facts).len() < usize::MAX);
        }
    }
}

#[test]
fn every_source_lowers() {
    for source in SOURCES {
        let facts = lower("a.py", source).expect("it parses");
        let body = &facts.scope(ScopeId::MODULE).body;
        assert!(
            !body
                .iter()
                .any(|stmt| matches!(stmt.kind, StmtKind::Return(_)))
        );
    }
}
