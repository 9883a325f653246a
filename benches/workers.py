"""How much faster two and four `cutline run` on the same queues are than one.

    npm install azurite@3.37.0
    cargo build --release
    python3 benches/workers.py target/release/cutline node_modules/azurite/dist/src/azurite.js

Twelve messages of 20,000 rows each go through ingestion, preprocessing and the
training of a forest, from the start of the workers until the last is trained.
One, two and four workers take turns, three times; each has an account of its own.
Each worker has one thread for its forests, so that a second one has something to
add; Azurite runs on the same machine and takes its share of the cores.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time

from emulator import KEY, azurite, put

PROGRAM, AZURITE = (os.path.abspath(path) for path in sys.argv[1:])
WORKERS, ROUNDS, MESSAGES, ROWS = (1, 2, 4), 3, 12, 20_000

FUNCTIONS = """[serve]
listen = "127.0.0.1:0"

[store]
url = "azure:http://{blobs}/{account}/kept"
queues = "http://{queues}/{account}"
key = {{ env = "STORE_KEY" }}

[function.ingestion]
trigger = {{ queue = "raw-arrived" }}
input   = {{ blob = "{{name}}.csv" }}
output  = {{ artifact = "customers", queue = "customers-ready" }}

[function.preprocessing]
trigger = {{ queue = "customers-ready" }}
input   = {{ artifact = "customers" }}
output  = {{ artifact = "features", queue = "features-ready" }}
label   = "churned"
ids     = ["customer_id"]
step    = [{{ kind = "split", by = "time", column = "customer_id", test = 0.25 }}]

[function.training]
trigger = {{ queue = "features-ready" }}
input   = {{ artifact = "features-train" }}
output  = {{ artifact = "model" }}
label   = "churned"
ids     = ["customer_id"]
model   = {{ kind = "random-forest", n_estimators = 40 }}
"""


def rows(seed):
    lines = ["customer_id,age,calls,churned"]
    for row in range(ROWS):
        age, calls = 20 + row * (7 + 2 * seed) % 47, row * (11 + seed) % 29
        lines.append(f"{row},{age},{calls},{int((age + 2 * calls + row % 7) % 3 == 0)}")
    return "\n".join(lines).encode()


class Worker:
    def __init__(self, folder, account, number):
        self.log = os.path.join(folder, f"{account}-{number}.log")
        environment = {**os.environ, "STORE_KEY": KEY, "RAYON_NUM_THREADS": "1"}
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [PROGRAM, "run", "--config", f"{account}.toml", "--visibility", "60s"],
                cwd=folder, env=environment, stderr=log)

    def said(self):
        with open(self.log) as log:
            return log.read()

    def trained(self):
        done = ('function="training"', "done")
        return sum(all(word in line for word in done) for line in self.said().splitlines())


def measured(folder, places, account, n_workers):
    """Seconds, and how many each trained."""
    for container in ("kept", "incoming"):
        put(places, account, container, "restype=container")
    for number in range(MESSAGES):
        put(places, account, f"incoming/m{number}.csv", data=rows(number), x_ms_blob_type="BlockBlob")
    with open(os.path.join(folder, f"{account}.toml"), "w") as file:
        file.write(FUNCTIONS.format(blobs=places["Blob"], queues=places["Queue"], account=account))
    for number in range(MESSAGES):
        command = [PROGRAM, "queue", "--config", f"{account}.toml", "send", "raw-arrived", f"name=m{number}"]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, env={**os.environ, "STORE_KEY": KEY})
    begun = time.monotonic()
    workers = [Worker(folder, account, number) for number in range(n_workers)]
    while sum(worker.trained() for worker in workers) < MESSAGES:
        if any(worker.process.poll() is not None for worker in workers):
            raise SystemExit(f"a worker ended: {[worker.said()[-500:] for worker in workers]}")
        time.sleep(0.02)
    took = time.monotonic() - begun
    for worker in workers:
        worker.process.terminate()
        worker.process.wait()
    return took, [worker.trained() for worker in workers]


def main():
    accounts = [f"a{number}" for number in range(len(WORKERS) * ROUNDS)]
    service, places = azurite(AZURITE, accounts)
    took = {n_workers: [] for n_workers in WORKERS}
    shares = {}
    with tempfile.TemporaryDirectory() as folder:
        for round in range(ROUNDS):
            for n_workers in WORKERS:
                account = accounts.pop()
                seconds, shares[n_workers] = measured(folder, places, account, n_workers)
                took[n_workers].append(seconds)
    service.terminate()
    alone = statistics.median(took[1])
    for n_workers in WORKERS:
        median = statistics.median(took[n_workers])
        print(f"{n_workers} workers: median {median:.1f} s for {MESSAGES} messages, "
              f"{alone / median:.2f} times one; each trained {shares[n_workers]} in the last round")


if __name__ == "__main__":
    main()
