"""CPU per 100,000 requests of cutline's proxy, the minimal hyper-util proxy and
nginx, each with one worker, in the same run, one after the other in each round.

    python3 benches/proxy_cost.py [--rounds N] [--seconds N] [--method GET|POST]

Needs Debian's nginx-light and wrk. Counted is the CPU time of the proxy's
process (utime + stime, all threads) while wrk asks over 64 connections; the
answers are 200 bytes of JSON. Metrics are on, the access log is off.
"""

import argparse
import re
import statistics
import subprocess
import sys

sys.path.insert(0, __file__.rpartition("/")[0] + "/proxy")
import bench

CONNECTIONS = 64

# The same requests everywhere: 1,000 customers in turn.
SCRIPT = """
local requests, n = {}, 0
init = function(args)
  for i = 1, 1000 do
    local fields = {["x-customer-id"] = "customer-" .. i, ["accept"] = "application/json"}
    local body = nil
    if "%(method)s" == "POST" then
      fields["content-type"] = "application/json"
      body = '{"customers": [{"id": ' .. i .. ', "age": 41, "plan": "basic", "tickets": 3}]}'
    end
    requests[i] = wrk.format("%(method)s", "/predict", fields, body)
  end
end
request = function() n = n %% 1000 + 1; return requests[n] end
"""

ROUTES = """
listen = "127.0.0.1:{listen}"
[monolith]
upstream = "http://127.0.0.1:{monolith}"
[stage.inference]
routes = ["{method} /predict"]
candidate = "http://127.0.0.1:{candidate}"
sticky = {{ header = "x-customer-id" }}
side_effects = {{ monolith = "none", candidate = "none" }}
{mode}
"""

MODES = {
    "plain": 'mode = "monolith"',
    "split": 'mode = "split"\npercent = 10',
    "mirror": 'mode = "shadow"\npercent = 100',
}

NGINX = """
worker_processes 1; daemon off; master_process off;
error_log stderr crit; pid {folder}/nginx-{mode}.pid;
events {{ worker_connections 2048; }}
http {{
  access_log off; keepalive_requests 100000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream monolith {{ server 127.0.0.1:{monolith}; keepalive 128; keepalive_requests 100000000; }}
  upstream candidate {{ server 127.0.0.1:{candidate}; keepalive 128; keepalive_requests 100000000; }}
  split_clients "$http_x_customer_id" $side {{ 10% candidate; * monolith; }}
  proxy_http_version 1.1; proxy_set_header Connection "";
  server {{
    listen 127.0.0.1:{listen};
    location / {{ {location} }}
    location = /mirror {{ internal; proxy_pass http://candidate$request_uri; }}
  }}
}}
"""

LOCATIONS = {
    "plain": "proxy_pass http://monolith;",
    "split": "proxy_pass http://$side;",
    "mirror": "mirror /mirror; proxy_pass http://monolith;",
}


def cutline(stack, mode, ports, method):
    listen = bench.port()
    text = ROUTES.format(listen=listen, mode=MODES[mode], method=method, **ports)
    config = stack.file(f"{mode}.toml", text)
    return listen, bench.Cutline(stack, config, listen).process


def minimal(stack, mode, ports, _):
    listen = bench.port()
    command = [bench.BINARIES / "minimal", "--listen", f"127.0.0.1:{listen}"]
    command += ["--monolith", f"127.0.0.1:{ports['monolith']}"]
    if mode != "plain":
        command += ["--candidate", f"127.0.0.1:{ports['candidate']}"]
    command += {"plain": [], "split": ["--percent", "10"], "mirror": ["--mirror"]}[mode]
    return listen, stack.start(command, listen)


def nginx(stack, mode, ports, _):
    listen = bench.port()
    text = NGINX.format(
        folder=stack.folder, mode=mode, listen=listen, location=LOCATIONS[mode], **ports
    )
    config = stack.file(f"nginx-{mode}.conf", text)
    return listen, stack.start(["/usr/sbin/nginx", "-c", config], listen)


PROXIES = {"cutline": cutline, "minimal": minimal, "nginx": nginx}


def load(listen, script, seconds):
    """Requests that were answered 200."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}", "-s", script]
    command.append(f"http://127.0.0.1:{listen}/predict")
    said = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        sys.exit(f"not all was answered:\n{said}")
    return int(re.search(r"(\d+) requests in", said)[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--method", choices=["GET", "POST"], default="GET")
    parser.add_argument("--modes", nargs="+", choices=list(MODES), default=list(MODES))
    parser.add_argument("--proxies", nargs="+", choices=list(PROXIES), default=list(PROXIES))
    parser.add_argument("--no-build", action="store_true")
    args = parser.parse_args()
    bench.need("wrk", "nginx")
    if not args.no_build:
        bench.build()
    with bench.Stack() as stack:
        ports = {name: stack.upstream(name)[0] for name in ("monolith", "candidate")}
        script = stack.file("requests.lua", SCRIPT % {"method": args.method})
        running = {
            (proxy, mode): PROXIES[proxy](stack, mode, ports, args.method)
            for mode in args.modes
            for proxy in args.proxies
        }
        for listen, _ in running.values():
            load(listen, script, 1)
        costs = {key: [] for key in running}
        rates = {key: [] for key in running}
        for _ in range(args.rounds):
            for key, (listen, process) in running.items():
                before = bench.cpu(process.pid)
                requests = load(listen, script, args.seconds)
                costs[key].append((bench.cpu(process.pid) - before) / requests * 100_000)
                rates[key].append(requests / args.seconds)
    show(args, costs, rates)


def show(args, costs, rates):
    print(f"{args.method}, {CONNECTIONS} connections, median of {args.rounds} rounds of {args.seconds} s")
    rows = [["CPU s per 100,000", *args.modes]]
    medians = {key: statistics.median(values) for key, values in costs.items()}
    for proxy in args.proxies:
        spread = [
            f"{medians[proxy, mode]:.2f} ({min(costs[proxy, mode]):.2f}–{max(costs[proxy, mode]):.2f})"
            for mode in args.modes
        ]
        rows.append([proxy, *spread])
    for peer in ("minimal", "nginx"):
        if "cutline" in args.proxies and peer in args.proxies:
            # Of each round by itself, so that what slows a whole round is in both.
            ratios = [
                statistics.median(a / b for a, b in zip(costs["cutline", mode], costs[peer, mode]))
                for mode in args.modes
            ]
            rows.append([f"cutline / {peer}", *(f"{ratio:.2f}" for ratio in ratios)])
    for proxy in args.proxies:
        rows.append([f"{proxy}, requests/s", *(f"{statistics.median(rates[proxy, mode]):,.0f}" for mode in args.modes)])
    print(bench.table(rows))


if __name__ == "__main__":
    main()
