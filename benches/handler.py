"""How soon `cutline handler` is ready, and how much memory it takes then.

    npm install azurite@3.37.0
    cargo build --release
    python3 benches/handler.py target/release/cutline node_modules/azurite/dist/src/azurite.js

Starts it nine times with its store in an emulator, as the host of Azure Functions
does: a free port in FUNCTIONS_CUSTOMHANDLER_PORT, then GET / until it is answered.
"""

import base64
import hashlib
import hmac
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

PROGRAM, AZURITE = (os.path.abspath(path) for path in sys.argv[1:])
ACCOUNT, KEY = "dev", base64.b64encode(b"a key for a measurement").decode()
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


def azurite():
    """The process, and where its services are."""
    flags = ["--blobPort", "0", "--queuePort", "0", "--tablePort", "0", "--silent"]
    flags += ["--skipApiVersionCheck", "--disableTelemetry", "--inMemoryPersistence"]
    environment = {**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"}
    process = subprocess.Popen(["node", AZURITE, *flags], stdout=subprocess.PIPE, text=True, env=environment)
    places = {}
    for line in process.stdout:
        found = re.match(r"Azurite (\w+) service is successfully listening at http://(\S+)", line)
        if found:
            places[found[1]] = found[2]
        if len(places) == 3:
            return process, places
    raise SystemExit("Azurite does not say where it listens")


def sas():
    """An account SAS of version 2020-12-06."""
    until, version = "2999-01-01T00:00:00Z", "2020-12-06"
    signed = f"{ACCOUNT}\nrwdlacup\nbq\nsco\n\n{until}\n\nhttps,http\n{version}\n\n"
    digest = hmac.new(base64.b64decode(KEY), signed.encode(), hashlib.sha256).digest()
    signature = urllib.parse.quote(base64.b64encode(digest).decode(), safe="")
    return f"sv={version}&ss=bq&srt=sco&sp=rwdlacup&se={until}&spr=https,http&sig={signature}"


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
    service, places = azurite()
    with tempfile.TemporaryDirectory() as folder:
        for container in ("kept", "incoming"):
            url = f"http://{places['Blob']}/{ACCOUNT}/{container}?restype=container&{sas()}"
            urllib.request.urlopen(urllib.request.Request(url, method="PUT", data=b"")).read()
        with open(os.path.join(folder, "functions.toml"), "w") as file:
            file.write(FUNCTIONS.format(blobs=places["Blob"], queues=places["Queue"], account=ACCOUNT))
        starts = [start(folder) for _ in range(STARTS)]
    service.terminate()
    for what, unit, values in zip(("ready", "first answer", "PSS"), ("ms", "ms", "MiB"), zip(*starts)):
        values = sorted(values)
        print(f"{what}: median {statistics.median(values):.1f} {unit}, {values[0]:.1f} to {values[-1]:.1f}")


if __name__ == "__main__":
    main()
