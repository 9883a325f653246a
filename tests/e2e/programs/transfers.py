"""Uploads, ranges, conditions and streams: the same through the proxy as
without it. Prints what differs.

    transfers.py DIRECT PROXIED FILE
"""

import hashlib
import pathlib
import subprocess
import sys

import answers
import httpx

BYTES = {"content-type": "application/octet-stream"}


def main():
    direct, proxied, file = sys.argv[1:]
    body = pathlib.Path(file).read_bytes()
    for name, (ask_directly, ask_proxy, version) in answers.CLIENTS.items():
        path = f"/files/{pathlib.Path(file).name}"

        def same(method, path, fields, body=None):
            one = ask_directly(method, direct + path, fields, body)
            other = ask_proxy(method, proxied + path, fields, body)
            answers.differ(f"{name}: {method} {path} {fields}", one, other, version)
            return other

        whole = same("GET", path, {})
        etag = next(value for field, value in whole.fields if field.lower() == "etag")
        part = same("GET", path, {"range": "bytes=1000-1999"})
        if (whole.body, part.status, part.body) != (body, 206, body[1000:2000]):
            print(f"{name}: the file is not what was asked for")
        same("HEAD", path, {})
        same("GET", path, {"range": "bytes=-1"})
        same("GET", path, {"range": f"bytes={len(body)}-"})
        same("GET", path, {"range": "bytes=0-9", "if-range": '"another"'})
        same("GET", path, {"if-none-match": etag})
        same("POST", "/digest", BYTES, body)
        same("POST", "/digest", BYTES, b"")
    by_curl_alone(direct, proxied, body)
    for versions in ({}, {"http1": False, "http2": True}):
        events(direct, {})
        events(proxied, versions)


def by_curl_alone(direct, proxied, body):
    """Chunked, and asked whether to go on, as only curl says it."""
    sha = hashlib.sha256(body).hexdigest().encode()
    for fields in ({"transfer-encoding": "chunked"}, {"expect": "100-continue"}):
        ask = answers.by_curl("--http1.1", "--expect100-timeout", "60")
        one, other = (ask("POST", to + "/digest", {**BYTES, **fields}, body) for to in (direct, proxied))
        answers.differ(f"curl: POST /digest {fields}", one, other, "1.1")
        coding = fields.get("transfer-encoding", "none").encode()
        if sha not in other.body or coding not in other.body:
            print(f"curl {fields}: {other.body}")
    for to in (direct, proxied):
        command = ["curl", "-q", "--noproxy", "*", "-sS", "-v", "--http1.1", "--expect100-timeout", "60"]
        command += ["-H", "expect: 100-continue", "--data-binary", "@-", to + "/digest"]
        said = subprocess.run(command, input=body, capture_output=True, check=True)
        if b"< HTTP/1.1 100 Continue" not in said.stderr or sha not in said.stdout:
            print("nobody said to go on", to, said.stderr.decode("latin-1"), sep="\n")


def events(to, versions):
    """Each event arrives before the next one is sent: nothing is gathered."""
    with httpx.Client(trust_env=False, timeout=60, **versions) as client:
        with client.stream("GET", to + "/events") as answer:
            lines = (line for line in answer.iter_lines() if line and not line.startswith(":"))
            for n in range(5):
                client.post(to + "/event", content=f"event {n}")
                if (line := next(lines)) != f"data: event {n}":
                    print(f"{to}: {line} in place of event {n}")
            client.post(to + "/event", content="last")
            if rest := list(lines):
                print(f"{to}: {rest} after the last event")


if __name__ == "__main__":
    main()
