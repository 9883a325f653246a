"""Asks the FastAPI fixture, or who stands in its place.

    tumor_asks.py refresh URL            the raw data, where the monolith keeps them
    tumor_asks.py train URL              a whole training run, to its end
    tumor_asks.py predict URL RAW        RAW's first 60 patients one by one, then all in batches
    tumor_asks.py answers URL RAW        all patients in batches; prints their probabilities
"""

import csv
import json
import sys
import time

import requests

COLUMNS = (
    "mean_radius",
    "mean_texture",
    "mean_smoothness",
    "mean_concavity",
    "mean_symmetry",
    "worst_radius",
    "worst_concavity",
)


def refresh(url):
    requests.post(f"{url}/api/data/refresh").raise_for_status()


def train(url):
    run = requests.post(f"{url}/api/runs").json()["run_id"]
    until = time.monotonic() + 120
    while (status := requests.get(f"{url}/api/runs/{run}").json()["status"]) == "queued":
        if time.monotonic() > until:
            sys.exit("the run does not end")
        time.sleep(0.1)
    if status != "done":
        sys.exit(f"the run is {status}")


def predict(url, raw):
    for patient in patients(raw)[:60]:
        asked(url, "/api/predict", patient)
    batches(url, raw)


def answers(url, raw):
    print(json.dumps([row["probability"] for row in batches(url, raw)]))


def batches(url, raw):
    every = patients(raw)
    parts = [every[start : start + 50] for start in range(0, len(every), 50)]
    return [row for part in parts for row in asked(url, "/api/predict/batch", {"patients": part})["predictions"]]


def asked(url, path, body):
    answer = requests.post(url + path, json=body)
    if answer.status_code != 200:
        sys.exit(f"{path} {body}: {answer.status_code} {answer.text}")
    return answer.json()


def patients(raw):
    with open(raw, newline="", encoding="utf-8") as handle:
        return [{name: float(row[name]) for name in COLUMNS} for row in csv.DictReader(handle)]


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
