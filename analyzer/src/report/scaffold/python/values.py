"""Values as an archive holds them."""

import hashlib
import io
import pickle
import queue
import sys

from .errors import HandoverError


def encoded(value, out, prefix, what, depth=0):
    """JSON where it is JSON, tables as Parquet, arrays as NPY, pickles otherwise."""
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if kind in (list, tuple, dict, queue.Queue) and depth < 20:
        inner = dict(out)
        parts = in_parts(value, inner, prefix, what, depth + 1)
        # Many small pickles are better one.
        pickles = sum(name.endswith(".pickle") for name in inner.keys() - out.keys())
        if pickles < 2 or kind is queue.Queue or pickled(value) is None:
            out.update(inner)
            return parts
    for suffix, write in (("parquet", as_parquet), ("npy", as_npy), ("pickle", pickled)):
        data = write(value)
        if data is not None:
            number = sum(name.startswith(f"values/{prefix}-") for name in out)
            member = f"values/{prefix}-{number}.{suffix}"
            out[member] = data
            return {"$": suffix, "member": member}
    raise HandoverError(f"{what} cannot be handed over: {fault(value)}")


def in_parts(value, out, prefix, what, depth):
    if isinstance(value, dict):
        pairs = []
        for key, each in value.items():
            named = encoded(key, out, prefix, f"a key of {what}", depth)
            pairs.append([named, encoded(each, out, prefix, f"[{key!r}] of {what}", depth)])
        if all(type(key) is str and key != "$" for key in value):
            return dict(pairs)
        return {"$": "dict", "items": pairs}
    items = value if isinstance(value, list | tuple) else list(value.queue)
    items = [encoded(item, out, prefix, what, depth) for item in items]
    if isinstance(value, list):
        return items
    return {"$": "tuple" if isinstance(value, tuple) else "queue", "items": items}


def decoded(value, members):
    if isinstance(value, list):
        return [decoded(item, members) for item in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("$")
    if kind is None:
        return {key: decoded(item, members) for key, item in value.items()}
    if kind == "tuple":
        return tuple(decoded(item, members) for item in value["items"])
    if kind == "dict":
        return {decoded(key, members): decoded(item, members) for key, item in value["items"]}
    if kind == "queue":
        items = queue.Queue()
        for item in value["items"]:
            items.put(decoded(item, members))
        return items
    data = members[value["member"]]
    if kind == "parquet":
        import pandas

        return pandas.read_parquet(io.BytesIO(data))
    if kind == "npy":
        import numpy

        return numpy.load(io.BytesIO(data), allow_pickle=False)
    return pickle.loads(data)


def as_parquet(value):
    pandas = sys.modules.get("pandas")
    if pandas is None or type(value) is not pandas.DataFrame:
        return None
    try:
        data = value.to_parquet()
        same = pandas.read_parquet(io.BytesIO(data))
        pandas.testing.assert_frame_equal(value, same, check_exact=True)
        return data
    except Exception:  # what Parquet does not give back as it was is pickled
        return None


def as_npy(value):
    numpy = sys.modules.get("numpy")
    if numpy is None or type(value) is not numpy.ndarray or value.dtype.hasobject:
        return None
    out = io.BytesIO()
    numpy.save(out, value, allow_pickle=False)
    return out.getvalue()


def pickled(value):
    if type(value) is queue.Queue:
        value = list(value.queue)
    try:
        return pickle.dumps(value)
    except Exception:  # pickle raises whatever the object's own code does
        return None


def alike(value, depth=0):
    """What tells questions apart: what is said in them, and of what kind the rest is."""
    if value is None or isinstance(value, str | bytes | int | float | bool):
        said = repr(value)
    elif isinstance(value, dict) and depth < 20:
        said = repr([[alike(each, depth + 1) for each in pair] for pair in value.items()])
    elif isinstance(value, list | tuple) and depth < 20:
        said = repr([alike(each, depth + 1) for each in value])
    else:
        said = type(value).__qualname__
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def is_table(value):
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.DataFrame | pandas.Series)


def slots(kind):
    for each in kind.__mro__:
        names = vars(each).get("__slots__", ())
        for name in [names] if isinstance(names, str) else names:
            if name not in ("__dict__", "__weakref__"):
                private = name.startswith("__") and not name.endswith("__")
                yield f"_{each.__name__.lstrip('_')}{name}" if private else name


def attributes(value):
    """Of an object, by name."""
    own = {name: getattr(value, name) for name in slots(type(value)) if hasattr(value, name)}
    return own | getattr(value, "__dict__", {})


def put_attributes(value, inside, kept):
    for name in attributes(value).keys() - inside.keys() - set(kept):
        object.__delattr__(value, name)
    for name, each in inside.items():
        object.__setattr__(value, name, each)


def fault(value, name=None, depth=0):
    """Which part of a value cannot be pickled, in words."""
    kind = type(value)
    called = f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")
    is_parts = isinstance(value, dict | list | tuple)
    if isinstance(value, dict):
        parts = value
    elif is_parts:
        parts = dict(enumerate(value))
    else:
        parts = attributes(value)
    for key, each in parts.items():
        if depth < 5 and (name is None or key == name) and pickled(each) is None:
            part = f"[{key!r}]" if is_parts else f"attribute `{key}`"
            return f"{part} of {called}: {fault(each, depth=depth + 1)}"
    return f"{called} cannot be pickled"
