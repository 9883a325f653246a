//! What statements lower to.

use super::check;

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
"##), @r"
    import a.b
    import c as d
    from . import x
    from ..a.b import c as d, e
    from m import *
    from __future__ import annotations
    try
      import x
    except ImportError
      x = none
    import a.b
    ");
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
"##), @r"
    if a
      b
    else
      if c
        d
      else
        if e
          f
        else
          g
    ");
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
"##), @r"
    for (tuple i x) in (call enumerate y)
      leave
    else
      z
    while (x := (call f))
      leave
    for x in (tuple *a b)
      c
    ");
}

#[test]
fn with_items() {
    insta::assert_snapshot!(check(r##"with a as b, c(): d
with (a as b, c as d.e): f
with (a, b): c
with (a): b
with (a)(b) as (c, d): e
"##), @r"
    with a as b, (call c)
      d
    with a as b, c as d.e
      f
    with a, b
      c
    with a
      b
    with (call a b) as (tuple c d)
      e
    ");
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
"##), @r"
    try
      a
    except (tuple A B) as e
      b
    except C
      c
    except
      raise
    else
      d
    finally
      e
    try
      a
    except E as f
      b
    try
      a
    except (tuple A B)
      b
    c
    raise (call A b)
    none
    raise A
    ");
}

#[test]
fn small_statements() {
    insta::assert_snapshot!(check(r##"assert isinstance(x, A), f'{x}'
del a, b[0]
del (c, d)
return *a, b
pass; x; y
x,
"##), @r"
    assert (call isinstance x A)
    (format x)
    del a b[0]
    del (tuple c d)
    return (tuple *a b)
    x
    y
    (tuple x)
    ");
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
"##), @r#"
    $1 = (call command.split)
    if (? $1)
      action = $1[0]
      a
    else
      if (? $1 obj)
        action = $1[0]
        obj = $1[1]
        b
      else
        if (? $1 Point 0 Line)
          py = $1.y
          py = (? $1)
          c
        else
          if (? $1 "k")
            v = $1["k"]
            rest = $1
            d
          else
            if (? $1 Color.RED 1 none "a")
              e
            else
              if (? $1 A B)
                ab = $1
                f
              else
                if (? $1)
                  first = $1[0]
                  others = (? $1)
                  last = (? $1)
                  g
                else
                  h
    "#);
}

#[test]
fn match_a_name() {
    insta::assert_snapshot!(check(r##"match x:
    case 1: a
    case str(y): b
    case y: c
"##), @r"
    if (? x 1)
      a
    else
      if (? x str)
        y = (? x)
        b
      else
        y = x
        c
    ");
}

#[test]
fn match_a_tuple() {
    insta::assert_snapshot!(check(r##"match a, b:
    case c, (d, *_): e
"##), @r"
    $1 = (tuple a b)
    if (? $1)
      c = $1[0]
      d = $1[1][0]
      e
    ");
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
"##), @r#"
    (call print "a" b)
    (call print x file=f)
    (call exec code g)
    except_ = (? )
    raise (tuple E "m")
    try
      a
    except E as e
      b
    "#);
}

#[test]
fn soft_keywords_as_names() {
    insta::assert_snapshot!(check(r##"match = type(print)
type = match[0]
match(x)
print = 1
def f(type, match): pass
x.match
"##), @r"
    match = (call type print)
    type = match[0]
    (call match x)
    print = 1
    Function f(type, match) 5-5
    x.match
    ");
}

#[test]
fn attributes_of_a_type_are_no_alias() {
    insta::assert_snapshot!(check(r##"type(a).b = c
type(a, (b)).c[0] = d
type(x for x in y).z = 1
type(a)
"##), @r"
    (call type a).b = c
    (call type a b).c[0] = d
    (call type (generator <genexpr> () {for x in y; (yield x)})).z = 1
    (call type a)
    ");
}

#[test]
fn captures_deep_inside() {
    insta::assert_snapshot!(check(r##"match x:
    case A(b=[_, {"k": C(d=[[[[[e]]]]])}]): pass
"##), @r#"
    if (? x A "k" C)
      e = (? x.b[1]["k"].d[0][0][0])
    "#);
}
