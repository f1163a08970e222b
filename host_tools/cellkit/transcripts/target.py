# mypy: ignore-errors
"""Runs inside MicroPython: what the firmware's parser and channel make of exchanges.

    micropython target.py INPUT OUTPUT

INPUT: one JSON object a line. The first has `identity`, what the module says of itself, by which the firmware finds its
profile; each other has `steps`, a list of [command or null, [reads as hex]]. OUTPUT: one JSON object for each of these.
"""

import json
import sys
from binascii import hexlify, unhexlify

from cellular.at import parser as _p
from cellular.at.channel import Channel
from cellular.modem import loader
from cellular.modem.modem import Modem

_CONNECT = b"CONNECT"
_NO_MAKE = "cellkit generic"  # speaks the standard, as `base`
_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"


class _NoPort:
    """A serial line that is never read by itself: reads are put into the parser one by one."""

    def write(self, data):
        return len(data)


class Listener(Channel):
    """The channel, told what is sent, and asked what it makes of each line."""

    def __init__(self):
        super().__init__(_NoPort())
        self._names = []

    def sends(self, command):
        """A command is on its way; whatever it asks for may come."""
        self.found["final"] = "none"
        self._names = [name for name in [_name(part) for part in _parts(command)] if name]
        self._begin(command, self._names[0] if self._names else b"", None, 60000)
        self.parser.prompt = 64 if b"@" in self.prompts else 62

    def starts(self):
        """Nothing is known yet."""
        self.found = {"final": "none", "error": None, "response": [], "urcs": [], "data": "", "unknown": []}
        self._cmd = None
        self._prefix = None
        self._final = 0
        self._names = []
        self._unanswered = 0
        self._drop()

    def _event(self, kind, a, b):
        if kind == _p.DATA:
            self.found["data"] += hexlify(bytes(self.parser.buf[a:b])).decode()
        elif kind == _p.PROMPT:
            self.found["final"] = "prompt"
        self._start = a
        super()._event(kind, a, b)

    def _line(self, a, b):
        buf, found = self.parser.buf, self.found
        line = self._bytes(a, b)
        if line == _CONNECT or line.startswith(b"CONNECT ") and line[8:].isdigit():
            found["final"] = "connect"
            return
        for prompt in self.prompts:
            if line == prompt:
                found["final"] = "prompt"
                return
        for name in self._names:
            end = a + len(name)
            if self._final and buf.startswith(name, a) and (end >= b or buf[end] not in _LETTERS):
                self._expect(a, b, True)  # the result of the command, behind its OK
                found["response"].append(_text(line))
                return
        self._known = self.unknown
        super()._line(a, b)

    def _answer(self, a, b):
        self.found["response"].append(_text(self._bytes(self._start, b)))

    def _result(self, kind, a, b):
        found = self.found
        found["final"] = "ok" if kind == _p.FINAL_OK else "error"
        text = _text(self._bytes(a, b))
        if kind == _p.FINAL_OK:
            if text != "OK":
                found["response"].append(text)
            found["error"] = None
        else:
            found["error"] = _error(text)
        super()._result(kind, a, b)

    def _urc(self, a, b):
        line = _text(self._bytes(a, b))
        if self.unknown == self._known:
            self.found["urcs"].append(line)
        elif self._cmd is not None and not self._final:
            self.found["response"].append(line)
        else:
            self.found["unknown"].append(line)

    def _restart(self):
        self.found["urcs"].append(_text(self._bytes(self._start, self._start + len(self._banner()))))
        super()._restart()

    def _banner(self):
        for banner in self.banners:
            if self.parser.buf.startswith(banner, self._start):
                return banner
        return b""

    def _piece(self, a, b):
        line, is_answer = self._body_line, self._body_answer
        super()._piece(a, b)
        if self._body is None and not is_answer:
            self.found["urcs"].append(_text(line))

    def feed(self, data):
        """One read."""
        parser = self.parser
        while data:
            room = parser.room()
            n = min(len(room), len(data))
            room[:n] = data[:n]
            parser.feed(n)
            data = data[n:]


def _text(line):
    return "".join([chr(c) for c in line])


def _parts(command):
    """The commands of a line: `AT+CIMI;+CGSN=1` has two, and each may have an OK of its own."""
    parts = command.split(b";")
    return parts[:1] + [b"AT" + part for part in parts[1:]]


def _name(command):
    """`+CSQ` of `AT+CSQ?`: what its answer lines begin with; empty where it has no name of its own."""
    if command[:2].upper() != b"AT" or command[2:3] not in (b"+", b"#", b"%", b"^", b"*", b"$"):
        return b""
    end = 3
    while end < len(command) and command[end] in _LETTERS:
        end += 1
    return command[2:end].upper()


def _error(text):
    for kind in ("CME", "CMS"):
        if text.startswith("+" + kind + " ERROR"):
            value = text[text.find(":") + 1 :].strip()
            number = value.isdigit()
            return {"type": kind, "code": int(value) if number else None, "text": None if number else value}
    return {"type": text, "code": None, "text": None}


def main(source, target):
    listener = Listener()
    modem = Modem(_NoPort())
    modem.channel = listener
    with open(source) as lines, open(target, "w") as out:
        for line in lines:
            entry = json.loads(line)
            if "identity" in entry:
                profile = loader.find(entry["identity"].encode())
                if profile is None and entry["identity"].startswith(_NO_MAKE):
                    profile = loader.load("base")
                if profile is None:
                    raise SystemExit("no profile for " + entry["identity"])
                modem.use(profile)
                continue
            listener.starts()
            for command, reads in entry["steps"]:
                if command is not None:
                    listener.sends(unhexlify(command))
                for read in reads:
                    listener.feed(unhexlify(read))
            listener.feed(b"\r\n")
            out.write(json.dumps(listener.found) + "\n")


main(sys.argv[1], sys.argv[2])
