"""What the fixtures' own modules prepare, for runtime/src/transform.

Made with scikit-learn 1.5.2, NumPy 2.1.3, pandas 2.2.3, Flask 3.0.3 on Python
3.11, from the root of the repository:

    python runtime/tests/parity/transform_fixtures.py runtime/tests/parity/data

The Flask fixture's generator makes the data; some of it is then spoilt as real
data is: repeated customers, values out of range, unknown plans, missing keys.
"""

import dataclasses
import json
import math
import os
import sys
import tempfile
import types
from pathlib import Path

import numpy as np
import pandas as pd

HOME = tempfile.mkdtemp()
os.environ.update(CHURN_HOME=HOME, CHURN_SEED="7")
FIXTURES = Path("fixtures")
sys.path[:0] = [str(FIXTURES / "churn_flask"), str(FIXTURES / "tumor_fastapi" / "src")]
# The FastAPI fixture's settings need pydantic, which preparing does not.
settings = types.ModuleType("tumor.settings")
settings.Settings = dataclasses.make_dataclass(
    "Settings", [("test_size", float, 0.25), ("random_state", int, 7)]
)
sys.modules["tumor.settings"] = settings


def plain(value):
    """JSON's own types; None for what is missing."""
    if isinstance(value, float) and math.isnan(value):
        return None
    return value.item() if isinstance(value, np.generic) else value


def columns(frame):
    return {name: [plain(value) for value in frame[name].tolist()] for name in frame.columns}


def spoil(customers, rng):
    """Some rows as they should not be."""
    again = customers.sample(12, random_state=1).assign(support_tickets=9)
    frame = pd.concat([customers, again], ignore_index=True)
    pick = lambda n: rng.choice(len(frame), n, replace=False)
    frame.loc[pick(4), "age"] = 150
    frame.loc[pick(3), "monthly_charges"] = -1.0
    frame.loc[pick(5), "plan"] = "gold"
    frame.loc[pick(3), "customer_id"] = np.nan
    frame.loc[pick(8), "monthly_charges"] = np.nan
    frame.loc[pick(3), "churned"] = np.nan
    return frame


def ingest(rows, seed):
    """Generated tables in the fixture's own database."""
    from churn import db, generate

    generate.generate(HOME, rows, seed)
    read = lambda name: pd.read_csv(Path(HOME) / f"{name}.csv")
    db.append("customers", spoil(read("customers"), np.random.default_rng(seed)))
    db.append("calls", read("calls"))
    db.append("payments", read("payments"))
    return {
        "customers": columns(db.query("SELECT * FROM customers")),
        "calls": columns(db.query("SELECT customer_id, minutes, dropped FROM calls")),
        "payments": columns(db.query("SELECT customer_id, late FROM payments")),
    }


def churn():
    tables = ingest(rows=140, seed=11)
    from churn import features, prepare, serve

    cleaned = prepare.clean_raw(prepare.load_raw())
    table = features.build_frame(cleaned)
    names = features.feature_columns(table)
    train, test = prepare.split(table, 0.25)
    asked = [
        {"customer_id": 10_003, "plan": "basic", "tenure_months": 5, "monthly_charges": 20.5},
        {
            "customer_id": 1,
            "plan": "premium",
            "tenure_months": 0,
            "monthly_charges": 99,
            "age": 33,
            "region": "mars",
            "total_charges": 12.25,
            "support_tickets": 2,
        },
    ]
    clean_and_align = lambda body: serve.prepare_request(serve.parse_customers(body), names)
    ids, aligned = clean_and_align({"customers": asked})
    return {
        "tables": tables,
        "ids": [int(key) for key in table["customer_id"]],
        "features": names,
        "matrix": columns(table[names].astype(float)),
        "split": {"train": train.index.tolist(), "test": test.index.tolist()},
        "asked": columns(pd.DataFrame(asked).astype({"customer_id": int})),
        "answered": columns(aligned),
    }


def tumor():
    from tumor import features, ingest

    raw = ingest.fetch_raw()[features.PLAIN + features.SKEWED + [ingest.TARGET]].iloc[::4]
    raw = pd.concat([raw, raw.iloc[:5]], ignore_index=True)
    raw.loc[[3, 50], "mean_texture"] = np.nan
    raw.loc[[7], "mean_radius"] = 0.0
    table = features.add_derived(features.clean(raw))
    train, test = features.split(table, settings.Settings())
    preprocessor = features.build_preprocessor().fit(train[features.COLUMNS])
    matrix = preprocessor.transform(table[features.COLUMNS])
    names = features.SKEWED + features.PLAIN + features.DERIVED
    return {
        "raw": columns(raw),
        "features": names,
        "matrix": columns(pd.DataFrame(matrix, columns=names)),
        "split": {"train": train.index.tolist(), "test": test.index.tolist()},
    }


def main(folder):
    for name, document in {"prepared_churn": churn(), "prepared_tumor": tumor()}.items():
        path = Path(folder) / f"{name}.json"
        path.write_text(json.dumps(document, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
