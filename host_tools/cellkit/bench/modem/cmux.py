"""The multiplexer of TS 27.010, basic option: frames on the serial line, an AT port in each channel.

All channels share one command interpreter: an answer goes to the channel that asked, URCs to the lowest one open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cellkit.bench.modem.family import Handler, Reply
from cellkit.bench.modem.v250 import Command, MeFault

if TYPE_CHECKING:
    from cellkit.bench.modem.plain import PlainModem

_FLAG, _PF, _COMMAND = 0xF9, 0x10, 0x02
_SABM, _UA, _DM, _DISC, _UIH, _UI = 0x2F, 0x63, 0x0F, 0x43, 0xEF, 0x03
_KINDS = frozenset({_SABM, _UA, _DM, _DISC, _UIH, _UI})
_MSC, _CLOSE_DOWN = 0xE1, 0xC1  # message types on channel 0, without the command bit
_READY = 0x0D  # signals of an MSC: ready to communicate, ready to receive
_NOT_SUPPORTED = 4
_SHORT = 127  # bytes that one length octet can tell


def fcs(data: bytes) -> int:
    """Frame check sequence, TS 27.010 5.2.1.6: the CRC x^8 + x^2 + x + 1, reversed."""
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xE0 if crc & 1 else crc >> 1
    return 0xFF - crc


def frame(address: int, control: int, data: bytes = b"") -> bytes:
    """One frame with both flags; the check covers no information in UIH frames."""
    size = len(data)
    length = bytes([size << 1 | 1]) if size <= _SHORT else bytes([(size << 1) & 0xFE, size >> 7])
    head = bytes([address, control]) + length
    covered = head if control & ~_PF == _UIH else head + data
    return bytes([_FLAG]) + head + data + bytes([fcs(covered), _FLAG])


class Cmux:
    """The multiplexer of one modem. Class attributes say what differs between families."""

    answers = 1
    """How often a UA for an AT channel is sent."""
    sends_msc = True
    """Whether an MSC command follows the UA of an AT channel."""
    greeting = b""
    """What an AT channel says as soon as it is open."""
    frame_bytes = 127
    """N1, the most information in a frame that is sent."""
    channels = 4

    def __init__(self, modem: PlainModem) -> None:
        self._modem = modem
        self.active = False
        self._open: list[int] = []
        self._asking = 0
        self._heard = bytearray()
        modem.at_reset.append(self.stop)

    def handlers(self) -> dict[str, Handler]:
        """AT+CMUX."""
        return {"+CMUX": self._cmux}

    def _cmux(self, command: Command) -> Reply:
        standard = self._modem.standard
        if command.op == "test":
            return Reply([standard.line("+CMUX", "(0)", "(0)", "(1-8)", f"(1-{self.frame_bytes})")])
        if command.op == "read":
            return Reply([standard.line("+CMUX", 0, 0, 5, self.frame_bytes)])
        if command.integer(0, 0, 1, default=0) or command.integer(1, 0, 2, default=0):
            raise MeFault(_NOT_SUPPORTED)
        return Reply(after=self.start)

    def start(self) -> None:
        """From now on the line carries frames."""
        self.active = True
        self._open.clear()
        self._heard.clear()

    def stop(self) -> None:
        """The line carries plain commands again."""
        self.active = False

    # Both directions

    def received(self, data: bytes) -> bytes:
        """Frames from the host; gives the characters of AT channels in them. What is no valid frame is dropped."""
        typed = bytearray()
        self._heard += data
        while self.active:
            found = self._next()
            if found is None:
                break
            typed += self._frame(*found)
        return bytes(typed)

    @property
    def channel(self) -> int | None:
        """Where the interpreter speaks; None while no channel is open."""
        if not self._open:
            return None
        return self._asking if self._asking in self._open else min(self._open)

    def wrapped(self, data: bytes) -> bytes:
        """What the interpreter says, as frames; nothing while no channel is open."""
        channel = self.channel
        if channel is None:
            return b""
        pieces = [data[at:at + self.frame_bytes] for at in range(0, len(data), self.frame_bytes)]
        return b"".join(frame(channel << 2 | _COMMAND | 1, _UIH, piece) for piece in pieces)

    def _next(self) -> tuple[int, int, bytes] | None:
        heard = self._heard
        while True:
            start = heard.find(_FLAG)
            if start < 0:
                heard.clear()
                return None
            del heard[:start]
            while heard[1:2] == bytes([_FLAG]):  # one flag may end a frame and begin the next, or only keep awake
                del heard[0]
            if len(heard) < 4:
                return None
            if not heard[1] & 1 or heard[2] & ~_PF not in _KINDS:
                del heard[0]
                continue
            size, body = heard[3] >> 1, 4
            if not heard[3] & 1:
                if len(heard) < 5:
                    return None
                size, body = size | heard[4] << 7, 5
            end = body + size
            if len(heard) < end + 2:
                return None
            address, control, data = heard[1], heard[2], bytes(heard[body:end])
            covered = bytes(heard[1:body]) if control & ~_PF == _UIH else bytes(heard[1:end])
            if heard[end] == fcs(covered) and heard[end + 1] == _FLAG:
                del heard[:end + 1]
                return address, control & ~_PF, data
            del heard[0]

    def _frame(self, address: int, kind: int, data: bytes) -> bytes:
        channel = address >> 2
        if kind == _SABM and channel <= self.channels:
            self._opened(channel)
        elif kind == _DISC and (channel in self._open or channel == 0):
            self._say(channel << 2 | _COMMAND | 1, _UA | _PF)
            self._closed(channel)
        elif kind in (_SABM, _DISC):
            self._say(channel << 2 | _COMMAND | 1, _DM | _PF)
        elif kind in (_UIH, _UI) and channel == 0:
            self._control(data)
        elif kind in (_UIH, _UI) and channel in self._open:
            self._asking = channel
            return data
        return b""

    def _opened(self, channel: int) -> None:
        for _ in range(self.answers if channel else 1):
            self._say(channel << 2 | _COMMAND | 1, _UA | _PF)
        if channel and channel not in self._open:
            self._open.append(channel)
            if self.sends_msc:
                self._say(1, _UIH, bytes([_MSC | _COMMAND, 2 << 1 | 1, channel << 2 | 3, _READY]))
            if self.greeting:
                self._say(channel << 2 | _COMMAND | 1, _UIH, self.greeting)

    def _closed(self, channel: int) -> None:
        if channel == 0:
            self.stop()
        else:
            self._open.remove(channel)

    def _control(self, data: bytes) -> None:
        if not data or not data[0] & _COMMAND:
            return  # the answer to our MSC
        self._say(1, _UIH, bytes([data[0] & ~_COMMAND]) + data[1:])
        if data[0] & ~_COMMAND == _CLOSE_DOWN:
            self.stop()

    def _say(self, address: int, control: int, data: bytes = b"") -> None:
        self._modem.send_frame(frame(address, control, data))
