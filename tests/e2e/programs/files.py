"""A small service for what the churn service has no route for: files in
ranges, uploads of any size, and events that are sent one at a time.

    files.py FOLDER
"""

import hashlib
import queue
import sys

import flask
from werkzeug import serving

app = flask.Flask("files", static_folder=sys.argv[1], static_url_path="/files")
due = queue.Queue()


@app.post("/digest")
def digest():
    """What came, and how it was framed."""
    sha, length = hashlib.sha256(), 0
    while piece := flask.request.stream.read(65536):
        sha.update(piece)
        length += len(piece)
    coding = flask.request.headers.get("transfer-encoding", "none")
    return {"sha256": sha.hexdigest(), "bytes": length, "coding": coding}


@app.get("/events")
def events():
    """An event for each POST to /event, until the one that says so is the last."""

    def each():
        yield ": open\n\n"
        while (said := due.get()) != "last":
            yield f"data: {said}\n\n"

    return flask.Response(each(), mimetype="text/event-stream")


@app.post("/event")
def event():
    due.put(flask.request.get_data(as_text=True))
    return "", 204


serving.WSGIRequestHandler.protocol_version = "HTTP/1.1"
server = serving.make_server("127.0.0.1", 0, app, threaded=True)
print(f"listening on http://127.0.0.1:{server.port}", file=sys.stderr, flush=True)
server.serve_forever()
