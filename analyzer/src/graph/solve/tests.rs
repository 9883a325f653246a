use std::fmt::Write as _;

use crate::graph::Effort;
use crate::{Analysis, Catalog, Options, SourceTree};

fn examined(text: &str) -> Analysis {
    let options = Options {
        catalog: Catalog::default(),
        pins: Vec::new(),
    };
    let tree = SourceTree::from_texts("solved", [("a.py", text)]);
    crate::examine(&tree, &options)
}

fn called_by(analysis: &Analysis, caller: &str) -> Vec<String> {
    let name = |func| {
        let function = analysis.program.function(func);
        let facts = analysis.modules.facts(function.file);
        facts.scope(function.scope).qualname.to_string()
    };
    let calls = analysis.call_graph.calls.iter();
    let calls = calls.filter(|call| name(call.caller) == caller);
    calls.map(|call| name(call.callee)).collect()
}

/// Classes whose methods call one another through a base class, hand options
/// from one to the next, and stand in one registry: everything meets
/// everything.
fn tangled(n_classes: usize) -> String {
    let mut text = String::from(
        "REGISTRY = {}\nclass Base:\n    def run(self, **options):\n        \
         merged = dict(self.defaults())\n        merged.update(options)\n        \
         return self.step(merged)\n    def defaults(self):\n        return {'a': Base}\n    \
         def step(self, options):\n        return options\n",
    );
    for number in 0..n_classes {
        writeln!(
            text,
            "class C{number}(Base):\n    def step(self, options):\n        \
             self.last = options\n        return make{number}(**options)\n\
             def make{number}(**options):\n    options['k{number}'] = C{number}()\n    \
             for name, made in REGISTRY.items():\n        made.run(**options)\n    \
             return C{number}().run(**options)\n\
             REGISTRY['k{number}'] = C{number}()\nREGISTRY.update(make{number}())"
        )
        .unwrap();
    }
    text
}

/// Measured where sets are as large as they may be: below, everything that
/// meets everything is its square.
#[test]
fn effort_grows_with_the_program_not_with_its_square() {
    let effort = |n_classes| -> Effort { examined(&tangled(n_classes)).call_graph.effort };
    let (small, large) = (effort(200), effort(800));
    assert!(small.steps > 10_000, "{small:?}");
    assert!(large.steps < 6 * small.steps, "{small:?} {large:?}");
    assert!(large.nodes < 6 * small.nodes, "{small:?} {large:?}");
}

#[test]
fn a_base_that_a_call_returns_is_a_base() {
    let analysis = examined(
        "def pick(flag):\n    return Late\n\
         class Late:\n    def hello(self):\n        return self.name()\n    \
         def name(self):\n        return 1\n\
         class A(pick(1)):\n    def name(self):\n        return 2\n\
         def start():\n    return A().hello()\n",
    );
    assert_eq!(called_by(&analysis, "start"), ["Late.hello"]);
    assert!(called_by(&analysis, "Late.hello").contains(&"A.name".to_owned()));
}

#[test]
fn what_is_put_into_a_dict_after_its_copy_reaches_the_copy() {
    let analysis = examined(
        "def work():\n    pass\n\
         registry, options = {}, {}\n\
         def prepare():\n    options.update(registry)\n    fill()\n\
         def fill():\n    registry['k'] = work\n\
         def start():\n    prepare()\n    prepare()\n    options['k']()\n\
         start()\n",
    );
    assert_eq!(
        called_by(&analysis, "start"),
        ["prepare", "prepare", "work"]
    );
}
