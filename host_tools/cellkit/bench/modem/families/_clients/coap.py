"""Messages of RFC 7252, as far as clients inside modules need them."""

from __future__ import annotations


def option(before: int, number: int, value: bytes) -> bytes:
    """One option of RFC 7252 behind option `before`."""

    def nibble(count: int) -> tuple[int, bytes]:
        if count < 13:
            return count, b""
        return (13, bytes([count - 13])) if count < 269 else (14, (count - 269).to_bytes(2))

    delta, more = nibble(number - before)
    size, longer = nibble(len(value))
    return bytes([delta << 4 | size]) + more + longer + value


def payload_of(message: bytes) -> tuple[int, bytes]:
    """Code and payload of a message of RFC 7252; its options are passed over. Raises ValueError."""
    if len(message) < 4 or message[0] >> 6 != 1:
        raise ValueError("not CoAP")
    rest = message[4 + (message[0] & 15):]
    while rest and rest[0] != 0xFF:
        delta, size = rest[0] >> 4, rest[0] & 15
        rest = rest[1:]
        rest = rest[{13: 1, 14: 2}.get(delta, 0):]
        if size >= 13:
            extra = 1 if size == 13 else 2
            size = int.from_bytes(rest[:extra]) + (13 if size == 13 else 269)
            rest = rest[extra:]
        rest = rest[size:]
    return message[1], rest[1:]
