"""How soon `cutline handler` is ready, and how much memory it takes then.

    npm install azurite@3.37.0
    cargo build --release
    python3 benches/handler.py target/release/cutline node_modules/azurite/dist/src/azurite.js

Starts it nine times with its store in an emulator, as the host of Azure Functions
does: a free port in FUNCTIONS_CUSTOMHANDLER_PORT, then GET / until it is answered.
"""

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

from emulator import KEY, azurite, put

PROGRAM, AZURITE = (os.path.abspath(path) for path in sys.argv[1:])
ACCOUNT = "dev"
STARTS = 9

FUNCTIONS = """[store]
url = "azure:http://{blobs}/{account}/kept"
queues = "http://{queues}/{account}"
key = {{ env = "STORE_KEY" }}

[function.ingestion]
trigger = {{ queue = "raw-arrived" }}
input   = {{ blob = "rows.csv" }}
output  = {{ artifact = "customers", queue = "customers-ready" }}
"""


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            return connection.recv(100).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def start(folder):
    """Milliseconds until it is ready, until it answers a face, and MiB then."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "FUNCTIONS_CUSTOMHANDLER_PORT": str(port), "STORE_KEY": KEY}
    begun = time.monotonic()
    process = subprocess.Popen([PROGRAM, "handler"], cwd=folder, env=environment, stderr=subprocess.DEVNULL)
    while not answers(port):
        time.sleep(0.001)
    ready = (time.monotonic() - begun) * 1_000
    urllib.request.urlopen(f"http://127.0.0.1:{port}/functions/databases").read()
    answered = (time.monotonic() - begun) * 1_000
    with open(f"/proc/{process.pid}/smaps_rollup") as memory:
        pss = sum(int(line.split()[1]) for line in memory if line.startswith("Pss:")) / 1_024
    process.terminate()
    process.wait()
    return ready, answered, pss


def main():
    service, places = azurite(AZURITE, [ACCOUNT])
    with tempfile.TemporaryDirectory() as folder:
        for container in ("kept", "incoming"):
            put(places, ACCOUNT, container, "restype=container")
        with open(os.path.join(folder, "functions.toml"), "w") as file:
            file.write(FUNCTIONS.format(blobs=places["Blob"], queues=places["Queue"], account=ACCOUNT))
        starts = [start(folder) for _ in range(STARTS)]
    service.terminate()
    for what, unit, values in zip(("ready", "first answer", "PSS"), ("ms", "ms", "MiB"), zip(*starts)):
        values = sorted(values)
        print(f"{what}: median {statistics.median(values):.1f} {unit}, {values[0]:.1f} to {values[-1]:.1f}")


if __name__ == "__main__":
    main()
