"""What scikit-learn says of small data by trees, forests, boosting and
isolation forests of the same seed; and how well its forests and boosting with
early stopping do over ten seeds.

    python runtime/tests/parity/trees.py > runtime/tests/parity/data/trees.json

Made with scikit-learn 1.5.2, NumPy 2.1.3.
"""

import json
import sys

import numpy as np
from sklearn.base import is_classifier
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.metrics import roc_auc_score
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

TABLES = {}
CASES = []

TREES = {"classes": DecisionTreeClassifier, "values": DecisionTreeRegressor}
FORESTS = {"classes": RandomForestClassifier, "values": RandomForestRegressor}
BOOSTING = {"classes": HistGradientBoostingClassifier, "values": HistGradientBoostingRegressor}


def table(name, seed, n, n_train, n_classes=2, missing=False, decimals=3):
    """Numbers, some of few values, some correlated; what to learn of them."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 6))
    x[:, 1] = 0.8 * x[:, 0] + 0.6 * x[:, 1]
    x[:, 4] = np.round(x[:, 4])
    x[:, 5] = x[:, 5] > 0.5
    x = np.round(x, decimals) + 0.0
    signal = np.sin(2 * x[:, 0]) + x[:, 2] * x[:, 5] + 0.5 * x[:, 4]
    values = np.round(signal + 0.5 * rng.normal(size=n), 3)
    cuts = np.quantile(values, np.linspace(0, 1, n_classes + 1)[1:-1])
    classes = np.searchsorted(cuts, values)
    if missing:
        x[rng.random(x.shape) < 0.1] = np.nan
    weights = np.round(rng.uniform(0.2, 3, n), 2)
    TABLES[name] = dict(n_train=n_train, x=x, classes=classes, values=values, weights=weights)


def tell(model, x, target):
    return model.predict_proba(x) if target == "classes" else model.predict(x)


def case(kind, name, target, estimators, keys=None, weighted=False, **params):
    """One model trained on the first rows of a table and asked about the rest."""
    data = TABLES[name]
    n = data["n_train"]
    seed = params.pop("seed", 0)
    model = estimators[target](random_state=seed, **params)
    weights = data["weights"][:n] if weighted else None
    model.fit(data["x"][:n], data[target][:n], sample_weight=weights)
    said = tell(model, data["x"][n:], target)
    spec = dict(kind=kind, seed=seed, **{**params, **(keys or {})})
    entry = dict(spec=spec, table=name, target=target, weighted=weighted, said=np.ravel(said))
    if hasattr(model, "feature_importances_"):
        entry["importances"] = model.feature_importances_
    if getattr(model, "oob_score", False):
        entry["oob_score"] = model.oob_score_
    CASES.append(entry)


def is_sound(tree, x, y):
    """Whether a tree's leaves say what the rows that come to them say.
    scikit-learn 1.5 may count a row without a value on the wrong side of a
    split, and then the tree that it grows is none of these rows."""
    leaves = tree.apply(x)
    one_hot = y[:, None] == np.unique(y) if is_classifier(tree) else y[:, None]
    said = tree.tree_.value[:, 0]
    means = {leaf: one_hot[leaves == leaf].mean(axis=0) for leaf in np.unique(leaves)}
    n_leaves = (tree.tree_.children_left < 0).sum()
    return len(means) == n_leaves and all(np.allclose(said[leaf], mean) for leaf, mean in means.items())


def sound_cases(name, target, n):
    """Trees on missing values, those that scikit-learn counts rightly."""
    data = TABLES[name]
    x, y = data["x"][: data["n_train"]], data[target][: data["n_train"]]
    for max_depth in [2, 3, 4]:
        params = [dict(max_depth=max_depth, seed=seed, max_features=3) for seed in range(60)]
        fitted = lambda seed, **rest: TREES[target](random_state=seed, **rest).fit(x, y)
        for some in [some for some in params if is_sound(fitted(**some), x, y)][:n]:
            case("decision-tree", name, target, TREES, **some)


def isolation(name, seed, keys=None, **params):
    data = TABLES[name]
    n = data["n_train"]
    model = IsolationForest(random_state=seed, **params).fit(data["x"][:n])
    spec = {"kind": "isolation-forest", "seed": seed, **params, **(keys or {})}
    said = model.score_samples(data["x"][n:])
    CASES.append(dict(spec=spec, table=name, target=None, weighted=False, said=said, offset=model.offset_))


def spread(kind, name, estimator, **params):
    """How well ten seeds do, as the area under the ROC curve."""
    data = TABLES[name]
    n = data["n_train"]
    areas = []
    for seed in range(10):
        model = estimator(random_state=seed, **params).fit(data["x"][:n], data["classes"][:n])
        areas.append(roc_auc_score(data["classes"][n:], model.predict_proba(data["x"][n:])[:, 1]))
    return dict(spec=dict(kind=kind, **params), table=name, areas=areas)


table("two", 1, 330, 260)
table("three", 2, 330, 260, n_classes=3)
table("missing", 3, 330, 260, missing=True)
table("coarse", 4, 330, 260, decimals=1)
table("long", 5, 1000, 600, decimals=2)

for name in ["two", "three", "missing", "coarse"]:
    for target in ["classes", "values"]:
        kind = "gradient-boosting"
        case(kind, name, target, BOOSTING, max_iter=30)
        case(kind, name, target, BOOSTING, max_iter=20, max_bins=16, l2_regularization=1.0, max_depth=3)
        case(kind, name, target, BOOSTING, max_iter=20, weighted=True, max_leaf_nodes=8, min_samples_leaf=5)
        if name == "missing":
            sound_cases(name, target, 3)
            continue
        kind = "decision-tree"
        case(kind, name, target, TREES)
        case(kind, name, target, TREES, seed=7, max_features="sqrt")
        case(kind, name, target, TREES, seed=1, max_depth=4, min_samples_leaf=5)
        case(kind, name, target, TREES, seed=2, min_impurity_decrease=0.01, min_samples_split=10)
        kind = "random-forest"
        case(kind, name, target, FORESTS, n_estimators=12, seed=3)
        case(kind, name, target, FORESTS, n_estimators=30, seed=4, max_features=0.5, oob_score=True, min_samples_leaf=2)
    if name == "missing":
        continue
    case("decision-tree", name, "classes", TREES, criterion="entropy", max_depth=6)
    case("decision-tree", name, "classes", TREES, class_weight="balanced", weighted=True, max_depth=5)
    case("random-forest", name, "classes", FORESTS, n_estimators=10, class_weight="balanced", bootstrap=False)
for name in ["two", "coarse", "long"]:
    isolation(name, 0, n_estimators=50)
    isolation(name, 5, n_estimators=20, max_samples=64, contamination=0.1)

SPREADS = [
    spread("random-forest", "long", RandomForestClassifier, n_estimators=50),
    spread("gradient-boosting", "long", HistGradientBoostingClassifier, early_stopping=True),
]


def plain(value):
    if isinstance(value, np.ndarray):
        return [plain(item) for item in value.tolist()]
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, float) and np.isnan(value):
        return None
    if isinstance(value, float) and value == int(value):
        return int(value)
    return value


json.dump(
    plain(dict(tables=TABLES, cases=CASES, spreads=SPREADS)),
    sys.stdout,
    separators=(",", ":"),
)
print()
