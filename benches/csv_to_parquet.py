#!/usr/bin/env python3
"""A CSV of 234 MB, 1.5 million rows, to Parquet: cutline beside pyarrow and pandas.

    python3 benches/csv_to_parquet.py [ROUNDS] [--rows N] [--no-build]

Needs NumPy, pandas and pyarrow. Writes the CSV (an id, 12 numbers, a category;
seeded) under target/csv_to_parquet unless it is there, builds the release
example, and runs, one after the other in each of ROUNDS rounds (5 unless told),
each in a process of its own with two threads:

cutline            all types inferred over the whole file, Snappy
cutline, expects   the same with ranges, allowed values and a unique id, and a
                   quarantine
pyarrow            pyarrow.csv.read_csv, pyarrow.parquet.write_table
pandas             pandas.read_csv, DataFrame.to_parquet
pandas, expects    with the same expectations, as masks and `duplicated`

Prints medians of the wall time, of the processor time and of the peak memory,
and each as a multiple of pyarrow's, and what the lowest multiple of a round was.
"""

import argparse
import multiprocessing
import os
import pathlib
import statistics
import subprocess
import sys
import time

PROJECT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = PROJECT / "target" / "csv_to_parquet"
EXPECT = """\
columns.id = { unique = true }
columns.plan = { one_of = ["basic", "standard", "premium", "enterprise"] }
columns.x0 = { min = -100.0, max = 100.0 }
columns.x1 = { min = -100.0, max = 100.0 }
"""
PYARROW = """
import sys, pyarrow, pyarrow.csv, pyarrow.parquet
pyarrow.set_cpu_count(2)
pyarrow.parquet.write_table(pyarrow.csv.read_csv(sys.argv[1]), sys.argv[2])
"""
PANDAS = """
import sys, pandas
pandas.read_csv(sys.argv[1]).to_parquet(sys.argv[2], index=False)
"""
PANDAS_EXPECTS = """
import sys, pandas
frame = pandas.read_csv(sys.argv[1])
good = frame.plan.isin(["basic", "standard", "premium", "enterprise"])
for name in ("x0", "x1"):
    good &= frame[name].isna() | frame[name].between(-100, 100)
good &= ~frame.id.where(good).duplicated() | frame.id.isna()
frame[good].to_parquet(sys.argv[2], index=False)
frame[~good].astype(str).to_parquet(sys.argv[3], index=False)
"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("rounds", nargs="?", type=int, default=5)
    parser.add_argument("--rows", type=int, default=1_500_000)
    parser.add_argument("--no-build", action="store_true")
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    csv = FOLDER / f"{options.rows}.csv"
    if not csv.exists():
        # In a process of its own: what this one has used counts as what those
        # that it starts have used (getrusage(2), ru_maxrss).
        writing = multiprocessing.Process(target=write_csv, args=(csv, options.rows))
        writing.start()
        writing.join()
        if writing.exitcode != 0:
            sys.exit("the CSV cannot be written")
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", PROJECT / "target"))
    build = ["cargo", "build", "--release", "-p", "cutline-runtime", "--example", "csv_to_parquet"]
    if not options.no_build:
        subprocess.run(build, cwd=PROJECT, check=True)
    example = target / "release" / "examples" / "csv_to_parquet"
    rules, out, rest = FOLDER / "expect.toml", FOLDER / "out.parquet", FOLDER / "rest.parquet"
    rules.write_text(EXPECT)
    runs = {
        "cutline": [example, csv, out],
        "cutline, expects": [example, csv, out, rules, rest],
        "pyarrow": [sys.executable, "-c", PYARROW, csv, out],
        "pandas": [sys.executable, "-c", PANDAS, csv, out],
        "pandas, expects": [sys.executable, "-c", PANDAS_EXPECTS, csv, out, rest],
    }
    measured = {name: [] for name in runs}
    for _ in range(options.rounds):
        for name, command in runs.items():
            measured[name].append(measure(command))
    report(csv, measured)


def write_csv(path, n_rows):
    import numpy
    import pandas

    random = numpy.random.default_rng(7)
    columns = {"id": numpy.arange(n_rows)}
    for place in range(12):
        columns[f"x{place}"] = random.normal(0, 10, n_rows).round(8)
    columns["plan"] = random.choice(["basic", "standard", "premium", "enterprise"], n_rows)
    partial = path.with_suffix(".partial")
    pandas.DataFrame(columns).to_csv(partial, index=False)
    partial.rename(path)


def measure(command):
    """Wall seconds, processor seconds and peak MiB of the command."""
    environment = dict(os.environ, RAYON_NUM_THREADS="2", OMP_NUM_THREADS="2")
    started = time.perf_counter()
    process = subprocess.Popen([str(word) for word in command], env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{command[0]} ended with {process.returncode}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def report(csv, measured):
    print(f"{csv.name}: {csv.stat().st_size / 1e6:.0f} MB, {len(measured['pyarrow'])} rounds")
    print(f"{'':18} {'wall s':>8} {'cpu s':>8} {'MiB':>8}   x pyarrow: wall (best)   cpu  memory")
    middle = {name: [statistics.median(column) for column in zip(*rounds)]
              for name, rounds in measured.items()}
    base = middle["pyarrow"]
    for name, (wall, cpu, memory) in middle.items():
        rounds = zip(measured[name], measured["pyarrow"])
        best = min(own[0] / other[0] for own, other in rounds)
        print(f"{name:18} {wall:8.2f} {cpu:8.2f} {memory:8.0f}   "
              f"{wall / base[0]:15.2f} ({best:.2f}) {cpu / base[1]:6.2f} {memory / base[2]:6.2f}")


if __name__ == "__main__":
    main()
