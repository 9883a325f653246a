"""Archives of runs."""

import io
import json
import zipfile

from .errors import HandoverError


def members_for(archive, run):
    data = archive and archive.read()
    if not data:
        raise HandoverError(f"the archive of the run {run} is not there: did the stage before end?")
    return members_of(data)


def members_of(data):
    if not data:
        return {}
    with zipfile.ZipFile(io.BytesIO(data)) as stored:
        return {name: stored.read(name) for name in stored.namelist()}


def joined(contents):
    """The members of several archives, of each thing the last that says it."""
    joined, told = {}, {}
    for members in map(members_of, contents):
        record = json.loads(members.pop("record.json", b"{}"))
        told.update(record.get("globals", {}))
        joined.update(members)
    joined["record.json"] = json.dumps({"globals": told}).encode()
    return joined


def archived(members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as stored:
        for name in sorted(members):
            # Always the same time, so that the same content is the same bytes.
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            stored.writestr(entry, members[name])
    return out.getvalue()


def named(record):
    """The members that a record names."""
    if isinstance(record, list):
        return {name for item in record for name in named(item)}
    if not isinstance(record, dict):
        return set()
    if "$" in record and "member" in record:
        return {record["member"]}
    return {name for item in record.values() for name in named(item)}
