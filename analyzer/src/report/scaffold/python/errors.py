"""What is refused, and why."""


class HandoverError(Exception):
    """What is missing, and what to do."""
