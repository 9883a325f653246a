"""A client that asks over and over and never asks twice for the same, until
its standard input ends. Says what came of each request, a JSON line each.

    asks.py URL CONNECTIONS KIND ...

A kind is JSON: {"method", "path", "body", "wishes"}; `$id` in a body is the
request's number, no two alike. `failed` says how an answer ended too early:
"lost" before its head's end, "broken" in its body.
"""

import http.client
import itertools
import json
import random
import sys
import threading
import urllib.parse

numbers = itertools.count(1)
over = threading.Event()
one_at_a_time = threading.Lock()


def ask(connection, kind, number, draw):
    fields = {"x-customer-id": str(number % 97), "content-type": "application/json"}
    if wishes := kind.get("wishes"):
        fields["x-wish"] = draw.choice(wishes)
    body = kind.get("body")
    body = body and body.replace("$id", str(number))
    said = {"id": number, "path": kind["path"], "status": 0, "side": "", "own": False, "failed": "lost"}
    try:
        connection.request(kind["method"], kind["path"], body, fields)
        answer = connection.getresponse()
        said["status"], said["failed"] = answer.status, "broken"
        said["side"] = answer.getheader("x-side", "")
        said["own"] = answer.getheader("x-cutline-answer") is not None
        answer.read()
        said["failed"] = ""
    except (OSError, http.client.HTTPException):
        connection.close()
    return said


def client(host, kinds, seed):
    draw = random.Random(seed)
    connection = http.client.HTTPConnection(host, timeout=60)
    # Waits between requests, so that many that fail at once do not drown the rest.
    while not over.wait(0.01):
        with one_at_a_time:
            number = next(numbers)
        said = ask(connection, draw.choice(kinds), number, draw)
        with one_at_a_time:
            print(json.dumps(said), flush=True)


def main():
    url, connections, *kinds = sys.argv[1:]
    host = urllib.parse.urlsplit(url).netloc
    kinds = [json.loads(kind) for kind in kinds]
    clients = [threading.Thread(target=client, args=(host, kinds, n)) for n in range(int(connections))]
    for thread in clients:
        thread.start()
    sys.stdin.read()
    over.set()
    for thread in clients:
        thread.join()


if __name__ == "__main__":
    main()
