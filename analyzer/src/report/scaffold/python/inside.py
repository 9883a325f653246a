"""Whether what runs here belongs to something that a stage was asked.

Each thread of the monolith's has its own answer; one that is started inside, or
gets its work from there, is inside too.
"""

import concurrent.futures
import contextlib
import contextvars
import functools
import threading

_inside = contextvars.ContextVar("cutline_inside", default=False)


def is_inside():
    return _inside.get()


@contextlib.contextmanager
def inside():
    token = _inside.set(True)
    try:
        yield
    finally:
        _inside.reset(token)


@contextlib.contextmanager
def inherited():
    """While it is entered, a thread is inside where what gave it its work is."""
    start, submit = threading.Thread.start, concurrent.futures.ThreadPoolExecutor.submit

    @functools.wraps(start)
    def started(thread):
        if is_inside():
            thread.run = functools.partial(contextvars.copy_context().run, thread.run)
        return start(thread)

    @functools.wraps(submit)
    def submitted(pool, work, /, *args, **kwargs):
        within = inside if is_inside() else outside

        def working(*args, **kwargs):
            with within():
                return work(*args, **kwargs)

        return submit(pool, working, *args, **kwargs)

    threading.Thread.start = started
    concurrent.futures.ThreadPoolExecutor.submit = submitted
    try:
        yield
    finally:
        threading.Thread.start, concurrent.futures.ThreadPoolExecutor.submit = start, submit


@contextlib.contextmanager
def outside():
    """A thread of a pool that was started inside may get work from outside."""
    token = _inside.set(False)
    try:
        yield
    finally:
        _inside.reset(token)
