"""CPU per 100,000 requests of cutline's proxy, the minimal hyper-util proxy and
nginx, each with one worker, in the same run, one after the other in each round.

    python3 benches/proxy_cost.py [get] [traced] [post] [--rounds N] [--seconds N]

get       requests without a trace context: cutline makes one, its peers do not
traced    requests with a W3C trace context, which all pass on
post      requests with a body of 700 bytes, and without a trace context

Needs Debian's nginx-light and wrk. Counted is the CPU time of the proxy's
process (utime + stime, all threads) while wrk asks over 64 connections; the
answers are 200 bytes of JSON. In `mirror` nobody compares; in `compare` cutline
compares the two answers, which differ in a field, and its peers throw one away. cutline is the released binary: metrics and the
admin interface are on, the access log is off.
"""

import argparse
import re
import statistics
import subprocess
import sys

sys.path.insert(0, __file__.rpartition("/")[0] + "/proxy")
import bench
import peers

CONNECTIONS = 64

# The same requests everywhere: 1,000 customers in turn.
SCRIPT = """
local requests, n, kind = {}, 0, "%s"
init = function(args)
  for i = 1, 1000 do
    local fields = {["x-customer-id"] = "customer-" .. i, ["accept"] = "application/json"}
    local method, body = "GET", nil
    if kind == "traced" then
      fields["traceparent"] = string.format("00-%%032x-%%016x-01", i, i)
    end
    if kind == "post" then
      local customer = '{"id": ' .. i .. ', "age": 41, "plan": "basic", "tenure": 12, "tickets": 3}'
      method, body = "POST", '{"customers": [' .. string.rep(customer .. ", ", 9) .. customer .. ']}'
      fields["content-type"] = "application/json"
    end
    requests[i] = wrk.format(method, "/predict", fields, body)
  end
end
request = function() n = n %% 1000 + 1; return requests[n] end
"""
KINDS = ("get", "traced", "post")


def load(listen, script, seconds):
    """Requests that were answered 200."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}", "-s", script]
    command.append(f"http://127.0.0.1:{listen}/predict")
    said = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        sys.exit(f"not all was answered:\n{said}")
    return int(re.search(r"(\d+) requests in", said)[1])


def measure(running, script, args):
    """CPU seconds per 100,000 requests, and requests per second, by proxy and
    mode, of each round."""
    costs, rates = ({key: [] for key in running} for _ in range(2))
    for listen, _ in running.values():
        load(listen, script, 1)
    for _ in range(args.rounds):
        for key, (listen, process) in running.items():
            before = bench.cpu(process.pid)
            requests = load(listen, script, args.seconds)
            costs[key].append((bench.cpu(process.pid) - before) / requests * 100_000)
            rates[key].append(requests / args.seconds)
    return costs, rates


def show(kind, args, costs, rates):
    print(f"\n{kind}, {CONNECTIONS} connections, median of {args.rounds} rounds of {args.seconds} s")
    rows = [["CPU s per 100,000", *peers.MODES]]
    for proxy in args.proxies:
        each = [costs[proxy, mode] for mode in peers.MODES]
        rows.append([proxy, *(f"{statistics.median(of):.2f} ({min(of):.2f}–{max(of):.2f})" for of in each)])
    for peer in ("minimal", "nginx"):
        if "cutline" in args.proxies and peer in args.proxies:
            # Of each round by itself, so that what slows a whole round is in both.
            ratios = [
                statistics.median(a / b for a, b in zip(costs["cutline", mode], costs[peer, mode]))
                for mode in peers.MODES
            ]
            rows.append([f"cutline / {peer}", *(f"{ratio:.2f}" for ratio in ratios)])
    for proxy in args.proxies:
        each = [statistics.median(rates[proxy, mode]) for mode in peers.MODES]
        rows.append([f"{proxy}, requests/s", *(f"{rate:,.0f}" for rate in each)])
    print(bench.table(rows), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("kinds", nargs="*", metavar="|".join(KINDS), default=KINDS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--proxies", nargs="+", choices=list(peers.PROXIES), default=list(peers.PROXIES))
    parser.add_argument("--no-build", action="store_true")
    args = parser.parse_args()
    if unknown := set(args.kinds) - set(KINDS):
        parser.error(f"unknown: {', '.join(unknown)}")
    bench.need("wrk", *({"nginx"} & set(args.proxies)))
    if not args.no_build:
        bench.build()
    with bench.Stack() as stack:
        upstreams = {name: stack.upstream(name)[0] for name in ("monolith", "candidate")}
        running = {
            (proxy, mode): peers.start(stack, proxy, mode, upstreams)
            for mode in peers.MODES
            for proxy in args.proxies
        }
        for kind in args.kinds:
            script = stack.file(f"{kind}.lua", SCRIPT % kind)
            show(kind, args, *measure(running, script, args))


if __name__ == "__main__":
    main()
