"""Calls every route of the churn service, those that change it too, on one
copy directly and on another through the proxy, and prints what differs.

    every_route.py DIRECT PROXIED DATA ROUTE ...
"""

import json
import re
import sys

import answers

TOKEN = {"X-Admin-Token": "letmein"}
CUSTOMER = {"customer_id": 10001, "plan": "basic", "tenure_months": 12, "monthly_charges": 40.5}


def calls(data):
    files = {name: f"{data}/{name}.csv" for name in ("customers", "calls", "payments")}
    outcomes = [{"customer_id": 10001, "churned": 1}, {"customer_id": 10005, "churned": 0}]
    return [
        ("GET", "/health", {}, None),
        ("GET", "/pipeline/last", {}, None),
        ("GET", "/prepare/profile", {}, None),
        ("POST", "/ingest/customers", {}, {"path": files["customers"]}),
        ("POST", "/ingest/customers", {}, {}),
        ("POST", "/ingest/calls", {}, {"path": files["calls"]}),
        ("POST", "/ingest/billing", {}, {"path": files["payments"]}),
        ("POST", "/ingest/billing", {}, {}),
        ("GET", "/ingest/status", {}, None),
        ("GET", "/prepare/profile", {}, None),
        ("POST", "/prepare/run", {}, {}),
        ("POST", "/train", {}, {}),
        ("POST", "/models/v1/evaluate", {}, {}),
        ("GET", "/models/v1/metrics", {}, None),
        ("POST", "/models/v1/deploy", {}, {"force": True}),
        ("POST", "/models/v1/deploy", TOKEN, {"force": True}),
        ("POST", "/predict", {}, {"customers": [CUSTOMER]}),
        ("GET", "/customers/10005/score", {}, None),
        ("POST", "/monitor/outcomes", {}, {"outcomes": outcomes}),
        ("POST", "/monitor/outcomes", {}, {}),
        ("GET", "/monitor/quality", {}, None),
        ("POST", "/pipeline/run", {}, files),
        ("POST", "/pipeline/run", TOKEN, files),
        ("GET", "/pipeline/last", {}, None),
        ("GET", "/drift?hours=1", {}, None),
        ("GET", "/models", {}, None),
        ("POST", "/models/rollback", TOKEN, {}),
        ("GET", "/models", {}, None),
        ("GET", "/health", {}, None),
    ]


def main():
    direct, proxied, data, *routes = sys.argv[1:]
    called = set()
    for method, path, fields, document in calls(data):
        called.add(f"{method} {path.partition('?')[0]}")
        body = None if document is None else json.dumps(document).encode()
        fields = fields if body is None else {**fields, "content-type": "application/json"}
        one, other = (answers.by_requests(method, to + path, fields, body) for to in (direct, proxied))
        answers.differ(f"{method} {path}", one, other, "1.1")
        if other.status >= 500 and path != "/ingest/billing":
            print(f"{method} {path}: {other.status} says little about the proxy")
    for route in routes:
        pattern = re.compile(re.sub("<[^>]*>", "[^/]+", route))
        if not any(pattern.fullmatch(call) for call in called):
            print(f"{route} was not called")


if __name__ == "__main__":
    main()
