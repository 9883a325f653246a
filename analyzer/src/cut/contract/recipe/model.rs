//! Estimators, in the words of `model = { kind = "…" }`.

use serde_json::Value;

use super::super::code::{At, Code};
use super::super::transforms::Env;
use super::key;
use super::parameters::{any_depth, defaults, of_none, parameters};
use super::value::value;
use super::walk::Walk;
use crate::cut::{Key, Operation};
use crate::stages::Stage;
use crate::syntax::facts::{Arg, ArgKind};

/// A model of scikit-learn, the runtime's kind of it, and the arguments that
/// have another name there.
struct Model {
    class: &'static str,
    /// Its first argument by position, where the runtime has it.
    first: &'static str,
    kind: &'static str,
    renamed: Renamed,
}

/// What an argument is called here.
type Renamed = &'static [(&'static str, &'static str)];

const SEEDED: Renamed = &[("random_state", "seed")];

const BOOSTED: Renamed = &[("n_estimators", "max_iter"), ("random_state", "seed")];

/// XGBoost's.
const EXTREME: Renamed = &[
    ("eta", "learning_rate"),
    ("max_bin", "max_bins"),
    ("max_leaves", "max_leaf_nodes"),
    ("n_estimators", "max_iter"),
    ("random_state", "seed"),
];

/// LightGBM's.
const LIGHT: Renamed = &[
    ("min_child_samples", "min_samples_leaf"),
    ("n_estimators", "max_iter"),
    ("num_leaves", "max_leaf_nodes"),
    ("random_state", "seed"),
];

/// One more is one line.
const MODELS: [Model; 20] = [
    Model {
        class: "LogisticRegression",
        first: "penalty",
        kind: "logistic-regression",
        renamed: &[("C", "c"), ("random_state", "seed")],
    },
    Model {
        class: "LinearRegression",
        first: "",
        kind: "linear-regression",
        renamed: &[],
    },
    Model {
        class: "Ridge",
        first: "alpha",
        kind: "ridge",
        renamed: SEEDED,
    },
    Model {
        class: "Lasso",
        first: "alpha",
        kind: "lasso",
        renamed: SEEDED,
    },
    Model {
        class: "ElasticNet",
        first: "alpha",
        kind: "elastic-net",
        renamed: SEEDED,
    },
    Model {
        class: "DecisionTreeClassifier",
        first: "criterion",
        kind: "decision-tree",
        renamed: SEEDED,
    },
    Model {
        class: "DecisionTreeRegressor",
        first: "criterion",
        kind: "decision-tree",
        renamed: SEEDED,
    },
    Model {
        class: "RandomForestClassifier",
        first: "n_estimators",
        kind: "random-forest",
        renamed: SEEDED,
    },
    Model {
        class: "RandomForestRegressor",
        first: "n_estimators",
        kind: "random-forest",
        renamed: SEEDED,
    },
    Model {
        class: "GradientBoostingClassifier",
        first: "",
        kind: "gradient-boosting",
        renamed: BOOSTED,
    },
    Model {
        class: "GradientBoostingRegressor",
        first: "",
        kind: "gradient-boosting",
        renamed: BOOSTED,
    },
    Model {
        class: "HistGradientBoostingClassifier",
        first: "",
        kind: "gradient-boosting",
        renamed: SEEDED,
    },
    Model {
        class: "HistGradientBoostingRegressor",
        first: "",
        kind: "gradient-boosting",
        renamed: SEEDED,
    },
    Model {
        class: "GaussianNB",
        first: "",
        kind: "gaussian-naive-bayes",
        renamed: &[],
    },
    Model {
        class: "KMeans",
        first: "n_clusters",
        kind: "k-means",
        renamed: SEEDED,
    },
    Model {
        class: "IsolationForest",
        first: "",
        kind: "isolation-forest",
        renamed: SEEDED,
    },
    Model {
        class: "XGBClassifier",
        first: "",
        kind: "gradient-boosting",
        renamed: EXTREME,
    },
    Model {
        class: "XGBRegressor",
        first: "",
        kind: "gradient-boosting",
        renamed: EXTREME,
    },
    Model {
        class: "LGBMClassifier",
        first: "",
        kind: "gradient-boosting",
        renamed: LIGHT,
    },
    Model {
        class: "LGBMRegressor",
        first: "",
        kind: "gradient-boosting",
        renamed: LIGHT,
    },
];

/// Arguments that say how the optimum is found, not where it is; the runtime
/// has its own ways, and goes further.
const WAYS: [&str; 10] = [
    "copy_X",
    "copy_x",
    "dual",
    "max_iter",
    "multi_class",
    "n_jobs",
    "solver",
    "tol",
    "verbose",
    "warm_start",
];

/// Metrics of `sklearn.metrics`, in the words of `metrics = […]`.
const METRICS: [(&str, &str); 17] = [
    ("accuracy_score", "accuracy"),
    ("average_precision_score", "pr-auc"),
    ("balanced_accuracy_score", "balanced-accuracy"),
    ("brier_score_loss", "brier"),
    ("f1_score", "f1"),
    ("log_loss", "log-loss"),
    ("mean_absolute_error", "mae"),
    ("mean_absolute_percentage_error", "mape"),
    ("mean_squared_error", "rmse"),
    ("median_absolute_error", "median-ae"),
    ("precision_recall_curve", "pr-auc"),
    ("precision_score", "precision"),
    ("r2_score", "r2"),
    ("recall_score", "recall"),
    ("roc_auc_score", "roc-auc"),
    ("roc_curve", "roc-auc"),
    ("root_mean_squared_error", "rmse"),
];

/// Those that there are of several classes, too.
const AVERAGED: [&str; 4] = ["f1", "precision", "recall", "roc-auc"];

/// What the tree measures, wherever it does.
pub(super) fn metrics(code: &Code<'_>) -> Vec<Operation> {
    let mut found: Vec<Operation> = Vec::new();
    for call in &code.ctx.call_graph.library_calls {
        let Some(function) = call.path.strip_prefix("sklearn.metrics.") else {
            continue;
        };
        let known = METRICS.iter().find(|(name, _)| *name == function);
        let Some((_, metric)) = known else { continue };
        let average = call
            .args
            .iter()
            .find(|arg| arg.name.as_deref() == Some("average"));
        let average = average.and_then(|arg| arg.texts.first());
        let metric = match average.map(|average| average.as_str()) {
            Some(average @ ("macro" | "weighted")) if AVERAGED.contains(metric) => {
                format!("{metric}-{average}")
            }
            _ => (*metric).to_owned(),
        };
        found.push(Operation {
            stage: Stage::Evaluation,
            kind: "metric".into(),
            keys: vec![key("name", Value::from(metric))],
            only_fit: false,
            file: call.file,
            line: code.facts(call.file).expr(call.expr).line,
        });
    }
    found.sort_by_key(|metric| (metric.file, metric.line));
    found.dedup();
    found
}

/// A class whose objects predict.
pub(super) fn is_model(code: &Code<'_>, path: &str) -> bool {
    let class = path.rsplit('.').next().unwrap_or(path);
    let listed = MODELS.iter().any(|model| model.class == class);
    let catalog = code.ctx.catalog;
    listed
        || catalog.ty(path).is_some_and(|ty| ty.estimator)
            && !catalog.is_a(path, "sklearn.Transformer")
}

impl<'a> Walk<'_, 'a> {
    /// A model is constructed.
    pub(super) fn model(&mut self, at: At, path: &str, args: &'a [Arg], env: &Env) {
        let class = path.rsplit('.').next().unwrap_or(path);
        if !class.starts_with(|first: char| first.is_ascii_uppercase())
            || !is_model(self.code, path)
            || matches!(class, "Pipeline" | "GridSearchCV" | "RandomizedSearchCV")
        {
            return;
        }
        let model = MODELS.iter().find(|model| model.class == class);
        let mut keys = vec![match model {
            Some(model) => key("kind", Value::from(model.kind)),
            None => key("kind", None),
        }];
        if model.is_none() {
            keys.push(key("class", Value::from(class)));
        }
        if let Some(model) = model {
            let unlimited = self.arguments(model, at, args, env, &mut keys);
            defaults(class, unlimited, &mut keys);
        }
        let mut operation = Operation::of(at, self.code, "model", keys);
        operation.stage = Stage::Training;
        self.note(operation);
    }

    /// The arguments as the kind's parameters; those that it does not have are
    /// named, and are none of its keys. Whether trees may be of any depth.
    fn arguments(
        &self,
        model: &Model,
        at: At,
        args: &'a [Arg],
        env: &Env,
        keys: &mut Vec<Key>,
    ) -> bool {
        let mut unlimited = false;
        let boosting = model.kind == "gradient-boosting";
        for (position, arg) in args.iter().enumerate() {
            let first = position == 0 && arg.kind == ArgKind::Positional;
            let name = match arg.name.as_deref() {
                Some(name) => name,
                None if first && !model.first.is_empty() => model.first,
                // `**settings` may say anything.
                None => {
                    keys.push(key("arguments", None));
                    continue;
                }
            };
            if WAYS.contains(&name) && !(boosting && name == "max_iter") {
                continue;
            }
            let mut renamed = model.renamed.iter();
            let own = renamed.find(|(theirs, _)| *theirs == name);
            let own = own.map_or(name, |(_, ours)| ours);
            let given = value(&self.forms, at.part(arg.value), env);
            if own == "max_depth" && any_depth(model.class, given.as_ref()) {
                unlimited = true;
                continue;
            }
            match given {
                Some(Value::Null) => keys.extend(of_none(model.class, own)),
                // Any seed does.
                None if own == "seed" => {}
                given if parameters(model.kind).contains(&own) => keys.push(key(own, given)),
                given => {
                    let given = given.map_or("…".to_owned(), |given| given.to_string());
                    keys.push(key("argument", Value::from(format!("{name} = {given}"))));
                }
            }
        }
        unlimited
    }
}
