"""Reads a dashboard with Grafana's own models and writes it again; prints what
is lost on the way, a line per field: a name that Grafana does not know."""

import json
import sys

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard


def lost(path, said, read):
    """Fields that are in one and not, or otherwise, in the other."""
    if isinstance(said, dict) and isinstance(read, dict):
        for name, value in said.items():
            if name in read:
                yield from lost(f"{path}/{name}", value, read[name])
            else:
                yield f"{path}/{name} is lost"
    elif isinstance(said, list) and isinstance(read, list) and len(said) == len(read):
        for n, (one, other) in enumerate(zip(said, read)):
            yield from lost(f"{path}/{n}", one, other)
    elif said != read:
        yield f"{path}: {said!r} is read as {read!r}"


register_default_plugins()
said = json.load(sys.stdin)
read = json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(said)))
for line in lost("", said, read):
    print(line)
