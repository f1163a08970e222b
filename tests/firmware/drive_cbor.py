"""For host tests: `write` prints as hex what the writer makes of JSON values, a line each; `read` does the reverse.

micropython drive_cbor.py write|read < lines
"""

import json
import sys
from binascii import hexlify, unhexlify

from cellular.services.cbor import Writer, decode


def write(w, value):
    if value is None:
        w.null()
    elif isinstance(value, bool):
        w.bool(value)
    elif isinstance(value, str):
        w.text(value)
    elif isinstance(value, list):
        w.array(len(value))
        for item in value:
            write(w, item)
    elif isinstance(value, dict):
        w.map(len(value))
        for key in sorted(value):
            w.text(key)
            write(w, value[key])
    else:
        w.number(value)


writer = Writer(bytearray(2000))
for line in sys.stdin:
    if sys.argv[1] == "write":
        writer.pos = 0
        write(writer, json.loads(line))
        print(hexlify(writer.view()).decode())
    else:
        print(json.dumps(decode(unhexlify(line.strip()))))
