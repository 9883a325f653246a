"""What a fixture's own code makes of its data, step by step, as one JSON document.

    monolith_saw.py churn HOME      of the Flask fixture, once it was trained
    monolith_saw.py tumor HOME      of the FastAPI fixture, likewise

Tables are lists of values by column; a missing value is null. `optimal` are the
probabilities of the same estimator fitted to its optimum on the same rows, and
`optimal_metrics` what scikit-learn measures of them.
"""

import json
import os
import sys
from pathlib import Path

import joblib
import pandas as pd
from sklearn.base import clone
from sklearn.metrics import brier_score_loss, log_loss, precision_score, recall_score, roc_auc_score

MEASURES = {
    "roc-auc": roc_auc_score,
    "log-loss": log_loss,
    "brier": brier_score_loss,
    "recall": lambda truth, score: recall_score(truth, score >= 0.5),
    "precision": lambda truth, score: precision_score(truth, score >= 0.5),
}


def churn(home):
    os.environ["CHURN_HOME"] = str(home)
    from churn import clean, config, db, features, prepare

    taken = db.query("SELECT * FROM customers")
    labelled = prepare.load_raw()
    cleaned = prepare.clean_raw(labelled)
    train, test = prepare.split(features.build_frame(cleaned), config.settings().test_size)
    bundle = joblib.load(home / "models" / "v1.joblib")
    matrix = {"train": train[bundle["columns"]], "test": test[bundle["columns"]]}
    metrics = json.loads((home / "models" / "v1.metrics.json").read_text())
    metrics = {"roc-auc": metrics["auc"], "log-loss": metrics["log_loss"], "brier": metrics["brier"]}
    return {
        "taken": table(taken[taken["customer_id"].notna()]),
        "rejected": int(taken["customer_id"].isna().sum()),
        "calls": db.count("calls"),
        "payments": db.count("payments"),
        "kept": sorted(cleaned["customer_id"].astype(int).tolist()),
        **seen(bundle["model"], metrics, matrix, train, test, config.LABEL),
    }


def tumor(home):
    os.environ["TUMOR_HOME"] = str(home)
    from tumor import evaluate, features
    from tumor.ingest import TARGET
    from tumor.settings import get_settings

    settings = get_settings()
    taken = pd.read_csv(settings.raw_path)
    cleaned = features.add_derived(features.clean(taken))
    train, test = features.split(cleaned, settings)
    model = joblib.load(settings.models_dir / "v1" / "model.joblib")
    matrix = {"train": train[features.COLUMNS], "test": test[features.COLUMNS]}
    metrics = evaluate.score(model, test, settings.threshold)
    metrics = {"recall": metrics.recall, "precision": metrics.precision, "roc-auc": metrics.roc_auc}
    return {"taken": table(taken), **seen(model, metrics, matrix, train, test, TARGET)}


def seen(model, metrics, matrix, train, test, label):
    """What both have in common: the split, what the estimator sees and says, and how good that is."""
    to_matrix = model[:-1]
    names = [str(name).split("__")[-1] for name in to_matrix.get_feature_names_out()]
    scaled = {side: pd.DataFrame(to_matrix.transform(rows), columns=names) for side, rows in matrix.items()}
    optimum = clone(model[-1]).set_params(solver="newton-cholesky", tol=1e-14, max_iter=1000)
    optimum.fit(scaled["train"].to_numpy(), train[label])
    optimal = optimum.predict_proba(scaled["test"].to_numpy())[:, 1]
    return {
        "train": table(train),
        "test": table(test),
        "matrix": {side: table(rows) for side, rows in scaled.items()},
        "probabilities": model.predict_proba(matrix["test"])[:, 1].tolist(),
        "metrics": metrics,
        "optimal": optimal.tolist(),
        "optimal_metrics": {name: float(MEASURES[name](test[label], optimal)) for name in metrics},
    }


def table(frame):
    frame = frame.astype(object).where(frame.notna(), None)
    return {str(name): [value.item() if hasattr(value, "item") else value for value in frame[name]] for name in frame}


if __name__ == "__main__":
    print(json.dumps({"churn": churn, "tumor": tumor}[sys.argv[1]](Path(sys.argv[2]))))
