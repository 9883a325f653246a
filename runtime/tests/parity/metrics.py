"""What scikit-learn makes of a few small sets, for the tests of `metrics`.

Made with Python 3.11, scikit-learn 1.5.2, NumPy 2.1.3, SciPy 1.14.1:

    python runtime/tests/parity/metrics.py > runtime/tests/parity/data/metrics.json
"""

import json
import sys

import numpy as np
from scipy import stats
from sklearn import metrics as m
from sklearn.calibration import calibration_curve

AVERAGES = {"macro": "macro", "weighted": "weighted"}


def binary(rng, n, ties, weighted):
    truth = rng.integers(0, 2, n)
    truth[:2] = [0, 1]
    p = np.clip(0.5 + 0.25 * (truth - 0.5) + 0.3 * rng.standard_normal(n), 0, 1)
    if ties:
        p = np.round(p, 1)
    weights = np.round(rng.gamma(1.0, 2.0, n), 3) if weighted else None
    if weighted:
        weights[::7] = 0
    predicted = (p > 1 - p).astype(int)
    w = {"sample_weight": weights}
    precision, recall, thresholds = m.precision_recall_curve(truth, p, **w)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-300)
    top = np.argsort(-p, kind="stable")[: max(1, n // 10)]
    scores = {
        "precision": m.precision_score(truth, predicted, **w),
        "recall": m.recall_score(truth, predicted, **w),
        "f1": m.f1_score(truth, predicted, **w),
        "roc-auc": m.roc_auc_score(truth, p, **w),
        "pr-auc": m.average_precision_score(truth, p, **w),
        "brier": m.brier_score_loss(truth, p, **w),
    }
    case = of_classes(truth, np.column_stack([1 - p, p]), predicted, weights, scores)
    fpr, tpr, _ = m.roc_curve(truth, p, drop_intermediate=False, **w)
    case["roc"] = np.column_stack([fpr, tpr]).tolist()
    case["precision_recall"] = np.column_stack([thresholds, precision[:-1], recall[:-1]]).tolist()
    case["best_threshold"] = float(thresholds[np.argmax(f1[:-1])])
    if not weighted:
        scores["top-decile-lift"] = float(truth[top].mean() / truth.mean())
        case["calibration"] = {}
        for strategy in ["uniform", "quantile"]:
            observed, mean = calibration_curve(truth, p, n_bins=10, strategy=strategy)
            case["calibration"][strategy] = np.column_stack([mean, observed]).tolist()
    return case


def multiclass(rng, n, k, weighted):
    truth = rng.integers(0, k, n)
    truth[:k] = np.arange(k)
    logits = rng.standard_normal((n, k)) + 1.2 * np.eye(k)[truth]
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    weights = np.round(rng.gamma(1.0, 2.0, n), 3) if weighted else None
    scores = {}
    for name, average in AVERAGES.items():
        w = {"sample_weight": weights, "average": average}
        scores[f"roc-auc-{name}"] = m.roc_auc_score(truth, p, multi_class="ovr", **w)
        scores[f"pr-auc-{name}"] = m.average_precision_score(truth, p, **w)
    return of_classes(truth, p, p.argmax(axis=1), weights, scores)


def of_classes(truth, p, predicted, weights, scores):
    w = {"sample_weight": weights}
    scores["accuracy"] = m.accuracy_score(truth, predicted, **w)
    scores["balanced-accuracy"] = m.balanced_accuracy_score(truth, predicted, **w)
    scores["log-loss"] = m.log_loss(truth, p, **w)
    for name, average in AVERAGES.items():
        both = {**w, "average": average, "zero_division": 0}
        scores[f"precision-{name}"] = m.precision_score(truth, predicted, **both)
        scores[f"recall-{name}"] = m.recall_score(truth, predicted, **both)
        scores[f"f1-{name}"] = m.f1_score(truth, predicted, **both)
    per_class = m.precision_recall_fscore_support(truth, predicted, zero_division=0, **w)
    return {
        "truth": truth.tolist(),
        "probabilities": p.tolist(),
        "weights": None if weights is None else weights.tolist(),
        "scores": scores,
        "confusion": m.confusion_matrix(truth, predicted, **w).astype(float).tolist(),
        "per_class": np.array(per_class, dtype=float).T.tolist(),
    }


def regression(rng, n, weighted):
    truth = np.round(10 * rng.standard_normal(n), 3)
    predicted = np.round(truth + rng.standard_normal(n), 3)
    truth[3] = 0.0
    weights = np.round(rng.gamma(1.0, 2.0, n), 3) if weighted else None
    w = {"sample_weight": weights}
    return {
        "truth": truth.tolist(),
        "predicted": predicted.tolist(),
        "weights": None if weights is None else weights.tolist(),
        "scores": {
            "mae": m.mean_absolute_error(truth, predicted, **w),
            "rmse": m.root_mean_squared_error(truth, predicted, **w),
            "r2": m.r2_score(truth, predicted, **w),
            "median-ae": m.median_absolute_error(truth, predicted, **w),
            "mape": m.mean_absolute_percentage_error(truth, predicted, **w),
        },
    }


def bca(rng, n):
    values = rng.gamma(1.0, 2.0, n)
    found = stats.bootstrap((values,), np.mean, n_resamples=400, method="BCa", random_state=rng)
    jackknife = [float(np.delete(values, i).mean()) for i in range(n)]
    return {
        "estimate": float(values.mean()),
        "replicates": np.sort(found.bootstrap_distribution).tolist(),
        "jackknife": jackknife,
        "interval": list(map(float, found.confidence_interval)),
    }


def main():
    rng = np.random.default_rng(5)
    shapes = [(n, ties, weighted) for n in [23, 60] for ties in [False, True] for weighted in [False, True]]
    data = {
        "binary": [binary(rng, *shape) for shape in shapes],
        "multiclass": [multiclass(rng, n, k, w) for n, k in [(40, 3), (60, 5)] for w in [False, True]],
        "regression": [regression(rng, n, w) for n in [9, 40] for w in [False, True]],
        "bca": [bca(rng, n) for n in [12, 30]],
    }
    json.dump(data, sys.stdout)
    print()


main()
