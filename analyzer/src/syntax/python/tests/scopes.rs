//! What functions, classes and parameters lower to.

use super::check;

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
"##), @r"
    Function f() async yields 1-4
      if (x := (await (call g)))
        y = (yield x)
      return
    Function g() yields 5-8
      (yield-from (call h))
      (yield (tuple a b))
      x = (g.<locals>.<lambda> yields () {return (yield)})
    Function h() 9-12
      Function h.<locals>.i() yields 10-11
        (yield)
      return (generator h.<locals>.<genexpr> () {for x in y; (yield x)})
    ");
}

#[test]
fn parameters() {
    insta::assert_snapshot!(check(r##"def f(a, b: int = 1, /, c=2, *args: int, d, e: 'T' = 3, **kw) -> Dict[str, int]:
    pass
def g(*, a): pass
def h((a, b), c): return a
"##), @r#"
    Function f(pos a, pos b: int = 1, c = 2, *args: int, kw d, kw e: "T" = 3, **kw) -> Dict[(tuple str int)] 1-2
    Function g(kw a) 3-3
    Function h($1, c) 4-4
      (tuple a b) = $1
      return a
    "#);
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
"##), @r#"
    @(call app.route "/x")
    @cached
    Function f() async 3-4
    @d
    Class A(B metaclass=M (? kw)) 7-9
      x: int = 1
      y: str
    "#);
}

#[test]
fn docstrings() {
    insta::assert_snapshot!(check("'''Module\n\n    doc.\n    '''\nclass A:\n    'class ' 'doc'\n    def f(self):\n        '''First.\n\n        \tSecond\n            third\n        '''\n        return 1\ndef g():\n    f'no {doc}'\ndef h():\n    b'no doc'\n"), @r#"
    doc "Module\n\ndoc."
    "Module\n\n    doc.\n    "
    Class A() 5-13
      doc "class doc"
      "class doc"
      Function A.f(self) 7-13
        doc "First.\n\n    Second\nthird"
        "First.\n\n        \tSecond\n            third\n        "
        return 1
    Function g() 14-15
      (format "no " doc)
    Function h() 16-17
      bytes
    "#);
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
"##), @r"
    Function f() 1-10
      global k
      Class f.<locals>.C() 2-5
        Function f.<locals>.C.m(self) 3-4
          return (list f.<locals>.C.m.<locals>.<listcomp> () {for x in y; (yield (f.<locals>.C.m.<locals>.<listcomp>.<lambda> () {return 1}))})
        z = (list f.<locals>.C.<listcomp> () {for x in y; (yield (f.<locals>.C.<listcomp>.<lambda> () {return 2}))})
      Function f.<locals>.g() 6-7
      Function k() 9-10
    Class D() 11-13
      Class D.E() 12-13
        f = (D.E.<lambda> (self) {return 1})
    ");
}

#[test]
fn global_and_nonlocal() {
    insta::assert_snapshot!(check(r##"def f():
    global a, b
    nonlocal c
    a = 1
"##), @r"
    Function f() 1-4
      global a
      global b
      nonlocal c
      a = 1
    ");
}

#[test]
fn what_is_iterated_first_runs_outside() {
    insta::assert_snapshot!(check(r##"def f():
    return [a for b in sorted(c, key=lambda d: d) for a in map(lambda e: e, b)]
"##), @r"
    Function f() 1-2
      return (list f.<locals>.<listcomp> () {for b in (call sorted c key=(f.<locals>.<lambda> (d) {return d})); for a in (call map (f.<locals>.<listcomp>.<lambda> (e) {return e}) b); (yield a)})
    ");
}
