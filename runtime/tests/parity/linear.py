"""What scikit-learn says of small data, at its optimum, for the linear models,
naive Bayes and k-means.

    python runtime/tests/parity/linear.py > runtime/tests/parity/data/linear.json

Made with scikit-learn 1.5.2, NumPy 2.1.3, SciPy 1.14.1.
"""

import json
import sys

import numpy as np
from scipy import optimize, special
from sklearn.cluster import KMeans
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.utils.class_weight import compute_sample_weight


def rows(seed, n, d, scale=1.0, shift=0.0, correlated=False, constant=False):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    if correlated:
        x[:, 1] = x[:, 0] * 0.999 + 0.001 * x[:, 1]
    x = x * scale + shift
    if constant:
        x[:, -1] = 3.0
    return np.round(x, 4)


def classes(seed, x, k):
    rng = np.random.default_rng(seed + 1000)
    z = (x - x.mean(0)) / np.maximum(x.std(0), 1e-9)
    scores = z @ rng.normal(size=(x.shape[1], k)) + rng.gumbel(size=(len(x), k))
    return scores.argmax(1)


def numbers(seed, x):
    rng = np.random.default_rng(seed + 2000)
    return np.round(x @ rng.normal(size=x.shape[1]) + rng.normal(size=len(x)) + 5, 4)


def weights_of(seed, n):
    return np.round(np.random.default_rng(seed + 3000).uniform(0.2, 3, n), 2)


SHAPES = {
    "plain": dict(seed=1, n=120, d=4),
    "correlated": dict(seed=2, n=100, d=5, correlated=True),
    "unscaled": dict(seed=3, n=100, d=3, scale=np.array([1, 100, 1000]), shift=np.array([0, 500, 1e4])),
    "constant column": dict(seed=4, n=80, d=4, constant=True),
    "wide": dict(seed=5, n=20, d=30),
}


TABLES = []


def case(name, spec, x, y, weights, **expect):
    keep = lambda a: a.tolist() if isinstance(a, np.ndarray) else a
    rounded = lambda a: np.round(a, 12).tolist()
    if keep(x) not in TABLES:
        TABLES.append(keep(x))
    return dict(name=name, spec=spec, x=TABLES.index(keep(x)), y=keep(y), weights=keep(weights),
                expect={key: rounded(value) for key, value in expect.items()})


def polished(model, x, y, weights, c, k):
    """The optimum to the last digits, from where scikit-learn's solver ended."""
    total = np.ones(len(y)) if weights is None else weights
    d = x.shape[1]
    mean = x.mean(0)
    z = np.hstack([x - mean, np.ones((len(x), 1))])
    w = np.hstack([model.coef_, (model.intercept_ + model.coef_ @ mean)[:, None]])
    onehot = np.eye(k)[y]
    penal = np.ones(d + 1) / c
    penal[-1] = 0
    for _ in range(4):
        if k == 2:
            p = special.expit(z @ w[0])
            g = (total * (p - y)) @ z + penal * w[0]
            h = (z * (total * p * (1 - p))[:, None]).T @ z + np.diag(penal)
            w = w - np.linalg.solve(h, g)[None]
        else:
            p = special.softmax(z @ w.T, axis=1)
            g = (p - onehot).T @ (z * total[:, None]) + penal * w
            h = np.zeros((k, d + 1, k, d + 1))
            for a in range(k):
                for b in range(k):
                    v = total * p[:, a] * ((a == b) - p[:, b])
                    h[a, :, b, :] = (z * v[:, None]).T @ z + (a == b) * np.diag(penal)
            h = h.reshape(k * (d + 1), -1)
            w = w - np.linalg.lstsq(h, g.ravel(), rcond=1e-14)[0].reshape(k, d + 1)
    if k == 2:
        p = special.expit(z @ w[0])
        return np.stack([1 - p, p], 1)
    return special.softmax(z @ w.T, axis=1)


def logistic():
    for shape, how in SHAPES.items():
        for k, c, weighted, class_weight in [(2, 1.0, False, None), (2, 100.0, True, "balanced"), (3, 1.0, True, None), (4, 0.1, False, "balanced")]:
            x = rows(**how)
            y = classes(how["seed"], x, k)
            if len(set(y)) < k:
                continue
            w = weights_of(how["seed"], len(x)) if weighted else None
            model = LogisticRegression(C=c, class_weight=class_weight, max_iter=100_000, tol=1e-12,
                                       solver="newton-cholesky" if k == 2 else "lbfgs")
            model.fit(x, y, sample_weight=w)
            total = np.ones(len(y)) if w is None else w
            if class_weight:
                total = total * compute_sample_weight(class_weight, y)
            best = polished(model, x, y, total, c, k)
            own = model.predict_proba(x)
            apart = np.abs(best - own).max()
            print(f"logistic {shape} {k} {c}: scikit-learn is {apart:.1e} from the optimum", file=sys.stderr)
            assert apart < (1e-8 if k == 2 else 1e-2)
            spec = dict(kind="logistic-regression", c=c)
            if class_weight:
                spec["class_weight"] = class_weight
            yield case(f"{shape}, {k} classes, C={c}", spec, x, y, w, probabilities=best)
    x = rows(seed=6, n=100, d=3)
    y = classes(6, x, 2)
    model = LogisticRegression(fit_intercept=False, class_weight={0: 1, 1: 4}, penalty=None, tol=1e-12, solver="newton-cholesky").fit(x, y)
    yield case("no intercept, no penalty, weights by class",
               dict(kind="logistic-regression", fit_intercept=False, penalty="none", class_weight={"1": 4.0}),
               x, y, None, probabilities=model.predict_proba(x))
    for l1_ratio, k in [(1.0, 2), (0.5, 2), (0.5, 3)]:
        x = rows(seed=7, n=100, d=6)
        y = classes(7, x, k)
        model = LogisticRegression(penalty="elasticnet", solver="saga", l1_ratio=l1_ratio, C=0.1, tol=1e-13, max_iter=1_000_000).fit(x, y)
        yield case(f"elastic net, l1_ratio={l1_ratio}, {k} classes",
                   dict(kind="logistic-regression", penalty="elasticnet", l1_ratio=l1_ratio, c=0.1),
                   x, y, None, probabilities=model.predict_proba(x))


def linear():
    for shape, how in SHAPES.items():
        x = rows(**how)
        y = numbers(how["seed"], x)
        for w in (None, weights_of(how["seed"], len(x))):
            weighted = "" if w is None else ", weighted"
            for kind, model, params in [
                ("linear-regression", LinearRegression(), {}),
                ("linear-regression", LinearRegression(fit_intercept=False), dict(fit_intercept=False)),
                ("ridge", Ridge(alpha=2.5, tol=1e-12), dict(alpha=2.5)),
                ("lasso", Lasso(alpha=0.1, tol=1e-15, max_iter=10_000_000), dict(alpha=0.1)),
                ("elastic-net", ElasticNet(alpha=0.3, l1_ratio=0.4, tol=1e-15, max_iter=10_000_000), dict(alpha=0.3, l1_ratio=0.4)),
            ]:
                model.fit(x, y, sample_weight=w)
                yield case(f"{kind} {shape}{weighted} {params}", dict(kind=kind, **params), x, y, w, values=model.predict(x))
    x = rows(seed=8, n=60, d=4)
    x[:, 3] = x[:, 0] + x[:, 1]
    y = numbers(8, x)
    yield case("collinear columns", dict(kind="linear-regression"), x, y, None, values=LinearRegression().fit(x, y).predict(x))


def naive_bayes():
    for shape, how in SHAPES.items():
        for k, weighted in [(2, False), (3, True)]:
            x = rows(**how)
            y = classes(how["seed"], x, k)
            w = weights_of(how["seed"], len(x)) if weighted else None
            model = GaussianNB().fit(x, y, sample_weight=w)
            if shape == "constant column" or shape == "wide":
                continue
            yield case(f"{shape}, {k} classes", dict(kind="gaussian-naive-bayes"), x, y, w, probabilities=model.predict_proba(x))
    x = rows(seed=9, n=60, d=3, constant=True)
    y = classes(9, x, 2)
    model = GaussianNB(var_smoothing=1e-3, priors=[0.3, 0.7]).fit(x, y)
    yield case("constant column, smoothed, priors", dict(kind="gaussian-naive-bayes", var_smoothing=1e-3, priors=[0.3, 0.7]),
               x, y, None, probabilities=model.predict_proba(x))


def k_means():
    for seed, n, d, k, weighted in [(11, 150, 2, 3, False), (12, 150, 4, 5, True), (13, 60, 3, 8, False), (14, 90, 2, 4, True)]:
        rng = np.random.default_rng(seed)
        x = np.round(rng.normal(size=(n, d)) + 3 * rng.integers(0, 3, size=(n, 1)), 3)
        start = x[:k].copy()
        w = weights_of(seed, n) if weighted else None
        model = KMeans(n_clusters=k, init=start, n_init=1).fit(x, sample_weight=w)
        yield case(f"seed {seed}", dict(kind="k-means", n_clusters=k, init=start.tolist()), x, None, w,
                   labels=model.labels_, inertia=model.inertia_)
    x = np.round(np.random.default_rng(15).normal(size=(40, 2)), 3)
    start = np.vstack([x[:2], [[50.0, 50.0]]])
    model = KMeans(n_clusters=3, init=start, n_init=1).fit(x)
    yield case("an empty cluster", dict(kind="k-means", n_clusters=3, init=start.tolist()), x, None, None,
               labels=model.labels_, inertia=model.inertia_)


def lines(values):
    return "[\n" + ",\n".join(json.dumps(v, separators=(",", ":")) for v in values) + "\n]"


cases = [*logistic(), *linear(), *naive_bayes(), *k_means()]
print(f'{{"tables":{lines(TABLES)},\n"cases":{lines(cases)}}}')
