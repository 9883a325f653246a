"""Talks to the WebSocket server directly and through the proxy, and prints
what differs.

    websocket_client.py DIRECT PROXIED
"""

import sys

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

LONG = bytes(range(256)) * 8192


def heard(to):
    """All that a client gets to see."""
    url = to.replace("http", "ws", 1) + "/chat"
    options = {"proxy": None, "open_timeout": 60, "close_timeout": 60, "max_size": None}
    with connect(
        url, subprotocols=["chat.v1", "chat.v2"], additional_headers={"x-customer-id": "7"}, **options
    ) as socket:
        yield "subprotocol", socket.subprotocol
        yield "extensions", socket.response.headers.get("sec-websocket-extensions")
        for message in ("hello", "ü" * 70_000, b"\x00\xff", LONG, "", "ping", "who"):
            socket.send(message)
            yield socket.recv(timeout=60)
        # A message in pieces, and its answer's pieces.
        socket.send(part for part in ("one ", "two ", "three"))
        yield list(socket.recv_streaming())
        # The other direction's ping.
        yield "pong", socket.ping(b"me too").wait(60)
        # Many at once, before the first is read.
        for n in range(500):
            socket.send(str(n))
        yield [socket.recv(timeout=60) for _ in range(500)]
        socket.send("close")
        try:
            socket.recv(timeout=60)
        except ConnectionClosed as closed:
            yield "closed", closed.rcvd.code, closed.rcvd.reason
    with connect(url, compression=None, subprotocols=["chat.v2"], **options) as socket:
        yield "uncompressed", socket.response.headers.get("sec-websocket-extensions")
        socket.send(LONG)
        yield socket.recv(timeout=60)
    try:
        connect(url + "/closed", subprotocols=["chat.v2"], **options)
    except InvalidStatus as refused:
        yield refused.response.status_code, refused.response.body
    try:
        connect(url, **options)
    except InvalidStatus as refused:
        yield "no subprotocol", refused.response.status_code, refused.response.body


def main():
    direct, proxied = (list(heard(to)) for to in sys.argv[1:])
    for one, other in zip(direct, proxied, strict=True):
        if one != other:
            print(repr(one)[:200], "through the proxy:", repr(other)[:200], sep="\n  ")


if __name__ == "__main__":
    main()
