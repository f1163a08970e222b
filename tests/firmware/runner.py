"""Runs the test functions of one module inside MicroPython: micropython runner.py MODULE [FUNCTION ...]

Prints `=RUN name` before and `=PASS name` or `=FAIL name` after each; a traceback stands before `=FAIL`.
"""

import asyncio
import gc
import sys

_DEADLINE_S = 60


def run(function):
    """Call a test; one that is `async` gets its own event loop and a deadline."""
    result = function()
    if hasattr(result, "send"):
        asyncio.new_event_loop()
        asyncio.run(asyncio.wait_for(result, _DEADLINE_S))


def main(module_name, wanted):
    module = __import__(module_name)
    for name in sorted(dir(module)):
        if not name.startswith("test_") or (wanted and name not in wanted):
            continue
        print("=RUN", name)
        gc.collect()
        try:
            run(getattr(module, name))
            print("=PASS", name)
        except BaseException as e:  # SystemExit too: a test must not end the others
            sys.print_exception(e)
            print("=FAIL", name)


main(sys.argv[1], sys.argv[2:])
