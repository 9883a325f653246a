"""Asks the same of a service directly and through the proxy, with one real
client after the other, and prints what differs.

    same_answers.py DIRECT PROXIED [CLIENT ...]
"""

import json
import sys

import answers

CUSTOMER = {"customer_id": 10001, "plan": "basic", "tenure_months": 12, "monthly_charges": 40.5}
JSON = {"content-type": "application/json"}
# What changes nothing that another of them would see.
CALLS = [
    ("GET", "/health", None),
    ("HEAD", "/health", None),
    ("OPTIONS", "/predict", None),
    ("GET", "/models", None),
    ("GET", "/models/v1/metrics", None),
    ("GET", "/ingest/status", None),
    ("GET", "/prepare/profile", None),
    ("GET", "/pipeline/last", None),
    ("GET", "/customers/10005/score", None),
    ("GET", "/customers/5/score", None),
    ("GET", "/nothing/here?a=%2F%3f&b=", None),
    ("PUT", "/predict", None),
    ("POST", "/predict", {"customers": [CUSTOMER]}),
    ("POST", "/predict", {"customers": [{**CUSTOMER, "customer_id": n} for n in range(1, 301)]}),
    ("POST", "/predict", {"customers": "none"}),
    ("POST", "/predict", None),
    ("POST", "/models/v999/deploy", {}),
]


def main():
    direct, proxied, *names = sys.argv[1:]
    clients = answers.TLS_CLIENTS if proxied.startswith("https") else answers.CLIENTS
    for name in names or clients:
        ask_directly, ask_proxy, version = clients[name]
        for method, path, document in CALLS:
            fields, body = ({}, None) if document is None else (JSON, json.dumps(document).encode())
            one = ask_directly(method, direct + path, fields, body)
            other = ask_proxy(method, proxied + path, fields, body)
            answers.differ(f"{name}: {method} {path}", one, other, version)


if __name__ == "__main__":
    main()
