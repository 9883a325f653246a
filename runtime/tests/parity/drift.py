"""What Evidently and SciPy make of pairs of samples, for the tests of `drift`.

Made with Python 3.11, Evidently 0.7.21, SciPy 1.14.1, NumPy 2.1.3, pandas 2.2.3:

    python runtime/tests/parity/drift.py > runtime/tests/parity/data/drift.json

Long samples are not written out: both sides make them from the same formula.
"""

import json
import sys
import warnings

import numpy as np
import pandas as pd
from evidently.legacy.calculations import stattests
from evidently.legacy.calculations.stattests.registry import get_stattest
from evidently.legacy.core import ColumnType
from scipy import stats

warnings.filterwarnings("ignore")

TESTS = {
    "psi": stattests.psi_stat_test,
    "ks": stattests.ks_stat_test,
    "chi-square": stattests.chi_stat_test,
    "z": stattests.z_stat_test,
    "wasserstein": stattests.wasserstein_stat_test,
    "jensen-shannon": stattests.jensenshannon_stat_test,
}
NAMES = {test.name: name for name, test in TESTS.items()}


def case(reference, current, kind, tests):
    reference, current = pd.Series(reference), pd.Series(current)
    scores = {}
    for name in tests:
        test = TESTS[name]
        result = test(reference, current, kind, None)
        scores[name] = [float(result.drift_score), bool(result.drifted)]
    usual = NAMES[get_stattest(reference, current, kind, None).name]
    return {"usual": usual, "scores": scores}


def given(reference, current, kind, tests):
    values = {"reference": reference.tolist(), "current": current.tolist()}
    return {**values, **case(reference, current, kind, tests)}


def spread(n, scale, shift):
    """(i * 0.618…) mod 1, stretched and shifted."""
    return np.mod(np.arange(n) * 0.6180339887498949, 1.0) * scale + shift


def made(n, m, scale, shift):
    reference, current = spread(n, 1.0, 0.0), spread(m, scale, shift)
    tests = ["psi", "ks", "wasserstein", "jensen-shannon"]
    return {"make": [n, m, scale, shift], **case(reference, current, ColumnType.Numerical, tests)}


def main():
    rng = np.random.default_rng(11)
    numeric = ["psi", "ks", "wasserstein", "jensen-shannon"]
    numbers = [
        given(np.round(rng.standard_normal(n), 4), np.round(shift + rng.standard_normal(m), 4), ColumnType.Numerical, numeric)
        for n, m, shift in [(30, 25, 0.2), (100, 100, 0.3), (250, 60, 0.0), (24, 24, 2.0)]
    ]
    few = [
        given(rng.integers(0, k, 60).astype(float), rng.integers(0, k + 1, 40).astype(float), ColumnType.Numerical, tests)
        for k, tests in [(2, ["psi", "chi-square", "jensen-shannon"]), (4, ["psi", "chi-square", "jensen-shannon"])]
    ]
    few.append(given(np.array([0.0, 1.0] * 30), np.array([0.0, 1.0, 1.0] * 15), ColumnType.Numerical, ["z", "psi"]))
    words = np.array(["basic", "free", "pro", "team"])
    categories = [
        given(rng.choice(words[:k], 80, p=p), rng.choice(words[:k], 50), ColumnType.Categorical, tests)
        for k, p, tests in [
            (3, [0.5, 0.3, 0.2], ["psi", "chi-square", "jensen-shannon"]),
            (4, [0.7, 0.1, 0.1, 0.1], ["psi", "chi-square", "jensen-shannon"]),
            (2, [0.6, 0.4], ["psi", "z", "jensen-shannon"]),
        ]
    ]
    categories.append(given(np.array(["a"] * 30 + ["b"] * 10), np.array(["a"] * 20), ColumnType.Categorical, ["psi", "z"]))
    large = [
        made(n, m, scale, shift)
        for n, m, scale, shift in [
            (999, 1000, 1.0, 0.02), (1001, 700, 1.1, 0.0), (5000, 5000, 1.0, 0.01),
            (12000, 9000, 1.0, 0.004), (12000, 40, 1.0, 0.1), (20000, 20000, 1.02, 0.0),
            (30000, 5, 1.0, 0.3), (50000, 50000, 1.0, 0.001),
        ]
    ]
    tails = [
        {"n": n, "x": x, "p": float(stats.kstwo.sf(x, n))}
        for n in [1, 2, 5, 10, 30, 140, 141, 500, 2000, 50_000, 200_000]
        for x in np.round(np.concatenate([np.array([0.3, 0.6, 0.8, 1.0, 1.2, 1.4, 1.6, 2.1, 3.0]) / np.sqrt(n), [0.45, 0.7]]), 6).tolist()
        if x < 1
    ]
    json.dump({"numbers": numbers + few, "categories": categories, "large": large, "tails": tails}, sys.stdout)
    print()


main()
