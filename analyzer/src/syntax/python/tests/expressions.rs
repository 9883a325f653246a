//! What expressions, targets and types lower to.

use super::check;

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
"##), @r"
    a = b = (tuple c d)
    x = 1
    x: int
    x: List[int] = (list )
    (tuple self.x[0] *rest) = y
    (list a (tuple b c)) = d
    x MatMul= y
    x = yield_
    (tuple x) = y
    ");
}

#[test]
fn calls_and_arguments() {
    insta::assert_snapshot!(check(r##"f(a, *b, c=1, **d)
f(x for x in y)
a.b(c)[0].d()
f((x), lambda: 1)
"##), @r"
    (call f a *b c=1 **d)
    (call f (generator <genexpr> () {for x in y; (yield x)}))
    (call (call a.b c)[0].d)
    (call f x (<lambda> () {return 1}))
    ");
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
"##), @r"
    (Sub (Add a (Mul b c)) d)
    (Neg (Pow x (Invert y)))
    (either a b (Not c))
    (Lt,Le,Ne a b c d)
    (tuple (IsNot a b) (NotIn a b))
    (if y x z)
    (Ne a b)
    ");
}

#[test]
fn literals() {
    insta::assert_snapshot!(check(r##"1_000, 0xFF, 1e5, 2j
True, False, None, ...
(), (a,), [], {}
{1, *a}
{'a': 1, **b}
"##), @r#"
    (tuple 1000 0xFF 1e5 2j)
    (tuple true false none (? ))
    (tuple (tuple ) (tuple a) (list ) (dict))
    (set 1 *a)
    (dict "a": 1 **b)
    "#);
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
"##), @r#"
    doc "a\nAéA\\qb"
    "a\nAéA\\qb"
    "\\dc\nd"
    bytes
    "x"
    "ab"
    "\\N{BULLET}"
    "#);
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
"##), @r#"
    (format x w p " {} " y "z")
    "plain"
    (format a)
    (format a b)
    (format d["k"] ", " (n := 1))
    (format x)
    (format "\\d" x)
    (format (tuple a b))
    "#);
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
"##), @r"
    x[1]
    x[(tuple a (slice b:c:))]
    x[(tuple 1)]
    x[(slice ::)]
    x[(slice ::2)]
    x[(slice a:b:c)]
    x[(? )]
    x[(tuple *a b)]
    ");
}

#[test]
fn comprehensions() {
    insta::assert_snapshot!(check(r##"[x for x in y]
{k: v for k, v in d.items() if v if k}
{f(x) for xs in y for x in xs}
async def f():
    return (x async for x in y if await z)
"##), @r"
    (list <listcomp> () {for x in y; (yield x)})
    (dict <dictcomp> () {for (tuple k v) in (call d.items); if v; if k; (yield (tuple k v))})
    (set <setcomp> () {for xs in y; for x in xs; (yield (call f x))})
    Function f() async 4-5
      return (generator f.<locals>.<genexpr> async () {for x in y; if (await z); (yield x)})
    ");
}

#[test]
fn lambdas() {
    insta::assert_snapshot!(check(r##"lambda a, *b, c=1, **d: a
lambda: (yield)
"##), @r"
    (<lambda> (a, *b, kw c = 1, **d) {return a})
    (<lambda> yields () {return (yield)})
    ");
}

#[test]
fn types() {
    insta::assert_snapshot!(check(r##"def f[T: int = str, **P](x: T | None) -> a.b[T]: pass
class A[T]: pass
type X[T] = list[T]
x: Callable[..., int]
y: "A" = z
w: tuple[int, ...]
"##), @r#"
    Function f(x: (BitOr T none)) -> a.b[T] 1-1
    Class A() 2-2
    X = list[T]
    x: Callable[(tuple (? ) int)]
    y: "A" = z
    w: tuple[(tuple int (? ))]
    "#);
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
"##), @r"
    x = (Add a b)
    (call f a)
    ");
}
