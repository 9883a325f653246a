"""What clients see while things break and change: cutline's proxy between a
client that never asks twice and upstreams that are killed, hang, come back.

    python3 benches/proxy_failures.py [kill] [changes] [hang] [soak --minutes N]

kill      3,000 POSTs declared free of effects, and 3,000 GETs, at 50 %, while
          the candidate's process is killed for 2 s
changes   6,000 POSTs while the weight rises from 0 to 100 %, the file is
          reloaded between the steps, and three times another process of the
          proxy takes over
hang      the client's p99 with a candidate that never answers at 100 % shadow
          beside no shadow, interleaved
soak      all of it for an hour, unless told, and modes, and a candidate that is
          stopped and goes on: failures, whether every request was counted in
          exactly one way, and memory, descriptors and threads over the time

Ends with 1 where something was not as it should be.
"""

import argparse
import collections
import contextlib
import random
import signal
import statistics
import subprocess
import sys
import time

sys.path.insert(0, __file__.rpartition("/")[0] + "/proxy")
import bench

ROUTES = """
listen = "127.0.0.1:{listen}"
admin = "127.0.0.1:0"
[monolith]
upstream = "http://127.0.0.1:{monolith}"
[stage.inference]
routes = ["POST /predict", "GET /predict"]
candidate = "http://127.0.0.1:{candidate}"
sticky = {{ header = "x-customer-id" }}
side_effects = {{ monolith = "none", candidate = "none" }}
mode = "{mode}"
percent = {percent}
{more}
"""

Asked = collections.namedtuple("Asked", "at took customer status side")


class Scene:
    """A proxy, its monolith, and a candidate that can be killed."""

    def __init__(self, stack, mode, percent, *candidate_does, more=""):
        self.stack, self.does, self.more = stack, candidate_does, more
        self.ports = {"listen": bench.port()}
        self.ports["monolith"], _ = stack.upstream("monolith")
        self.ports["candidate"], self.candidate = stack.upstream("candidate", *candidate_does)
        self.proxy = bench.Cutline(stack, self.ports["listen"], self.routes(mode, percent))

    def routes(self, mode, percent):
        return ROUTES.format(mode=mode, percent=percent, more=self.more, **self.ports)

    def reload(self, mode, percent):
        self.proxy.reload(self.routes(mode, percent))

    def kill(self):
        bench.end(self.candidate)

    def restart(self):
        _, self.candidate = self.stack.upstream("candidate", *self.does, listen=self.ports["candidate"])

    @contextlib.contextmanager
    def hung(self):
        """The candidate takes connections, and does nothing."""
        self.candidate.send_signal(signal.SIGSTOP)
        yield
        self.candidate.send_signal(signal.SIGCONT)

    def load(self, requests, rate, method="POST"):
        command = [bench.BINARIES / "load", "--to", f"127.0.0.1:{self.ports['listen']}"]
        command += ["--requests", requests, "--rate", rate, "--method", method]
        return subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)


def asked(load):
    """What came of each request, in the order they were sent."""
    said = load.communicate()[0].splitlines()
    fields = (line.split(" ") for line in said)
    return sorted(Asked(int(at), int(took), *rest) for at, took, *rest in fields)


def failed(requests):
    return [request for request in requests if request.status != "200"]


def kill():
    rows, good = [["request", "failed", "answered by", "share before", "share from 1 s after"]], True
    for method in ("POST", "GET"):
        with bench.Stack() as stack:
            scene = Scene(stack, "split", 50)
            start, load = time.monotonic(), scene.load(3_000, 500, method)
            time.sleep(1.5)
            scene.kill()
            killed = (time.monotonic() - start) * 1_000
            time.sleep(2)
            scene.restart()
            back = (time.monotonic() - start) * 1_000
            requests = asked(load)
            share = lambda of: statistics.mean(request.side == "candidate" for request in of)
            before = share([r for r in requests if r.at < killed - 100])
            after = share([r for r in requests if r.at > back + 1_000])
            ends = ", ".join(f"{end} {n}" for end, n in scene.proxy.counted().items() if n)
            rows.append([f"{method} /predict", len(failed(requests)), ends, f"{before:.3f}", f"{after:.3f}"])
            good &= not failed(requests) and len(requests) == 3_000 and after >= 0.45
    print("kill: candidate killed for 2 s at 50 %, 3,000 requests each, 500/s")
    print(bench.table(rows))
    return good


def changes():
    with bench.Stack() as stack:
        scene = Scene(stack, "split", 0)
        load, more = scene.load(6_000, 500), 0
        for percent in range(5, 101, 5):
            time.sleep(0.4)
            scene.proxy.told("shift", "inference", percent)
            time.sleep(0.05)
            scene.reload("split", percent)
            if percent % 25 == 0 and percent < 100:
                more += scene.proxy.take_over()
        during = load.poll() is None
        requests = asked(load)
        sides = collections.defaultdict(list)
        for request in requests:
            sides[request.customer].append(request.side)
        back = sum(
            any(a == "candidate" and b == "monolith" for a, b in zip(of, of[1:])) for of in sides.values()
        )
        moved = sum(of[0] != of[-1] for of in sides.values())
        counted = sum(scene.proxy.counted().values())
    print("changes: 6,000 requests, 500/s, weight 0 to 100 % in 20 steps, each followed by a reload, 3 take-overs")
    print(bench.table([
        ["failed", "customers", "moved to the candidate", "moved back", "sent", "counted by 4 processes"],
        [len(failed(requests)), len(sides), moved, back, len(requests) + more, counted],
    ]))
    if not during:
        print("the load ended before the changes did: the machine is too slow for this")
    return during and not failed(requests) and not back and counted == len(requests) + more == 6_000 + more


def hang(rounds=7):
    with bench.Stack() as stack:
        scenes = {
            "no shadow": Scene(stack, "monolith", 100, "--hang"),
            "hanging candidate, 100 % shadow": Scene(stack, "shadow", 100, "--hang"),
        }
        for scene in scenes.values():
            asked(scene.load(1_000, 1_000))
        tails = {name: [] for name in scenes}
        for _ in range(rounds):
            for name, scene in scenes.items():
                took = sorted(request.took for request in asked(scene.load(3_000, 1_000)))
                tails[name].append((took[len(took) // 2], took[len(took) * 99 // 100]))
        dropped = scenes["hanging candidate, 100 % shadow"].proxy.metrics("cutline_mirror_dropped_total")
    rows = [["client's time", "p50, ms", "p99, ms"]]
    for name, values in tails.items():
        middle = [statistics.median(column) / 1_000 for column in zip(*values)]
        rows.append([name, *(f"{value:.2f}" for value in middle)])
    without, with_it = tails.values()
    ratio = statistics.median(b[1] / a[1] for a, b in zip(without, with_it))
    print(f"hang: {rounds} rounds of 3,000 requests each, interleaved, 1,000/s")
    print(bench.table(rows))
    reasons = {labels.partition('reason="')[2].partition('"')[0]: int(n) for labels, n in dropped.items() if n}
    print(f"p99 with / without, median of the rounds: {ratio:.2f}; copies dropped: {reasons}")
    return ratio <= 1.1


class Soak:
    """Rounds of 5,000 requests, and what happens meanwhile."""

    def __init__(self, stack, minutes, seed):
        # A candidate that hangs is given up before the next thing happens.
        # All pairs of answers are kept, within a journal that is soon full.
        more = 'timeouts = { first_byte = "500ms" }\n' + JOURNAL
        self.scene = Scene(stack, "split", 50, more=more)
        self.minutes, self.draw = minutes, random.Random(seed)
        self.sent, self.failed, self.samples = 0, collections.Counter(), []
        self.done = collections.Counter()

    def run(self):
        start = time.monotonic()
        due = every = self.minutes * 10
        while (now := time.monotonic() - start) < self.minutes * 60:
            load = self.scene.load(5_000, 500, self.draw.choice(["GET", "POST"]))
            for _ in range(4):
                time.sleep(self.draw.uniform(0.3, 1.5))
                self.happens(self.draw.choice(["shift", "mode", "file", "kill", "hang"]))
            if now >= due:
                due += every
                self.done["take-over"] += 1
                self.sent += self.scene.proxy.take_over()
            requests = asked(load)
            self.sent += len(requests)
            self.failed.update(request.status for request in failed(requests))
            self.sample()

    def happens(self, what):
        self.done[what] += 1
        scene, percent = self.scene, self.draw.randrange(101)
        mode = self.draw.choice(["monolith", "shadow", "split", "candidate", "reverse-shadow"])
        match what:
            case "shift":
                scene.proxy.told("shift", "inference", percent)
            case "mode":
                share = [] if mode in ("monolith", "candidate") else ["--percent", percent]
                scene.proxy.told("mode", "inference", mode, *share)
            case "file":
                scene.reload(mode, percent)
            case "kill":
                scene.kill()
                time.sleep(self.draw.uniform(0, 1))
                scene.restart()
            case "hang":
                with scene.hung():
                    time.sleep(self.draw.uniform(0, 2))

    def sample(self):
        """What the process that serves now holds, at the end of a round."""
        pid = self.scene.proxy.process.pid
        memory, threads = bench.memory(pid)["Pss"] / 2**20, bench.status(pid, "Threads")
        self.samples.append((memory, bench.descriptors(pid), threads, journal(self.scene.proxy) / 2**20))


# What may be held more in the last third of a soak than in the first: a share,
# and a number on top. Connections to upstreams are kept, more or fewer.
MORE = {"PSS, MiB": (0.2, 4), "descriptors": (0, 40), "threads": (0, 1), "journal, MiB": (0.1, 1)}

JOURNAL = """
[stage.inference.compare]
sample = 100
[journal]
size = "8MiB"
"""


def journal(proxy):
    """Bytes of the journal's files."""
    return sum(file.stat().st_size for file in proxy.state.glob("journal*"))


def soak(minutes, seed=7):
    with bench.Stack() as stack:
        running = Soak(stack, minutes, seed)
        running.run()
        ends = running.scene.proxy.counted()
        pairs = running.scene.proxy.metrics("cutline_pairs_total")
    total, bad = sum(ends.values()), sum(running.failed.values())
    happened = ", ".join(f"{n} times {what}" for what, n in running.done.items())
    print(f"soak: {minutes:g} min, {running.sent:,} requests, seed {seed}; {happened}")
    print(bench.table([
        ["failed", *ends, "counted in all", "sent"],
        [bad, *ends.values(), total, running.sent],
    ]))
    third = max(1, len(running.samples) // 3)
    rows, leaks = [["held by the proxy", "first third", "second", "last", "most"]], []
    for (what, (share, number)), values in zip(MORE.items(), zip(*running.samples)):
        parts = [statistics.median(values[at : at + third] or values) for at in (0, third, len(values) - third)]
        rows.append([what, *(f"{part:.1f}" for part in parts), f"{max(values):.1f}"])
        if parts[2] > parts[0] * (1 + share) + number:
            leaks.append(what)
    print(bench.table(rows))
    print(f"failed, by status: {dict(running.failed)}; pairs of answers at the last process: {int(sum(pairs.values())):,}")
    if leaks:
        print(f"grew: {', '.join(leaks)}")
    return not bad and not leaks and total == running.sent


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    known = ["kill", "changes", "hang", "soak"]
    parser.add_argument("what", nargs="*", metavar="|".join(known), default=known)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--no-build", action="store_true")
    args = parser.parse_args()
    if unknown := set(args.what) - set(known):
        parser.error(f"unknown: {', '.join(unknown)}")
    if not args.no_build:
        bench.build()
    tests = {"kill": kill, "changes": changes, "hang": hang, "soak": lambda: soak(args.minutes)}
    results = {name: tests[name]() for name in args.what}
    if wrong := [name for name, good in results.items() if not good]:
        sys.exit(f"not as it should be: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
