"""A run, as far as one stage takes it."""

import ast
import asyncio
import concurrent.futures
import contextvars
import inspect
import json
import logging
import os
import re
import sys
import threading
import types

from .archive import archived, named
from .changes import Seen, become
from .errors import HandoverError
from .inside import inside
from .places import look_up, opened, put
from .redirect import Later, at_work
from .values import alike, decoded, encoded, fault, pickled

log = logging.getLogger("cutline")

RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class Run:
    """A run, as far as this stage takes it."""

    def __init__(self, stage, asked, members):
        self.stage = stage
        self.asked = asked
        self.members = members
        record = json.loads(members.get("record.json", b"{}"))
        self.calls = record.get("calls", [])
        self.globals = record.get("globals", {})
        self.said = {}
        for call in self.calls:
            self.said.setdefault(call["of"], []).append(call)
        self.new = []
        self.out = {}
        self.later = None
        self.failed = None
        self.refused = None
        # Threads of the monolith's may ask at the same time.
        self.lock = threading.Lock()
        self.thread = threading.current_thread()

    def take_globals(self):
        for key, value in self.globals.items():
            put(key, decoded(value, self.members))

    def work(self):
        try:
            with at_work(self):
                for kind, module, name, arguments in self.stage.drivers:
                    drive(kind, module, name, self.given(name, arguments), self.asked.get("values", {}))
        except Later:
            pass
        # The monolith may have gone on over it.
        for wrong in (self.refused, None if self.later else self.failed):
            if wrong is not None:
                raise wrong
        if not self.stage.entries:
            order = self.stage.order
            self.later = next(iter(order[order.index(self.stage.name) + 1:]), None)

    def given(self, driver, arguments):
        values = self.asked.get("values", {})
        given = {}
        for name, how, what in arguments:
            if name in values:
                given[name] = values[name]
            elif how == "run":
                given[name] = self.asked["run"]
            elif how == "call":
                given[name] = look_up(what)()
            elif how == "value":
                setting = f"CUTLINE_VALUE_{name.upper()}"
                text = os.environ.get(setting)
                if not text:
                    raise HandoverError(
                        f"{driver} needs `{name}`, which the code does not say: put it into `values` "
                        f"of the message, or as JSON into the app setting {setting}"
                    )
                try:
                    given[name] = json.loads(text)
                except ValueError as error:
                    raise HandoverError(
                        f"the app setting {setting} is no JSON; a text has quotes there: {error}"
                    ) from error
        return given

    def called(self, number, args, kwargs):
        """The monolith asks a stage for something."""
        _, file, qualname, stage = self.stage.entries[number]
        of = f"{file}:{qualname}"
        try:
            # On its own thread a run asks in the same order each time.
            asked = None if threading.current_thread() is self.thread else alike([args, kwargs])
            call = self.before(of, asked)
            if call is not None:
                return self.replayed(number, call, args, kwargs)
            order = self.stage.order
            if self.later or order.index(stage) > order.index(self.stage.name):
                self.later = self.later or stage
                raise Later
            return self.really(number, of, asked, args, kwargs)
        except HandoverError as error:
            self.refused = self.refused or error
            raise

    def before(self, of, asked):
        """What was said then: to the same question, since threads ask in any order."""
        with self.lock:
            said = self.said.get(of)
            if not said:
                return None
            same = (index for index, call in enumerate(said) if call.get("asked") == asked)
            return said.pop(next(same, 0))

    def really(self, number, of, asked, args, kwargs):
        given = [*args, *kwargs.values()]
        before = [Seen(value) for value in given]
        call = {"of": of} if asked is None else {"of": of, "asked": asked}
        try:
            with inside():
                result = self.stage.originals[number](*args, **kwargs)
                if inspect.iscoroutine(result):
                    result = waited(result)
                if inspect.isgenerator(result):
                    result = list(result)
        except Exception as error:
            self.failed = error
            with self.lock:
                call["raised"] = self.encoded(error, f"the error of {of}", asked)
                self.new.append(call)
            raise
        self.failed = None
        with self.lock:
            same = [index for index, value in enumerate(given) if value is result and result is not None]
            if same:
                call["given"] = same[0]
            else:
                self.give(call, result, asked)
            changed = {}
            for index, (seen, value) in enumerate(zip(before, given, strict=True)):
                what = f"what {of} changes in its argument {index + 1}"
                change = seen.change(value, what)
                if change is not None:
                    changed[str(index)] = self.encoded(change, what, asked)
            if changed:
                call["changed"] = changed
            self.new.append(call)
        return result

    def give(self, call, result, asked):
        try:
            call["result"] = self.encoded(result, f"what {call['of']} returns", asked)
        except HandoverError as error:
            if call["of"] not in self.stage.anew:
                raise
            # Of no stage, such as what opens a database: each app does it.
            log.warning("%s; it is asked again in each app", error)
            call["anew"] = True

    def replayed(self, number, call, args, kwargs):
        given = [*args, *kwargs.values()]
        if "anew" in call:
            with inside():
                return self.stage.originals[number](*args, **kwargs)
        if "raised" in call:
            raise decoded(call["raised"], self.members)
        for index, change in call.get("changed", {}).items():
            become(given[int(index)], decoded(change, self.members))
        if "given" in call:
            return given[call["given"]]
        return decoded(call["result"], self.members)

    def encoded(self, value, what, asked):
        # In which order threads come to an end differs: their calls have names of their own.
        return encoded(value, self.out, f"{self.stage.name}-{asked or len(self.new)}", what)

    def files(self):
        return {name: data for name, data in self.members.items() if name.startswith("files/")}

    def handed(self, place):
        """What the next stage gets: its name, the message, the archive."""
        archive = self.kept(place.changed())
        if self.later is None:
            log.info("run %s ends with %s", self.asked["run"], self.stage.name)
        return Handed(self.later, json.dumps(self.asked, sort_keys=True), archive)

    def kept(self, files):
        """An archive of what was said so far, the globals and these files."""
        kept = dict(self.globals)
        for key in self.stage.shared:
            value = look_up(key)
            first = self.stage.at_first[key]
            if first.same(value):
                continue
            if first.held is None and pickled(value) is None:
                # A connection, made when it is first needed: the next app makes its own.
                log.warning("%s is not handed over: %s", key, fault(value))
            else:
                kept[key] = encoded(value, self.out, f"{self.stage.name}-global", f"the global variable {key}")
        calls = sorted(self.new, key=lambda call: (call["of"], call.get("asked", "")))
        record = {"run": self.asked["run"], "calls": self.calls + calls, "globals": kept}
        values = {**self.members, **self.out}
        members = {name: values[name] for name in named(record)}
        members.update(files)
        members["record.json"] = json.dumps(record, sort_keys=True).encode()
        return archived(members)


class Handed:
    """What a stage hands over; `stage` is nothing where the run is over."""

    def __init__(self, stage, message, archive):
        self.stage = stage
        self.message = message
        self.archive = archive


def waited(coroutine):
    """What a coroutine returns: on a thread of its own, since a loop may run here."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(contextvars.copy_context().run, asyncio.run, coroutine).result()


def drive(kind, module, name, given, values):
    argv, sys.argv = sys.argv, [module]
    try:
        if kind == "script":
            script(name)
            return
        driver = look_up(f"{module}:{name}")
        parameters = inspect.signature(driver).parameters
        given |= {name: value for name, value in values.items() if name in parameters}
        result = driver(**given)
        if inspect.isawaitable(result):

            async def wait():
                await result

            asyncio.run(wait())
    except SystemExit as end:
        if end.code not in (None, 0):
            raise HandoverError(f"{module}.{name} ends the process with {end.code!r}") from end
    finally:
        sys.argv = argv


def script(file):
    """Runs a script as `python file` does; what crosses is redirected where it is defined."""
    path = opened().folder / file
    tree = ast.parse(path.read_bytes(), str(path))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            call = ast.parse('__import__("cutline_handover").defined', mode="eval").body
            node.decorator_list.append(ast.copy_location(call, node))
    main = types.ModuleType("__main__")
    main.__file__ = str(path)
    before, argv = sys.modules["__main__"], sys.argv
    sys.modules["__main__"], sys.argv = main, [str(path)]
    sys.path.insert(0, str(path.parent))
    try:
        exec(compile(ast.fix_missing_locations(tree), str(path), "exec"), vars(main))
    finally:
        sys.modules["__main__"], sys.argv = before, argv
        sys.path.remove(str(path.parent))


def asked_for(message):
    try:
        asked = json.loads(message.get_body())
        run = asked["run"]
    except (ValueError, KeyError, TypeError):
        raise HandoverError('a message is JSON: {"run": "a name of its own", "values": {…}}') from None
    if not isinstance(run, str) or not RUN.fullmatch(run):
        raise HandoverError(f"the run {run!r} is no name: letters, digits, `.`, `_` and `-`, at most 100")
    return asked
