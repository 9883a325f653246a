//! What macros of the tree become, and what they must never do.

use proptest::prelude::*;

use super::super::dump::dump;
use super::super::{FileMacros, Macros, lower, lower_in};

fn check(text: &str) -> String {
    match lower("a.rs", text) {
        Ok(facts) => dump(&facts),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_call_is_a_value() {
    let text = r##"
    macro_rules! twice { ($x:expr) => { $x * 2 }; ($x:expr, $($rest:expr),+ $(,)?) => { twice!($x) + twice!($($rest),+) }; }
    fn f() -> u8 { let a = twice!(b + 1); twice!(g(1), h(2), i) }
    "##;
    insta::assert_snapshot!(check(text), @r##"
    Function f() -> u8
      a = ((b Add 1) Mul 2)
      return ((g(1) Mul 2) Add ((h(2) Mul 2) Add (i Mul 2)))
    "##);
}

#[test]
fn a_call_is_statements() {
    let text = r##"
    macro_rules! timed { ($name:literal, $body:block) => { let start = now(); let out = $body; record($name, start); out }; }
    fn f() { let r = timed!("load", { load()? }); timed!("save", { save(r) }) }
    "##;
    insta::assert_snapshot!(check(text), @r##"
    Function f()
      start·1 = now()
      $2 = await load()
      out·1 = $2
      record("load", start·1)
      $1 = out·1
      r = $1
      start·2 = now()
      $3 = save(r)
      out·2 = $3
      record("save", start·2)
      return out·2
    "##);
}

#[test]
fn a_call_is_items() {
    let text = r##"
    macro_rules! model {
        ($(#[$meta:meta])* $vis:vis struct $name:ident { $($field:ident : $ty:ty = $default:expr),* $(,)? }) => {
            $(#[$meta])* $vis struct $name { $($field: $ty),* }
            impl Default for $name { fn default() -> Self { $name { $($field: $default),* } } }
            impl $name { $( pub fn $field(&self) -> &$ty { &self.$field } )* }
        };
    }
    model! {
        /// A row.
        #[derive(Clone)]
        pub struct Row { id: u64 = next_id(), tags: Vec<String> = Vec::new(), }
    }
    impl Row { fn save(&self) {} }
    "##;
    insta::assert_snapshot!(check(text), @r##"
    @derive(Clone)
    Class Row
      "A row."
      id: u64
      tags: Vec[String]
      Function Row::id(self: Row) -> u64
        return self.id
      Function Row::tags(self: Row) -> Vec[String]
        return self.tags
      Function Row::save(self: Row)
    Class Row < Default
      Function Row::default() -> Row
        return Row(id=next_id(), tags=Vec.new())
    "##);
}

#[test]
fn members_come_from_macros() {
    let text = r##"
    macro_rules! getters { ($($name:ident),*) => { $( fn $name(&self) -> u8 { self.load(stringify!($name)) } )* } }
    struct S;
    impl S { getters!(a, b); fn c(&self) {} }
    "##;
    insta::assert_snapshot!(check(text), @r##"
    Class S
      Function S::a(self: S) -> u8
        return self.load("a")
      Function S::b(self: S) -> u8
        return self.load("b")
      Function S::c(self: S)
    "##);
}

#[test]
fn every_kind_of_fragment() {
    let text = r##"
    macro_rules! all {
        (block $x:block) => { $x };
        (item $x:item) => { fn made() { $x inner() } };
        (lifetime $x:lifetime) => { $x: loop { break $x } };
        (literal $x:literal $y:literal) => { lit($x, $y) };
        (pat $x:pat => $y:expr) => { match $y { $x => yes(), _ => no() } };
        (param $x:pat_param | $y:expr) => { if let $x = $y { yes() } };
        (path $x:path) => { $x() };
        (stmt $($x:stmt);*) => { $($x;)* };
        (tt $($x:tt)*) => { $($x)* };
        (ty $x:ty) => { <$x>::new() };
        (vis $x:vis $n:ident) => { $x fn $n() {} };
        (sum $($x:expr)=>+) => { 0 $(+ $x)+ };
        (rows $($( $x:ident )+ : $n:expr);* ) => { $( row($n, [$($x),+]); )* };
        (opt $(= $x:ident)? end) => { opt($($x)?) };
    }
    all!(item struct Inner;);
    all!(vis pub(crate) seen);
    fn f() {
        all!(block { a(); b() });
        all!(lifetime 'l);
        all!(literal -1 "x");
        all!(pat Some(1 | 2) => z);
        all!(param Ok(k) | go());
        all!(path a::b);
        all!(stmt let q: u8 = 1; q += 2);
        all!(tt x.y(1, 2, 'a'));
        all!(tt x::<Vec<u8>>(&&y) >>= 2);
        all!(ty Vec<u8>);
        all!(sum 1 + 1 => 2);
        all!(rows a b : 1; c : 2);
        all!(opt end); all!(opt = x end);
    }
    "##;
    insta::assert_snapshot!(check(text), @r##"
    Function made()
      Class made::Inner
      return inner()
    Function seen()
    Function f()
      a()
      b()
      while true
      lit(Neg 1, "x")
      if either((z Is Some), either((z Eq 1), (z Eq 2)))
        yes()
      else
        no()
      $2 = go()
      if ($2 Is Ok)
        k = $2
        yes()
      a.b()
      q: u8 = 1
      q Add= 2
      x.y(1, 2, "a")
      x(y) Shr= 2
      Vec.new()
      ((0 Add (1 Add 1)) Add 2)
      row(1, [a, b])
      row(2, [c])
      opt()
      opt(x)
    "##);
}

#[test]
fn macros_call_and_define_macros() {
    let text = r##"
    macro_rules! outer { ($name:ident) => { macro_rules! $name { ($x:expr) => { $crate::used($x) } } } }
    macro_rules! info { ($($t:tt)*) => { tracing::info!($($t)*) } }
    macro_rules! callback { ($cb:ident, $($t:tt)*) => { $cb!{ $($t)* } } }
    macro_rules! made { ($x:expr) => { done($x) } }
    fn f() { outer!(inner); inner!(1); info!("n {}", g()); callback!(made, 1 + 2); }
    "##;
    insta::assert_snapshot!(check(text), @r##"
    Function f()
      crate.used(1)
      tracing.info!(f{"n ", g()})
      done((1 Add 2))
    "##);
}

#[test]
fn the_latest_definition_above_holds() {
    let text = "
    fn f() { macro_rules! m { () => { first() } }
      m!(); }
    fn g() { macro_rules! m { () => { second() } }
      m!(); }";
    insta::assert_snapshot!(check(text), @r##"
    Function f()
      first()
    Function g()
      second()
    "##);
}

#[test]
fn tokens_of_a_macro_stand_at_its_call() {
    let text = "macro_rules! m {\n  ($x:expr) => { { a();\n b($x) } };\n}\nfn f() {\n  m!(\n    c()\n  );\n}\nmacro_rules! n {\n ($n:ident) => { fn $n() {} }\n}\nn!(made);\n";
    let facts = lower("a.rs", text).unwrap();
    let lines: Vec<(u32, u32)> = facts
        .scopes
        .iter()
        .map(|scope| (scope.line, scope.end_line))
        .collect();
    assert_eq!(lines, [(1, 13), (5, 9), (13, 13)]);
    let lines: Vec<u32> = facts.scopes[1].body.iter().map(|stmt| stmt.line).collect();
    assert_eq!(lines, [6, 6]);
    let argument = facts.exprs.iter().find(|expr| expr.line == 7);
    assert_eq!(argument.unwrap().column, 5);
}

#[test]
fn what_a_macro_binds_is_not_its_callers() {
    let text = r##"
    macro_rules! best { ($x:expr, $y:expr) => { { let (a, mut b) = ($x, $y); b.grow(); if a > b { a } else { b } } } }
    fn f() { let a = load(); let c = best!(a, 1); a.go(c); }
    "##;
    insta::assert_snapshot!(check(text), @r##"
    Function f()
      a = load()
      (a·1, b·1) = (a, 1)
      b·1.grow()
      if (a·1 Gt b·1)
        $1 = a·1
      else
        $1 = b·1
      c = $1
      a.go(c)
    "##);
}

fn tree(files: &[(&str, &str)]) -> Macros {
    let read = files
        .iter()
        .map(|(path, text)| FileMacros::read(path, text));
    Macros::new(read)
}

fn check_in(path: &str, text: &str, files: &[(&str, &str)]) -> String {
    let macros = tree(files);
    let facts = std::thread::scope(|scope| {
        let lowering = scope.spawn(|| lower_in(path, text, &macros));
        lowering.join().unwrap()
    });
    dump(&facts.unwrap())
}

#[test]
fn macros_of_other_files_are_found_nearest_first() {
    let files = [
        (
            "a/src/macros.rs",
            "macro_rules! m { () => { near() } } macro_rules! vec { () => { never() } }",
        ),
        (
            "b/src/lib.rs",
            "#[macro_export] macro_rules! m { () => { far() } } #[macro_export] macro_rules! only { ($e:expr) => { $crate::help($e) } }",
        ),
        (
            "b/src/other.rs",
            "broken ( macro_rules! m { () => { broken() } }",
        ),
    ];
    let text = "macro_rules! own { () => { own() } } fn f() { m!(); own!(); only!(1); b::only!(2); vec![]; }";
    insta::assert_snapshot!(check_in("a/src/bin/x.rs", text, &files), @r##"
    Function f()
      near()
      own()
      crate.help(1)
      crate.help(2)
      []
    "##);
    insta::assert_snapshot!(check_in("b/x.rs", "fn f() { m!(); }", &files), @r##"
    Function f()
      far()
    "##);
    let own = "macro_rules! vec { ($x:expr) => { mine($x) } } fn f() { vec![1]; std::vec![1]; }";
    insta::assert_snapshot!(check_in("a/src/y.rs", own, &files), @r##"
    Function f()
      mine(1)
      [1]
    "##);
}

/// Macros that are wrong, never end, or make too much; each is called with `g()`.
const BAD: &[&str] = &[
    "macro_rules! m { ($x:expr) => { m!($x) } }",
    "macro_rules! m { ($x:expr) => { 1 + m!($x) } }",
    "macro_rules! m { ($x:expr) => { m!($x) + m!($x) } }",
    "macro_rules! m { ($x:expr) => { { fn h() { m!($x) } m!($x) } } }",
    "macro_rules! m { ($x:expr) => { m!(($x, $x)) } }",
    "macro_rules! m { ($x:expr) => { m!(m!($x)) } }",
    "macro_rules! m { ($($x:tt)*) => { m!($($x)* $($x)*) } }",
    "macro_rules! m { ($x:expr) => { n!($x) } } macro_rules! n { ($x:expr) => { m!($x) } }",
    "macro_rules! m { ($x:expr) => { fn } }",
    "macro_rules! m { ($x:expr) => { $($x)* } }",
    "macro_rules! m { ($($x:expr),*) => { $x } }",
    "macro_rules! m { ($x:expr) => { => } }",
    "macro_rules! m { ($x:what) => { 1 } }",
    "macro_rules! m { ($x:expr) }",
    "macro_rules! m { $x => 1 }",
    "macro_rules! m { ($($x:expr)) => { 1 } }",
    "macro_rules! m { ($x:ident) => { 1 } }",
    "macro_rules! m { () => {} }",
    "macro_rules! m {}",
    "macro_rules! m { ($()*) => { $()* } }",
    "macro_rules! m { ($($($($x:tt)*)*)*) => { $($($($x)*)*)* } }",
];

#[test]
fn bad_macros_cost_only_themselves() {
    on_stack(|| {
        for bad in BAD {
            let text = format!(
                "{bad} macro_rules! ok {{ ($x:expr) => {{ fine($x) }} }} fn f() {{ m!(g()); ok!(1); }} m!(g());"
            );
            let out = check(&text);
            assert!(out.contains("g()"), "{bad}: {out}");
            assert!(out.contains("fine(1)"), "{bad}: {out}");
        }
    });
}

#[test]
fn a_macro_that_never_ends_is_not_expanded_at_all() {
    on_stack(|| {
        let text = "macro_rules! m { ($x:expr) => { 1 + m!($x) } } fn f() { a(); m!(g()); b(); }";
        insta::assert_snapshot!(check(text), @r##"
        Function f()
          a()
          m!(g())
          b()
        "##);
    });
}

#[test]
fn matching_takes_no_more_than_its_steps() {
    on_stack(|| {
        let long = "a ".repeat(2_000);
        let nested = "$(".repeat(40) + "$x:ident" + &" end )*".repeat(40);
        let rules = "($($x:expr;)* never) => { 1 };".repeat(300);
        for (rules, args) in [
            (format!("({nested}) => {{ 1 }};"), long.clone()),
            (rules, "1 + 1;".repeat(2_000)),
            (
                "($($x:tt)*) => { $($x $x $x $x)* };".to_owned(),
                "a, ".repeat(50_000),
            ),
            (
                "($($x:ident)*) => { [$($x),*] };".to_owned(),
                "a ".repeat(100_000),
            ),
        ] {
            let text = format!("macro_rules! m {{ {rules} }} fn f() {{ m!({args}); after(); }}");
            assert!(check(&text).contains("after()"));
        }
        let calls = "m!(g());".repeat(300);
        let text = format!("{} fn f() {{ {calls} after(); }}", BAD[2]);
        assert!(check(&text).contains("after()"));
    });
}

#[test]
fn depth_is_bounded_in_what_macros_make() {
    on_stack(|| {
        let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(60), close.repeat(60));
        for (open, close) in [
            ("(", ")"),
            ("[", "]"),
            ("{", "}"),
            ("!", ""),
            ("f(", ")"),
            ("1 + ", ""),
        ] {
            let wrap = deep(open, close).replace('1', "$x");
            for n_rules in [1, 4, 20] {
                let calls = "m!(".repeat(n_rules) + "g()" + &")".repeat(n_rules);
                let text = format!(
                    "macro_rules! m {{ ($x:expr) => {{ {wrap} }} }} fn f() {{ {calls}; after(); }}"
                );
                assert!(check(&text).contains("after()"));
            }
            let again = format!(
                "macro_rules! m {{ ($x:expr) => {{ m!({open}$x{close}) }} }} fn f() {{ m!(g()); after(); }}"
            );
            assert!(check(&again).contains("after()"));
        }
    });
}

/// Runs `test` where what is accepted fits.
fn on_stack(test: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(16 << 20);
    thread.spawn(test).unwrap().join().unwrap();
}

/// Tokens that macros are made of.
const TOKENS: &[&str] = &[
    "$x",
    "$y",
    "$(",
    ")*",
    "),+",
    ")?",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    ":expr",
    ":tt",
    ":ident",
    ":ty",
    ":pat",
    ":stmt",
    ":item",
    ":literal",
    ":vis",
    "=>",
    ";",
    ",",
    "m!",
    "n!(",
    "fn",
    "let",
    "a",
    "b",
    "=",
    "1",
    "\"t\"",
    "'l",
    "+",
    "::",
    "$crate",
    "macro_rules!",
    "struct",
    "|",
    "&",
    ".",
    "match",
    "if",
    "r#fn",
    "#",
    "..=",
    "_",
];

fn tokens() -> impl Strategy<Value = String> {
    let words = prop::collection::vec(prop::sample::select(TOKENS), 0..24);
    words.prop_map(|words| balanced(&words))
}

/// `words` with every delimiter closed, so that they reach the expander.
fn balanced(words: &[&str]) -> String {
    let mut text = String::new();
    let mut open = Vec::new();
    for word in words {
        let close = word.chars().find(|symbol| ")]}".contains(*symbol));
        if let Some(close) = close {
            if open.last() != Some(&close) {
                continue;
            }
            open.pop();
        }
        match word.chars().last() {
            Some('(') => open.push(')'),
            Some('[') => open.push(']'),
            Some('{') => open.push('}'),
            _ => {}
        }
        text.push_str(word);
        text.push(' ');
    }
    text.extend(open.iter().rev());
    text
}

proptest! {
    #[test]
    fn random_macros_never_panic(
        matchers in prop::collection::vec((tokens(), tokens()), 1..4),
        args in prop::collection::vec(tokens(), 1..4),
    ) {
        let rules: Vec<String> = matchers.iter().map(|(matcher, body)| format!("({matcher}) => {{{body}}}")).collect();
        let calls: Vec<String> = args.iter().map(|args| format!("m!({args});")).collect();
        let (rules, calls) = (rules.join(";"), calls.join(" "));
        let text = format!("macro_rules! m {{ {rules} }} macro_rules! n {{ ($($x:tt)*) => {{ m!($($x)*) }} }} {calls} fn f() {{ {calls} }} impl S {{ {calls} }}");
        on_stack(move || {
            if let Ok(facts) = lower("a.rs", &text) {
                super::super::tests::assert_sound(&facts);
                dump(&facts);
            }
        });
    }
}
