#!/usr/bin/env python3
"""Holds the names of the catalog against the libraries that they name.

    python3 benches/verify_catalog.py [FILE ...]

For each file of analyzer/catalog (or those given by name: `pandas flask`),
installs the pinned libraries of verify_catalog.json with uv into one virtual
environment under target/verify-catalog, one file after the other, and looks
each name up: module, attribute, method of a class. Prints the names that the
library does not have, per file, and exits with 1 if there are any; libraries
that are not installed, and why, stand at the end.

Some types of the catalog stand for a manner of things (`sklearn.Estimator`,
`boto3.Client`) and are in no library: a method of one is held against the
types that are said to derive from it, or against what `stands_for` and `made`
of verify_catalog.json give. A name whose module does not load by itself is
counted as "not looked up".

An answer is kept in target/verify-catalog/answers.json until the file or its
requirement changes. Standard-library names are looked up in this Python. Files
for crates of Rust (`rust_...`) are left out.
"""

import functools
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tomllib
import venv

PROJECT = pathlib.Path(__file__).resolve().parent.parent
CATALOG = PROJECT / "analyzer" / "catalog"
WORK = PROJECT / "target" / "verify-catalog"
PYTHON = WORK / "venv" / "bin" / "python"
UV = PYTHON.with_name("uv")

# Beside this file: what pip installs for which file of the catalog (nothing: it
# is the language's own), and which are left out for what reason.
REQUIREMENTS = json.loads((pathlib.Path(__file__).parent / "verify_catalog.json").read_text())
SKIPPED = REQUIREMENTS["skipped"]
PINNED = REQUIREMENTS["pinned"]

# What a type that no library has stands for: names that have its methods.
STANDS_FOR = REQUIREMENTS["stands_for"]
# Lines of Python that make samples of such a type, in `found`.
MADE = REQUIREMENTS["made"]
# Names that the pinned version does not have, and where they are.
ELSEWHERE = REQUIREMENTS["elsewhere"]
RESOLVER = pathlib.Path(__file__).with_name("verify_catalog_names.py")


def main():
    python = [path.stem for path in CATALOG.glob("*.toml") if not path.stem.startswith("rust_")]
    wanted = sys.argv[1:] or sorted(python)
    WORK.mkdir(parents=True, exist_ok=True)
    if not UV.exists():
        venv.create(WORK / "venv", with_pip=True)
        subprocess.run([PYTHON, "-m", "pip", "install", "--quiet", "uv==0.13.9"], check=True)
    kept = WORK / "answers.json"
    answers = json.loads(kept.read_text()) if kept.exists() else {}
    unknown, verified, unsure, unreached = {}, 0, {}, {}
    for stem in wanted:
        if stem in SKIPPED:
            unreached[stem] = SKIPPED[stem]
            continue
        answer = answers.get(key(stem)) or look_up(stem)
        if "failed" in answer:
            unreached[stem] = answer["failed"]
            continue
        answers[key(stem)] = answer
        kept.write_text(json.dumps(answers))
        verified += answer["verified"]
        missing = [name for name in answer["unknown"] if name not in ELSEWHERE]
        if missing:
            unknown[stem] = missing
            print(f"{stem}: {len(missing)} unknown", flush=True)
            for name in missing:
                print(f"    {name}")
        other = [f"{name} ({ELSEWHERE[name]})" for name in answer["unknown"] if name in ELSEWHERE]
        if answer["unsure"] or other:
            unsure[stem] = answer["unsure"] + other
    for stem, names in unsure.items():
        print(f"{stem}: {len(names)} not looked up: {', '.join(names)}")
    for stem, why in unreached.items():
        print(f"{stem}: {count(stem)} names not verified: {why}")
    n_unknown = sum(map(len, unknown.values()))
    n_unsure = sum(map(len, unsure.values()))
    n_unreached = sum(count(stem) for stem in unreached)
    print(f"{verified} names verified, {n_unknown} unknown, {n_unsure} not looked up, "
          f"{n_unreached} in {len(unreached)} files not installed")
    return 1 if unknown else 0


@functools.cache
def environment():
    """This one's, with the package index that pip is set to."""
    index = subprocess.run([PYTHON, "-m", "pip", "config", "get", "global.index-url"],
                           capture_output=True, text=True).stdout.strip()
    return {**os.environ, "UV_DEFAULT_INDEX": index} if index else os.environ


def key(stem):
    """What an answer depends on."""
    text = (CATALOG / f"{stem}.toml").read_text()
    helps = {kind: how for kind, how in [*STANDS_FOR.items(), *MADE.items()] if kind in text}
    given = [text, PINNED.get(stem), helps, RESOLVER.read_text()]
    return hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()


def document(stem):
    return tomllib.loads((CATALOG / f"{stem}.toml").read_text())


def names(entries):
    """Every name of the entries, one at a time."""
    for entry in entries:
        name = entry["name"]
        yield from [name] if isinstance(name, str) else name


def count(stem):
    parsed = document(stem)
    return len(list(names(parsed.get("type", []) + parsed.get("call", []))))


def look_up(stem):
    """Installs the file's libraries and asks the resolver in the environment."""
    pinned = PINNED.get(stem, [])
    if pinned:
        install = [UV, "pip", "install", "--quiet", "--python", PYTHON, *pinned]
        done = subprocess.run(install, capture_output=True, text=True, env=environment())
        if done.returncode:
            return {"failed": f"uv: {done.stderr.strip().splitlines()[-1:] or 'failed'}"}
    parsed = document(stem)
    bases = {name: entry.get("bases", [])
             for path in sorted(CATALOG.glob("*.toml"))
             for entry in tomllib.loads(path.read_text()).get("type", [])
             for name in names([entry])}
    asked = {
        "names": sorted(set(names(parsed.get("type", []) + parsed.get("call", [])))
                        | set(parsed.get("alias", {}).values())),
        "bases": bases,
        "stands_for": STANDS_FOR,
        "made": MADE,
    }
    done = subprocess.run([PYTHON, RESOLVER], input=json.dumps(asked), capture_output=True, text=True)
    if done.returncode:
        return {"failed": f"resolver: {done.stderr.strip().splitlines()[-1:]}"}
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    sys.exit(main())
