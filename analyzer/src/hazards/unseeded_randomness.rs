use rustc_hash::FxHashSet;

use super::support::Callers;
use super::{Context, Finding, Hazard, Severity};
use crate::effects::{Effect, EffectKind};
use crate::graph::{FuncId, LibraryCall};
use crate::stages::Stage;

/// Random numbers that come out differently each time.
pub(super) struct UnseededRandomness;

const EXPLANATION: &str = r#"
## What it finds
Splits, samples, estimators and random numbers in a pipeline's stage without a
seed, or with one that can be `None`. A global seed counts (`random.seed`,
`numpy.random.seed`, `torch.manual_seed`, …) when it is set before: in the
function, in all of its callers, or in the module.

## Why it matters at a cut
A candidate is compared with the monolith by what both make of the same input.
Without a seed the monolith already differs from itself, and no difference
tells anything.

## Example
```python
from sklearn.model_selection import train_test_split

def split(frame):  # preprocessing
    return train_test_split(frame, test_size=0.2)
```

## What to do
Take the seed from the run's settings, hand it to every call that draws
(`random_state=`, `default_rng(seed)`), and keep it with the model.
"#;

impl Hazard for UnseededRandomness {
    fn name(&self) -> &'static str {
        "unseeded-randomness"
    }

    fn explanation(&self) -> &'static str {
        EXPLANATION
    }

    fn check(&self, ctx: &Context<'_>, found: &mut Vec<Finding>) {
        let callers = Callers::new(ctx);
        let seeds = Seeds::new(ctx, &callers);
        let draws = ctx.effects.effects.iter();
        for effect in draws.filter(|effect| effect.kind == EffectKind::Randomness) {
            let Some(generators) = generators(&effect.path) else {
                continue;
            };
            let stages = callers.stages(effect.function);
            if !callers.concern(effect.function) || seeds.cover(generators, effect) {
                continue;
            }
            found.push(finding(
                ctx,
                effect,
                !stages.is_empty() && stages.iter().all(is_learning),
            ));
        }
    }
}

/// Stages whose result is a model or a measure of one.
fn is_learning(stage: &Stage) -> bool {
    matches!(
        stage,
        Stage::Ingestion | Stage::Preprocessing | Stage::Training | Stage::Evaluation
    )
}

fn finding(ctx: &Context<'_>, effect: &Effect, learning: bool) -> Finding {
    let place = ctx.place(effect.file, effect.line);
    let name = effect.path.rsplit('.').next().unwrap_or(&effect.path);
    let mut calls = ctx.call_graph.library_calls_at(effect.file, effect.expr);
    let given = calls.any(|call| {
        let seeds = ["random_state", "seed"];
        let mut names = call.args.iter().filter_map(|arg| arg.name.as_deref());
        names.any(|name| seeds.contains(&name))
    });
    let stage = ctx.stages.stage(effect.function);
    let message = match given {
        true => format!("the seed of {name} at {place} ({stage}) can be None"),
        false => format!("{name} at {place} ({stage}) has no seed"),
    };
    Finding {
        hazard: UnseededRandomness.name(),
        severity: if learning {
            Severity::Costs
        } else {
            Severity::Note
        },
        file: effect.file,
        line: effect.line,
        function: effect.function,
        message,
        mend: format!("Hand {name} a seed from the run's settings, and keep it with the result."),
        between: None,
        related: Vec::new(),
        setting: None,
    }
}

/// A family of generators that one global seed rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Generators {
    Python,
    Numpy,
    Torch,
    Tensorflow,
    Fastrand,
    Tch,
    /// Only what is handed over seeds it.
    Own,
}

/// Which generators `path` draws from; `None` for what makes identifiers and
/// keys, which must not be seeded.
fn generators(path: &str) -> Option<Generators> {
    let own = [
        "random.Random",
        "numpy.random.default_rng",
        "numpy.random.RandomState",
        "numpy.random.Generator",
    ];
    let root = path.split('.').next().unwrap_or(path);
    Some(match root {
        "uuid" | "secrets" | "os" | "hashlib" | "hmac" | "getrandom" | "nanoid" | "ulid" => {
            return None;
        }
        _ if path.starts_with("fastrand.Rng") => Generators::Own,
        "fastrand" => Generators::Fastrand,
        "tch" => Generators::Tch,
        _ if path.starts_with("random.SystemRandom") => return None,
        _ if own.iter().any(|own| path.starts_with(own)) => Generators::Own,
        "random" => Generators::Python,
        "torch" | "torchvision" | "transformers" => Generators::Torch,
        "tensorflow" | "keras" => Generators::Tensorflow,
        "numpy" | "sklearn" | "pandas" | "imblearn" | "scipy" | "statsmodels" => Generators::Numpy,
        _ => Generators::Own,
    })
}

/// The generators that calling `path` seeds.
fn seeded_by(path: &str) -> &'static [Generators] {
    use Generators::{Fastrand, Numpy, Python, Tch, Tensorflow, Torch};
    match path {
        "random.seed" => &[Python],
        "fastrand.seed" => &[Fastrand],
        "tch.manual_seed" => &[Tch],
        "numpy.random.seed" => &[Numpy],
        "torch.manual_seed" | "torch.cuda.manual_seed_all" | "torch.random.manual_seed" => &[Torch],
        "tensorflow.random.set_seed" | "tensorflow.compat.v1.set_random_seed" => &[Tensorflow],
        "keras.utils.set_random_seed" | "tensorflow.keras.utils.set_random_seed" => {
            &[Python, Numpy, Tensorflow]
        }
        _ if path.ends_with(".seed_everything") => &[Python, Numpy, Torch],
        "transformers.set_seed" | "transformers.trainer_utils.set_seed" => {
            &[Python, Numpy, Torch, Tensorflow]
        }
        "accelerate.utils.set_seed" => &[Python, Numpy, Torch],
        _ => &[],
    }
}

/// Where global seeds are set.
struct Seeds<'c> {
    ctx: &'c Context<'c>,
    callers: &'c Callers<'c>,
    calls: Vec<&'c LibraryCall>,
}

impl<'c> Seeds<'c> {
    fn new(ctx: &'c Context<'c>, callers: &'c Callers<'c>) -> Seeds<'c> {
        let calls = ctx.call_graph.library_calls.iter();
        let calls = calls.filter(|call| {
            let first = call.args.first();
            let sets = first.is_some_and(|seed| !seed.maybe_none);
            sets && !seeded_by(&call.path).is_empty()
        });
        Seeds {
            ctx,
            callers,
            calls: calls.collect(),
        }
    }

    /// True if a global seed is set before `effect` on every way to it.
    fn cover(&self, generators: Generators, effect: &Effect) -> bool {
        let calls = self.calls.iter();
        let calls = calls.filter(|call| seeded_by(&call.path).contains(&generators));
        let mut sets: Vec<(FuncId, u32)> = calls.map(|call| (call.caller, call.line)).collect();
        if sets.is_empty() {
            return false;
        }
        // A function that sets a seed sets it for those that call it.
        for _ in 0..3 {
            let known = sets.clone();
            for (func, _) in &known {
                if !self.ctx.is_module(*func) {
                    sets.extend(self.callers.of(*func));
                }
            }
            sets.sort_unstable();
            sets.dedup();
        }
        self.on_every_way(
            &sets,
            effect.function,
            effect.line,
            &mut FxHashSet::default(),
        )
    }

    fn on_every_way(
        &self,
        sets: &[(FuncId, u32)],
        func: FuncId,
        line: u32,
        seen: &mut FxHashSet<FuncId>,
    ) -> bool {
        let file = self.ctx.program.function(func).file;
        let module = self.ctx.program.module_func(file);
        let set = sets.iter().any(|(setter, at)| match *setter == func {
            true => *at < line,
            false => Some(*setter) == module,
        });
        if set || !seen.insert(func) {
            return true;
        }
        let callers = self.callers.of(func);
        !callers.is_empty()
            && callers
                .iter()
                .all(|(caller, line)| self.on_every_way(sets, *caller, *line, seen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hazards::support::testing::check;

    #[test]
    fn draws_without_a_seed_are_found() {
        check(
            &UnseededRandomness,
            "
import random
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split
def split(frame):  # preprocessing
    return train_test_split(frame)
def train(frame, seed=None):  # training
    model = RandomForestClassifier(random_state=seed)
    other = RandomForestClassifier(random_state=7)
    return model, np.random.rand(3), random.random()
",
            &[
                "app.py:6 costs train_test_split at app.py:6 (preprocessing) has no seed",
                "app.py:8 costs the seed of RandomForestClassifier at app.py:8 (training) can be None",
                "app.py:10 costs",
            ],
        );
    }

    #[test]
    fn a_global_seed_on_every_way_counts() {
        check(
            &UnseededRandomness,
            "
import numpy as np
def fix():  # shared
    np.random.seed(1)
def noise():  # training
    return np.random.rand(3)
def jitter():  # training
    return np.random.rand(3)
def main():  # shared
    fix()
    noise()
    jitter()
def other():  # shared
    jitter()
",
            &["app.py:7 costs"],
        );
    }

    #[test]
    fn a_seed_in_the_module_counts_but_not_for_other_generators() {
        check(
            &UnseededRandomness,
            "
import random
import numpy as np
np.random.seed(1)
def noise():  # training
    return np.random.rand(3)
def pick():  # training
    return random.random()
def own():  # training
    return np.random.default_rng().random()
",
            &["app.py:7 costs", "app.py:9 costs"],
        );
    }

    #[test]
    fn identifiers_and_what_is_outside_the_pipeline_are_not_found() {
        check(
            &UnseededRandomness,
            "
import random, uuid, secrets
def request():  # inference
    return uuid.uuid4().hex, secrets.token_hex()
def toss():
    return random.random()
",
            &[],
        );
    }

    #[test]
    fn generators_of_rust_are_seeded_or_not() {
        check(
            &UnseededRandomness,
            r#"
// --- src/main.rs
use rand::rngs::{SmallRng, StdRng};
use rand::{Rng, SeedableRng};
use smartcore::ensemble::random_forest_classifier::{RandomForestClassifier, RandomForestClassifierParameters};
fn noise() -> f64 { // training
    let mut rng = rand::thread_rng();
    rng.gen()
}
fn newer() -> f64 { // training
    let mut rng = rand::rng();
    rng.random()
}
fn direct() -> f64 { // training
    rand::random()
}
fn small() -> f64 { // preprocessing
    let mut rng = SmallRng::from_entropy();
    rng.gen()
}
fn seeded() -> f64 { // training
    let mut rng = StdRng::seed_from_u64(7);
    rng.gen()
}
fn shuffled(rows: &mut Vec<u32>) { // preprocessing
    use rand::seq::SliceRandom;
    let mut rng = SmallRng::seed_from_u64(7);
    rows.shuffle(&mut rng);
}
fn name() -> String { // inference
    uuid::Uuid::new_v4().to_string()
}
fn main() {}
"#,
            &[
                "src/main.rs:5 costs thread_rng at src/main.rs:5 (training) has no seed",
                "src/main.rs:9 costs rng at src/main.rs:9 (training) has no seed",
                "src/main.rs:13 costs random at src/main.rs:13 (training) has no seed",
                "src/main.rs:16 costs from_entropy at src/main.rs:16 (preprocessing) has no seed",
            ],
        );
    }
}
