"""Sends one request with an Idempotency-Key until it is answered; prints the answer.

    keyed.py URL    ends where nobody listens any more, having printed nothing
"""

import sys
import time

import requests

url = sys.argv[1]
try:
    while True:
        answer = requests.post(f"{url}/ingest", json={"name": "may"}, headers={"Idempotency-Key": "once"})
        if answer.status_code != 409:
            break
        time.sleep(float(answer.headers["Retry-After"]))
    print(answer.status_code, answer.text)
except requests.ConnectionError:
    pass
