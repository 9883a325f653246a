"""What the scripts beside this folder share: processes, ports, routes files."""

import contextlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARIES = ROOT / "target" / "release"
TICK = os.sysconf("SC_CLK_TCK")


def build():
    """Builds the measuring programs, as they are released."""
    command = ["cargo", "build", "--release", "-p", "cutline-proxy-bench"]
    subprocess.run(command, cwd=ROOT, check=True)


def need(*programs):
    """Ends with a message where one of Debian's programs is missing."""
    path = os.environ.get("PATH", "") + ":/usr/sbin"
    missing = [name for name in programs if not shutil.which(name, path=path)]
    if missing:
        sys.exit(f"not found: {', '.join(missing)}. apt-get install nginx-light wrk")


def port():
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, seconds=20):
    """Until something listens there."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.01)
    sys.exit(f"nothing listens on port {port}")


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
            wait_for(port)
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
    """A running proxy: the small program `serve`, told what to do by lines."""

    def __init__(self, stack, config, listen, workers=1):
        command = [BINARIES / "serve", "--config", config, "--workers", workers]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self.process = stack.start(command, listen, **pipes)
        self.process.stdout.readline()

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        said = []
        while (read := self.process.stdout.readline()) not in (".\n", ""):
            said.append(read.rstrip("\n"))
        return said

    def metrics(self, name):
        """Samples of a metric: {labels: value}."""
        samples = {}
        for line in self.say("metrics"):
            if line.startswith(name) and line[len(name)] in "{ ":
                labels, _, value = line[len(name) :].rpartition(" ")
                samples[labels] = float(value)
        return samples


def cpu(pid):
    """CPU seconds of a process and all its threads so far."""
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def pss(pid):
    """Proportional set size, in bytes."""
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def table(rows):
    """Rows of text as a Markdown table."""
    widths = [max(len(str(row[at])) for row in rows) for at in range(len(rows[0]))]
    lines = ["| " + " | ".join(str(cell).ljust(n) for cell, n in zip(row, widths)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (n + 2) for n in widths) + "|")
    return "\n".join(lines)
