"""Fit time and peak memory beside scikit-learn, one process for each fit.

    cargo build --release -p cutline-runtime --example fit
    python benches/fit.py [--kinds NAME ...] [--threads N ...] [--repeats N] [--rows N] [--columns N]

Both read the same rows from the same file; the time is the fit's alone, as the
clock and as the processor counts it (all threads; it says more where the machine
is shared), the memory the whole process's. Runs are interleaved, figures are medians, threads are
equal on both sides. Needs scikit-learn (1.5.2 is what figures are told for).
"""

import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
K = 8


def start(x):
    return x[:: len(x) // K][:K]


# name: (cutline's parameters, which target, scikit-learn's estimator)
KINDS = {
    "logistic, lbfgs": ({"kind": "logistic-regression"}, "two", "LogisticRegression()"),
    "logistic, newton-cholesky": ({"kind": "logistic-regression"}, "two", "LogisticRegression(solver='newton-cholesky')"),
    "multinomial": ({"kind": "logistic-regression"}, "three", "LogisticRegression()"),
    "linear": ({"kind": "linear-regression"}, "values", "LinearRegression()"),
    "ridge": ({"kind": "ridge"}, "values", "Ridge()"),
    "lasso": ({"kind": "lasso", "alpha": 0.1}, "values", "Lasso(alpha=0.1)"),
    "elastic net": ({"kind": "elastic-net", "alpha": 0.1}, "values", "ElasticNet(alpha=0.1)"),
    "naive Bayes": ({"kind": "gaussian-naive-bayes"}, "two", "GaussianNB()"),
    "k-means": ({"kind": "k-means", "n_clusters": K, "init": "start"}, "none", "KMeans(n_clusters=K, init=start(x), n_init=1)"),
    "tree": ({"kind": "decision-tree"}, "two", "DecisionTreeClassifier(random_state=0)"),
    "tree, values": ({"kind": "decision-tree"}, "values", "DecisionTreeRegressor(random_state=0)"),
    "forest": ({"kind": "random-forest", "n_estimators": 50}, "two", "RandomForestClassifier(n_estimators=50, random_state=0, n_jobs=threads)"),
    "forest, values": ({"kind": "random-forest", "n_estimators": 10}, "values", "RandomForestRegressor(n_estimators=10, random_state=0, n_jobs=threads)"),
    "boosting": ({"kind": "gradient-boosting", "early_stopping": False}, "two", "HistGradientBoostingClassifier(early_stopping=False)"),
    "boosting, values": ({"kind": "gradient-boosting", "early_stopping": False}, "values", "HistGradientBoostingRegressor(early_stopping=False)"),
    "boosting, three classes": ({"kind": "gradient-boosting", "early_stopping": False}, "three", "HistGradientBoostingClassifier(early_stopping=False)"),
    "isolation forest": ({"kind": "isolation-forest"}, "none", "IsolationForest(random_state=0, n_jobs=threads)"),
    "k-means++": ({"kind": "k-means", "n_clusters": K}, "none", "KMeans(n_clusters=K, n_init=1, random_state=0)"),
}


def data(rows, columns, target):
    import numpy as np

    rng = np.random.default_rng(7)
    x = rng.normal(size=(rows, columns))
    x[:, 1] += 0.7 * x[:, 0]
    noise = rng.gumbel(size=(rows, 3))
    scores = x @ rng.normal(size=(columns, 3)) / 2
    if target == "none":
        x += 2 * rng.normal(size=(K, columns))[rng.integers(0, K, rows)]
    y = {
        "two": lambda: (scores + noise)[:, :2].argmax(1),
        "three": lambda: (scores + noise).argmax(1),
        "values": lambda: scores[:, 0] + rng.normal(size=rows),
        "none": lambda: np.zeros(rows),
    }[target]()
    return x, y.astype(float)


def theirs(name, rows, columns, path):
    """A process of its own: scikit-learn fits once."""
    import numpy as np
    from sklearn.cluster import KMeans
    from sklearn.ensemble import (
        HistGradientBoostingClassifier,
        HistGradientBoostingRegressor,
        IsolationForest,
        RandomForestClassifier,
        RandomForestRegressor,
    )
    from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, Ridge
    from sklearn.naive_bayes import GaussianNB
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    threads = int(os.environ["OMP_NUM_THREADS"])
    _, target, estimator = KINDS[name]
    numbers = np.fromfile(path)
    x, y = numbers[:-rows].reshape(rows, columns), numbers[-rows:]
    y = {"values": y, "none": None}.get(target, y.astype(int))
    known = dict(globals(), **locals())
    model = eval(estimator, known)
    began, spent = time.perf_counter(), time.process_time()
    model.fit(x, y)
    seconds, cpu = time.perf_counter() - began, time.process_time() - spent
    print(json.dumps(dict(seconds=seconds, cpu=cpu, peak_kib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)))


def ours(options, name, path, threads):
    import numpy as np

    spec, target, _ = KINDS[name]
    if spec.get("init") == "start":
        x = np.fromfile(path, count=options.rows * options.columns).reshape(options.rows, -1)
        spec = dict(spec, init=start(x).tolist())
    shape = [str(options.rows), str(options.columns), str(threads)]
    target = {"two": "labels", "three": "labels"}.get(target, target)
    return [options.program, json.dumps(spec), target, *shape, path]


def run(command, threads):
    limits = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    environment = dict(os.environ, **{limit: str(threads) for limit in limits})
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--columns", type=int, default=20)
    target = os.environ.get("CARGO_TARGET_DIR", str(ROOT / "target"))
    parser.add_argument("--program", default=f"{target}/release/examples/fit")
    parser.add_argument("--one", nargs=2, metavar=("KIND", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        return theirs(options.one[0], options.rows, options.columns, options.one[1])
    shape = ["--rows", str(options.rows), "--columns", str(options.columns)]
    print(f"{options.rows:,} x {options.columns}, medians of {options.repeats}")
    print("| model | threads | cutline s | scikit-learn s | time | cutline CPU s | scikit-learn CPU s | CPU | cutline MiB | scikit-learn MiB | memory |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name in options.kinds:
            path = f"{folder}/data"
            x, y = data(options.rows, options.columns, KINDS[name][1])
            with open(path, "wb") as file:
                x.tofile(file)
                y.tofile(file)
            del x, y
            for threads in options.threads:
                sides = [ours(options, name, path, threads),
                         [sys.executable, __file__, *shape, "--one", name, path]]
                runs = [[run(side, threads) for side in sides] for _ in range(options.repeats)]
                middle = lambda side, key: statistics.median(pair[side][key] for pair in runs)
                (own, their), (own_cpu, their_cpu), (own_kib, their_kib) = ([middle(side, key) for side in (0, 1)] for key in ("seconds", "cpu", "peak_kib"))
                print(f"| {name} | {threads} | {own:.3f} | {their:.3f} | {own / their:.2f} | {own_cpu:.3f} | {their_cpu:.3f} | {own_cpu / their_cpu:.2f} "
                      f"| {own_kib / 1024:.0f} | {their_kib / 1024:.0f} | {own_kib / their_kib:.2f} |", flush=True)


main()
