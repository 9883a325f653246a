"""What the scripts beside this folder share: builds, processes, ports, and the
proxy as its users run it."""

import collections
import contextlib
import http.client
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARIES = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
TICK = os.sysconf("SC_CLK_TCK")
PACKAGES = {"nginx": "nginx-light", "wrk": "wrk"}


def build():
    """Builds cutline and the measuring programs, as they are released. Each by
    itself: the minimal proxy gets no feature of a library that only cutline
    asks for."""
    if not shutil.which("cargo"):
        sys.exit("not found: cargo. Install Rust from https://rustup.rs")
    for what in (["cutline", "--no-default-features", "--features", "proxy"], ["cutline-proxy-bench"]):
        subprocess.run(["cargo", "build", "--release", "-p", *what], cwd=ROOT, check=True)


def need(*programs):
    """Ends with a message where one of Debian's programs is missing."""
    path = os.environ.get("PATH", "") + ":/usr/sbin"
    missing = [name for name in programs if not shutil.which(name, path=path)]
    if missing:
        packages = " ".join(PACKAGES[name] for name in missing)
        sys.exit(f"not found: {', '.join(missing)}. On Debian: apt-get install {packages}")


def port():
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(holds, what, seconds=30):
    """Waits for it."""
    end = time.monotonic() + seconds
    while not (held := holds()):
        if time.monotonic() > end:
            sys.exit(f"after {seconds} s, not yet: {what}")
        time.sleep(0.01)
    return held


def listens(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


class Stack(contextlib.ExitStack):
    """Processes that end with the script."""

    def __init__(self):
        super().__init__()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))

    def start(self, command, port=None, **options):
        command = [str(word) for word in command]
        process = subprocess.Popen(command, **options)
        self.callback(end, process)
        if port:
            until(lambda: listens(port), f"{command[0]} listens on port {port}")
        return process

    def upstream(self, name, *more, listen=None):
        """An upstream that costs next to nothing: its port and its process."""
        listen = listen or port()
        command = [BINARIES / "upstream", "--listen", f"127.0.0.1:{listen}", "--name", name, *more]
        return listen, self.start(command, listen)

    def file(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path


def end(process):
    process.kill()
    process.wait()


class Cutline:
    """`cutline proxy` with a state folder of its own, told what to do by
    `cutline` and its file, asked what it counted by its admin interface."""

    def __init__(self, stack, listen, routes):
        self.stack, self.listen = stack, listen
        self.config = stack.file(f"{listen}.toml", routes)
        self.state = stack.folder / f"{listen}.state"
        self.gone = collections.Counter()  # what earlier processes counted
        self.lives = 0
        self.process = self.start()

    def start(self, *more):
        self.lives += 1
        log = self.stack.folder / f"{self.listen}.{self.lives}.log"
        command = [BINARIES / "cutline", "proxy", "--config", self.config, "--state", self.state]
        command += ["--workers", "1", "--log", "error", *more]
        process = self.stack.start(command, stderr=log.open("w"))
        # Printed once it serves, after the addresses.
        serves = lambda: process.poll() is not None or "\nmonolith" in log.read_text()
        until(serves, "the proxy serves")
        if process.poll() is not None:
            sys.exit(f"the proxy ended:\n{log.read_text()}")
        return process

    def told(self, *words):
        """Runs `cutline WORDS` on it."""
        command = [str(word) for word in (BINARIES / "cutline", *words, "--state", self.state)]
        said = subprocess.run(command, capture_output=True, text=True)
        if said.returncode:
            sys.exit(f"{' '.join(command)}:\n{said.stdout}{said.stderr}")

    def reload(self, routes):
        """Writes its file anew, and has it read at once."""
        self.config.write_text(routes)
        self.process.send_signal(signal.SIGHUP)

    def take_over(self):
        """Another process takes its place. One more request is asked, of the
        old process, and returned as 1: its connection keeps that process until
        what it counted in the end is known."""
        admin, held = Admin(self.state), http.client.HTTPConnection("127.0.0.1", self.listen)
        admin.metrics("")
        held.request("GET", "/predict")
        held.getresponse().read()
        old, self.process = self.process, self.start("--take-over")
        alone = lambda: sum(admin.metrics("cutline_connections").values()) == 1
        until(alone, "the process before has no client left")
        self.gone += ends(admin)
        held.close()
        if old.wait(timeout=60):
            sys.exit(f"the process that was replaced ended with {old.returncode}")
        return 1

    def metrics(self, name):
        """Samples of a metric of the process that serves: {labels: value}."""
        return Admin(self.state).metrics(name)

    def counted(self):
        """Requests by how they ended, of all processes."""
        return self.gone + ends(Admin(self.state))


class Admin:
    """A connection to the admin interface: it stays with the process that took
    it."""

    def __init__(self, state):
        address = (state / "admin.address").read_text().strip().removeprefix("http://")
        self.token = (state / "admin.token").read_text().strip()
        self.connection = http.client.HTTPConnection(address, timeout=30)

    def metrics(self, name):
        self.connection.request("GET", "/metrics", headers={"authorization": f"Bearer {self.token}"})
        answer = self.connection.getresponse()
        text = answer.read().decode()
        if answer.status != 200:
            sys.exit(f"the admin interface answers {answer.status}: {text}")
        samples = {}
        for line in text.splitlines():
            if name and line.startswith(name) and line[len(name)] in "{ ":
                labels, _, value = line[len(name) :].rpartition(" ")
                samples[labels] = float(value)
        return samples


def ends(admin):
    counted = collections.Counter()
    for labels, n in admin.metrics("cutline_requests_total").items():
        counted[label(labels, "end")] += int(n)
    return counted


def label(labels, name):
    return labels.partition(f'{name}="')[2].partition('"')[0]


def cpu(pid):
    """CPU seconds of a process and all its threads so far."""
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory(pid):
    """Proportional set size in bytes: {"Pss", "Pss_Anon", "Pss_File", ...}."""
    lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss")}


def status(pid, name):
    """A number of /proc/PID/status."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name + ":"))


def descriptors(pid):
    """How many it has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def table(rows):
    """Rows of text as a Markdown table."""
    widths = [max(len(str(row[at])) for row in rows) for at in range(len(rows[0]))]
    lines = ["| " + " | ".join(str(cell).ljust(n) for cell, n in zip(row, widths)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (n + 2) for n in widths) + "|")
    return "\n".join(lines)
