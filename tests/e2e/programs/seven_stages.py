"""Trains the monolith, waits for the stages, and asks for predictions.

    seven_stages.py train URL DATA      one request through all of the monolith
    seven_stages.py ready URL           until a model serves
    seven_stages.py predict URL DATA    the data's first 100 customers, one by one
"""

import csv
import json
import sys
import time

import requests

NUMBERS = ("age", "tenure_months", "monthly_charges", "total_charges", "support_tickets")


def train(url, data):
    files = {name: f"{data}/{name}.csv" for name in ("customers", "calls", "payments")}
    answer = requests.post(f"{url}/pipeline/run", json=files, headers={"X-Admin-Token": "letmein"})
    answer.raise_for_status()
    print(json.dumps(answer.json()))


def ready(url):
    until = time.monotonic() + 120
    while requests.get(f"{url}/v2/health/ready").status_code != 200:
        if time.monotonic() > until:
            sys.exit("no model serves")
        time.sleep(0.1)


def predict(url, data):
    with open(f"{data}/customers.csv", newline="", encoding="utf-8") as handle:
        customers = [customer(row) for row in csv.DictReader(handle) if row["customer_id"]]
    usable = [row for row in customers if REQUIRED <= row.keys()][:100]
    for row in usable:
        answer = requests.post(f"{url}/predict", json={"customers": [row]})
        if answer.status_code != 200:
            sys.exit(f"{row}: {answer.status_code} {answer.text}")


REQUIRED = {"customer_id", "plan", "tenure_months", "monthly_charges"}


def customer(row):
    """As a client would send it: what is missing is left out."""
    known = {"customer_id": int(row["customer_id"]), "plan": row["plan"], "region": row["region"]}
    known |= {name: float(row[name]) for name in NUMBERS if row[name]}
    return {name: value for name, value in known.items() if value != ""}


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
