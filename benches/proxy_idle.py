"""Memory at idle connections: cutline's proxy beside the minimal hyper-util
proxy, and nginx where it is named, one worker each. Each connection has carried
one request and is then left alone for a while.

    python3 benches/proxy_idle.py [--connections N] [--seconds N] [--proxies NAME ...]

By owner: what the process itself holds (proportional set size, by pages of its
own and pages of files), its page tables, and what the kernel holds for both ends
of all connections (the growth of its slab, of the whole machine). nginx needs
Debian's nginx-light.
"""

import argparse
import pathlib
import resource
import socket
import sys
import time

sys.path.insert(0, __file__.rpartition("/")[0] + "/proxy")
import bench
import peers

REQUEST = b"GET /predict HTTP/1.1\r\nhost: churn.example\r\nx-customer-id: 7\r\n\r\n"


def asks(listen):
    """A connection that has carried a request."""
    client = socket.create_connection(("127.0.0.1", listen))
    client.sendall(REQUEST)
    read = b""
    while b"\r\n\r\n" not in read or not read.endswith(b'"}'):
        more = client.recv(4096)
        if not more:
            sys.exit("a connection was closed")
        read += more
    return client


def held(pid):
    """Bytes by owner."""
    of = bench.memory(pid)
    slab = pathlib.Path("/proc/meminfo").read_text().partition("Slab:")[2].split()[0]
    return {
        "all": of["Pss"],
        "own": of["Pss_Anon"],
        "files": of["Pss_File"] + of.get("Pss_Shmem", 0),
        "page tables": bench.status(pid, "VmPTE") * 1024,
        "kernel": int(slab) * 1024,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--proxies", nargs="+", choices=list(peers.PROXIES), default=["cutline", "minimal"])
    parser.add_argument("--no-build", action="store_true")
    args = parser.parse_args()
    bench.need(*({"nginx"} & set(args.proxies)))
    if not args.no_build:
        bench.build()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if most < args.connections + 100:
        sys.exit(f"{args.connections} connections need more open files than {most}: raise `ulimit -n`")
    owners = ["all", "own", "files", "page tables", "kernel"]
    rows = [["proxy", "PSS at none, MiB", f"at {args.connections:,} idle, MiB", *owners]]
    for name in args.proxies:
        with bench.Stack() as stack:
            upstreams = {side: stack.upstream(side)[0] for side in ("monolith", "candidate")}
            listen, process = peers.start(stack, name, "plain", upstreams, args.connections + 1_000)
            asks(listen).close()
            before = held(process.pid)
            clients = [asks(listen) for _ in range(args.connections)]
            time.sleep(args.seconds)
            after = held(process.pid)
            for client in clients:
                client.close()
            each = [(after[owner] - before[owner]) / args.connections for owner in owners]
            sizes = [f"{of['all'] / 2**20:.1f}" for of in (before, after)]
            rows.append([name, *sizes, *(f"{size:,.0f}" for size in each)])
    print("by owner: bytes per connection; all = own + files")
    print(bench.table(rows))


if __name__ == "__main__":
    main()
