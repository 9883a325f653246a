"""What all apps of a scaffold have in common, held to its word.

    python handover.py PACKAGE

PACKAGE is the folder that apps have as `cutline_handover`. Each case is a small
monolith in a process of its own.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

PACKAGE = pathlib.Path(sys.argv.pop(1)).resolve()

PRELUDE = """
import json
from cutline_handover import Stage
from cutline_handover.archive import members_of


class Message:
    def __init__(self, run="first", **values):
        self.asked = {"run": run, "values": values}

    def get_body(self):
        return json.dumps(self.asked).encode()


class Blob:
    def __init__(self, data):
        self.data = data

    def read(self):
        return self.data


MADE = []


def stage(name, *entries, order=("load", "train"), **more):
    # An app has one of them.
    for other in MADE:
        other.forget()
    drivers = [("function", "flow", "main", [])]
    entries = [(module, module.replace(".", "/") + ".py", called, of) for module, called, of in entries]
    MADE.append(Stage(name=name, order=list(order), roots=["."], drivers=drivers, entries=entries, **more))
    return MADE[-1]


def record(done):
    return json.loads(members_of(done.archive)["record.json"])


def file(done, name):
    return members_of(done.archive)["files/" + name].decode()
"""


def in_app(modules, code, fails=False):
    """What the code prints in an app whose monolith has these modules."""
    with tempfile.TemporaryDirectory() as folder:
        app = pathlib.Path(folder)
        shutil.copytree(PACKAGE, app / "cutline_handover")
        for name, text in modules.items():
            path = app / "monolith" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        (app / "case.py").write_text(PRELUDE + code)
        done = subprocess.run([sys.executable, "case.py"], cwd=app, capture_output=True, text=True, timeout=300)
        assert (done.returncode != 0) == fails, done.stderr
        return done.stderr if fails else json.loads(done.stdout)


class Handover(unittest.TestCase):
    def test_nothing_stays_of_the_message_before(self):
        step = (
            "import functools, os, pathlib\nSEEN = []\nclass Kept:\n    seen = 0\n"
            "@functools.lru_cache\ndef setting():\n    return pathlib.Path('setting').read_text()\n"
            "def load(value):\n    SEEN.append(value)\n    Kept.seen += 1\n    os.environ['LAST'] = value\n"
            "    pathlib.Path('setting').write_text(value)\n    return [setting(), len(SEEN), Kept.seen]\n"
        )
        flow = (
            "import os\nfrom parts.step import load\nfrom parts import step\n"
            "def main(value):\n    before = os.environ.get('LAST')\n"
            "    assert step.SEEN == []\n    return load(value), before\n"
        )
        # `parts` has no `__init__.py`: such a folder remembers its modules, too.
        code = (
            "at = stage('load', ('parts.step', 'load', 'load'))\n"
            "told = [record(at.run(Message(value=value)))['calls'][0]['result'] for value in 'abcdef']\n"
            "import os\nprint(json.dumps([told, os.environ['LAST']]))"
        )
        told, last = in_app({"parts/step.py": step, "flow.py": flow}, code)
        self.assertEqual(told, [[value, 1, 1] for value in "abcdef"])
        self.assertEqual(last, "f")

    def test_threads_are_told_apart(self):
        step = (
            "import concurrent.futures, threading, time\nBOTH = threading.Barrier(2)\n"
            "def read(name):\n    return name.upper()\n"
            "def load(name):\n    BOTH.wait(60)\n"
            # What is asked inside is no crossing, on a thread of its own neither.
            "    with concurrent.futures.ThreadPoolExecutor(1) as pool:\n"
            "        told = pool.submit(read, name).result()\n"
            "    one = threading.Thread(target=lambda: read('x'))\n    one.start()\n    one.join()\n"
            "    time.sleep(0.2 if name == 'a' else 0)\n    return told\n"
        )
        train = "def fit(names):\n    return sorted(names)\n"
        flow = (
            "import concurrent.futures\nfrom step import load\nfrom train import fit\n"
            "def main(names):\n    with concurrent.futures.ThreadPoolExecutor(2) as pool:\n"
            "        return fit(list(pool.map(load, names)))\n"
        )
        code = (
            "entries = [('step', 'read', 'load'), ('step', 'load', 'load'), ('train', 'fit', 'train')]\n"
            "runs = [stage('load', *entries).run(Message(names=['a', 'b'])) for _ in range(2)]\n"
            "trained = stage('train', *entries).run(Message(names=['a', 'b']), Blob(runs[0].archive))\n"
            "print(json.dumps([record(runs[0])['calls'], record(trained)['calls'][-1]['result'],\n"
            "                  runs[0].archive == runs[1].archive]))"
        )
        calls, told, same = in_app({"step.py": step, "train.py": train, "flow.py": flow}, code)
        self.assertEqual([call["of"] for call in calls], ["step.py:load"] * 2)
        self.assertEqual(sorted(call["result"] for call in calls), ["A", "B"])
        self.assertEqual(told, ["A", "B"])
        self.assertTrue(same)

    def test_what_cannot_be_pickled_stays_or_is_refused_by_name(self):
        step = (
            "import threading\n\nclass Book:\n    __slots__ = ('page',)\n"
            "class Model:\n    def __init__(self):\n        self.lock = threading.Lock()\n"
            "        self.rows, self.old, self.book = [], 1, Book()\n"
            "def load(model, told):\n    with model.lock:\n        model.rows.append(1)\n"
            "        model.book.page = 3\n        del model.old\n    told['rows'] = 1\n"
            "def spoil(model):\n    model.score = lambda row: row\n"
        )
        train = (
            "def fit(model, told):\n    with model.lock:\n"
            "        return [model.rows, model.book.page, hasattr(model, 'old'), told['rows'], told['log']()]\n"
        )
        flow = (
            "import step\nfrom train import fit\n"
            "def main(spoils=False):\n    model, told = step.Model(), {'log': lambda: 'here'}\n"
            "    step.load(model, told)\n    try:\n        spoils and step.spoil(model)\n"
            "    except Exception:\n        pass\n    return fit(model, told)\n"
        )
        modules = {"step.py": step, "train.py": train, "flow.py": flow}
        code = (
            "entries = [('step', 'load', 'load'), ('step', 'spoil', 'load'), ('train', 'fit', 'train')]\n"
            "loaded = stage('load', *entries).run(Message(spoils=SPOILS))\n"
            "trained = stage('train', *entries).run(Message(), Blob(loaded.archive))\n"
            "print(json.dumps(record(trained)['calls'][-1]['result']))"
        )
        told = in_app(modules, code.replace("SPOILS", "False"))
        self.assertEqual(told, [[1], 3, False, 1, "here"])
        told = in_app(modules, code.replace("SPOILS", "True"), fails=True)
        self.assertIn("what step.py:spoil changes in its argument 1 cannot be handed over", told)
        self.assertIn("attribute `score` of step.Model: function cannot be pickled", told)

    def test_a_global_variable_that_cannot_be_pickled_is_refused_unless_it_was_nothing(self):
        step = (
            "import threading\nCLIENT = None\nHOLDS = {}\n"
            "def load(spoils):\n    global CLIENT\n    CLIENT = threading.Lock()\n"
            "    HOLDS['lock' if spoils else 'rows'] = CLIENT if spoils else 2\n"
        )
        flow = "import step\ndef main(spoils):\n    step.load(spoils)\n"
        code = (
            "at = stage('load', ('step', 'load', 'load'), shared=['step:CLIENT', 'step:HOLDS'])\n"
            "print(json.dumps(record(at.run(Message(spoils=SPOILS)))['globals']))"
        )
        modules = {"step.py": step, "flow.py": flow}
        self.assertEqual(in_app(modules, code.replace("SPOILS", "False")), {"step:HOLDS": {"rows": 2}})
        told = in_app(modules, code.replace("SPOILS", "True"), fails=True)
        self.assertIn("['lock'] of the global variable step:HOLDS cannot be handed over: _thread.lock", told)

    def test_a_refusal_is_not_caught_by_the_monolith(self):
        step = "def load():\n    return lambda: 1\n"
        flow = (
            "from step import load\ndef main():\n    for _ in range(2):\n"
            "        try:\n            load()\n        except HOW:\n            pass\n"
        )
        code = (
            "try:\n    stage('load', ('step', 'load', 'load')).run(Message())\n"
            "except Exception as error:\n    print(json.dumps(str(error)))"
        )
        for how in ("Exception", "BaseException"):
            told = in_app({"step.py": step, "flow.py": flow.replace("HOW", how)}, code)
            self.assertIn("what step.py:load returns cannot be handed over", told)

    def test_a_queue_stays_one(self):
        step = (
            "import queue\ndef load(holds):\n    holds['todo'].put(3)\n"
            "    todo = queue.Queue()\n    todo.put(4)\n    return todo\n"
        )
        flow = (
            "import queue, step\nfrom train import fit\n"
            "def main():\n    holds = {'todo': queue.Queue()}\n    todo = step.load(holds)\n"
            "    fit([todo.get_nowait(), holds['todo'].get_nowait()])\n"
        )
        code = (
            "entries = [('step', 'load', 'load'), ('train', 'fit', 'train')]\n"
            "loaded = stage('load', *entries).run(Message())\n"
            "trained = stage('train', *entries).run(Message(), Blob(loaded.archive))\n"
            "print(json.dumps(record(trained)['calls'][-1]['result']))"
        )
        modules = {"step.py": step, "train.py": "def fit(numbers):\n    return sum(numbers)\n", "flow.py": flow}
        self.assertEqual(in_app(modules, code), 7)

    def test_django_is_set_up_before_the_monolith_is_imported(self):
        modules = {
            "shop/__init__.py": "",
            "shop/settings.py": "INSTALLED_APPS = ['shop']\nSECRET_KEY = 'x'\n",
            "shop/models.py": (
                "import functools\nfrom django.db import models\n"
                "class Order(models.Model):\n    paid = models.BooleanField()\n"
                "@functools.lru_cache\ndef seen(value):\n    return [value]\n"
                "def load(value):\n    seen(0).append(value)\n    return [Order._meta.app_label, *seen(0)]\n"
            ),
            "flow.py": "from shop.models import load\ndef main(value):\n    load(value)\n",
        }
        code = (
            "at = stage('load', ('shop.models', 'load', 'load'), django='shop.settings')\n"
            "print(json.dumps([record(at.run(Message(value=value)))['calls'][0]['result'] for value in 'ab']))"
        )
        self.assertEqual(in_app(modules, code), [["shop", 0, "a"], ["shop", 0, "b"]])

    def test_a_step_of_no_stage_is_asked_again_where_it_has_to_be(self):
        step = "import threading\ndef load():\n    return threading.Lock()\n"
        flow = (
            "from step import load\nfrom train import fit\n"
            "def main():\n    with load():\n        fit()\n"
        )
        code = (
            "entries = [('step', 'load', 'load'), ('train', 'fit', 'train')]\n"
            "loaded = stage('load', *entries, anew=['step.py:load']).run(Message())\n"
            "trained = stage('train', *entries).run(Message(), Blob(loaded.archive))\n"
            "print(json.dumps(record(trained)['calls'][-1]['result']))"
        )
        modules = {"step.py": step, "train.py": "def fit():\n    return 5\n", "flow.py": flow}
        self.assertEqual(in_app(modules, code), 5)

    def test_folders_that_are_named_are_there(self):
        step = "def load():\n    open('out/deep/x', 'w').write('y')\n"
        code = (
            "at = stage('load', ('step', 'load', 'load'), folders=['out/deep'])\n"
            "print(json.dumps(file(at.run(Message()), 'out/deep/x')))"
        )
        modules = {"step.py": step, "flow.py": "from step import load\ndef main():\n    load()\n"}
        self.assertEqual(in_app(modules, code), "y")


unittest.main()
