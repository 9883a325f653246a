"""Writes what a scikit-learn model has learnt as one JSON document for cutline.

Run it where the monolith runs, with the monolith's own Python (3.8 or newer):

    python export.py model.joblib --out model.json

It needs nothing beyond what unpickling the model needs. Where the pickle holds
the monolith's own classes, put its source on PYTHONPATH. Unpickling runs code:
only give it files that you trust as you trust the monolith.

Every number is written so that it reads back as the same double. A step that is
not known here is refused by name: nothing is left out or guessed.
"""

import argparse
import json
import math
import pickle
import sys

import numpy as np

FORMAT = "cutline-model"
VERSION = 1


class Refused(Exception):
    """What cannot be exported, and why."""


WRITERS = {}


def writes(*names):
    """Makes a function the writer of scikit-learn's classes of these names."""

    def register(function):
        for name in names:
            WRITERS[name] = function
        return function

    return register


# ---- values


def real(value):
    value = float(value)
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return value


def reals(values):
    return [real(value) for value in np.asarray(values, dtype=np.float64).ravel()]


def matrix(values):
    values = np.asarray(values.toarray() if hasattr(values, "toarray") else values)
    return [reals(row) for row in np.atleast_2d(values)]


def ints(values):
    return [int(value) for value in np.asarray(values).ravel()]


def scalar(value, at):
    """A category, a class or a fill: null, boolean, number or text."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return None if math.isnan(value) else {"float": real(value)}
    if isinstance(value, str):
        return str(value)
    raise Refused("%s: a value of type %s cannot be exported" % (at, type(value).__name__))


def scalars(values, at):
    return [scalar(value, at) for value in values]


# ---- the walk


def describe(step):
    cls = type(step)
    return "%s.%s" % (cls.__module__, cls.__qualname__)


def write(step, at):
    """The document of one step; `at` is its path in the pipeline."""
    module = type(step).__module__.split(".")[0]
    writer = WRITERS.get(type(step).__name__)
    if writer is None or module not in ("sklearn", "lightgbm", "xgboost"):
        raise Refused("%s: %s is not known to cutline" % (at, describe(step)))
    try:
        return writer(step, at)
    except AttributeError as error:
        raise Refused("%s: %s seems not to be fitted (%s)" % (at, describe(step), error))


def write_transform(step, at):
    if step is None or (isinstance(step, str) and step == "passthrough"):
        return {"type": "passthrough"}
    document = write(step, at)
    if document["type"] not in TRANSFORMS:
        raise Refused("%s: %s is no transformation" % (at, describe(step)))
    return document


def refuse(condition, at, why):
    if condition:
        raise Refused("%s: %s" % (at, why))


TRANSFORMS = {
    "bins", "columns", "encode", "function", "impute", "min-max", "normalize", "one-hot",
    "passthrough", "polynomial", "power", "project", "scale", "select", "sequence", "union",
}


@writes("Pipeline")
def pipeline(step, at):
    last_name, last = step.steps[-1]
    here = "%s.%s" % (at, last_name)
    steps = [
        {"name": name, "transform": write_transform(part, "%s.%s" % (at, name))}
        for name, part in step.steps[:-1]
    ]
    if last is None or isinstance(last, str):
        return {"type": "sequence", "steps": steps}
    document = write(last, here)
    if document["type"] in TRANSFORMS:
        return {"type": "sequence", "steps": steps + [{"name": last_name, "transform": document}]}
    return {"type": "pipeline", "steps": steps, "name": last_name, "model": document}


@writes("GridSearchCV", "RandomizedSearchCV", "HalvingGridSearchCV", "HalvingRandomSearchCV")
def search(step, at):
    return write(step.best_estimator_, at)


def column_indices(columns, names, width, at):
    """Indices of what a ColumnTransformer was told, in its order."""
    if isinstance(columns, slice):
        if isinstance(columns.start, str) or isinstance(columns.stop, str):
            start = None if columns.start is None else names.index(columns.start)
            stop = None if columns.stop is None else names.index(columns.stop) + 1
            columns = slice(start, stop, columns.step)
        return list(range(width))[columns]
    if isinstance(columns, (str, int, np.integer)):
        columns = [columns]
    columns = list(columns)
    if columns and all(isinstance(column, (bool, np.bool_)) for column in columns):
        return [index for index, chosen in enumerate(columns) if chosen]
    indices = []
    for column in columns:
        if isinstance(column, str):
            refuse(column not in names, at, "there is no column %s" % column)
            indices.append(names.index(column))
        else:
            indices.append(int(column) % width)
    return indices


@writes("ColumnTransformer")
def columns(step, at):
    names = [str(name) for name in getattr(step, "feature_names_in_", [])]
    width = int(step.n_features_in_)
    weights = step.transformer_weights or {}
    parts = []
    for name, part, chosen in step.transformers_:
        indices = column_indices(chosen, names, width, at)
        if not indices or (isinstance(part, str) and part == "drop"):
            continue
        parts.append({
            "name": name,
            "columns": indices,
            "weight": real(weights[name]) if weights.get(name) is not None else None,
            "transform": write_transform(part, "%s.%s" % (at, name)),
        })
    return {"type": "columns", "width": width, "parts": parts}


@writes("FeatureUnion")
def union(step, at):
    weights = step.transformer_weights or {}
    parts = []
    for name, part in step.transformer_list:
        if isinstance(part, str) and part == "drop":
            continue
        parts.append({
            "name": name,
            "weight": real(weights[name]) if weights.get(name) is not None else None,
            "transform": write_transform(part, "%s.%s" % (at, name)),
        })
    return {"type": "union", "parts": parts}


# ---- transformations

FUNCTIONS = ("abs", "cbrt", "exp", "expm1", "log", "log10", "log1p", "log2", "sqrt", "square")


@writes("FunctionTransformer")
def function(step, at):
    if step.func is None:
        return {"type": "passthrough"}
    refuse(step.kw_args, at, "FunctionTransformer with kw_args is not known to cutline")
    for name in FUNCTIONS:
        if step.func is getattr(np, name):
            return {"type": "function", "name": name}
    name = getattr(step.func, "__qualname__", None) or repr(step.func)
    module = getattr(step.func, "__module__", None)
    full = "%s.%s" % (module, name) if module else name
    raise Refused("%s: FunctionTransformer of %s is not known to cutline; it knows NumPy's %s"
                  % (at, full, ", ".join(FUNCTIONS)))


@writes("SimpleImputer")
def simple_imputer(step, at):
    statistics = list(step.statistics_)
    keeps_all = step.strategy == "constant" or getattr(step, "keep_empty_features", False)
    is_nan = [isinstance(value, (float, np.floating)) and math.isnan(value) for value in statistics]
    kept = [index for index, empty in enumerate(is_nan) if keeps_all or not empty]
    indicator = getattr(step, "indicator_", None)
    return {
        "type": "impute",
        "width": len(statistics),
        "missing": scalar(step.missing_values, at),
        "kept": kept,
        "fill": scalars([statistics[index] for index in kept], at),
        "indicated": ints(indicator.features_) if step.add_indicator and indicator is not None else [],
    }


def grouped(step, feature):
    """Of each category, its index once infrequent ones are one; and that of the infrequent."""
    count = len(step.categories_[feature])
    if not getattr(step, "_infrequent_enabled", False):
        return list(range(count)), None
    mapping = step._default_to_infrequent_mappings[feature]
    if mapping is None:
        return list(range(count)), None
    return ints(mapping), int(mapping[step._infrequent_indices[feature][0]])


@writes("OneHotEncoder")
def one_hot(step, at):
    features = []
    drop = getattr(step, "_drop_idx_after_grouping", getattr(step, "drop_idx_", None))
    for index, categories in enumerate(step.categories_):
        mapped, infrequent = grouped(step, index)
        dropped = None if drop is None or drop[index] is None else int(drop[index])

        def column(code):
            if dropped is None or code < dropped:
                return code
            return None if code == dropped else code - 1

        unknown = "refuse"
        if step.handle_unknown != "error":
            wants = step.handle_unknown in ("infrequent_if_exist", "warn") and infrequent is not None
            unknown = column(infrequent) if wants else None
        features.append({
            "categories": scalars(categories, "%s, column %d" % (at, index)),
            "columns": [column(code) for code in mapped],
            "width": len(set(mapped)) - (dropped is not None),
            "unknown": unknown,
        })
    return {"type": "one-hot", "features": features}


@writes("OrdinalEncoder")
def ordinal(step, at):
    features = []
    missing = getattr(step, "_missing_indices", {})
    for index, categories in enumerate(step.categories_):
        mapped, _ = grouped(step, index)
        codes = [real(code) for code in mapped]
        if index in missing:
            codes[missing[index]] = real(step.encoded_missing_value)
        refused = step.handle_unknown == "error"
        features.append({
            "categories": scalars(categories, "%s, column %d" % (at, index)),
            "codes": codes,
            "unknown": None if refused else real(step.unknown_value),
        })
    return {"type": "encode", "features": features}


def scale(subtract, divide):
    return {
        "type": "scale",
        "subtract": None if subtract is None else reals(subtract),
        "divide": None if divide is None else reals(divide),
    }


@writes("StandardScaler")
def standard(step, at):
    return scale(step.mean_ if step.with_mean else None, step.scale_ if step.with_std else None)


@writes("RobustScaler")
def robust(step, at):
    return scale(step.center_ if step.with_centering else None, step.scale_ if step.with_scaling else None)


@writes("MaxAbsScaler")
def max_abs(step, at):
    return scale(None, step.scale_)


@writes("MinMaxScaler")
def min_max(step, at):
    return {
        "type": "min-max",
        "multiply": reals(step.scale_),
        "add": reals(step.min_),
        "clip": reals(step.feature_range) if getattr(step, "clip", False) else None,
    }


@writes("Normalizer")
def normalizer(step, at):
    return {"type": "normalize", "norm": step.norm}


@writes("PowerTransformer")
def power(step, at):
    scaler = getattr(step, "_scaler", None) if step.standardize else None
    document = {"type": "power", "method": step.method, "lambdas": reals(step.lambdas_), "scale": None}
    if scaler is not None:
        document["scale"] = {"subtract": reals(scaler.mean_), "divide": reals(scaler.scale_)}
    return document


@writes("KBinsDiscretizer")
def bins(step, at):
    return {
        "type": "bins",
        "edges": [reals(edges[1:-1]) for edges in step.bin_edges_],
        "one_hot": step.encode != "ordinal",
    }


@writes("PolynomialFeatures")
def polynomial(step, at):
    terms = [[feature for feature, times in enumerate(row) for _ in range(int(times))] for row in step.powers_]
    return {"type": "polynomial", "width": int(step.n_features_in_), "terms": terms}


@writes("PCA")
def pca(step, at):
    divide = None
    if step.whiten:
        deviations = np.sqrt(step.explained_variance_)
        divide = reals(np.maximum(deviations, np.finfo(deviations.dtype).eps))
    return {"type": "project", "components": matrix(step.components_), "mean": reals(step.mean_), "divide": divide}


@writes("VarianceThreshold", "SelectKBest", "SelectPercentile", "SelectFpr", "SelectFdr", "SelectFwe",
        "GenericUnivariateSelect", "RFE", "RFECV", "SelectFromModel")
def select(step, at):
    support = step.get_support()
    return {"type": "select", "width": len(support), "columns": ints(np.flatnonzero(support))}


# ---- models


def classes_of(step, at):
    classes = step.classes_
    refuse(isinstance(classes, list), at, "more than one target is not known to cutline")
    return scalars(classes, at)


def takes_missing(step):
    """Whether the fitted model itself takes a row without a single value."""
    try:
        step.predict(np.full((1, step.n_features_in_), np.nan))
    except ValueError:
        return False
    return True


@writes("LinearRegression", "Ridge", "RidgeCV", "Lasso", "LassoCV", "ElasticNet", "ElasticNetCV",
        "SGDRegressor", "HuberRegressor", "LinearSVR", "BayesianRidge", "Lars", "LassoLars")
def linear_regressor(step, at):
    coefficients = np.asarray(step.coef_)
    refuse(coefficients.ndim == 2 and coefficients.shape[0] != 1, at, "more than one target is not known to cutline")
    intercept = np.asarray(step.intercept_, dtype=np.float64).ravel()
    return {"type": "linear-regressor", "coefficients": reals(coefficients), "intercept": real(intercept[0])}


def linear_classifier(step, at, link):
    return {
        "type": "linear-classifier",
        "classes": classes_of(step, at),
        "coefficients": matrix(step.coef_),
        "intercepts": reals(np.broadcast_to(step.intercept_, (len(np.atleast_2d(step.coef_)),))),
        "link": link,
    }


@writes("LogisticRegression", "LogisticRegressionCV")
def logistic(step, at):
    import sklearn

    told = getattr(step, "multi_class", "deprecated")
    one_each = ("liblinear",)
    if tuple(int(part) for part in sklearn.__version__.split(".")[:2]) < (1, 6):
        one_each = ("liblinear", "newton-cholesky")
    rest = told in ("ovr", "warn") or (
        told in ("auto", "deprecated") and (len(step.classes_) <= 2 or step.solver in one_each))
    return linear_classifier(step, at, "logistic" if rest else "softmax")


@writes("RidgeClassifier", "RidgeClassifierCV", "LinearSVC", "Perceptron")
def margin_classifier(step, at):
    return linear_classifier(step, at, "none")


@writes("SGDClassifier")
def sgd_classifier(step, at):
    links = {"log_loss": "logistic", "log": "logistic", "modified_huber": "modified-huber"}
    return linear_classifier(step, at, links.get(step.loss, "none"))


@writes("GaussianNB")
def gaussian(step, at):
    return {
        "type": "gaussian-naive-bayes",
        "classes": classes_of(step, at),
        "priors": reals(step.class_prior_),
        "means": matrix(step.theta_),
        "variances": matrix(step.var_ if hasattr(step, "var_") else step.sigma_),
    }


def tree(nodes, values):
    """One tree: arrays over nodes, and rows of values over its leaves in order of nodes."""
    leaf = nodes.children_left < 0
    document = {
        "left": [-1 if end else int(child) for end, child in zip(leaf, nodes.children_left)],
        "right": [-1 if end else int(child) for end, child in zip(leaf, nodes.children_right)],
        "feature": [0 if end else int(feature) for end, feature in zip(leaf, nodes.feature)],
        "threshold": [0.0 if end else real(value) for end, value in zip(leaf, nodes.threshold)],
        "values": [reals(value) for value in values[leaf]],
    }
    to_left = getattr(nodes, "missing_go_to_left", None)
    if to_left is not None:
        document["missing_left"] = [int(bool(side) and not end) for end, side in zip(leaf, to_left)]
    return document


def shares(nodes):
    """Of each node the share of each class."""
    counts = nodes.value[:, 0, :]
    totals = counts.sum(axis=1, keepdims=True)
    # From scikit-learn 1.3 on they are shares already, and stay as they are.
    if np.allclose(totals, 1.0, rtol=0.0, atol=1e-9):
        return counts
    totals[totals == 0.0] = 1.0
    return counts / totals


@writes("DecisionTreeClassifier", "ExtraTreeClassifier", "RandomForestClassifier", "ExtraTreesClassifier")
def tree_classifier(step, at):
    classes = classes_of(step, at)
    trees = [part.tree_ for part in getattr(step, "estimators_", [step])]
    return {
        "type": "forest-classifier",
        "classes": classes,
        "features": int(step.n_features_in_),
        "missing": takes_missing(step),
        "trees": [tree(nodes, shares(nodes)) for nodes in trees],
    }


@writes("DecisionTreeRegressor", "ExtraTreeRegressor", "RandomForestRegressor", "ExtraTreesRegressor")
def tree_regressor(step, at):
    trees = [part.tree_ for part in getattr(step, "estimators_", [step])]
    refuse(any(nodes.value.shape[1] != 1 for nodes in trees), at, "more than one target is not known to cutline")
    return {
        "type": "forest-regressor",
        "features": int(step.n_features_in_),
        "missing": takes_missing(step),
        "trees": [tree(nodes, nodes.value[:, 0, :]) for nodes in trees],
    }


def boosted_start(step, at):
    """What boosting starts from: it must not depend on the row."""
    rows = np.zeros((2, step.n_features_in_), dtype=np.float32)
    rows[1] = 1.0
    start = step._raw_predict_init(rows)
    refuse(not np.array_equal(start[0], start[1]), at, "GradientBoosting on an init estimator is not known to cutline")
    return reals(start[0])


def boosted(step, at):
    return {
        "features": int(step.n_features_in_),
        "start": boosted_start(step, at),
        "rate": real(step.learning_rate),
        "stages": [[tree(part.tree_, part.tree_.value[:, 0, :]) for part in stage] for stage in step.estimators_],
        "precision": "single",
    }


@writes("GradientBoostingClassifier")
def gradient_classifier(step, at):
    refuse(step.loss not in ("log_loss", "deviance", "exponential"), at, "loss %s is not known to cutline" % step.loss)
    binary = len(step.classes_) == 2
    link = "exponential" if step.loss == "exponential" else "logistic" if binary else "softmax"
    return dict(boosted(step, at), type="boosting-classifier", classes=classes_of(step, at), link=link)


@writes("GradientBoostingRegressor")
def gradient_regressor(step, at):
    return dict(boosted(step, at), type="boosting-regressor", link="identity")


def histogram_tree(predictor, known):
    nodes = predictor.nodes
    leaf = nodes["is_leaf"].astype(bool)
    sets, set_of = [], []
    for node in nodes:
        if node["is_leaf"] or not node["is_categorical"]:
            set_of.append(-1)
            continue
        words = ints(predictor.raw_left_cat_bitsets[node["bitset_idx"]])
        members = [32 * index + bit for index, word in enumerate(words) for bit in range(32) if word >> bit & 1]
        set_of.append(len(sets))
        sets.append({"left": members, "known": known[int(node["feature_idx"])]})
    document = {
        "left": [-1 if end else int(child) for end, child in zip(leaf, nodes["left"])],
        "right": [-1 if end else int(child) for end, child in zip(leaf, nodes["right"])],
        "feature": [0 if end else int(feature) for end, feature in zip(leaf, nodes["feature_idx"])],
        "threshold": [
            0.0 if end or chosen >= 0 else real(value)
            for end, chosen, value in zip(leaf, set_of, nodes["num_threshold"])
        ],
        "missing_left": [int(bool(side) and not end) for end, side in zip(leaf, nodes["missing_go_to_left"])],
        "values": [[real(value)] for value in nodes["value"][leaf]],
    }
    if sets:
        document["set"] = set_of
        document["sets"] = sets
    return document


def histogram(step, at):
    bins = step._bin_mapper
    categorical = bins.is_categorical_
    known = {feature: ints(bins.bin_thresholds_[feature]) for feature in np.flatnonzero(categorical)}
    return {
        "features": int(step._n_features),
        "start": reals(step._baseline_prediction),
        "rate": 1.0,
        "stages": [[histogram_tree(part, known) for part in stage] for stage in step._predictors],
        "precision": "double",
    }


def preprocessed(step, document, at):
    """HistGradientBoosting with categories encodes them itself, from scikit-learn 1.4 on."""
    encoder = getattr(step, "_preprocessor", None)
    if encoder is None:
        return document
    # Its other columns pass through a function of scikit-learn's that only checks them.
    width = int(encoder.n_features_in_)
    parts = []
    for name, part, chosen in encoder.transformers_:
        indices = column_indices(chosen, [], width, at)
        if indices:
            here = "%s.preprocessor.%s" % (at, name)
            transform = {"type": "passthrough"} if name == "numerical" else write_transform(part, here)
            parts.append({"name": name, "columns": indices, "weight": None, "transform": transform})
    transform = {"type": "columns", "width": width, "parts": parts}
    return {
        "type": "pipeline",
        "steps": [{"name": "preprocessor", "transform": transform}],
        "name": "boosting",
        "model": document,
    }


@writes("HistGradientBoostingClassifier")
def histogram_classifier(step, at):
    binary = len(step.classes_) == 2
    document = dict(histogram(step, at), type="boosting-classifier", classes=classes_of(step, at),
                    link="logistic" if binary else "softmax")
    return preprocessed(step, document, at)


@writes("HistGradientBoostingRegressor")
def histogram_regressor(step, at):
    link = "exp" if step.loss in ("poisson", "gamma") else "identity"
    return preprocessed(step, dict(histogram(step, at), type="boosting-regressor", link=link), at)


def average_path_length(count):
    """The mean path to a leaf among `count` rows, as scikit-learn's isolation forest has it."""
    if count <= 1:
        return 0.0
    if count == 2:
        return 1.0
    return 2.0 * (math.log(count - 1.0) + np.euler_gamma) - 2.0 * (count - 1.0) / count


def isolation_tree(nodes, features):
    depths = np.zeros(nodes.node_count)
    for index in range(nodes.node_count):
        for child in (nodes.children_left[index], nodes.children_right[index]):
            if child >= 0:
                depths[child] = depths[index] + 1.0
    # As scikit-learn adds them: nodes on the path, the rest to be expected, less one.
    lengths = [(depth + 1.0) + average_path_length(int(count)) - 1.0 for depth, count in zip(depths, nodes.n_node_samples)]
    document = tree(nodes, np.array(lengths).reshape(-1, 1))
    document["feature"] = [int(features[feature]) for feature in document["feature"]]
    document.pop("missing_left", None)
    return document


@writes("IsolationForest")
def isolation(step, at):
    return {
        "type": "isolation-forest",
        "features": int(step.n_features_in_),
        "offset": real(step.offset_),
        "denominator": real(len(step.estimators_) * average_path_length(int(step._max_samples))),
        "trees": [
            isolation_tree(part.tree_, features)
            for part, features in zip(step.estimators_, step.estimators_features_)
        ],
    }


@writes("KMeans", "MiniBatchKMeans")
def k_means(step, at):
    return {"type": "k-means", "centers": matrix(step.cluster_centers_)}


@writes("CalibratedClassifierCV")
def calibrated(step, at):
    parts = []
    for index, part in enumerate(step.calibrated_classifiers_):
        inner = part.estimator if hasattr(part, "estimator") else part.base_estimator
        here = "%s.%d" % (at, index)
        refuse(len(inner.classes_) != len(step.classes_), here, "a fold that lacks a class is not known to cutline")
        parts.append({
            "model": write(inner, here),
            "response": "scores" if hasattr(inner, "decision_function") else "probabilities",
            "calibrators": [calibrator(one, here) for one in part.calibrators],
        })
    return {"type": "calibrated", "classes": classes_of(step, at), "parts": parts}


def calibrator(one, at):
    name = type(one).__name__
    if name == "_SigmoidCalibration":
        return {"kind": "sigmoid", "a": real(one.a_), "b": real(one.b_)}
    refuse(name != "IsotonicRegression", at, "%s is not known to cutline" % describe(one))
    return {"kind": "isotonic", "x": reals(one.X_thresholds_), "y": reals(one.y_thresholds_)}


def voters(step, at):
    names = [name for name, part in step.estimators if not (isinstance(part, str) and part == "drop")]
    return {
        "voters": [
            {"name": name, "model": write(part, "%s.%s" % (at, name))}
            for name, part in zip(names, step.estimators_)
        ],
        "weights": None if step.weights is None else reals(step._weights_not_none),
    }


@writes("VotingClassifier")
def voting_classifier(step, at):
    return dict(voters(step, at), type="voting-classifier", classes=classes_of(step, at), soft=step.voting == "soft")


@writes("VotingRegressor")
def voting_regressor(step, at):
    return dict(voters(step, at), type="voting-regressor")


# ---- what other libraries learnt, in their own words


@writes("LGBMClassifier", "LGBMRegressor")
def lightgbm(step, at):
    classes = classes_of(step, at) if hasattr(step, "classes_") else None
    # All trees are written; what is used by default is the best iteration's.
    best = getattr(step, "best_iteration_", None) or None
    return {"type": "lightgbm", "classes": classes, "text": step.booster_.model_to_string(num_iteration=best)}


@writes("XGBClassifier", "XGBRegressor")
def xgboost(step, at):
    missing = getattr(step, "missing", np.nan)
    refuse(missing is not None and not math.isnan(missing), at, "missing=%r is not known to cutline" % missing)
    booster = step.get_booster()
    best = None
    try:
        best = step.best_iteration
    except AttributeError:
        pass
    if best is not None:
        booster = booster[: best + 1]
    classes = classes_of(step, at) if hasattr(step, "classes_") else None
    return {"type": "xgboost", "classes": classes, "model": json.loads(bytes(booster.save_raw("json")).decode())}


# ---- the file


def load(path):
    try:
        import joblib
    except ImportError:
        joblib = None
    try:
        if joblib is not None:
            return joblib.load(path)
        with open(path, "rb") as file:
            return pickle.load(file)
    except (ImportError, AttributeError) as error:
        raise Refused(
            "%s cannot be unpickled: %s. Run this in the monolith's own environment, "
            "with its source folder on PYTHONPATH" % (path, error))
    except OSError as error:
        raise Refused("%s cannot be read: %s" % (path, error))
    except Exception as error:  # unpickling may raise anything
        raise Refused("%s cannot be unpickled: %s: %s" % (path, type(error).__name__, error))


def members(thing):
    """Of a dict, a list or an object of the monolith's own, what it holds by name."""
    if isinstance(thing, dict):
        return {str(name): value for name, value in thing.items()}
    if isinstance(thing, (list, tuple)):
        return {str(index): value for index, value in enumerate(thing)}
    return dict(getattr(thing, "__dict__", {}))


def is_model(thing):
    return hasattr(thing, "predict") and type(thing).__name__ in WRITERS


def at_key(thing, key):
    for name in key.split("."):
        held = members(thing)
        if name not in held:
            raise Refused("there is no %s in the file; it holds %s" % (key, ", ".join(sorted(held)) or "nothing"))
        thing = held[name]
    return thing


def choose(thing, key):
    """The model in what was unpickled."""
    if key:
        return at_key(thing, key)
    if is_model(thing) or hasattr(thing, "predict"):
        return thing
    found = sorted(name for name, value in members(thing).items() if hasattr(value, "predict"))
    if len(found) == 1:
        return members(thing)[found[0]]
    what = "models at %s: choose one with --key" % ", ".join(found) if found else "no model"
    if is_transformer(thing):
        what += ": name the model's file, and this one by --before"
    raise Refused("the file holds a %s with %s" % (describe(thing), what))


def is_transformer(thing):
    return hasattr(thing, "transform") and not hasattr(thing, "predict") and type(thing).__name__ in WRITERS


def choose_transformer(thing, path):
    """What was fitted to be done to rows, in what was unpickled."""
    if is_transformer(thing):
        return thing
    found = sorted(name for name, value in members(thing).items() if is_transformer(value))
    if len(found) == 1:
        return members(thing)[found[0]]
    what = "several transformers, %s: pickle the one" % ", ".join(found) if found else "no transformer that cutline knows"
    raise Refused("%s: it holds a %s with %s" % (path, describe(thing), what))


def made_names(step):
    """The columns that a transformer makes, where it says so and was told names itself."""
    if getattr(step, "feature_names_in_", None) is None:
        return None
    try:
        return [str(name) for name in step.get_feature_names_out()]
    except Exception:  # not every transformer, nor every version, knows
        return None


def behind(before, document, model):
    """The document of a model with transformers before it, as a Pipeline would have them."""
    steps, made = [], None
    for number, step in enumerate(before, 1):
        at = "before-%d" % number
        steps.append({"name": at, "transform": write_transform(step, at)})
        check_order(made, step, at)
        made = made_names(step)
    check_order(made, model, "model")
    return {"type": "pipeline", "steps": steps, "name": "model", "model": document}


def check_order(made, step, at):
    """What has the same names in another order would be given each other's columns."""
    takes = getattr(step, "feature_names_in_", None)
    if made is None or takes is None:
        return
    takes = [str(name) for name in takes]
    refuse(sorted(made) == sorted(takes) and made != takes, at,
           "it takes %s, and what is before it makes %s" % (", ".join(takes), ", ".join(made)))


def input_names(model):
    names = getattr(model, "feature_names_in_", None)
    if names is not None:
        return [str(name) for name in names]
    booster_names = getattr(model, "feature_name_", None)
    if booster_names is not None:
        return [str(name) for name in booster_names]
    width = getattr(model, "n_features_in_", None)
    if width is None:
        raise Refused("%s does not say how many columns it takes: it is not fitted, or takes any" % describe(model))
    return ["x%d" % index for index in range(int(width))]


def relabelled(document, encoder, at):
    """The document with the classes that a LabelEncoder numbered."""
    names = scalars(encoder.classes_, at)
    inner = document
    while inner["type"] == "pipeline":
        inner = inner["model"]
    numbers = inner.get("classes")
    refuse(numbers is None, at, "--labels is for classifiers")
    refuse(any(not isinstance(number, int) or not 0 <= number < len(names) for number in numbers),
           at, "its classes %s are not what the LabelEncoder numbered" % numbers)
    inner["classes"] = [names[number] for number in numbers]
    return document


def export(model, labels=None, before=()):
    """The whole document of a fitted model."""
    import sklearn

    document = write(model, "model")
    if document["type"] in TRANSFORMS:
        raise Refused("model: %s transforms and predicts nothing" % describe(model))
    if labels is not None:
        refuse(type(labels).__name__ != "LabelEncoder", "labels", "%s is no LabelEncoder" % describe(labels))
        document = relabelled(document, labels, "labels")
    if before:
        document = behind(before, document, model)
    return {
        "format": FORMAT,
        "version": VERSION,
        "written_by": {"python": sys.version.split()[0], "numpy": np.__version__, "scikit-learn": sklearn.__version__},
        "inputs": input_names(before[0] if before else model),
        "model": document,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="the joblib or pickle file")
    parser.add_argument("--out", help="where to write the document (default: standard output)")
    parser.add_argument("--key", help="where in the file the model is, like model or bundle.model")
    parser.add_argument("--before", action="append", default=[],
                        help="a file with a fitted transformer that is done before the model; several in their order")
    parser.add_argument("--labels", help="where in the file the LabelEncoder of the target is")
    options = parser.parse_args()
    try:
        thing = load(options.file)
        labels = at_key(thing, options.labels) if options.labels else None
        before = [choose_transformer(load(path), path) for path in options.before]
        document = export(choose(thing, options.key), labels, before)
    except Refused as refused:
        sys.stderr.write("cannot export: %s\n" % refused)
        return 2
    text = json.dumps(document, allow_nan=False, separators=(",", ":"))
    if options.out:
        with open(options.out, "w") as file:
            file.write(text)
    else:
        sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
