"""Models of scikit-learn, LightGBM and XGBoost, exported, with their own predictions.

Made with Python 3.11, scikit-learn 1.5.2, NumPy 2.1.3, SciPy 1.14.1, pandas 2.2.3,
LightGBM 4.7.0 and XGBoost 3.2.0:

    python runtime/tests/parity/import_models.py
"""

import importlib.util
import json
import pathlib
import warnings

import lightgbm
import numpy as np
import pandas as pd
import xgboost
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import *
from sklearn.feature_selection import SelectKBest, VarianceThreshold, f_classif
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import *
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import *
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier

warnings.filterwarnings("ignore")
HERE = pathlib.Path(__file__).parent
EXPORT = HERE.parents[1] / "src" / "import" / "export.py"
spec = importlib.util.spec_from_file_location("export", EXPORT)
export = importlib.util.module_from_spec(spec)
spec.loader.exec_module(export)

N_ROWS = 8
rng = np.random.default_rng(11)
n = 240
NUMBERS = pd.DataFrame({
    "age": rng.integers(18, 90, n),
    "charges": np.round(rng.gamma(2.0, 30.0, n), 2),
    "tenure": rng.exponential(20.0, n),
    "balance": rng.normal(0.0, 1000.0, n),
})
MIXED = NUMBERS.assign(
    plan=rng.choice(["free", "basic", "pro", "team"], n, p=[0.5, 0.3, 0.15, 0.05]),
    region=rng.choice(["north", "süd", None], n, p=[0.45, 0.45, 0.1]),
    tickets=np.where(rng.random(n) < 0.2, np.nan, rng.integers(0, 6, n)),
    active=rng.random(n) < 0.5,
)
LOGIT = (NUMBERS.age - 50) / 20 + (NUMBERS.charges - 60) / 40 + rng.normal(0, 1, n)
BINARY = (LOGIT > 0).astype(int).to_numpy()
NAMED = np.where(BINARY == 1, "churn", "stay")
BOOLEAN = BINARY == 1
SEVERAL = np.digitize(LOGIT, [-1.0, 0.5, 1.5]) * 10
AMOUNT = (3.0 * NUMBERS.age + NUMBERS.charges + rng.normal(0, 10, n)).to_numpy()
COUNT = rng.poisson(np.exp(np.clip(LOGIT, -2, 2)))
HOLES = NUMBERS.mask(rng.random(NUMBERS.shape) < 0.15)


def cell(value):
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return None
    return value.item() if isinstance(value, np.generic) else value


def answers(model, frame, labels=None):
    said = {}
    predicted = model.predict(frame)
    if labels is not None:
        predicted = labels.inverse_transform(predicted)
    said["predict"] = [cell(value) for value in np.asarray(predicted).ravel()]
    for name in ("predict_proba", "decision_function"):
        if hasattr(model, name):
            said[name] = np.asarray(getattr(model, name)(frame), dtype=np.float64).reshape(len(frame), -1).tolist()
    return said


CASES = []


def case(name, model, frame, target, labels=None):
    model.fit(frame, target)
    rows = frame.sample(N_ROWS, random_state=len(CASES)).reset_index(drop=True)
    CASES.append({
        "name": name,
        "document": export.export(model, labels),
        "rows": [[cell(value) for value in row] for row in rows.astype(object).to_numpy().tolist()],
        **answers(model, rows, labels),
    })


def scaled(model):
    return Pipeline([("scale", StandardScaler()), ("model", model)])


# Linear models.
case("logistic", scaled(LogisticRegression(class_weight="balanced", max_iter=500)), NUMBERS, NAMED)
case("logistic, several", scaled(LogisticRegression(max_iter=500)), NUMBERS, SEVERAL)
case("logistic, one against the rest", scaled(LogisticRegression(multi_class="ovr")), NUMBERS, SEVERAL)
case("logistic, liblinear", scaled(LogisticRegression(solver="liblinear")), NUMBERS, BOOLEAN)
case("logistic, multinomial of two", scaled(LogisticRegression(multi_class="multinomial")), NUMBERS, BINARY)
case("logistic, unscaled", LogisticRegression(solver="newton-cholesky"), NUMBERS, BINARY)
case("linear", LinearRegression(), NUMBERS, AMOUNT)
case("ridge", scaled(Ridge()), NUMBERS, AMOUNT)
case("ridge of a column", scaled(Ridge()), NUMBERS, AMOUNT.reshape(-1, 1))
case("ridge classifier", scaled(RidgeClassifier()), NUMBERS, SEVERAL)
case("lasso", scaled(Lasso(alpha=0.5)), NUMBERS, AMOUNT)
case("elastic net", scaled(ElasticNet(alpha=0.5)), NUMBERS, AMOUNT)
case("sgd, log loss", scaled(SGDClassifier(loss="log_loss", random_state=0)), NUMBERS, SEVERAL)
case("sgd, modified huber", scaled(SGDClassifier(loss="modified_huber", random_state=0)), NUMBERS, NAMED)
case("sgd, modified huber, several", scaled(SGDClassifier(loss="modified_huber", random_state=0)), NUMBERS, SEVERAL)
case("sgd, hinge", scaled(SGDClassifier(random_state=0)), NUMBERS, BINARY)
case("sgd regressor", scaled(SGDRegressor(random_state=0)), NUMBERS, AMOUNT)
case("linear svc", scaled(LinearSVC(random_state=0)), NUMBERS, NAMED)
case("naive bayes", GaussianNB(), NUMBERS, SEVERAL)

# Transformations.
FREE = Ridge(alpha=0.1)
case("min-max, clipped", make_pipeline(MinMaxScaler(clip=True), FREE), NUMBERS, AMOUNT)
case("robust", make_pipeline(RobustScaler(), FREE), NUMBERS, AMOUNT)
case("max-abs", make_pipeline(MaxAbsScaler(), FREE), NUMBERS, AMOUNT)
for norm in ("l1", "l2", "max"):
    case("normalizer, " + norm, make_pipeline(Normalizer(norm), FREE), NUMBERS, AMOUNT)
case("yeo-johnson", make_pipeline(PowerTransformer(), FREE), NUMBERS, AMOUNT)
case("box-cox", make_pipeline(PowerTransformer("box-cox", standardize=False), FREE), NUMBERS[["age", "tenure"]], AMOUNT)
case("bins, one-hot", make_pipeline(KBinsDiscretizer(4), FREE), NUMBERS, AMOUNT)
case("bins, ordinal", make_pipeline(KBinsDiscretizer(4, encode="ordinal"), FREE), NUMBERS, AMOUNT)
case("polynomial", make_pipeline(StandardScaler(), PolynomialFeatures(3), FREE), NUMBERS, AMOUNT)
case("interactions", make_pipeline(StandardScaler(), PolynomialFeatures(2, interaction_only=True, include_bias=False), FREE), NUMBERS, AMOUNT)
case("pca", make_pipeline(StandardScaler(), PCA(2), FREE), NUMBERS, AMOUNT)
case("pca, whitened", make_pipeline(PCA(3, whiten=True), FREE), NUMBERS, AMOUNT)
case("selection", make_pipeline(VarianceThreshold(), SelectKBest(f_classif, k=2), GaussianNB()), NUMBERS, BINARY)
case("medians and indicators", make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler(), FREE), HOLES, AMOUNT)
case("a column without values", make_pipeline(SimpleImputer(), FREE), HOLES.assign(balance=np.nan), AMOUNT)
case("arrays without names", make_pipeline(StandardScaler(), FREE), pd.DataFrame(NUMBERS.to_numpy()).rename(columns=lambda i: "x%d" % i), AMOUNT)
case("union", make_pipeline(
    FeatureUnion([("scaled", StandardScaler()), ("pca", PCA(2)), ("plain", "passthrough")], transformer_weights={"pca": 0.5}), FREE), NUMBERS, AMOUNT)
case("functions", make_pipeline(ColumnTransformer([
    ("log1p", FunctionTransformer(np.log1p), ["charges"]), ("sqrt", FunctionTransformer(np.sqrt), ["tenure"]),
    ("abs", FunctionTransformer(np.abs), ["balance"]), ("log", FunctionTransformer(np.log), slice("age", "age"))]), StandardScaler(), FREE), NUMBERS, AMOUNT)
case("search", GridSearchCV(scaled(LogisticRegression()), {"model__C": [0.1, 1.0]}), NUMBERS, NAMED)


def columns(encoder, remainder="drop"):
    numbers = Pipeline([("impute", SimpleImputer(strategy="mean")), ("scale", StandardScaler())])
    texts = Pipeline([("impute", SimpleImputer(strategy="most_frequent", missing_values=None)), ("encode", encoder)])
    return ColumnTransformer([("numbers", numbers, ["tickets", "age", "charges"]), ("texts", texts, ["plan", "region"])],
                             remainder=remainder)


case("columns", make_pipeline(columns(OneHotEncoder(handle_unknown="ignore")), LogisticRegression()), MIXED, NAMED)
case("columns, the rest too", make_pipeline(columns(OneHotEncoder(drop="first"), "passthrough"), LogisticRegression(max_iter=1000)), MIXED, NAMED)
case("columns, binary dropped", make_pipeline(columns(OneHotEncoder(drop="if_binary")), LogisticRegression()), MIXED, NAMED)
case("columns, the infrequent", make_pipeline(columns(OneHotEncoder(min_frequency=40, handle_unknown="infrequent_if_exist")), LogisticRegression()), MIXED, NAMED)
case("columns, the infrequent dropped", make_pipeline(columns(OneHotEncoder(min_frequency=40, drop="first")), LogisticRegression()), MIXED, NAMED)
case("columns, ordinal", make_pipeline(columns(OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)), RandomForestClassifier(4, max_depth=3, random_state=0)), MIXED, NAMED)
case("missing as a category", make_pipeline(ColumnTransformer([
    ("texts", OneHotEncoder(), ["region", "plan"]), ("flags", OneHotEncoder(), ["active"]), ("codes", OrdinalEncoder(encoded_missing_value=-2), ["region"])]), LogisticRegression()), MIXED, NAMED)
case("a constant fills", make_pipeline(ColumnTransformer([
    ("texts", make_pipeline(SimpleImputer(strategy="constant", fill_value="none", missing_values=None), OneHotEncoder()), ["region"]),
    ("mask", SimpleImputer(strategy="constant", fill_value=-1), [False] * 6 + [True, False])]), LogisticRegression()), MIXED, NAMED)

# Trees.
case("tree", DecisionTreeClassifier(max_depth=4, random_state=0), NUMBERS, SEVERAL)
case("tree, balanced, holes", DecisionTreeClassifier(max_depth=4, class_weight="balanced", random_state=0), HOLES, NAMED)
case("tree, best first", DecisionTreeRegressor(max_leaf_nodes=9, random_state=0), NUMBERS, AMOUNT)
case("extra tree", ExtraTreeClassifier(max_depth=3, random_state=0), NUMBERS, BINARY)
case("forest", RandomForestClassifier(6, max_depth=4, random_state=0), NUMBERS, NAMED)
case("forest, holes", RandomForestClassifier(4, max_depth=4, random_state=0), HOLES, SEVERAL)
case("forest regressor", RandomForestRegressor(5, max_depth=4, random_state=0), NUMBERS, AMOUNT)
case("extra trees", ExtraTreesClassifier(5, max_depth=4, random_state=0), NUMBERS, BOOLEAN)
case("extra trees regressor", ExtraTreesRegressor(5, max_depth=4, random_state=0), NUMBERS, AMOUNT)
case("boosting", GradientBoostingClassifier(n_estimators=8, max_depth=2, random_state=0), NUMBERS, NAMED)
case("boosting, several", GradientBoostingClassifier(n_estimators=4, max_depth=2, random_state=0), NUMBERS, SEVERAL)
case("boosting, exponential", GradientBoostingClassifier(n_estimators=6, loss="exponential", max_depth=2, random_state=0), NUMBERS, BINARY)
case("boosting from zero", GradientBoostingClassifier(n_estimators=6, init="zero", max_depth=2, random_state=0), NUMBERS, BINARY)
case("boosting regressor", GradientBoostingRegressor(n_estimators=8, max_depth=2, random_state=0), NUMBERS, AMOUNT)
case("boosting, huber", GradientBoostingRegressor(n_estimators=6, loss="huber", max_depth=2, random_state=0), NUMBERS, AMOUNT)
case("histogram", HistGradientBoostingClassifier(max_iter=8, max_leaf_nodes=6, random_state=0), HOLES, NAMED)
case("histogram, several", HistGradientBoostingClassifier(max_iter=3, max_leaf_nodes=5, random_state=0), NUMBERS, SEVERAL)
case("histogram regressor", HistGradientBoostingRegressor(max_iter=8, max_leaf_nodes=6, random_state=0), HOLES, AMOUNT)
case("histogram, poisson", HistGradientBoostingRegressor(loss="poisson", max_iter=6, max_leaf_nodes=6, random_state=0), NUMBERS, COUNT)
case("histogram, categories", HistGradientBoostingClassifier(
    categorical_features=["plan", "region"], max_iter=6, max_leaf_nodes=6, min_samples_leaf=5, random_state=0), MIXED, NAMED)
case("isolation", IsolationForest(n_estimators=6, max_samples=32, random_state=0), NUMBERS, None)
case("isolation of some features", IsolationForest(n_estimators=5, max_samples=32, max_features=0.5, contamination=0.1, random_state=0), NUMBERS, None)
case("k-means", make_pipeline(StandardScaler(), KMeans(4, n_init=1, random_state=0)), NUMBERS, None)

# Models of models.
case("calibrated, sigmoid", CalibratedClassifierCV(scaled(LinearSVC(random_state=0)), cv=2), NUMBERS, NAMED)
case("calibrated, isotonic", CalibratedClassifierCV(GaussianNB(), method="isotonic", cv=2), NUMBERS, NAMED)
case("calibrated, several", CalibratedClassifierCV(GaussianNB(), method="isotonic", cv=2), NUMBERS, SEVERAL)
VOTERS = [("linear", scaled(LogisticRegression())), ("bayes", GaussianNB()), ("tree", DecisionTreeClassifier(max_depth=2))]
case("votes", VotingClassifier(VOTERS), NUMBERS, NAMED)
case("votes, weighted", VotingClassifier(VOTERS, voting="soft", weights=[2, 1, 1.5]), NUMBERS, SEVERAL)
case("votes, soft", VotingClassifier(VOTERS, voting="soft"), NUMBERS, SEVERAL)
case("votes of regressors", VotingRegressor([("a", Ridge()), ("b", DecisionTreeRegressor(max_depth=3))], weights=[1, 3]), NUMBERS, AMOUNT)
encoder = LabelEncoder().fit(["no", "yes"])
case("labels of an encoder", scaled(LogisticRegression()), NUMBERS, BINARY, labels=encoder)

# Other libraries.
SMALL = dict(n_estimators=5, num_leaves=5, random_state=0, verbose=-1, min_child_samples=5)
case("lightgbm", lightgbm.LGBMClassifier(**SMALL), HOLES, NAMED)
case("lightgbm, no hole", lightgbm.LGBMClassifier(**SMALL), NUMBERS, BINARY)
case("lightgbm, several", lightgbm.LGBMClassifier(**{**SMALL, "n_estimators": 3}), NUMBERS, SEVERAL)
case("lightgbm, one against the rest", lightgbm.LGBMClassifier(**{**SMALL, "n_estimators": 3}, objective="multiclassova"), NUMBERS, SEVERAL)
case("lightgbm regressor", make_pipeline(StandardScaler(), lightgbm.LGBMRegressor(**SMALL)), HOLES, AMOUNT)
case("lightgbm, poisson", lightgbm.LGBMRegressor(**SMALL, objective="poisson"), NUMBERS, COUNT)
case("lightgbm, averaged", lightgbm.LGBMRegressor(**SMALL, boosting_type="rf", subsample=0.7, subsample_freq=1), NUMBERS, AMOUNT)
CODES = HOLES.assign(plan=MIXED.plan.map({"free": 0, "basic": 1, "pro": 2, "team": 40}))
codes = lightgbm.LGBMClassifier(**SMALL, categorical_feature=[4], min_data_per_group=5, cat_smooth=1.0)
case("lightgbm, categories", codes, CODES, NAMED)
SMALL = dict(n_estimators=5, max_depth=3, random_state=0)
case("xgboost", xgboost.XGBClassifier(**SMALL), HOLES, BINARY)
case("xgboost, several", xgboost.XGBClassifier(**SMALL), NUMBERS, SEVERAL // 10)
case("xgboost regressor", xgboost.XGBRegressor(**SMALL), HOLES, AMOUNT)
case("xgboost, poisson", xgboost.XGBRegressor(**SMALL, objective="count:poisson"), NUMBERS, COUNT)
case("xgboost behind columns", make_pipeline(columns(OneHotEncoder()), xgboost.XGBClassifier(**SMALL)), MIXED, BINARY)

# What is refused, by name.
REFUSED = []


def refused(model, frame=NUMBERS, target=BINARY):
    try:
        export.export(model.fit(frame, target))
    except export.Refused as why:
        REFUSED.append(str(why))


class OwnBayes(GaussianNB):
    pass


def ratio(x):
    return x / 2


refused(make_pipeline(KNNImputer(), LogisticRegression()))
refused(Pipeline([("half", FunctionTransformer(ratio)), ("model", GaussianNB())]))
refused(Pipeline([("features", ColumnTransformer([("quantiles", QuantileTransformer(n_quantiles=5), ["age"])])), ("model", GaussianNB())]))
refused(OwnBayes())


def trimmed(value):
    """Without what XGBoost and LightGBM write and nobody reads here."""
    unread = {"base_weights", "loss_changes", "sum_hessian", "parents", "categories", "categories_nodes",
              "categories_segments", "categories_sizes", "split_type", "id", "attributes"}
    if isinstance(value, dict):
        return {name: trimmed(one) for name, one in value.items() if name not in unread}
    if isinstance(value, list):
        return [trimmed(one) for one in value]
    return value


def text(value):
    """Without the lines of a LightGBM model that nobody reads here."""
    unread = ("leaf_weight=", "leaf_count=", "internal_", "split_gain=", "[", "parameters:", "end of parameters",
              "feature_importances:", "tree_sizes=", "feature_infos=")
    return "\n".join(line for line in value.split("\n") if not line.startswith(unread))


def shorten(document):
    if isinstance(document, dict):
        if document.get("type") == "xgboost":
            document["model"] = trimmed(document["model"])
        if document.get("type") == "lightgbm":
            document["text"] = text(document["text"])
        for part in document.values():
            shorten(part)
    if isinstance(document, list):
        for part in document:
            shorten(part)


for one in CASES:
    shorten(one["document"])
lines = ",\n".join(json.dumps(one, separators=(",", ":"), ensure_ascii=False) for one in CASES)
path = HERE / "data" / "import_models.json"
path.write_text('{"refused":%s,\n"cases":[\n%s\n]}\n' % (json.dumps(REFUSED), lines))
print(len(CASES), "cases,", path.stat().st_size, "bytes;", REFUSED)
