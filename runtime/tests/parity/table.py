"""What pandas' `read_csv` makes of small CSV files: types, values, missing ones.

Made with pandas 2.2.3 and NumPy 2.1.3:

    python3 runtime/tests/parity/table.py > runtime/tests/parity/data/table.json

`float_precision="round_trip"`: numbers rounded correctly, as ours are; pandas'
default may be off in the last bit.
"""

import io
import json
import sys

import pandas

CASES = [
    "id,age,plan\n1,31,free\n2,45,pro\n",
    "id,age\n1,31\n2,\n3,NA\n",
    "x\n1\n2.5\n-3e-2\n",
    "x\n inf\n-Infinity\n1\n",
    "b\nTrue\nfalse\nTRUE\n",
    "m\nTrue\n1\n",
    "m\n1\na\n",
    "e,f\n,1\nNaN,2\n",
    "s\n\"a, b\"\n\"line\nbreak\"\n\"say \"\"hi\"\"\"\n",
    "a,a,,b\n1,2,3,4\n",
    "n\n 7 \n+8\n-9\n",
    "n\n007\n010\n",
    "d\n2024-01-01\n2024-02-29\n",
    "w\n#N/A\n1.#IND\n-nan\nnull\nNone\nn/a\n<NA>\n5\n",
    "k\n\"\"\n\"NA\"\nx\n",
    "l\nna\nNan\n",
    "x\n1.\n.5\n1e5\n",
    "x\n1e\n0x10\n1_000\n",
    "x\n9223372036854775807\n-9223372036854775808\n",
    "x\r\n1\r\n\r\n2\r\n",
    "x\n0.1\n2.2250738585072014e-308\n1.7976931348623157e308\n123456789.123456789\n",
    "\ufeffx,y\n1,\u00e4\n",
]
TYPES = {"int64": "Int64", "float64": "Float64", "bool": "Boolean", "object": "Utf8"}


def value(value):
    if pandas.isna(value):
        return None
    return repr(float(value)) if isinstance(value, float) else str(value)


def main():
    read = []
    for text in CASES:
        frame = pandas.read_csv(io.BytesIO(text.encode()), float_precision="round_trip")
        columns = [
            {"name": name, "type": TYPES[str(frame[name].dtype)], "values": [value(v) for v in frame[name]]}
            for name in frame.columns
        ]
        read.append({"csv": text, "columns": columns})
    json.dump(read, sys.stdout, indent=1)
    print()


main()
