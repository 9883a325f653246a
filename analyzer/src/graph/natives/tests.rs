use crate::graph::rust_tests::{callees, examined};

const MANIFEST: &str = "[package]\nname = \"scoring\"\n[lib]\nname = \"_core\"";
const MATURIN: &str = "[tool.maturin]\nmodule-name = \"pkg._core\"";
const CORE: &str = r#"
    use pyo3::prelude::*;
    mod deep;
    #[pyfunction]
    fn clean(py: Python<'_>, rows: Vec<f64>) -> PyResult<Vec<f64>> { Ok(scaled(rows)) }
    fn scaled(rows: Vec<f64>) -> Vec<f64> { rows }
    #[pyfunction]
    #[pyo3(name = "fit")]
    fn fit_py(rows: Vec<f64>) -> PyResult<Scorer> { Ok(Scorer::new(1.0)) }
    #[pyfunction]
    fn hidden() {}
    #[pyclass(name = "Model")]
    struct Scorer { bias: f64 }
    #[pymethods]
    impl Scorer {
        #[new]
        fn new(bias: f64) -> Self { Scorer { bias } }
        fn predict(&self, row: f64) -> f64 { row + self.bias }
        #[staticmethod]
        fn load(path: &str) -> PyResult<Self> { Ok(Scorer::new(0.0)) }
        #[getter]
        fn get_bias(&self) -> f64 { self.bias }
        #[setter]
        fn set_bias(&mut self, bias: f64) { self.bias = bias; }
    }
    #[pymodule]
    fn _core(m: &Bound<'_, PyModule>) -> PyResult<()> {
        m.add_function(wrap_pyfunction!(clean, m)?)?;
        m.add_function(wrap_pyfunction!(fit_py, m)?)?;
        m.add_class::<Scorer>()?;
        deep::register(m)?;
        Ok(())
    }
"#;
const DEEP: &str = r#"
    use pyo3::prelude::*;
    #[pyfunction]
    pub fn split(rows: Vec<f64>) -> Vec<f64> { rows }
    pub fn register(parent: &Bound<'_, PyModule>) -> PyResult<()> {
        let child = PyModule::new(parent.py(), "deep")?;
        child.add_function(wrap_pyfunction!(split, &child)?)?;
        parent.add_submodule(&child)
    }
"#;

fn tree<'t>(python: &[(&'t str, &'t str)]) -> Vec<(&'t str, &'t str)> {
    let mut files = vec![
        ("Cargo.toml", MANIFEST),
        ("pyproject.toml", MATURIN),
        ("src/lib.rs", CORE),
        ("src/deep.rs", DEEP),
    ];
    files.extend(python);
    files
}

#[track_caller]
fn check(python: &[(&str, &str)], caller: &str, expected: &[&str]) {
    let analysis = examined(&tree(python));
    assert_eq!(callees(&analysis, caller), expected);
}

#[test]
fn functions_classes_and_methods_are_called_by_name() {
    let app = "
from pkg._core import clean, fit, Model
import pkg._core
def prepare(rows):
    return clean(rows)
def train(rows):
    model = fit(rows)
    return model.predict(1.0)
def serve(path):
    model = Model.load(path)
    return model.predict(2.0)
def make():
    model = Model(0.5)
    return model.predict(3.0), model.bias
def change():
    model = Model(0.5)
    model.bias = 1.0
def whole(rows):
    return pkg._core.clean(rows), pkg._core.deep.split(rows)
class App:
    def __init__(self):
        self.model = Model(1.0)
    def ask(self, row):
        return self.model.predict(row)
class Better(Model):
    def twice(self, row):
        return self.predict(row)
";
    let python = [("pkg/__init__.py", ""), ("app.py", app)];
    check(&python, "prepare", &["clean"]);
    check(&python, "train", &["Scorer::predict", "fit_py"]);
    check(&python, "serve", &["Scorer::load", "Scorer::predict"]);
    check(
        &python,
        "make",
        &["Scorer::get_bias", "Scorer::new", "Scorer::predict"],
    );
    check(&python, "change", &["Scorer::new", "Scorer::set_bias"]);
    check(&python, "whole", &["clean", "split"]);
    check(&python, "App.ask", &["Scorer::predict"]);
    check(&python, "Better.twice", &["Scorer::predict"]);
}

#[test]
fn packages_pass_on_what_they_star_and_import() {
    let app = "
from pkg import clean, Model, fitting
from pkg import _core
from pkg.sub import split
def prepare(rows):
    return clean(rows)
def ask():
    return Model(1.0).predict(2.0)
def renamed(rows):
    return fitting(rows)
def through(rows):
    return _core.clean(rows)
def deep(rows):
    return split(rows)
";
    let init = "from ._core import *\nfrom ._core import fit as fitting\nfrom . import _core\n";
    let python = [
        ("pkg/__init__.py", init),
        ("pkg/sub.py", "from ._core.deep import split\n"),
        ("app.py", app),
    ];
    check(&python, "prepare", &["clean"]);
    check(&python, "ask", &["Scorer::new", "Scorer::predict"]);
    check(&python, "renamed", &["fit_py"]);
    check(&python, "through", &["clean"]);
    check(&python, "deep", &["split"]);
}

#[test]
fn nothing_is_called_that_the_module_does_not_hold() {
    let app = "
from pkg._core import hidden, absent
from other._core import clean
from pkg.own import fit
def ask(rows):
    hidden(); absent(rows); clean(rows); fit(rows)
";
    let python = [
        ("pkg/__init__.py", ""),
        ("pkg/own.py", "def fit(rows):\n    return rows\n"),
        ("app.py", app),
    ];
    check(&python, "ask", &["fit"]);
}

#[test]
fn without_a_manifest_the_module_has_its_own_name() {
    let files = [
        ("Cargo.toml", "[package]\nname = \"fast-text\""),
        (
            "src/lib.rs",
            "use pyo3::prelude::*;
            #[pyfunction] pub fn tokenize(text: &str) -> Vec<String> { vec![] }
            #[pymodule] fn fast_text(_py: Python, m: &PyModule) -> PyResult<()> {
                m.add_wrapped(wrap_pyfunction!(tokenize))?; Ok(()) }",
        ),
        (
            "app.py",
            "import fast_text\ndef ask(text):\n    return fast_text.tokenize(text)\n",
        ),
    ];
    assert_eq!(callees(&examined(&files), "ask"), ["tokenize"]);
}

#[test]
fn an_inline_module_is_named_after_its_crate() {
    let files = [
        ("Cargo.toml", "[package]\nname = \"fast\""),
        (
            "src/lib.rs",
            "use pyo3::prelude::*;
            #[pyfunction] fn outer() {}
            #[pymodule] mod fast {
                #[pymodule_export] use super::outer;
                use pyo3::prelude::*;
                #[pyfunction] fn inner() {}
            }",
        ),
        (
            "app.py",
            "import fast\ndef ask():\n    fast.inner(); fast.outer()\n",
        ),
    ];
    assert_eq!(callees(&examined(&files), "ask"), ["fast::inner", "outer"]);
}

#[test]
fn data_passes_over_the_boundary() {
    let app = "
import pandas as pd
from pkg._core import clean, fit
def load():
    return pd.read_csv('rows.csv')
def run():
    rows = clean(load())
    return fit(rows)
";
    let python = [("pkg/__init__.py", ""), ("app.py", app)];
    let analysis = examined(&tree(&python));
    let name = |func| {
        let function = analysis.program.function(func);
        let facts = analysis.modules.facts(function.file);
        facts.scope(function.scope).qualname.to_string()
    };
    let flows: Vec<String> = (analysis.data_flow.flows.iter())
        .map(|flow| {
            let (from, to) = (name(flow.from), name(flow.to));
            format!("{from} -> {to} by {} {}", flow.via.name(), flow.name)
        })
        .collect();
    for expected in [
        "load -> clean by argument rows",
        "clean -> fit_py by argument rows",
        "fit_py -> run by return fit_py",
    ] {
        assert!(flows.iter().any(|flow| flow == expected), "{flows:#?}");
    }
}
