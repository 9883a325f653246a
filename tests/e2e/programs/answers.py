"""What a real client gets to see, and what of it must not depend on the way.

Each client is a function of method, URL, fields and body; none of them asks
twice by itself, none of them follows or unpacks anything.
"""

import collections
import os
import pathlib
import re
import ssl
import subprocess
import tempfile

import httpx
import requests

Answer = collections.namedtuple("Answer", "version status fields body")

AUTHORITY = os.environ.get("AUTHORITY")  # whose certificates count
# What belongs to a connection and not to the answer, and when it was given.
OF_THE_WAY = {"connection", "keep-alive", "transfer-encoding", "date", "via"}
# What two copies of the service that do the same do not say alike.
CLOCK = re.compile(rb'"(timings|seconds|trained_at)": *(\{[^}]*\}|"[^"]*"|[-+.\de]+)')


def by_requests(method, url, fields, body):
    with requests.Session() as session:
        session.trust_env = False
        session.verify = AUTHORITY or True
        answer = session.request(
            method, url, headers=fields, data=body, timeout=60, allow_redirects=False, stream=True
        )
        raw = answer.raw.read(decode_content=False)
        version = {10: "1.0", 11: "1.1"}[answer.raw.version]
        return Answer(version, answer.status_code, list(answer.raw.headers.items()), raw)


def by_httpx(**versions):
    verify = ssl.create_default_context(cafile=AUTHORITY) if AUTHORITY else True

    def ask(method, url, fields, body):
        with httpx.Client(trust_env=False, verify=verify, timeout=60, **versions) as client:
            with client.stream(method, url, headers=fields, content=body) as answer:
                raw = b"".join(answer.iter_raw())
            version = answer.http_version.removeprefix("HTTP/")
            return Answer(version, answer.status_code, answer.headers.multi_items(), raw)

    return ask


def by_curl(*options):
    def ask(method, url, fields, body):
        with tempfile.TemporaryDirectory() as folder:
            head, sent = pathlib.Path(folder, "head"), pathlib.Path(folder, "sent")
            command = ["curl", "-q", "--noproxy", "*", "-sS", "--max-time", "60", "-D", head, *options]
            command += ["--head"] if method == "HEAD" else ["-X", method]
            command += ["--cacert", AUTHORITY] if AUTHORITY else []
            for name, value in fields.items():
                command += ["-H", f"{name}: {value}"]
            if body is not None:
                sent.write_bytes(body)
                command += ["--data-binary", f"@{sent}"]
            said = subprocess.run([*command, url], capture_output=True, check=True)
            # The last head is the answer's; others came before it.
            last = head.read_bytes().decode("latin-1").strip().split("\r\n\r\n")[-1]
            raw = b"" if method == "HEAD" else said.stdout
        first, *lines = last.split("\r\n")
        version, status = first.split(" ")[:2]
        pairs = [tuple(line.split(": ", 1)) if ": " in line else (line.rstrip(":"), "") for line in lines]
        version = {"HTTP/2": "2"}.get(version, version.removeprefix("HTTP/"))
        return Answer(version, int(status), pairs, raw)

    return ask


CLIENTS = {
    # name: asks directly, asks the proxy, speaks to the proxy
    "requests": (by_requests, by_requests, "1.1"),
    "httpx": (by_httpx(), by_httpx(), "1.1"),
    "httpx-h2": (by_httpx(), by_httpx(http1=False, http2=True), "2"),
    "curl": (by_curl("--http1.1"), by_curl("--http1.1"), "1.1"),
    "curl-h2": (by_curl("--http1.1"), by_curl("--http2-prior-knowledge"), "2"),
}
TLS_CLIENTS = {
    "requests": (by_requests, by_requests, "1.1"),
    "httpx": (by_httpx(), by_httpx(), "1.1"),
    # Both are offered; ALPN chooses.
    "httpx-h2": (by_httpx(), by_httpx(http2=True), "2"),
    "curl": (by_curl("--http1.1"), by_curl("--http1.1"), "1.1"),
    "curl-h2": (by_curl("--http1.1"), by_curl("--http2"), "2"),
}


def told(answer):
    """The answer without what belongs to the way it took."""
    fields = [(name.lower(), value) for name, value in answer.fields]
    # Lines of one name keep their order.
    fields = sorted((field for field in fields if field[0] not in OF_THE_WAY), key=lambda field: field[0])
    body = CLOCK.sub(rb'"\1": -', answer.body)
    if body != answer.body:
        length = str(len(answer.body))
        fields = [(name, "right" if value == length else value) if name == "content-length" else (name, value)
                  for name, value in fields]
    return answer.status, fields, body


def differ(what, direct, proxied, version):
    """Prints what is not as it should be."""
    if told(direct) != told(proxied):
        print(what, *told(direct), "through the proxy:", *told(proxied), sep="\n  ")
    if proxied.version != version:
        print(f"{what}: HTTP/{proxied.version} and not {version}")
    passed = [value for name, value in proxied.fields if name.lower() == "via"]
    if passed != ["1.1 cutline"]:
        print(f"{what}: Via is {passed}")
