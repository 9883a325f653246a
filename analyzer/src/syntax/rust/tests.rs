//! What comes out of a few lines of Rust, and what must never happen.

use proptest::prelude::*;

use super::super::facts::FileFacts;
use super::dump::dump;
use super::lower;

fn check(text: &str) -> String {
    match lower("a.rs", text) {
        Ok(facts) => dump(&facts),
        Err(error) => error.to_string(),
    }
}

#[test]
fn imports_keep_their_level() {
    let text = r##"
    use crate::model::{self, Model as M, score};
    use super::x::*;
    pub use self::io::read;
    use std::{fs, io::{Read, Write}};
    use serde;
    extern crate serde_json as json;
    mod io;
    mod m { use super::Cfg; use super::super::top; use self::inner::f; mod file; }
    "##;
    insta::assert_snapshot!(check(text), @r##"
    import crate (model)
    import crate.model (Model as M, score)
    import ..x (*)
    import .io (read)
    import std (fs)
    import std.io (Read, Write)
    import serde
    import serde_json as json
    import .io
    Class m
      import . (Cfg)
      import .. (top)
      import .m.inner (f)
      import .m.file as file
    "##);
}

#[test]
fn a_type_and_its_impls_are_one_class() {
    let text = r##"
    impl Display for Cfg { fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result { f.write_str(Self::NAME) } }
    /// A config.
    #[derive(Clone, Debug)]
    struct Cfg { rows: Vec<Foo>, store: Box<dyn Store + Send>, cb: fn(u8) -> bool }
    impl Cfg { const NAME: &str = "cfg"; pub fn new(rows: Vec<Foo>) -> Self { Self { rows, ..Default::default() } } }
    impl<T> From<Vec<T>> for other::Place<T> { fn from(v: Vec<T>) -> Self { v } }
    impl<T: Run> Step for T {}
    "##;
    insta::assert_snapshot!(check(text), @r##"
    Class Cfg < Display
      Function Cfg::fmt(self: Cfg, f: Formatter) -> fmt.Result
        return f.write_str(Cfg.NAME)
    @derive(Clone, Debug)
    Class Cfg
      "A config."
      rows: Vec[Foo]
      store: Box[Store]
      cb: fn[([u8], bool)]
      NAME: str = "cfg"
      Function Cfg::new(rows: Vec[Foo]) -> Cfg
        return Cfg(rows=rows, **Default.default())
    Class Place < From[Vec[impl[opaque()]]]
      Function Place::from(v: Vec[impl[opaque()]]) -> other.Place
        return v
    Class <T> < Step
    "##);
}

#[test]
fn variants_belong_to_their_enum() {
    let text = r##"
    enum Msg { Ping, Code = 3, Load(String), Save { path: PathBuf } }
    trait Stage: Run + Send { type Out: Table; fn go(&self) -> Result<Self::Out, Error>; }
    "##;
    insta::assert_snapshot!(check(text), @r##"
    Class Msg
      Ping: Msg
      Code: Msg = 3
      Class Msg::Load < Msg
        0: String
      Class Msg::Save < Msg
        path: PathBuf
    Class Stage < Run
      Out: Table
      Function Stage::go(self: Stage) -> Result[(Stage.Out, Error)]
    "##);
}

#[test]
fn test_code_is_left_out() {
    let text = r##"
    #[cfg(test)] mod tests { fn t() {} }
    #[test] fn t() {}
    #[cfg(all(test, unix))] use a::b;
    #[cfg(not(test))] fn kept() {}
    "##;
    insta::assert_snapshot!(check(text), @"Function kept()");
}

#[test]
fn attributes_are_decorators() {
    let text = r##"
    /// Answers.
    /// Twice.
    #[get("/x", name = "y")]
    #[inline]
    async fn handler(State(db): State<Db>, n: u32) -> Result<Json<Row>, Error> { Ok(db.load(n).await?) }
    "##;
    insta::assert_snapshot!(check(text), @r##"
    @get("/x", name="y")
    async Function handler($1: State[Db], n: u32) -> Result[(Json[Row], Error)]
      "Answers.\nTwice."
      db = $1
      return Ok(await await db.load(n))
    "##);
}

#[test]
fn inline_modules_and_nested_functions_are_qualified() {
    let text = r##"
    mod m { pub fn f() { g(); fn g() {} } }
    fn main() { m::f(); let c = |x: u32| x + 1; c(2); }
    "##;
    insta::assert_snapshot!(check(text), @r##"
    Class m
      Function m::f()
        Function m::f::g()
        g()
    Function main()
      m.f()
      c = |(x: u32)| { return (x Add 1) }
      c(2)
    "##);
}

#[test]
fn branches_return_what_the_function_does() {
    let text = r##"
    fn f(x: Option<u8>) -> u8 { if let Some(y) = x.next() { y } else { return 0 } }
    fn g(n: u8) -> u8 { let k = if n > 1 { 2 } else { 3 }; let l = if k < 2 { log(); 1 } else { 2 }; l }
    "##;
    insta::assert_snapshot!(check(text), @r##"
    Function f(x: Option[u8]) -> u8
      $1 = x.next()
      if ($1 Is Some)
        y = $1
        return y
      else
        return 0
    Function g(n: u8) -> u8
      k = (2 if (n Gt 1) else 3)
      if (k Lt 2)
        log()
        $2 = 1
      else
        $2 = 2
      l = $2
      return l
    "##);
}

#[test]
fn match_arms_stand_one_inside_the_other() {
    let text = r##"
    fn f(m: Msg) { match m { Msg::Ping => one(), Msg::Load(p) if p.ok() => two(p), Msg::Save { path, .. } => three(path), "x" | "y" => {}, other => four(other) } }
    "##;
    insta::assert_snapshot!(check(text), @r##"
    Function f(m: Msg)
      if (m Eq Msg.Ping)
        return one()
      else
        $1: Msg.Load = m
        p = $1.0
        if either((m Is Msg.Load), p.ok())
          return two(p)
        else
          if (m Is Msg.Save)
            $2: Msg.Save = m
            path = $2.path
            return three(path)
          else
            if either((m Eq "x"), (m Eq "y"))
            else
              other = m
              return four(other)
    "##);
}

#[test]
fn let_else_tests_then_binds() {
    let text = r##"
    fn f() { let Some((a, b)) = pair() else { return }; let Point { x, y: z } = p; let [h, rest @ ..] = v; let n: u8; }
    "##;
    insta::assert_snapshot!(check(text), @r##"
    Function f()
      $1 = pair()
      if either(($1 Is Some), opaque($1))
      else
        return
      (a, b) = $1
      $2: Point = p
      x = $2.x
      z = $2.y
      [h, *rest] = v
      n: u8
    "##);
}

#[test]
fn loops_give_their_break_value() {
    let text = r##"
    fn f() { let r = 'a: loop { while let Some(x) = it.next() { if x { break 'a x; } } }; for (i, Row { id, .. }) in rows.iter().enumerate() { n += id; } }
    "##;
    insta::assert_snapshot!(check(text), @r##"
    Function f()
      while true
        while ($4 := it.next())
          x = $4
          if x
            $2 = x
      $1 = $2
      r = $1
      for (i, $6) in rows.iter().enumerate()
        $7: Row = $6
        id = $7.id
        n Add= id
    "##);
}

#[test]
fn blocks_are_hoisted_through_temporaries() {
    let text = r##"
    fn f() { let r = { let a = 1; a + 2 }; run(unsafe { prepare(); get() }, async move { work().await }); }
    "##;
    insta::assert_snapshot!(check(text), @r##"
    Function f()
      a = 1
      $1 = (a Add 2)
      r = $1
      prepare()
      $2 = get()
      run($2, |()| { return await work() }())
    "##);
}

#[test]
fn macros_are_calls() {
    let text = r##"
    fn f() { println!("a {x} {}", y + 1); let s = format!("{0:>3}{{}}{n}", a, n = b); vec![1, 2]; json!({"a": n, "b": [f(2), null]}); sqlx::query!("select 1", id); odd!(a => b, c(1); d); assert!(ok(s)); panic!("no {s}") }
    lazy_static! { static ref POOL: Pool = Pool::new(); }
    "##;
    insta::assert_snapshot!(check(text), @r##"
    Function f()
      println!(f{"a ", x, " ", (y Add 1)})
      s = f{a, "{}", b}
      [1, 2]
      json!({"a": n, "b": [f(2), ()]})
      sqlx.query!("select 1", id)
      odd!(opaque(a, b, c(1), d))
      assert ok(s)
      raise panic!(f{"no ", s})
    POOL: Pool = Pool.new()
    "##);
}

#[test]
fn values_keep_their_shape() {
    let text = r##"
    fn f() { xs[1..n].iter().map(|(a, b)| a * b).collect::<Vec<_>>(); -(x as i64) & !*y; a && b || c; (1_000u32, 1.5, 'c', b"x", ()); [0; 3]; <T as Step>::run(&mut t); s.0 = 1; }
    "##;
    insta::assert_snapshot!(check(text), @r##"
    Function f()
      xs[1:n].iter().map(|($1)| { (a, b) = $1; return (a Mul b) }).collect()
      (Neg x BitAnd Not y)
      either(either(a, b), c)
      (1000, 1.5, "c", b"…", ())
      [0]
      T[Step].run(t)
      s.0 = 1
    "##);
}

#[test]
fn a_broken_file_says_where() {
    insta::assert_snapshot!(check("fn f() {\n    let = 1;\n}"), @"does not parse at 2:9");
    insta::assert_snapshot!(check("fn f() {\n  (]\n}"), @"does not parse at 2:4");
}

#[test]
fn a_mark_and_an_interpreter_line_move_nothing() {
    let facts = lower("a.rs", "\u{feff}#!/usr/bin/env run\nfn f() {}\n").expect("it parses");
    assert_eq!(facts.scopes[1].line, 2);
}

pub(super) fn assert_sound(facts: &FileFacts) {
    let n_exprs = facts.exprs.len() as u32;
    for (id, scope) in facts.scopes() {
        match scope.parent {
            Some(parent) => assert!(parent < id),
            None => assert_eq!(id.0, 0),
        }
        assert!(scope.decorators.iter().all(|expr| expr.0 < n_exprs));
        assert!(scope.bases.iter().all(|base| base.expr.0 < n_exprs));
    }
    for (idx, expr) in facts.exprs.iter().enumerate() {
        assert!(expr.line > 0 && expr.column > 0);
        expr.kind.parts(|part| assert!((part.0 as usize) < idx));
    }
}

const SAMPLE: &str = r##"
use crate::model::{self, Model as M, score};
use super::x::*;
pub use self::io::read;
use std::{fs, io::{Read, Write}};
use serde;
extern crate serde_json as json;
mod io;
mod m { use super::Cfg; use super::super::top; use self::inner::f; mod file; }

impl Display for Cfg { fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result { f.write_str(Self::NAME) } }
/// A config.
#[derive(Clone, Debug)]
struct Cfg { rows: Vec<Foo>, store: Box<dyn Store + Send>, cb: fn(u8) -> bool }
impl Cfg { const NAME: &str = "cfg"; pub fn new(rows: Vec<Foo>) -> Self { Self { rows, ..Default::default() } } }
impl<T> From<Vec<T>> for other::Place<T> { fn from(v: Vec<T>) -> Self { v } }
impl<T: Run> Step for T {}

enum Msg { Ping, Code = 3, Load(String), Save { path: PathBuf } }
trait Stage: Run + Send { type Out: Table; fn go(&self) -> Result<Self::Out, Error>; }

#[cfg(test)] mod tests { fn t() {} }
#[test] fn t() {}
#[cfg(all(test, unix))] use a::b;
#[cfg(not(test))] fn kept() {}

/// Answers.
/// Twice.
#[get("/x", name = "y")]
#[inline]
async fn handler(State(db): State<Db>, n: u32) -> Result<Json<Row>, Error> { Ok(db.load(n).await?) }

mod m { pub fn f() { g(); fn g() {} } }
fn main() { m::f(); let c = |x: u32| x + 1; c(2); }

fn f(x: Option<u8>) -> u8 { if let Some(y) = x.next() { y } else { return 0 } }
fn g(n: u8) -> u8 { let k = if n > 1 { 2 } else { 3 }; let l = if k < 2 { log(); 1 } else { 2 }; l }

fn f(m: Msg) { match m { Msg::Ping => one(), Msg::Load(p) if p.ok() => two(p), Msg::Save { path, .. } => three(path), "x" | "y" => {}, other => four(other) } }

fn f() { let Some((a, b)) = pair() else { return }; let Point { x, y: z } = p; let [h, rest @ ..] = v; let n: u8; }

fn f() { let r = 'a: loop { while let Some(x) = it.next() { if x { break 'a x; } } }; for (i, Row { id, .. }) in rows.iter().enumerate() { n += id; } }

fn f() { let r = { let a = 1; a + 2 }; run(unsafe { prepare(); get() }, async move { work().await }); }

fn f() { println!("a {x} {}", y + 1); let s = format!("{0:>3}{{}}{n}", a, n = b); vec![1, 2]; json!({"a": n, "b": [f(2), null]}); sqlx::query!("select 1", id); odd!(a => b, c(1); d); assert!(ok(s)); panic!("no {s}") }
lazy_static! { static ref POOL: Pool = Pool::new(); }

fn f() { xs[1..n].iter().map(|(a, b)| a * b).collect::<Vec<_>>(); -(x as i64) & !*y; a && b || c; (1_000u32, 1.5, 'c', b"x", ()); [0; 3]; <T as Step>::run(&mut t); s.0 = 1; }
"##;

#[test]
fn the_sample_is_sound() {
    assert_sound(&lower("a.rs", SAMPLE).expect("it parses"));
}

proptest! {
    #[test]
    fn mangled_text_never_panics(cuts in prop::collection::vec((0..SAMPLE.len(), 0..40usize, ".{0,3}"), 1..4)) {
        let mut text: Vec<char> = SAMPLE.chars().collect();
        for (at, n_gone, put) in cuts {
            let at = at.min(text.len());
            let end = (at + n_gone).min(text.len());
            text.splice(at..end, put.chars());
        }
        let text: String = text.into_iter().collect();
        if let Ok(facts) = lower("a.rs", &text) {
            assert_sound(&facts);
        }
    }

    #[test]
    fn lines_left_out_leave_sound_facts(kept in prop::collection::vec(any::<bool>(), SAMPLE.lines().count())) {
        let lines = SAMPLE.lines().zip(kept).filter(|(_, kept)| *kept);
        let text: Vec<&str> = lines.map(|(line, _)| line).collect();
        let facts = lower("a.rs", &text.join("\n")).expect("every line stands alone");
        assert_sound(&facts);
    }
}
