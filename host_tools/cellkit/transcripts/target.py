"""Runs inside MicroPython: what the firmware's parser and channel make of each exchange that is read from a file.

    micropython target.py INPUT OUTPUT

INPUT: one JSON object a line, the first with `identity` (the module's answer to ATI, for the profile), then one an
exchange: `steps`, a list of [command or null, [reads as hex]]. OUTPUT: one JSON object a line and exchange.
"""

import json
import sys
from binascii import hexlify, unhexlify

from cellular.at import parser as _p
from cellular.modem.loader import find
from cellular.modem.modem import Modem

_KINDS = {_p.FINAL_OK: "ok", _p.FINAL_ERROR: "error", _p.FINAL_NO_CARRIER: "error"}


class _Line:
    """A serial line that is never read by itself: the reads are put into the parser."""

    def write(self, data):
        return len(data)


class Listener:
    """One modem's channel, and what it tells."""

    def __init__(self, identity):
        self.modem = Modem(_Line())
        self.modem.use(find(identity))
        ch = self.channel = self.modem.channel
        ch.on_urc = self._urc
        ch.on_data = self._data
        ch.on_reset = None
        self._unknown = 0

    def begin(self, command):
        """A command is sent."""
        ch = self.channel
        self._lines()
        if ch._cmd is not None:
            ch._leave_unlocked()
        ch.listen(command)

    def exchange(self, steps):
        found = {"final": "none", "error": None, "response": [], "urcs": [], "data": "", "unknown": []}
        self.found = found
        for command, reads in steps:
            if command is not None:
                self.channel.listen(command.encode())
            for read in reads:
                self._feed(unhexlify(read))
        return found

    def _feed(self, data):
        parser = self.channel.parser
        while data:
            room = parser.room()
            n = min(len(room), len(data))
            room[:n] = data[:n]
            parser.feed(n)
            data = data[n:]
