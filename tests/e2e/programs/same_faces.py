"""Sends the same requests to a monolith and to the functions in its place, and
prints in what the answers differ: status, shape, and what must be the same.

    same_faces.py churn MONOLITH FUNCTIONS FOLDER    with FOLDER/may and FOLDER/june
    same_faces.py tumor MONOLITH FUNCTIONS FOLDER    with FOLDER/data/raw.csv
"""

import csv
import sys
import time

import requests

TOKENS = {"X-Admin-Token": "letmein", "X-Token": "change-me"}

# What is left of the way when the monolith's solver stops.
NEAR = 2e-3


def shape(value):
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    if isinstance(value, bool) or value is None:
        return type(value).__name__
    return "number" if isinstance(value, (int, float)) else "text"


def at(value, path):
    for step in path.split("."):
        value = value[int(step) if isinstance(value, list) else step]
    return value


def without(value, lacking):
    """An answer without what the other side does not say."""
    if isinstance(value, list):
        return [without(inner, lacking) for inner in value]
    if not isinstance(value, dict):
        return value
    inner = {key: [part[len(key) + 1 :] for part in lacking if part.startswith(f"{key}.")] for key in value}
    return {key: without(value[key], inner[key]) for key in value if key not in lacking}


class Both:
    def __init__(self, monolith, functions):
        self.urls = monolith, functions

    def ask(self, method, path, body=None, same=(), near=(), lacks=(), more=(), paths=None):
        """`lacks` and `more`: what the functions leave out or say beside; `paths`:
        of both sides, where they differ. Returns both answers."""
        said = []
        for side, url in enumerate(self.urls):
            answer = requests.request(method, url + (paths[side] if paths else path), json=body, headers=TOKENS)
            said.append((answer.status_code, answer.json()))
        (status, theirs), (our_status, ours) = said
        what = f"{method} {path}"
        if status != our_status:
            print(f"{what}: {status} and {our_status}\n  {theirs}\n  {ours}")
            return theirs, ours
        theirs, ours = without(theirs, lacks), without(ours, more)
        if shape(theirs) != shape(ours):
            print(f"{what}:\n  {shape(theirs)}\n  {shape(ours)}")
            return theirs, ours
        for place in same:
            if at(theirs, place) != at(ours, place):
                print(f"{what}: {place}: {at(theirs, place)} and {at(ours, place)}")
        for place in near:
            if abs(at(theirs, place) - at(ours, place)) > NEAR:
                print(f"{what}: {place}: {at(theirs, place)} and {at(ours, place)}")
        return theirs, ours


def until(what, holds):
    end = time.monotonic() + 120
    while not holds():
        if time.monotonic() > end:
            sys.exit(f"never: {what}")
        time.sleep(0.1)


def get(url):
    return requests.get(url, headers=TOKENS)


# What the monolith says of a training, and no stage does.
TRAINED = ("path", "kind", "params")

MEASURES = ("auc", "log_loss", "brier", "lift_top_decile")


def churn(monolith, functions, folder):
    both = Both(monolith, functions)
    both.ask("GET", "/health", lacks=["release", "timings"], same=["status", "model"])
    both.ask("GET", "/models", same=["models", "live"])
    both.ask("POST", "/pipeline/run", {name: "no/such.csv" for name in ("customers", "calls", "payments")})

    def run(month, **checks):
        files = {name: f"{month}/{name}.csv" for name in ("customers", "calls", "payments")} | {"force": True}
        lacks = ["rescored", "flagged", "drift", "seconds", "prepared.columns", "metrics.threshold"]
        lacks += [f"trained.{key}" for key in TRAINED]
        both.ask("POST", "/pipeline/run", files, lacks=lacks, **checks)

    counts = ("customers", "calls", "payments", "prepared.train", "prepared.test")
    run(
        "may",
        same=[*counts, "trained.version", "deployed.version", "deployed.live"],
        near=["deployed.auc", *(f"metrics.{name}" for name in MEASURES)],
    )
    # The monolith adds what comes to what it has; the stages take each by itself.
    run("june", same=["customers", "calls", "payments", "trained.version", "deployed.live"])
    until("v2 serves", lambda: get(f"{functions}/v2/models/inference").json()["versions"][-1:] == ["v2"])
    both.ask("GET", "/models", lacks=["models.kind", "models.path"], same=["live", "models.0.status", "models.1.status"])
    both.ask("GET", "/health", lacks=["release", "timings"], same=["status", "model"])
    both.ask("GET", "/models/v1/metrics", near=MEASURES)
    both.ask("POST", "/models/v2/evaluate", same=["version"])
    both.ask("POST", "/models/v1/deploy", same=["version", "live"], near=["auc"])
    both.ask("POST", "/models/rollback", same=["version", "live"])
    for method, path in (("GET", "metrics"), ("POST", "deploy"), ("POST", "evaluate")):
        both.ask(method, f"/models/v9/{path}")
    both.ask("POST", "/prepare/run", lacks=["columns"])
    both.ask("POST", "/train", {"kind": "logistic"}, lacks=[f"trained.{key}" for key in TRAINED])

    until("it serves", lambda: get(f"{functions}/v2/health/ready").status_code == 200)
    with open(f"{folder}/may/customers.csv", newline="", encoding="utf-8") as handle:
        rows = [row for row in csv.DictReader(handle) if all(row.values())][:40]
    numbers = ("age", "tenure_months", "monthly_charges", "total_charges", "support_tickets")
    customers = [
        {"customer_id": int(row["customer_id"]), "plan": row["plan"], "region": row["region"]}
        | {name: float(row[name]) for name in numbers}
        for row in rows
    ]
    both.ask("POST", "/predict", {"customers": customers})
    until("drift is told", lambda: get(f"{functions}/drift").json().get("columns"))
    both.ask("GET", "/drift", more=["columns.customer_id"])


def tumor(monolith, functions, folder):
    both = Both(monolith, functions)
    both.ask("GET", "/health", same=["status", "model"])
    both.ask("GET", "/api/models")
    both.ask("GET", "/api/runs/nobodys")
    begun = both.ask("POST", "/api/runs", same=["status"])
    paths = [f"/api/runs/{run['run_id']}" for run in begun]
    for url, path in zip((monolith, functions), paths):
        until("the run is over", lambda: get(url + path).json()["status"] != "queued")
    both.ask("GET", "/api/runs/RUN", paths=paths, same=["status", "version"], near=["recall", "roc_auc"])
    both.ask("GET", "/api/models", same=["0.version", "0.current"], near=["0.recall", "0.roc_auc"])
    both.ask("POST", "/api/models/v1/promote", same=["version", "current"], near=["recall"])
    both.ask("POST", "/api/models/v9/promote")
    until("it serves", lambda: get(f"{functions}/v2/health/ready").status_code == 200)
    both.ask("GET", "/health", same=["status", "model"])
    until("little is told", lambda: get(f"{functions}/api/monitoring/drift").status_code == 200)
    both.ask("GET", "/api/monitoring/drift", same=["rows", "enough", "columns", "drifted"])
    with open(f"{folder}/data/raw.csv", newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))[:60]
    names = ("mean_radius", "mean_texture", "mean_smoothness", "mean_concavity", "mean_symmetry")
    names += ("worst_radius", "worst_concavity")
    patients = [{name: float(row[name]) for name in names} for row in rows]
    for url in (monolith, functions):
        requests.post(f"{url}/api/predict/batch", json={"patients": patients}).raise_for_status()
    until("drift is told", lambda: get(f"{functions}/api/monitoring/drift").json()["columns"])
    both.ask("GET", "/api/monitoring/drift", same=["rows", "enough"])


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
