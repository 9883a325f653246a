"""Calls the gRPC server directly and through the proxy, and prints what
differs; asked of one address alone, prints how a single call ends. A client
does not ask twice: retries are off.

    grpc_client.py [DIRECT] PROXIED
"""

import os
import pathlib
import sys
import threading

import grpc

LONG = bytes(range(256)) * 12_000
METADATA = [("churn-customer-id", "7"), ("churn-trace-bin", b"\x00\xff\x10"), ("churn-two", "a"), ("churn-two", "b")]
OPTIONS = [("grpc.enable_retries", 0), ("grpc.enable_http_proxy", 0)]


def channel(to):
    scheme, authority = to.split("://")
    if scheme == "http":
        return grpc.insecure_channel(authority, OPTIONS)
    believed = pathlib.Path(os.environ["AUTHORITY"]).read_bytes()
    return grpc.secure_channel(authority, grpc.ssl_channel_credentials(believed), OPTIONS)


def own(metadata):
    """What the service said, without Date and Via."""
    return sorted((name, value) for name, value in metadata if name.startswith("churn-"))


def ended(call):
    """What the server said beside its messages."""
    return own(call.initial_metadata()), own(call.trailing_metadata()), call.code(), call.details()


def heard(to):
    """All that a client gets to see."""
    with channel(to) as open_channel:
        def method(name, kind="unary_unary"):
            return getattr(open_channel, kind)(f"/churn.Echo/{name}")

        patient = {"timeout": 60, "metadata": METADATA}
        for message in (b"hello", b"", LONG):
            answer, call = method("Say").with_call(message, **patient)
            yield answer, ended(call)
        for name in ("Fail", "Unknown"):
            try:
                method(name)(b"\x01\x02", **patient)
            except grpc.RpcError as failed:
                yield name, ended(failed)

        for n in (b"0", b"999"):
            call = method("Count", "unary_stream")(n, **patient)
            yield list(call), ended(call)
        call = method("Count", "unary_stream")(b"2000", **patient)
        numbers = []
        try:
            for number in call:
                numbers.append(number)
        except grpc.RpcError as failed:
            yield numbers, ended(failed)

        numbers = (str(n).encode() for n in range(500))
        answer, call = method("Add", "stream_unary").with_call(numbers, **patient)
        yield answer, ended(call)
        yield list(conversation(method("Talk", "stream_stream"), patient))
        yield from left(method)


def conversation(talk, patient):
    """Each message is sent only once the one before it was answered."""
    answered = threading.Semaphore(0)

    def messages():
        for n in range(50):
            yield str(n).encode()
            answered.acquire()

    call = talk(messages(), **patient)
    for answer in call:
        yield answer
        answered.release()
    yield ended(call)


def left(method):
    """Calls that the client does not wait for: the server gets to know."""
    try:
        method("Wait")(b"2", timeout=2)
    except grpc.RpcError as failed:
        # The words beside it are the client's own, and depend on who ended it first.
        yield failed.code()
    call = method("Wait").future(b"60", timeout=60)
    yield method("ThoseWhoLeft")(b"1", timeout=60)
    # One that the server has not heard of would leave no trace.
    method("ThoseWhoWait")(b"2", timeout=60)
    call.cancel()
    yield call.code()
    yield method("ThoseWhoLeft")(b"1", timeout=60)


def single(to):
    """How a single call ends."""
    with channel(to) as open_channel:
        say = open_channel.unary_unary("/churn.Echo/Say")
        return say.future(b"", timeout=60).code().name


def main():
    if len(sys.argv) == 2:
        print(single(sys.argv[1]))
        return
    direct, proxied = (list(heard(to)) for to in sys.argv[1:])
    for one, other in zip(direct, proxied, strict=True):
        if one != other:
            print(repr(one)[:500], "through the proxy:", repr(other)[:500], sep="\n  ")


if __name__ == "__main__":
    main()
