"""A stage of the monolith, as an app has it."""

import gc
import importlib
import os
import pickle
import sys
import threading
import types

from .archive import joined, members_for, members_of
from .errors import HandoverError
from .places import look_up, put, workplace
from .redirect import redirect, where
from .run import Run, asked_for
from .values import pickled
from .web import application

_lock = threading.Lock()


class Stage:
    """A stage of the monolith, as `function_app.py` describes it."""

    def __init__(self, name, order, roots, drivers=(), entries=(), shared=(), settings=(), web=None):
        self.name = name
        self.order = order
        self.roots = roots
        self.drivers = drivers
        self.entries = entries
        self.shared = shared
        self.settings = settings
        self.web = web
        self.originals = {}
        self.at_first = {}
        self.ready = False
        self.answers = None
        self.seen = None

    def run(self, message, *archives):
        """Does this stage's part of the run that `message` asks for.

        Where it does not begin the run, its archive has to be there.
        """
        asked = asked_for(message)
        with _lock:
            members = members_for(archives[0], asked["run"]) if archives else {}
            run = Run(self, asked, members)
            place = self.begin(run)
            self.seen = None
            run.work()
            return run.handed(place)

    def answer(self, request, context, *archives):
        """What the monolith's own application answers to a request.

        It sees what the archives hold, later ones over earlier ones. What it
        changed is the second value, an archive; nothing where it changed
        nothing.
        """
        with _lock:
            contents = [archive.read() if archive is not None else b"" for archive in archives]
            if contents != self.seen:
                if self.web[0] != "django":
                    self.forget()
                self.begin(Run(self, {"run": "latest"}, joined(contents)))
                self.seen = contents
            place = workplace(self.roots)
            before = place.changed()
            told = [pickled(look_up(key)) for key in self.shared]
            if self.answers is None:
                self.answers = application(*self.web)
            answer = self.answers(request, context)
            changed = {name: data for name, data in place.changed().items() if before.get(name) != data}
            if not changed and told == [pickled(look_up(key)) for key in self.shared]:
                return answer, None
            kept = Run(self, {"run": "latest"}, members_of(contents[-1]) if contents else {})
            archive = kept.kept({**kept.files(), **changed})
            self.seen = [*contents[:-1], archive]
            return answer, archive

    def begin(self, run):
        """The folder, the modules and the globals as the run has them."""
        for name, what in self.settings:
            if not os.environ.get(name):
                raise HandoverError(f"the app setting {name} is empty: {what}")
        place = workplace(self.roots)
        # A module may read a file when it is imported.
        place.restore(run.members)
        if not self.ready:
            for module, _, _, _ in self.entries:
                if module:
                    importlib.import_module(module)
            self.patch()
            for key in self.shared:
                kept = pickled(look_up(key))
                if kept is not None:
                    self.at_first[key] = kept
            self.ready = True
        for key, at in self.at_first.items():
            put(key, pickle.loads(at))
        run.take_globals()
        return place

    def forget(self):
        """What the monolith read when it was imported is read anew."""
        for name, module in list(sys.modules.items()):
            file = getattr(module, "__file__", None) or ""
            if file.startswith(workplace(self.roots).prefix):
                del sys.modules[name]
        self.ready, self.answers = False, None
        self.originals.clear()
        self.at_first.clear()

    def patch(self):
        """What crosses goes through here, however the monolith refers to it."""
        missing = {(file, qualname): number for number, (_, file, qualname, _) in enumerate(self.entries)}
        for function in [each for each in gc.get_objects() if isinstance(each, types.FunctionType)]:
            number = missing.get(where(function))
            if number is not None and number not in self.originals and not hasattr(function, "__cutline__"):
                self.originals[number] = redirect(function, number)
        for (file, qualname), number in missing.items():
            if number not in self.originals and self.entries[number][0]:
                raise HandoverError(f"{file} has no {qualname} any more: run cutline scaffold again")
