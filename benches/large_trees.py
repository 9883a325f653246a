#!/usr/bin/env python3
"""Time and memory of an analysis of three large trees, beside tree-sitter.

    python3 benches/large_trees.py [ROUNDS]

Downloads pinned wheels of scikit-learn, mlflow and Django with pip, unpacks
them under target/trees, and runs, one after the other in each of ROUNDS
rounds (3 unless told): tree-sitter alone on one thread, tree-sitter alone on
all cores, and the analysis. Prints medians of the wall time and of the
processor time, which a busy machine disturbs less, the analysis as a multiple
of the two others in both, and the peak memory of the process. The wheels are
those for Linux on x86-64 whatever the machine, so that all measure the
same files.
"""

import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time
import zipfile

PROJECT = pathlib.Path(__file__).resolve().parent.parent
TREES = PROJECT / "target" / "trees"
PINNED = ["scikit-learn==1.7.2", "mlflow==3.4.0", "Django==5.2.7"]
WHEELS = [
    "--only-binary=:all:", "--no-deps", "--implementation=cp", "--python-version=3.12",
    "--abi=cp312", "--abi=abi3", "--abi=none",
    "--platform=manylinux2014_x86_64", "--platform=manylinux_2_17_x86_64",
    "--platform=manylinux_2_28_x86_64", "--platform=any",
]
EXAMPLES = PROJECT / "target" / "release" / "examples"
RUNS = {
    "parse, 1 thread": [EXAMPLES / "lower", "--parse-only"],
    "parse, all cores": [EXAMPLES / "lower", "--parse-only", "--parallel"],
    "analysis": [EXAMPLES / "time_analysis"],
}


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    environment = dict(os.environ, CARGO_TARGET_DIR=str(PROJECT / "target"))
    build = ["cargo", "build", "--release", "-p", "cutline-analyzer"]
    examples = ["--example", "lower", "--example", "time_analysis"]
    subprocess.run(build + examples, cwd=PROJECT, env=environment, check=True)
    for pin in PINNED:
        tree = unpacked(pin)
        measured = {name: [] for name in RUNS}
        for _ in range(rounds):
            for name, command in RUNS.items():
                measured[name].append(measure([*command, tree]))
        report(pin, tree, measured)


def unpacked(pin):
    """The folder of the wheel's files, downloaded once."""
    tree = TREES / pin
    if not tree.exists():
        wheels = TREES / "wheels" / pin
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--dest", wheels]
        subprocess.run([*pip, *WHEELS, pin], check=True)
        (wheel,) = wheels.glob("*.whl")
        partial = TREES / (pin + ".part")
        shutil.rmtree(partial, ignore_errors=True)
        zipfile.ZipFile(wheel).extractall(partial)
        partial.rename(tree)
    return tree


def measure(command):
    """Seconds on the wall and on processors, and peak bytes, of a command."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - start
    if status != 0:
        sys.exit(f"{' '.join(map(str, command))} failed")
    unit = 1 if sys.platform == "darwin" else 1024
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit


def report(pin, tree, measured):
    files = list(tree.rglob("*.py"))
    n_lines = sum(file.read_bytes().count(b"\n") for file in files)
    print(f"{pin}: {len(files)} files, {n_lines} lines, {os.cpu_count()} cores")
    middle = {
        name: [statistics.median(column) for column in list(zip(*runs))[:2]]
        for name, runs in measured.items()
    }
    for name, runs in measured.items():
        wall, processor = middle[name]
        times = middle["analysis"][0] / wall, middle["analysis"][1] / processor
        peak = max(memory for _, _, memory in runs) / 2**20
        print(
            f"  {name:<17} {wall:7.2f} s wall {processor:7.2f} s processor {peak:6.0f} MiB;"
            f" the analysis takes {times[0]:.1f} and {times[1]:.1f} times as long"
        )


if __name__ == "__main__":
    main()
