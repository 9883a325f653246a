"""A service that keeps what it is sent in SQLite, and fails as it is asked to.

    ledger.py NAME OWN SHARED PORT

POST /orders appends the order to OWN, without a key: sent twice, it is there
twice. POST /transfers notes in OWN that one came, and enters it in SHARED, which
every process of the service uses, under its id: sent twice, it is there once.
GET /rates keeps nothing. What came counts as kept before it is answered.

The candidate does what the field x-wish says:

hang    keeps it, and never answers
vanish  keeps it, and closes the connection without an answer
break   keeps it, and closes the connection in the middle of its answer
busy    does not keep it, and answers 503
"""

import contextlib
import http.server
import json
import sqlite3
import sys

NAME, OWN, SHARED, PORT = sys.argv[1:]


def database(file, *tables):
    with contextlib.closing(sqlite3.connect(file, timeout=60)) as store, store:
        store.execute("PRAGMA journal_mode = WAL")
        for table in tables:
            store.execute(f"CREATE TABLE IF NOT EXISTS {table}")


def keep(file, statement, order):
    with contextlib.closing(sqlite3.connect(file, timeout=60)) as store, store:
        store.execute(statement, (order,))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # a head and its body at once

    def do_GET(self):
        self.served(lambda: None)

    def do_POST(self):
        order = json.loads(self.rfile.read(int(self.headers["content-length"])))["id"]

        def kept():
            if self.path == "/orders":
                keep(OWN, "INSERT INTO orders VALUES (?)", order)
            else:
                keep(OWN, "INSERT INTO transfers VALUES (?)", order)
                keep(SHARED, "INSERT OR IGNORE INTO transfers VALUES (?)", order)

        self.served(kept)

    def served(self, keeps):
        wish = self.headers["x-wish"] if NAME == "candidate" else None
        if wish != "busy":
            keeps()
        match wish:
            case "hang":
                self.connection.recv(1)  # until the other side has enough
                self.close_connection = True
            case "vanish":
                self.close_connection = True
            case "break":
                self.answer(200, b"{", 100)
                self.close_connection = True
            case "busy":
                self.answer(503, b"{}", 2)
            case _:
                body = json.dumps({"side": NAME}).encode()
                self.answer(201 if self.command == "POST" else 200, body, len(body))

    def answer(self, status, body, length):
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(length))
        self.send_header("x-side", NAME)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        """A client that left is no news."""


database(OWN, "orders (id)", "transfers (id)")
database(SHARED, "transfers (id PRIMARY KEY)")
server = Server(("127.0.0.1", int(PORT)), Handler)
print(f"listening on http://127.0.0.1:{server.server_port}", file=sys.stderr, flush=True)
server.serve_forever()
