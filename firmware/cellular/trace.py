"""The device's own account of what it does: one JSON object a line on the console, marked with `@`.

A field engineer reads it on the REPL port, a rig reads it from the log. Never pass a secret.
"""

import json


def trace(ev, **fields):
    """Print event `ev` (a short name, snake_case) with its fields; numbers carry units in their names."""
    fields["ev"] = ev
    print("@%s\n" % json.dumps(fields), end="")  # one write, so that nothing comes between
