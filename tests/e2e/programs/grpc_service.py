"""A gRPC server of one service whose messages are bytes."""

import queue
import sys
import threading
from concurrent import futures

import grpc

began = queue.Queue()  # of calls that wait
left = queue.Queue()  # of calls whose client did not wait for the end


def said(context):
    """What the client said of itself, back."""
    fields = sorted((name, value) for name, value in context.invocation_metadata() if name.startswith("churn-"))
    context.send_initial_metadata([("churn-first", "seen"), *fields])
    context.set_trailing_metadata([("churn-last-bin", b"\x00\xff\n"), ("churn-length", str(len(fields)))])


def say(request, context):
    said(context)
    return request


def fail(request, context):
    context.set_trailing_metadata([("churn-why-bin", request)])
    context.abort(grpc.StatusCode.NOT_FOUND, "no customer ü, 100 %\nat all")


def count(request, context):
    """So many answers; the last of them is an error if there are more than a thousand."""
    said(context)
    for n in range(int(request)):
        if n == 1000:
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "a thousand is enough")
        yield str(n).encode()


def add(requests, context):
    said(context)
    return str(sum(int(request) for request in requests)).encode()


def talk(requests, context):
    said(context)
    yield from requests


def wait(request, context):
    """Never answers; keeps whether a deadline came over, for later."""
    over = threading.Event()
    if not context.add_callback(over.set):
        over.set()
    given = context.time_remaining()
    began.put(None)
    over.wait()
    # Clocks and rounding may add to it; without a deadline it is years, or None.
    came = given is not None and given < float(request) + 10
    left.put(b"a deadline came" if came else b"no deadline came")
    return b""


def those_who_wait(request, context):
    """Answers once so many calls wait that nobody asked for before."""
    for _ in range(int(request)):
        began.get()
    return request


def those_who_left(request, context):
    """Answers once so many calls were left by their clients."""
    return b", ".join(left.get() for _ in range(int(request)))


def main():
    server = grpc.server(futures.ThreadPoolExecutor(8))
    methods = {
        "Say": grpc.unary_unary_rpc_method_handler(say),
        "Fail": grpc.unary_unary_rpc_method_handler(fail),
        "Count": grpc.unary_stream_rpc_method_handler(count),
        "Add": grpc.stream_unary_rpc_method_handler(add),
        "Talk": grpc.stream_stream_rpc_method_handler(talk),
        "Wait": grpc.unary_unary_rpc_method_handler(wait),
        "ThoseWhoWait": grpc.unary_unary_rpc_method_handler(those_who_wait),
        "ThoseWhoLeft": grpc.unary_unary_rpc_method_handler(those_who_left),
    }
    handler = grpc.method_handlers_generic_handler("churn.Echo", methods)
    server.add_generic_rpc_handlers([handler])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"listening on http://127.0.0.1:{port}", file=sys.stderr, flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
