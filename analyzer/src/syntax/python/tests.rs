use proptest::prelude::*;

use super::dump::dump;
use super::{MAX_DEPTH, lower};
use crate::syntax::SyntaxError;
use crate::syntax::facts::{ExprKind, FileFacts, ScopeId, StmtKind};

fn check(text: &str) -> String {
    match lower("a.py", text) {
        Ok(facts) => dump(&facts),
        Err(error) => error.to_string(),
    }
}

#[test]
fn assignments() {
    insta::assert_snapshot!(check(r##"a = b = c, d
(x) = 1
x: int
x: List[int] = []
self.x[0], *rest = y
[a, (b, c)] = d
x @= y
x = yield_
x, = y
"##), @"");
}

#[test]
fn calls_and_arguments() {
    insta::assert_snapshot!(check(r##"f(a, *b, c=1, **d)
f(x for x in y)
a.b(c)[0].d()
f((x), lambda: 1)
"##), @"");
}

#[test]
fn operators() {
    insta::assert_snapshot!(check(r##"a + b * c - d
-x ** ~y
a and b or not c
a < b <= c != d
a is not b, a not in b
x if y else z
a <> b
"##), @"");
}

#[test]
fn literals() {
    insta::assert_snapshot!(check(r##"1_000, 0xFF, 1e5, 2j
True, False, None, ...
(), (a,), [], {}
{1, *a}
{'a': 1, **b}
"##), @"");
}

#[test]
fn strings() {
    insta::assert_snapshot!(check(r##"'a\n\x41\u00e9\101\q' "b"
r'\d' """c
d"""
b'a'
u'x'
'a\
b'
'\N{BULLET}'
"##), @"");
}

#[test]
fn format_strings() {
    insta::assert_snapshot!(check(r##"f'{x!r:>{w}.{p}} {{}} {y=}' 'z'
f'plain'
f'{a:=^10}'
f'{a!r}{b}'
f'{d["k"]}, {(n := 1)}'
t'{x}'
rf'\d{x}'
f'{a, b}'
"##), @"");
}

#[test]
fn subscripts() {
    insta::assert_snapshot!(check(r##"x[1]
x[a, b:c]
x[1,]
x[:]
x[::2]
x[a:b:c]
x[...]
x[*a, b]
"##), @"");
}

#[test]
fn comprehensions() {
    insta::assert_snapshot!(check(r##"[x for x in y]
{k: v for k, v in d.items() if v if k}
{f(x) for xs in y for x in xs}
async def f():
    return (x async for x in y if await z)
"##), @"");
}

#[test]
fn lambdas() {
    insta::assert_snapshot!(check(r##"lambda a, *b, c=1, **d: a
lambda: (yield)
"##), @"");
}

#[test]
fn walrus_await_yield() {
    insta::assert_snapshot!(check(r##"async def f():
    if (x := await g()):
        y = yield x
    return
def g():
    yield from h()
    yield a, b
    x = lambda: (yield)
def h():
    def i():
        yield
    return (x for x in y)
"##), @"");
}

#[test]
fn parameters() {
    insta::assert_snapshot!(check(r##"def f(a, b: int = 1, /, c=2, *args: int, d, e: 'T' = 3, **kw) -> Dict[str, int]:
    pass
def g(*, a): pass
def h((a, b), c): return a
"##), @"");
}

#[test]
fn decorators_and_lines() {
    insta::assert_snapshot!(check(r##"@app.route('/x')
@cached
async def f():
    pass

@d
class A(B, metaclass=M, **kw):
    x: int = 1
    y: str
"##), @"");
}

#[test]
fn docstrings() {
    insta::assert_snapshot!(check("'''Module\n\n    doc.\n    '''\nclass A:\n    'class ' 'doc'\n    def f(self):\n        '''First.\n\n        \tSecond\n            third\n        '''\n        return 1\ndef g():\n    f'no {doc}'\ndef h():\n    b'no doc'\n"), @"");
}

#[test]
fn qualified_names() {
    insta::assert_snapshot!(check(r##"def f():
    class C:
        def m(self):
            return [lambda: 1 for x in y]
        z = [lambda: 2 for x in y]
    def g():
        pass
    global k
    def k():
        pass
class D:
    class E:
        f = lambda self: 1
"##), @"");
}

#[test]
fn global_and_nonlocal() {
    insta::assert_snapshot!(check(r##"def f():
    global a, b
    nonlocal c
    a = 1
"##), @"");
}

#[test]
fn imports() {
    insta::assert_snapshot!(check(r##"import a.b, c as d
from . import x
from ..a.b import (c as d, e,)
from m import *
from __future__ import annotations
try:
    import x
except ImportError:
    x = None
import a . b
"##), @"");
}

#[test]
fn conditions() {
    insta::assert_snapshot!(check(r##"if a:
    b
elif c:
    d
elif e:
    f
else:
    g
"##), @"");
}

#[test]
fn loops() {
    insta::assert_snapshot!(check(r##"for i, x in enumerate(y):
    continue
else:
    z
while (x := f()):
    break
for x in *a, b: c
"##), @"");
}

#[test]
fn with_items() {
    insta::assert_snapshot!(check(r##"with a as b, c(): d
with (a as b, c as d.e): f
with (a, b): c
with (a): b
with (a)(b) as (c, d): e
"##), @"");
}

#[test]
fn exceptions() {
    insta::assert_snapshot!(check(r##"try:
    a
except (A, B) as e:
    b
except C:
    c
except:
    raise
else:
    d
finally:
    e
try: a
except* E as f: b
try: a
except A, B: b
raise A(b) from c
raise A from None
"##), @"");
}

#[test]
fn small_statements() {
    insta::assert_snapshot!(check(r##"assert isinstance(x, A), f'{x}'
del a, b[0]
del (c, d)
return *a, b
pass; x; y
x,
"##), @"");
}

#[test]
fn types() {
    insta::assert_snapshot!(check(r##"def f[T: int = str, **P](x: T | None) -> a.b[T]: pass
class A[T]: pass
type X[T] = list[T]
x: Callable[..., int]
y: "A" = z
w: tuple[int, ...]
"##), @"");
}

#[test]
fn match_values_and_classes() {
    insta::assert_snapshot!(check(r##"match command.split():
    case [action]:
        a
    case [action, obj] if obj:
        b
    case Point(x=0, y=py) | Line(_, py):
        c
    case {'k': v, **rest}:
        d
    case Color.RED | -1 | None | 'a':
        e
    case (A() | B()) as ab:
        f
    case [first, *others, last]:
        g
    case _:
        h
"##), @"");
}

#[test]
fn match_a_name() {
    insta::assert_snapshot!(check(r##"match x:
    case 1: a
    case str(y): b
    case y: c
"##), @"");
}

#[test]
fn match_a_tuple() {
    insta::assert_snapshot!(check(r##"match a, b:
    case c, (d, *_): e
"##), @"");
}

#[test]
fn python_2() {
    insta::assert_snapshot!(check(r##"print 'a', b
print >>f, x
exec code in g
except_ = `x`
raise E, 'm'
try: a
except E, e: b
"##), @"");
}

#[test]
fn soft_keywords_as_names() {
    insta::assert_snapshot!(check(r##"match = type(print)
type = match[0]
match(x)
print = 1
def f(type, match): pass
x.match
"##), @"");
}

#[test]
fn parentheses_and_comments() {
    insta::assert_snapshot!(check(r##"x = (  # c
    (a)  # d
    + \
    b
)  # e
f(  # g
    a,  # h
)
"##), @"");
}

#[test]
fn line_ends_and_marks() {
    insta::assert_snapshot!(check("\u{feff}x = '''a\r\nb'''\r\nif x:\r\n    y\rz"), @"");
}

#[test]
fn errors_say_where() {
    insta::assert_snapshot!(check("x = 1\ndef f(:\n    pass\n"), @"");
    insta::assert_snapshot!(check("é = (1 +\n"), @"");
    insta::assert_snapshot!(check("x = 'a\n"), @"");
}

#[test]
fn places_count_characters() {
    let facts = lower("a.py", "'é', x.y\n# c\nif a:\n\tb\n").expect("it parses");
    let places: Vec<_> = facts
        .exprs
        .iter()
        .map(|expr| (expr.line, expr.column))
        .collect();
    insta::assert_debug_snapshot!(places, @"");
    assert_eq!(facts.lines, 4);
}

/// Lowers on a stack of the size that `MAX_DEPTH` promises is enough.
fn lowered(text: String) -> Result<FileFacts, SyntaxError> {
    std::thread::Builder::new()
        .stack_size(16 << 20)
        .spawn(move || lower("a.py", &text))
        .expect("a thread can be started")
        .join()
        .expect("the stack is enough")
}

#[test]
fn what_nests_too_deep_is_refused() {
    let n = 20_000;
    let indented = |n: usize| -> String {
        (0..n)
            .map(|depth| format!("{}if x:\n", " ".repeat(depth)))
            .collect::<String>()
            + &" ".repeat(n)
            + "x\n"
    };
    for text in [
        format!("x\n{}{}", "[".repeat(n), "]".repeat(n)),
        format!("x\n{}y", "not ".repeat(n)),
        format!("x\ny{}", ".z()".repeat(n)),
        format!("x\n{}y", "lambda: ".repeat(n)),
        format!("x\ny{}", " if a else b".repeat(n)),
        format!("x\nif x: y\n{}", "elif x: y\n".repeat(n)),
        format!("x\n[x {}]", "for x in y ".repeat(n)),
        format!("x\nmatch x:\n{}", "  case 1: y\n".repeat(n)),
        format!(
            "x\nmatch x:\n  case {}1{}: y\n",
            "[".repeat(n),
            "]".repeat(n)
        ),
        format!("x\nx: {}int{}\n", "a[".repeat(n), "]".repeat(n)),
        indented(2_000),
    ] {
        let error = lowered(text.clone()).map(|facts| facts.lines);
        let is_refused = matches!(
            error,
            Err(SyntaxError::TooDeep {
                limit: MAX_DEPTH,
                ..
            })
        );
        assert!(is_refused, "{error:?} for {}", &text[..40]);
    }
}

#[test]
fn what_nests_almost_too_deep_fits_the_stack() {
    let n = MAX_DEPTH as usize - 10;
    for text in [
        format!("{}{}", "[".repeat(n), "]".repeat(n)),
        format!("{}y", "not ".repeat(n)),
        format!("y{}", ".z()".repeat(n / 2)),
        format!("{}y", "lambda: ".repeat(n)),
        format!("{}1{}", "f(a=".repeat(n), ")".repeat(n)),
        format!("{}1{}", "{a: ".repeat(n), "}".repeat(n)),
        format!("{}1{}", "[x for x in ".repeat(n), "]".repeat(n)),
        format!("x{}", " if a else b".repeat(n)),
        format!("if x: y\n{}", "elif x: y\n".repeat(n)),
        format!(
            "match x:\n  case {}1{}: y\n",
            "[".repeat(n / 2),
            "]".repeat(n / 2)
        ),
    ] {
        let error = lowered(text.clone()).err();
        assert_eq!(error, None, "{}", &text[..40]);
    }
}

#[test]
fn long_chains_stay_shallow() {
    let n = 5_000;
    for text in [
        format!("x = 'a'{}", " + \\\n 'b'".repeat(n)),
        format!("x = 'a'{}", " * b".repeat(n)),
        format!("x = ('a'{})", "\n 'b'".repeat(n)),
        format!("x = a{}", " or b and c".repeat(n)),
        format!("x = a{}", " < b".repeat(n)),
        format!("x = {}1", "a = ".repeat(n)),
        format!("x = {}1{}", "(".repeat(n), ")".repeat(n)),
    ] {
        let facts = lowered(text.clone()).expect("it does not nest");
        for expr in &facts.exprs {
            if let ExprKind::Binary { .. } = expr.kind {
                assert!(height(&facts, &expr.kind) < 20);
            }
        }
    }
}

fn height(facts: &FileFacts, kind: &ExprKind) -> usize {
    let mut highest = 0;
    kind.parts(|part| highest = highest.max(height(facts, &facts.expr(part).kind)));
    highest + 1
}

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
