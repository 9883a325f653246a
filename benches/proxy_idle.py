"""Memory at idle connections: cutline's proxy beside the minimal hyper-util
proxy and nginx, one worker each. Each connection has carried one request.

    python3 benches/proxy_idle.py [--connections N]
"""

import argparse
import resource
import socket
import sys
import time

sys.path.insert(0, __file__.rpartition("/")[0] + "/proxy")
import bench
import proxy_cost

# Idle connections are kept while they are counted.
LIMITS = '\n[limits]\nconnections = 100000\nheader_time = "10m"\n'
REQUEST = b"GET /predict HTTP/1.1\r\nhost: churn.example\r\nx-customer-id: 7\r\n\r\n"


def answered(client):
    read = b""
    while b"\r\n\r\n" not in read or not read.endswith(b'"}'):
        more = client.recv(4096)
        if not more:
            sys.exit("a connection was closed")
        read += more


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--proxies", nargs="+", default=["cutline", "minimal"])
    parser.add_argument("--no-build", action="store_true")
    args = parser.parse_args()
    if not args.no_build:
        bench.build()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if most < args.connections + 100:
        sys.exit(f"{args.connections} connections need more open files than {most}: raise `ulimit -n`")
    proxy_cost.ROUTES += LIMITS
    rows = [["proxy", "PSS at none, MiB", f"at {args.connections:,} idle, MiB", "bytes per connection"]]
    for name in args.proxies:
        with bench.Stack() as stack:
            ports = {side: stack.upstream(side)[0] for side in ("monolith", "candidate")}
            listen, process = proxy_cost.PROXIES[name](stack, "plain", ports, "GET")
            with socket.create_connection(("127.0.0.1", listen)) as first:
                first.sendall(REQUEST)
                answered(first)
            before = bench.pss(process.pid)
            clients = []
            for _ in range(args.connections):
                client = socket.create_connection(("127.0.0.1", listen))
                client.sendall(REQUEST)
                answered(client)
                clients.append(client)
            time.sleep(3)
            after = bench.pss(process.pid)
            for client in clients:
                client.close()
            each = (after - before) / args.connections
            rows.append([name, f"{before / 2**20:.1f}", f"{after / 2**20:.1f}", f"{each:,.0f}"])
    print(bench.table(rows))


if __name__ == "__main__":
    main()
