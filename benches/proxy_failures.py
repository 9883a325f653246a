"""What clients see while things break and change: cutline's proxy between a
client that never asks twice and upstreams that are killed, hang, come back.

    python3 benches/proxy_failures.py [kill] [changes] [hang] [soak --minutes N]

kill      3,000 POSTs declared free of effects, and 3,000 GETs, at 50 %, while
          the candidate's process is killed for 2 s
changes   6,000 POSTs while the weight rises from 0 to 100 % and the file is
          reloaded between the steps
hang      the client's p99 with a candidate that never answers at 100 % shadow
          beside no shadow, interleaved
soak      all of it for an hour, unless told: failures, memory, and whether
          every request was counted in exactly one way

Ends with 1 where something was not as it should be.
"""

import argparse
import collections
import random
import statistics
import subprocess
import sys
import time

sys.path.insert(0, __file__.rpartition("/")[0] + "/proxy")
import bench

ROUTES = """
listen = "127.0.0.1:{listen}"
[monolith]
upstream = "http://127.0.0.1:{monolith}"
[stage.inference]
routes = ["POST /predict", "GET /predict"]
candidate = "http://127.0.0.1:{candidate}"
sticky = {{ header = "x-customer-id" }}
side_effects = {{ monolith = "none", candidate = "none" }}
mode = "{mode}"
percent = {percent}
"""

Asked = collections.namedtuple("Asked", "at took customer status side")


class Scene:
    """A proxy, its monolith, and a candidate that can be killed."""

    def __init__(self, stack, mode, percent, *candidate_does):
        self.stack, self.does = stack, candidate_does
        self.ports = {"listen": bench.port()}
        self.ports["monolith"], _ = stack.upstream("monolith")
        self.ports["candidate"], self.candidate = stack.upstream("candidate", *candidate_does)
        self.config = self.write(mode, percent)
        self.proxy = bench.Cutline(stack, self.config, self.ports["listen"])

    def write(self, mode, percent):
        name = f"{self.ports['listen']}.toml"
        return self.stack.file(name, ROUTES.format(mode=mode, percent=percent, **self.ports))

    def reload(self, mode, percent):
        self.proxy.say(f"reload {self.write(mode, percent)}")

    def kill(self):
        bench.end(self.candidate)

    def restart(self):
        _, self.candidate = self.stack.upstream("candidate", *self.does, listen=self.ports["candidate"])

    def load(self, requests, rate, method="POST"):
        command = [bench.BINARIES / "load", "--to", f"127.0.0.1:{self.ports['listen']}"]
        command += ["--requests", requests, "--rate", rate, "--method", method]
        return subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True)

    def counted(self):
        """Requests by how they ended, as the proxy counted them."""
        ends = collections.Counter()
        for labels, n in self.proxy.metrics("cutline_requests_total").items():
            ends[labels.partition('end="')[2].partition('"')[0]] += int(n)
        return ends


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
            ends = ", ".join(f"{end} {n}" for end, n in scene.counted().items() if n)
            rows.append([f"{method} /predict", len(failed(requests)), ends, f"{before:.3f}", f"{after:.3f}"])
            good &= not failed(requests) and len(requests) == 3_000 and after >= 0.45
    print("kill: candidate killed for 2 s at 50 %, 3,000 requests each, 500/s")
    print(bench.table(rows))
    return good


def changes():
    with bench.Stack() as stack:
        scene = Scene(stack, "split", 0)
        load = scene.load(6_000, 500)
        for percent in range(5, 101, 5):
            time.sleep(0.5)
            scene.proxy.say(f"shift inference {percent}")
            time.sleep(0.05)
            scene.reload("split", percent)
        requests = asked(load)
        sides = collections.defaultdict(list)
        for request in requests:
            sides[request.customer].append(request.side)
        back = sum(
            any(a == "candidate" and b == "monolith" for a, b in zip(of, of[1:])) for of in sides.values()
        )
        moved = sum(of[0] != of[-1] for of in sides.values())
    print("changes: 6,000 requests, 500/s, weight 0 to 100 % in 20 steps, each followed by a reload")
    print(bench.table([
        ["failed", "customers", "moved to the candidate", "moved back"],
        [len(failed(requests)), len(sides), moved, back],
    ]))
    return not failed(requests) and len(requests) == 6_000 and not back


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


def soak(minutes, seed=7):
    draw = random.Random(seed)
    with bench.Stack() as stack:
        scene = Scene(stack, "split", 50)
        sent, bad, sizes = 0, [], []
        end = time.monotonic() + minutes * 60
        while time.monotonic() < end:
            load = scene.load(5_000, 500, draw.choice(["GET", "POST"]))
            for _ in range(4):
                time.sleep(draw.uniform(0.5, 2))
                match draw.randrange(4):
                    case 0:
                        scene.proxy.say(f"shift inference {draw.randrange(101)}")
                    case 1:
                        mode = draw.choice(["split", "shadow", "reverse-shadow"])
                        scene.reload(mode, draw.randrange(101))
                    case 2:
                        scene.kill()
                        time.sleep(draw.uniform(0, 1))
                        scene.restart()
                    case 3:
                        scene.reload("candidate", 100)
            requests = asked(load)
            sent += len(requests)
            bad += failed(requests)
            sizes.append(bench.pss(scene.proxy.process.pid))
        ends = scene.counted()
        # What a copy still waits for is no request of a client.
        total = sum(ends.values())
        statuses = collections.Counter(request.status for request in bad)
    print(f"soak: {minutes} min, {sent:,} requests, seed {seed}")
    print(bench.table([
        ["failed", *ends, "counted in all", "sent"],
        [len(bad), *ends.values(), total, sent],
    ]))
    third = max(1, len(sizes) // 3)
    early, late = (statistics.median(part) / 2**20 for part in (sizes[:third], sizes[-third:]))
    print(f"failed, by status: {dict(statuses)}; PSS in the first third {early:.1f} MiB, in the last {late:.1f} MiB")
    return not bad and total == sent


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
