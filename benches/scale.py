"""Standard scaling of 100,000 x 20, fit and matrix: cutline beside scikit-learn.

    python benches/scale.py [ROUNDS] [--no-build]

Needs NumPy and scikit-learn. In each round the example prepare_rows (its line on
scaling) and scikit-learn's StandardScaler run one after the other, each in a
process of its own with one thread, the best of 20 fits; medians of both, and of
their quotient in a round.
"""

import argparse
import os
import pathlib
import re
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
THEIRS = """
import time, numpy
from sklearn.preprocessing import StandardScaler
x = numpy.random.default_rng(7).normal(size=(100_000, 20))
best = float("inf")
for _ in range(20):
    began = time.perf_counter()
    StandardScaler().fit_transform(x)
    best = min(best, time.perf_counter() - began)
print(best)
"""
ONE = {"RAYON_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
UNITS = {"s": 1, "ms": 1e-3, "µs": 1e-6}


def said(command):
    environment = dict(os.environ, **ONE)
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("rounds", nargs="?", type=int, default=9)
    parser.add_argument("--no-build", action="store_true")
    options = parser.parse_args()
    if not options.no_build:
        build = ["cargo", "build", "--release", "-p", "cutline-runtime", "--example", "prepare_rows"]
        subprocess.run(build, cwd=ROOT, check=True)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    rounds = []
    for _ in range(options.rounds):
        own = said([target / "release" / "examples" / "prepare_rows"])
        number, unit = re.search(r"fit and matrix: ([\d.]+)(m?s|µs)", own).groups()
        rounds.append((float(number) * UNITS[unit], float(said([sys.executable, "-c", THEIRS]))))
    own, theirs = (statistics.median(column) for column in zip(*rounds))
    quotient = statistics.median(own / theirs for own, theirs in rounds)
    print(f"scaling 100,000 x 20, medians of {options.rounds}: cutline {own * 1e3:.1f} ms, ", end="")
    print(f"scikit-learn {theirs * 1e3:.1f} ms, quotient {quotient:.2f}")


if __name__ == "__main__":
    main()
