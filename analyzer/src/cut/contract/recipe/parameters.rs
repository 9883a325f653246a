//! Which parameters the runtime's kinds of models have, and what libraries
//! whose kinds are not the same take where nothing is said.

use serde_json::Value;

use super::key;
use crate::cut::Key;

/// Leaves of a tree in the runtime, where nothing is said.
const LEAVES: u64 = 31;

/// The parameters of a kind, as docs/runtime.md lists them.
pub(super) fn parameters(kind: &str) -> &'static [&'static str] {
    match kind {
        "decision-tree" => &[
            "class_weight",
            "criterion",
            "max_depth",
            "max_features",
            "min_impurity_decrease",
            "min_samples_leaf",
            "min_samples_split",
            "seed",
        ],
        "elastic-net" => &["alpha", "fit_intercept", "l1_ratio", "seed"],
        "gaussian-naive-bayes" => &["priors", "var_smoothing"],
        "gradient-boosting" => &[
            "class_weight",
            "early_stopping",
            "l2_regularization",
            "learning_rate",
            "max_bins",
            "max_depth",
            "max_iter",
            "max_leaf_nodes",
            "min_samples_leaf",
            "n_iter_no_change",
            "seed",
            "validation_fraction",
        ],
        "isolation-forest" => &["contamination", "max_samples", "n_estimators", "seed"],
        "k-means" => &["init", "n_clusters", "n_init", "seed"],
        "lasso" => &["alpha", "fit_intercept", "seed"],
        "linear-regression" => &["fit_intercept"],
        "logistic-regression" => &[
            "c",
            "class_weight",
            "fit_intercept",
            "l1_ratio",
            "penalty",
            "seed",
        ],
        "random-forest" => &[
            "bootstrap",
            "class_weight",
            "criterion",
            "max_depth",
            "max_features",
            "min_impurity_decrease",
            "min_samples_leaf",
            "min_samples_split",
            "n_estimators",
            "oob_score",
            "seed",
        ],
        "ridge" => &["alpha", "fit_intercept", "seed"],
        _ => &[],
    }
}

/// Adds what a class takes where nothing is said and the runtime takes
/// something else: scikit-learn 1.5's gradient boosting, XGBoost 3, LightGBM 4.
/// `unlimited`: the code lets trees be of any depth.
pub(super) fn defaults(class: &str, unlimited: bool, keys: &mut Vec<Key>) {
    // A mapping that is spread may say any of them.
    if keys.iter().any(|key| key.name == "arguments") {
        return;
    }
    let depth = match class {
        "GradientBoostingClassifier" | "GradientBoostingRegressor" => {
            let stops = keys.iter().any(|key| key.name == "n_iter_no_change");
            if !unlimited {
                unless_told(keys, "max_depth", Value::from(3));
            }
            unless_told(keys, "min_samples_leaf", Value::from(1));
            unless_told(keys, "early_stopping", Value::from(stops));
            3
        }
        "XGBClassifier" | "XGBRegressor" => {
            unless_told(keys, "learning_rate", Value::from(0.3));
            if !unlimited {
                unless_told(keys, "max_depth", Value::from(6));
            }
            unless_told(keys, "min_samples_leaf", Value::from(1));
            unless_told(keys, "early_stopping", Value::from(false));
            if !named(keys, "reg_lambda") {
                unless_told(keys, "l2_regularization", Value::from(1.0));
            }
            6
        }
        "LGBMClassifier" | "LGBMRegressor" => {
            // Its other defaults are the runtime's.
            return unless_told(keys, "early_stopping", Value::from(false));
        }
        _ => return,
    };
    // Their trees have as many leaves as fit into their depth.
    let given = keys.iter().find(|key| key.name == "max_depth");
    let given = match given {
        Some(given) => given.value.clone(),
        None => (!unlimited).then(|| Value::from(depth)),
    };
    let leaves = given.and_then(|depth| 1_u64.checked_shl(depth.as_u64()?.try_into().ok()?));
    match leaves {
        Some(leaves) if leaves <= LEAVES => {}
        leaves => unless_told(keys, "max_leaf_nodes", leaves.map(Value::from)),
    }
}

/// What `None` says of a parameter, where that is not what is said by saying
/// nothing: a key without a value is one that the runtime has no value for.
pub(super) fn of_none(class: &str, own: &str) -> Option<Key> {
    Some(match (class, own) {
        ("LogisticRegression", "penalty") => key("penalty", Value::from("none")),
        ("RandomForestClassifier", "max_features") => key("max_features", Value::from("all")),
        ("HistGradientBoostingClassifier" | "HistGradientBoostingRegressor", "max_leaf_nodes") => {
            key("max_leaf_nodes", None)
        }
        _ => return None,
    })
}

/// The class takes `max_depth = given` for any depth.
pub(super) fn any_depth(class: &str, given: Option<&Value>) -> bool {
    match class {
        "GradientBoostingClassifier" | "GradientBoostingRegressor" => given == Some(&Value::Null),
        "XGBClassifier" | "XGBRegressor" => given.and_then(Value::as_i64) == Some(0),
        "LGBMClassifier" | "LGBMRegressor" => given
            .and_then(Value::as_i64)
            .is_some_and(|depth| depth <= 0),
        _ => false,
    }
}

fn unless_told(keys: &mut Vec<Key>, name: &str, value: impl Into<Option<Value>>) {
    if keys.iter().all(|key| key.name != name) {
        keys.push(key(name, value));
    }
}

/// An argument that the kind does not have is given.
fn named(keys: &[Key], name: &str) -> bool {
    let given = keys.iter().filter(|key| key.name == "argument");
    let mut given = given.filter_map(|key| key.value.as_ref()?.as_str());
    given.any(|given| given.split(" = ").next() == Some(name))
}
