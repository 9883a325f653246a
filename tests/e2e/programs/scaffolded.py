"""An app in the Python v2 programming model, invoked as the worker of Azure
Functions invokes it: what comes in is decoded, and what goes out encoded, by
azure-functions itself.

    python scaffolded.py APP STORE REQUESTS

APP is the app's folder. STORE holds `blobs/CONTAINER/NAME` and
`queues/QUEUE/N.json`, which are read and written as the bindings say. REQUESTS
is a file with a recorded request for each route. Prints what each function
did, in JSON.
"""

import json
import pathlib
import re
import sys

APP, STORE = (pathlib.Path(path).resolve() for path in sys.argv[1:3])
REQUESTS = json.loads(pathlib.Path(sys.argv[3]).read_text())

sys.path.insert(0, str(APP))

from azure.functions import meta  # noqa: E402
from azure.functions.decorators.function_app import FunctionApp  # noqa: E402

NAME = re.compile(r"(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*")
CONVERTERS = meta.get_binding_registry()
# What the host tells of a message, recorded from its public source.
MESSAGE = {
    "Id": '"5f3ac1ac-0b2e-4a4c-9e2d-9f6f1f7f5b1e"',
    "DequeueCount": "1",
    "ExpirationTime": '"2026-02-07T00:00:00+00:00"',
    "InsertionTime": '"2026-01-31T00:00:00+00:00"',
    "NextVisibleTime": '"2026-01-31T00:10:00+00:00"',
    "PopReceipt": '"AgAAAAMAAAAAAAAA"',
}


class Out:
    """What a function puts out, as the worker gives it."""

    value = None

    def set(self, value):
        self.value = value

    def get(self):
        return self.value


class Context:
    invocation_id = "5f3ac1ac"
    function_name = "function"
    function_directory = str(APP)
    thread_local_storage = trace_context = retry_context = None


def text(value):
    return meta.Datum(type="string", value=value)


def blob(path, run):
    container, _, name = path.replace("{run}", run).partition("/")
    assert NAME.fullmatch(container), container
    return STORE / "blobs" / container / name


def queue(name):
    assert NAME.fullmatch(name), name
    return STORE / "queues" / name


def invoke(function, trigger, given, run):
    """Calls the function with its bindings, and keeps what it puts out."""
    arguments, outs = {}, []
    for binding in (each.get_dict_repr() for each in function.get_bindings()):
        kind, name = binding["type"], binding["name"]
        if getattr(binding["direction"], "value", binding["direction"]) == 1:
            if name != "$return":
                outs.append((binding, Out()))
                arguments[name] = outs[-1][1]
        elif kind == "blob":
            file = blob(binding["path"], run)
            data = meta.Datum(type="bytes", value=file.read_bytes()) if file.exists() else None
            arguments[name] = CONVERTERS.get("blob").decode(data, trigger_metadata=None)
        else:
            arguments[name] = given
    code = function.get_user_function()
    if "context" in code.__annotations__:
        arguments["context"] = Context()
    answer = code(**arguments)
    for binding, out in outs:
        if out.value is None:
            continue
        encoded = CONVERTERS.get(binding["type"]).encode(out.value, expected_type=type(out.value))
        if binding["type"] == "queue":
            folder = queue(binding["queueName"])
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{len(list(folder.iterdir()))}.json").write_text(encoded.value)
        else:
            file = blob(binding["path"], run)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(encoded.value)
    return answer


def by_message(function, trigger, done):
    for file in sorted(queue(trigger["queueName"]).glob("*.json")):
        body = file.read_text()
        metadata = {name: meta.Datum(type="json", value=value) for name, value in MESSAGE.items()}
        message = CONVERTERS.get("queueTrigger").decode(text(body), trigger_metadata=metadata)
        invoke(function, trigger, message, json.loads(body)["run"])
        done.append({"function": function.get_function_name(), "message": body})


def by_request(function, trigger, done):
    (method, *_) = (getattr(each, "value", each) for each in trigger["methods"])
    asked = REQUESTS[f"{method} /{trigger['route']}"]
    for each in asked if isinstance(asked, list) else [asked]:
        body = each.get("body")
        headers = {"content-type": "application/json", **each.get("headers", {})}
        value = {
            "method": text(method),
            "url": text(f"http://localhost:7071{each['path']}"),
            "headers": {name: text(value) for name, value in headers.items()},
            "query": {},
            "params": {},
            "body": meta.Datum(type="bytes", value=b"" if body is None else json.dumps(body).encode()),
        }
        request = CONVERTERS.get("httpTrigger").decode(meta.Datum(type="http", value=value), trigger_metadata={})
        answer = invoke(function, trigger, request, "latest")
        done.append(
            {
                "function": function.get_function_name(),
                "route": f"{method} /{trigger['route']}",
                "status": answer.status_code,
                "body": answer.get_body().decode(),
            }
        )


def main():
    import function_app

    assert isinstance(function_app.app, FunctionApp)
    done = []
    for function in function_app.app.get_functions():
        (trigger,) = (
            each.get_dict_repr() for each in function.get_bindings() if each.get_dict_repr()["type"].endswith("Trigger")
        )
        how = by_message if trigger["type"] == "queueTrigger" else by_request
        before = len(done)
        how(function, trigger, done)
        assert len(done) > before, f"nothing was recorded for {function.get_function_name()}"
    print(json.dumps(done))


main()
