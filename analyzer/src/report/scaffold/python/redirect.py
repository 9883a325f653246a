"""Functions that cross, redirected to the run that is at work."""

import inspect
import pathlib
import sys
import types

from . import places
from .inside import inherited, is_inside

_now = None
_redirected = {}


class Later(BaseException):
    """A later stage is asked: no handler of the monolith's should catch it."""


class at_work:
    """While it is entered, what crosses goes to `run`."""

    def __init__(self, run):
        self.run = run
        self.threads = inherited()

    def __enter__(self):
        global _now
        _now = self.run
        self.threads.__enter__()

    def __exit__(self, *_):
        global _now
        _now = None
        self.threads.__exit__(None, None, None)


def called(number, args, kwargs):
    """In place of each function that crosses."""
    run = _now
    if run is None or is_inside():
        return _redirected[number](*args, **kwargs)
    return run.called(number, args, kwargs)


async def asynchronous(number, args, kwargs):
    """As `called`, for functions that are waited for."""
    result = called(number, args, kwargs)
    return await result if inspect.isawaitable(result) else result


def is_live(function):
    """It is of a module as it is imported now."""
    module = sys.modules.get(function.__module__)
    return module is not None and vars(module) is function.__globals__


def where(function):
    code = function.__code__
    place = places.opened()
    if place is None or not code.co_filename.startswith(place.prefix):
        return None
    file = pathlib.Path(code.co_filename[len(place.prefix) :]).as_posix()
    return file, getattr(code, "co_qualname", function.__qualname__)


def redirect(function, number):
    """Gives the function another body, so that each reference to it sees that."""
    original = types.FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    original.__kwdefaults__ = function.__kwdefaults__
    names = function.__code__.co_freevars
    lines = ["def make():"]
    lines += [f"    {name} = None" for name in names]
    if inspect.iscoroutinefunction(function):
        lines.append("    async def body(*args, **kwargs):")
        call = "asynchronous"
    else:
        lines.append("    def body(*args, **kwargs):")
        call = "called"
    lines += [f"        {name}" for name in names]
    lines.append("        import cutline_handover")
    wait = "await " if call == "asynchronous" else ""
    lines.append(f"        return {wait}cutline_handover.{call}({number}, args, kwargs)")
    lines.append("    return body")
    space = {}
    exec("\n".join(lines), space)  # noqa: S102  the text is made above
    function.__code__ = space["make"]().__code__
    # Neither of them is redirected again, when the module is imported anew.
    function.__cutline__ = original.__cutline__ = number
    _redirected[number] = original
    return original


def defined(function):
    """A script defines a function: it may be one that crosses."""
    stage = _now and _now.stage
    for number, (_, *at, _) in enumerate(stage.entries if stage else ()):
        if tuple(at) == where(function):
            stage.originals[number] = redirect(function, number)
    return function
