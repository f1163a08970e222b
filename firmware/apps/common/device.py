"""The chip that an app runs on: who it is, why it started, and its inputs."""

import sys

import machine
from machine import Pin


def cause():
    """Of the start: "power_on", "watchdog", "deepsleep" or "reset"."""
    number = machine.reset_cause()
    for known, name in (
        (machine.PWRON_RESET, "power_on"),
        (machine.WDT_RESET, "watchdog"),
        (machine.DEEPSLEEP_RESET, "deepsleep"),
    ):
        if number == known:
            return name
    return "reset"


def base_name(unique_id):
    """The device's name, `urn:dev:mac:` and an EUI-64 (RFC 9039), from the chip's unique id: it outlives the modem.

    An EUI-48 is widened with fffe; ids of other lengths are hashed into the locally administered range.
    """
    if len(unique_id) == 6:
        unique_id = unique_id[:3] + b"\xff\xfe" + unique_id[3:]
    elif len(unique_id) != 8:
        from hashlib import sha256

        digest = sha256(unique_id).digest()
        unique_id = bytes([digest[0] & 0xFC | 2]) + digest[1:8]
    return "urn:dev:mac:%s:" % "".join("%02x" % b for b in unique_id)


def runtime():
    """What the firmware runs in, for the trace event `boot`."""
    implementation = sys.implementation
    version = ".".join(str(n) for n in implementation.version[:3])
    return {"implementation": implementation.name, "version": version, "platform": sys.platform}


def rtc():
    """The RTC if it has memory that outlives a reset, else None."""
    rtc = machine.RTC()
    return rtc if hasattr(rtc, "memory") else None


def wake_input(pin, pull, handler, edges):
    """Input `pin` (an id of board.py, or None) whose `edges` wake the CPU from light sleep and call `handler(pin)`."""
    if pin is None:
        return NoPin()
    pin = Pin(pin, Pin.IN, pull)
    pin.irq(handler, edges, wake=machine.SLEEP)
    return pin


class NoPin:
    """A pin that the board does not have; as an input it is never active."""

    def value(self, x=None):
        return 1
