"""What a call changes in its arguments, and in global variables."""

import hashlib
import types

from .errors import HandoverError
from .values import attributes, fault, is_table, pickled, put_attributes

PLAIN = (str, bytes, int, float, bool, tuple, type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType)


class First:
    """A global variable as it is now."""

    def __init__(self, value):
        self.held = value
        self.data = pickled(value)
        self.mark = mark(value)

    def same(self, value):
        return mark(value) == self.mark


class Seen:
    """An argument as it is now, to be told from what becomes of it."""

    def __init__(self, value):
        # What cannot be pickled is known by its identity, which it has as long as it is held.
        self.held = value
        self.marks = marks(value)

    def change(self, value, what):
        """What to `become`; nothing where it is as it was."""
        now = marks(value)
        if now is None or now == self.marks:
            return None
        inside = inside_of(value)
        if not isinstance(inside, dict):
            if pickled(inside) is None:
                raise HandoverError(f"{what} cannot be handed over: {fault(inside)}")
            return {"to": inside}
        to, kept = {}, []
        for name, each in inside.items():
            if pickled(each) is not None:
                to[name] = each
            elif isinstance(self.marks, dict) and self.marks.get(name) == now[name]:
                # It is made by the way there, in each app again.
                kept.append(name)
            else:
                raise HandoverError(f"{what} cannot be handed over: {fault(value, name)}")
        return {"to": to, "kept": kept} if kept else {"to": to}


def marks(value):
    """What tells values apart: digests, and the identity of what cannot be pickled."""
    inside = inside_of(value)
    if inside is None:
        return None
    if isinstance(inside, dict):
        return {name: mark(each) for name, each in inside.items()}
    return mark(inside)


def mark(value, depth=0):
    data = pickled(value)
    if data is not None:
        return hashlib.sha256(data).digest()
    inside = inside_of(value)
    if depth > 5 or inside is None:
        return id(value)
    each = inside.items() if isinstance(inside, dict) else enumerate(inside)
    return id(value), [(str(name), mark(one, depth + 1)) for name, one in each]


def inside_of(value):
    """What can change in a value."""
    if isinstance(value, dict | list | set | bytearray) or is_table(value) or type(value).__module__ == "numpy":
        return value
    if value is None or isinstance(value, PLAIN):
        return None
    return attributes(value) or None


def become(value, change):
    """Gives a value what it had in it after the call."""
    inside, kept = change["to"], change.get("kept", ())
    if isinstance(value, dict):
        inside = {**inside, **{name: value[name] for name in kept if name in value}}
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
        put_attributes(value, inside, kept)
