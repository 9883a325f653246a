"""Values as an archive holds them, and what a call changes in them."""

import hashlib
import io
import pickle
import queue
import sys
import types

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
            member = f"values/{prefix}-{len(out)}.{suffix}"
            out[member] = data
            return {"$": suffix, "member": member}
    raise HandoverError(f"{what} cannot be handed over: {kind.__module__}.{kind.__qualname__} cannot be pickled")


def in_parts(value, out, prefix, what, depth):
    if isinstance(value, dict):
        pairs = [[encoded(each, out, prefix, what, depth) for each in pair] for pair in value.items()]
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
        return [decoded(item, members) for item in value["items"]]
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


def trace(value):
    """What tells whether a call has changed its argument."""
    if value is None or isinstance(value, str | bytes | int | float | bool | tuple | type | types.ModuleType):
        return None
    inside = inside_of(value)
    data = None if inside is None else pickled(inside)
    return None if data is None else hashlib.sha256(data).digest()


def inside_of(value):
    """What can change in a value."""
    if isinstance(value, dict | list | set | bytearray):
        return value
    if is_table(value) or type(value).__module__ == "numpy":
        return value
    if isinstance(value, types.FunctionType | types.BuiltinFunctionType) or not hasattr(value, "__dict__"):
        return None
    return {name: each for name, each in vars(value).items() if pickled(each) is not None}


def is_table(value):
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.DataFrame | pandas.Series)


def become(value, inside):
    """Gives a value what it had in it after the call."""
    if isinstance(value, dict):
        value.clear()
        value.update(inside)
    elif isinstance(value, list | bytearray):
        value[:] = inside
    elif isinstance(value, set):
        value.clear()
        value.update(inside)
    elif is_table(value):
        # A table holds its columns in one manager.
        holds = vars(value)
        holds["_mgr"] = inside._mgr
        if "_item_cache" in holds:
            holds["_item_cache"] = {}
    elif type(value).__module__ == "numpy":
        value[...] = inside
    else:
        vars(value).update(inside)
