//! Calls and flows of Rust code, from small crates.

use crate::graph::Certainty;
use crate::{Analysis, Catalog, Options, SourceTree};

const MANIFEST: &str = "[package]\nname = \"app\"";

pub(super) fn examined(files: &[(&str, &str)]) -> Analysis {
    let options = Options {
        catalog: Catalog::built_in(),
        pins: Vec::new(),
    };
    let tree = SourceTree::from_texts("tree", files.iter().copied());
    let analysis = crate::examine(&tree, &options);
    assert!(analysis.skipped.is_empty(), "{:?}", analysis.skipped);
    analysis
}

/// Callees of `caller`, with `?` after what only a name says.
pub(super) fn callees(analysis: &Analysis, caller: &str) -> Vec<String> {
    let name = |func| {
        let function = analysis.program.function(func);
        let facts = analysis.modules.facts(function.file);
        facts.scope(function.scope).qualname.to_string()
    };
    let calls = analysis.call_graph.calls.iter();
    let calls = calls.filter(|call| name(call.caller) == caller);
    let mut found: Vec<String> = calls
        .map(|call| match call.certainty {
            Certainty::Guessed => format!("{}?", name(call.callee)),
            _ => name(call.callee),
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

/// Callees of `caller` in a crate of one file.
fn called(text: &str, caller: &str) -> Vec<String> {
    let files = [("Cargo.toml", MANIFEST), ("src/main.rs", text)];
    callees(&examined(&files), caller)
}

#[test]
fn inherent_methods_win_over_those_of_traits() {
    let text = "
        struct Fat;
        trait Foo { fn run(&self); fn other(&self) {} }
        trait Bar { fn run(&self); }
        impl Fat { fn run(&self) {} fn new() -> Self { Fat } }
        impl Foo for Fat { fn run(&self) {} }
        impl Bar for Fat { fn run(&self) {} }
        fn own() { let fat = Fat::new(); fat.run(); fat.other(); }
        fn through() { let fat = Fat::new(); Foo::run(&fat); <Fat as Bar>::run(&fat); }
    ";
    assert_eq!(called(text, "own"), ["Fat::new", "Fat::run", "Foo::other"]);
    let through = called(text, "through");
    assert_eq!(
        through,
        ["<Fat as Bar>::run", "<Fat as Foo>::run", "Fat::new"]
    );
}

#[test]
fn a_trait_object_may_be_any_implementer() {
    let text = "
        trait Scorer { fn score(&self) -> f64; }
        struct Linear; struct Forest;
        impl Scorer for Linear { fn score(&self) -> f64 { 1.0 } }
        impl Scorer for Forest { fn score(&self) -> f64 { 2.0 } }
        struct App { scorer: Box<dyn Scorer> }
        impl App { fn ask(&self) -> f64 { self.scorer.score() } }
        fn all(scorers: &[Box<dyn Scorer>]) -> f64 { scorers.iter().map(|s| s.score()).sum() }
    ";
    for caller in ["App::ask", "all"] {
        assert_eq!(
            called(text, caller),
            ["Forest::score", "Linear::score"],
            "{caller}"
        );
    }
}

#[test]
fn a_bounded_type_is_what_callers_pass() {
    let text = "
        trait Scorer { fn score(&self) -> f64; }
        struct Linear { a: f64 } struct Forest;
        impl Scorer for Linear { fn score(&self) -> f64 { self.a } }
        impl Scorer for Forest { fn score(&self) -> f64 { 2.0 } }
        fn ask<T: Scorer>(scorer: &T) -> f64 { scorer.score() }
        fn asked(scorer: impl Scorer) -> f64 { scorer.score() }
        fn whoever<S>(scorer: S) -> f64 where S: Scorer { scorer.score() }
        fn main() { let linear = Linear { a: 1.0 }; ask(&linear); asked(linear); }
    ";
    assert_eq!(called(text, "ask"), ["Linear::score"]);
    assert_eq!(called(text, "asked"), ["Linear::score"]);
    assert_eq!(called(text, "whoever"), ["Forest::score", "Linear::score"]);
}

#[test]
fn impls_belong_to_their_type_wherever_they_stand() {
    let files = [
        ("Cargo.toml", MANIFEST),
        (
            "src/main.rs",
            "mod shapes; mod areas; use shapes::Round;\nfn main() { Round { r: 1.0 }.area(); Round::unit().grow(); }",
        ),
        (
            "src/shapes.rs",
            "pub struct Round { pub r: f64 } impl Round { pub fn unit() -> Round { Round { r: 1.0 } } }",
        ),
        (
            "src/areas.rs",
            "use crate::shapes::Round;\nimpl Round { pub fn area(&self) -> f64 { self.r } }\nimpl super::shapes::Round { pub fn grow(&self) {} }",
        ),
    ];
    let found = callees(&examined(&files), "main");
    assert_eq!(found, ["Round::area", "Round::grow", "Round::unit"]);
}

#[test]
fn paths_lead_over_crates_files_and_reexports() {
    let files = [
        (
            "Cargo.toml",
            "[workspace]\nmembers = [\"core\", \"app\"]\n[workspace.dependencies]\nmy-core = { path = \"core\" }",
        ),
        ("core/Cargo.toml", "[package]\nname = \"my-core\""),
        (
            "core/src/lib.rs",
            "mod deep;\npub use deep::inner::load;\npub mod text { pub fn trim() { super::helper() } }\nfn helper() {}",
        ),
        ("core/src/deep/mod.rs", "pub mod inner;"),
        (
            "core/src/deep/inner.rs",
            "pub fn load() { self::own(); super::super::helper_of_root() }\nfn own() {}",
        ),
        (
            "app/Cargo.toml",
            "[package]\nname = \"app\"\n[dependencies]\nmy-core = { workspace = true }\nrenamed = { package = \"my-core\", path = \"../core\" }",
        ),
        (
            "app/src/main.rs",
            "use my_core::{load, text};\nfn main() { load(); text::trim(); app::of_own_library(); renamed::load(); config::read(); }",
        ),
        ("app/src/lib.rs", "pub fn of_own_library() {}"),
        ("config/src/lib.rs", "pub fn read() {}"),
    ];
    let analysis = examined(&files);
    assert_eq!(
        callees(&analysis, "main"),
        ["load", "of_own_library", "text::trim"]
    );
    assert_eq!(callees(&analysis, "load"), ["own"]);
    assert_eq!(callees(&analysis, "text::trim"), ["helper"]);
}

#[test]
fn names_of_an_inline_module_are_its_own() {
    let text = "
        fn twice() {}
        mod inner { fn twice() {} pub fn go() { twice(); super::twice(); } pub mod deeper { pub fn up() { super::go() } } }
        fn main() { inner::go(); inner::deeper::up(); }
    ";
    assert_eq!(called(text, "inner::go"), ["inner::twice", "twice"]);
    assert_eq!(called(text, "inner::deeper::up"), ["inner::go"]);
    assert_eq!(called(text, "main"), ["inner::deeper::up", "inner::go"]);
}

#[test]
fn wrappers_are_what_they_hold() {
    let text = "
        use std::sync::{Arc, Mutex, OnceLock, LazyLock};
        struct Model; impl Model { fn predict(&self) {} fn load() -> Result<Option<Self>, String> { Ok(Some(Model)) } }
        static MODEL: LazyLock<Mutex<Model>> = LazyLock::new(|| Mutex::new(Model));
        struct State { live: Arc<Mutex<Option<Model>>> }
        fn a(state: &State) { let live = state.live.lock().unwrap(); live.as_ref().unwrap().predict(); }
        fn b() -> Result<(), String> { let model = Model::load()?.ok_or(\"none\")?; model.clone().predict(); Ok(()) }
        fn c() { MODEL.lock().unwrap().predict(); }
        fn d() { if let Ok(Some(model)) = Model::load() { model.predict(); } }
        fn e() { Arc::new(Model).predict(); Box::new(Model).predict() }
        fn f() { Model::load().unwrap().map(|model| model.predict()); }
    ";
    for caller in ["a", "c", "e"] {
        assert_eq!(called(text, caller), ["Model::predict"], "{caller}");
    }
    for caller in ["b", "d", "f"] {
        assert_eq!(
            called(text, caller),
            ["Model::load", "Model::predict"],
            "{caller}"
        );
    }
}

#[test]
fn elements_pass_through_iterator_chains() {
    let text = "
        use std::collections::HashMap;
        struct Row; impl Row { fn clean(self) -> Row { self } fn ok(&self) -> bool { true } fn key(&self) -> f64 { 0.0 } }
        fn read() -> Vec<Row> { Vec::new() }
        fn a() -> Vec<Row> { read().into_iter().filter(|r| r.ok()).map(|r| r.clean()).collect() }
        fn b(rows: &[Row]) { for (i, row) in rows.iter().enumerate() { row.ok(); } }
        fn c(rows: HashMap<String, Row>) { for (name, row) in &rows { row.ok(); } rows.values().next().unwrap().key(); }
        fn d() { let mut by = HashMap::new(); by.insert(1, Row); by.entry(2).or_insert(Row).ok(); by.get(&1).unwrap().key(); }
        fn e() { let mut rows = Vec::new(); rows.push(Row); rows.sort_by(|a, b| a.key().total_cmp(&b.key())); rows[0].ok(); }
        fn f(rows: Vec<Row>) { rows.iter().zip(rows.iter()).for_each(|(a, b)| { b.ok(); }); rows.iter().fold(0.0, |sum, row| sum + row.key()); }
        fn g(rows: Vec<Vec<Row>>) { rows.iter().flat_map(|part| part.iter()).any(|row| row.ok()); }
    ";
    assert_eq!(called(text, "a"), ["Row::clean", "Row::ok", "read"]);
    assert_eq!(called(text, "b"), ["Row::ok"]);
    assert_eq!(called(text, "g"), ["Row::ok"]);
    for caller in ["c", "d", "e", "f"] {
        assert_eq!(called(text, caller), ["Row::key", "Row::ok"], "{caller}");
    }
}

#[test]
fn functions_and_closures_are_values() {
    let text = "
        struct Row; impl Row { fn clean(&self) {} }
        fn one() {} fn two() {}
        fn run(f: fn()) { f() }
        fn run_any<F: Fn(&Row)>(f: F) { f(&Row) }
        struct Step { f: Box<dyn Fn()> }
        impl Step { fn go(&self) { (self.f)() } }
        fn main() {
            run(one); run_any(Row::clean); run_any(|row| row.clean());
            let step = Step { f: Box::new(two) }; step.go();
            let table = [one, two]; for f in table { f(); }
        }
    ";
    assert_eq!(called(text, "run"), ["one"]);
    assert_eq!(called(text, "run_any"), ["Row::clean"]);
    assert_eq!(called(text, "Step::go"), ["two"]);
    let main = called(text, "main");
    assert_eq!(
        main,
        ["Row::clean", "Step::go", "one", "run", "run_any", "two"]
    );
}

#[test]
fn conversions_operators_and_destructors_are_calls() {
    let text = "
        struct Raw; struct Clean; struct Failure;
        impl From<Raw> for Clean { fn from(raw: Raw) -> Clean { Clean } }
        impl From<std::io::Error> for Failure { fn from(e: std::io::Error) -> Failure { Failure } }
        impl std::ops::Add for Clean { type Output = Clean; fn add(self, other: Clean) -> Clean { self } }
        impl Drop for Raw { fn drop(&mut self) {} }
        fn a() { let clean: Clean = Raw.into(); clean + Clean; }
        fn b() -> Result<(), Failure> { std::fs::read(\"x\")?; Ok(()) }
        fn make() -> Raw { Raw {} }
        fn c(raw: Raw) { Clean::from(raw); }
    ";
    assert_eq!(called(text, "a"), ["Clean::add", "Clean::from"]);
    assert_eq!(called(text, "b"), ["Failure::from"]);
    assert_eq!(called(text, "c"), ["Clean::from"]);
    assert_eq!(called(text, "make"), ["Raw::drop"]);
}

#[test]
fn variants_of_an_enum_hold_what_they_were_made_with() {
    let text = "
        struct Login; impl Login { fn check(&self) {} }
        enum Event { In(Login), Out { login: Login }, Nothing }
        impl Event { fn act(&self) { match self { Event::In(login) => login.check(), Self::Out { login } => login.check(), Event::Nothing => {} } } }
        fn handle(event: Event) { use Event::*; if let In(login) = event { login.check() } }
    ";
    assert_eq!(called(text, "Event::act"), ["Login::check"]);
    assert_eq!(called(text, "handle"), ["Login::check"]);
}

#[test]
fn a_library_s_type_has_what_a_trait_of_the_tree_gives_it() {
    let text = "
        trait Clean { fn clean(&self) -> Vec<f64>; }
        impl Clean for Vec<f64> { fn clean(&self) -> Vec<f64> { self.clone() } }
        trait Named { fn name(&self) -> String; }
        impl Named for reqwest::Client { fn name(&self) -> String { String::new() } }
        trait Loud { fn shout(&self) {} }
        impl<T: Clean> Loud for T {}
        struct Own; impl Clean for Own { fn clean(&self) -> Vec<f64> { Vec::new() } }
        fn a() { vec![1.0].clean(); reqwest::Client::new().name(); Own {}.shout(); }
    ";
    let files = [
        (
            "Cargo.toml",
            "[package]\nname = \"app\"\n[dependencies]\nreqwest = \"0.12\"",
        ),
        ("src/main.rs", text),
    ];
    let found = callees(&examined(&files), "a");
    assert_eq!(found, ["Client::name", "Loud::shout", "Vec::clean"]);
}

#[test]
fn what_a_file_says_of_test_code_does_not_count() {
    let text = "
        fn main() { work() } fn work() {}
        #[cfg(test)] mod tests { #[test] fn it() { super::work() } }
    ";
    assert_eq!(called(text, "main"), ["work"]);
    assert!(called(text, "tests::it").is_empty());
}

#[test]
fn data_flows_through_closures_fields_and_receivers() {
    let text = "
        use std::sync::{Arc, RwLock};
        struct Row; struct Model { weights: Vec<f64> } struct State { live: Arc<RwLock<Option<Model>>> }
        fn load() -> Vec<Row> { Vec::new() }
        fn features(row: &Row) -> Vec<f64> { Vec::new() }
        fn fit(rows: &[Vec<f64>]) -> Model { Model { weights: rows[0].clone() } }
        impl Model { fn save(&self) { store(&self.weights) } }
        fn store(weights: &[f64]) {}
        fn train(state: &State) { let rows: Vec<_> = load().iter().map(|row| features(row)).collect(); let model = fit(&rows); model.save(); *state.live.write().unwrap() = Some(model); }
        fn swap(state: &State, model: Model) { let mut live = state.live.write().unwrap(); *live = Some(model); }
        fn predict(state: &State) -> usize { state.live.read().unwrap().as_ref().unwrap().weights.len() }
    ";
    let files = [("Cargo.toml", MANIFEST), ("src/main.rs", text)];
    let analysis = examined(&files);
    let name = |func| {
        let function = analysis.program.function(func);
        let facts = analysis.modules.facts(function.file);
        facts.scope(function.scope).qualname.to_string()
    };
    let flows: Vec<String> = (analysis.data_flow.flows.iter())
        .map(|flow| {
            format!(
                "{} -> {} by {} {}",
                name(flow.from),
                name(flow.to),
                flow.via.name(),
                flow.name
            )
        })
        .collect();
    for expected in [
        "load -> features by argument row",
        "features -> fit by argument rows",
        "fit -> Model::save by argument self",
        "fit -> Model::save by attribute weights",
        "train -> predict by attribute live",
        "swap -> predict by attribute live",
    ] {
        assert!(
            flows.iter().any(|flow| flow == expected),
            "{expected} is not in {flows:#?}"
        );
    }
}

#[test]
fn a_function_of_the_type_that_gives_one_back_is_its_constructor() {
    let analysis = examined(&[(
        "src/lib.rs",
        "pub struct Model { w: f64 }\n\
         impl Model {\n    pub fn new(w: f64) -> Self { Model { w } }\n    \
         pub fn load(p: &str) -> Result<Model, Error> { read(p) }\n    \
         pub fn half(&self) -> Self { Model { w: self.w / 2.0 } }\n    \
         pub fn size() -> usize { 8 }\n}\n\
         impl Default for Model { fn default() -> Self { Model { w: 0.0 } } }\n\
         pub fn make() -> Model { Model::new(1.0) }\n",
    )]);
    let (program, modules) = (&analysis.program, &analysis.modules);
    let of = |func: &crate::graph::FuncId| program.constructs(modules, *func).is_some();
    let names: Vec<String> = program
        .func_ids()
        .filter(of)
        .map(|func| {
            let function = program.function(func);
            let facts = modules.facts(function.file);
            facts.scope(function.scope).qualname.to_string()
        })
        .collect();
    assert_eq!(names, ["Model::new", "Model::load", "Model::default"]);
}
