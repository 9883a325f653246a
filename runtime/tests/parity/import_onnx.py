"""Models of scikit-learn as skl2onnx exports them, with what ONNX Runtime predicts.

Made with Python 3.11, scikit-learn 1.5.2, NumPy 2.1.3, pandas 2.2.3, skl2onnx 1.20.0,
onnx 1.23.2 and ONNX Runtime 1.32.0:

    python runtime/tests/parity/import_onnx.py
"""

import base64
import json
import pathlib
import sys
import warnings

import numpy as np
import onnxruntime
import pandas as pd
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, StringTensorType
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import *
from sklearn.feature_selection import SelectKBest, f_classif
from sklearn.impute import SimpleImputer
from sklearn.linear_model import *
from sklearn.naive_bayes import GaussianNB
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import *
from sklearn.svm import LinearSVC, LinearSVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

warnings.filterwarnings("ignore")
HERE = pathlib.Path(__file__).parent
N_ROWS = 6
rng = np.random.default_rng(23)
n = 200
NUMBERS = pd.DataFrame({
    "age": rng.integers(18, 90, n).astype(float),
    "charges": np.round(rng.gamma(2.0, 30.0, n), 2),
    "tenure": rng.exponential(20.0, n),
    "balance": rng.normal(0.0, 10.0, n),
})
MIXED = NUMBERS.assign(
    plan=rng.choice(["free", "basic", "pro"], n),
    region=rng.choice(["north", "süd", "east"], n),
)
LOGIT = (NUMBERS.age - 50) / 20 + (NUMBERS.charges - 60) / 40 + rng.normal(0, 1, n)
BINARY = (LOGIT > 0).astype(int).to_numpy()
NAMED = np.where(BINARY == 1, "churn", "stay")
SEVERAL = np.digitize(LOGIT, [-1.0, 0.5, 1.5]) * 10
AMOUNT = (3.0 * NUMBERS.age + NUMBERS.charges + rng.normal(0, 10, n)).to_numpy()
HOLES = NUMBERS.mask(rng.random(NUMBERS.shape) < 0.2)

CASES = []


def case(name, model, frame, target, columns=False, options=None, kind=FloatTensorType, **more):
    """Fits, exports and asks ONNX Runtime; `columns`: one input a column, as skl2onnx has it for frames."""
    given = frame if columns else frame.to_numpy()
    model.fit(given, target)
    if columns:
        types = [
            (column, StringTensorType([None, 1]) if frame[column].dtype == object else kind([None, 1]))
            for column in frame
        ]
    else:
        types = [("X", kind([None, frame.shape[1]]))]
    exported = to_onnx(model, initial_types=types, options=options, **more)
    session = onnxruntime.InferenceSession(exported.SerializeToString(), providers=["CPUExecutionProvider"])
    rows = frame.head(N_ROWS)
    number = np.float64 if kind is DoubleTensorType else np.float32
    if columns:
        feed = {
            column: rows[[column]].to_numpy().astype(object if rows[column].dtype == object else number)
            for column in rows
        }
    else:
        feed = {"X": rows.to_numpy().astype(number)}
    said = session.run(None, feed)
    labels = np.asarray(said[0])
    entry = {"name": name, "onnx": base64.b64encode(exported.SerializeToString()).decode()}
    entry["columns"] = list(frame) if columns else [f"x{i}" for i in range(frame.shape[1])]
    entry["rows"] = [
        [None if isinstance(value, float) and np.isnan(value) else value for value in row]
        for row in rows.to_numpy().tolist()
    ]
    entry["labels"] = labels.ravel().tolist()
    if len(said) > 1:
        second = said[1]
        if isinstance(second, list):
            second = [list(row.values()) for row in second]
        entry["probabilities"] = np.asarray(second, dtype=np.float64).reshape(len(rows), -1).tolist()
    CASES.append(entry)
    ops = sorted({f"{node.domain or 'ai.onnx'}:{node.op_type}" for node in exported.graph.node})
    print(name, len(entry["onnx"]), ops, file=sys.stderr)


def main():
    logistic = lambda **more: LogisticRegression(max_iter=2000, **more)
    no_map = lambda model: {id(model): {"zipmap": False}}
    case("logistic", logistic(), NUMBERS, BINARY)
    model = logistic()
    case("logistic, no map", model, NUMBERS, BINARY, options=no_map(model))
    case("logistic, texts", logistic(), NUMBERS, NAMED)
    case("logistic, several", logistic(), NUMBERS, SEVERAL)
    model = logistic()
    case("logistic, double", model, NUMBERS, BINARY, options=no_map(model), kind=DoubleTensorType)
    case("scaled", make_pipeline(StandardScaler(), logistic()), NUMBERS, BINARY)
    case("min-max", make_pipeline(MinMaxScaler(), logistic()), NUMBERS, BINARY)
    case("robust", make_pipeline(RobustScaler(), logistic()), NUMBERS, BINARY)
    case("max-abs", make_pipeline(MaxAbsScaler(), logistic()), NUMBERS, BINARY)
    case("imputed", make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), logistic()), HOLES, BINARY)
    case("normalized", make_pipeline(Normalizer(), logistic()), NUMBERS, BINARY)
    case("polynomial", make_pipeline(StandardScaler(), PolynomialFeatures(2), logistic()), NUMBERS, BINARY)
    case("binarized", make_pipeline(Binarizer(threshold=20.0), logistic()), NUMBERS, BINARY)
    case("projected", make_pipeline(StandardScaler(), PCA(2, svd_solver="full"), logistic()), NUMBERS, BINARY)
    case("selected", make_pipeline(SelectKBest(f_classif, k=2), logistic()), NUMBERS, BINARY)
    case("bins", make_pipeline(KBinsDiscretizer(4, encode="onehot-dense", strategy="quantile"), logistic()), NUMBERS, BINARY)
    case("union", make_pipeline(FeatureUnion([("s", StandardScaler()), ("m", MinMaxScaler())]), logistic()), NUMBERS, BINARY)
    numbers, texts = list(NUMBERS), ["plan", "region"]
    mixed = lambda last, encoder: make_pipeline(
        ColumnTransformer([("n", StandardScaler(), numbers), ("t", encoder, texts)]), last
    )
    case("mixed", mixed(logistic(), OneHotEncoder(handle_unknown="ignore")), MIXED, BINARY, columns=True)
    case("mixed, dense", mixed(logistic(), OneHotEncoder(sparse_output=False)), MIXED, BINARY, columns=True)
    case("ordinal", mixed(RandomForestClassifier(3, max_depth=3, random_state=1), OrdinalEncoder()), MIXED, BINARY, columns=True)
    case("linear", LinearRegression(), NUMBERS, AMOUNT)
    case("ridge", make_pipeline(StandardScaler(), Ridge()), NUMBERS, AMOUNT)
    case("lasso, double", Lasso(), NUMBERS, AMOUNT, kind=DoubleTensorType)
    case("tree", DecisionTreeClassifier(max_depth=4, random_state=1), NUMBERS, BINARY)
    case("tree, several", DecisionTreeClassifier(max_depth=4, random_state=1), NUMBERS, SEVERAL)
    case("tree, values", DecisionTreeRegressor(max_depth=4, random_state=1), NUMBERS, AMOUNT)
    case("forest", RandomForestClassifier(5, max_depth=3, random_state=1), NUMBERS, BINARY)
    case("forest, texts", RandomForestClassifier(5, max_depth=3, random_state=1), NUMBERS, NAMED)
    case("forest, several", RandomForestClassifier(5, max_depth=3, random_state=1), NUMBERS, SEVERAL)
    case("forest, values", RandomForestRegressor(5, max_depth=3, random_state=1), NUMBERS, AMOUNT)
    case("extra trees", ExtraTreesClassifier(5, max_depth=3, random_state=1), NUMBERS, BINARY)
    case("boosting", GradientBoostingClassifier(n_estimators=6, max_depth=2, random_state=1), NUMBERS, BINARY)
    case("boosting, several", GradientBoostingClassifier(n_estimators=4, max_depth=2, random_state=1), NUMBERS, SEVERAL)
    case("boosting, values", GradientBoostingRegressor(n_estimators=6, max_depth=2, random_state=1), NUMBERS, AMOUNT)
    case("naive Bayes", GaussianNB(), NUMBERS, BINARY)
    case("linear SVC", LinearSVC(dual=False), NUMBERS, BINARY)
    case("SGD", make_pipeline(StandardScaler(), SGDClassifier(loss="log_loss", random_state=1)), NUMBERS, BINARY)
    case("perceptron", make_pipeline(StandardScaler(), MLPClassifier((5,), max_iter=300, random_state=1)), NUMBERS, BINARY)
    case("perceptron, values", make_pipeline(StandardScaler(), MLPRegressor((5,), max_iter=300, random_state=1)), NUMBERS, AMOUNT)
    case("isolation forest", IsolationForest(n_estimators=4, max_samples=16, random_state=1), NUMBERS, BINARY, target_opset={"": 18, "ai.onnx.ml": 3})
    case("k-means", KMeans(3, n_init=2, random_state=1), NUMBERS, BINARY)
    case("voting", VotingClassifier([("a", logistic()), ("b", DecisionTreeClassifier(max_depth=2, random_state=1))], voting="soft", flatten_transform=False), NUMBERS, BINARY)
    out = HERE / "data" / "import_onnx.json"
    out.write_text(json.dumps(CASES, ensure_ascii=False, separators=(",", ":")) + "\n")
    print(out, out.stat().st_size, file=sys.stderr)


main()
