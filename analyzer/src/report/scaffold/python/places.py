"""The folder that the monolith works in, and names in its modules."""

import hashlib
import importlib
import os
import pathlib
import queue
import shutil
import sys
import tempfile

from .changes import become
from .errors import HandoverError

HERE = pathlib.Path(__file__).resolve().parent.parent

_workplace = None


class Workplace:
    """A folder with a copy of the monolith, which may write where it likes."""

    def __init__(self, roots):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="cutline-")).resolve()
        self.prefix = str(self.folder) + os.sep
        shutil.copytree(HERE / "monolith", self.folder, dirs_exist_ok=True)
        self.first = {name: digest(path) for name, path in self.files()}
        self.environment = dict(os.environ)
        sys.path[:0] = [str(self.folder / root) for root in roots]
        if str(HERE) not in sys.path:
            sys.path.append(str(HERE))

    def files(self):
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and not path.is_symlink() and "__pycache__" not in path.parts:
                yield path.relative_to(self.folder).as_posix(), path

    def restore(self, members, folders):
        """As it was at first, with the run's files in it."""
        os.chdir(self.folder)
        for name in os.environ.keys() - self.environment.keys():
            del os.environ[name]
        os.environ.update(self.environment)
        for name, path in self.files():
            if name not in self.first:
                path.unlink()
            elif digest(path) != self.first[name]:
                shutil.copyfile(HERE / "monolith" / name, path)
        for name in self.first:
            path = self.folder / name
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(HERE / "monolith" / name, path)
        for name in folders:
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for name, data in members.items():
            if name.startswith("files/"):
                path = (self.folder / name.removeprefix("files/")).resolve()
                if not str(path).startswith(self.prefix):
                    raise HandoverError(f"the archive has a file outside its folder: {name}")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)

    def changed(self):
        changed = ((name, path) for name, path in self.files() if digest(path) != self.first.get(name))
        return {f"files/{name}": path.read_bytes() for name, path in changed}


def workplace(roots):
    global _workplace
    if _workplace is None:
        _workplace = Workplace(roots)
    return _workplace


def opened():
    """The folder, if there is one by now."""
    return _workplace


def is_own(module):
    """A module of the monolith, or a folder of them."""
    if _workplace is None or module is None:
        return False
    held = [getattr(module, "__file__", None), *(getattr(module, "__path__", None) or ())]
    return any(str(each or "").startswith(_workplace.prefix) for each in held)


def digest(path):
    return hashlib.sha256(path.read_bytes()).digest()


def look_up(key):
    module, _, path = key.partition(":")
    found = importlib.import_module(module)
    for part in path.split("."):
        found = getattr(found, part.removesuffix("()"))
        if part.endswith("()"):
            found = found()
    return found


def put(key, value):
    module, _, path = key.partition(":")
    *above, name = path.split(".")
    holder = importlib.import_module(module)
    for part in above:
        holder = getattr(holder, part)
    there = getattr(holder, name, None)
    if isinstance(there, queue.Queue):
        with there.mutex:
            there.queue.clear()
        for item in value.queue if isinstance(value, queue.Queue) else value:
            there.put(item)
    elif type(there) is type(value) and isinstance(there, dict | list | set):
        become(there, {"to": value})
    else:
        setattr(holder, name, value)
