"""A WebSocket server that says back what it is told."""

import sys

from websockets.sync.server import serve


def talk(socket):
    for message in socket:
        match message:
            case "close":
                socket.close(4001, "as you wish")
            case "ping":
                # Waits for the pong, which has to pass the other way.
                socket.ping(b"are you there").wait()
                socket.send("you are there")
            case "who":
                socket.send(socket.request.headers.get("x-customer-id", "nobody"))
            case _:
                socket.send(message)


def refuse(socket, request):
    if request.path.startswith("/chat/closed"):
        return socket.respond(403, "not for you\n")
    return None


if __name__ == "__main__":
    with serve(
        talk, "127.0.0.1", 0, process_request=refuse, subprotocols=["chat.v2", "chat.v1"], max_size=None
    ) as server:
        port = server.socket.getsockname()[1]
        print(f"listening on http://127.0.0.1:{port}", file=sys.stderr, flush=True)
        server.serve_forever()
