"""A real Azurite for measurements: started, and stopped with the program.

    npm install azurite@3.37.0
"""

import base64
import hashlib
import hmac
import os
import re
import subprocess
import urllib.parse
import urllib.request

KEY = base64.b64encode(b"a key for a measurement").decode()


def azurite(program, accounts):
    """The process, and where its services are."""
    flags = ["--blobPort", "0", "--queuePort", "0", "--tablePort", "0", "--silent"]
    flags += ["--skipApiVersionCheck", "--disableTelemetry", "--inMemoryPersistence"]
    environment = {**os.environ, "AZURITE_ACCOUNTS": ";".join(f"{account}:{KEY}" for account in accounts)}
    process = subprocess.Popen(["node", program, *flags], stdout=subprocess.PIPE, text=True, env=environment)
    places = {}
    for line in process.stdout:
        found = re.match(r"Azurite (\w+) service is successfully listening at http://(\S+)", line)
        if found:
            places[found[1]] = found[2]
        if len(places) == 3:
            return process, places
    raise SystemExit("Azurite does not say where it listens")


def put(places, account, path, query="", data=b"", **headers):
    """A container (query "restype=container"), or a blob."""
    url = f"http://{places['Blob']}/{account}/{path}?{query}&{sas(account)}"
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, method="PUT", data=data, headers=headers)
    urllib.request.urlopen(request).read()


def sas(account):
    """An account SAS of version 2020-12-06."""
    until, version = "2999-01-01T00:00:00Z", "2020-12-06"
    signed = f"{account}\nrwdlacup\nbq\nsco\n\n{until}\n\nhttps,http\n{version}\n\n"
    digest = hmac.new(base64.b64decode(KEY), signed.encode(), hashlib.sha256).digest()
    signature = urllib.parse.quote(base64.b64encode(digest).decode(), safe="")
    return f"sv={version}&ss=bq&srt=sco&sp=rwdlacup&se={until}&spr=https,http&sig={signature}"
