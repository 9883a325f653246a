"""The churn service as one side of a comparison. Below a prefix it answers as it
does without; the candidate then plants there the difference that the prefix names.

    planted.py monolith|candidate DATA

The service is wrapped, and never changed: what a plant gets is an answer that
the service has given. It is trained on the CSV files in DATA before it listens.
"""

import functools
import gzip
import io
import json
import random
import sys
import time
import uuid

from churn import __main__ as service
from churn.app import create_app
from churn.pipeline import run_pipeline
from werkzeug.wrappers import Request, Response


def each_prediction(change):
    """A plant that changes each prediction of an answer."""

    @functools.wraps(change)
    def plant(_customers, answer):
        document = answer.get_json()
        for prediction in document["predictions"]:
            change(prediction)
        answer.set_data(json.dumps(document))

    return plant


@each_prediction
def rounded(prediction):
    prediction["score"] = round(prediction["score"], 3)


@each_prediction
def added(prediction):
    prediction["confidence"] = abs(prediction["score"] - 0.5)


@each_prediction
def flipped(prediction):
    if prediction["customer_id"] % 200 == 0:
        prediction["label"] = 1 - prediction["label"]


def reordered(_customers, answer):
    document = answer.get_json()
    document["predictions"].reverse()
    answer.set_data(json.dumps(document))


def nulled(_customers, answer):
    answer.set_data(json.dumps({**answer.get_json(), "segment": None}))


def slow(_customers, _answer):
    time.sleep(5)


def failing(customers, answer):
    if any(customer["plan"] == "premium" for customer in customers):
        answer.status_code = 500
        answer.set_data(json.dumps({"error": "premium"}))


def zipped(_customers, answer):
    answer.set_data(gzip.compress(answer.get_data()))
    answer.headers["content-encoding"] = "gzip"


def in_latin_1(_customers, answer):
    answer.set_data(json.dumps(answer.get_json(), ensure_ascii=False).encode("latin-1"))
    answer.headers["content-type"] = "application/json; charset=iso-8859-1"


def garbled(customers, answer):
    in_latin_1(customers, answer)
    answer.headers["content-type"] = "application/json"


def noisy(_customers, answer):
    """What is another at each answer, of either side."""
    stamps = {"served_at": time.time(), "request_id": str(uuid.uuid4()), "load": random.random()}
    answer.set_data(json.dumps({**answer.get_json(), **stamps}))


PLANTS = (added, failing, flipped, garbled, in_latin_1, nulled, reordered, rounded, slow, zipped)


class Planted:
    """The service's WSGI application, and what is done to its answers below
    each prefix."""

    def __init__(self, wrapped, plants):
        self.wrapped = wrapped
        self.plants = plants

    def __call__(self, environ, start_response):
        prefix, _, path = environ["PATH_INFO"].removeprefix("/").partition("/")
        if prefix not in self.plants:
            return self.wrapped(environ, start_response)
        body = Request(environ).get_data()
        # It has been read from the socket, and must not be looked for there again.
        environ = {**environ, "PATH_INFO": f"/{path}", "wsgi.input": io.BytesIO(body)}
        answer = Response.from_app(self.wrapped, environ, buffered=True)
        customers = json.loads(body)["customers"] if body else []
        self.plants[prefix](customers, answer)
        return answer(environ, start_response)


def unchanged(_customers, _answer):
    pass


def main():
    side, data = sys.argv[1:]
    plants = {plant.__name__: plant if side == "candidate" else unchanged for plant in PLANTS}
    app = create_app()
    files = {name: f"{data}/{name}.csv" for name in ("customers", "calls", "payments")}
    with app.app_context():
        run_pipeline({**files, "force": True})
    app.wsgi_app = Planted(app.wsgi_app, {**plants, "noisy": noisy})
    service.main(["--no-retraining"])


if __name__ == "__main__":
    main()
