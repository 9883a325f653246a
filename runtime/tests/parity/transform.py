"""What scikit-learn, NumPy and pandas make of small tables, for runtime/src/transform.

Made with scikit-learn 1.5.2, NumPy 2.1.3, pandas 2.2.3 on Python 3.11:

    python runtime/tests/parity/transform.py runtime/tests/parity/data
"""

import json
import math
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.feature_extraction import FeatureHasher
from sklearn.impute import SimpleImputer
from sklearn.model_selection import (
    GroupShuffleSplit,
    KFold,
    StratifiedKFold,
    StratifiedShuffleSplit,
    train_test_split,
)
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)


def plain(value):
    """JSON's own types; None for what is missing."""
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, np.generic):
        return plain(value.item())
    return value


def numbers(rng):
    """Columns of many sizes, some with missing values, one constant."""
    n = 60
    table = {
        "normal": rng.normal(3.0, 2.0, n),
        "large": rng.normal(1e6, 5e3, n),
        "skewed": rng.lognormal(0.0, 2.0, n),
        "constant": np.full(n, 0.1),
        "counts": rng.poisson(3.0, n).astype(float),
        "tiny": rng.normal(0.0, 1e-9, n),
    }
    for name in ("normal", "skewed", "counts"):
        table[name][rng.random(n) < 0.15] = np.nan
    return table


def scalers(table):
    matrix = np.column_stack(list(table.values()))
    kinds = {
        "standard": StandardScaler(),
        "min-max": MinMaxScaler(),
        "robust": RobustScaler(),
        "max-abs": MaxAbsScaler(),
    }
    return {name: plain(scaler.fit_transform(matrix).T) for name, scaler in kinds.items()}


def imputers(table):
    matrix = np.column_stack(list(table.values()))
    kinds = {
        "mean": SimpleImputer(strategy="mean"),
        "median": SimpleImputer(strategy="median"),
        "most-frequent": SimpleImputer(strategy="most_frequent"),
        "constant": SimpleImputer(strategy="constant", fill_value=-1.5),
    }
    return {name: plain(imputer.fit_transform(matrix).T) for name, imputer in kinds.items()}


def quantiles(table):
    shares = [0.0, 0.005, 0.1, 0.25, 1 / 3, 0.5, 0.9, 0.995, 1.0]
    return {
        "shares": shares,
        "values": {name: plain(np.nanquantile(column, shares)) for name, column in table.items()},
    }


def encoders(rng):
    seen = rng.choice(["basic", "pro", "team", "rare", "odd"], 40, p=[0.4, 0.3, 0.2, 0.05, 0.05])
    seen = [str(value) for value in seen]
    later = ["team", "basic", "never", "odd", "rare", "pro"]
    column = np.array(seen, dtype=object).reshape(-1, 1)
    then = np.array(later, dtype=object).reshape(-1, 1)
    one_hot = {}
    for name, options in {
        "ignore": {"handle_unknown": "ignore"},
        "drop_first": {"handle_unknown": "ignore", "drop": "first"},
        "infrequent": {"handle_unknown": "infrequent_if_exist", "min_frequency": 4},
    }.items():
        encoder = OneHotEncoder(sparse_output=False, **options).fit(column)
        names = [str(made) for made in encoder.get_feature_names_out(["plan"])]
        one_hot[name] = {"names": names, "values": plain(encoder.transform(then).T)}
    ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1).fit(column)
    dummies = pd.get_dummies(pd.DataFrame({"n": range(len(seen)), "plan": seen}), dtype=float)
    return {
        "seen": seen,
        "later": later,
        "one_hot": one_hot,
        "ordinal": plain(ordinal.transform(then)[:, 0]),
        "dummies": {"names": list(dummies.columns), "values": plain(dummies.to_numpy().T)},
    }


def hashes():
    rows = [
        {"city": "Graz", "plan": "basic", "visits": 3.0},
        {"city": "Wien", "visits": -1.5},
        {"city": "Zürich", "plan": "pro", "visits": 0.0},
        {"city": "", "plan": "東京", "visits": 2.0},
    ]
    made = {}
    for n in (1, 7, 16):
        for sign in (True, False):
            hasher = FeatureHasher(n_features=n, input_type="dict", alternate_sign=sign)
            made[f"{n} {sign}"] = plain(hasher.transform(rows).toarray())
    return {"rows": rows, "made": made}


def bins():
    values = [-1.0, 0.0, 0.5, 1.0, 2.0, 2.5, 4.0, 4.5, float("nan")]
    edges = [0.0, 1.0, 2.0, 4.0]
    made = {}
    for right in (True, False):
        for lowest in (True, False):
            cut = pd.cut(values, edges, labels=["a", "b", "c"], right=right, include_lowest=lowest)
            made[f"{right} {lowest}"] = [None if pd.isna(label) else label for label in cut]
    return {"values": plain(values), "edges": edges, "made": made}


def quantile_bins(table):
    """The intervals of qcut as numbers, and what KBinsDiscretizer says of later values."""
    made = {}
    for name in ("normal", "skewed", "counts", "large"):
        column = table[name]
        present = column[~np.isnan(column)]
        later = np.concatenate([present[:12], [present.min() - 1.0, present.max() + 1.0]])
        for n in (2, 4, 10):
            cut = pd.qcut(column, n, labels=False, duplicates="drop")
            case = {"seen": plain(column), "later": plain(later), "qcut": plain(cut)}
            if name != "counts":
                binner = KBinsDiscretizer(n, encode="ordinal", subsample=None)
                binner.fit(present.reshape(-1, 1))
                case["later_in"] = plain(binner.transform(later.reshape(-1, 1))[:, 0])
            made[f"{name} {n}"] = case
    shares = [0.0, 0.1, 0.5, 0.9, 1.0]
    cut, edges = pd.qcut(table["skewed"], shares, labels=False, retbins=True)
    made["skewed shares"] = {"seen": plain(table["skewed"]), "shares": shares, "qcut": plain(cut)}
    made["skewed shares"]["edges"] = plain(edges)
    return made


def infrequent():
    """Categories joined because they are rare, of a column in which some are missing."""
    words = ["a"] * 9 + ["b"] * 5 + ["c"] * 5 + ["d"] * 3 + ["e"] * 2 + ["f"] + [None] * 4
    later = ["a", "b", "c", "d", "e", "f", None, "never"]
    column = lambda values: np.array(values, dtype=object).reshape(-1, 1)
    made = []
    for frequency in (None, 1, 3, 6, 100, 0.1, 0.2):
        for most in (None, 1, 2, 4, 6, 7, 8, 20):
            encoder = OneHotEncoder(
                sparse_output=False,
                handle_unknown="infrequent_if_exist",
                min_frequency=frequency,
                max_categories=most,
            ).fit(column(words))
            names = [str(name) for name in encoder.get_feature_names_out(["word"])]
            case = {"min_frequency": frequency, "max_categories": most, "names": names}
            case["values"] = plain(encoder.transform(column(later)).T)
            made.append(case)
    return {"seen": words, "later": later, "made": made}


def random_numbers():
    states = {}
    for seed in (0, 1, 7, 42, 2**32 - 1):
        draw = lambda: np.random.RandomState(seed)
        states[str(seed)] = {
            "samples": plain(draw().random_sample(5)),
            "normal": plain(draw().standard_normal(5)),
            "permutation": plain(draw().permutation(23)),
            "choice": plain(draw().choice(50, 7, replace=False)),
            "below": [int(value) for value in draw().randint(0, 10, 8)],
            "far_below": [int(value) for value in draw().randint(0, 2**40, 8, dtype=np.int64)],
        }
    key = np.random.RandomState([1, 2, 3])
    return {"seeds": states, "key_123": plain(key.random_sample(3))}


def split_case(rng, n, seed, test):
    labels = rng.integers(0, 3, n)
    labels[:6] = [0, 0, 1, 1, 2, 2]
    groups = rng.integers(0, max(n // 4, 3), n)
    rows = np.arange(n)
    case = {"n": n, "seed": seed, "test": test, "labels": plain(labels), "groups": plain(groups)}
    part = lambda train, test: [plain(train), plain(test)]
    case["random"] = part(*train_test_split(rows, test_size=test, random_state=seed))
    case["ordered"] = part(*train_test_split(rows, test_size=test, shuffle=False))
    case["stratified"] = part(
        *train_test_split(rows, test_size=test, random_state=seed, stratify=labels)
    )
    splitter = StratifiedShuffleSplit(n_splits=1, test_size=5, train_size=n // 2, random_state=seed)
    case["stratified_counts"] = part(*next(splitter.split(rows, labels)))
    grouped = GroupShuffleSplit(n_splits=1, test_size=test, random_state=seed)
    case["grouped"] = part(*next(grouped.split(rows, groups=groups)))
    folds = lambda splitter: [part(*fold)[1] for fold in splitter.split(rows, labels)]
    case["folds"] = folds(KFold(4, shuffle=True, random_state=seed))
    case["plain_folds"] = folds(KFold(3))
    case["stratified_folds"] = folds(StratifiedKFold(2, shuffle=True, random_state=seed))
    case["plain_stratified_folds"] = folds(StratifiedKFold(2))
    return case


def splits(rng):
    sizes = [(17, 0.25), (24, 0.3), (60, 0.2), (101, 0.5), (150, 0.1)]
    return [split_case(rng, n, seed, test) for n, test in sizes for seed in (0, 7, 12345)]


def digest(rows):
    """A sum that no other order of rows has (but by chance): FNV-1a over them."""
    value = 0xCBF29CE484222325
    for row in rows:
        value = ((value ^ int(row)) * 0x100000001B3) % 2**64
    return str(value)


def large_splits():
    """Only a digest of the rows of each part: many sizes and seeds."""
    cases = []
    for n in (1000, 4095, 4096, 4097, 20_000, 70_001):
        labels = (np.arange(n) * 7919 % 97 < 11).astype(int) + (np.arange(n) % 5 == 0)
        for seed in (0, 1, 99, 2**31, 2**32 - 1):
            train, test = train_test_split(np.arange(n), random_state=seed)
            case = {"n": n, "seed": seed, "random": [digest(train), digest(test)]}
            train, test = train_test_split(np.arange(n), random_state=seed, stratify=labels)
            case["stratified"] = [digest(train), digest(test)]
            cases.append(case)
    return cases


def main(folder):
    rng = np.random.default_rng(20241129)
    table = numbers(rng)
    documents = {
        "transform_numbers": {
            "table": {name: plain(column) for name, column in table.items()},
            "scaled": scalers(table),
            "imputed": imputers(table),
            "quantiles": quantiles(table),
            "bins": bins(),
            "quantile_bins": quantile_bins(table),
        },
        "transform_categories": {
            "encoders": encoders(rng),
            "infrequent": infrequent(),
            "hashes": hashes(),
        },
        "transform_splits": {
            "random": random_numbers(),
            "small": splits(rng),
            "large": large_splits(),
        },
    }
    for name, document in documents.items():
        path = Path(folder) / f"{name}.json"
        path.write_text(json.dumps(document, separators=(",", ":"), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
