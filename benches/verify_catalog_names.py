"""Looks names up in the libraries of this environment.

Run by verify_catalog.py in its virtual environment. Reads JSON from stdin:
`names`, the types' `bases`, and for types that are in no library either names
that one `stands_for` or lines that make samples of it (`made`); prints JSON:
how many are `verified`, and which are `unknown` or `unsure`.
"""

import importlib
import inspect
import json
import os
import sys
import warnings

warnings.filterwarnings("ignore")
MISSING = object()
UNSURE = object()


def main():
    asked = json.load(sys.stdin)
    # Some libraries print while they are imported.
    out, sys.stdout = sys.stdout, open(os.devnull, "w")
    answer = {"verified": 0, "unknown": [], "unsure": []}
    for name in asked["names"]:
        state = judge(name, asked)
        if state == "verified":
            answer["verified"] += 1
        else:
            answer[state].append(name)
    out.write(json.dumps(answer) + "\n")
    out.flush()
    # Threads of imported libraries must not keep the process.
    os._exit(0)


def judge(name, asked):
    name = name.removesuffix(".*")
    found = resolve(name)
    if found is not MISSING:
        return "unsure" if found is UNSURE else "verified"
    # A method of a type that stands for others.
    owner, _, member = name.rpartition(".")
    for stand in (owner, name):
        for other in asked["stands_for"].get(stand, []):
            if stand == name or resolve(f"{other}.{member}") is not MISSING:
                return "verified"
    if owner in asked["made"] or name in asked["made"]:
        things = samples(owner if owner in asked["made"] else name, asked)
        fits = name in asked["made"] or any(hasattr(thing, member) for thing in things)
        return "verified" if things and fits else "unknown"
    invented = {base for bases in asked["bases"].values() for base in bases}
    if name in invented and any(is_real(kind, asked) for kind in below(name, asked)):
        return "verified"
    if owner in invented:
        kinds = [kind for kind in below(owner, asked) if is_real(kind, asked)]
        if any(has(kind, member) for kind in kinds):
            return "verified"
    return "unknown"


SAMPLES = {}


def samples(kind, asked):
    """Objects of a type that is made at run time, as a client of boto3 is."""
    if kind not in SAMPLES:
        scope = {}
        exec("\n".join(asked["made"][kind]), scope)
        SAMPLES[kind] = scope["found"]
    return SAMPLES[kind]


def below(base, asked):
    """Types that derive from `base`, directly or not."""
    found, todo = [], [base]
    while todo:
        at = todo.pop()
        for kind, bases in asked["bases"].items():
            if at in bases and kind not in found:
                found.append(kind)
                todo.append(kind)
    return found


def is_real(kind, asked):
    return resolve(kind.removesuffix(".*")) not in (MISSING, UNSURE)


def has(kind, member):
    """True if the type, or some class of the module `kind.*`, has `member`."""
    thing = resolve(kind.removesuffix(".*"))
    if not kind.endswith(".*"):
        return attribute(thing, member) is not MISSING
    for name in dir(thing):
        part = attribute(thing, name)
        if inspect.isclass(part) and attribute(part, member) is not MISSING:
            return True
    return False


def resolve(name):
    """The thing, MISSING, or UNSURE if looking it up needs a running program."""
    parts = name.split(".")
    thing, at = MISSING, 0
    for end in range(1, len(parts) + 1):
        try:
            thing = importlib.import_module(".".join(parts[:end]))
            at = end
        except ImportError:
            break
        except Exception:
            return UNSURE
    if thing is MISSING:
        # `str.join`
        thing = getattr(importlib.import_module("builtins"), parts[0], MISSING)
        at = 1
    if thing is MISSING:
        return MISSING
    for part in parts[at:]:
        thing = attribute(thing, part)
        if thing is MISSING or thing is UNSURE:
            return thing
    return thing


def attribute(thing, name):
    try:
        return inspect.getattr_static(thing, name) if name == "__call__" else getattr(thing, name)
    except AttributeError:
        pass
    except Exception:
        return UNSURE
    # Attributes that only instances have, as far as the class declares them.
    for kind in getattr(thing, "__mro__", ()):
        for declared in ("__annotations__", "model_fields", "__slots__", "__dataclass_fields__"):
            if name in (kind.__dict__.get(declared) or ()):
                return True
    return MISSING


if __name__ == "__main__":
    main()
