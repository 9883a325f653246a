"""What is refused, and why."""


class HandoverError(BaseException):
    """What is missing, and what to do: no handler of the monolith's should catch it."""


class Refused(Exception):
    """A HandoverError, as the host is told of it: it reports no other kind of error."""


def told(work):
    """Once the monolith is left, what is refused is an error like any other."""

    def telling(*args, **kwargs):
        try:
            return work(*args, **kwargs)
        except HandoverError as error:
            raise Refused(str(error)) from error

    return telling
