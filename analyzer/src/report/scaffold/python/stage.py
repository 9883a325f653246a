"""A stage of the monolith, as an app has it."""

import gc
import importlib
import os
import pickle
import sys
import threading
import types

from .archive import joined, members_for, members_of
from .changes import First
from .errors import HandoverError, told
from .places import is_own, look_up, put, workplace
from .redirect import is_live, redirect, where
from .run import Run, asked_for
from .web import application

_lock = threading.Lock()


class Stage:
    """A stage of the monolith, as `function_app.py` describes it."""

    def __init__(
        self,
        name,
        order,
        roots,
        drivers=(),
        entries=(),
        anew=(),
        shared=(),
        settings=(),
        web=None,
        django=None,
        folders=(),
    ):
        self.name = name
        self.order = order
        self.roots = roots
        self.drivers = drivers
        self.entries = entries
        self.anew = anew
        self.shared = shared
        self.settings = settings
        self.web = web
        self.django = django
        self.folders = folders
        self.originals = {}
        self.at_first = {}
        self.ready = False
        self.answers = None
        self.seen = None

    @told
    def run(self, message, *archives):
        """Does this stage's part of the run that `message` asks for.

        Where it does not begin the run, its archive has to be there.
        """
        asked = asked_for(message)
        with _lock:
            members = members_for(archives[0], asked["run"]) if archives else {}
            run = Run(self, asked, members)
            self.forget()
            place = self.begin(run)
            self.seen = None
            run.work()
            return run.handed(place)

    @told
    def answer(self, request, context, *archives):
        """What the monolith's own application answers to a request.

        It sees what the archives hold, later ones over earlier ones. What it
        changed is the second value, an archive; nothing where it changed
        nothing.
        """
        with _lock:
            contents = [archive.read() if archive is not None else b"" for archive in archives]
            if contents != self.seen:
                self.forget()
                self.begin(Run(self, {"run": "latest"}, joined(contents)))
                self.seen = contents
            place = workplace(self.roots)
            before = place.changed()
            shared = [First(look_up(key)) for key in self.shared]
            if self.answers is None:
                self.answers = application(*self.web)
            answer = self.answers(request, context)
            changed = {name: data for name, data in place.changed().items() if before.get(name) != data}
            if not changed and all(seen.same(look_up(key)) for key, seen in zip(self.shared, shared, strict=True)):
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
        place.restore(run.members, self.folders)
        if not self.ready:
            if self.django:
                os.environ.setdefault("DJANGO_SETTINGS_MODULE", self.django)
                importlib.import_module("django").setup()
            for module, _, _, _ in self.entries:
                if module:
                    importlib.import_module(module)
            self.patch()
            for key in self.shared:
                self.at_first[key] = First(look_up(key))
            self.ready = True
        for key, first in self.at_first.items():
            if first.data is not None:
                put(key, pickle.loads(first.data))
        run.take_globals()
        return place

    def forget(self):
        """Makes the monolith as freshly imported: nothing stays of the message before.

        Its modules are imported anew. To clear what is known to remember,
        functools' caches and `shared`, would leave attributes of classes, other
        global variables, and what was read on import. Django lists models once
        in a process, so that its modules stay, and only their caches are cleared.
        """
        if not self.ready:
            return
        if self.django:
            caches = [each for each in gc.get_objects() if callable(getattr(type(each), "cache_clear", None))]
            for each in caches:
                if is_own(sys.modules.get(getattr(each, "__module__", None))):
                    each.cache_clear()
            return
        for name, module in list(sys.modules.items()):
            if is_own(module):
                del sys.modules[name]
        self.unregister()
        self.ready, self.answers = False, None
        self.originals.clear()
        self.at_first.clear()

    def unregister(self):
        """Figures of prometheus_client, which takes each name once in a process."""
        metrics = sys.modules.get("prometheus_client.metrics")
        if metrics is not None:
            registry = sys.modules["prometheus_client.registry"].REGISTRY
            for collector in list(registry._collector_to_names):
                if isinstance(collector, metrics.MetricWrapperBase):
                    registry.unregister(collector)

    def patch(self):
        """What crosses goes through here, however the monolith refers to it."""
        missing = {(file, qualname): number for number, (_, file, qualname, _) in enumerate(self.entries)}
        for function in [each for each in gc.get_objects() if isinstance(each, types.FunctionType)]:
            number = missing.get(where(function))
            is_new = number is not None and number not in self.originals and not hasattr(function, "__cutline__")
            if is_new and is_live(function):
                self.originals[number] = redirect(function, number)
        for (file, qualname), number in missing.items():
            if number not in self.originals and self.entries[number][0]:
                raise HandoverError(f"{file} has no {qualname} any more: run cutline scaffold again")
